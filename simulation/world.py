"""A stretch of a retailer's past that can be played again: places, opening stock, and what happened.

Times are timezone-aware UTC, money is in minor units of `World.currency_code`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from services.orders.domain.places import Locations
from services.orders.domain.sourcing import Wish

MAX_EVENTS = 5_000_000
MAX_DAYS = 400
DAY = timedelta(days=1)


class Order(NamedTuple):
    """An order placed through a channel other than a till."""

    at: datetime
    order_id: str
    wish: Wish


class Sale(NamedTuple):
    """What walk-in customers took to a till, or wanted to: beyond the stock it is lost."""

    at: datetime
    location_id: str
    sku: str
    quantity_units: int


class Movement(NamedTuple):
    """Units that came (+) or went (-) otherwise: receipts, counts, transfers, returns. What is not there
    cannot go.
    """

    at: datetime
    location_id: str
    sku: str
    quantity_units: int


Event = Order | Sale | Movement


class PastSale(NamedTuple):
    """Units sold before the stretch, for learning: at a store, or online to a place (latitude, longitude)."""

    at: datetime
    sku: str
    quantity_units: int
    location_id: str = ""
    destination: tuple[float, float] = (0.0, 0.0)


class BadWorld(ValueError):
    """A past that cannot be played: what is wrong with it is the message."""


@dataclass(frozen=True)
class World:
    """From `begins` up to, not including, `ends`."""

    begins: datetime
    ends: datetime
    currency_code: str
    locations: Locations
    prices_minor: Mapping[str, int]
    """What a customer pays for a unit, net of tax, by SKU."""
    opening: Mapping[str, Mapping[str, int]]
    """Units on hand by SKU and location when it begins, less what earlier orders have reserved."""
    events: Sequence[Event]
    """In order of time."""
    past: Sequence[PastSale] = ()
    safety: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Units that online orders never get, by SKU and location."""

    def __post_init__(self) -> None:
        """Refuse what cannot be played.

        Raises:
            BadWorld
        """
        if not timedelta(0) < self.ends - self.begins <= MAX_DAYS * DAY:
            raise BadWorld(f"from {self.begins} to {self.ends} is not between 0 and {MAX_DAYS} days")
        if len(self.events) > MAX_EVENTS:
            raise BadWorld(f"{len(self.events)} events are more than {MAX_EVENTS}")
        before = self.begins
        for event in self.events:
            if not before <= event.at < self.ends:
                raise BadWorld(f"an event at {event.at} is out of order or out of the period")
            before = event.at
            if not isinstance(event, Order) and event.location_id not in self.locations.by_id:
                raise BadWorld(f"location {event.location_id} is not known")
        if any(units < 0 for there in self.opening.values() for units in there.values()):
            raise BadWorld("opening stock is below zero")

    @cached_property
    def orders(self) -> tuple[Order, ...]:
        """The orders among the events."""
        return tuple(event for event in self.events if isinstance(event, Order))

    @cached_property
    def days(self) -> tuple[date, ...]:
        """The days in UTC that the stretch touches."""
        count = ((self.ends - timedelta(microseconds=1)).date() - self.begins.date()).days + 1
        return tuple(self.begins.date() + number * DAY for number in range(count))
