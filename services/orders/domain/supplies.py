"""What is still to come: supplies that suppliers are expected to bring, and on what terms channels sell them
before they are there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

EVERY_CHANNEL = "*"
"""In the place of a channel: every one that has no terms of its own."""
DEFAULT_FURTHEST_DAYS = 365
NONE, BACKORDER, PREORDER = 0, 1, 2
"""Modes of terms, numbers as in the contract; none: they were removed."""


class SaleTerms(NamedTuple):
    """On what terms a channel may sell an article from supply that has not come."""

    sku: str
    channel_id: str
    mode: int
    release_time: datetime | None = None
    furthest_days: int = 0
    share_percent: int = 100
    unasked: bool = False
    version: int = 0

    def allow(self, expected_at: datetime, now: datetime) -> bool:
        """Whether a supply of that time may be promised now; inventory, the authority, says the same."""
        if self.mode == NONE or expected_at <= now:
            return False
        if self.mode == PREORDER and (self.release_time is None or now >= self.release_time):
            return False
        return expected_at <= now + timedelta(days=self.furthest_days or DEFAULT_FURTHEST_DAYS)


class Supply(NamedTuple):
    """What one supply still brings."""

    supply_id: str
    location_id: str
    expected_at: datetime
    version: int
    units: Mapping[str, int]
    """By SKU: still to come."""
    promised: Mapping[str, int] = {}
    """Of these: promised to orders, where any are."""


class Coming(NamedTuple):
    """Units of one SKU that may be promised from one supply."""

    sku: str
    supply_id: str
    location_id: str
    expected_at: datetime
    ready_at: datetime
    """From when on the location can work on them: received, and released."""
    quantity_units: int


class SupplyBoard:
    """Supplies and terms, in memory. News may come in any order: a lower version never replaces a higher
    one, so a supply that brings nothing more stays, empty, until a later reading knows nothing of it.
    """

    def __init__(self) -> None:
        self._supplies: dict[str, Supply] = {}
        self._of_sku: dict[str, set[str]] = {}
        self._terms: dict[tuple[str, str], SaleTerms] = {}

    def put(self, supply: Supply) -> None:
        """Take a supply over, unless this version or a later one is known."""
        known = self._supplies.get(supply.supply_id)
        if known is not None and known.version >= supply.version:
            return
        self._supplies[supply.supply_id] = supply
        for sku in known.units if known is not None else ():
            self._of_sku[sku].discard(supply.supply_id)
        for sku in supply.units:
            self._of_sku.setdefault(sku, set()).add(supply.supply_id)

    def put_terms(self, terms: SaleTerms) -> None:
        """Take terms over, unless this version or a later one is known."""
        known = self._terms.get((terms.sku, terms.channel_id))
        if known is None or known.version < terms.version:
            self._terms[terms.sku, terms.channel_id] = terms

    def versions(self, skus: Iterable[str] | None = None) -> dict[str, int]:
        """Of every supply that is known here (and brings one of `skus`): what `keep` wants of the moment
        before a reading.
        """
        ids = (
            self._supplies.keys()
            if skus is None
            else {supply_id for sku in skus for supply_id in self._of_sku.get(sku, ())}
        )
        return {supply_id: self._supplies[supply_id].version for supply_id in ids}

    def keep(self, still_open: Collection[str], before: Mapping[str, int]) -> None:
        """Forget what a reading of everything open that began after `before` did not find, and nobody has
        changed since.
        """
        for supply_id, version in before.items():
            known = self._supplies.get(supply_id)
            if supply_id not in still_open and known is not None and known.version == version:
                for sku in self._supplies.pop(supply_id).units:
                    self._of_sku[sku].discard(supply_id)

    def terms(self, sku: str, channel_id: str) -> SaleTerms | None:
        """The terms of a channel, its own or those of every channel; None: it does not sell it so."""
        found = self._terms.get((sku, channel_id))
        if found is None or found.mode == NONE:
            found = self._terms.get((sku, EVERY_CHANNEL))
        return found if found is not None and found.mode != NONE else None

    def may(self, sku: str, channel_id: str, *, asked: bool) -> bool:
        """Whether a line of that article may be served later; `asked`: it says that it accepts that."""
        terms = self.terms(sku, channel_id)
        return terms is not None and (asked or terms.unasked)

    def coming(self, sku: str, channel_id: str, now: datetime, receiving_days: int) -> list[Coming]:
        """What a channel may promise of what is to come, the soonest first."""
        terms = self.terms(sku, channel_id)
        if terms is None:
            return []
        found: list[Coming] = []
        for supply_id in self._of_sku.get(sku, ()):
            one = self._supplies[supply_id]
            room = one.units[sku] * terms.share_percent // 100 - one.promised.get(sku, 0)
            if room > 0 and terms.allow(one.expected_at, now):
                ready = one.expected_at + timedelta(days=receiving_days)
                if terms.release_time is not None:
                    ready = max(ready, terms.release_time)
                found.append(Coming(sku, supply_id, one.location_id, one.expected_at, ready, room))
        return soonest_first(found)


def soonest_first(coming: Iterable[Coming]) -> list[Coming]:
    """In the order they are promised in."""
    return sorted(coming, key=lambda one: (one.ready_at, one.supply_id, one.sku))
