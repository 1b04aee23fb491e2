"""The cheapest way to share lines of several units: what each further unit costs may differ, since the price
of stock rises with every unit that a location gives away.

What a location asks for the units of a line is given as sums: `(0, first, first + second, …)`, as long as
what it can give.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise, product
from math import prod
from operator import add, le
from typing import NamedTuple

Sums = Sequence[int]
"""What 0, 1, 2, … units cost; at least `(0,)`."""

FAR = 1 << 60
"""The cost of a unit at a location that has none."""
EXACT_STEPS = 20_000
"""Steps of the exact search, each about a microsecond; beyond, the plan is searched and has a bound."""
EXACT_COMPARISONS = 80_000
"""The same for long orders, each line of which takes a part of every step."""
FILTERED_STATES = 128
"""Multisets of missing units up to which locations are left out by a bound before that search."""


class Share(NamedTuple):
    """Units of a line that a location serves; both are row numbers."""

    line: int
    location: int
    units: int


class Assignment(NamedTuple):
    """Who serves what, by line. `bound` is a proven lower bound; equal to `cost` when that is optimal."""

    shares: tuple[Share, ...]
    cost: int
    bound: int


class TooMany(Exception):
    """The exact search would take more steps than it may."""


_State = tuple[int, ...]
_Takes = list[tuple[_State, int]]
"""What a location may be asked for, and what that costs."""
_Chain = tuple[Share, "_Chain"] | tuple[()]


def by_location(
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    wanted: Sequence[int],
    most_parcels: int,
    below: int | None,
) -> Assignment | None:
    """Exact: the least cost per multiset of units served, one location after another; only what is `below`
    that cost (None: any). None when there is no such plan.

    Raises:
        TooMany: given up.
    """
    places = [row for row in range(len(fixed)) if any(len(line[row]) > 1 for line in sums)]
    if len(places) * states_of(wanted) > EXACT_STEPS:
        _count_steps(places, sums, wanted)
    places = _worthwhile(places, fixed, sums, tuple(wanted), most_parcels, below)
    if not places:
        return None
    offers = _takes(places, fixed, sums, wanted, below)
    places = [row for row, _ in offers]
    there, cheapest = _suffixes(places, sums)
    parcel = [0] * (len(places) + 1)
    for at in range(len(places) - 1, -1, -1):
        one = fixed[places[at]]
        parcel[at] = min(one, parcel[at + 1]) if at + 1 < len(places) else one
    found: dict[tuple[int, _State], tuple[int, _Chain]] = {(0, tuple(wanted)): (0, ())}
    goal = tuple(0 for _ in wanted)
    best: tuple[int, _Chain] | None = None
    steps, most_steps = 0, min(EXACT_STEPS, EXACT_COMPARISONS // len(wanted))
    for at, (row, takes) in enumerate(offers):
        count = len(takes)
        left, least, another = there[at + 1], cheapest[at + 1], parcel[at + 1]
        following: dict[tuple[int, _State], tuple[int, _Chain]] = {}
        for (parcels, missing), (cost, chain) in found.items():
            if all(n <= have for n, have in zip(missing, left, strict=True)):
                known = following.get((parcels, missing))
                if known is None or cost < known[0]:
                    following[parcels, missing] = (cost, chain)
            if most_parcels and parcels == most_parcels:
                continue
            steps += count
            if steps > most_steps:
                raise TooMany
            for take, more in takes:
                rest = tuple([n - t for n, t in zip(missing, take, strict=True)])
                if min(rest) < 0 or any(n > have for n, have in zip(rest, left, strict=True)):
                    continue
                total = cost + more
                bound = total
                if rest != goal:
                    bound += another + sum([n * one for n, one in zip(rest, least, strict=True) if n])
                if below is not None and bound >= below:
                    continue
                if best is not None and bound >= best[0]:
                    continue
                longer: _Chain = chain
                for line, units in enumerate(take):
                    if units:
                        longer = (Share(line, row, units), longer)
                if rest == goal:
                    best = (total, longer)
                    continue
                key = (parcels + 1 if most_parcels else 0, rest)
                known = following.get(key)
                if known is None or total < known[0]:
                    following[key] = (total, longer)
        found = following
    return None if best is None else Assignment(_unchained(best[1]), best[0], best[0])


def states_of(wanted: Sequence[int]) -> int:
    """How many multisets of the units there are."""
    return prod([n + 1 for n in wanted])


def _count_steps(places: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int]) -> None:
    """Raises `TooMany` where all locations together can be asked for more than a search may look at."""
    steps = 0
    for row in places:
        steps += prod([min(len(line[row]), n + 1) for line, n in zip(sums, wanted, strict=True)])
        if steps > EXACT_STEPS:
            raise TooMany


def _takes(
    places: Sequence[int],
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    wanted: Sequence[int],
    below: int | None,
) -> list[tuple[int, _Takes]]:
    """What each location may be asked for, and what that costs; without what no plan `below` has in it."""
    parcel = min([fixed[row] for row in places])
    least = [
        min([cheapest_unit(line[row]) for row in places if len(line[row]) > 1], default=0) for line in sums
    ]
    everything = sum([n * one for n, one in zip(wanted, least, strict=True)])
    goal = tuple(wanted)
    offers = []
    for row in places:
        # With the cost above that of as many of the cheapest units.
        takes: list[tuple[_State, int, int]] = [((), fixed[row], fixed[row])]
        for line, n, one in zip(sums, wanted, least, strict=True):
            offer = line[row][: n + 1]
            if len(offer) == 1:
                takes = [((*take, 0), cost, above) for take, cost, above in takes]
            else:
                more = [(units, asked, asked - units * one) for units, asked in enumerate(offer)]
                takes = [
                    ((*take, units), cost + asked, above + dearer)
                    for take, cost, above in takes
                    for units, asked, dearer in more
                ]
        del takes[0]
        if below is None:
            kept = [(take, cost) for take, cost, _ in takes]
        else:
            whole = below - everything
            partly = whole - parcel
            kept = [
                (take, cost)
                for take, cost, above in takes
                if above < partly or (above < whole and take == goal)
            ]
        if kept:
            offers.append((row, kept))
    return offers


def _worthwhile(
    places: list[int],
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    wanted: _State,
    most_parcels: int,
    below: int | None,
) -> list[int]:
    """The `places` without those that no cheapest plan has in it, nor any as cheap; none where no plan is
    `below`.

    A plan that may have a location twice, each time with a parcel of its own, is no dearer than the best of
    those that may not; and it is found by adding up, as only the cheapest location of each multiset of units
    matters. No plan with a location costs less than what it asks for some units and such a plan for the rest.
    One location, the first, may cost less than nothing for its parcel: it is there once.
    """
    tables = _tables(wanted)
    if tables is None or not places:
        return places
    asks = [_asks(fixed[row], [line[row] for line in sums], wanted) for row in places]
    own = fixed[places[0]] < 0
    asked = asks.pop(0) if own else []
    single = list(map(min, zip(*asks, strict=True))) if asks else [FAR] * tables.size
    top = tables.size - 1
    alone = [0] * (top + 1)
    for state, takes in tables.first:
        alone[state] = min([single[take] + alone[state - take] for take in takes])
    rest = alone
    if own:
        rest = [
            min([beside, *[asked[take] + alone[state - take] for take in takes]])
            for (state, takes), beside in zip(tables.any, alone, strict=True)
        ]
    least = rest[top]
    if least >= FAR >> 1 or (below is not None and least >= below):
        return []
    limit = None if below is None else below - 1
    found, parcels = _once_each(tables, asks, single, alone, asked, least)
    if found is not None and not (most_parcels and parcels > most_parcels):
        limit = found if limit is None else min(limit, found)
    if limit is None:
        return places
    limits = [limit - rest[top - take] for take in range(top + 1)]
    # The empty multiset is no reason to keep anybody.
    limits[0] = -FAR
    kept = places[:1] if own else []
    for row, ask in zip(places[own:], asks, strict=True):
        if any(map(le, ask, limits)):
            kept.append(row)
    return kept


def _asks(parcel: int, offers: Sequence[Sums], wanted: _State) -> list[int]:
    """What a location asks for each multiset of units, as `_tables` numbers them; `FAR` if it has less."""
    costs = [parcel]
    for offer, quantity in zip(offers, wanted, strict=True):
        missing = quantity + 1 - len(offer)
        units = offer[: quantity + 1] if missing <= 0 else [*offer, *[FAR] * missing]
        costs = [cost + more for cost in costs for more in units]
    return costs


def _once_each(
    tables: _Tables,
    asks: Sequence[Sequence[int]],
    single: Sequence[int],
    alone: Sequence[int],
    asked: Sequence[int],
    least: int,
) -> tuple[int | None, int]:
    """The plan that costs the `least`, with each location once: what it costs then, None if one of them has
    less than that; and its parcels.
    """
    state = len(single) - 1
    parcels = 0
    if asked and alone[state] != least:
        state -= next(take for take in tables.any[state][1] if asked[take] + alone[state - take] == least)
        parcels = 1
    takes = dict(tables.first)
    by_place: dict[int, list[int]] = {}
    while state:
        left = alone[state]
        take = next(one for one in takes[state] if single[one] + alone[state - one] == left)
        at = next(at for at, ask in enumerate(asks) if ask[take] == single[take])
        by_place.setdefault(at, []).append(take)
        state -= take
    found = least
    for at, several in by_place.items():
        if len(several) > 1:
            found += asks[at][sum(several)] - sum([single[take] for take in several])
    return (None if found >= FAR >> 1 else found), parcels + len(by_place)


class _Tables(NamedTuple):
    """Multisets of the units of an order, each a number: what is left of one when another is taken away is
    their difference. The empty one is 0.
    """

    size: int
    first: tuple[tuple[int, tuple[int, ...]], ...]
    """All but the empty one, in order, each with the parts of it that have the first of its lines."""
    any: tuple[tuple[int, tuple[int, ...]], ...]
    """All, each with all its parts but the empty one."""


@lru_cache(maxsize=256)
def _tables(wanted: _State) -> _Tables | None:
    """None: there are too many."""
    if states_of(wanted) > FILTERED_STATES:
        return None
    states = list(product(*[range(n + 1) for n in wanted]))
    numbers = {state: number for number, state in enumerate(states)}
    first, every = [], []
    for number, state in enumerate(states):
        parts = [take for take in product(*[range(n + 1) for n in state]) if any(take)]
        every.append((number, tuple([numbers[take] for take in parts])))
        line = next((at for at, n in enumerate(state) if n), None)
        if line is not None:
            first.append((number, tuple([numbers[take] for take in parts if take[line]])))
    return _Tables(len(states), tuple(first), tuple(every))


def _suffixes(
    places: Sequence[int], sums: Sequence[Sequence[Sums]]
) -> tuple[list[list[int]], list[list[int]]]:
    """Per number of locations passed: the units of each line behind them, and the cheapest unit there."""
    there = [[0] * len(sums)]
    cheapest = [[0] * len(sums)]
    for row in reversed(places):
        there.append(list(map(add, there[-1], [len(line[row]) - 1 for line in sums])))
        least = []
        for line, have, before in zip(sums, there[-2], cheapest[-1], strict=True):
            offer = line[row]
            if len(offer) == 1:
                least.append(before if have else 0)
            else:
                one = cheapest_unit(offer)
                least.append(before if have and before < one else one)
        cheapest.append(least)
    there.reverse()
    cheapest.reverse()
    return there, cheapest


def _unchained(chain: _Chain) -> tuple[Share, ...]:
    shares = []
    while chain:
        shares.append(chain[0])
        chain = chain[1]
    return tuple(sorted(shares))


def cheapest_unit(sums: Sums) -> int:
    """What the cheapest of the units costs; nothing where there is none."""
    count = len(sums)
    if count == 2:
        return sums[1]
    if count == 3:
        one, two = sums[1], sums[2] - sums[1]
        return one if one < two else two
    return min(units_of(sums), default=0)


def units_of(sums: Sums) -> list[int]:
    """What each unit in turn costs."""
    return [after - before for before, after in pairwise(sums)]
