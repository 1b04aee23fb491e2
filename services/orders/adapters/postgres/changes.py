"""One transaction on orders: lock, change in the domain, write what differs, tell it by the outbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from chassis import outbox, requests
from chassis.envelope import OutboxEvent
from chassis.ids import new_id
from chassis.postgres import Connection, after_commit
from chassis.sql import load
from chassis.telemetry import current_traceparent, within
from services.orders.adapters import figures
from services.orders.adapters.nats.events import events_of
from services.orders.adapters.postgres.rows import (
    address_json,
    holds_json,
    orders_of,
    part_lines_json,
    part_supply_columns,
    work_json,
)
from services.orders.domain import facts
from services.orders.domain.capacity import Work, still_taken
from services.orders.domain.facts import Part
from services.orders.domain.lines import Spot
from services.orders.domain.order import Order
from services.orders.domain.states import UnitState
from services.orders.usecases.ports import Cancellation, Case, CaseUnits, Decided, PaymentTask

if TYPE_CHECKING:
    from services.orders.adapters.postgres.capacity import CapacityBook

sql = load("services.orders.adapters.postgres")

Announce = Callable[[Sequence[OutboxEvent], Sequence[str]], None]
"""Told after the commit: the events, and the ids of the orders that changed."""

_LOCK_REQUEST = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"


async def read_whole(conn: Connection, order_ids: Sequence[str], *, lock: bool) -> dict[str, Order]:
    """Whole orders by id; with `lock`, nobody else changes them until the transaction ends."""
    ids = sorted(set(order_ids))
    rows = await conn.fetch(sql.lock_orders if lock else sql.read_orders, ids)
    if not rows:
        return {}
    found = [row["order_id"] for row in rows]
    return orders_of(
        rows,
        await conn.fetch(sql.read_lines, found),
        await conn.fetch(sql.read_units, found),
        await conn.fetch(sql.read_parts, found),
        await conn.fetch(sql.read_messages, found),
    )


@dataclass(slots=True)
class _Before:
    attempts: int
    units: dict[Spot, int]
    parts: frozenset[str]
    done: frozenset[str]
    expected: dict[str, datetime | None]
    messages: int
    lines: dict[int, tuple[object, ...]]
    kept: bool | None

    @classmethod
    def of(cls, order: Order) -> _Before:
        return cls(
            order.attempts,
            dict(order.units),
            frozenset(order.parts),
            frozenset(name for name, part in order.parts.items() if part.done_time is not None),
            {name: part.expected_at for name, part in order.parts.items() if part.supply_id},
            len(order.messages),
            {n: _settled(order, n) for n in order.lines},
            order.kept,
        )


def _settled(order: Order, line_number: int) -> tuple[int, str, int, int, int]:
    line = order.lines[line_number]
    return (
        int(line.method),
        line.pickup_location_id,
        line.captured_minor,
        line.voided_minor,
        line.refunded_minor,
    )


class OrderTx:
    """See `usecases.ports.Tx`."""

    def __init__(
        self,
        conn: Connection,
        now: datetime,
        capacity: CapacityBook,
        traceparents: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        self.conn = conn
        self._traceparents = traceparents
        self._capacity = capacity
        self.now = now
        self.orders: dict[str, Order] = {}
        self._before: dict[str, _Before] = {}
        self._decided: list[tuple[str, Decided]] = []
        self._answers: list[tuple[str, bytes, Callable[[], bytes]]] = []

    async def lock(self, order_ids: Sequence[str]) -> None:
        """Lock and load these orders; once per transaction, so that the order of locks is the order of
        ids.
        """
        self.orders = await read_whole(self.conn, order_ids, lock=True)
        self._before = {order_id: _Before.of(order) for order_id, order in self.orders.items()}

    def keep(self, order_id: str, decided: Decided) -> None:
        """Keep a decision with its order."""
        self._decided.append((order_id, decided))

    async def save(self, announce: Announce) -> None:
        """Write what changed, with its events; `announce` is called after the commit."""
        changed = [
            order
            for order_id, order in self.orders.items()
            if order.facts or order.attempts != self._before[order_id].attempts
        ]
        for order_id, decided in self._decided:
            await save_decision(self.conn, order_id, decided, self.now)
        if changed:
            await self._write(changed, announce)
        for request_key, fingerprint, response in self._answers:
            await requests.save(self.conn, request_key, fingerprint, response())

    async def _write(self, changed: Sequence[Order], announce: Announce) -> None:
        events: list[OutboxEvent] = []
        present = current_traceparent()
        for order in changed:
            order.version += 1 if order.facts else 0
            traceparent = within(present, self._traceparents.get(order.order_id))
            events += events_of(order, order.facts, self.now, traceparent)
            kept = order.kept
            if kept is not None and self._before[order.order_id].kept is None:
                of = order.channel_id, order.customer_promise
                after_commit(partial(figures.order_judged, kept, *of))
        await self._write_orders(changed)
        await self._write_lines(changed)
        await self._write_units(changed)
        await self._write_parts_and_messages(changed)
        await self._write_work_days(changed)
        await self._write_work(changed)
        await outbox.append(self.conn, events)
        ids = [order.order_id for order in changed]
        told = [fact for order in changed for fact in order.facts]
        after_commit(lambda: announce(events, ids))
        after_commit(lambda: figures.changed(told))

    async def stored(self, request_key: str, fingerprint: bytes, request_id: str) -> bytes | None:
        """The answer that was given to this request before, if any; concurrent repeats wait here."""
        await self.conn.execute(_LOCK_REQUEST, request_key)
        return await requests.find(self.conn, request_key, fingerprint, request_id)

    def answer(self, request_key: str, fingerprint: bytes, response: Callable[[], bytes]) -> None:
        """Store the answer to the request; it is made after the orders have their new versions."""
        self._answers.append((request_key, fingerprint, response))

    async def open_case(
        self, order_id: str, case_id: str, trigger: str, stage: str, units: CaseUnits, attempt: int
    ) -> None:
        """Put units on the list of those that need another location."""
        await self.conn.execute(
            sql.insert_cases, [order_id], [case_id], [trigger], [stage], [_json(units)], [attempt]
        )

    async def open_move(self, case: Case, *, wait_seconds: float = 0.0) -> None:
        """Put units on the list of those that others shall serve; the list leaves them alone for a while."""
        await self.conn.execute(
            sql.insert_move,
            case.order_id,
            case.case_id,
            case.wanted.trigger,
            case.stage,
            _json(case.units),
            case.attempt,
            sorted(case.excluded),
            case.wanted.actor,
            case.wanted.reason,
            timedelta(seconds=wait_seconds),
        )

    async def drop_case(self, order_id: str, case_id: str) -> None:
        """A move that was refused."""
        await self.conn.execute(sql.drop_case, order_id, case_id)

    async def lock_case(self, order_id: str, case_id: str) -> Case | None:
        """A case as it is now, if there is one."""
        row = await self.conn.fetchrow(sql.lock_case, order_id, case_id)
        return case_of(row) if row is not None else None

    async def move_case(self, case: Case, *, wait_seconds: float = 0.0, note: str = "") -> None:
        """Write the case's stage, units, attempt and tries."""
        await self.conn.execute(
            sql.move_case,
            case.order_id,
            case.case_id,
            case.stage,
            case.attempt,
            case.tries,
            timedelta(seconds=wait_seconds),
            note,
            _json(case.units),
        )

    async def open_cancellation(self, order_id: str, cancellation_id: str, units: Mapping[Spot, int]) -> None:
        """Note what fulfillment is about to be asked to take out."""
        rows = [(*spot, quantity) for spot, quantity in units.items()]
        await self.conn.execute(sql.insert_cancellation, order_id, cancellation_id, _json(rows))

    async def cancellation(self, order_id: str, cancellation_id: str) -> Cancellation | None:
        """What was noted, if anything."""
        row = await self.conn.fetchrow(sql.lock_cancellation, order_id, cancellation_id)
        if row is None:
            return None
        units = {
            Spot(number, UnitState(state), location_id, fulfillment_order_id): quantity
            for number, state, location_id, fulfillment_order_id, quantity in orjson.loads(row["units"])
        }
        return Cancellation(units, row["state"] == "DONE")

    async def finish_cancellation(self, order_id: str, cancellation_id: str) -> None:
        """It took effect."""
        await self.conn.execute(sql.finish_cancellation, order_id, cancellation_id)

    async def drop_cancellation(self, order_id: str, cancellation_id: str) -> None:
        """Fulfillment refused it."""
        await self.conn.execute(sql.drop_cancellation, order_id, cancellation_id)

    async def owe(self, task: PaymentTask) -> None:
        """Money to be moved."""
        await self.conn.execute(
            sql.insert_payment_tasks,
            [task.order_id],
            [task.task_id],
            [task.kind],
            [task.authorization_key],
            [task.amount_minor],
            [task.currency_code],
        )

    async def finish_tasks(self, tasks: Sequence[PaymentTask]) -> set[str]:
        """Tasks that are done; gives the ids of those that were not done before."""
        rows = await self.conn.fetch(
            sql.finish_payment_tasks, [t.order_id for t in tasks], [t.task_id for t in tasks]
        )
        return {row["task_id"] for row in rows}

    # ---- writing

    async def _write_orders(self, changed: Sequence[Order]) -> None:
        await self.conn.execute(
            sql.update_orders,
            [order.order_id for order in changed],
            [int(order.state) for order in changed],
            [address_json(order.delivery_address) for order in changed],
            [order.promise_time for order in changed],
            [order.payment.captured_minor for order in changed],
            [order.payment.voided_minor for order in changed],
            [order.payment.refunded_minor for order in changed],
            [order.attempts for order in changed],
            [",".join(sorted(order.failed_locations)) for order in changed],
            [order.version for order in changed],
            [order.event_sequence for order in changed],
            [order.on_hold for order in changed],
            [holds_json(order.holds) for order in changed],
        )

    async def _write_lines(self, changed: Sequence[Order]) -> None:
        rows = [
            (order.order_id, number, *_settled(order, number))
            for order in changed
            for number in order.lines
            if _settled(order, number) != self._before[order.order_id].lines[number]
        ]
        if rows:
            await self.conn.execute(sql.update_lines, *_columns(rows))

    async def _write_units(self, changed: Sequence[Order]) -> None:
        gone: list[tuple[Any, ...]] = []
        new: list[tuple[Any, ...]] = []
        for order in changed:
            before = self._before[order.order_id].units
            gone += [(order.order_id, *_plain(spot)) for spot in before if spot not in order.units]
            new += [
                (order.order_id, *_plain(spot), quantity)
                for spot, quantity in order.units.items()
                if before.get(spot) != quantity
            ]
        if gone:
            await self.conn.execute(sql.delete_units, *_columns(gone))
        if new:
            await self.conn.execute(sql.upsert_units, *_columns(new))

    async def _write_parts_and_messages(self, changed: Sequence[Order]) -> None:
        parts = [
            (
                order.order_id,
                part.fulfillment_order_id,
                part.location_id,
                int(part.method),
                part.reservation_id,
                part_lines_json(part),
                part.promise_time,
                part.attempt,
                address_json(part.delivery_address),
                work_json(part),
                part.work[-1][0] if part.work else None,
                part.due_time,
                part.pickup_location_id,
            )
            for order in changed
            for part in order.parts.values()
            if part.fulfillment_order_id not in self._before[order.order_id].parts
        ]
        if parts:
            await self.conn.execute(sql.insert_parts, *_columns(parts))
        await self._write_part_supplies(changed)
        messages = [
            (order.order_id, number, message.kind, message.text, message.time)
            for order in changed
            for number, message in enumerate(order.messages, start=1)
            if number > self._before[order.order_id].messages
        ]
        if messages:
            await self.conn.execute(sql.insert_messages, *_columns(messages))

    async def _write_part_supplies(self, changed: Sequence[Order]) -> None:
        waiting: list[tuple[str, Part]] = []
        moved: list[tuple[Any, ...]] = []
        for order in changed:
            before = self._before[order.order_id]
            for name, part in order.parts.items():
                if not part.supply_id:
                    continue
                if name not in before.parts:
                    waiting.append((order.order_id, part))
                elif before.expected.get(name) != part.expected_at:
                    moved.append((order.order_id, name, part.expected_at, part.promise_time, part.due_time))
        if waiting:
            await self.conn.execute(sql.insert_part_supplies, *part_supply_columns(waiting))
        if moved:
            await self.conn.execute(sql.move_part_supplies, *_columns(moved))

    async def _write_work_days(self, changed: Sequence[Order]) -> None:
        """Capacity that new parts take, and that units free which their locations will not hand out."""
        taken: dict[tuple[str, date], int] = {}
        freed: dict[tuple[str, date], int] = {}
        done: list[tuple[str, str, datetime]] = []
        for order in changed:
            before = self._before[order.order_id]
            for name, part in order.parts.items():
                if part.done_time is not None and name not in before.done and name in before.parts:
                    done.append((order.order_id, name, part.done_time))
                    after_commit(partial(figures.judged, part, order.channel_id, order.customer_promise))
                if not part.work:
                    continue
                if name not in before.parts:
                    _add(taken, part.location_id, part.work, 1)
                    continue
                was, now = _open_units(before.units, name), _open_units(order.units, name)
                if now < was:
                    _add(freed, part.location_id, still_taken(part.work, was), 1)
                    _add(freed, part.location_id, still_taken(part.work, now), -1)
        freed = {key: units for key, units in freed.items() if units}
        if freed:
            keys = sorted(freed)
            await self.conn.execute(sql.free_capacity, *_columns([(*key, freed[key]) for key in keys]))
        if taken:
            await self.conn.execute(sql.take_capacity, *self._capacity.columns(taken))
        if done:
            await self.conn.execute(sql.done_parts, *_columns(done))

    async def _write_work(self, changed: Sequence[Order]) -> None:
        tasks = [
            (
                order.order_id,
                new_id("mny"),
                fact.kind,
                order.payment.authorization_key,
                fact.amount_minor,
                order.currency_code,
            )
            for order in changed
            for fact in order.facts
            if isinstance(fact, facts.MoneyDue)
        ]
        if tasks:
            await self.conn.execute(sql.insert_payment_tasks, *_columns(tasks))
        cases = [
            (
                order.order_id,
                new_id("cas"),
                fact.trigger,
                "SOURCE",
                _json([(number, quantity, fact.fulfillment_order_id) for number, quantity in fact.units]),
                fact.attempt,
            )
            for order in changed
            for fact in order.facts
            if isinstance(fact, facts.SearchNeeded)
        ]
        if cases:
            await self.conn.execute(sql.insert_cases, *_columns(cases))


def _open_units(units: Mapping[Spot, int], fulfillment_order_id: str) -> int:
    """Units of a part that its location hands out or has handed out."""
    return sum(
        quantity
        for spot, quantity in units.items()
        if spot.fulfillment_order_id == fulfillment_order_id and spot.state is not UnitState.CANCELLED
    )


def _add(to: dict[tuple[str, date], int], location_id: str, work: Work, sign: int) -> None:
    for day, units in work:
        to[location_id, day] = to.get((location_id, day), 0) + sign * units


async def save_decision(conn: Connection, order_id: str, decided: Decided, now: datetime) -> None:
    """One more decision about an order."""
    await conn.execute(
        sql.insert_decision,
        order_id,
        decided.attempt,
        now,
        decided.trigger,
        _json(decided.record.to_dict()),
        decided.plan.cost,
    )


def case_of(row: asyncpg.Record) -> Case:
    """The case in a row."""
    return Case(
        row["order_id"],
        row["case_id"],
        facts.Wanted(row["trigger"], row["actor"], row["reason"]),
        row["stage"],
        tuple((n, q, f) for n, q, f in orjson.loads(row["units"])),
        row["attempt"],
        row["tries"],
        row["created_at"],
        excluded=frozenset(row["excluded"]),
    )


def _plain(spot: Spot) -> tuple[int, int, str, str]:
    return spot.line_number, int(spot.state), spot.location_id, spot.fulfillment_order_id


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
