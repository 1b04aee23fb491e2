"""The lines of an order that are sent: every location that may serve them, what each would cost, and the
cheapest plan over all of them.

Lines of one SKU are one item here. Groups of locations are prices, far above any cost, for every unit and
place in the order of groups; so the cheapest plan takes from a later group only what the earlier ones cannot
serve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.orders.domain.assignment import FAR, cheapest_sums, cheapest_units
from services.orders.domain.costs import tariff
from services.orders.domain.eligibility import FREE, Eligible, eligible, in_one_parcel
from services.orders.domain.places import Locations, km_of, unit_vector
from services.orders.domain.plans import PlannedLine, PlannedPart, Wish, WishLine
from services.orders.domain.promise import Moment, Timetable
from services.orders.domain.quantities import Assignment, Share, Sums
from services.orders.domain.refusals import ShortLine
from services.orders.domain.rules import SourcingRules
from services.orders.domain.states import Method
from services.orders.domain.views import Stock
from services.orders.domain.worth import Worth

LATER_GROUP = 1 << 36
"""More than the cost of any order, and so little that units times groups of it stay below `FAR`."""


_FORCE = 1 << 50
"""So much less a parcel costs that has to be in the plan."""


_KNOWN_LINES = 6


class Shipped(NamedTuple):
    """The plan of what is sent, as in `Plan`."""

    parts: tuple[PlannedPart, ...]
    shortages: tuple[ShortLine, ...]
    cost: int
    gap: int
    prices: Mapping[tuple[str, str], tuple[int, ...]]


class Item(NamedTuple):
    """A SKU that is sent."""

    sku: str
    quantity_units: int
    lines: tuple[WishLine, ...]
    eligible: Eligible
    credit: int
    """What a unit from overstock is cheaper, in thousandths of a minor unit."""


@dataclass(slots=True)
class Row:
    """A location that may serve something. Costs as in `Table`."""

    location_id: str
    cover: list[int]
    held: list[int]
    km: int = 0
    fixed: int = 0
    unit: int = 0
    late_days: int = 0
    units: list[int] = field(default_factory=list)
    """By item: what a unit costs, the price of stock left out, places in the order of groups included."""


class Ship:
    """One order's decision about what is sent."""

    def __init__(
        self,
        wish: Wish,
        lines: Sequence[WishLine],
        stock: Stock,
        locations: Locations,
        rules: SourcingRules,
        worth: Worth,
        moment: Moment,
        timetable: Timetable,
        now: datetime,
        excluded: frozenset[str],
        taken: Mapping[tuple[str, str], int],
    ) -> None:
        self.wish, self.stock, self.locations, self.rules = wish, stock, locations, rules
        self._worth, self._moment, self._excluded, self._taken = worth, moment, excluded, taken
        self._is_open = lambda at: timetable.is_open(at, now)
        self._found: dict[object, frozenset[str]] = {}
        self.full: set[str] = set()
        """Locations that have no opening or no capacity within the horizon."""
        worth.look(rules.opportunity_percent, rules.markdown_percent)
        self.items = self._items(lines)

    def plan(self, partial: bool) -> Shipped:
        """The cheapest plan, of what there is."""
        while True:
            found = self._plan(partial)
            full = [
                part.location_id
                for part in found.parts
                if self._moment.arrival(
                    part.location_id, part.distance_km, sum([line.quantity_units for line in part.lines])
                )
                is None
            ]
            if not full:
                return found
            self.full.update(full)

    def _items(self, lines: Sequence[WishLine]) -> list[Item]:
        rules = self.rules
        same: dict[str, list[WishLine]] = {}
        for line in lines:
            same.setdefault(line.sku, []).append(line)
        ruled = bool(rules.exclusions or rules.groups or rules.safety_days or not rules.endless_aisle)
        return [
            Item(
                sku,
                sum([line.quantity_units for line in those]),
                tuple(those),
                eligible(self.wish, those[0], self.locations, rules, self._is_open, self._found)
                if ruled
                else FREE,
                those[0].unit_price_minor * 10 * rules.markdown_percent if self._worth.version else 0,
            )
            for sku, those in same.items()
        ]

    # ---- who may, and what it would cost

    def rows(self) -> list[Row]:
        """The locations that may serve something, in order of id."""
        able = self.locations.vectors
        found: dict[str, Row] = {}
        count = len(self.items)
        for number, item in enumerate(self.items):
            banned, ranks, _, safety = item.eligible
            wanted, sku = item.quantity_units, item.sku
            for location_id, units in self.stock.units(sku).items():
                if units <= 0 or location_id not in able or location_id in self._excluded:
                    continue
                if location_id in banned or location_id in self.full:
                    continue
                if ranks is not None and location_id not in ranks:
                    continue
                if safety or self._taken:
                    units -= self._taken.get((sku, location_id), 0)
                    units -= item.eligible.kept_back(self._worth, sku, location_id)
                    if units <= 0:
                        continue
                row = found.get(location_id)
                if row is None:
                    row = found[location_id] = Row(location_id, [0] * count, [0] * count)
                row.cover[number] = units if units < wanted else wanted
                row.held[number] = units
        rows = [found[location_id] for location_id in sorted(found)]
        self._cost(rows)
        return [row for row in rows if row.late_days >= 0]

    def _cost(self, rows: list[Row]) -> None:
        assert self.wish.destination is not None
        x, y, z = unit_vector(*self.wish.destination)
        vectors, rules = self.locations.vectors, self.rules
        best = None
        for row in rows:
            vx, vy, vz, warehouse = vectors[row.location_id]
            dot = x * vx + y * vy + z * vz
            row.km = km_of(dot)
            row.fixed, row.unit = tariff(row.km, warehouse, rules)
            row.units = [
                row.unit if item.eligible.ranks is None else self._ranked(row, item) for item in self.items
            ]
            if rules.late_per_day:
                day = self.arrival(row)
                row.late_days = -1 if day is None else day
                if day is not None and (best is None or day < best):
                    best = day
        if best is not None:
            for row in rows:
                if row.late_days >= 0:
                    row.late_days -= best
                    row.fixed += row.late_days * rules.late_per_day

    @staticmethod
    def _ranked(row: Row, item: Item) -> int:
        assert item.eligible.ranks is not None
        return row.unit + LATER_GROUP * item.eligible.ranks.get(row.location_id, 0)

    # ---- the cheapest

    def _plan(self, partial: bool) -> Shipped:
        rows = self.rows()
        there = [sum([row.cover[n] for row in rows]) for n in range(len(self.items))]
        wanted = [min(item.quantity_units, units) for item, units in zip(self.items, there, strict=True)]
        if any(n < item.quantity_units for n, item in zip(wanted, self.items, strict=True)):
            short = self._shortages(wanted)
            if not partial or not any(wanted):
                return Shipped((), short, 0, 0, {})
        shares, gap, relevant = self._cheapest(rows, wanted)
        served = [0] * len(wanted)
        for share in shares:
            served[share.line] += share.units
        if served != wanted and not partial:
            return Shipped((), self._shortages(served), 0, 0, self._worth.looked_at())
        cost = self._real_cost(rows, shares)
        prices = self._worth.looked_at()
        if relevant is not None:
            prices = {key: value for key, value in prices.items() if key[1] in relevant}
        return Shipped(self._parts(rows, shares), self._shortages(served), cost, gap, prices)

    def _cheapest(self, rows: list[Row], wanted: list[int]) -> tuple[Sequence[Share], int, set[str] | None]:
        """Who serves what, how far from the cheapest that may be, and the locations that mattered for it
        (None: all).
        """
        rules, worth = self.rules, self._worth
        credit = [item.credit for item in self.items]
        numbers = [n for n, quantity in enumerate(wanted) if quantity]
        single: tuple[int, int] | None = None
        alone: list[tuple[int, int]] = []
        for at, row in enumerate(rows):
            for n in numbers:
                if row.cover[n] < wanted[n]:
                    break
            else:
                alone.append((row.fixed + sum([wanted[n] * (row.units[n] - credit[n]) for n in numbers]), at))
        for free, at in sorted(alone):
            if single is not None and free >= single[0]:
                break
            cost = rows[at].fixed + sum([self._sums(rows[at], n, wanted[n])[-1] for n in numbers])
            if single is None or cost < single[0]:
                single = cost, at
        cap = 0 if self.wish.accepted else rules.most_parcels
        least = sum(
            [wanted[n] * (min([row.units[n] for row in rows if row.cover[n]]) - credit[n]) for n in numbers]
        )
        fixed = sorted([row.fixed for row in rows])
        only: list[Share] = []
        if single is not None:
            only = [Share(n, single[1], wanted[n]) for n in numbers]
            together = len(rows) < 2 or fixed[0] + fixed[1] + rules.split + least >= single[0]
            if together or cap == 1 or in_one_parcel(self.wish, rules):
                relevant = {rows[at].location_id for free, at in alone if free <= single[0]}
                return only, 0, relevant
        # Whatever is with it in a plan: no plan with a location costs less than this.
        bounds = [
            row.fixed
            + (fixed[0] if row.fixed > fixed[0] else fixed[min(1, len(fixed) - 1)])
            + rules.split
            + least
            for row in rows
        ]
        if single is not None:
            chosen = [at for at in range(len(rows)) if bounds[at] < single[0]]
        else:
            known = self._known_plan(rows, wanted, numbers, cap)
            chosen = [at for at in range(len(rows)) if known is None or bounds[at] <= known]
        found = self._assigned(rows, chosen, wanted, numbers, cap, None if single is None else single[0])
        if found is None or (single is not None and found.cost >= single[0]):
            assert single is not None
            found = Assignment(
                tuple(only), single[0], single[0] if found is None else min(found.bound, single[0])
            )
        if found.bound < found.cost:
            return found.shares, found.cost - found.bound, None
        if any(wanted[n] > 1 for n in numbers):
            # How far an exact search of quantities may go depends on all that it looks at.
            return found.shares, 0, None
        free_at = {at: free for free, at in alone}
        relevant = {
            row.location_id
            for at, row in enumerate(rows)
            if min(bounds[at], free_at.get(at, FAR)) <= found.cost or not worth.priced
        }
        return found.shares, 0, relevant

    def _known_plan(self, rows: list[Row], wanted: list[int], numbers: list[int], cap: int) -> int | None:
        """What one plan costs, found without the prices of stock: whoever alone costs more need not be asked
        for them.
        """
        if cap or self.rules.brands_together or len(numbers) > _KNOWN_LINES:
            return None
        lines = [
            [row.units[n] * wanted[n] if row.cover[n] >= wanted[n] else FAR for row in rows] for n in numbers
        ]
        if any(min(line) >= FAR for line in lines):
            return None
        split = self.rules.split
        picks, _ = cheapest_units([row.fixed + split for row in rows], lines)
        cost = sum([rows[at].fixed + split for at in set(picks)]) - split
        for n, at in zip(numbers, picks, strict=True):
            cost += self._sums(rows[at], n, wanted[n])[-1]
        return cost

    def _assigned(
        self,
        rows: list[Row],
        chosen: list[int],
        wanted: list[int],
        numbers: list[int],
        cap: int,
        below: int | None = None,
    ) -> Assignment | None:
        """The cheapest plan over the `chosen` rows; None only when they cannot serve all of it, or not
        `below` that cost.
        """
        bundles = self._bundles(rows, wanted, numbers)
        sums: list[list[Sums]] = []
        quantities: list[int] = []
        for bundle, together in bundles:
            line: list[Sums] = []
            for at in chosen:
                row = rows[at]
                if not together:
                    line.append(self._sums(row, bundle[0], row.cover[bundle[0]]))
                elif all(row.cover[n] >= wanted[n] for n in bundle):
                    line.append((0, sum(self._sums(row, n, wanted[n])[-1] for n in bundle)))
                else:
                    line.append((0,))
            quantity = 1 if together else wanted[bundle[0]]
            if sum([len(one) - 1 for one in line]) < quantity:
                return None
            sums.append(line)
            quantities.append(quantity)
        split = self.rules.split
        fixed = [rows[at].fixed + split for at in chosen]
        found = cheapest_sums(fixed, sums, quantities, cap, below=None if below is None else below + split)
        if found is None and cap and below is None:
            found = cheapest_sums(fixed, sums, quantities, cap, partial=True)
        if found is None:
            return None
        shares = []
        for share in found.shares:
            bundle, together = bundles[share.line]
            shares += [
                Share(n, chosen[share.location], wanted[n] if together else share.units) for n in bundle
            ]
        return Assignment(tuple(shares), found.cost - split, found.bound - split)

    def _bundles(
        self, rows: list[Row], wanted: list[int], numbers: list[int]
    ) -> list[tuple[list[int], bool]]:
        """Items that are planned as one, and whether all of it comes from one location: a brand that stays
        together, where any location has all of it; else its items, each where any has all of that.
        """
        brands: dict[str, list[int]] = {}
        result: list[tuple[list[int], bool]] = []
        for n in numbers:
            brand = self.items[n].lines[0].brand
            if brand and brand in self.rules.brands_together:
                brands.setdefault(brand, []).append(n)
            else:
                result.append(([n], False))
        for those in brands.values():
            if any(all(row.cover[n] >= wanted[n] for n in those) for row in rows):
                result.append((those, True))
            else:
                result += [([n], any(row.cover[n] >= wanted[n] for row in rows)) for n in those]
        return sorted(result)

    def _sums(self, row: Row, number: int, count: int) -> Sums:
        """What 0, 1, 2, … `count` units of an item cost at a location."""
        if not count:
            return (0,)
        unit, item = row.units[number], self.items[number]
        if not self._worth.priced and not item.credit:
            return (0, unit) if count == 1 else tuple([n * unit for n in range(count + 1)])
        total, sums = 0, [0]
        first = self._taken.get((item.sku, row.location_id), 0) if self._taken else 0
        held = self.stock.units(item.sku)[row.location_id]
        for price in self._worth.prices(item.sku, row.location_id, held, first, count):
            total += unit + (price * self.rules.opportunity_percent // 100 if price else -item.credit)
            sums.append(total)
        return sums

    # ---- what explains it

    def arrival(self, row: Row) -> int | None:
        """The day on which all that the location could give arrives; None: it has no capacity for it."""
        return self._moment.arrival(row.location_id, row.km, sum(row.cover))

    def stock_terms(self, location_id: str, item: Item, count: int) -> tuple[int, int]:
        """What the first `count` units are worth there, and the credit for those from overstock."""
        held = self.stock.units(item.sku).get(location_id, 0)
        first = self._taken.get((item.sku, location_id), 0)
        prices = self._worth.prices(item.sku, location_id, held, first, count)
        price = sum([one * self.rules.opportunity_percent // 100 for one in prices])
        return price, sum([item.credit for one in prices if not one])

    def cost_with(self, location_id: str) -> int | None:
        """What the cheapest plan costs in which this location serves something; None when there is none."""
        rows = self.rows()
        wanted = [
            min(item.quantity_units, sum([row.cover[n] for row in rows])) for n, item in enumerate(self.items)
        ]
        at = next((at for at, row in enumerate(rows) if row.location_id == location_id), None)
        if at is None:
            return None
        rows[at].fixed -= _FORCE
        numbers = [n for n, quantity in enumerate(wanted) if quantity]
        cap = 0 if self.wish.accepted else self.rules.most_parcels
        # The first in the row, since the exact search takes it that no later parcel costs less than nothing.
        order = [at, *(other for other in range(len(rows)) if other != at)]
        found = self._assigned(rows, order, wanted, numbers, cap)
        rows[at].fixed += _FORCE
        if found is None or all(share.location != at for share in found.shares):
            return None
        return self._real_cost(rows, found.shares)

    # ---- the plan

    def _real_cost(self, rows: list[Row], shares: Sequence[Share]) -> int:
        used = {share.location for share in shares}
        cost = sum([rows[at].fixed for at in used]) + self.rules.split * max(0, len(used) - 1)
        for n, at, units in shares:
            row = rows[at]
            cost += self._sums(row, n, units)[-1] - units * (row.units[n] - row.unit)
        return cost

    def _shortages(self, served: Sequence[int]) -> tuple[ShortLine, ...]:
        shortages = []
        for item, units in zip(self.items, served, strict=True):
            for line in item.lines:
                there = min(units, line.quantity_units)
                units -= there
                if there < line.quantity_units:
                    shortages.append(ShortLine(line.sku, line.quantity_units, there))
        return tuple(shortages)

    def _parts(self, rows: list[Row], shares: Sequence[Share]) -> tuple[PlannedPart, ...]:
        left = [[line.quantity_units for line in item.lines] for item in self.items]
        planned: dict[int, list[PlannedLine]] = {}
        for n, at, units in sorted(shares, key=lambda share: (share.line, share.location)):
            for number, line in enumerate(self.items[n].lines):
                here = min(units, left[n][number])
                if here:
                    left[n][number] -= here
                    units -= here
                    planned.setdefault(at, []).append(PlannedLine(line.line_number, line.sku, here))
        return tuple(
            PlannedPart(rows[at].location_id, Method.SHIP, tuple(sorted(lines)), rows[at].km)
            for at, lines in sorted(planned.items())
        )
