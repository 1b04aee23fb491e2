"""Facts of the domain as events of the contract, in wire form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatch
from typing import TypeAlias

from google.protobuf.message import Message

from aljibe.fulfillment.v1 import events_pb2 as pb
from chassis import wire as written
from chassis.envelope import OutboxEvent, written_event
from chassis.telemetry import current_traceparent
from services.fulfillment.adapters import wire
from services.fulfillment.domain import facts
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder

SERVICE = "fulfillment"
AGGREGATE_TYPE = "fulfillment_order"

Told: TypeAlias = tuple[type[Message], bytes]

_write_origin = written.writer(pb.Origin)
_write_units = written.writer(pb.Units)
_write_opened = written.writer(pb.FulfillmentOrderOpened)
_write_picking_started = written.writer(pb.PickingStarted)
_write_picked = written.writer(pb.UnitsPicked)
_write_short = written.writer(pb.UnitsShort)
_write_taken_out = written.writer(pb.UnitsTakenOut)
_write_packed = written.writer(pb.OrderPacked)
_write_shipped = written.writer(pb.OrderShipped)
_write_sent_to_store = written.writer(pb.ParcelSentToStore)
_write_received_at_store = written.writer(pb.ParcelReceivedAtStore)
_write_lost = written.writer(pb.UnitsLostInTransit)
_write_ready = written.writer(pb.PickupReady)
_write_handed_over = written.writer(pb.OrderHandedOver)
_write_expired = written.writer(pb.PickupExpired)
_write_returned = written.writer(pb.ReturnReceived)


def events_of(
    orders: Iterable[FulfillmentOrder], traceparents: Mapping[str, str | None]
) -> list[OutboxEvent]:
    """The events of all that `orders` tell, each order's in its sequence.

    They go on with the trace that `traceparents` has for the fulfillment order, else with the present one.
    """
    present = current_traceparent()
    events: list[OutboxEvent] = []
    for order in orders:
        id_ = order.id
        traceparent = traceparents.get(id_, present)
        for told in order.told:
            kind, payload = _message(told.fact, _origin(order, told))
            events.append(
                written_event(
                    SERVICE,
                    kind,
                    payload,
                    aggregate_type=AGGREGATE_TYPE,
                    aggregate_id=id_,
                    sequence=told.sequence,
                    occurred_at=told.time,
                    traceparent=traceparent,
                )
            )
    return events


def _origin(order: FulfillmentOrder, told: facts.Told) -> bytes:
    opening = order.opening
    return _write_origin(
        fulfillment_order_id=opening.fulfillment_order_id,
        order_id=opening.order_id,
        location_id=opening.location_id,
        reservation_id=opening.reservation_id,
        method=wire.METHOD_TO_WIRE[opening.method],
        time=written.timestamp(told.time),
        actor=told.actor,
        pickup_location_id=opening.pickup_location_id,
    )


def _units(units: tuple[facts.Units, ...]) -> list[bytes]:
    return [
        _write_units(line_number=one.line_number, sku=one.sku, quantity_units=one.quantity_units)
        for one in units
    ]


@singledispatch
def _message(fact: object, origin: bytes) -> Told:
    raise TypeError(f"{type(fact).__name__} has no event")


@_message.register
def _(fact: facts.Opened, origin: bytes) -> Told:
    return pb.FulfillmentOrderOpened, _write_opened(origin=origin)


@_message.register
def _(fact: facts.PickingStarted, origin: bytes) -> Told:
    return pb.PickingStarted, _write_picking_started(origin=origin)


@_message.register
def _(fact: facts.Picked, origin: bytes) -> Told:
    return pb.UnitsPicked, _write_picked(origin=origin, units=_units(fact.units))


@_message.register
def _(fact: facts.Short, origin: bytes) -> Told:
    reason = wire.REASON_TO_WIRE[fact.reason]
    return pb.UnitsShort, _write_short(origin=origin, units=_units(fact.units), reason=reason, note=fact.note)


@_message.register
def _(fact: facts.TakenOut, origin: bytes) -> Told:
    return pb.UnitsTakenOut, _write_taken_out(
        origin=origin, units=_units(fact.units), request_id=fact.request_id
    )


@_message.register
def _(fact: facts.Packed, origin: bytes) -> Told:
    return pb.OrderPacked, _write_packed(origin=origin, parcel_count=fact.parcel_count)


@_message.register
def _(fact: facts.Shipped, origin: bytes) -> Told:
    return pb.OrderShipped, _write_shipped(
        origin=origin, units=_units(fact.units), carrier=fact.carrier, tracking_number=fact.tracking_number
    )


@_message.register
def _(fact: facts.SentToStore, origin: bytes) -> Told:
    return pb.ParcelSentToStore, _write_sent_to_store(
        origin=origin, units=_units(fact.units), carrier=fact.carrier, tracking_number=fact.tracking_number
    )


@_message.register
def _(fact: facts.ReceivedAtStore, origin: bytes) -> Told:
    return pb.ParcelReceivedAtStore, _write_received_at_store(origin=origin, units=_units(fact.units))


@_message.register
def _(fact: facts.LostInTransit, origin: bytes) -> Told:
    return pb.UnitsLostInTransit, _write_lost(origin=origin, units=_units(fact.units), note=fact.note)


@_message.register
def _(fact: facts.Ready, origin: bytes) -> Told:
    until = written.timestamp(fact.collect_until)
    return pb.PickupReady, _write_ready(origin=origin, units=_units(fact.units), collect_until_time=until)


@_message.register
def _(fact: facts.HandedOver, origin: bytes) -> Told:
    return pb.OrderHandedOver, _write_handed_over(origin=origin, units=_units(fact.units))


@_message.register
def _(fact: facts.Expired, origin: bytes) -> Told:
    return pb.PickupExpired, _write_expired(origin=origin, units=_units(fact.units))


@_message.register
def _(fact: facts.Returned, origin: bytes) -> Told:
    return pb.ReturnReceived, _write_returned(
        origin=origin,
        return_id=fact.return_id,
        receiving_location_id=fact.receiving_location_id,
        units=_units(fact.units),
        disposition=wire.DISPOSITION_TO_WIRE[fact.disposition],
        reason=fact.reason,
    )
