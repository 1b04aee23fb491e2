"""Who may serve the lines of an order that are sent, to the customer or to the store where they are
collected, and what each would cost.

Locations stand in columns, in order of id: an order may have a thousand candidates, and a list of numbers
costs a tenth of as many objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, repeat
from operator import mul, or_
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
    out: list[str] = field(default_factory=list)
    """Ids of those that turned out to have no capacity."""
    _sources: Sources | None = None
    """Whom to ask for days of arrival that are not settled; nobody: all are."""
    _best: int | None = None
    _settled: set[int] = field(default_factory=set)

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
        if not credit and len(rows) == len(units):
            return units
        return [units[at] - credit for at in rows]

    def having(self, items: Sequence[int], wanted: Sequence[int]) -> list[int]:
        """Whether each has all that is wanted of all these items, 1 or 0."""
        found = [1] * len(self.ids)
        for n in items:
            quantity = wanted[n]
            found = [one if units >= quantity else 0 for one, units in zip(found, self.cover[n], strict=True)]
        return found

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
        """Those for `items`, but for locations that are `full`; only `among` these, if any are given, where
        rules leave nobody out.
        """
        here, rules = sources.here, sources.rules
        ids: Sequence[str] = here.locations.senders if among is None else among
        there = [_units(sources, item, full, ids) for item in items]
        some = there[0]
        for more in there[1:]:
            some = list(map(or_, some, more))
        if among is None:
            points, cosines = here.locations.points, here.cosines
        else:
            vectors = here.locations.vectors
            points = tuple([vectors[at] for at in among])
            cosines = here.cosines_of(points)
        ranks = [item.eligible.column for item in items]
        if not all(some):
            ids = list(compress(ids, some))
            points, cosines = tuple(compress(points, some)), list(compress(cosines, some))
            there = [list(compress(one, some)) for one in there]
            ranks = [one and list(compress(one, some)) for one in ranks]
        cover = [
            [1 if units else 0 for units in one]
            if item.quantity_units == 1
            else [units if units < item.quantity_units else item.quantity_units for units in one]
            for item, one in zip(items, there, strict=True)
        ]
        kms = kms_of(cosines)
        of_stores, of_warehouses = fares(rules)
        asked = [
            (of_warehouses if warehouse else of_stores)[km]
            for km, (_, _, _, warehouse) in zip(kms, points, strict=True)
        ]
        fixed, units_cost = [one[0] for one in asked], [one[1] for one in asked]
        if sources.store_id:
            units_cost = [cost + rules.transfer_per_unit for cost in units_cost]
        found = cls(list(ids), kms, fixed, units_cost, [0] * len(ids), cover, ranks)
        if not ids:
            return found
        if sources.latest is not None or (sources.store_id and rules.late_per_day):
            return found._in_time(sources)
        return found._dated(sources) if rules.late_per_day else found

    def beside(self, location_id: str, cover: Sequence[int], fixed: int, unit: int) -> Candidates:
        """These, and behind them the store where all is collected, which gives `cover` at `unit` each
        with `fixed` in the place of a parcel; no group comes before it.
        """
        return Candidates(
            [*self.ids, location_id],
            [*self.kms, 0],
            [*self.fixed, fixed],
            [*self.units, unit],
            [*self.late_days, 0],
            [[*column, units] for column, units in zip(self.cover, cover, strict=True)],
            [None if column is None else [*column, 0] for column in self.ranks],
        )

    def _dated(self, sources: Sources) -> Candidates:
        """With what lateness costs, and without those that can promise nothing.

        Capacity is asked for where it may matter, since a thousand locations have theirs: without it nobody
        is earlier, so the best day of all is found by asking those first that might have it, and the others
        are asked when they are compared; see `settle`.
        """
        days = sources.moment.soonest(self.ids, self.kms)
        if None in days:
            kept = self._only([at for at, day in enumerate(days) if day is not None])
            self.ids, self.kms, self.fixed, self.units = kept.ids, kept.kms, kept.fixed, kept.units
            self.cover, self.ranks = kept.cover, kept.ranks
        self._sources = sources
        self.late_days = [day for day in days if day is not None]
        self._best = best = self._best_day()
        if best is None:
            return self._only([])
        per_day = sources.rules.late_per_day
        self.late_days = [day - best for day in self.late_days]
        self.fixed = [cost + late * per_day for cost, late in zip(self.fixed, self.late_days, strict=True)]
        return self

    def _best_day(self) -> int | None:
        """The best day that any can promise; `late_days` are days still."""
        best: int | None = None
        for soonest in sorted(set(self.late_days)):
            if best is not None and best <= soonest:
                break
            for at in [at for at, day in enumerate(self.late_days) if day == soonest]:
                (day,) = self._arrivals((at,))
                if day == soonest:
                    return day
                if day is not None and (best is None or day < best):
                    best = day
        return best

    def _arrivals(self, rows: Sequence[int]) -> list[int | None]:
        """The days from which on the customer has all that these can give."""
        assert self._sources is not None
        parcels = [sum([one[at] for one in self.cover]) for at in rows]
        ids, kms = [self.ids[at] for at in rows], [self.kms[at] for at in rows]
        return self._sources.arrivals(ids, kms, parcels)

    def settle(self, rows: Sequence[int]) -> None:
        """Find out when parcels of these arrive. Who has no capacity for his within the horizon is in `out`
        then: there is no plan to be made with him.
        """
        if self._sources is None:
            return
        per_day, best = self._sources.rules.late_per_day, self._best
        asked = [at for at in rows if at not in self._settled]
        self._settled.update(asked)
        for at, day in zip(asked, self._arrivals(asked), strict=True):
            if day is None:
                self.out.append(self.ids[at])
            elif best is not None and day - best != self.late_days[at]:
                self.fixed[at] += (day - best - self.late_days[at]) * per_day
                self.late_days[at] = day - best

    def settled(self) -> Candidates:
        """These, all of them settled, without those that are out."""
        self.settle(range(len(self.ids)))
        out = set(self.out)
        return self._only([at for at, name in enumerate(self.ids) if name not in out]) if out else self

    def _in_time(self, sources: Sources) -> Candidates:
        """With what lateness costs and as much of each as keeps the promise, and without those that can
        promise nothing.
        """
        moment, latest, per_day = sources.moment, sources.latest, sources.rules.late_per_day
        parcels = list(map(sum, zip(*self.cover, strict=True)))
        days = sources.arrivals(self.ids, self.kms, parcels)
        for at, day in enumerate(days):
            if latest is not None and (day is None or day > latest):
                most = moment.in_time(self.ids[at], self.kms[at], parcels[at], latest)
                for one in self.cover:
                    one[at] = min(one[at], most)
                days[at] = moment.arrival(self.ids[at], self.kms[at], most) if most else None
        kept = (
            self if None not in days else self._only([at for at, day in enumerate(days) if day is not None])
        )
        best = min([day for day in days if day is not None], default=0)
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


def _units(sources: Sources, item: Item, full: set[str], ids: Sequence[str]) -> list[int]:
    """What may be taken of an item at each of these locations."""
    rule, sku = item.eligible, item.sku
    found = list(map(sources.stock.units(sku).get, ids, repeat(0)))
    if rule.allowed is not None:
        found = list(map(mul, found, rule.allowed))
    if min(found, default=0) < 0:
        found = [units if units > 0 else 0 for units in found]
    if sources.excluded or full:
        barred = sources.excluded | full
        found = [0 if at in barred else units for at, units in zip(ids, found, strict=True)]
    if len(rule.safety) == 1 and not sources.taken:
        (one,) = rule.safety
        inside = list(map(mul, found, one.column))
        kept_back = sources.worth.kept_back_at(sku, list(compress(ids, inside)), one.days)
        following = iter(kept_back).__next__
        return [
            (have - keep if have > (keep := following()) else 0) if there else have
            for have, there in zip(found, inside, strict=True)
        ]
    if rule.safety or sources.taken:
        keeps: dict[str, int] = {}
        for one in rule.safety:
            asked = list(compress(ids, map(mul, found, one.column)))
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
        found = [
            have - keep if have > (keep := get(at, 0)) else 0 for at, have in zip(ids, found, strict=True)
        ]
    return found
