"""The cheapest way to share an order's lines among locations.

A location that serves anything costs its parcel once, and each unit its own cost on top; so this is facility
location with as many customers as the order has lines. For lines of one unit the optimum is found by dynamic
programming over sets of lines (every set's cheapest single location, then the cheapest partition into sets):
2^n sums over all locations and 3^n steps, exact up to twelve lines. Quantities are exact too: each line
whole where that is proven the cheapest, else location by location over the units still missing
(`quantities`). Above both a search improves a greedy start, and a lower bound says how far it can be from the
optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add

from services.orders.domain.quantities import (
    EXACT_STEPS,
    FAR,
    FILTERED_STATES,
    Assignment,
    Share,
    Sums,
    TooMany,
    by_location,
    cheapest_unit,
    states_of,
)
from services.orders.domain.searching import lower_bound, searched

__all__ = ["FAR", "Assignment", "Share", "cheapest", "cheapest_sums", "cheapest_units"]

EXACT_LINES = 12
BOUNDED_LINES = 6
"""Up to so many lines every set of them is looked at for a bound of each location."""
RELAXED_LINES = 8
"""Lines of several units up to which a plan that is proven the cheapest is first looked for line by line."""


def cheapest_units(fixed: Sequence[int], lines: Sequence[Sequence[int]]) -> tuple[list[int], int]:
    """The location of each line and the least cost, for up to twelve lines of one unit each.

    `fixed` is what a parcel costs per location, `lines[i]` what the unit of line `i` costs there, or `FAR`;
    every line must be somewhere. Ties fall to the earlier location, and to fewer parcels. Only the first
    parcel may cost less than nothing.
    """
    if fixed[0] < 0:
        found = _with_first(fixed, lines, 0)
        assert found is not None
        return found
    sums = _sums(fixed, lines)
    single = [min(row) for row in sums]
    parts = _few(single, len(lines)) if len(lines) <= 3 else _partition(single, len(lines))
    return _picks(parts, sums, single), sum(single[part] for part in parts)


def cheapest(
    fixed: Sequence[int],
    unit: Sequence[Sequence[int]],
    held: Sequence[Sequence[int]],
    wanted: Sequence[int],
    most_parcels: int = 0,
) -> Assignment | None:
    """The cheapest assignment of `wanted[i]` units of each line, at most `held[i][l]` of them from location
    `l`; with `most_parcels` above 0 from at most so many locations. None when there is no such plan (or,
    for an order too large to be solved exactly, when none was found).

    `unit[i][l]` is what a unit costs there.
    """
    costs = [
        [cost if units else FAR for cost, units in zip(row, have, strict=True)]
        for row, have in zip(unit, held, strict=True)
    ]
    if any(sum(have) < quantity for have, quantity in zip(held, wanted, strict=True)):
        return None
    if all(quantity == 1 for quantity in wanted) and len(wanted) <= EXACT_LINES:
        if not most_parcels:
            picks, cost = cheapest_units(fixed, costs)
            return _of_picks(picks, cost)
        return _capped(fixed, costs, most_parcels)
    sums = [
        [
            tuple(range(0, cost * min(units, quantity) + 1, cost))
            if cost
            else (0,) * (min(units, quantity) + 1)
            for cost, units in zip(row, have, strict=True)
        ]
        for row, have, quantity in zip(unit, held, wanted, strict=True)
    ]
    return cheapest_sums(fixed, sums, wanted, most_parcels)


def cheapest_sums(
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    wanted: Sequence[int],
    most_parcels: int = 0,
    partial: bool = False,
    below: int | None = None,
) -> Assignment | None:
    """As `cheapest`, where `sums[i][l]` are what 0, 1, 2, … units of line `i` cost at location `l`, as many
    as it has. With `partial` a cap on parcels that leaves units unserved is no refusal: many are served.
    With `below` None also says that no plan costs less than that.
    """
    if all(quantity == 1 for quantity in wanted) and len(wanted) <= EXACT_LINES:
        lines = [[one[1] if len(one) > 1 else FAR for one in line] for line in sums]
        if not most_parcels:
            return _of_picks(*cheapest_units(fixed, lines))
        found = _capped(fixed, lines, most_parcels)
    else:
        found = _quantities(fixed, sums, wanted, most_parcels, below)
    if found is None and partial:
        found = searched(fixed, sums, wanted, most_parcels, partial=True)
    return found


def _quantities(
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    wanted: Sequence[int],
    most_parcels: int,
    below: int | None,
) -> Assignment | None:
    by_lines = len(wanted) <= RELAXED_LINES and not most_parcels
    bound, eased = 0, None
    states = states_of(wanted)
    if by_lines and (states > FILTERED_STATES or states * len(fixed) > EXACT_STEPS):
        # Adding up over multisets of units says the same and more where there are few.
        eased, bound = _eased(fixed, sums, wanted)
        if below is not None and bound >= below:
            return None
        if eased is not None:
            return _of_picks(eased, bound, wanted)
    full = [
        [one[quantity] if len(one) > quantity else FAR for one in line]
        for line, quantity in zip(sums, wanted, strict=True)
    ]
    whole = None
    if by_lines and max(map(min, full)) < FAR:
        whole = _of_picks(*cheapest_units(fixed, full), wanted)
    limit = whole.cost if whole is not None and (below is None or whole.cost < below) else below
    try:
        found = _among_near(fixed, sums, full, wanted, most_parcels, limit)
    except TooMany:
        if by_lines and not bound:
            bound = _eased(fixed, sums, wanted)[1]
        tried = [one for one in (whole, searched(fixed, sums, wanted, most_parcels)) if one is not None]
        best = min(tried, key=lambda one: one.cost, default=None)
        return best and best._replace(bound=min(best.cost, max(bound, lower_bound(fixed, sums, wanted))))
    if found is not None or whole is None or (below is not None and whole.cost >= below):
        return found
    return whole


def _among_near(
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    full: Sequence[Sequence[int]],
    wanted: Sequence[int],
    most_parcels: int,
    below: int | None,
) -> Assignment | None:
    """`by_location` over the locations that a plan `below` can be made of, as far as a bound says; `full` is
    what each asks for whole lines.
    """
    if most_parcels and len(wanted) <= BOUNDED_LINES:
        capped = _capped(fixed, full, most_parcels)
        if capped is not None and (below is None or capped.cost < below):
            # Equally cheap ones may come first.
            below = capped.cost + 1
    # Where one costs less than nothing, sets of lines would have it several times.
    if below is None or len(fixed) <= 2 or len(wanted) > BOUNDED_LINES or fixed[0] < 0:
        return by_location(fixed, sums, wanted, most_parcels, below)
    near = near_of(fixed, sums, wanted, below - 1)
    if not near:
        return None
    some = [[line[at] for at in near] for line in sums]
    found = by_location([fixed[at] for at in near], some, wanted, most_parcels, below)
    if found is None:
        return None
    return found._replace(shares=tuple([Share(line, near[at], units) for line, at, units in found.shares]))


def near_of(
    fixed: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int], limit: int
) -> list[int]:
    """The locations that a plan which costs `limit` at most can be made of, as far as a bound says."""
    eased = _wholes_at_least(sums, wanted)
    return [at for at, bound in enumerate(least_with_each(fixed, eased, several=True)) if bound <= limit]


def least_with_each(fixed: Sequence[int], lines: Sequence[Sequence[int]], *, several: bool) -> list[int]:
    """By location what no plan in which it serves something costs less than; `lines[i]` is what line `i`
    costs there at least, whole, or `FAR`.

    Take any such plan, and have each line come whole from the cheapest of the locations that serve it: no
    dearer, since parcels only become fewer. The location serves a set of lines then, and others the
    rest at no less than the cheapest way to share those whole; or, where lines have `several` units, it may
    have served none whole, and its parcel comes on top. The least of all these is the bound.
    """
    sums = _sums(fixed, lines)
    full = len(sums) - 1
    shared, _ = _sets([min(row) for row in sums], len(lines))
    found = sums[full]
    for lines_in in range(0 if several else 1, full):
        others = shared[full ^ lines_in]
        if others < FAR:
            found = [
                one if one < mine + others else mine + others
                for one, mine in zip(found, sums[lines_in], strict=True)
            ]
    return found


def _eased(
    fixed: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int]
) -> tuple[list[int] | None, int]:
    """No plan costs less than every line whole at one location, at the price of its cheapest unit. Those
    locations, if that is what they ask, and that cost.
    """
    eased = _wholes_at_least(sums, wanted)
    if fixed[0] < 0:
        # It may serve parts of lines only, and is paid for all the same.
        return None, fixed[0] + cheapest_units([0, *fixed[1:]], eased)[1]
    picks, bound = cheapest_units(fixed, eased)
    for line, at in enumerate(picks):
        offer, quantity = sums[line][at], wanted[line]
        if len(offer) <= quantity or offer[quantity] != eased[line][at]:
            return None, bound
    return picks, bound


def _wholes_at_least(sums: Sequence[Sequence[Sums]], wanted: Sequence[int]) -> list[list[int]]:
    """What each line would cost at each location, whole and each unit as the cheapest; `FAR` without any."""
    return [
        [one[1] if len(one) > 1 else FAR for one in line]
        if quantity == 1
        else [quantity * cheapest_unit(one) if len(one) > 1 else FAR for one in line]
        for line, quantity in zip(sums, wanted, strict=True)
    ]


def _of_picks(picks: Sequence[int], cost: int, wanted: Sequence[int] = ()) -> Assignment:
    shares = tuple(
        Share(line, location, wanted[line] if wanted else 1) for line, location in enumerate(picks)
    )
    return Assignment(shares, cost, cost)


def _sums(fixed: Sequence[int], lines: Sequence[Sequence[int]]) -> list[list[int]]:
    """Per set of lines (a bit each) what every location would cost for the whole set."""
    sums = [list(fixed)]
    for line in lines:
        sums += [list(map(add, row, line)) for row in sums]
    return sums


def _few(single: Sequence[int], count: int) -> list[int]:
    """`_partition` written out for the orders that nearly all are."""
    if count == 1:
        return [1]
    if count == 2:
        return [1, 2] if single[1] + single[2] < single[3] else [3]
    best, parts = single[7], [7]
    for part in (1, 2, 4):
        cost = single[part] + single[7 ^ part]
        if cost < best:
            best, parts = cost, [part, 7 ^ part]
    return [1, 2, 4] if single[1] + single[2] + single[4] < best else parts


def _partition(single: Sequence[int], count: int) -> list[int]:
    """The cheapest partition of all lines into sets."""
    return _parts((1 << count) - 1, [_sets(single, count)[1]])


def _sets(single: Sequence[int], count: int) -> tuple[list[int], list[int]]:
    """Of each set of lines what its cheapest partition costs, and the first part of that."""
    full = (1 << count) - 1
    best = list(single)
    best[0] = 0
    first = list(range(full + 1))
    for lines in range(1, full + 1):
        low = lines & -lines
        rest = lines ^ low
        least, chosen = single[lines], lines
        part = rest
        while part:
            part = (part - 1) & rest
            cost = single[low | part] + best[rest ^ part]
            if cost < least:
                least, chosen = cost, low | part
        best[lines], first[lines] = least, chosen
    return best, first


def _layers(single: Sequence[int], count: int, most: int) -> tuple[list[int], list[list[int]]]:
    """Of each set of lines what its cheapest partition into at most `most` sets costs, and the first parts of
    that by how many may follow.
    """
    full = (1 << count) - 1
    best, first = list(single), list(range(full + 1))
    best[0] = 0
    firsts = [first]
    for _ in range(1, min(most, count)):
        before, best, first = best, list(best), list(first)
        for lines_left in range(1, full + 1):
            low = lines_left & -lines_left
            rest = lines_left ^ low
            part = rest
            while part:
                part = (part - 1) & rest
                cost = single[low | part] + before[rest ^ part]
                if cost < best[lines_left]:
                    best[lines_left], first[lines_left] = cost, low | part
        firsts.append(first)
    return best, firsts


def _parts(lines: int, firsts: Sequence[Sequence[int]]) -> list[int]:
    """The parts of a set of lines, by what `_sets` or `_layers` found."""
    parts: list[int] = []
    while lines:
        part = firsts[max(0, len(firsts) - 1 - len(parts))][lines]
        parts.append(part)
        lines ^= part
    return parts


def _capped(fixed: Sequence[int], lines: Sequence[Sequence[int]], most_parcels: int) -> Assignment | None:
    """The cheapest partition into at most `most_parcels` sets."""
    found = _at_most(fixed, lines, most_parcels)
    return None if found is None else _of_picks(*found)


def _at_most(
    fixed: Sequence[int], lines: Sequence[Sequence[int]], most_parcels: int
) -> tuple[list[int], int] | None:
    if fixed[0] < 0:
        return _with_first(fixed, lines, most_parcels)
    sums = _sums(fixed, lines)
    single = [min(row) for row in sums]
    best, firsts = _layers(single, len(lines), most_parcels)
    cost = best[-1]
    if cost >= FAR >> 1:  # Parcels and units may cost less than nothing.
        return None
    return _picks(_parts(len(best) - 1, firsts), sums, single), cost


def _with_first(
    fixed: Sequence[int], lines: Sequence[Sequence[int]], most_parcels: int
) -> tuple[list[int], int] | None:
    """The cheapest where the first parcel costs less than nothing: sets of lines would count it once each, so
    the lines that it has are one set, and others share the rest. `most_parcels` 0: any number.
    """
    count = len(lines)
    full = (1 << count) - 1
    own = [fixed[0]]
    for line in lines:
        own += [cost + line[0] for cost in own]
    others = [line[1:] for line in lines]
    sums = _sums(fixed[1:], others)
    single = [min(row, default=FAR) for row in sums]
    if most_parcels == 1:
        rest, firsts = [0] + [FAR] * full, [[0] * (full + 1)]
    elif most_parcels:
        rest, firsts = _layers(single, count, most_parcels - 1)
    else:
        rest, first = _sets(single, count)
        firsts = [first]
    served = min(range(1, full + 1), key=lambda those: own[those] + rest[full ^ those])
    cost = own[served] + rest[full ^ served]
    without = None
    if len(fixed) > 1:
        without = (
            _at_most(fixed[1:], others, most_parcels) if most_parcels else cheapest_units(fixed[1:], others)
        )
    if without is not None and without[1] < min(cost, FAR >> 1):
        return [at + 1 for at in without[0]], without[1]
    if cost >= FAR >> 1:
        return None if most_parcels else ([0] * count, cost)
    elsewhere = _picks(_parts(full ^ served, firsts), sums, single)
    return [0 if served >> line & 1 else 1 + at for line, at in enumerate(elsewhere)], cost


def _picks(parts: Sequence[int], sums: Sequence[Sequence[int]], single: Sequence[int]) -> list[int]:
    """The location of each line: the first of those where its part costs least."""
    picks = [0] * (len(sums).bit_length() - 1)
    for part in parts:
        location = sums[part].index(single[part])
        for line in range(len(picks)):
            if part >> line & 1:
                picks[line] = location
    return picks
