"""What each unit of stock is worth, ready to be looked up while an order is decided.

A book is made off the way of orders (`pricing`) and does not change. Between two books a position sells and
receives goods; then its store's own expected loss at the new number of units is worked out once, and kept.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.orders.domain.closed_form import quick_tail

MOST_POSITIONS = 500_000
"""Positions of a book, 20 bytes each."""
MOST_REMEMBERED = 100_000
"""Figures worked out between two books that are kept."""
_FORM = b"ALJIBE-PRICES-1\n"
_UNITS_MOST = 1 << 31


class Terms(NamedTuple):
    """What a price is made of; money in thousandths of a minor unit."""

    price: int
    own: int
    """The part that is the location's own: margin times the chance that its customers ask for all units."""
    per_day: float
    """Units a day that customers are expected to ask for there: at the tills, and to collect."""
    margin: int
    """Of one unit."""
    units_then: int
    """On the shelf when the book was made."""


@dataclass(frozen=True)
class Columns:
    """The figures of a book: by SKU × location, those of a SKU in the order of the locations."""

    units: array[int]
    prices: array[int]
    mean: array[float]
    """Of the demand bound to the location within the horizon."""
    shape: array[float]


class PriceBook:
    """See `views.Prices`. Money in thousandths of a minor unit."""

    def __init__(
        self,
        made_at: datetime | None = None,
        *,
        version: str = "",
        horizon_days: float = 1.0,
        currency_code: str = "",
        skus: Sequence[str] = (),
        location_ids: Sequence[str] = (),
        margins: Sequence[int] = (),
        columns: Columns | None = None,
    ) -> None:
        self.version = version
        self.made_at = made_at
        self.horizon_days = horizon_days
        self.currency_code = currency_code
        """What margins are in; several currencies are not told apart."""
        self.location_ids = tuple(location_ids)
        width = len(self.location_ids)
        self._rows = {sku: number * width for number, sku in enumerate(skus)}
        self._at = {location_id: number for number, location_id in enumerate(location_ids)}
        self._width = width
        self._margins = array("q", margins)
        columns = columns or Columns(array("i"), array("q"), array("f"), array("f"))
        size = len(self._rows) * width
        if {len(columns.units), len(columns.prices), len(columns.mean), len(columns.shape)} != {size}:
            raise ValueError(f"a book of {size} positions needs as many figures of each kind")
        if len(self._margins) != len(self._rows):
            raise ValueError("a book needs a margin for each SKU")
        self._columns = columns
        self._units, self._prices = columns.units, columns.prices
        self._between: dict[int, int] = {}

    def __len__(self) -> int:
        """Positions with a price above zero."""
        return len(self._prices) - self._prices.count(0)

    def __contains__(self, sku: str) -> bool:
        return sku in self._rows

    @property
    def skus(self) -> Sequence[str]:
        """Those that have prices, in the order of the figures."""
        return tuple(self._rows)

    def price(self, sku: str, location_id: str, units_left: int) -> int:
        """What giving away the last of `units_left` units is expected to lose; 0 when nothing is known.

        With as many units as when the book was made, that is the price made then. With fewer it is not below
        what the store itself expects to lose; with more than twice as many it is just that.
        """
        try:
            at = self._rows[sku] + self._at[location_id]
        except KeyError:
            return 0
        if units_left == self._units[at]:
            return self._prices[at]
        known = self._between.get(at * _UNITS_MOST + units_left)
        return self._now(at, units_left) if known is None else known

    def rates(self, sku: str, location_id: str) -> float:
        """Units a day that customers are expected to ask for at the location; 0 when nothing is known."""
        try:
            at = self._rows[sku] + self._at[location_id]
        except KeyError:
            return 0.0
        return self._columns.mean[at] / self.horizon_days

    def rates_at(self, sku: str, location_ids: Sequence[str]) -> list[float]:
        """The same at each of these locations."""
        row, find = self._rows.get(sku), self._at.get
        if row is None:
            return [0.0] * len(location_ids)
        mean, days = self._columns.mean, self.horizon_days
        columns = map(find, location_ids)
        return [0.0 if at is None else mean[row + at] / days for at in columns]

    def terms(self, sku: str, location_id: str, units_left: int) -> Terms | None:
        """What the price of a position is made of; None when the book does not have the position."""
        if sku not in self._rows or location_id not in self._at:
            return None
        at = self._rows[sku] + self._at[location_id]
        return Terms(
            self.price(sku, location_id, units_left),
            self._own(at, units_left) if units_left > 0 else 0,
            self.rates(sku, location_id),
            self._margins[at // self._width],
            self._units[at],
        )

    def _now(self, at: int, units: int) -> int:
        if units <= 0 or units >= _UNITS_MOST:
            return 0
        then, price = self._units[at], self._prices[at]
        if then < units <= 2 * then:
            return price
        found = self._own(at, units)
        if units < then:
            found = max(found, price)
        if len(self._between) >= MOST_REMEMBERED:
            self._between.clear()
        self._between[at * _UNITS_MOST + units] = found
        return found

    def _own(self, at: int, units: int) -> int:
        mean = self._columns.mean[at]
        if mean <= 0.0:
            return 0
        return round(self._margins[at // self._width] * quick_tail(mean, self._columns.shape[at], units))

    # ---- as bytes

    def to_bytes(self) -> bytes:
        """The book as it is kept; `from_bytes` reads it back."""
        head = json.dumps(
            {
                "version": self.version,
                "made_at": self.made_at.isoformat() if self.made_at else None,
                "horizon_days": self.horizon_days,
                "currency_code": self.currency_code,
                "skus": list(self._rows),
                "location_ids": self.location_ids,
            },
            separators=(",", ":"),
        ).encode()
        columns = self._columns
        figures = (self._margins, columns.units, columns.prices, columns.mean, columns.shape)
        return b"".join([_FORM, len(head).to_bytes(8, "little"), head, *(_little(one) for one in figures)])

    @classmethod
    def from_bytes(cls, content: bytes) -> PriceBook:
        """What `to_bytes` wrote.

        Raises:
            ValueError: it is something else, or of another release.
        """
        if not content.startswith(_FORM):
            raise ValueError("not a price book of this release")
        at = len(_FORM) + 8
        end = at + int.from_bytes(content[len(_FORM) : at], "little")
        head = json.loads(content[at:end])
        count = len(head["skus"])
        size = count * len(head["location_ids"])
        figures: list[array[Any]] = []
        for code, length in (("q", count), ("i", size), ("q", size), ("f", size), ("f", size)):
            one: array[Any] = array(code)
            at, end = end, end + length * one.itemsize
            if len(content) < end:
                raise ValueError("a price book that ends early")
            one.frombytes(content[at:end])
            if sys.byteorder == "big":
                one.byteswap()
            figures.append(one)
        return cls(
            datetime.fromisoformat(head["made_at"]) if head["made_at"] else None,
            version=head["version"],
            horizon_days=head["horizon_days"],
            currency_code=head["currency_code"],
            skus=head["skus"],
            location_ids=head["location_ids"],
            margins=figures[0],
            columns=Columns(*figures[1:]),
        )


def _little(figures: array[Any]) -> bytes:
    if sys.byteorder == "big":
        figures = figures[:]
        figures.byteswap()
    return figures.tobytes()


EMPTY = PriceBook()
