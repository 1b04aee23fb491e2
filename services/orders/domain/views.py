"""What a sourcing decision looks at: stock, what it is worth, and how much work a location takes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


class Stock(Protocol):
    """A view of stock."""

    def units(self, sku: str) -> Mapping[str, int]:
        """What can be promised of `sku`, by location id; absent means nothing."""
        ...

    def version(self, sku: str, location_id: str) -> int:
        """The version of that figure; 0 when it has none."""
        ...


class Prices(Protocol):
    """What stock is worth to the customers still to come. Reads are plain look-ups."""

    @property
    def version(self) -> str:
        """Names the figures; empty when there are none."""
        ...

    def price(self, sku: str, location_id: str, units_left: int) -> int:
        """Thousandths of a minor unit that giving away the last of `units_left` (>= 1) units is expected
        to lose; 0 when nothing is known.
        """
        ...

    def rates(self, sku: str, location_id: str) -> float:
        """Expected walk-in units a day; 0 when nothing is known."""
        ...

    def rates_at(self, sku: str, location_ids: Sequence[str]) -> list[float]:
        """The same at each of these locations."""
        ...


class Capacity(Protocol):
    """How much work locations still take on."""

    def left(self, location_id: str, day: date) -> int | None:
        """Units that the location still takes on for `day` (its own calendar); None: any number."""
        ...


@dataclass(frozen=True, slots=True)
class NoPrices:
    """Stock has no price."""

    version: str = ""

    def price(self, sku: str, location_id: str, units_left: int) -> int:
        """Nothing."""
        return 0

    def rates(self, sku: str, location_id: str) -> float:
        """Nobody walks in."""
        return 0.0

    def rates_at(self, sku: str, location_ids: Sequence[str]) -> list[float]:
        """Nowhere."""
        return [0.0] * len(location_ids)


@dataclass(frozen=True, slots=True)
class Unlimited:
    """Every location takes on any number of units."""

    def left(self, location_id: str, day: date) -> int | None:
        """Any number."""
        return None


NO_PRICES = NoPrices()
UNLIMITED = Unlimited()
