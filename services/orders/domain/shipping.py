"""The lines of an order that are sent: the cheapest plan over every location that may serve them.

Lines of one SKU are one item here. Groups of locations are prices, far above any cost, for every unit and
place in the order of groups; so the cheapest plan takes from a later group only what the earlier ones cannot
serve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from services.orders.domain.assignment import FAR, cheapest_sums
from services.orders.domain.bounds import SUBSET_LINES, Line, Problem, least_with, visited
from services.orders.domain.candidates import Candidates, Item, Row, Sources
from services.orders.domain.eligibility import FREE, eligible, in_one_parcel
from services.orders.domain.plans import PlannedLine, PlannedPart, Wish, WishLine
from services.orders.domain.quantities import Assignment, Share, Sums
from services.orders.domain.refusals import ShortLine
from services.orders.domain.states import Method

_FORCE = 1 << 50
"""So much less a parcel costs that has to be in the plan."""


class Shipped(NamedTuple):
    """The plan of what is sent, as in `Plan`."""

    parts: tuple[PlannedPart, ...]
    shortages: tuple[ShortLine, ...]
    cost: int
    gap: int
    prices: Mapping[tuple[str, str], tuple[int, ...]]


class Ship:
    """One order's decision about what is sent."""

    def __init__(self, wish: Wish, lines: Sequence[WishLine], sources: Sources) -> None:
        self.wish, self.sources, self.rules = wish, sources, sources.rules
        self._worth = sources.worth
        self.full: set[str] = set()
        """Locations that have no opening or no capacity within the horizon."""
        self._worth.look(self.rules.opportunity_percent, self.rules.markdown_percent)
        self.items = self._items(lines)
        self._stock = [sources.stock.units(item.sku) for item in self.items]

    def plan(self, partial: bool) -> Shipped:
        """The cheapest plan, of what there is."""
        while True:
            found = self._plan(partial)
            full = [
                part.location_id
                for part in found.parts
                if self.sources.moment.arrival(
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
                eligible(self.wish, those[0], rules, self.sources.here) if ruled else FREE,
                those[0].unit_price_minor * 10 * rules.markdown_percent if self._worth.version else 0,
            )
            for sku, those in same.items()
        ]

    def candidates(self) -> Candidates:
        """The locations that may serve something."""
        return Candidates.of(self.sources, self.items, self.full)

    # ---- the cheapest

    def _plan(self, partial: bool) -> Shipped:
        all_of = self.candidates()
        wanted = [
            min(item.quantity_units, sum(cover)) for item, cover in zip(self.items, all_of.cover, strict=True)
        ]
        if any(n < item.quantity_units for n, item in zip(wanted, self.items, strict=True)):
            short = self._shortages(wanted)
            if not partial or not any(wanted):
                return Shipped((), short, 0, 0, {})
        shares, gap, relevant = self._cheapest(all_of, wanted)
        served = [0] * len(wanted)
        for share in shares:
            served[share.line] += share.units
        if served != wanted and not partial:
            return Shipped((), self._shortages(served), 0, 0, self._worth.looked_at())
        cost = self._real_cost(all_of, shares)
        prices = self._worth.looked_at()
        if relevant is not None:
            prices = {key: value for key, value in prices.items() if key[1] in relevant}
        return Shipped(self._parts(all_of, shares), self._shortages(served), cost, gap, prices)

    def _cheapest(
        self, all_of: Candidates, wanted: list[int]
    ) -> tuple[Sequence[Share], int, set[str] | None]:
        """Who serves what, how far from the cheapest that may be, and the locations that mattered for it
        (None: all).
        """
        cap, one_parcel = self._cap(), in_one_parcel(self.wish, self.rules)
        problem = self._problem(all_of, wanted, grouped=not cap and not one_parcel)
        rows, lines = problem.rows, problem.lines

        def price(line: int, at: int) -> Sums:
            return self._sums(all_of, rows[at], lines[line], at, wanted)

        def price_all(at: int) -> list[Sums]:
            return [price(line, at) for line in range(len(lines))]

        alone = problem.alone()
        single = self._single(problem, alone, price)
        least: Sequence[int] = ()
        found, below, searched = single, None if single is None else single.cost, False
        if single is None or not (
            cap == 1 or one_parcel or len(rows) < 2 or problem.two_at_least() >= single.cost
        ):
            limit = FAR if below is None else below
            if len(lines) <= SUBSET_LINES:
                least = least_with(problem.fixed, lines)
                asked = visited(problem.fixed, lines, least, cap, limit - 1, price)
            else:
                least = problem.least_beside()
                asked = {at: price_all(at) for at, bound in enumerate(least) if bound < limit}
            split = _solved(problem, asked, cap, below)
            if split is None and cap and single is None:
                every = {at: price_all(at) for at in range(len(rows))}
                split, searched = _solved(problem, every, cap, None, True), True
            if split is not None and (single is None or split.cost < single.cost):
                found = split
            elif split is not None and single is not None:
                found = single._replace(bound=min(split.bound, single.cost))
        assert found is not None
        shares = _by_item((*problem.forced, *found.shares), lines, wanted)
        if found.bound < found.cost:
            return shares, found.cost - found.bound, None
        if searched or (least and max(wanted) > 1):
            # What is searched, and how far an exact search of quantities may go, depends on all that is
            # looked at.
            return shares, 0, None
        mattered = {at for at, free in alone.items() if free <= found.cost}
        mattered.update([at for at, bound in enumerate(least) if bound <= found.cost])
        return shares, 0, {all_of.ids[rows[at]] for at in mattered}

    def _cap(self) -> int:
        return 0 if self.wish.accepted else self.rules.most_parcels

    def _problem(self, all_of: Candidates, wanted: list[int], grouped: bool) -> Problem:
        """What is to be decided, a brand that stays together as one line where any location has all of it,
        else its items, each from one location where any has all of that.
        """
        brands: dict[str, list[int]] = {}
        bundles: list[tuple[tuple[int, ...], bool]] = []
        for n, quantity in enumerate(wanted):
            brand = self.items[n].lines[0].brand
            if not quantity:
                continue
            if brand and brand in self.rules.brands_together:
                brands.setdefault(brand, []).append(n)
            else:
                bundles.append(((n,), False))
        for those in brands.values():
            if all_of.having(those, wanted):
                bundles.append((tuple(those), True))
            else:
                bundles += [((n,), bool(all_of.having([n], wanted))) for n in those]
        credit = [item.credit for item in self.items]
        return Problem.of(all_of, sorted(bundles), wanted, credit, self.rules.split, grouped)

    @staticmethod
    def _single(
        problem: Problem, alone: Mapping[int, int], price: Callable[[int, int], Sums]
    ) -> Assignment | None:
        """The cheapest location that has everything."""
        if not alone:
            return None
        lines = range(len(problem.lines))

        def cost(at: int) -> int:
            return problem.fixed[at] + sum([price(line, at)[-1] for line in lines])

        first = min(alone, key=alone.__getitem__)
        single = cost(first), first
        for free, at in sorted([(free, at) for at, free in alone.items() if free < single[0]]):
            if free >= single[0]:
                break
            if at != first and (this := cost(at)) < single[0]:
                single = this, at
        shares = [Share(n, problem.rows[single[1]], line.quantity) for n, line in enumerate(problem.lines)]
        return Assignment(tuple(shares), single[0], single[0])

    def _sums(self, all_of: Candidates, row: int, line: Line, at: int, wanted: list[int]) -> Sums:
        """What 0, 1, 2, … units of a line cost at the candidate `row`, which is row `at` of the problem."""
        units, ask = line.cover[at], line.asks[at]
        if not units:
            return (0,)
        if line.together:
            return 0, ask + sum([self._dearer(all_of, row, n, wanted[n])[-1] for n in line.items])
        if not self._worth.priced:
            return (0, ask) if units == 1 else tuple([n * ask for n in range(units + 1)])
        dearer = self._dearer(all_of, row, line.items[0], units)
        if units == 1:
            return 0, ask + dearer[1]
        return [n * ask + more for n, more in enumerate(dearer)]

    def _dearer(self, all_of: Candidates, row: int, number: int, count: int) -> Sequence[int]:
        """By what 0, 1, 2, … `count` units of an item cost more there than with free stock."""
        worth = self._worth
        if not worth.priced:
            return (0,)
        item, at, taken = self.items[number], all_of.ids[row], self.sources.taken
        first = taken.get((item.sku, at), 0) if taken else 0
        held = self._stock[number][at]
        percent, credit = self.rules.opportunity_percent, item.credit
        prices = worth.prices(item.sku, at, held, first, count)
        if count == 1:
            price = prices[0]
            return (0, price * percent // 100 + credit) if price else (0, 0)
        total, sums = 0, [0]
        for price in prices:
            if price:
                total += price * percent // 100 + credit
            sums.append(total)
        return sums

    # ---- what explains it

    def arrival(self, row: Row) -> int | None:
        """The day on which all that the location could give arrives; None: it has no capacity for it."""
        return self.sources.moment.arrival(row.location_id, row.km, sum(row.cover))

    def stock_terms(self, location_id: str, item: Item, count: int) -> tuple[int, int]:
        """What the first `count` units are worth there, and the credit for those from overstock."""
        held = self.sources.stock.units(item.sku).get(location_id, 0)
        first = self.sources.taken.get((item.sku, location_id), 0)
        prices = self._worth.prices(item.sku, location_id, held, first, count)
        price = sum([one * self.rules.opportunity_percent // 100 for one in prices])
        return price, sum([item.credit for one in prices if not one])

    def cost_with(self, location_id: str) -> int | None:
        """What the cheapest plan costs in which this location serves something; None when there is none."""
        all_of = self.candidates()
        if location_id not in all_of.ids:
            return None
        at = all_of.ids.index(location_id)
        wanted = [
            min(item.quantity_units, sum(cover)) for item, cover in zip(self.items, all_of.cover, strict=True)
        ]
        problem = self._problem(all_of, wanted, grouped=False)
        if at not in problem.rows:
            return None
        first = problem.rows.index(at)
        problem.fixed[first] -= _FORCE
        # The first in the row, since the exact search takes it that no later parcel costs less than nothing.
        order = [first, *(other for other in range(len(problem.rows)) if other != first)]
        offers = {
            one: [self._sums(all_of, problem.rows[one], line, one, wanted) for line in problem.lines]
            for one in order
        }
        cap = self._cap()
        found = _solved(problem, offers, cap, None)
        if found is None and cap:
            found = _solved(problem, offers, cap, None, True)
        if found is None or all(share.location != at for share in found.shares):
            return None
        return self._real_cost(all_of, _by_item(found.shares, problem.lines, wanted))

    # ---- the plan

    def _real_cost(self, all_of: Candidates, shares: Sequence[Share]) -> int:
        used = {share.location for share in shares}
        cost = sum([all_of.fixed[at] for at in used]) + self.rules.split * max(0, len(used) - 1)
        for n, at, units in shares:
            cost += units * (all_of.units[at] - self.items[n].credit)
            cost += self._dearer(all_of, at, n, units)[-1]
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

    def _parts(self, all_of: Candidates, shares: Sequence[Share]) -> tuple[PlannedPart, ...]:
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
            PlannedPart(all_of.ids[at], Method.SHIP, tuple(sorted(lines)), all_of.kms[at])
            for at, lines in sorted(planned.items())
        )


def _solved(
    problem: Problem,
    offers: Mapping[int, Sequence[Sums]],
    cap: int,
    below: int | None,
    partial: bool = False,
) -> Assignment | None:
    """The cheapest plan over the rows that offer something, by line and candidate; None only when they
    cannot serve all of it, or not `below` that cost.
    """
    chosen = list(offers)
    sums = [[offers[at][number] for at in chosen] for number in range(len(problem.lines))]
    quantities = [line.quantity for line in problem.lines]
    if any(
        sum([len(one) - 1 for one in line]) < quantity
        for line, quantity in zip(sums, quantities, strict=True)
    ):
        return None
    fixed = [problem.fixed[at] for at in chosen]
    found = cheapest_sums(fixed, sums, quantities, cap, partial, below)
    if found is None:
        return None
    shares = [Share(line, problem.rows[chosen[at]], units) for line, at, units in found.shares]
    return found._replace(shares=tuple(shares))


def _by_item(shares: Sequence[Share], lines: Sequence[Line], wanted: Sequence[int]) -> list[Share]:
    found = []
    for number, at, units in shares:
        line = lines[number]
        found += [Share(n, at, wanted[n] if line.together else units) for n in line.items]
    return found
