"""The things that the model of stock is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, str]
"""SKU and location."""


class Refused(Exception):
    """The model would not do it, for this reason."""


Amount = tuple[int, int]
"""Units, or 0 and a percentage of what there was and came."""


@dataclass
class Control:
    """What of an article a channel may be promised."""

    channel: str
    since: int
    """From when on counting counts."""
    buffer: Amount | None = None
    fence: Amount | None = None
    cap: Amount | None = None
    priority: int = 0
    starts: int | None = None
    release: int | None = None
    ends: int | None = None
    only_fence: bool = False

    def valid(self, now: int) -> bool:
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)

    def fences(self, now: int) -> bool:
        return bool(self.fence) and self.valid(now) and (self.release is None or now < self.release)


@dataclass
class Limit:
    """What each customer may have of an article."""

    most: int
    since: int
    starts: int | None = None
    ends: int | None = None
    window: int = 0
    named_only: bool = False

    def valid(self, now: int) -> bool:
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)


@dataclass
class Sheet:
    """What people count at a location."""

    at: str
    book: dict[str, int]
    state: str = "OPEN"
    counted: dict[str, int] = field(default_factory=dict)
    snapshot: dict[str, int] = field(default_factory=dict)
    found: int = 0


@dataclass
class Supply:
    """What a supplier is to bring of one article."""

    place: Place
    expected: int
    received: int = 0
    closed: bool = False

    @property
    def open(self) -> int:
        return 0 if self.closed else max(0, self.expected - self.received)


@dataclass
class Promise:
    """A reservation: units at places."""

    wanted: Mapping[Place, int]
    expires: int
    number: int
    channel: str = ""
    made_at: int = 0
    given_back: dict[Place, int] = field(default_factory=dict)
    """What expiry gave back, as far as a commit that comes late may take it again."""
    accepted: bool = False
    state: str = "HELD"
    live: dict[Place, int] = field(default_factory=dict)
    consumed: dict[Place, int] = field(default_factory=dict)
    displaced: dict[Place, int] = field(default_factory=dict)
    request: Any = None
    """What was asked, so that a test can ask again."""
    waits: dict[str, int] = field(default_factory=dict)
    """By supply: units that it waits for."""
    came: dict[Place, int] = field(default_factory=dict)
    """Units that it waited for and that came."""

    @property
    def stands(self) -> bool:
        return self.state in ("HELD", "COMMITTED")

    def close_if_empty(self) -> None:
        if self.stands and not any(self.live.values()) and not any(self.waits.values()):
            self.state = "CONSUMED" if any(self.consumed.values()) else "RELEASED"


@dataclass
class Basket:
    """A hold: units of SKUs, wherever they are."""

    live: dict[str, int]
    ttl: int
    expires: int
    number: int
    channel: str = ""
    state: str = "HELD"
    used: bool = False


@dataclass
class Trip:
    """A transfer."""

    source: str
    destination: str
    planned: Mapping[str, int]
    state: str = "DRAFT"
    on_the_way: dict[str, int] = field(default_factory=dict)
    lost: int = 0


def has_units(document: Promise | Basket, sku: str) -> int:
    """Units of a SKU that a customer has by a reservation or basket, or waits for."""
    if isinstance(document, Basket):
        return document.live.get(sku, 0)
    return sum(
        units
        for lines in (document.live, document.consumed)
        for place, units in lines.items()
        if place[0] == sku
    ) + (sum(document.waits.values()) if any(place[0] == sku for place in document.wanted) else 0)
