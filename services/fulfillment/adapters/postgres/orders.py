"""Fulfillment orders in PostgreSQL: set-based, so that a batch costs as many round trips as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeAlias

import asyncpg

from chassis import outbox, sql
from chassis.envelope import OutboxEvent
from chassis.postgres import Connection, after_commit
from services.fulfillment.adapters import figures
from services.fulfillment.adapters.nats.facts import events_of
from services.fulfillment.adapters.steps import step_of
from services.fulfillment.domain.fulfillment_order import LIVE, FulfillmentOrder, Line, Method, Opening, State
from services.fulfillment.domain.hold import WorkHold
from services.fulfillment.domain.pickup_code import PickupCode
from services.fulfillment.usecases.ports import ReturnRecord, Work

queries = sql.load("services.fulfillment.adapters.postgres")

Wake: TypeAlias = Callable[[Sequence[OutboxEvent]], None]
"""Publishes events whose transaction has committed: `Relay.wake`."""

FIRST_TIME = datetime(1, 1, 1, tzinfo=UTC)


class PostgresFulfillmentOrders:
    """`FulfillmentOrders` within the transaction of `conn`.

    What they tell goes to `wake` once it has committed (without `wake` the relay's own sweep finds it, a
    second later), in the trace that `traceparents` has for the fulfillment order, else in the present one.
    """

    def __init__(
        self,
        conn: Connection,
        wake: Wake | None = None,
        traceparents: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        self._conn = conn
        self._wake = wake
        self._traceparents = dict(traceparents)
        self._first: dict[str, str | None] = {}

    async def lock(self, ids: Sequence[str]) -> list[FulfillmentOrder]:
        """See `FulfillmentOrders`."""
        return await self._locked(await self._conn.fetch(queries.lock_orders, list(ids)))

    async def lock_of_order(self, order_id: str) -> list[FulfillmentOrder]:
        """See `FulfillmentOrders`."""
        return await self._locked(await self._conn.fetch(queries.lock_orders_of_order, order_id))

    async def lock_overdue(
        self, now: datetime, limit: int, without: Sequence[str] = ()
    ) -> list[FulfillmentOrder]:
        """See `FulfillmentOrders`."""
        return await self._locked(await self._conn.fetch(queries.lock_overdue, now, limit, list(without)))

    async def open(self, orders: Sequence[FulfillmentOrder]) -> frozenset[str]:
        """See `FulfillmentOrders`."""
        if not orders:
            return frozenset()
        openings = [order.opening for order in orders]
        lines = [(order.id, line) for order in orders for line in order.lines]
        rows = await self._conn.fetch(
            queries.insert_orders,
            [opening.fulfillment_order_id for opening in openings],
            [opening.order_id for opening in openings],
            [opening.location_id for opening in openings],
            [opening.reservation_id for opening in openings],
            [opening.channel_id for opening in openings],
            [opening.customer_reference for opening in openings],
            [opening.language_code for opening in openings],
            [opening.method for opening in openings],
            [order.state for order in orders],
            [opening.delivery_address for opening in openings],
            [opening.promise_time for opening in openings],
            [order.open_time for order in orders],
            [order.version for order in orders],
            [order.event_sequence for order in orders],
            [id_ for id_, _ in lines],
            [line.line_number for _, line in lines],
            [line.sku for _, line in lines],
            [line.name_en for _, line in lines],
            [line.name_es for _, line in lines],
            [line.quantity_units for _, line in lines],
            [line.picked_units for _, line in lines],
            [opening.due_time for opening in openings],
            [opening.pickup_location_id for opening in openings],
        )
        ids = frozenset(row[0] for row in rows)
        if ids:
            await self._tell([order for order in orders if order.id in ids])
        return ids

    async def save(self, orders: Sequence[FulfillmentOrder]) -> None:
        """See `FulfillmentOrders`."""
        if not orders:
            return
        await self._conn.execute(
            queries.update_orders,
            [order.id for order in orders],
            [order.state for order in orders],
            [order.carrier for order in orders],
            [order.tracking_number for order in orders],
            [order.parcel_count for order in orders],
            [order.collect_until for order in orders],
            [order.code.digits if order.code else None for order in orders],
            [order.code.wrong_tries if order.code else 0 for order in orders],
            [order.version for order in orders],
            [order.event_sequence for order in orders],
            [order.picker for order in orders],
        )
        lines = [(order.id, line) for order in orders for line in order.lines]
        await self._conn.execute(
            queries.update_lines,
            [id_ for id_, _ in lines],
            [line.line_number for _, line in lines],
            [line.picked_units for _, line in lines],
            [line.short_units for _, line in lines],
            [line.cancelled_units for _, line in lines],
            [line.returned_units for _, line in lines],
            [line.lost_units for _, line in lines],
        )
        await self._tell(orders)

    async def record_returns(self, returns: Sequence[ReturnRecord], work: Work) -> None:
        """See `FulfillmentOrders`."""
        await self._conn.execute(
            queries.insert_returns,
            [record.return_id for record in returns],
            [record.fulfillment_order_id for record in returns],
            [record.units.line_number for record in returns],
            [record.disposition for record in returns],
            [record.units.quantity_units for record in returns],
            [record.receiving_location_id for record in returns],
            [record.reason for record in returns],
            [work.actor for _ in returns],
            [work.now for _ in returns],
        )

    async def _locked(self, rows: Sequence[asyncpg.Record]) -> list[FulfillmentOrder]:
        self._first.update((row["fulfillment_order_id"], row["traceparent"]) for row in rows)
        return await _complete(self._conn, rows)

    async def _tell(self, orders: Sequence[FulfillmentOrder]) -> None:
        for order in orders:
            if order.id in self._first:
                self._traceparents[order.id], committed = step_of(order, self._first[order.id])
                if committed is not None:
                    after_commit(committed)
        events = events_of(orders, self._traceparents)
        count = figures.steps_of(orders)
        await outbox.append(self._conn, events)
        for order in orders:
            order.told.clear()
        wake = self._wake
        if wake is not None and events:
            after_commit(lambda: wake(events))
            after_commit(count)


async def read(conn: Connection, fulfillment_order_id: str) -> FulfillmentOrder | None:
    """One fulfillment order as it stands, not locked; `conn` is in no transaction."""
    # One snapshot for both statements, or the lines could be newer than their order.
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        found = await _complete(conn, await conn.fetch(queries.order_by_id, fulfillment_order_id))
    return found[0] if found else None


async def overdue_ids(conn: Connection, now: datetime, limit: int, without: Sequence[str]) -> list[str]:
    """At most `limit` pickups past their time, none of them in `without`; they are not even read."""
    rows = await conn.fetch(queries.overdue_ids, now, limit, list(without))
    return [row["fulfillment_order_id"] for row in rows]


async def read_page(
    conn: Connection,
    location_id: str,
    order_id: str,
    states: frozenset[State],
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[FulfillmentOrder]:
    """At most `limit` fulfillment orders of a location, of an order, or both ("" leaves one open).

    They come by due time and id, beginning behind `after`; `conn` is in no transaction.
    """
    if order_id:
        query = queries.all_of_order
    elif states <= LIVE:
        query = queries.work_at_location
    else:
        query = queries.all_at_location
    time, id_ = after or (FIRST_TIME, "")
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        rows = await conn.fetch(query, location_id, order_id, sorted(states), time, id_, limit)
        return await _complete(conn, rows)


async def _complete(conn: Connection, rows: Sequence[asyncpg.Record]) -> list[FulfillmentOrder]:
    if not rows:
        return []
    found = await conn.fetch(queries.lines_of, [row["fulfillment_order_id"] for row in rows])
    lines = _lines(found)
    holds = {
        row["fulfillment_order_id"]: WorkHold(row["hold_reason"], row["hold_actor"], row["hold_time"])
        for row in found
        if row["hold_time"] is not None
    }
    return [
        _order(row, lines[row["fulfillment_order_id"]], holds.get(row["fulfillment_order_id"]))
        for row in rows
    ]


def _lines(rows: Iterable[asyncpg.Record]) -> defaultdict[str, list[Line]]:
    lines: defaultdict[str, list[Line]] = defaultdict(list)
    for row in rows:
        lines[row["fulfillment_order_id"]].append(
            Line(
                row["line_number"],
                row["sku"],
                row["quantity_units"],
                row["name_en"],
                row["name_es"],
                row["picked_units"],
                row["short_units"],
                row["cancelled_units"],
                row["returned_units"],
                row["lost_units"],
            )
        )
    return lines


def _order(row: asyncpg.Record, lines: list[Line], hold: WorkHold | None) -> FulfillmentOrder:
    return FulfillmentOrder(
        opening=Opening(
            fulfillment_order_id=row["fulfillment_order_id"],
            order_id=row["order_id"],
            location_id=row["location_id"],
            reservation_id=row["reservation_id"],
            channel_id=row["channel_id"],
            customer_reference=row["customer_reference"],
            language_code=row["language_code"],
            method=Method(row["method"]),
            promise_time=row["promise_time"],
            delivery_address=row["delivery_address"],
            due_time=row["due_time"],
            pickup_location_id=row["pickup_location_id"],
        ),
        lines=lines,
        state=State(row["state"]),
        open_time=row["open_time"],
        version=row["version"],
        event_sequence=row["event_sequence"],
        carrier=row["carrier"],
        tracking_number=row["tracking_number"],
        parcel_count=row["parcel_count"],
        collect_until=row["collect_until_time"],
        code=PickupCode(row["pickup_code"], row["code_wrong_tries"]) if row["pickup_code"] else None,
        picker=row["picker"],
        hold=hold,
    )
