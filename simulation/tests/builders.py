"""Small worlds: two stores of a town, a warehouse farther away, one article."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.orders.domain.places import CARRY_OUT, PICKUP, SHIP, STORE, WAREHOUSE, Location, Locations
from services.orders.domain.sourcing import Wish, WishLine
from services.orders.domain.states import Method
from simulation.world import Event, Movement, Order, PastSale, Sale, World

BEGINS = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
HOME = (40.0, -3.0)
EVERYTHING = frozenset({SHIP, PICKUP, CARRY_OUT})
LOCATIONS = Locations.of(
    [
        Location("store-a", STORE, 40.0, -3.0, "ES", capabilities=EVERYTHING),
        Location("store-b", STORE, 40.0, -4.0, "ES", capabilities=EVERYTHING),
        Location("wh", WAREHOUSE, 42.0, -3.0, "ES"),
    ]
)
PRICE_MINOR = 10_000


def at(day: int = 0, hour: float = 9.0) -> datetime:
    """A moment of the world."""
    return BEGINS + timedelta(days=day, hours=hour)


def order(
    number: int,
    when: datetime,
    *lines: tuple[str, int],
    pickup: str = "",
    to: tuple[float, float] = HOME,
) -> Order:
    """An order of (SKU, units), to be sent, or to be collected at a store."""
    method = Method.PICKUP if pickup else Method.SHIP
    wished = tuple(
        WishLine(place, sku, units, method, pickup) for place, (sku, units) in enumerate(lines, start=1)
    )
    return Order(when, f"ord-{number}", Wish(wished, None if pickup else to))


def sale(when: datetime, location_id: str = "store-a", sku: str = "x", units: int = 1) -> Sale:
    """What walk-in customers want."""
    return Sale(when, location_id, sku, units)


def moved(when: datetime, units: int, location_id: str = "store-a", sku: str = "x") -> Movement:
    """Units come or go."""
    return Movement(when, location_id, sku, units)


def world(
    opening: Mapping[str, Mapping[str, int]],
    events: Sequence[Event],
    *,
    days: int = 7,
    past: Sequence[PastSale] = (),
    safety: Mapping[tuple[str, str], int] | None = None,
    locations: Locations = LOCATIONS,
) -> World:
    """A world of articles at 100.00 each, in the order of time."""
    skus = {*opening, *(event.sku for event in events if not isinstance(event, Order))}
    skus |= {line.sku for event in events if isinstance(event, Order) for line in event.wish.lines}
    return World(
        begins=BEGINS,
        ends=BEGINS + timedelta(days=days),
        currency_code="EUR",
        locations=locations,
        prices_minor=dict.fromkeys(sorted(skus), PRICE_MINOR),
        opening=opening,
        events=sorted(events, key=lambda event: event.at),
        past=past,
        safety=safety or {},
    )
