"""Backorders: units of a reservation that wait for a supply, and the terms on which an article may be sold so
(ADR-0036).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from services.inventory.domain.document import DocumentKey, Kind

EVERY_CHANNEL = "*"
"""In the place of a channel: every one that has no terms of its own."""
DEFAULT_FURTHEST_DAYS = 365


class Mode(IntEnum):
    """How an article is sold before it is there; numbers are those of the contract."""

    NONE = 0
    BACKORDER = 1
    PREORDER = 2


@dataclass(slots=True)
class Terms:
    """On what terms a channel may sell an article from supply that has not come; `NONE`: not at all."""

    sku: str
    channel_id: str
    mode: Mode
    release_time: datetime | None = None
    """Of a pre-order: until when it may be ordered, and before when it reaches nobody."""
    furthest_days: int = 0
    """How far ahead the supply may be expected; 0: a year."""
    share_percent: int = 100
    """How much of what a supply still brings may be promised: suppliers bring less than they say."""
    unasked: bool = False
    """Whether lines that do not say so accept later delivery too."""
    version: int = 0
    """Grows with every change that is kept."""

    @property
    def key(self) -> DocumentKey:
        """What identifies them."""
        return terms_key(self.sku, self.channel_id)

    def allow(self, expected_at: datetime, now: datetime) -> bool:
        """Whether a supply of that time may be promised now; what is late has no time to be promised by."""
        if self.mode is Mode.NONE or expected_at <= now:
            return False
        if self.mode is Mode.PREORDER and (self.release_time is None or now >= self.release_time):
            return False
        return expected_at <= now + timedelta(days=self.furthest_days or DEFAULT_FURTHEST_DAYS)

    def room_units(self, open_units: int, promised_units: int) -> int:
        """What may still be promised of a supply that brings `open_units` more, of which so many are
        promised.
        """
        return max(0, open_units * self.share_percent // 100 - promised_units)


def terms_key(sku: str, channel_id: str) -> DocumentKey:
    """What identifies the terms of a channel over an article. No channel's id has a slash."""
    return (Kind.TERMS, f"{channel_id}/{sku}")


@dataclass(slots=True, frozen=True)
class SupplyPick:
    """Units to take from a supply that has not come."""

    sku: str
    location_id: str
    supply_id: str
    quantity_units: int


@dataclass(slots=True)
class Backorder:
    """What a reservation waits for: quantity = live + arrived + released + displaced. Units that arrived are
    in the reservation's line at the location.
    """

    sku: str
    location_id: str
    supply_id: str
    quantity_units: int
    live_units: int
    expected_at: datetime
    arrived_units: int = 0
    released_units: int = 0
    displaced_units: int = 0
    moved: bool = False
    """Whether the supply's time was moved before the order was known to be accepted."""

    @property
    def key(self) -> tuple[str, str]:
        """SKU and location: the position that it will be reserved at."""
        return (self.sku, self.location_id)


@dataclass(slots=True, frozen=True)
class BackorderArrived:
    """Goods that an accepted order waited for are there and reserved for it."""

    reservation_id: str
    order_id: str
    sequence: int
    sku: str
    location_id: str
    supply_id: str
    quantity_units: int


@dataclass(slots=True, frozen=True)
class BackorderMoved:
    """Goods that an accepted order waits for come at another time."""

    reservation_id: str
    order_id: str
    sequence: int
    sku: str
    location_id: str
    supply_id: str
    quantity_units: int
    expected_at: datetime


@dataclass(slots=True, frozen=True)
class BackorderCut:
    """Goods that an accepted order waited for will not come."""

    reservation_id: str
    order_id: str
    sequence: int
    sku: str
    location_id: str
    supply_id: str
    quantity_units: int
