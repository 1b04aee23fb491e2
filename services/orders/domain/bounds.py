"""What no plan with a location can cost less than, so that few of many candidates are asked for the prices of
their stock, and fewer are compared with each other.

A *line* here is what is planned as one: an item, or the items of a brand that stay together. Costs are those
of `assignment`: a parcel's with the cost of a split, units with free stock.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from heapq import nsmallest
from itertools import compress
from typing import NamedTuple, Protocol

from services.orders.domain.assignment import BOUNDED_LINES, FAR, least_with_each
from services.orders.domain.candidates import LATER_GROUP, Candidates
from services.orders.domain.quantities import Share, Sums

ASKED_AT_ONCE = 8
"""Rows that are asked before it is known whether all of them have to be."""
FEW_ROWS = 64
"""Of so many rows all are asked what they want: a bound for each would cost as much."""


class Asked(Protocol):
    """What rows of a problem ask for the units of its lines; see `offers.Offers`."""

    def ask(self, rows: Sequence[int]) -> None:
        """Ask all of them at once."""
        ...

    def __call__(self, at: int) -> list[Sums]:
        """What one of them asks."""
        ...


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
        if not any(together for _, together in bundles) and not (grouped and any(all_of.ranks)):
            return cls._of_items(all_of, [those[0] for those, _ in bundles], wanted, credit, split, grouped)
        later, forced = 0, []
        quantities, kept = [], []
        for number, (those, together) in enumerate(bundles):
            missing = 1 if together else wanted[those[0]]
            cover = all_of.having(those, wanted) if together else all_of.cover[those[0]]
            ranks = all_of.ranked(those, wanted) if grouped else None
            there: dict[int, int] = {}
            if ranks is None:
                there = {at: units for at, units in enumerate(cover) if units}
            else:
                # All units of an item that stays together skip groups.
                weight = wanted[those[0]] if together and len(those) == 1 else 1
                for rank in sorted(set(compress(ranks, cover))):
                    here = [at for at, one in enumerate(ranks) if one == rank and cover[at]]
                    units = sum([cover[at] for at in here])
                    if units >= missing:
                        later += missing * rank * weight
                        there = {at: min(cover[at], missing) for at in here}
                        break
                    later += units * rank * weight
                    missing -= units
                    forced += [Share(number, at, cover[at]) for at in here]
            quantities.append(missing)
            kept.append(there)
        opened = {share.location for share in forced}
        rows = sorted(set(kept[0]).union(*kept[1:]))
        all_of.settle(sorted(opened.union(rows)))
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

    @classmethod
    def _of_items(
        cls,
        all_of: Candidates,
        items: Sequence[int],
        wanted: Sequence[int],
        credit: Sequence[int],
        split: int,
        grouped: bool,
    ) -> Problem:
        """The same where each item is planned by itself and no group is left out: every candidate has some of
        one, and columns are those of the candidates.
        """
        rows = list(range(len(all_of.ids)))
        all_of.settle(rows)
        lines = [
            Line((n,), False, wanted[n], all_of.cover[n], all_of.asks(n, rows, credit[n], not grouped))
            for n in items
        ]
        return cls(rows, [cost + split for cost in all_of.fixed], lines, [], 0)

    @property
    def few(self) -> bool:
        """Whether all rows are asked what they want."""
        return len(self.rows) <= FEW_ROWS and len(self.lines) <= BOUNDED_LINES

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

    def rows_beside(self, limit: int) -> Sequence[int]:
        """The rows that a plan of several parcels can be made of which costs less than `limit`."""
        rows = range(len(self.rows))
        if limit >= FAR:
            return rows
        most = limit - self._units_at_least() - min(self.fixed)
        kept = [at for at, cost in enumerate(self.fixed) if cost < most]
        return rows if len(kept) == len(rows) else kept

    def least(self) -> list[int]:
        """By row what no plan with it costs less than."""
        if len(self.lines) <= BOUNDED_LINES:
            return least_with(self.fixed, self.lines)
        # Of many lines only its parcel and the cheapest units.
        least = self._units_at_least()
        return [cost + least for cost in self.fixed]


def least_with(fixed: Sequence[int], lines: Sequence[Line]) -> list[int]:
    """By location what no plan in which it serves something costs less than; see `least_with_each`."""
    wholes = [
        [line.quantity * ask if units else FAR for ask, units in zip(line.asks, line.cover, strict=True)]
        for line in lines
    ]
    return least_with_each(fixed, wholes, several=max(line.quantity for line in lines) > 1)


def visited(
    fixed: Sequence[int],
    lines: Sequence[Line],
    least: Sequence[int],
    most_parcels: int,
    limit: int,
    offers_of: Asked,
) -> list[int]:
    """The locations that a plan which costs `limit` at most can be made of. What each asks for the lines,
    `offers_of(location)`, is asked of few: those with the least bound come first, and the cheapest plan of
    whole lines over those that came lowers the limit for the rest.
    """
    best = [FAR] * (1 << len(lines))
    best[0] = 0
    partitions = _partitions(len(lines), most_parcels)
    bits = [(1 << number, line.quantity) for number, line in enumerate(lines)]
    asked: list[int] = []
    order = sorted([at for at, bound in enumerate(least) if bound <= limit], key=least.__getitem__)
    for at in order:
        if least[at] > limit:
            break
        if not len(asked) % ASKED_AT_ONCE:
            following = order[len(asked) : len(asked) + ASKED_AT_ONCE]
            offers_of.ask([one for one in following if least[one] <= limit])
        asked.append(at)
        offers = offers_of(at)
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
    return sorted([at for at in asked if least[at] <= limit])


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
