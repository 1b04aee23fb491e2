"""Inventory's facts as events for the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.inventory.v1 import events_pb2 as facts
from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.inventory.v1 import supply_pb2
from chassis.envelope import OutboxEvent, event
from services.inventory.adapters.grpc import translate
from services.inventory.domain.backorder import (
    BackorderArrived,
    BackorderCut,
    BackorderMoved,
    SupplyPick,
)
from services.inventory.domain.book import Event
from services.inventory.domain.control import ControlChanged
from services.inventory.domain.pool import HoldDisplaced, HoldExpired
from services.inventory.domain.stock import (
    ReservationExpired,
    ReservationLost,
    SupplyDateMoved,
    UnitsDisplaced,
    UnitsSold,
)

SERVICE = "inventory"


def encode(events: Sequence[Event], traces: Sequence[str | None], now: datetime) -> list[OutboxEvent]:
    """Events, each with the trace context it came from."""
    time = Timestamp()
    time.FromDatetime(now)
    return [
        event(
            SERVICE,
            _message(one, time),
            aggregate_type=_aggregate(one)[0],
            aggregate_id=_aggregate(one)[1],
            sequence=one.sequence,
            occurred_at=now,
            traceparent=trace,
        )
        for one, trace in zip(events, traces, strict=True)
    ]


def location_changed(
    location: pb.Location, sequence: int, now: datetime, traceparent: str | None
) -> OutboxEvent:
    """LocationChanged."""
    message = facts.LocationChanged(location=location)
    message.time.FromDatetime(now)
    return event(
        SERVICE,
        message,
        aggregate_type="location",
        aggregate_id=location.location_id,
        sequence=sequence,
        occurred_at=now,
        traceparent=traceparent,
    )


def _aggregate(one: Event) -> tuple[str, str]:
    """Of what kind and of which thing an event tells."""
    if isinstance(one, SupplyDateMoved):
        return "supply", one.supply_id
    if isinstance(one, UnitsSold):
        return "sale", one.sale_id
    if isinstance(one, HoldDisplaced | HoldExpired):
        return "hold", one.hold_id
    if isinstance(one, ControlChanged):
        return "channel_control", f"{one.channel_id}/{one.sku}"
    return "reservation", one.reservation_id


def _message(one: Event, time: Timestamp) -> Message:
    if isinstance(one, UnitsDisplaced):
        return facts.UnitsDisplaced(
            reservation_id=one.reservation_id,
            order_id=one.order_id,
            sku=one.sku,
            location_id=one.location_id,
            quantity_units=one.quantity_units,
            cause=pb.MovementCause.ValueType(one.cause),
            document_id=one.document_id,
            time=time,
        )
    if isinstance(one, UnitsSold):
        return facts.UnitsSold(
            sale_id=one.sale_id,
            location_id=one.location_id,
            lines=[pb.StockLine(sku=sku, quantity_units=units) for sku, units in one.lines],
            document_id=one.document_id,
            channel_id=one.channel_id,
            time=time,
        )
    if isinstance(one, ReservationExpired):
        return facts.ReservationExpired(reservation_id=one.reservation_id, order_id=one.order_id, time=time)
    if isinstance(one, SupplyDateMoved):
        moved = facts.SupplyDateMoved(
            supply_id=one.supply_id,
            location_id=one.location_id,
            lines=[
                supply_pb2.SupplyLine(
                    sku=sku, expected_units=expected, received_units=received, open_units=expected - received
                )
                for sku, expected, received in one.lines
            ],
            time=time,
        )
        moved.previous_time.FromDatetime(one.previous_at)
        moved.expected_time.FromDatetime(one.expected_at)
        return moved
    if isinstance(one, HoldDisplaced):
        return facts.HoldDisplaced(
            hold_id=one.hold_id,
            channel_id=one.channel_id,
            sku=one.sku,
            quantity_units=one.quantity_units,
            cause=pb.MovementCause.ValueType(one.cause),
            document_id=one.document_id,
            time=time,
        )
    if isinstance(one, ControlChanged):
        return facts.ChannelControlChanged(
            control=translate.channel_control(one.sku, one.channel_id, one.rules),
            removed=one.rules is None,
            time=time,
        )
    if isinstance(one, HoldExpired):
        return facts.HoldExpired(hold_id=one.hold_id, channel_id=one.channel_id, time=time)
    if isinstance(one, BackorderArrived):
        return facts.BackorderArrived(
            reservation_id=one.reservation_id, order_id=one.order_id, units=_waited(one), time=time
        )
    if isinstance(one, BackorderMoved):
        told = facts.BackorderMoved(
            reservation_id=one.reservation_id, order_id=one.order_id, units=_waited(one), time=time
        )
        told.expected_time.FromDatetime(one.expected_at)
        return told
    if isinstance(one, BackorderCut):
        return facts.BackorderCut(
            reservation_id=one.reservation_id, order_id=one.order_id, units=_waited(one), time=time
        )
    assert isinstance(one, ReservationLost)
    return facts.ReservationLost(
        reservation_id=one.reservation_id,
        order_id=one.order_id,
        picks=[
            pb.Pick(sku=pick.sku, location_id=pick.location_id, quantity_units=pick.quantity_units)
            for pick in one.picks
        ],
        time=time,
        supply_picks=[_waited(pick) for pick in one.supply_picks],
    )


def _waited(one: SupplyPick | BackorderArrived | BackorderMoved | BackorderCut) -> pb.SupplyPick:
    return pb.SupplyPick(
        sku=one.sku,
        location_id=one.location_id,
        supply_id=one.supply_id,
        quantity_units=one.quantity_units,
    )
