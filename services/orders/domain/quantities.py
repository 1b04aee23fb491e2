"""The cheapest way to share lines of several units: what each further unit costs may differ, since the price
of stock rises with every unit that a location gives away.

What a location asks for the units of a line is given as sums: `(0, first, first + second, …)`, as long as
what it can give.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import pairwise, product
from operator import add, sub
from typing import NamedTuple

Sums = Sequence[int]
"""What 0, 1, 2, … units cost; at least `(0,)`."""

EXACT_STEPS = 60_000
"""Steps of the exact search, each about a microsecond; beyond, the plan is searched and has a bound."""
FILTERED_STATES = 128
"""Multisets of missing units up to which locations are left out by a bound before that search."""
SEARCHED_LOCATIONS = 40
_SEARCH_ROUNDS = 20


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
    offers = _worthwhile(fixed, _takes(fixed, sums, wanted, below), tuple(wanted), most_parcels, below)
    places = [row for row, _ in offers]
    there, cheapest = _suffixes(places, sums)
    parcel = [0] * (len(places) + 1)
    for at in range(len(places) - 1, -1, -1):
        one = fixed[places[at]]
        parcel[at] = min(one, parcel[at + 1]) if at + 1 < len(places) else one
    found: dict[tuple[int, _State], tuple[int, _Chain]] = {(0, tuple(wanted)): (0, ())}
    goal = tuple(0 for _ in wanted)
    best: tuple[int, _Chain] | None = None
    steps = 0
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
            if steps > EXACT_STEPS:
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


def _takes(
    fixed: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int], below: int | None
) -> list[tuple[int, _Takes]]:
    """What each location may be asked for, and what that costs; without what no plan `below` has in it."""
    places = [row for row in range(len(fixed)) if any(len(line[row]) > 1 for line in sums)]
    parcel = min([fixed[row] for row in places], default=0)
    least = [
        min([cheapest_unit(line[row]) for row in places if len(line[row]) > 1], default=0) for line in sums
    ]
    everything = sum([n * one for n, one in zip(wanted, least, strict=True)])
    goal = tuple(wanted)
    steps = 0
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
        steps += len(takes)
        if steps > EXACT_STEPS:
            raise TooMany
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
    fixed: Sequence[int],
    offers: list[tuple[int, _Takes]],
    wanted: _State,
    most_parcels: int,
    below: int | None,
) -> list[tuple[int, _Takes]]:
    """The `offers` without locations that no cheapest plan has in it, nor any as cheap.

    A plan that may have a location twice, each time with a parcel of its own, is no dearer than the best of
    those that may not; and it is found by adding up, as only the cheapest location of each multiset of units
    matters. No plan with a location costs less than what it asks for some units and such a plan for the rest.
    One location, the first, may cost less than nothing for its parcel: it is there once.
    """
    parts = _parts(wanted)
    if parts is None:
        return offers
    own: _Takes = []
    if offers and fixed[offers[0][0]] < 0:
        own = offers[0][1]
    single: dict[_State, tuple[int, int]] = {}
    for row, takes in offers[1:] if own else offers:
        for take, cost in takes:
            known = single.get(take)
            if known is None or cost < known[0]:
                single[take] = cost, row
    rest: dict[_State, int] = {(0,) * len(wanted): 0}
    first: dict[_State, tuple[_State, _State]] = {}
    for state, ways in parts:
        best = None
        for take, others in ways:
            one, two = single.get(take), rest.get(others)
            if one is not None and two is not None and (best is None or one[0] + two < best):
                best = one[0] + two
                first[state] = take, others
        if best is not None:
            rest[state] = best
    taken: dict[_State, _State] = {}
    alone = rest
    if own:
        rest = dict(rest)
        for state, left in _within(wanted):
            for take, cost in own:
                beside = alone.get(left[take]) if take in left else None
                if beside is not None and (state not in rest or cost + beside < rest[state]):
                    rest[state] = cost + beside
                    taken[state] = take
    least = rest.get(wanted)
    if least is None or (below is not None and least >= below):
        return []
    limit = None if below is None else below - 1
    # That plan, each location once: if it is one, no cheapest plan costs more.
    whole = dict(_within(wanted))[wanted]
    state, by_row = wanted, dict[int, list[tuple[_State, int]]]()
    if wanted in taken:
        state = whole[taken[wanted]]
    while any(state):
        take, state = first[state]
        cost, row = single[take]
        by_row.setdefault(row, []).append((take, cost))
    found: int | None = least
    for row, several in by_row.items():
        if len(several) > 1 and found is not None:
            together = tuple(map(sum, zip(*[take for take, _ in several], strict=True)))
            asked = next((dict(takes).get(together) for at, takes in offers if at == row), None)
            found = None if asked is None else found + asked - sum([cost for _, cost in several])
    parcels = len(by_row) + (wanted in taken)
    if (
        found is not None
        and (not most_parcels or parcels <= most_parcels)
        and (limit is None or found < limit)
    ):
        limit = found
    if limit is None:
        return offers
    kept = []
    for at, (row, takes) in enumerate(offers):
        if (own and not at) or any(
            cost + rest[whole[take]] <= limit for take, cost in takes if whole[take] in rest
        ):
            kept.append((row, takes))
    return kept


@lru_cache(maxsize=256)
def _parts(wanted: _State) -> tuple[tuple[_State, tuple[tuple[_State, _State], ...]], ...] | None:
    """All multisets of units in order, each with the ways to take some of it away that has the first of it,
    and what is left then; None: there are too many.
    """
    states = 1
    for n in wanted:
        states *= n + 1
    if states > FILTERED_STATES:
        return None
    found = []
    for state in product(*[range(n + 1) for n in wanted]):
        if any(state):
            line = next(at for at, n in enumerate(state) if n)
            ways = [
                (take, tuple(map(sub, state, take)))
                for take in product(*[range(n + 1) for n in state])
                if take[line]
            ]
            found.append((state, tuple(ways)))
    return tuple(found)


@lru_cache(maxsize=256)
def _within(wanted: _State) -> tuple[tuple[_State, dict[_State, _State]], ...]:
    """All multisets of units, each with what is left of it by what is taken."""
    return tuple(
        (state, {take: tuple(map(sub, state, take)) for take in product(*[range(n + 1) for n in state])})
        for state in product(*[range(n + 1) for n in wanted])
    )


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


def searched(
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    wanted: Sequence[int],
    most_parcels: int = 0,
    partial: bool = False,
) -> Assignment | None:
    """Greedy by cost per unit, then locations opened, closed and exchanged while that helps. With
    `most_parcels` none may be found although there is one; `partial` then serves what the greedy one does.
    """
    opened = _greedy(fixed, sums, wanted, most_parcels)
    best = _fill(opened, fixed, sums, wanted, partial)
    if best is None:
        return None
    if partial and sum(share.units for share in best.shares) < sum(wanted):
        return best
    useful = _useful(fixed, sums, wanted)
    for _ in range(_SEARCH_ROUNDS):
        moves = [opened - {row} for row in opened]
        if not most_parcels or len(opened) < most_parcels:
            moves += [opened | {row} for row in useful if row not in opened]
        moves += [opened - {old} | {new} for old in opened for new in useful if new not in opened]
        better = None
        for move in moves:
            tried = _fill(move, fixed, sums, wanted, False)
            if tried is not None and tried.cost < (better[1] if better else best).cost:
                better = (move, tried)
        if better is None:
            break
        opened, best = better
    return best._replace(bound=min(lower_bound(fixed, sums, wanted), best.cost))


def _useful(fixed: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int]) -> list[int]:
    """Those that a search looks at: the cheapest per unit that they can give, and for each line."""

    def rate(row: int) -> float:
        able = [min(len(line[row]) - 1, n) for line, n in zip(sums, wanted, strict=True)]
        return (fixed[row] + sum(line[row][n] for line, n in zip(sums, able, strict=True))) / sum(able)

    there = [row for row in range(len(fixed)) if any(len(line[row]) > 1 for line in sums)]
    ranked = sorted(there, key=lambda row: (rate(row), row))
    kept = set(ranked[:SEARCHED_LOCATIONS])
    for line in sums:
        having = [row for row in ranked if len(line[row]) > 1]
        kept.update(sorted(having, key=lambda row, line=line: (fixed[row] + line[row][1], row))[:3])  # type: ignore[misc]
    return sorted(kept)


def _greedy(
    fixed: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int], most_parcels: int
) -> set[int]:
    missing = list(wanted)
    chosen: set[int] = set()
    while any(missing) and not (most_parcels and len(chosen) == most_parcels):
        best: tuple[float, float, int] | None = None
        for row, parcel in enumerate(fixed):
            if row in chosen:
                continue
            takes = [min(len(line[row]) - 1, n) for line, n in zip(sums, missing, strict=True)]
            units = sum(takes)
            if units:
                cost = parcel + sum(line[row][n] for line, n in zip(sums, takes, strict=True))
                # Under a cap as many units as can be, else as cheap as can be.
                this = (-units if most_parcels else 0, cost / units, row)
                if best is None or this < best:
                    best = this
        if best is None:
            break
        row = best[2]
        chosen.add(row)
        missing = [n - min(len(line[row]) - 1, n) for line, n in zip(sums, missing, strict=True)]
    return chosen


def _fill(
    chosen: set[int],
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    wanted: Sequence[int],
    partial: bool,
) -> Assignment | None:
    """Every unit from the chosen location that asks least for it."""
    shares: list[Share] = []
    used: set[int] = set()
    cost = 0
    for number, (line, quantity) in enumerate(zip(sums, wanted, strict=True)):
        offers = [(line[row][1], row, 1) for row in chosen if len(line[row]) > 1]
        heapify(offers)
        taken: dict[int, int] = {}
        while quantity and offers:
            price, row, n = heappop(offers)
            taken[row] = n
            cost += price
            quantity -= 1
            if len(line[row]) > n + 1:
                heappush(offers, (line[row][n + 1] - line[row][n], row, n + 1))
        if quantity and not partial:
            return None
        used.update(taken)
        shares += [Share(number, row, n) for row, n in sorted(taken.items())]
    return Assignment(tuple(shares), cost + sum(fixed[row] for row in used), 0)


def lower_bound(fixed: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int]) -> int:
    """No plan costs less: each unit at its cheapest, a parcel's cost spread over all it could carry; or each
    unit at its cheapest and the cheapest parcel.
    """
    able = [
        sum(min(len(line[row]) - 1, n) for line, n in zip(sums, wanted, strict=True))
        for row in range(len(fixed))
    ]
    spread = bare = 0.0
    for line, n in zip(sums, wanted, strict=True):
        least = [(row, min(units_of(line[row]))) for row in range(len(fixed)) if len(line[row]) > 1]
        bare += n * min(one for _, one in least)
        spread += n * min(one + fixed[row] / able[row] for row, one in least)
    return max(int(spread), int(bare) + min(cost for cost, units in zip(fixed, able, strict=True) if units))
