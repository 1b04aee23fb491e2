"""What fulfillment and inventory tell, applied to orders: a batch is one transaction, and no call leaves
it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, timedelta
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from aljibe.fulfillment.v1 import events_pb2 as told_by_fulfillment
from aljibe.inventory.v1 import events_pb2 as told_by_inventory
from aljibe.inventory.v1 import inventory_pb2
from chassis.bus_client import BusClient
from chassis.clock import Clock
from chassis.consumer import Consumer, Handler, Incoming, Poison
from chassis.ids import new_id
from chassis.postgres import Connection, Database, after_commit
from services.orders.adapters.grpc.translate import moment
from services.orders.adapters.postgres.demand import Demand, Sale
from services.orders.adapters.postgres.stopped import StoppedLocations, Told
from services.orders.adapters.postgres.store import PostgresStore
from services.orders.domain.lines import Spot
from services.orders.domain.order import Order
from services.orders.domain.refusals import OrderUnknown
from services.orders.domain.states import UnitState
from services.orders.usecases.backorders import Backorders
from services.orders.usecases.cancel_order import finish_cancellation
from services.orders.usecases.cases import (
    ARRIVED,
    BACKORDER_ARRIVED,
    BACKORDER_CUT,
    TAKE_OUT,
    taken_out,
)
from services.orders.usecases.place_order import void_id
from services.orders.usecases.ports import PaymentTask, Tx

M = TypeVar("M", bound=Message)

YOUNG = timedelta(seconds=120)
"""A broken promise younger than this may belong to an order that is being accepted right now."""

SHORT_PICK = "SHORT_PICK"
LOST_IN_TRANSIT = "LOST_IN_TRANSIT"
DISPLACED = "DISPLACED"
RESERVATION_LOST = "RESERVATION_LOST"

Apply = Callable[[Tx, Incoming, M], Awaitable[None]]


def consumers(
    db: Database,
    nats: BusClient,
    store: PostgresStore,
    clock: Clock,
    on_work: Callable[[], None],
    backorders: Backorders,
) -> list[Consumer]:
    """The consumers of this service; `on_work` is called after a commit that may have left work for the
    background loops.
    """
    heard = _Heard(store, clock, on_work, backorders)
    return [
        Consumer("orders-fulfillment", "fulfillment", heard.of_fulfillment(), db, nats),
        Consumer("orders-inventory", "inventory", heard.of_inventory(), db, nats),
    ]


class _Heard:
    def __init__(
        self,
        store: PostgresStore,
        clock: Clock,
        on_work: Callable[[], None],
        backorders: Backorders,
    ) -> None:
        self._backorders = backorders
        self._store = store
        self._clock = clock
        self._on_work = on_work

    def of_fulfillment(self) -> Mapping[str, Handler]:
        told = told_by_fulfillment
        return dict(
            [
                self._handler(told.UnitsPicked, _picked, _order_of_origin),
                self._handler(told.UnitsShort, _short, _order_of_origin),
                self._handler(told.UnitsTakenOut, _taken_out, _order_of_origin),
                self._handler(told.OrderShipped, _shipped, _order_of_origin),
                self._handler(told.ParcelSentToStore, _sent_to_store, _order_of_origin),
                self._handler(told.UnitsLostInTransit, _lost_in_transit, _order_of_origin),
                self._handler(told.PickupReady, _ready, _order_of_origin),
                self._handler(told.OrderHandedOver, _handed_over, _order_of_origin),
                self._handler(told.PickupExpired, _not_collected, _order_of_origin),
                self._handler(told.ReturnReceived, _returned, _order_of_origin),
            ]
        )

    def of_inventory(self) -> Mapping[str, Handler]:
        told = told_by_inventory
        return dict(
            [
                self._handler(told.UnitsDisplaced, _displaced, _order_of),
                self._handler(told.ReservationLost, _reservation_lost, _order_of),
                self._handler(told.ReservationExpired, _reservation_expired, _order_of),
                self._handler(told.BackorderArrived, _backorder_arrived, _order_of),
                self._handler(told.BackorderMoved, self._backorder_moved, _order_of),
                self._handler(told.BackorderCut, _backorder_cut, _order_of),
                (told.UnitsSold.DESCRIPTOR.full_name, _sold),
                (told.LocationChanged.DESCRIPTOR.full_name, _location_changed),
            ]
        )

    async def _backorder_moved(
        self, tx: Tx, message: Incoming, told: told_by_inventory.BackorderMoved
    ) -> None:
        order = _order(tx, told.order_id)
        part = order.waiting_part(told.reservation_id, told.units.sku, told.units.supply_id)
        if part is None:
            return
        expected_at = moment(told.expected_time)
        promise = self._backorders.promise(order, part, expected_at, tx.now)
        order.backorder_moved(part, expected_at, promise, tx.now)

    def _handler(self, kind: type[M], apply: Apply[M], order_of: Callable[[M], str]) -> tuple[str, Handler]:
        async def handle(conn: Connection, messages: Sequence[Incoming]) -> None:
            read = [(message, _parse(kind, message)) for message in messages]

            async def work(tx: Tx) -> None:
                for message, told in read:
                    await apply(tx, message, told)

            traceparents = {order_of(told): message.traceparent for message, told in read}
            await self._store.change_in(conn, list(traceparents), work, traceparents)
            after_commit(self._on_work)

        return kind.DESCRIPTOR.full_name, handle


def _parse(kind: type[M], message: Incoming) -> M:
    try:
        return kind.FromString(message.payload)
    except DecodeError as error:
        raise Poison(f"{kind.DESCRIPTOR.full_name} cannot be decoded") from error


def _order_of_origin(told: Message) -> str:
    order_id: str = told.origin.order_id  # type: ignore[attr-defined]  # every event of fulfillment has an origin
    return order_id


def _order_of(told: Message) -> str:
    order_id: str = told.order_id  # type: ignore[attr-defined]  # every event of inventory used here has one
    return order_id


def _order(tx: Tx, order_id: str) -> Order:
    order = tx.orders.get(order_id)
    if order is None:
        raise OrderUnknown(order_id)
    return order


def _units(units: Sequence[told_by_fulfillment.Units]) -> list[tuple[int, int]]:
    return [(one.line_number, one.quantity_units) for one in units]


# ---- fulfillment


async def _picked(tx: Tx, message: Incoming, told: told_by_fulfillment.UnitsPicked) -> None:
    _order(tx, told.origin.order_id).picked(told.origin.fulfillment_order_id, _units(told.units))


async def _short(tx: Tx, message: Incoming, told: told_by_fulfillment.UnitsShort) -> None:
    order = _order(tx, told.origin.order_id)
    order.short(told.origin.fulfillment_order_id, _units(told.units), SHORT_PICK, tx.now)


async def _taken_out(tx: Tx, message: Incoming, told: told_by_fulfillment.UnitsTakenOut) -> None:
    order = _order(tx, told.origin.order_id)
    if await finish_cancellation(tx, order, told.request_id):
        return
    if await taken_out(tx, order.order_id, told.request_id):
        return
    # Somebody else asked fulfillment: what left its work is cancelled, whoever wanted it.
    part = order.parts.get(told.origin.fulfillment_order_id)
    if part is None:
        raise OrderUnknown(order.order_id)
    gone = {
        Spot(number, UnitState.ALLOCATED, part.location_id, part.fulfillment_order_id): quantity
        for number, quantity in _units(told.units)
    }
    order.cancel(gone, "CUSTOMER", tx.now)


async def _shipped(tx: Tx, message: Incoming, told: told_by_fulfillment.OrderShipped) -> None:
    order = _order(tx, told.origin.order_id)
    order.shipped(
        told.origin.fulfillment_order_id,
        _units(told.units),
        told.carrier,
        told.tracking_number,
        tx.now,
        message.time,
    )


async def _sent_to_store(tx: Tx, message: Incoming, told: told_by_fulfillment.ParcelSentToStore) -> None:
    order = _order(tx, told.origin.order_id)
    order.sent_to_store(told.origin.fulfillment_order_id, _units(told.units), tx.now)


async def _lost_in_transit(tx: Tx, message: Incoming, told: told_by_fulfillment.UnitsLostInTransit) -> None:
    order = _order(tx, told.origin.order_id)
    order.lost_in_transit(told.origin.fulfillment_order_id, _units(told.units), LOST_IN_TRANSIT, tx.now)


async def _ready(tx: Tx, message: Incoming, told: told_by_fulfillment.PickupReady) -> None:
    order = _order(tx, told.origin.order_id)
    until = moment(told.collect_until_time) if told.HasField("collect_until_time") else None
    order.ready(told.origin.fulfillment_order_id, _units(told.units), until, tx.now, message.time)


async def _handed_over(tx: Tx, message: Incoming, told: told_by_fulfillment.OrderHandedOver) -> None:
    order = _order(tx, told.origin.order_id)
    order.handed_over(told.origin.fulfillment_order_id, _units(told.units), message.time)


async def _not_collected(tx: Tx, message: Incoming, told: told_by_fulfillment.PickupExpired) -> None:
    order = _order(tx, told.origin.order_id)
    order.not_collected(told.origin.fulfillment_order_id, _units(told.units), tx.now)


async def _returned(tx: Tx, message: Incoming, told: told_by_fulfillment.ReturnReceived) -> None:
    order = _order(tx, told.origin.order_id)
    order.returned(told.origin.fulfillment_order_id, _units(told.units), tx.now)


# ---- inventory


async def _displaced(tx: Tx, message: Incoming, told: told_by_inventory.UnitsDisplaced) -> None:
    lost = [(told.sku, told.location_id, told.quantity_units)]
    await _promise_broken(tx, message, told.order_id, told.reservation_id, lost, DISPLACED)


async def _reservation_lost(tx: Tx, message: Incoming, told: told_by_inventory.ReservationLost) -> None:
    lost = [(pick.sku, pick.location_id, pick.quantity_units) for pick in told.picks]
    await _promise_broken(tx, message, told.order_id, told.reservation_id, lost, RESERVATION_LOST)
    for pick in told.supply_picks:
        if told.order_id in tx.orders:
            _cut(tx, told.order_id, told.reservation_id, pick, RESERVATION_LOST)


async def _backorder_arrived(tx: Tx, message: Incoming, told: told_by_inventory.BackorderArrived) -> None:
    order = _order(tx, told.order_id)
    part = order.waiting_part(told.reservation_id, told.units.sku, told.units.supply_id)
    if part is None:
        # It came between a crash and the retry of its placing, which found it reserved like any other unit.
        return
    line = next(line for line in part.lines if line.sku == told.units.sku)
    units = ((line.line_number, told.units.quantity_units, part.fulfillment_order_id),)
    await tx.open_case(told.order_id, new_id("cas"), BACKORDER_ARRIVED, ARRIVED, units, order.attempts)


async def _backorder_cut(tx: Tx, message: Incoming, told: told_by_inventory.BackorderCut) -> None:
    _order(tx, told.order_id)
    _cut(tx, told.order_id, told.reservation_id, told.units, BACKORDER_CUT)


def _cut(tx: Tx, order_id: str, reservation_id: str, pick: inventory_pb2.SupplyPick, trigger: str) -> None:
    order = tx.orders[order_id]
    part = order.waiting_part(reservation_id, pick.sku, pick.supply_id)
    for line in part.lines if part is not None else ():
        if part is not None and line.sku == pick.sku:
            order.backorder_cut(part, line.line_number, pick.quantity_units, trigger, tx.now)


async def _promise_broken(
    tx: Tx,
    message: Incoming,
    order_id: str,
    reservation_id: str,
    lost: Sequence[tuple[str, str, int]],
    trigger: str,
) -> None:
    order = tx.orders.get(order_id)
    if order is None:
        if tx.now - message.time < YOUNG:
            # Its order may be on the way to its acceptance: the message comes again.
            raise OrderUnknown(order_id)
        return
    # What goes to one place is sourced again together.
    units: dict[str, list[tuple[int, int, str]]] = {}
    for sku, location_id, quantity in lost:
        for part in order.parts.values():
            if part.reservation_id != reservation_id or part.location_id != location_id:
                continue
            for line in part.lines:
                spot = Spot(line.line_number, UnitState.ALLOCATED, location_id, part.fulfillment_order_id)
                there = min(quantity, order.units.get(spot, 0)) if line.sku == sku else 0
                if there:
                    quantity -= there
                    one = line.line_number, there, part.fulfillment_order_id
                    units.setdefault(part.pickup_location_id, []).append(one)
    for these in units.values():
        # The attempt for the search is set aside when fulfillment has given the units up.
        await tx.open_case(order_id, new_id("cas"), trigger, TAKE_OUT, tuple(these), order.attempts)


async def _sold(conn: Connection, messages: Sequence[Incoming]) -> None:
    """No order's: only demand is learned from it."""
    sales = []
    for message in messages:
        told = _parse(told_by_inventory.UnitsSold, message)
        day = message.time.astimezone(UTC).date()
        sales += [Sale(line.sku, told.location_id, day, line.quantity_units) for line in told.lines]
    await Demand.sold(conn, sales)


async def _location_changed(conn: Connection, messages: Sequence[Incoming]) -> None:
    """No order's yet: what waits at a location that stopped is looked for in the background."""
    await StoppedLocations.note(
        conn,
        [
            Told(told.location.location_id, told.location.active, message.time, message.sequence)
            for message in messages
            for told in (_parse(told_by_inventory.LocationChanged, message),)
        ],
    )


async def _reservation_expired(tx: Tx, message: Incoming, told: told_by_inventory.ReservationExpired) -> None:
    order = tx.orders.get(told.order_id)
    if order is not None and order.payment.authorization_key == told.reservation_id:
        return
    # The authorisation's key is the reservation's id; voiding one that never was is harmless.
    key = told.reservation_id
    await tx.owe(PaymentTask(told.order_id, void_id(key), "VOID_AUTHORIZATION", key, 0, "", 0))
