"""Who may serve the lines of an order that are sent, to the customer or to the store where they are
collected, and what each would cost.

Locations stand in columns, in order of id: an order may have a thousand candidates, and a list of numbers
costs a tenth of as many objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.orders.domain.costs import fares
from services.orders.domain.eligibility import Eligible, Here
from services.orders.domain.places import kms_of
from services.orders.domain.plans import WishLine
from services.orders.domain.promise import Moment
from services.orders.domain.rules import SourcingRules
from services.orders.domain.views import Stock
from services.orders.domain.worth import Worth

LATER_GROUP = 1 << 36
"""More than the cost of any order, and so little that units times groups of it stay below
`assignment.FAR`."""


class Item(NamedTuple):
    """A SKU that is sent."""

    sku: str
    quantity_units: int
    lines: tuple[WishLine, ...]
    eligible: Eligible
    credit: int
    """What a unit from overstock is cheaper, in thousandths of a minor unit."""


class Sources(NamedTuple):
    """What an order's candidates are found in. `taken` are units that the order's pickups have already, or
    others of its parcels.
    """

    stock: Stock
    rules: SourcingRules
    worth: Worth
    moment: Moment
    excluded: frozenset[str]
    taken: Mapping[tuple[str, str], int]
    here: Here
    store_id: str = ""
    """Where what is sent is collected, and what `here` is seen from; empty: it goes to the customer."""
    latest: int | None = None
    """The last day on which parcels keep what the customer was promised; None: any day."""

    def arrivals(self, ids: Sequence[str], kms: Sequence[int], parcels: Sequence[int]) -> list[int | None]:
        """The days from which on the customer has parcels of so many units, or can collect them."""
        if self.store_id:
            return self.moment.collections(self.store_id, ids, parcels)
        return self.moment.arrivals(ids, kms, parcels)

    def arrival(self, location_id: str, km: int, units: int) -> int | None:
        """The same of one."""
        if self.store_id:
            return self.moment.collections(self.store_id, (location_id,), (units,))[0]
        return self.moment.arrival(location_id, km, units)


class Row(NamedTuple):
    """One candidate. Costs in thousandths of a minor unit, without the price of stock."""

    location_id: str
    cover: tuple[int, ...]
    """By item: what it can give of what is wanted."""
    km: int
    fixed: int
    """Its parcel, lateness included."""
    unit: int
    late_days: int


@dataclass(slots=True)
class Candidates:
    """The locations that may serve something, column by column."""

    ids: list[str]
    kms: list[int]
    fixed: list[int]
    units: list[int]
    """What a unit costs, the price of stock left out."""
    late_days: list[int]
    cover: list[list[int]]
    """By item, then by location."""
    ranks: list[list[int] | None]
    """By item the place of each location in the order of groups; None: there is no such order."""

    def row(self, at: int) -> Row:
        """One of them."""
        cover = tuple([one[at] for one in self.cover])
        return Row(self.ids[at], cover, self.kms[at], self.fixed[at], self.units[at], self.late_days[at])

    def asks(self, item: int, rows: Sequence[int], credit: int, ranked: bool) -> list[int]:
        """What a unit of an item costs at `rows` with free stock, which earns the `credit`; `ranked` with
        their places in the order of groups.
        """
        units, ranks = self.units, self.ranks[item]
        if ranked and ranks is not None:
            return [units[at] + LATER_GROUP * ranks[at] - credit for at in rows]
        return [units[at] - credit for at in rows] if credit else [units[at] for at in rows]

    def covering(self, item: int) -> dict[int, int]:
        """Who has any of an item, and how much of what is wanted."""
        return {at: units for at, units in enumerate(self.cover[item]) if units}

    def having(self, items: Sequence[int], wanted: Sequence[int]) -> dict[int, int]:
        """Who has all that is wanted of all these items."""
        found: Sequence[int] = range(len(self.ids))
        for n in items:
            cover, quantity = self.cover[n], wanted[n]
            found = [at for at in found if cover[at] >= quantity]
        return dict.fromkeys(found, 1)

    def ranked(self, items: Sequence[int], wanted: Sequence[int]) -> list[int] | None:
        """By candidate how many groups all that is wanted of these items skips, of a single item one unit of
        it; None: none has groups.
        """
        if len(items) == 1:
            return self.ranks[items[0]]
        found: list[int] | None = None
        for n in items:
            ranks = self.ranks[n]
            if ranks is not None:
                before = found or [0] * len(ranks)
                found = [one + wanted[n] * rank for one, rank in zip(before, ranks, strict=True)]
        return found

    @classmethod
    def of(
        cls, sources: Sources, items: list[Item], full: set[str], among: Sequence[str] | None = None
    ) -> Candidates:
        """Those for `items`, but for locations that are `full`; only `among` these, if any are given."""
        there = [_units(sources, item, full, among) for item in items]
        ids = sorted(set().union(*there))
        cover = []
        for item, units in zip(items, there, strict=True):
            wanted, get = item.quantity_units, units.get
            if len(units) == len(ids) and wanted == 1:
                cover.append([1] * len(ids))
            elif wanted == 1:
                cover.append([1 if at in units else 0 for at in ids])
            else:
                cover.append([min(get(at, 0), wanted) for at in ids])
        ranks = [
            None if ranks is None else [ranks.get(at, 0) for at in ids]
            for ranks in [item.eligible.ranks for item in items]
        ]
        rules = sources.rules
        kms = kms_of(sources.here.cosines_of(ids))
        of_stores, of_warehouses = fares(rules)
        warehouses = sources.here.locations.warehouses
        asked = [
            (of_warehouses if at in warehouses else of_stores)[km] for at, km in zip(ids, kms, strict=True)
        ]
        fixed, units_cost = [one[0] for one in asked], [one[1] for one in asked]
        if sources.store_id:
            units_cost = [cost + rules.transfer_per_unit for cost in units_cost]
        found = cls(ids, kms, fixed, units_cost, [0] * len(ids), cover, ranks)
        asked_for_days = rules.late_per_day or sources.latest is not None
        return found._dated(sources) if asked_for_days and ids else found

    def beside(self, location_id: str, cover: Sequence[int], unit: int) -> Candidates:
        """These, and behind them the store where all is collected, which gives `cover` at `unit` each
        without a parcel; no group comes before it.
        """
        return Candidates(
            [*self.ids, location_id],
            [*self.kms, 0],
            [*self.fixed, 0],
            [*self.units, unit],
            [*self.late_days, 0],
            [[*column, units] for column, units in zip(self.cover, cover, strict=True)],
            [None if column is None else [*column, 0] for column in self.ranks],
        )

    def _dated(self, sources: Sources) -> Candidates:
        """With what lateness costs and as much of each as keeps the promise, and without those that can
        promise nothing.
        """
        moment, latest, per_day = sources.moment, sources.latest, sources.rules.late_per_day
        parcels = list(map(sum, zip(*self.cover, strict=True)))
        days = sources.arrivals(self.ids, self.kms, parcels)
        if latest is not None:
            for at, day in enumerate(days):
                if day is None or day > latest:
                    most = moment.in_time(self.ids[at], self.kms[at], parcels[at], latest)
                    for one in self.cover:
                        one[at] = min(one[at], most)
                    days[at] = moment.arrival(self.ids[at], self.kms[at], most) if most else None
        best = min([day for day in days if day is not None], default=None)
        if best is None:
            return self._only([])
        kept = (
            self if None not in days else self._only([at for at, day in enumerate(days) if day is not None])
        )
        kept.late_days = [day - best for day in days if day is not None]
        if per_day:
            kept.fixed = [
                cost + late * per_day for cost, late in zip(kept.fixed, kept.late_days, strict=True)
            ]
        return kept

    def _only(self, kept: list[int]) -> Candidates:
        def some(column: list[int]) -> list[int]:
            return [column[at] for at in kept]

        return Candidates(
            [self.ids[at] for at in kept],
            some(self.kms),
            some(self.fixed),
            some(self.units),
            some(self.late_days),
            [some(one) for one in self.cover],
            [None if one is None else some(one) for one in self.ranks],
        )


def _units(
    sources: Sources, item: Item, full: set[str], among: Sequence[str] | None = None
) -> dict[str, int]:
    """By location what may be taken of an item, where that is anything."""
    banned, ranks, _, safety = item.eligible
    able, excluded, sku = sources.here.locations.vectors, sources.excluded, item.sku
    levels = sources.stock.units(sku)
    if among is not None:
        get = levels.get
        found = {at: have for at in among if (have := get(at, 0)) > 0}
    elif ranks is None:
        found = {at: have for at, have in levels.items() if have > 0 and at in able}
    else:
        found = {at: have for at, have in levels.items() if have > 0 and at in ranks and at in able}
    barred: tuple[Iterable[str], ...] = banned, excluded, full
    for out in barred:
        for at in out:
            found.pop(at, None)
    if safety or sources.taken:
        keeps: dict[str, int] = {}
        for one in safety:
            everywhere = one.location_ids.issuperset(found)
            asked = list(found) if everywhere else [at for at in found if at in one.location_ids]
            kept = zip(asked, sources.worth.kept_back_at(sku, asked, one.days), strict=True)
            if not keeps:
                keeps = dict(kept)
                continue
            for at, units in kept:
                if units > keeps.get(at, 0):
                    keeps[at] = units
        for of, at in sources.taken:
            if of == sku:
                keeps[at] = keeps.get(at, 0) + sources.taken[of, at]
        get = keeps.get
        found = {at: have - keep for at, have in found.items() if have > (keep := get(at, 0))}
    return found
