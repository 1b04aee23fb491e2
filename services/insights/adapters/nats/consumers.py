"""What insights hears: plans, progress, refusals and broken promises. A call is one batch,
and all it adds is one statement.

Nothing here depends on when the streams of different services arrive: what orders promised and what
fulfillment did meet in the table of parts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import events_pb2 as told_by_fulfillment
from aljibe.inventory.v1 import events_pb2 as told_by_inventory
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import events_pb2 as told_by_orders
from aljibe.orders.v1 import orders_pb2
from chassis.bus_client import BusClient
from chassis.consumer import Consumer, Handler
from chassis.envelope import Incoming, Poison
from chassis.postgres import Connection, Database
from services.insights.adapters.postgres import projection
from services.insights.adapters.postgres.projection import Cell, Counts, Moved, Planned

CARRY_OUT = types_pb2.FULFILLMENT_METHOD_CARRY_OUT
CUSTOMER_CHOICE = "CUSTOMER_CHOICE"
NO_STOCK = "NO_STOCK"
BATCH = 256
REST_SECONDS = 0.2
"""Nobody waits for a count: fuller batches cost less, and the page still has its news in time."""

M = TypeVar("M", bound=Message)


def consumers(db: Database, client: BusClient) -> list[Consumer]:
    """The consumers of this service, one for each service that it listens to."""
    return [
        _consumer("orders", _of_orders(), db, client),
        _consumer("fulfillment", _of_fulfillment(), db, client),
        _consumer("inventory", _of_inventory(), db, client),
    ]


def _consumer(source: str, handlers: dict[str, Handler], db: Database, client: BusClient) -> Consumer:
    return Consumer(
        f"insights-{source}",
        source,
        handlers,
        db,
        client,
        batch=BATCH,
        rest_seconds=REST_SECONDS,
    )


def _of_orders() -> dict[str, Handler]:
    told = told_by_orders
    return dict(
        [
            _handler(told.OrderAccepted, _accepted),
            _handler(told.OrderResourced, _resourced),
            _handler(told.BackorderReleased, _backorder_released),
            _handler(told.UnitsCancelled, _cancelled),
            _handler(told.CustomerChoiceNeeded, _choice_needed),
            _handler(told.OrdersRefused, _refused),
        ]
    )


def _of_fulfillment() -> dict[str, Handler]:
    told = told_by_fulfillment
    return dict(
        [
            _handler(told.UnitsShort, _left),
            _handler(told.UnitsTakenOut, _left),
            _handler(told.UnitsLostInTransit, _left),
            _handler(told.OrderShipped, _moved(done=True, ended=True)),
            _handler(told.PickupReady, _moved(done=True, ended=False)),
            _handler(told.OrderHandedOver, _moved(done=True, ended=True)),
            _handler(told.PickupExpired, _moved(done=False, ended=True)),
        ]
    )


def _of_inventory() -> dict[str, Handler]:
    return dict([_handler(told_by_inventory.UnitsDisplaced, _displaced)])


def _handler(
    kind: type[M], apply: Callable[[Connection, Sequence[M]], Awaitable[None]]
) -> tuple[str, Handler]:
    async def handle(conn: Connection, messages: Sequence[Incoming]) -> None:
        try:
            told = [kind.FromString(message.payload) for message in messages]
        except DecodeError as error:
            raise Poison(f"{kind.DESCRIPTOR.full_name} cannot be decoded") from error
        await apply(conn, told)

    return kind.DESCRIPTOR.full_name, handle


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(UTC)


async def _accepted(conn: Connection, told: Sequence[told_by_orders.OrderAccepted]) -> None:
    planned: list[Planned] = []
    counts = Counts()
    for order in told:
        time = _moment(order.time)
        currency = order.total.currency_code
        most, leading = -1, Cell(time, projection.ORDERED, order.channel_id, "", 0, currency)
        for part in order.plan:
            units = _units(part)
            cell = Cell(time, projection.ORDERED, order.channel_id, part.location_id, part.method, currency)
            counts.add(cell, 0, units)
            if units > most:
                most, leading = units, cell
            # What waits for a supply is nobody's work until it comes (BackorderReleased).
            if part.method != CARRY_OUT and not part.supply_id:
                planned.append(_planned(order.order_id, order.channel_id, part, units, time))
        counts.add(leading, 1, 0, order.total.amount_minor)
    await projection.add_plans(conn, planned, counts)


async def _resourced(conn: Connection, told: Sequence[told_by_orders.OrderResourced]) -> None:
    planned: list[Planned] = []
    counts = Counts()
    chosen: list[tuple[str, int, int]] = []
    for order in told:
        time = _moment(order.time)
        units = 0
        for part in order.plan:
            of_part = _units(part)
            units += of_part
            if not part.supply_id:
                planned.append(_planned(order.order_id, order.channel_id, part, of_part, time))
            if order.trigger == CUSTOMER_CHOICE:
                chosen += [(order.order_id, line.line_number, line.quantity_units) for line in part.lines]
        counts.add(Cell(time, projection.RESOURCED, order.channel_id, label=order.trigger), 1, units)
    await projection.add_plans(conn, planned, counts)
    await projection.end_wait(conn, chosen)


async def _backorder_released(conn: Connection, told: Sequence[told_by_orders.BackorderReleased]) -> None:
    planned = [
        _planned(order.order_id, order.channel_id, part, _units(part), _moment(order.time))
        for order in told
        for part in order.plan
    ]
    await projection.add_plans(conn, planned, Counts())


async def _cancelled(conn: Connection, told: Sequence[told_by_orders.UnitsCancelled]) -> None:
    channels = await projection.channels_of(conn, (order.order_id for order in told))
    counts = Counts()
    waited: list[tuple[str, int, int]] = []
    for order in told:
        time, channel_id = _moment(order.time), channels.get(order.order_id, "")
        for units in order.units:
            cell = Cell(time, projection.CANCELLED, channel_id, units.location_id, label=order.cause)
            counts.add(cell, 0, units.quantity_units)
            # Units that are nowhere: no other location was found for them, or their customer was asked.
            if not units.fulfillment_order_id and order.cause != NO_STOCK:
                waited.append((order.order_id, units.line_number, units.quantity_units))
        counts.add(Cell(time, projection.CANCELLED, channel_id, label=order.cause), 1)
    await projection.add_plans(conn, (), counts)
    await projection.end_wait(conn, waited)


async def _choice_needed(conn: Connection, told: Sequence[told_by_orders.CustomerChoiceNeeded]) -> None:
    lines = [
        (order.order_id, line.line_number, line.quantity_units, _moment(order.time))
        for order in told
        for line in order.lines
    ]
    await projection.await_choice(conn, lines)


async def _refused(conn: Connection, told: Sequence[told_by_orders.OrdersRefused]) -> None:
    counts = Counts()
    for batch in told:
        time = _moment(batch.time)
        for one in batch.refusals:
            counts.add(Cell(time, projection.REFUSED, one.channel_id, label=one.reason), one.refusals)
    await projection.add_plans(conn, (), counts)


async def _left(
    conn: Connection,
    told: Sequence[told_by_fulfillment.UnitsShort]
    | Sequence[told_by_fulfillment.UnitsTakenOut]
    | Sequence[told_by_fulfillment.UnitsLostInTransit],
) -> None:
    moved = [
        Moved(
            one.origin.fulfillment_order_id,
            sum(units.quantity_units for units in one.units),
            None,
            None,
            _moment(one.origin.time),
        )
        for one in told
    ]
    await projection.add_progress(conn, moved)


def _moved(*, done: bool, ended: bool) -> Callable[[Connection, Sequence[Message]], Awaitable[None]]:
    """A handler of events that say nothing but that something happened to all that was left."""

    async def apply(conn: Connection, told: Sequence[Message]) -> None:
        moved: list[Moved] = []
        for one in told:
            origin: told_by_fulfillment.Origin = one.origin  # type: ignore[attr-defined]  # all of fulfillment's have one
            if origin.method == CARRY_OUT:
                continue
            time = _moment(origin.time)
            moved.append(
                Moved(origin.fulfillment_order_id, 0, time if done else None, time if ended else None, time)
            )
        if moved:
            await projection.add_progress(conn, moved)

    return apply


async def _displaced(conn: Connection, told: Sequence[told_by_inventory.UnitsDisplaced]) -> None:
    counts = Counts()
    for one in told:
        cause = inventory_pb2.MovementCause.Name(one.cause).removeprefix("MOVEMENT_CAUSE_")
        cell = Cell(_moment(one.time), projection.DISPLACED, "", one.location_id, label=cause)
        counts.add(cell, 1, one.quantity_units)
    await projection.add_plans(conn, (), counts)


def _units(part: orders_pb2.PlanPart) -> int:
    return sum(line.quantity_units for line in part.lines)


def _planned(
    order_id: str, channel_id: str, part: orders_pb2.PlanPart, units: int, time: datetime
) -> Planned:
    due = _moment(part.due_time) if part.HasField("due_time") else None
    if part.pickup_location_id and part.HasField("promise_time"):
        # Its due time is that of the parcel to the store; it is done when it waits there.
        due = _moment(part.promise_time)
    return Planned(
        part.fulfillment_order_id, order_id, channel_id, part.location_id, part.method, units, due, time
    )
