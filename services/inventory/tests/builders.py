"""Stock for tests, so that a test mentions only what matters to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2 as pb
from services.inventory.domain.book import Origin
from services.inventory.domain.control import Amount, Rules
from services.inventory.domain.controlling import SetControls
from services.inventory.domain.facts import Move
from services.inventory.domain.holding import CreateHold
from services.inventory.domain.limit import BuyerLimit
from services.inventory.domain.limiting import SetLimits
from services.inventory.domain.location import Address, Capability, Hours, Kind, Location
from services.inventory.domain.reserving import Reserve
from services.inventory.domain.stock import Cause, Pick

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SKU = "SKU-1"
STORE = "store-1"
OTHER_STORE = "store-2"
CLOSED_STORE = "store-closed"

_numbers = count(1)


def unique(prefix: str) -> str:
    """A text that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


def a_location(location_id: str = STORE, *, kind: Kind = Kind.STORE, active: bool = True) -> Location:
    return Location(
        location_id,
        "A place",
        kind,
        Address("", ("1 Main St",), "Springfield", "OH", "45501", "US", 39.9, -83.8),
        "America/New_York",
        (Hours(1, 540, 1080),),
        (Capability.SHIP,),
        active,
    )


def a_location_message(location_id: str = STORE, *, active: bool = True) -> pb.Location:
    return pb.Location(
        location_id=location_id,
        name="A place",
        kind=types_pb2.LOCATION_KIND_STORE,
        address=types_pb2.Address(
            city="Springfield", country_code="US", point=types_pb2.GeoPoint(latitude=39.9, longitude=-83.8)
        ),
        time_zone="America/New_York",
        hours=[pb.OpeningHours(weekday=1, open_minute=540, close_minute=1080)],
        capabilities=[pb.CAPABILITY_SHIP, pb.CAPABILITY_PICKUP],
        active=active,
    )


def an_origin(document_id: str = "doc-1", *, actor: str = "ana") -> Origin:
    return Origin(unique("request"), document_id, actor)


def a_pick(quantity_units: int = 1, *, sku: str = SKU, location_id: str = STORE) -> Pick:
    return Pick(sku, location_id, quantity_units)


def a_receipt(quantity_units: int, *, sku: str = SKU, location_id: str = STORE) -> Move:
    return Move((Pick(sku, location_id, quantity_units),), Cause.RECEIPT, an_origin())


def a_sale(quantity_units: int, *, sku: str = SKU, location_id: str = STORE, channel_id: str = "") -> Move:
    lines = (Pick(sku, location_id, -quantity_units),)
    return Move(lines, Cause.SALE, an_origin("receipt-1"), channel_id)


def a_reserve(
    quantity_units: int = 1,
    *,
    order_id: str = "",
    attempt: int = 1,
    sku: str = SKU,
    location_id: str = STORE,
    picks: Sequence[Pick] = (),
    ttl_seconds: int = 900,
    hold_id: str = "",
    channel_id: str = "web",
    customer_id: str = "",
    accepted: bool = False,
) -> Reserve:
    wanted = tuple(picks) or (Pick(sku, location_id, quantity_units),)
    return Reserve(
        order_id or unique("ord"), attempt, wanted, ttl_seconds, channel_id, hold_id, customer_id, accepted
    )


def a_hold(
    quantity_units: int = 1,
    *,
    sku: str = SKU,
    more: Mapping[str, int] | None = None,
    channel_id: str = "web",
    customer_id: str = "",
) -> CreateHold:
    return CreateHold(channel_id, ((sku, quantity_units), *(more or {}).items()), 900, customer_id)


def a_limit(
    max_units: int,
    *,
    sku: str = SKU,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    window_seconds: int = 0,
    named_only: bool = False,
) -> SetLimits:
    return SetLimits((BuyerLimit(sku, max_units, NOW, valid_from, valid_until, window_seconds, named_only),))


def units(number: int) -> Amount:
    return Amount(units=number)


def percent(number: int) -> Amount:
    return Amount(percent=number)


def a_control(
    channel_id: str = "web",
    *,
    sku: str = SKU,
    buffer: Amount | None = None,
    ring_fence: Amount | None = None,
    cap: Amount | None = None,
    priority: int = 0,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    release_time: datetime | None = None,
    fallback: bool = True,
) -> SetControls:
    rules = Rules(buffer, ring_fence, cap, priority, valid_from, valid_until, release_time, fallback)
    return SetControls((((sku, channel_id), rules),))
