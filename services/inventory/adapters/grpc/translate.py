"""Between the contract's messages and what the domain speaks of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import controls_pb2, events_pb2, holds_pb2, supply_pb2
from aljibe.inventory.v1 import inventory_pb2 as pb
from services.inventory.adapters.postgres.reads import RecordedMovement
from services.inventory.domain.backorder import SupplyPick, Terms
from services.inventory.domain.control import Rules
from services.inventory.domain.location import Address, Capability, Holiday, Hours, Kind, Location
from services.inventory.domain.pool import Hold, HoldState
from services.inventory.domain.stock import Pick, Position, Reservation, State
from services.inventory.usecases.inbound import Inbound

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(time: datetime) -> Timestamp:
    """`time` in the contract's form."""
    result = Timestamp()
    result.FromDatetime(time)
    return result


def time_of(message: Message, name: str) -> datetime | None:
    """The time in a field; None when it is not set."""
    if not message.HasField(name):
        return None
    found: datetime = getattr(message, name).ToDatetime(UTC)
    return found


def picks_of(picks: Iterable[pb.Pick]) -> tuple[Pick, ...]:
    """Picks as the domain has them."""
    return tuple([Pick(pick.sku, pick.location_id, pick.quantity_units) for pick in picks])


def supply_picks_of(picks: Iterable[pb.SupplyPick]) -> tuple[SupplyPick, ...]:
    """Units to wait for, as the domain has them."""
    return tuple(
        [SupplyPick(pick.sku, pick.location_id, pick.supply_id, pick.quantity_units) for pick in picks]
    )


def position(found: Position) -> pb.Position:
    """A position for callers."""
    return pb.Position(
        sku=found.sku,
        location_id=found.location_id,
        on_hand_units=found.on_hand_units,
        reserved_units=found.reserved_units,
        safety_units=found.safety_units,
        available_units=found.available_units,
        version=found.version,
    )


def position_state(found: Position) -> pb.PositionState:
    """A position for replicas."""
    return pb.PositionState(
        sku=found.sku,
        location_id=found.location_id,
        available_units=found.free_units,
        version=found.version,
    )


def reservation(found: Reservation) -> pb.Reservation:
    """A reservation for callers."""
    message = pb.Reservation()
    write_reservation(found, message)
    return message


def write_reservation(found: Reservation, message: pb.Reservation) -> None:
    """The same into a message that is a part of another: to build it first and copy it costs three times as
    much.
    """
    message.reservation_id = found.reservation_id
    message.order_id = found.order_id
    message.attempt = found.attempt
    # The domain's numbers are those of the contract.
    state = found.state
    message.state = state  # type: ignore[assignment]
    if state is State.HELD:
        since = found.expire_time - EPOCH
        expire_time = message.expire_time
        expire_time.seconds = since.days * 86_400 + since.seconds
        expire_time.nanos = since.microseconds * 1_000
    add = message.lines.add
    for line in found.lines:
        live_units = line.live_units
        if live_units == line.quantity_units:
            # What nothing has befallen: a field costs as much to be set to zero as to anything else.
            add(sku=line.sku, location_id=line.location_id, quantity_units=live_units, live_units=live_units)
            continue
        add(
            sku=line.sku,
            location_id=line.location_id,
            quantity_units=line.quantity_units,
            live_units=live_units,
            consumed_units=line.consumed_units,
            released_units=line.released_units,
            displaced_units=line.displaced_units,
        )
    for one in found.backorders:
        message.backorders.add(
            sku=one.sku,
            location_id=one.location_id,
            supply_id=one.supply_id,
            quantity_units=one.quantity_units,
            live_units=one.live_units,
            arrived_units=one.arrived_units,
            released_units=one.released_units,
            displaced_units=one.displaced_units,
            expected_time=timestamp(one.expected_at),
        )


def terms(found: Terms) -> supply_pb2.BackorderTerms:
    """Terms of backorders, removed ones without a mode."""
    return supply_pb2.BackorderTerms(
        sku=found.sku,
        channel_id=found.channel_id,
        mode=supply_pb2.BackorderMode.ValueType(found.mode),
        release_time=timestamp(found.release_time) if found.release_time is not None else None,
        furthest_days=found.furthest_days,
        share_percent=found.share_percent,
        unasked=found.unasked,
        version=found.version,
    )


def inbound(one: Inbound) -> events_pb2.InboundSupply:
    """What a supply still brings, for replicas."""
    message = events_pb2.InboundSupply(
        supply_id=one.supply_id, location_id=one.location_id, version=one.version
    )
    message.expected_time.FromDatetime(one.expected_at)
    for sku, units in one.units.items():
        message.lines.add(sku=sku, quantity_units=units)
    if one.promised:
        message.promised_units.extend([one.promised.get(sku, 0) for sku in one.units])
    return message


def hold(found: Hold) -> holds_pb2.Hold:
    """A hold for callers."""
    return holds_pb2.Hold(
        hold_id=found.hold_id,
        channel_id=found.channel_id,
        state=holds_pb2.HoldState.ValueType(found.state),
        lines=[
            holds_pb2.HoldLine(
                sku=line.sku,
                quantity_units=line.quantity_units,
                live_units=line.live_units,
                used_units=line.used_units,
                released_units=line.released_units,
                displaced_units=line.displaced_units,
            )
            for line in found.lines
        ],
        expire_time=timestamp(found.expire_time) if found.state is HoldState.HELD else None,
    )


def channel_control(sku: str, channel_id: str, rules: Rules | None) -> controls_pb2.ChannelControl:
    """A channel control for callers; with its name alone when it was removed."""
    message = controls_pb2.ChannelControl(channel_id=channel_id, sku=sku)
    if rules is None:
        return message
    for name, amount in (("buffer", rules.buffer), ("ring_fence", rules.ring_fence), ("cap", rules.cap)):
        if amount is not None:
            unit = "percent" if amount.percent else "units"
            setattr(getattr(message, name), unit, amount.percent or amount.units)
    message.priority = rules.priority
    message.only_ring_fence = not rules.fallback
    for name, time in (
        ("valid_from", rules.valid_from),
        ("valid_until", rules.valid_until),
        ("release_time", rules.release_time),
    ):
        if time is not None:
            getattr(message, name).FromDatetime(time)
    return message


def movement(found: RecordedMovement) -> pb.Movement:
    """A line of the ledger for callers."""
    return pb.Movement(
        movement_id=found.movement_id,
        sku=found.sku,
        location_id=found.location_id,
        quantity_units=found.quantity_units,
        cause=pb.MovementCause.ValueType(found.cause),
        document_id=found.document_id,
        actor=found.actor,
        note=found.note,
        record_time=timestamp(found.record_time),
        on_hand_after_units=found.on_hand_after_units,
    )


def location_of(message: pb.Location) -> Location:
    """A location as the domain has it; hours and capabilities in their natural order."""
    address = message.address
    return Location(
        message.location_id,
        message.name,
        Kind(message.kind),
        Address(
            address.recipient,
            tuple(address.street_lines),
            address.city,
            address.region,
            address.postal_code,
            address.country_code,
            address.point.latitude,
            address.point.longitude,
        ),
        message.time_zone,
        tuple(
            sorted(
                (Hours(one.weekday, one.open_minute, one.close_minute) for one in message.hours),
                key=lambda one: (one.weekday, one.open_minute),
            )
        ),
        tuple(sorted({Capability(one) for one in message.capabilities})),
        message.active,
        tuple(
            sorted(
                (
                    Holiday(
                        one.date, tuple(sorted((span.open_minute, span.close_minute) for span in one.hours))
                    )
                    for one in message.holidays
                ),
                key=lambda one: one.date,
            )
        ),
        message.ship_cut_off_minute if message.HasField("ship_cut_off_minute") else None,
        message.preparation_minutes if message.HasField("preparation_minutes") else None,
        message.daily_capacity_units,
        tuple(sorted(message.handover_days)),
    )


def location(found: Location) -> pb.Location:
    """A location for callers."""
    address = found.address
    return pb.Location(
        location_id=found.location_id,
        name=found.name,
        kind=types_pb2.LocationKind.ValueType(found.kind),
        address=types_pb2.Address(
            recipient=address.recipient,
            street_lines=address.street_lines,
            city=address.city,
            region=address.region,
            postal_code=address.postal_code,
            country_code=address.country_code,
            point=types_pb2.GeoPoint(latitude=address.latitude, longitude=address.longitude),
        ),
        time_zone=found.time_zone,
        hours=[
            pb.OpeningHours(weekday=one.weekday, open_minute=one.open_minute, close_minute=one.close_minute)
            for one in found.hours
        ],
        capabilities=[pb.Capability.ValueType(one) for one in found.capabilities],
        active=found.active,
        holidays=[
            pb.Holiday(
                date=one.date, hours=[pb.HolidayHours(open_minute=a, close_minute=b) for a, b in one.hours]
            )
            for one in found.holidays
        ],
        ship_cut_off_minute=found.ship_cut_off_minute,
        preparation_minutes=found.preparation_minutes,
        daily_capacity_units=found.daily_capacity_units,
        handover_days=found.handover_days,
    )
