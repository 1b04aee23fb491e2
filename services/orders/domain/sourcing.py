"""Sourcing: which locations serve an order, at least cost, decided in memory from a view of stock.

`decide` is a pure function: the same arguments give the same plan, ties falling to fewer parcels and then to
the smaller location id. A parcel costs its carrier, packing and lateness once, and each unit its handling and
the price of stock, which is what the location is expected to lose by giving it away. The plan is the cheapest
there is, proven so for up to twelve lines of single units over all locations and for what people order of
several; beyond, `Plan.gap` says how far from that it can be. An order that one place serves at a cost that no
two parcels can reach gets its plan without looking further: nearly all do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import inf
from typing import NamedTuple

from services.orders.domain.capacity import Seen as SeenCapacity
from services.orders.domain.costs import parcel_co2, parcel_cost, tariff, unit_cost
from services.orders.domain.places import Locations, Near, Ranked, km_of, unit_vector
from services.orders.domain.plans import Plan, PlannedLine, PlannedPart, Seen, Wish, WishLine
from services.orders.domain.promise import Timetable
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sending import together, ways_of
from services.orders.domain.shipping import Nearby, Shipped
from services.orders.domain.states import Method
from services.orders.domain.views import NO_PRICES, UNLIMITED, Capacity, Prices, Stock
from services.orders.domain.worth import Live, Worth

__all__ = [
    "Plan",
    "PlannedLine",
    "PlannedPart",
    "Stock",
    "Wish",
    "WishLine",
    "decide",
    "parcel_cost",
    "unit_cost",
]


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
    return decide_by(wish, stock, locations, rules, Live(prices), now, capacity, excluded, partial)


def decide_by(
    wish: Wish,
    stock: Stock,
    locations: Locations,
    rules: SourcingRules,
    worth: Worth,
    now: datetime,
    capacity: Capacity,
    excluded: frozenset[str],
    partial: bool,
    timetable: Timetable | None = None,
) -> Plan:
    """The same, with what stock is worth from prices or from a record, and perhaps a timetable of its own."""
    seen_capacity = SeenCapacity(capacity)
    within_days = rules.within_days(wish.customer_promise, accepted=wish.accepted)
    rules = rules.under(wish.customer_promise)
    if timetable is None:
        timetable = Timetable.of(locations, rules)
    # Days of arrival do not depend on the zone of the destination.
    moment = timetable.at(now, seen_capacity)
    latest = timetable.latest(now, wish.destination, within_days)
    ways = ways_of(wish, stock, locations, rules, worth, moment, excluded, latest)
    parts, shortages = ways.on_site, ways.shortages
    cost = co2 = gap = 0
    priced: Mapping[tuple[str, str], tuple[int, ...]] = {}
    if ways.shipped or ways.lacking:
        found, near = None, None
        if rules.plain and not ways.sources.taken and not ways.lacking:
            assert wish.destination is not None
            found, near = _alone(ways.shipped, wish.destination, stock, locations, rules, worth, excluded)
            if found is not None:
                (only,) = found.parts
                units = sum([line.quantity_units for line in only.lines])
                arrives = moment.arrival(only.location_id, only.distance_km, units)
                if arrives is None or (latest is not None and arrives > latest):
                    found = None
        if found is None:
            found = together(ways.ships(wish, locations, near), rules, worth, partial)
        parts += found.parts
        shortages += found.shortages
        cost, gap, priced = found.cost, found.gap, found.prices
        co2 = sum([parcel_co2(part.distance_km, rules) for part in found.parts if part.sent])
    seen = Seen(worth.version, priced, worth.stays(), seen_capacity.by_day)
    if shortages and not partial:
        return Plan((), tuple(shortages), 0, seen=seen)
    return Plan(tuple(parts), tuple(shortages), cost, co2, gap, seen)


class _Single(NamedTuple):
    """A location that has everything. Compared by cost, then id."""

    cost: int
    location_id: str
    km: int


def _alone(
    lines: Sequence[WishLine],
    destination: tuple[float, float],
    stock: Stock,
    locations: Locations,
    rules: SourcingRules,
    worth: Worth,
    excluded: frozenset[str],
) -> tuple[Shipped | None, Nearby | None]:
    """The plan of one location that has everything, when no split can be cheaper: what nearly every order
    gets, so only the nearest places are looked at. Else, where one location has everything, all that a plan
    as cheap can be made of.
    """
    skus = [line.sku for line in lines]
    if len(skus) > 1 and len(set(skus)) < len(skus):
        return None, None
    near = locations.near(*destination)
    wanted = [(stock.units(line.sku), line.quantity_units, line.sku) for line in lines]
    count = sum([line.quantity_units for line in lines])
    here = unit_vector(*destination)
    worth.look(rules.opportunity_percent, rules.markdown_percent)
    _, warehouse_unit = tariff(0, True, rules)
    store_fixed, store_unit = tariff(0, False, rules)
    whole: list[tuple[int, int, str]] = []
    best = _nearest(
        near.warehouses,
        near,
        here,
        wanted,
        excluded,
        rules.parcel_fixed + warehouse_unit * count,
        rules.parcel_per_km,
        worth,
        None,
        whole,
    )
    best = _nearest(
        near.stores,
        near,
        here,
        wanted,
        excluded,
        store_fixed + store_unit * count,
        rules.parcel_per_km,
        worth,
        best,
        whole,
    )
    if best is None:
        return None, None
    cost, location_id, km = best
    # Two parcels over no distance.
    split = 2 * rules.parcel_fixed + rules.split + count * min(store_unit, warehouse_unit)
    if cost > split:
        # What another parcel beside it leaves for the way.
        ids = {at for _, free, at in whole if free <= cost}
        for ranked, more in ((near.warehouses, 0), (near.stores, store_fixed - rules.parcel_fixed)):
            limit = near.reach(cost - split - more, rules.parcel_per_km)
            for angle, at, _ in ranked:
                if angle > limit:
                    break
                ids.add(at)
        total, _, single = min(whole)
        return None, Nearby(sorted(ids), single, total)
    planned = tuple([PlannedLine(line.line_number, line.sku, line.quantity_units) for line in lines])
    parts = (PlannedPart(location_id, Method.SHIP, planned, km),)
    return Shipped(parts, (), cost, 0, worth.looked_at()), None


def _nearest(
    ranked: Sequence[Ranked],
    near: Near,
    here: tuple[float, float, float],
    wanted: Sequence[tuple[Mapping[str, int], int, str]],
    excluded: frozenset[str],
    base: int,
    per_km: int,
    worth: Worth,
    best: _Single | None,
    whole: list[tuple[int, int, str]],
) -> _Single | None:
    """The cheapest of `ranked` that has all that is `wanted`, or `best` if none is cheaper; of equally cheap
    ones the smaller id. What is farther than where even free stock costs as much is not looked at; what is
    not goes to `whole`: its cost, or at least that it is dearer; its cost with free stock; its id.
    """
    x, y, z = here
    limit = inf
    if best is not None:
        limit = near.reach(best.cost - base, per_km)
    priced = worth.priced
    for angle, location_id, (vx, vy, vz) in ranked:
        if angle > limit:
            break
        for units, quantity, _ in wanted:
            if units.get(location_id, 0) < quantity:
                break
        else:
            if location_id in excluded:
                continue
            dot = x * vx + y * vy + z * vz
            km = km_of(dot)
            cost = base + km * per_km
            if best is not None and cost > best.cost:
                continue
            free = cost
            if priced:
                for units, quantity, sku in wanted:
                    cost += worth.all(sku, location_id, units[location_id], quantity)
                    if best is not None and cost > best.cost:
                        break
            whole.append((cost, free, location_id))
            this = _Single(cost, location_id, km)
            if best is None or this < best:
                best = this
                limit = near.reach(cost - base, per_km)
    return best
