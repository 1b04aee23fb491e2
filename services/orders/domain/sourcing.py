"""Sourcing: which locations serve an order, at least cost, decided in memory from a view of stock.

`decide` is a pure function: the same wish, stock, locations and rules give the same plan, ties falling to
the smaller location id. Parcels cost a fixed sum and the way per location, and a sum per unit; so the
best plan is exact over single
locations, and over pairs and triples of a pruned set of candidates; what needs more locations than three
is covered greedily by cost
per covered unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from math import acos, inf
from typing import NamedTuple

from services.orders.domain.places import (
    EARTH_RADIUS_KM,
    WAREHOUSE,
    Location,
    Locations,
    Near,
    Ranked,
    unit_vector,
)
from services.orders.domain.refusals import ShortLine
from services.orders.domain.rules import SourcingRules
from services.orders.domain.states import Method
from services.orders.domain.views import NO_PRICES, UNLIMITED, Capacity, Prices, Stock

PRUNED_CANDIDATES = 14
PRUNED_PER_LINE = 3


class WishLine(NamedTuple):
    """A wanted article. `location_id` is the pickup store, or the till's store."""

    line_number: int
    sku: str
    quantity_units: int
    method: Method
    location_id: str = ""


class Wish(NamedTuple):
    """What is wanted, and where to: `destination` is (latitude, longitude), needed when a line is shipped."""

    lines: tuple[WishLine, ...]
    destination: tuple[float, float] | None = None


class PlannedLine(NamedTuple):
    """Units of a line in a part."""

    line_number: int
    sku: str
    quantity_units: int


class PlannedPart(NamedTuple):
    """A location's share."""

    location_id: str
    method: Method
    lines: tuple[PlannedLine, ...]
    distance_km: int = 0


class Plan(NamedTuple):
    """Who serves what. With shortages and no leave to be partial, nobody serves anything."""

    parts: tuple[PlannedPart, ...]
    shortages: tuple[ShortLine, ...]
    cost: int
    """Thousandths of a minor unit."""

    def picks(self) -> dict[tuple[str, str], int]:
        """What has to be reserved, by (SKU, location): all but what is carried out."""
        result: dict[tuple[str, str], int] = {}
        for part in self.parts:
            if part.method is not Method.CARRY_OUT:
                for line in part.lines:
                    key = (line.sku, part.location_id)
                    result[key] = result.get(key, 0) + line.quantity_units
        return result


class _Candidate(NamedTuple):
    fixed: int
    location_id: str
    unit: int
    cover: list[int]
    km: int


def unit_cost(location: Location, rules: SourcingRules) -> int:
    """What each unit of a parcel from `location` costs."""
    pick = rules.pick_warehouse_per_unit if location.kind == WAREHOUSE else rules.pick_store_per_unit
    return rules.parcel_per_unit + pick


def parcel_cost(location: Location, km: int, rules: SourcingRules) -> int:
    """What a parcel from `location` over `km` costs, whatever is in it."""
    pack = 0 if location.kind == WAREHOUSE else rules.pack_store_per_parcel
    return rules.parcel_fixed + pack + km * rules.parcel_per_km


def decide(
    wish: Wish,
    stock: Stock,
    locations: Locations,
    rules: SourcingRules,
    *,
    now: datetime,
    prices: Prices = NO_PRICES,
    capacity: Capacity = UNLIMITED,
    excluded: frozenset[str] = frozenset(),
    partial: bool = False,
) -> Plan:
    """The cheapest plan for `wish` at `now`; with `partial`, for as much of it as there is."""
    parts: list[PlannedPart] = []
    shortages: list[ShortLine] = []
    shipped: list[WishLine] = []
    on_site: dict[tuple[str, Method], list[PlannedLine]] = {}
    for line in wish.lines:
        if line.method is Method.SHIP:
            shipped.append(line)
            continue
        quantity = line.quantity_units
        if line.method is Method.PICKUP:
            store = locations.by_id.get(line.location_id)
            there = 0
            if store is not None and store.active and line.location_id not in excluded:
                there = max(0, stock.units(line.sku).get(line.location_id, 0))
            if there < quantity:
                shortages.append(ShortLine(line.sku, quantity, there))
                quantity = there
        if quantity:
            on_site.setdefault((line.location_id, line.method), []).append(
                PlannedLine(line.line_number, line.sku, quantity)
            )
    for (location_id, method), planned in sorted(on_site.items()):
        parts.append(PlannedPart(location_id, method, tuple(planned)))
    cost = 0
    if shipped:
        assert wish.destination is not None
        found = _ship(shipped, wish.destination, stock, locations, rules, excluded, partial)
        parts += found.parts
        shortages += found.shortages
        cost = found.cost
    if shortages and not partial:
        return Plan((), tuple(shortages), 0)
    return Plan(tuple(parts), tuple(shortages), cost)


def _ship(
    lines: Sequence[WishLine],
    destination: tuple[float, float],
    stock: Stock,
    locations: Locations,
    rules: SourcingRules,
    excluded: frozenset[str],
    partial: bool,
) -> Plan:
    alone = _alone(lines, destination, stock, locations, rules, excluded)
    if alone is not None:
        return alone
    wanted = [line.quantity_units for line in lines]
    cover = _cover(lines, stock, locations, excluded)
    shortages = []
    for i, line in enumerate(lines):
        there = sum(amounts[i] for amounts in cover.values())
        if there < wanted[i]:
            shortages.append(ShortLine(line.sku, wanted[i], there))
            wanted[i] = there
    if shortages and (not partial or not any(wanted)):
        return Plan((), tuple(shortages), 0)
    candidates = _candidates(cover, destination, locations, rules)
    chosen = _best(candidates, wanted, rules)
    shares = _assign(chosen, wanted)
    assert shares is not None
    parts = []
    for candidate, share in sorted(zip(chosen, shares, strict=True), key=lambda pair: pair[0].location_id):
        planned = tuple(
            PlannedLine(lines[i].line_number, lines[i].sku, units) for i, units in enumerate(share) if units
        )
        if planned:
            parts.append(PlannedPart(candidate.location_id, Method.SHIP, planned, candidate.km))
    return Plan(tuple(parts), tuple(shortages), _cost(chosen, shares, rules))


def _cover(
    lines: Sequence[WishLine], stock: Stock, locations: Locations, excluded: frozenset[str]
) -> dict[str, list[int]]:
    able = locations.vectors
    cover: dict[str, list[int]] = {}
    count = len(lines)
    for i, line in enumerate(lines):
        wanted = line.quantity_units
        for location_id, available in stock.units(line.sku).items():
            if available > 0 and location_id in able and location_id not in excluded:
                amounts = cover.get(location_id)
                if amounts is None:
                    amounts = cover[location_id] = [0] * count
                amounts[i] = available if available < wanted else wanted
    return cover


def _alone(
    lines: Sequence[WishLine],
    destination: tuple[float, float],
    stock: Stock,
    locations: Locations,
    rules: SourcingRules,
    excluded: frozenset[str],
) -> Plan | None:
    """The plan of one location that has everything, when no split can be cheaper: what nearly every order
    gets, so only the nearest places are looked at.
    """
    if rules.parcel_per_km <= 0:
        return None
    near = locations.near(*destination)
    wanted = [(stock.units(line.sku), line.quantity_units) for line in lines]
    count = sum([line.quantity_units for line in lines])
    store_unit = rules.parcel_per_unit + rules.pick_store_per_unit
    warehouse_unit = rules.parcel_per_unit + rules.pick_warehouse_per_unit
    found = []
    if (store := _nearest(near.stores, near, destination, wanted, excluded)) is not None:
        fixed = rules.parcel_fixed + rules.pack_store_per_parcel + store[0] * rules.parcel_per_km
        found.append((fixed + store_unit * count, store[1], store[0]))
    if (warehouse := _nearest(near.warehouses, near, destination, wanted, excluded)) is not None:
        fixed = rules.parcel_fixed + warehouse[0] * rules.parcel_per_km
        found.append((fixed + warehouse_unit * count, warehouse[1], warehouse[0]))
    if not found:
        return None
    cost, location_id, km = min(found)
    if cost > 2 * rules.parcel_fixed + rules.split + count * min(store_unit, warehouse_unit):
        # Two parcels over no distance would cost less: perhaps some do.
        return None
    planned = tuple([PlannedLine(line.line_number, line.sku, line.quantity_units) for line in lines])
    return Plan((PlannedPart(location_id, Method.SHIP, planned, km),), (), cost)


def _nearest(
    ranked: Sequence[Ranked],
    near: Near,
    destination: tuple[float, float],
    wanted: Sequence[tuple[Mapping[str, int], int]],
    excluded: frozenset[str],
) -> tuple[int, str] | None:
    """Whole kilometres and id of the nearest of `ranked` that has all that is `wanted`; of equally near ones
    the smaller id.
    """
    x, y, z = unit_vector(*destination)
    best: tuple[int, str] | None = None
    limit = inf
    for angle, location_id, (vx, vy, vz) in ranked:
        if angle > limit:
            break
        for units, quantity in wanted:
            if units.get(location_id, 0) < quantity:
                break
        else:
            if location_id not in excluded:
                this = _whole_km(x * vx + y * vy + z * vz), location_id
                if best is None or this < best:
                    best = this
                    # Who ranks behind this is farther, and not equally far in whole kilometres.
                    limit = near.slack + (this[0] + 0.5) / EARTH_RADIUS_KM
    return best


def _whole_km(dot: float) -> int:
    return round(EARTH_RADIUS_KM * acos(1.0 if dot > 1.0 else -1.0 if dot < -1.0 else dot))


def _candidates(
    cover: Mapping[str, list[int]],
    destination: tuple[float, float],
    locations: Locations,
    rules: SourcingRules,
) -> list[_Candidate]:
    x, y, z = unit_vector(*destination)
    vectors = locations.vectors
    store_fixed = rules.parcel_fixed + rules.pack_store_per_parcel
    store_unit = rules.parcel_per_unit + rules.pick_store_per_unit
    warehouse_unit = rules.parcel_per_unit + rules.pick_warehouse_per_unit
    result = []
    for location_id, amounts in cover.items():
        vx, vy, vz, warehouse = vectors[location_id]
        dot = x * vx + y * vy + z * vz
        km = _whole_km(dot)
        fixed = (rules.parcel_fixed if warehouse else store_fixed) + km * rules.parcel_per_km
        result.append(
            _Candidate(fixed, location_id, warehouse_unit if warehouse else store_unit, amounts, km)
        )
    return result


def _best(candidates: Sequence[_Candidate], wanted: list[int], rules: SourcingRules) -> Sequence[_Candidate]:
    """The cheapest set that covers `wanted`."""
    units = sum(wanted)
    best: Sequence[_Candidate] = ()
    best_key: tuple[int, list[str]] | None = None
    for candidate in candidates:
        if candidate.cover == wanted or all(c >= w for c, w in zip(candidate.cover, wanted, strict=True)):
            key = (candidate.fixed + candidate.unit * units, [candidate.location_id])
            if best_key is None or key < best_key:
                best, best_key = (candidate,), key
    # No set of n locations costs less than the n cheapest parcels, the splits and every unit at the
    # cheapest rate.
    cheapest = sorted(candidate.fixed for candidate in candidates)
    least_units = units * min(candidate.unit for candidate in candidates)
    pruned = None
    for size in (2, 3):
        bound = sum(cheapest[:size]) + (size - 1) * rules.split + least_units
        if len(candidates) < size or (best_key is not None and best_key[0] <= bound):
            continue
        if pruned is None:
            pruned = _prune(candidates, wanted)
        for group in combinations(pruned, size):
            shares = _assign(group, wanted)
            if shares is None:
                continue
            key = (_cost(group, shares, rules), [candidate.location_id for candidate in group])
            if best_key is None or key < best_key:
                best, best_key = group, key
    return best if best_key is not None else _greedy(candidates, wanted, rules)


def _prune(candidates: Sequence[_Candidate], wanted: Sequence[int]) -> list[_Candidate]:
    """Those that a small plan may need: the cheapest with the broadest cover, and for each line the
    cheapest that have most of it.
    """
    kept: dict[str, _Candidate] = {}

    def keep(ranked: Iterable[_Candidate], most: int) -> None:
        for candidate in list(ranked)[:most]:
            if len(kept) < PRUNED_CANDIDATES:
                kept.setdefault(candidate.location_id, candidate)

    keep(sorted(candidates, key=lambda c: (-sum(c.cover), c.fixed, c.location_id)), PRUNED_PER_LINE)
    for i in sorted(range(len(wanted)), key=lambda i: sum(c.cover[i] > 0 for c in candidates)):
        keep(
            sorted(
                (c for c in candidates if c.cover[i]), key=lambda c: (-c.cover[i], c.fixed, c.location_id)
            ),
            PRUNED_PER_LINE,
        )
    keep(sorted(candidates, key=lambda c: (c.fixed, c.location_id)), PRUNED_CANDIDATES)
    return sorted(kept.values(), key=lambda c: c.location_id)


def _greedy(
    candidates: Sequence[_Candidate], wanted: Sequence[int], rules: SourcingRules
) -> list[_Candidate]:
    missing = list(wanted)
    left = list(candidates)
    chosen: list[_Candidate] = []
    while any(missing):
        best: _Candidate | None = None
        best_cost, best_units = 0, 1
        for candidate in left:
            units = sum(min(c, m) for c, m in zip(candidate.cover, missing, strict=True))
            if not units:
                continue
            cost = candidate.fixed + candidate.unit * units + (rules.split if chosen else 0)
            # Cost per unit, compared crosswise: no division, no rounding.
            if best is None or (cost * best_units, candidate.location_id) < (
                best_cost * units,
                best.location_id,
            ):
                best, best_cost, best_units = candidate, cost, units
        assert best is not None
        chosen.append(best)
        left.remove(best)
        missing = [m - min(c, m) for c, m in zip(best.cover, missing, strict=True)]
    return sorted(chosen, key=lambda c: c.location_id)


def _assign(group: Sequence[_Candidate], wanted: Sequence[int]) -> list[list[int]] | None:
    """Units per member of `group` and line, the cheapest first; None when the group cannot, or a member
    would have nothing to do.
    """
    shares = [[0] * len(wanted) for _ in group]
    ranked = sorted(range(len(group)), key=lambda i: (group[i].unit, group[i].fixed, group[i].location_id))
    for line, quantity in enumerate(wanted):
        for member in ranked:
            units = min(quantity, group[member].cover[line])
            shares[member][line] = units
            quantity -= units
        if quantity:
            return None
    if len(group) <= 3 and not all(any(share) for share in shares):
        return None
    return shares


def _cost(group: Sequence[_Candidate], shares: Sequence[Sequence[int]], rules: SourcingRules) -> int:
    used = [(candidate, sum(share)) for candidate, share in zip(group, shares, strict=True) if any(share)]
    return sum(candidate.fixed + candidate.unit * units for candidate, units in used) + rules.split * (
        len(used) - 1
    )
