"""The cheapest way to share an order's lines among locations.

A location that serves anything costs its parcel once, and each unit its own cost on top; so this is facility
location with as many customers as the order has lines. For lines of one unit the optimum is found by dynamic
programming over sets of lines (every set's cheapest single location, then the cheapest partition into sets):
2^n sums over all locations and 3^n steps, exact up to twelve lines. Quantities are exact too, location by
location over the units still missing, while that is small. Above both a search improves a greedy start, and a
lower bound says how far it can be from the optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from operator import add
from typing import NamedTuple

FAR = 1 << 60
"""The cost of a unit at a location that has none."""
EXACT_LINES = 12
EXACT_STATES = 40_000
"""Locations times states times takes up to which quantities are solved exactly."""
_SEARCH_ROUNDS = 50


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


def cheapest_units(fixed: Sequence[int], lines: Sequence[Sequence[int]]) -> tuple[list[int], int]:
    """The location of each line and the least cost, for up to twelve lines of one unit each.

    `fixed` is what a parcel costs per location, `lines[i]` what the unit of line `i` costs there, or `FAR`;
    every line must be somewhere. Ties fall to the earlier location, and to fewer parcels.
    """
    sums = _sums(fixed, lines)
    single = [min(row) for row in sums]
    parts = _few(single, len(lines)) if len(lines) <= 3 else _partition(single, len(lines))
    picks = [0] * len(lines)
    for part in parts:
        location = sums[part].index(single[part])
        for line in range(len(lines)):
            if part >> line & 1:
                picks[line] = location
    return picks, sum(single[part] for part in parts)


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
    takes = prod((quantity + 1) * (quantity + 2) // 2 for quantity in wanted)
    if takes * len(fixed) * max(1, most_parcels) <= EXACT_STATES:
        return _by_location(fixed, costs, held, wanted, most_parcels)
    return _searched(fixed, costs, held, wanted, most_parcels)


def _of_picks(picks: Sequence[int], cost: int) -> Assignment:
    shares = tuple(Share(line, location, 1) for line, location in enumerate(picks))
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
    parts = []
    while full:
        parts.append(first[full])
        full ^= first[full]
    return parts


def _capped(fixed: Sequence[int], lines: Sequence[Sequence[int]], most_parcels: int) -> Assignment | None:
    """The cheapest partition into at most `most_parcels` sets."""
    sums = _sums(fixed, lines)
    single = [min(row) for row in sums]
    full = (1 << len(lines)) - 1
    layers = [list(single)]
    layers[0][0] = 0
    firsts = [list(range(full + 1))]
    for _ in range(1, min(most_parcels, len(lines))):
        before, best, first = layers[-1], list(layers[-1]), list(firsts[-1])
        for lines_left in range(1, full + 1):
            low = lines_left & -lines_left
            rest = lines_left ^ low
            part = rest
            while part:
                part = (part - 1) & rest
                cost = single[low | part] + before[rest ^ part]
                if cost < best[lines_left]:
                    best[lines_left], first[lines_left] = cost, low | part
        layers.append(best)
        firsts.append(first)
    if layers[-1][full] >= FAR:
        return None
    picks = [0] * len(lines)
    left, cost = full, layers[-1][full]
    for layer in range(len(layers) - 1, -1, -1):
        part = firsts[layer][left]
        location = sums[part].index(single[part]) if part else 0
        for line in range(len(lines)):
            if part >> line & 1:
                picks[line] = location
        left ^= part
    return _of_picks(picks, cost)


def _by_location(
    fixed: Sequence[int],
    unit: Sequence[Sequence[int]],
    held: Sequence[Sequence[int]],
    wanted: Sequence[int],
    most_parcels: int,
) -> Assignment | None:
    """Exact for quantities: the least cost per multiset of units served, one location after another."""
    start = tuple(0 for _ in wanted)
    goal = tuple(wanted)
    found: dict[tuple[int, tuple[int, ...]], tuple[int, tuple[Share, ...]]] = {(0, start): (0, ())}
    for location, parcel in enumerate(fixed):
        most = [min(have[location], quantity) for have, quantity in zip(held, wanted, strict=True)]
        if not any(most):
            continue
        takes = [
            (
                take,
                parcel + sum(n * unit[line][location] for line, n in enumerate(take)),
                tuple(Share(line, location, n) for line, n in enumerate(take) if n),
            )
            for take in product(*(range(n + 1) for n in most))
            if any(take)
        ]
        for (parcels, served), (cost, shares) in list(found.items()):
            if most_parcels and parcels == most_parcels:
                continue
            for take, extra, more in takes:
                state = tuple(map(add, served, take))
                if any(n > quantity for n, quantity in zip(state, goal, strict=True)):
                    continue
                key = (parcels + 1 if most_parcels else 0, state)
                known = found.get(key)
                if known is None or cost + extra < known[0]:
                    found[key] = (cost + extra, shares + more)
    ends = [value for (_, state), value in found.items() if state == goal]
    if not ends:
        return None
    cost, shares = min(ends, key=lambda end: end[0])
    return Assignment(tuple(sorted(shares)), cost, cost)


def _searched(
    fixed: Sequence[int],
    unit: Sequence[Sequence[int]],
    held: Sequence[Sequence[int]],
    wanted: Sequence[int],
    most_parcels: int,
) -> Assignment | None:
    """Greedy by cost per unit, then locations opened, closed and exchanged while that helps."""
    open_now = _greedy(fixed, unit, held, wanted)
    best = _fill(open_now, fixed, unit, held, wanted)
    assert best is not None
    useful = [row for row in range(len(fixed)) if any(have[row] for have in held)]
    for _ in range(_SEARCH_ROUNDS):
        moves = [open_now - {row} for row in open_now]
        moves += [open_now | {row} for row in useful if row not in open_now]
        moves += [open_now - {old} | {new} for old in open_now for new in useful if new not in open_now]
        better = None
        for move in moves:
            tried = _fill(move, fixed, unit, held, wanted)
            if tried is not None and tried.cost < (better[1] if better else best).cost:
                better = (move, tried)
        if better is None:
            break
        open_now, best = better
    bound = _bound(fixed, unit, held, wanted)
    if most_parcels and len({share.location for share in best.shares}) > most_parcels:
        return None
    return best._replace(bound=min(bound, best.cost))


def _greedy(
    fixed: Sequence[int],
    unit: Sequence[Sequence[int]],
    held: Sequence[Sequence[int]],
    wanted: Sequence[int],
) -> set[int]:
    missing = list(wanted)
    chosen: set[int] = set()
    while any(missing):
        best, best_at = FAR * 1.0, -1
        for row, parcel in enumerate(fixed):
            if row in chosen:
                continue
            takes = [min(have[row], n) for have, n in zip(held, missing, strict=True)]
            units = sum(takes)
            if units:
                cost = parcel + sum(n * unit[line][row] for line, n in enumerate(takes) if n)
                if cost / units < best:
                    best, best_at = cost / units, row
        chosen.add(best_at)
        missing = [n - min(have[best_at], n) for have, n in zip(held, missing, strict=True)]
    return chosen


def _fill(
    chosen: set[int],
    fixed: Sequence[int],
    unit: Sequence[Sequence[int]],
    held: Sequence[Sequence[int]],
    wanted: Sequence[int],
) -> Assignment | None:
    """Every unit from the cheapest of the chosen locations that has it."""
    shares: list[Share] = []
    for line, quantity in enumerate(wanted):
        for row in sorted(chosen, key=lambda row, costs=unit[line]: (costs[row], row)):  # type: ignore[misc]
            units = min(quantity, held[line][row])
            if units:
                shares.append(Share(line, row, units))
                quantity -= units
        if quantity:
            return None
    cost = sum(fixed[row] for row in {share.location for share in shares})
    cost += sum(share.units * unit[share.line][share.location] for share in shares)
    return Assignment(tuple(shares), cost, 0)


def _bound(
    fixed: Sequence[int],
    unit: Sequence[Sequence[int]],
    held: Sequence[Sequence[int]],
    wanted: Sequence[int],
) -> int:
    """No plan costs less: each unit at its cheapest, a parcel's cost spread over all it could carry; or each
    unit at its cheapest and the cheapest parcel.
    """
    able = [sum(min(have[row], n) for have, n in zip(held, wanted, strict=True)) for row in range(len(fixed))]
    spread = sum(
        n * min(unit[line][row] + fixed[row] / able[row] for row in range(len(fixed)) if held[line][row])
        for line, n in enumerate(wanted)
    )
    bare = sum(
        n * min(unit[line][row] for row in range(len(fixed)) if held[line][row])
        for line, n in enumerate(wanted)
    )
    return max(int(spread), bare + min(cost for cost, units in zip(fixed, able, strict=True) if units))
