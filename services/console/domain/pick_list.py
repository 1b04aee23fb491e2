"""A store's work in the order in which a person does it: what is due first, the way round the shelves."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SOON = timedelta(minutes=60)
"""What is due within this time is marked as pressing."""
_TOTE_LETTERS = 4
_NUMBER = re.compile(r"(\d+)")


class Due(StrEnum):
    """How pressing work is."""

    OVERDUE = "OVERDUE"
    DUE_SOON = "DUE_SOON"
    LATER = "LATER"


class By(StrEnum):
    """What a pick list is sorted by."""

    AISLE = "aisle"
    CATEGORY = "category"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Article:
    """What the catalogue says of a SKU; `aisle` is "" where it says nothing."""

    sku: str
    name: str
    category: str = ""
    aisle: str = ""
    size: str = ""
    barcodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units (>= 1) of one line of a fulfillment order that are left to pick."""

    fulfillment_order_id: str
    line_number: int
    article: Article
    left_units: int
    due_time: datetime
    method: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """One SKU of a batch: where it is, how many units, and into which totes."""

    article: Article
    shares: tuple[Wanted, ...]

    @property
    def left_units(self) -> int:
        """Units of all its orders."""
        return sum(share.left_units for share in self.shares)


@dataclass(frozen=True, slots=True)
class Leg:
    """The stops of one aisle, category or order."""

    name: str
    stops: tuple[Stop, ...]


def due_of(due_time: datetime, now: datetime) -> Due:
    """Whether work is late, pressing, or neither."""
    if due_time < now:
        return Due.OVERDUE
    return Due.DUE_SOON if due_time - now <= SOON else Due.LATER


def tote(fulfillment_order_id: str) -> str:
    """What is written on the tote of an order: the last letters of its id, in capitals; they differ between
    orders of a day but for one in a million pairs.
    """
    return fulfillment_order_id[-_TOTE_LETTERS:].upper()


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key by which aisle 2 comes before aisle 10, and texts go without regard to case."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in _NUMBER.split(text.lower()) if part
    )


def legs(wanted: Iterable[Wanted], by: By) -> tuple[Leg, ...]:
    """The way through the store: legs by aisle or category, within them by the other and SKU; or one leg for
    each order, the most pressing first. Within a stop the most pressing order is served first.

    What has no aisle or category comes last.
    """
    grouped: defaultdict[str, defaultdict[str, list[Wanted]]] = defaultdict(lambda: defaultdict(list))
    for one in wanted:
        name = {
            By.AISLE: one.article.aisle or one.article.category,
            By.CATEGORY: one.article.category,
            By.ORDER: one.fulfillment_order_id,
        }[by]
        grouped[name][one.article.sku].append(one)
    found = [Leg(name, _stops(stops.values())) for name, stops in grouped.items()]
    if by is By.ORDER:
        return tuple(sorted(found, key=lambda leg: (leg.stops[0].shares[0].due_time, leg.name)))
    return tuple(sorted(found, key=lambda leg: (not leg.name, natural(leg.name))))


def _stops(stops: Iterable[list[Wanted]]) -> tuple[Stop, ...]:
    found = [Stop(shares[0].article, tuple(sorted(shares, key=_pressing))) for shares in stops]
    return tuple(
        sorted(
            found,
            key=lambda stop: (
                natural(stop.article.aisle),
                natural(stop.article.category),
                natural(stop.article.sku),
            ),
        )
    )


def match(scanned: str, wanted: Sequence[Wanted]) -> Wanted | None:
    """The most pressing line that `scanned` (a barcode in any of its lengths, or a SKU) is a unit of."""
    code = scanned.strip()
    fitting = [one for one in wanted if is_of(code, one.article)]
    return min(fitting, key=_pressing, default=None)


def is_of(code: str, article: Article) -> bool:
    """Whether a barcode (UPC-A, EAN-13 and GTIN-14 are one number space) or a SKU is this article's."""
    if code.casefold() == article.sku.casefold():
        return True
    return code.isdigit() and code.zfill(14) in {barcode.zfill(14) for barcode in article.barcodes}


def _pressing(one: Wanted) -> tuple[datetime, str, int]:
    return one.due_time, one.fulfillment_order_id, one.line_number
