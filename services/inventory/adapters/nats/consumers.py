"""What other services tell, as commands to the stock: one transaction a batch, tolerant of order and of what
is done already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import events_pb2 as fulfillment
from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.orders.v1 import events_pb2 as orders
from aljibe.orders.v1 import orders_pb2
from chassis.consumer import Handler
from chassis.envelope import Incoming, Poison
from chassis.postgres import Connection
from services.inventory.adapters.nats.live import LivePositions
from services.inventory.adapters.nats.told import note
from services.inventory.adapters.postgres.store import PostgresStockStore
from services.inventory.domain.backorder import SupplyPick
from services.inventory.domain.book import Command, Origin
from services.inventory.domain.facts import Move, ShortPick
from services.inventory.domain.refusals import Refusal
from services.inventory.domain.reserving import Commit, Consume, Release
from services.inventory.domain.stock import Cause, Pick
from services.inventory.usecases.post import Submission, post_in

M = TypeVar("M", bound=Message)
Commands = list[Command[Any]]

_CARRY_OUT = types_pb2.FULFILLMENT_METHOD_CARRY_OUT
_SHORT_CAUSES: Mapping[int, Cause | None] = {
    fulfillment_pb2.SHORT_PICK_REASON_NOT_FOUND: Cause.SHORT_PICK,
    fulfillment_pb2.SHORT_PICK_REASON_DAMAGED: Cause.DAMAGE,
    fulfillment_pb2.SHORT_PICK_REASON_NEEDED_IN_STORE: None,
    fulfillment_pb2.SHORT_PICK_REASON_NO_CAPACITY: None,
}


def order_accepted(event: orders.OrderAccepted, event_id: str) -> Commands:
    """Reservations are committed; what was carried out has left the till."""
    return _plan(event.order_id, event.plan, event_id, event.channel_id)


def order_resourced(event: orders.OrderResourced, event_id: str) -> Commands:
    """The new reservations are committed."""
    return _plan(event.order_id, event.plan, event_id)


def units_released(event: orders.UnitsReleased, event_id: str) -> Commands:
    """What is still kept at a location that shall not serve it goes back to the pool."""
    return _given_back(event.units)


def units_cancelled(event: orders.UnitsCancelled, event_id: str) -> Commands:
    """What is still kept for cancelled units goes back to the pool."""
    return _given_back(event.units)


def _given_back(gone: Iterable[orders.CancelledUnits]) -> Commands:
    picks: dict[str, list[Pick]] = {}
    waited: dict[str, list[SupplyPick]] = {}
    for units in gone:
        if units.reservation_id:
            if not units.location_id:
                raise Poison("cancelled units name a reservation and no location")
            if units.supply_id:
                waited.setdefault(units.reservation_id, []).append(
                    SupplyPick(units.sku, units.location_id, units.supply_id, units.quantity_units)
                )
                continue
            pick = Pick(units.sku, units.location_id, units.quantity_units)
            picks.setdefault(units.reservation_id, []).append(pick)
    return [
        Release(
            reservation_id,
            tuple(picks.get(reservation_id, ())),
            tolerant=True,
            supply_picks=tuple(waited.get(reservation_id, ())),
        )
        for reservation_id in picks | waited
    ]


def order_shipped(event: fulfillment.OrderShipped, event_id: str) -> Commands:
    """The units left in a parcel."""
    return _left(event.origin, event.units, Cause.SHIPMENT, event_id)


def parcel_sent_to_store(event: fulfillment.ParcelSentToStore, event_id: str) -> Commands:
    """The units left for the store where they are collected. They are an order's, and no stock there."""
    return _left(event.origin, event.units, Cause.SHIPMENT, event_id)


def order_handed_over(event: fulfillment.OrderHandedOver, event_id: str) -> Commands:
    """The units left with the customer; those that were sent to the store had left the book before."""
    if event.origin.pickup_location_id:
        return []
    return _left(event.origin, event.units, Cause.HAND_OVER, event_id)


def units_short(event: fulfillment.UnitsShort, event_id: str) -> Commands:
    """The units were not got; the reason says whether the book loses them."""
    if event.reason not in _SHORT_CAUSES:
        raise Poison(f"unknown short pick reason {event.reason}")
    origin = event.origin
    if not origin.reservation_id:
        raise Poison("a short pick names no reservation")
    document = Origin(event_id, origin.fulfillment_order_id, origin.actor, event.note)
    cause = _SHORT_CAUSES[event.reason]
    return [ShortPick(origin.reservation_id, _picks(event.units, origin.location_id), cause, document)]


def pickup_expired(event: fulfillment.PickupExpired, event_id: str) -> Commands:
    """Goods that nobody collected stand in the store for everybody again; those that were sent there do so
    for the first time.
    """
    origin = event.origin
    if origin.pickup_location_id:
        document = Origin(event_id, origin.fulfillment_order_id, origin.actor)
        return [Move(_picks(event.units, origin.pickup_location_id), Cause.RETURN, document)]
    if not origin.reservation_id:
        raise Poison("an expired pickup names no reservation")
    return [Release(origin.reservation_id, _picks(event.units, origin.location_id), tolerant=True)]


def return_received(event: fulfillment.ReturnReceived, event_id: str) -> Commands:
    """Goods that are fit to sell are back on the shelf where they came in."""
    if event.disposition != fulfillment_pb2.DISPOSITION_RESTOCK:
        return []
    document = Origin(event_id, event.return_id, event.origin.actor, event.reason)
    return [Move(_picks(event.units, event.receiving_location_id), Cause.RETURN, document)]


class StockHandlers:
    """Handlers for consumers; each call posts its messages' commands in the consumer's own transaction."""

    def __init__(self, store: PostgresStockStore, live: LivePositions) -> None:
        self._store = store
        self._live = live

    def of_orders(self) -> dict[str, Handler]:
        """For the events of orders."""
        return {
            **self._handler(orders.OrderAccepted, order_accepted),
            **self._handler(orders.OrderResourced, order_resourced),
            **self._handler(orders.UnitsCancelled, units_cancelled),
            **self._handler(orders.UnitsReleased, units_released),
        }

    def of_fulfillment(self) -> dict[str, Handler]:
        """For the events of fulfillment."""
        return {
            **self._handler(fulfillment.OrderShipped, order_shipped),
            **self._handler(fulfillment.ParcelSentToStore, parcel_sent_to_store),
            **self._handler(fulfillment.OrderHandedOver, order_handed_over),
            **self._handler(fulfillment.UnitsShort, units_short),
            **self._handler(fulfillment.PickupExpired, pickup_expired),
            **self._handler(fulfillment.ReturnReceived, return_received),
        }

    def _handler(self, kind: type[M], commands_of: Callable[[M, str], Commands]) -> dict[str, Handler]:
        async def handle(conn: Connection, messages: Sequence[Incoming]) -> None:
            submissions = [
                Submission(command, traceparent=message.traceparent)
                for message in messages
                for command in commands_of(_parsed(kind, message), message.id)
            ]
            if submissions:
                await self._post(conn, submissions)

        return {kind.DESCRIPTOR.full_name: handle}

    async def _post(self, conn: Connection, submissions: Sequence[Submission]) -> None:
        commits = [one.command for one in submissions if isinstance(one.command, Commit)]
        if len(commits) == len(submissions) and await self._store.commit_plain(
            conn, {one.reservation_id for one in commits}
        ):
            return
        posted = await post_in(self._store.inside(conn), submissions)
        for outcome in posted.outcomes:
            # A fact speaks of what we must know; that we do not is for a person to look at.
            if isinstance(outcome, Refusal):
                raise Poison(str(outcome)) from outcome
        if not note(posted):
            self._live.reread([position.key for position in posted.changed])


def _parsed(kind: type[M], message: Incoming) -> M:
    try:
        return kind.FromString(message.payload)
    except DecodeError as error:
        raise Poison(f"not a {kind.DESCRIPTOR.full_name}") from error


def _plan(
    order_id: str, plan: Sequence[orders_pb2.PlanPart], event_id: str, channel_id: str = ""
) -> Commands:
    commands: Commands = []
    reservations: set[str] = set()
    for number, part in enumerate(plan):
        if part.method == _CARRY_OUT:
            origin = Origin(f"{event_id}|{number}", order_id, "orders")
            units: dict[str, int] = {}
            for line in part.lines:
                units[line.sku] = units.get(line.sku, 0) + line.quantity_units
            sold = tuple(Pick(sku, part.location_id, -quantity) for sku, quantity in sorted(units.items()))
            commands.append(Move(sold, Cause.SALE, origin, channel_id))
        elif not part.reservation_id:
            raise Poison(f"part {number} of the plan names no reservation")
        elif part.reservation_id not in reservations:
            reservations.add(part.reservation_id)
            commands.append(Commit(part.reservation_id, tolerant=True))
    return commands


def _left(
    origin: fulfillment.Origin, units: Sequence[fulfillment.Units], cause: Cause, event_id: str
) -> Commands:
    if origin.method == _CARRY_OUT:
        # The sale was booked when the order was accepted.
        return []
    if not origin.reservation_id:
        raise Poison("units left and no reservation is named")
    document = Origin(event_id, origin.fulfillment_order_id, origin.actor)
    return [Consume(origin.reservation_id, _picks(units, origin.location_id), cause, document, tolerant=True)]


def _picks(units: Sequence[fulfillment.Units], location_id: str) -> tuple[Pick, ...]:
    total: dict[str, int] = {}
    for one in units:
        total[one.sku] = total.get(one.sku, 0) + one.quantity_units
    if not total or min(total.values()) <= 0:
        raise Poison("no units, or not a positive number of them")
    return tuple(Pick(sku, location_id, quantity) for sku, quantity in sorted(total.items()))
