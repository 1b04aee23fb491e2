"""Facts of the domain as events of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatch

from google.protobuf.message import Message

from aljibe.fulfillment.v1 import events_pb2 as pb
from chassis.envelope import OutboxEvent, event
from chassis.telemetry import current_traceparent
from services.fulfillment.adapters import wire
from services.fulfillment.domain import facts
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder

SERVICE = "fulfillment"
AGGREGATE_TYPE = "fulfillment_order"


def events_of(
    orders: Iterable[FulfillmentOrder], traceparents: Mapping[str, str | None]
) -> list[OutboxEvent]:
    """The events of all that `orders` tell, each order's in its sequence.

    They go on with the trace that `traceparents` has for the fulfillment order, else with the present one.
    """
    present = current_traceparent()
    return [
        event(
            SERVICE,
            _message(told.fact, _origin(order, told)),
            aggregate_type=AGGREGATE_TYPE,
            aggregate_id=order.id,
            sequence=told.sequence,
            occurred_at=told.time,
            traceparent=traceparents.get(order.id, present),
        )
        for order in orders
        for told in order.told
    ]


def _origin(order: FulfillmentOrder, told: facts.Told) -> pb.Origin:
    opening = order.opening
    return pb.Origin(
        fulfillment_order_id=opening.fulfillment_order_id,
        order_id=opening.order_id,
        location_id=opening.location_id,
        reservation_id=opening.reservation_id,
        method=wire.METHOD_TO_WIRE[opening.method],
        time=wire.timestamp(told.time),
        actor=told.actor,
    )


def _units(units: tuple[facts.Units, ...]) -> list[pb.Units]:
    return [
        pb.Units(line_number=one.line_number, sku=one.sku, quantity_units=one.quantity_units) for one in units
    ]


@singledispatch
def _message(fact: object, origin: pb.Origin) -> Message:
    raise TypeError(f"{type(fact).__name__} has no event")


@_message.register
def _(fact: facts.Opened, origin: pb.Origin) -> Message:
    return pb.FulfillmentOrderOpened(origin=origin)


@_message.register
def _(fact: facts.PickingStarted, origin: pb.Origin) -> Message:
    return pb.PickingStarted(origin=origin)


@_message.register
def _(fact: facts.Picked, origin: pb.Origin) -> Message:
    return pb.UnitsPicked(origin=origin, units=_units(fact.units))


@_message.register
def _(fact: facts.Short, origin: pb.Origin) -> Message:
    return pb.UnitsShort(
        origin=origin, units=_units(fact.units), reason=wire.REASON_TO_WIRE[fact.reason], note=fact.note
    )


@_message.register
def _(fact: facts.TakenOut, origin: pb.Origin) -> Message:
    return pb.UnitsTakenOut(origin=origin, units=_units(fact.units), request_id=fact.request_id)


@_message.register
def _(fact: facts.Packed, origin: pb.Origin) -> Message:
    return pb.OrderPacked(origin=origin, parcel_count=fact.parcel_count)


@_message.register
def _(fact: facts.Shipped, origin: pb.Origin) -> Message:
    return pb.OrderShipped(
        origin=origin, units=_units(fact.units), carrier=fact.carrier, tracking_number=fact.tracking_number
    )


@_message.register
def _(fact: facts.Ready, origin: pb.Origin) -> Message:
    return pb.PickupReady(
        origin=origin, units=_units(fact.units), collect_until_time=wire.timestamp(fact.collect_until)
    )


@_message.register
def _(fact: facts.HandedOver, origin: pb.Origin) -> Message:
    return pb.OrderHandedOver(origin=origin, units=_units(fact.units))


@_message.register
def _(fact: facts.Expired, origin: pb.Origin) -> Message:
    return pb.PickupExpired(origin=origin, units=_units(fact.units))


@_message.register
def _(fact: facts.Returned, origin: pb.Origin) -> Message:
    return pb.ReturnReceived(
        origin=origin,
        return_id=fact.return_id,
        receiving_location_id=fact.receiving_location_id,
        units=_units(fact.units),
        disposition=wire.DISPOSITION_TO_WIRE[fact.disposition],
        reason=fact.reason,
    )
