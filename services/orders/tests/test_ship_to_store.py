"""Pickups whose goods another location sends to the store: each rule named, and plans held to a solver."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import chain
from random import Random
from typing import Any

import highspy
import pytest

from services.orders.domain import explain
from services.orders.domain.costs import parcel_cost, unit_cost
from services.orders.domain.explain import Explained
from services.orders.domain.places import PICKUP, Locations, unit_vector, whole_km
from services.orders.domain.placing import parts_of
from services.orders.domain.promise import Timetable
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import Exclusion, Group, Matcher, SafetyDays, Scope
from services.orders.domain.sourcing import Plan, Wish, WishLine, decide
from services.orders.domain.states import Method
from services.orders.domain.why import sentence
from services.orders.tests.builders import NOW, RULES, Shelf, store, warehouse
from services.orders.tests.test_sourcing_rules import Days, Tags

ALLOWED = replace(RULES, ship_to_store=True)
HERE = (40.0, -80.0)
PLACES = Locations.of(
    [
        store("shop", (40.1, -80.1)),
        store("store-2", (41.0, -81.0)),
        store("store-3", (30.0, -95.0)),
        warehouse("wh-1", (39.0, -82.0)),
    ]
)
WAREHOUSES = Matcher(kinds=("WAREHOUSE",))


def pickup(*lines: tuple[str, int], at: str = "shop", **more: Any) -> Wish:
    return Wish(
        tuple(WishLine(n, sku, q, Method.PICKUP, at) for n, (sku, q) in enumerate(lines, start=1)), **more
    )


def coming(plan: Plan) -> dict[tuple[str, str], dict[str, int]]:
    """Units by article, of each (location, store that they are sent to)."""
    return {
        (part.location_id, part.pickup_location_id): {line.sku: line.quantity_units for line in part.lines}
        for part in plan.parts
    }


def test_what_a_store_lacks_comes_from_elsewhere_only_when_rules_allow_it() -> None:
    stock = Shelf({("a", "wh-1"): 3})

    refused = decide(pickup(("a", 1)), stock, PLACES, RULES, now=NOW)
    allowed = decide(pickup(("a", 1)), stock, PLACES, ALLOWED, now=NOW)

    assert (refused.parts, refused.shortages[0].available_units) == ((), 0)
    assert coming(allowed) == {("wh-1", "shop"): {"a": 1}}
    assert allowed.parts[0].method is Method.PICKUP
    assert allowed.picks() == {("a", "wh-1"): 1}


def test_a_line_that_the_store_has_whole_is_never_sent_there() -> None:
    """Who collects what is on the shelf shall have it today, however dear the store's last unit is."""
    stock = Shelf({("a", "shop"): 1, ("a", "wh-1"): 9, ("b", "wh-1"): 9})
    tags = Tags({("a", "shop"): 90_000_000})

    plan = decide(pickup(("a", 1), ("b", 1)), stock, PLACES, ALLOWED, now=NOW, prices=tags)

    assert coming(plan) == {("shop", ""): {"a": 1}, ("wh-1", "shop"): {"b": 1}}


def test_of_a_line_that_the_store_has_in_part_the_cheaper_way_is_chosen() -> None:
    stock = Shelf({("a", "shop"): 1, ("a", "wh-1"): 9})
    dear = replace(ALLOWED, pick_store_per_unit=900_000)

    assert coming(decide(pickup(("a", 2)), stock, PLACES, ALLOWED, now=NOW)) == {("wh-1", "shop"): {"a": 2}}
    cheap = replace(ALLOWED, pick_store_per_unit=0)
    mixed = {("shop", ""): {"a": 1}, ("wh-1", "shop"): {"a": 1}}
    assert coming(decide(pickup(("a", 2)), stock, PLACES, cheap, now=NOW)) == mixed
    # Nobody else has both: the store's own unit is used, at any price.
    scarce = Shelf({("a", "shop"): 1, ("a", "wh-1"): 1})
    assert coming(decide(pickup(("a", 2)), scarce, PLACES, dear, now=NOW)) == mixed


def test_the_cost_is_that_of_a_parcel_to_the_store_and_of_receiving_it_there() -> None:
    shop, origin = PLACES.by_id["shop"], PLACES.by_id["wh-1"]
    km = whole_km(unit_vector(shop.latitude, shop.longitude), unit_vector(origin.latitude, origin.longitude))

    plan = decide(pickup(("a", 2)), Shelf({("a", "wh-1"): 2}), PLACES, ALLOWED, now=NOW)

    each = unit_cost(origin, ALLOWED, km) + ALLOWED.transfer_per_unit
    assert plan.cost == parcel_cost(origin, km, ALLOWED) + 2 * each
    assert plan.co2_grams == ALLOWED.co2_grams_per_parcel + km * ALLOWED.co2_grams_per_km


def test_a_store_that_sends_no_parcels_receives_them() -> None:
    quiet = replace(store("shop", (40.1, -80.1)), capabilities=frozenset({PICKUP}))
    places = Locations.of([quiet, warehouse("wh-1", (39.0, -82.0))])

    plan = decide(pickup(("a", 1)), Shelf({("a", "wh-1"): 1}), places, ALLOWED, now=NOW)

    assert coming(plan) == {("wh-1", "shop"): {"a": 1}}


def test_a_store_that_failed_still_receives_what_others_send() -> None:
    stock = Shelf({("a", "shop"): 5, ("a", "wh-1"): 1, ("a", "store-2"): 1})
    failed = frozenset({"shop", "wh-1"})

    plan = decide(pickup(("a", 1)), stock, PLACES, ALLOWED, now=NOW, excluded=failed)

    assert coming(plan) == {("store-2", "shop"): {"a": 1}}


def test_rules_for_what_is_sent_hold_seen_from_the_store() -> None:
    """Groups, distances and exclusions are about the way to the store; a till without endless aisle sells
    only what it has.
    """
    stock = Shelf({("a", "store-2"): 1, ("a", "store-3"): 1, ("a", "wh-1"): 9})
    near = replace(ALLOWED, groups=(Group("near", Matcher(within_km=160)), Group("rest")))
    no_warehouse = replace(ALLOWED, exclusions=(Exclusion("no", Scope(methods=("PICKUP",)), WAREHOUSES),))

    assert coming(decide(pickup(("a", 1)), stock, PLACES, near, now=NOW)) == {("store-2", "shop"): {"a": 1}}
    plan = decide(pickup(("a", 1)), stock, PLACES, no_warehouse, now=NOW)
    assert coming(plan) == {("store-2", "shop"): {"a": 1}}
    aisle = replace(ALLOWED, endless_aisle=False)
    assert decide(pickup(("a", 1), sold_at="shop"), stock, PLACES, aisle, now=NOW).shortages
    keeps = replace(ALLOWED, safety_days=(SafetyDays("keep", Matcher(), Scope(), 4),))
    tags = Tags({}, a_day=0.5)
    plan = decide(pickup(("a", 1)), stock, PLACES, keeps, now=NOW, prices=tags)
    assert coming(plan) == {("wh-1", "shop"): {"a": 1}}


def test_all_parcels_of_an_order_count_for_the_cap() -> None:
    one, two = replace(ALLOWED, most_parcels=1), replace(ALLOWED, most_parcels=2)
    stock = Shelf({("a", "store-2"): 1, ("b", "wh-1"): 1})
    lines = pickup(("a", 1), ("b", 1)).lines
    to_both = Wish((lines[0], WishLine(2, "b", 1, Method.SHIP)), HERE)

    for wish in (Wish(lines), to_both):
        assert not decide(wish, stock, PLACES, one, now=NOW).parts
        assert len(decide(wish, stock, PLACES, two, now=NOW).parts) == 2
        assert len(decide(wish._replace(accepted=True), stock, PLACES, one, now=NOW).parts) == 2
        some = decide(wish, stock, PLACES, one, now=NOW, partial=True)
        assert (len(some.parts), len(some.shortages)) == (1, 1)


def test_units_of_the_store_itself_are_no_parcel() -> None:
    stock = Shelf({("a", "shop"): 1, ("a", "wh-1"): 1})
    one = replace(ALLOWED, most_parcels=1)

    plan = decide(pickup(("a", 2)), stock, PLACES, one, now=NOW)

    assert coming(plan) == {("shop", ""): {"a": 1}, ("wh-1", "shop"): {"a": 1}}
    (parcel,) = [part for part in plan.parts if part.sent]
    origin, km = PLACES.by_id["wh-1"], parcel.distance_km
    each = unit_cost(origin, one, km) + one.transfer_per_unit
    assert plan.cost == parcel_cost(origin, km, one) + each + one.pick_store_per_unit


def test_a_later_departure_costs_lateness() -> None:
    """What leaves on Tuesdays only is collected days later than what leaves today."""
    slow = replace(warehouse("wh-1", (40.1, -80.1)), handover_days=(2,))
    places = Locations.of([store("shop", (40.1, -80.1)), store("store-2", (41.0, -81.0)), slow])
    stock = Shelf({("a", "wh-1"): 1, ("a", "store-2"): 1})

    patient = decide(pickup(("a", 1)), stock, places, ALLOWED, now=NOW)
    hasty = decide(pickup(("a", 1)), stock, places, replace(ALLOWED, late_per_day=900_000), now=NOW)

    assert coming(patient) == {("wh-1", "shop"): {"a": 1}}
    assert coming(hasty) == {("store-2", "shop"): {"a": 1}}


def test_the_promise_is_departure_transit_and_the_stores_own_preparation() -> None:
    shop = replace(
        store("shop", (40.1, -80.1)),
        hours=tuple((day, 600, 1200) for day in range(1, 8)),
        preparation_minutes=30,
        time_zone="Europe/Madrid",
    )
    places = Locations.of([shop, warehouse("wh-1", (39.0, -82.0))])
    plan = decide(pickup(("a", 1)), Shelf({("a", "wh-1"): 1}), places, ALLOWED, now=NOW)

    (part,) = parts_of(plan, "rsv_1", 1, NOW, places, ALLOWED, lambda prefix: prefix)

    # Ordered on Saturday noon, it leaves that day, comes on Monday, and the store opens at ten.
    assert (part.location_id, part.pickup_location_id) == ("wh-1", "shop")
    assert part.promise_time == datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    assert part.due_time == datetime(2026, 11, 22, tzinfo=UTC)


def test_the_work_is_that_of_the_location_that_sends() -> None:
    limited = replace(warehouse("wh-1", (39.0, -82.0)), daily_capacity_units=5)
    places = Locations.of([store("shop", (40.1, -80.1)), limited])
    plan = decide(pickup(("a", 2)), Shelf({("a", "wh-1"): 2}), places, ALLOWED, now=NOW)

    (part,) = parts_of(plan, "rsv_1", 1, NOW, places, ALLOWED, lambda prefix: prefix)

    assert part.work == ((date(2026, 11, 21), 2),)


def test_why_and_why_not_tell_of_the_way_to_the_store() -> None:
    stock = Shelf({("a", "store-2"): 1, ("a", "wh-1"): 9})
    wish = pickup(("a", 1))
    plan = decide(wish, stock, PLACES, ALLOWED, now=NOW)
    record = DecisionRecord.of(wish, stock, PLACES, ALLOWED, plan, now=NOW)

    told = Explained(record, PLACES, ALLOWED)

    found = {one.location_id: one for one in told.candidates()}
    assert {at: one.eliminated_by for at, one in found.items()} == {
        "shop": explain.NO_STOCK,
        "store-2": explain.NOT_CHEAPEST,
        "store-3": explain.NO_STOCK,
        "wh-1": explain.CHOSEN,
    }
    assert found["wh-1"].cost_terms["transfer"] == ALLOWED.transfer_per_unit
    assert sum(found["wh-1"].cost_terms.values()) == plan.cost
    reason = told.why_not(PLACES.by_id["store-2"])
    alone = decide(wish, stock, PLACES, ALLOWED, now=NOW, excluded=frozenset({"wh-1"}))
    assert reason.extra == alone.cost - plan.cost
    assert "putting it away in the store" in sentence(reason, "en", "EUR")
    assert "recepción en la tienda" in sentence(reason, "es", "EUR")


@pytest.mark.parametrize("seed", range(40))
def test_parcels_to_stores_and_customers_together_cost_what_a_solver_finds(seed: int) -> None:
    """Prices of stock, caps, units that stores have in part, an article at two places: five orders a seed."""
    draw = Random(seed)
    for _ in range(5):
        places = Locations.of(
            [store(f"store-{n}", (draw.uniform(30, 45), draw.uniform(-100, -75))) for n in range(4)]
            + [warehouse("wh-1", (draw.uniform(30, 45), draw.uniform(-100, -75)))]
        )
        ids, shared = list(places.by_id), draw.random() < 0.3
        skus = [draw.choice("ab") for _ in range(3)] if shared else draw.sample("abcd", draw.randint(1, 4))
        stock = Shelf({(sku, at): draw.randint(1, 3) for sku in "abcd" for at in ids if draw.random() < 0.6})
        tags = Tags({(sku, at): draw.randint(0, 900_000) for sku in "abcd" for at in ids})
        rules = replace(
            ALLOWED,
            most_parcels=draw.choice((0, 0, 2, 3)),
            split=draw.choice((0, 100_000)),
            pick_store_per_unit=draw.choice((0, 180_000)),
        )
        ways = (Method.PICKUP, Method.PICKUP, Method.SHIP)
        wish = Wish(
            tuple(
                WishLine(n, sku, draw.randint(1, 3), draw.choice(ways), draw.choice(("store-0", "store-1")))
                for n, sku in enumerate(skus, start=1)
            ),
            HERE,
        )

        plan = decide(wish, stock, places, rules, now=NOW, prices=tags)

        least = _least(wish, stock, places, rules, tags)
        if plan.shortages:
            assert least is None or shared
            continue
        assert least is not None
        assert plan.cost - plan.gap <= round(least) <= plan.cost
        assert shared or not plan.gap
        _check(plan, wish, stock, rules.most_parcels)
        record = DecisionRecord.of(wish, stock, places, rules, plan, now=NOW)
        assert DecisionRecord.from_json(json.dumps(record.to_dict())).replay(places, rules) == plan


def test_a_long_order_at_many_places_costs_what_a_solver_finds() -> None:
    draw = Random(7)
    places = Locations.of(
        [store(f"store-{n:02d}", (draw.uniform(30, 45), draw.uniform(-110, -75))) for n in range(40)]
    )
    skus = [f"s{n}" for n in range(6)]
    stock = Shelf(
        {(s, at): 2 for s in skus for at in places.by_id if at != "store-00" and draw.random() < 0.2}
    )
    tags = Tags({(sku, at): draw.randint(0, 2_000_000) for sku in skus for at in places.by_id})
    wish = pickup(*((sku, 1) for sku in skus), at="store-00")

    plan = decide(wish, stock, places, ALLOWED, now=NOW, prices=tags)

    assert not plan.gap
    assert plan.cost == pytest.approx(_least(wish, stock, places, ALLOWED, tags))


def test_a_store_without_an_opening_is_promised_nothing() -> None:
    shut = replace(
        store("shop", (40.1, -80.1)),
        holidays=tuple((date.fromordinal(NOW.date().toordinal() + n).isoformat(), ()) for n in range(200)),
    )
    places = Locations.of([shut, warehouse("wh-1")])
    moment = Timetable.of(places, ALLOWED).at(NOW, Days({}))

    assert moment.collections("shop", ["wh-1"], [1]) == [None]
    assert decide(pickup(("a", 1)), Shelf({("a", "wh-1"): 1}), places, ALLOWED, now=NOW).shortages


def _check(plan: Plan, wish: Wish, stock: Shelf, most_parcels: int) -> None:
    assert all(units <= stock.levels[key] for key, units in plan.picks().items())
    assert not most_parcels or sum(part.sent for part in plan.parts) <= most_parcels
    for line in wish.lines:
        mine = [(p, x) for p in plan.parts for x in p.lines if x.line_number == line.line_number]
        assert sum(x.quantity_units for _, x in mine) == line.quantity_units
        to = line.location_id if line.method is Method.PICKUP else ""
        assert {(p.pickup_location_id or p.location_id) if to else "" for p, _ in mine} == {to}


def _least(wish: Wish, stock: Shelf, places: Locations, rules: Any, tags: Tags) -> float | None:
    """The least cost, by the solver HiGHS: a binary per parcel, units of each line from each place, and a
    binary per unit of a position in turn, which has its price. None: there is no such plan.
    """
    model = highspy.Highs()  # type: ignore[no-untyped-call]
    model.silent()
    model.setOptionValue("mip_rel_gap", 0)
    taken: dict[tuple[str, str], int] = {}
    open_lines = []
    for line in wish.lines:
        key = line.sku, line.location_id
        free = stock.levels.get(key, 0) - taken.get(key, 0)
        if line.method is Method.PICKUP and free >= line.quantity_units:
            taken[key] = taken.get(key, 0) + line.quantity_units
        else:
            open_lines.append(line)
    if not open_lines:
        return 0.0
    cost = 0 * model.addBinary()
    parcels: dict[tuple[str, str], Any] = {}
    given: dict[tuple[str, str], list[Any]] = {}
    for line in open_lines:
        store_id = line.location_id if line.method is Method.PICKUP else ""
        to = places.by_id[store_id] if store_id else None
        point = (to.latitude, to.longitude) if to is not None else HERE
        parts = []
        for at, place in places.by_id.items():
            units = model.addIntegral(0, line.quantity_units)
            parts.append(units)
            given.setdefault((line.sku, at), []).append(units)
            if at == store_id:
                cost += rules.pick_store_per_unit * units
                continue
            km = whole_km(unit_vector(*point), unit_vector(place.latitude, place.longitude))
            if (at, store_id) not in parcels:
                parcels[at, store_id] = model.addBinary()
                cost += (parcel_cost(place, km, rules) + rules.split) * parcels[at, store_id]
            model.addConstr(units <= line.quantity_units * parcels[at, store_id])
            cost += (unit_cost(place, rules, km) + (rules.transfer_per_unit if store_id else 0)) * units
        model.addConstr(_sum(parts) == line.quantity_units)
    for (sku, at), units in given.items():
        held = stock.levels.get((sku, at), 0)
        ones = []
        for number in range(taken.get((sku, at), 0), held):
            ones.append(model.addBinary())
            cost += tags.price(sku, at, held - number) * ones[-1]
        model.addConstr(_sum(chain(units, [-1 * one for one in ones])) <= 0)
    if rules.most_parcels:
        model.addConstr(_sum(parcels.values()) <= rules.most_parcels)
    model.minimize(cost)
    if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return float(model.getObjectiveValue()) - float(rules.split)


def _sum(terms: Iterable[Any]) -> Any:
    total: Any = 0
    for term in terms:
        total = total + term
    return total
