"""Group commit of acceptances: orders, answers and events of a whole group in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import asyncpg
import orjson

from aljibe.orders.v1 import orders_pb2
from chassis import outbox, outbox_sql, requests
from chassis.clock import Clock
from chassis.crashpoint import crashpoint
from chassis.envelope import OutboxEvent
from chassis.groups import GroupCommit
from chassis.ids import new_id
from chassis.postgres import SERIALIZATION, Database
from chassis.refusals import RequestIdReused
from chassis.requests import StoredRequest
from chassis.sql import together
from chassis.telemetry import current_traceparent
from chassis.wire import writer
from services.orders.adapters import figures
from services.orders.adapters.grpc.translate import Written, order_wire
from services.orders.adapters.nats.events import events_of
from services.orders.adapters.postgres.capacity import CapacityBook, Days, work_of
from services.orders.adapters.postgres.changes import Announce, sql
from services.orders.adapters.postgres.rows import (
    address_json,
    part_lines_json,
    part_supply_columns,
    work_json,
)
from services.orders.domain import facts
from services.orders.usecases.ports import Acceptance, CapacityTaken, HoldTooShort

ACCEPT_LANES = 1
LOOK_UP_LANES = 1
ACCEPT_TRIES = 5
"""How often a group is tried in which others accept some of the same requests meanwhile."""
MAX_GROUP = 128


_ACCEPT = together(sql.accept_orders, requests.INSERT, outbox_sql.APPEND, sql.drop_intents)
_ACCEPT_AND_TAKE = together(
    sql.accept_orders, requests.INSERT, outbox_sql.APPEND, sql.drop_intents, sql.take_capacity
)
_ACCEPT_WAITING = together(
    sql.accept_orders, requests.INSERT, outbox_sql.APPEND, sql.drop_intents, sql.insert_part_supplies
)
_ACCEPT_WAITING_AND_TAKE = together(
    sql.accept_orders,
    requests.INSERT,
    outbox_sql.APPEND,
    sql.drop_intents,
    sql.insert_part_supplies,
    sql.take_capacity,
)
_answer = writer(orders_pb2.PlaceOrderResponse)


class _Member(NamedTuple):
    acceptance: Acceptance
    answer: bytes
    events: list[OutboxEvent]
    work: Days


class _Asked(NamedTuple):
    request_key: str
    fingerprint: bytes
    request_id: str


class GroupAcceptor:
    """See `usecases.ports.Acceptor`."""

    def __init__(self, db: Database, announce: Announce, clock: Clock, capacity: CapacityBook) -> None:
        self._capacity = capacity
        self._db = db
        self._announce = announce
        self._clock = clock
        self._accepts = GroupCommit(
            "orders.accept",
            self._accept_group,
            lanes=ACCEPT_LANES,
            max_group=MAX_GROUP,
            retry_alone=lambda error: isinstance(error, asyncpg.IntegrityConstraintViolationError),
        )
        self._lookups = GroupCommit("orders.lookup", self._look_up_group, lanes=LOOK_UP_LANES, gather=True)

    async def stored(self, request_key: str, fingerprint: bytes, request_id: str) -> bytes | None:
        """The answer that was given to this request before, if any."""
        return await self._lookups.submit(_Asked(request_key, fingerprint, request_id))

    async def accept(self, acceptance: Acceptance) -> bytes:
        """Commit the order and its answer; gives the answer, or the one that was stored first."""
        order = acceptance.order
        # The trace is the caller's, so the events are made here and not in the group's own task.
        written = Written.of(order)
        events = events_of(order, order.facts, order.accept_time, current_traceparent(), written)
        answer = _answer(order=order_wire(order, written))
        work = work_of([order])
        try:
            if not work:
                return await self._accepts.submit(_Member(acceptance, answer, events, work))
            with self._capacity.taking(work):
                return await self._accepts.submit(_Member(acceptance, answer, events, work))
        except asyncpg.CheckViolationError as error:
            if error.constraint_name == "reservation_outlives_acceptance":
                raise HoldTooShort from error
            raise

    async def close(self) -> None:
        """Finish what is under way."""
        await self._lookups.close()
        await self._accepts.close()

    async def _look_up_group(self, asked: Sequence[_Asked]) -> list[bytes | Exception | None]:
        async with self._db.connection() as conn:
            found = await requests.find_many(conn, [one.request_key for one in asked])
        return [_checked(found.get(one.request_key), one.fingerprint, one.request_id) for one in asked]

    async def _accept_group(self, members: Sequence[_Member]) -> list[bytes | Exception]:
        crashpoint("group.before_transaction")
        older: dict[str, StoredRequest] = {}
        full: set[str] = set()
        # Sorted, so that two instances with the same requests wait for each other instead of deadlocking.
        fresh = sorted(members, key=lambda member: member.acceptance.request_key)
        for left in reversed(range(ACCEPT_TRIES)):
            try:
                await self._commit(fresh)
                break
            except (asyncpg.UniqueViolationError, *SERIALIZATION) as error:
                # Another instance accepted some of these first: its answers are the answers.
                async with self._db.connection() as conn:
                    found = await requests.find_many(conn, [m.acceptance.request_key for m in fresh])
                if not left or (not found and isinstance(error, asyncpg.UniqueViolationError)):
                    raise
                older |= found
                fresh = [m for m in fresh if m.acceptance.request_key not in older]
            except asyncpg.CheckViolationError as error:
                if error.constraint_name != "capacity_left":
                    raise
                async with self._db.connection() as conn:
                    # Another instance may have accepted some of these, and taken the capacity for them.
                    older |= await requests.find_many(conn, [m.acceptance.request_key for m in fresh])
                full |= await self._refused(members, older, full, last=not left)
                gone = full | older.keys()
                fresh = [m for m in fresh if m.acceptance.request_key not in gone]
                if not left:
                    await self._commit(fresh)
        crashpoint("group.after_commit")
        figures.accepted([m.acceptance.order for m in fresh])
        self._announce(
            [event for m in fresh for event in m.events], [m.acceptance.order.order_id for m in fresh]
        )
        return [
            CapacityTaken()
            if member.acceptance.request_key in full
            else _answer_of(member, older.get(member.acceptance.request_key))
            for member in members
        ]

    async def _refused(
        self, members: Sequence[_Member], older: Mapping[str, StoredRequest], full: set[str], *, last: bool
    ) -> set[str]:
        """Whose capacity is gone: there is room for who came first; at the `last` try for nobody."""
        await self._capacity.refresh()
        refused: set[str] = set()
        admitted: dict[tuple[str, date], int] = {}
        for member in members:
            key = member.acceptance.request_key
            if not member.work or key in older or key in full:
                continue
            together_with = {at: units + admitted.get(at, 0) for at, units in member.work.items()}
            if not last and self._capacity.fits(together_with):
                admitted |= together_with
            else:
                refused.add(key)
        return refused

    async def _commit(self, members: Sequence[_Member]) -> None:
        """Answers, orders and events in one statement, and so in one transaction: a group is a round trip."""
        if not members:
            return
        acceptances = [m.acceptance for m in members]
        answers = [
            StoredRequest(m.acceptance.request_key, m.acceptance.fingerprint, m.answer) for m in members
        ]
        work: dict[tuple[str, date], int] = {}
        for member in members:
            for key, units in member.work.items():
                work[key] = work.get(key, 0) + units
        waiting = [
            (one.order.order_id, part)
            for one in acceptances
            for part in one.order.parts.values()
            if part.supply_id
        ]
        if waiting:
            statement = _ACCEPT_WAITING_AND_TAKE if work else _ACCEPT_WAITING
        else:
            statement = _ACCEPT_AND_TAKE if work else _ACCEPT
        async with self._db.connection() as conn:
            await conn.execute(
                statement,
                *_columns(acceptances),
                *requests.columns(answers),
                *outbox.columns([event for m in members for event in m.events]),
                [one.order.order_id for one in acceptances if one.intended],
                *(part_supply_columns(waiting) if waiting else ()),
                *(self._capacity.columns(work) if work else ()),
            )


def _answer_of(member: _Member, stored: StoredRequest | None) -> bytes | Exception:
    found = _checked(stored, member.acceptance.fingerprint, member.acceptance.request_id)
    return member.answer if found is None else found


def _checked(stored: StoredRequest | None, fingerprint: bytes, request_id: str) -> bytes | Exception | None:
    if stored is None:
        return None
    try:
        return stored.check(fingerprint, request_id)
    except RequestIdReused as error:
        return error


def _columns(group: Sequence[Acceptance]) -> list[list[Any]]:
    """The parameters of `accept_orders`: one list per column, table after table."""
    orders = [one.order for one in group]
    columns: list[list[Any]] = [
        [o.order_id for o in orders],
        [o.channel_id for o in orders],
        [o.customer_id for o in orders],
        [o.customer_reference for o in orders],
        [o.language_code for o in orders],
        [int(o.state) for o in orders],
        [o.currency_code for o in orders],
        [o.total_minor for o in orders],
        [o.tax_minor for o in orders],
        [o.discount_minor for o in orders],
        [address_json(o.delivery_address) for o in orders],
        [o.location_id for o in orders],
        [o.accept_time for o in orders],
        [o.promise_time for o in orders],
        [o.trace_id for o in orders],
        [o.payment.payment_id for o in orders],
        [o.payment.authorization_key for o in orders],
        [o.payment.authorized_minor for o in orders],
        [o.attempts for o in orders],
        [o.version for o in orders],
        [o.event_sequence for o in orders],
        [one.hold_until for one in group],
    ]
    lines = [(o.order_id, line) for o in orders for line in o.lines.values()]
    columns += [
        [order_id for order_id, _ in lines],
        [line.line_number for _, line in lines],
        [line.sku for _, line in lines],
        [line.name_en for _, line in lines],
        [line.name_es for _, line in lines],
        [line.quantity_units for _, line in lines],
        [int(line.method) for _, line in lines],
        [line.pickup_location_id for _, line in lines],
        [line.unit_price_minor for _, line in lines],
        [line.discount_minor for _, line in lines],
        [line.tax_minor for _, line in lines],
        [line.total_minor for _, line in lines],
        [line.captured_minor for _, line in lines],
    ]
    units = [(o.order_id, spot, quantity) for o in orders for spot, quantity in o.units.items()]
    columns += [
        [order_id for order_id, _, _ in units],
        [spot.line_number for _, spot, _ in units],
        [int(spot.state) for _, spot, _ in units],
        [spot.location_id for _, spot, _ in units],
        [spot.fulfillment_order_id for _, spot, _ in units],
        [quantity for _, _, quantity in units],
    ]
    parts = [(o.order_id, part) for o in orders for part in o.parts.values()]
    columns += [
        [order_id for order_id, _ in parts],
        [part.fulfillment_order_id for _, part in parts],
        [part.location_id for _, part in parts],
        [int(part.method) for _, part in parts],
        [part.reservation_id for _, part in parts],
        [part_lines_json(part) for _, part in parts],
        [part.promise_time for _, part in parts],
        [part.attempt for _, part in parts],
        [work_json(part) for _, part in parts],
        [part.work[-1][0] if part.work else None for _, part in parts],
        [part.due_time for _, part in parts],
        [part.pickup_location_id for _, part in parts],
    ]
    messages = [(o.order_id, n, m) for o in orders for n, m in enumerate(o.messages, start=1)]
    columns += [
        [order_id for order_id, _, _ in messages],
        [number for _, number, _ in messages],
        [message.kind for _, _, message in messages],
        [message.text for _, _, message in messages],
        [message.time for _, _, message in messages],
    ]
    decisions = [(one.order, decided) for one in group for decided in one.decisions]
    columns += [
        [order.order_id for order, _ in decisions],
        [decided.attempt for _, decided in decisions],
        [order.accept_time for order, _ in decisions],
        [decided.trigger for _, decided in decisions],
        [orjson.dumps(decided.record.to_dict()).decode() for _, decided in decisions],
        [decided.plan.cost for _, decided in decisions],
    ]
    due = [(o, fact) for o in orders for fact in o.facts if isinstance(fact, facts.MoneyDue)]
    columns += [
        [order.order_id for order, _ in due],
        [new_id("mny") for _ in due],
        [fact.kind for _, fact in due],
        [order.payment.authorization_key for order, _ in due],
        [fact.amount_minor for _, fact in due],
        [order.currency_code for order, _ in due],
        [o.customer_promise for o in orders],
    ]
    return columns
