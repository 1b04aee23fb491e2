"""What no plan with a location can cost less than, so that few of many candidates are asked for the prices of
their stock, and fewer are compared with each other.

A *line* here is what is planned as one: an item, or the items of a brand that stay together. Costs are those
of `assignment`: a parcel's with the cost of a split, units with free stock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from heapq import nsmallest
from operator import add
from typing import NamedTuple

from services.orders.domain.assignment import FAR
from services.orders.domain.candidates import LATER_GROUP, Candidates
from services.orders.domain.quantities import Share, Sums, cheapest_unit

SUBSET_LINES = 6
"""Up to so many lines every set of them is looked at for a bound."""


class Line(NamedTuple):
    """Columns are by row of the problem."""

    items: tuple[int, ...]
    together: bool
    """All of it comes from one location: one unit of the line is all units of its items."""
    quantity: int
    cover: list[int]
    """Units of it that a location can give of those wanted."""
    asks: list[int]
    """What a unit costs there with free stock; of no meaning where it has none."""


class Problem(NamedTuple):
    """What is to be decided of an order."""

    rows: list[int]
    """The candidates that may serve something."""
    fixed: list[int]
    """By row; nothing where a forced share has paid for the parcel."""
    lines: list[Line]
    forced: list[Share]
    """Units that every cheapest plan takes: line, candidate, units. They are no part of the lines."""
    later: int
    """What the groups skipped by any cheapest plan cost."""

    @classmethod
    def of(
        cls,
        all_of: Candidates,
        bundles: Sequence[tuple[tuple[int, ...], bool]],
        wanted: Sequence[int],
        credit: Sequence[int],
        split: int,
        grouped: bool,
    ) -> Problem:
        """That of `wanted` units by item, planned in `bundles`: items, and whether they stay together. With
        `grouped` without the groups of locations that no cheapest plan goes to; there must be no cap on
        parcels then.

        A unit from one group later costs more than all else in an order; lines share nothing but parcels.
        So a cheapest plan skips as few groups as can be for every line: it takes all that there is of the
        line in the groups before the one in which its last unit is found, and the rest from that one. Were it
        otherwise, another unit of the line from an earlier group in place of one from a later would cost
        less. What comes from earlier groups is forced, and groups cost all plans that are left the same.
        """
        later, forced = 0, []
        quantities, kept = [], []
        for number, (those, together) in enumerate(bundles):
            missing = 1 if together else wanted[those[0]]
            there = all_of.having(those, wanted) if together else all_of.covering(those[0])
            ranks = all_of.ranked(those, wanted) if grouped else None
            if ranks is not None:
                # All units of an item that stays together skip groups.
                weight = wanted[those[0]] if together and len(those) == 1 else 1
                for rank in sorted(set(ranks)):
                    here = [at for at, one in enumerate(ranks) if one == rank and at in there]
                    units = sum([there[at] for at in here])
                    if units >= missing:
                        later += missing * rank * weight
                        there = {at: min(there[at], missing) for at in here}
                        break
                    later += units * rank * weight
                    missing -= units
                    forced += [Share(number, at, there[at]) for at in here]
            quantities.append(missing)
            kept.append(there)
        opened = {share.location for share in forced}
        rows = sorted(set().union(*kept))
        fixed = [0 if at in opened else all_of.fixed[at] + split for at in rows]
        lines = []
        for (those, together), quantity, there in zip(bundles, quantities, kept, strict=True):
            asks = [0] * len(rows)
            for n in those:
                units = wanted[n] if together else 1
                own = all_of.asks(n, rows, credit[n], not grouped)
                asks = [ask + units * one for ask, one in zip(asks, own, strict=True)] if together else own
            lines.append(Line(those, together, quantity, [there.get(at, 0) for at in rows], asks))
        return cls(rows, fixed, lines, forced, later * LATER_GROUP)

    def alone(self) -> dict[int, int]:
        """The rows that have all of it, and what that would cost with free stock."""
        if self.forced:
            return {}
        found: Sequence[int] = range(len(self.rows))
        for line in self.lines:
            cover, quantity = line.cover, line.quantity
            found = [at for at in found if cover[at] >= quantity]
        costs = [self.fixed[at] for at in found]
        for line in self.lines:
            asks, quantity = line.asks, line.quantity
            costs = [cost + quantity * asks[at] for cost, at in zip(costs, found, strict=True)]
        return dict(zip(found, costs, strict=True))

    def two_at_least(self) -> int:
        """No plan of two parcels costs less."""
        return sum(nsmallest(2, self.fixed)) + self._units_at_least() if len(self.rows) > 1 else FAR

    def _units_at_least(self) -> int:
        least = 0
        for line in self.lines:
            cheapest = min([ask for ask, units in zip(line.asks, line.cover, strict=True) if units])
            least += line.quantity * cheapest
        return least

    def least_beside(self) -> list[int]:
        """By row what no plan with it costs less than, for many lines: its parcel and the cheapest units."""
        least = self._units_at_least()
        return [cost + least for cost in self.fixed]


def least_with(fixed: Sequence[int], lines: Sequence[Line]) -> list[int]:
    """By location what no plan in which it serves something costs less than.

    Take any such plan, and have each line come whole from the cheapest of the locations that serve it: no
    dearer, since parcels only become fewer. The location serves a set of lines then, and others the
    rest at no less than the cheapest way to share those whole; or, where lines have several units, it may
    have served none whole, and its parcel comes on top. The least of all these is the bound.
    """
    several = any(line.quantity > 1 for line in lines)
    sums = [list(fixed)]
    for line in lines:
        quantity = line.quantity
        whole = [quantity * ask if units else FAR for ask, units in zip(line.asks, line.cover, strict=True)]
        sums += [list(map(add, row, whole)) for row in sums]
    full = len(sums) - 1
    shared = [0] + [min(row) for row in sums[1:]]
    for lines_in in range(1, full + 1):
        low = lines_in & -lines_in
        rest = part = lines_in ^ low
        while part:
            part = (part - 1) & rest
            cost = shared[low | part] + shared[rest ^ part]
            if cost < shared[lines_in]:
                shared[lines_in] = cost
    found = sums[full]
    for lines_in in range(0 if several else 1, full):
        others = shared[full ^ lines_in]
        if others < FAR:
            found = [
                one if one < mine + others else mine + others
                for one, mine in zip(found, sums[lines_in], strict=True)
            ]
    return found


def visited(
    fixed: Sequence[int],
    lines: Sequence[Line],
    least: Sequence[int],
    most_parcels: int,
    limit: int,
    offers_of: Callable[[int], list[Sums]],
) -> dict[int, list[Sums]]:
    """The locations that a plan which costs `limit` at most can be made of, and what each asks for the lines:
    `offers_of(location)`, asked only of them. Those with the least bound come first; the cheapest plan of
    whole lines over those that came lowers the limit for the rest.
    """
    best = [FAR] * (1 << len(lines))
    best[0] = 0
    partitions = _partitions(len(lines), most_parcels)
    bits = [(1 << number, line.quantity) for number, line in enumerate(lines)]
    asked: dict[int, list[Sums]] = {}
    for at in sorted(range(len(fixed)), key=least.__getitem__):
        if least[at] > limit:
            break
        offers = asked[at] = offers_of(at)
        # What it asks for sets of lines that it has whole.
        costs = [(0, fixed[at])]
        for (bit, quantity), offer in zip(bits, offers, strict=True):
            if len(offer) > quantity:
                whole = offer[quantity]
                costs += [(lines_in | bit, cost + whole) for lines_in, cost in costs]
        better = False
        for lines_in, cost in costs:
            if cost < best[lines_in] and lines_in:
                best[lines_in] = cost
                better = True
        if better:
            for parts in partitions:
                cost = 0
                for part in parts:
                    cost += best[part]
                if cost < limit:
                    limit = cost
    near = sorted([at for at in asked if least[at] <= limit])
    if near and any(line.quantity > 1 for line in lines):
        # The same bound once more, now that it is known what units cost: a plan within the limit is made of
        # these locations only.
        known = [
            line._replace(
                cover=[line.cover[at] for at in near],
                asks=[cheapest_unit(asked[at][number]) for at in near],
            )
            for number, line in enumerate(lines)
        ]
        bounds = least_with([fixed[at] for at in near], known)
        near = [at for at, bound in zip(near, bounds, strict=True) if bound <= limit]
    return {at: asked[at] for at in near}


@lru_cache(maxsize=64)
def _partitions(count: int, most_parcels: int) -> tuple[tuple[int, ...], ...]:
    """All ways to share `count` lines among so many locations (0: any number), lines as bits."""
    found: list[tuple[int, ...]] = [()]
    for line in range(count):
        bit = 1 << line
        found = [
            new
            for parts in found
            for new in (
                *[(*parts[:at], part | bit, *parts[at + 1 :]) for at, part in enumerate(parts)],
                (*parts, bit),
            )
        ]
    return tuple([parts for parts in found if not most_parcels or len(parts) <= most_parcels])
