"""What rules make of a decision, each named by what it promises; and every decision again from its record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from random import Random
from typing import NamedTuple

import highspy
import pytest

from services.orders.domain import explain
from services.orders.domain.costs import parcel_cost, unit_cost
from services.orders.domain.explain import Explained
from services.orders.domain.places import Location, Locations, unit_vector, whole_km
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import (
    EXPRESS,
    CustomerPromise,
    Exclusion,
    Group,
    Matcher,
    SafetyDays,
    Scope,
    SourcingRules,
    TariffStep,
)
from services.orders.domain.sourcing import Plan, Wish, WishLine, decide
from services.orders.domain.states import Method
from services.orders.domain.why import sentence
from services.orders.tests.builders import NOW, RULES, Shelf, store, warehouse

HERE = (40.0, -80.0)
PLACES = Locations.of(
    [
        store("store-1", (40.1, -80.1)),
        store("store-2", (41.0, -81.0)),
        store("store-3", (30.0, -95.0)),
        warehouse("wh-1", (39.0, -82.0)),
    ]
)
_FAST = CustomerPromise("FAST", deliver_within_days=1, late_per_day=40_000)
STORES = Matcher(kinds=("STORE",))
WAREHOUSES = Matcher(kinds=("WAREHOUSE",))


class Tags(NamedTuple):
    """Prices of stock by (SKU, location), of the last unit; of earlier ones a half, a third, …"""

    prices: dict[tuple[str, str], int]
    a_day: float = 0.0
    version: str = "tags"

    def price(self, sku: str, location_id: str, units_left: int) -> int:
        return self.prices.get((sku, location_id), 0) // units_left

    def rates_at(self, sku: str, location_ids: Sequence[str]) -> list[float]:
        """The same of many."""
        return [self.rates(sku, at) for at in location_ids]

    def rates(self, sku: str, location_id: str) -> float:
        return self.a_day


class Days(NamedTuple):
    """Capacity by (location, day)."""

    by_day: dict[tuple[str, date], int]

    def left(self, location_id: str, day: date) -> int | None:
        return self.by_day.get((location_id, day))


def wish(
    *lines: tuple[str, int], brand: str = "", value: int = 0, accepted: bool = False, sold_at: str = ""
) -> Wish:
    return Wish(
        tuple(WishLine(n, sku, q, Method.SHIP, brand=brand) for n, (sku, q) in enumerate(lines, start=1)),
        HERE,
        value_minor=value,
        sold_at=sold_at,
        accepted=accepted,
    )


def served(plan: Plan) -> dict[str, dict[str, int]]:
    return {part.location_id: {line.sku: line.quantity_units for line in part.lines} for part in plan.parts}


def test_a_store_keeps_its_last_unit_when_another_place_would_miss_it_less() -> None:
    stock = Shelf({("a", "store-1"): 1, ("a", "store-2"): 9})
    tags = Tags({("a", "store-1"): 900_000, ("a", "store-2"): 900_000})

    assert served(decide(wish(("a", 1)), stock, PLACES, RULES, now=NOW)) == {"store-1": {"a": 1}}
    assert served(decide(wish(("a", 1)), stock, PLACES, RULES, now=NOW, prices=tags)) == {"store-2": {"a": 1}}
    off = replace(RULES, opportunity_percent=0)
    assert served(decide(wish(("a", 1)), stock, PLACES, off, now=NOW, prices=tags)) == {"store-1": {"a": 1}}


def test_an_excluded_location_does_not_serve_the_lines_of_the_rule() -> None:
    rules = replace(RULES, exclusions=(Exclusion("perfume from stores", Scope(brands=("P",)), WAREHOUSES),))
    stock = Shelf({("a", "store-1"): 9, ("a", "wh-1"): 9})

    assert served(decide(wish(("a", 1)), stock, PLACES, rules, now=NOW)) == {"wh-1": {"a": 1}}
    assert served(decide(wish(("a", 1), brand="P"), stock, PLACES, rules, now=NOW)) == {"store-1": {"a": 1}}


def test_a_later_group_serves_only_what_the_earlier_ones_cannot() -> None:
    rules = replace(RULES, groups=(Group("stores", STORES), Group("the rest")))
    stock = Shelf({("a", "store-3"): 1, ("a", "wh-1"): 9, ("b", "wh-1"): 9})

    assert served(decide(wish(("a", 1)), stock, PLACES, rules, now=NOW)) == {"store-3": {"a": 1}}
    plan = decide(wish(("a", 2), ("b", 1)), stock, PLACES, rules, now=NOW)
    assert served(plan) == {"store-3": {"a": 1}, "wh-1": {"a": 1, "b": 1}}
    assert plan.cost < 10_000_000


def test_locations_in_no_group_do_not_serve() -> None:
    rules = replace(RULES, groups=(Group("warehouses", WAREHOUSES),))

    plan = decide(wish(("a", 1)), Shelf({("a", "store-1"): 9}), PLACES, rules, now=NOW)

    assert (plan.parts, plan.shortages[0].available_units) == ((), 0)


def test_a_group_within_a_distance_is_that_of_the_destination() -> None:
    rules = replace(RULES, groups=(Group("near", Matcher(within_km=50)), Group("far")))
    stock = Shelf({("a", "store-1"): 1, ("a", "wh-1"): 9})

    assert served(decide(wish(("a", 1)), stock, PLACES, rules, now=NOW)) == {"store-1": {"a": 1}}


def test_safety_days_keep_what_walk_in_customers_will_want() -> None:
    rules = replace(RULES, safety_days=(SafetyDays("weekend", STORES, Scope(), 3),))
    stock = Shelf({("a", "store-1"): 2, ("a", "store-2"): 3})

    plan = decide(wish(("a", 1)), stock, PLACES, rules, now=NOW, prices=Tags({}, a_day=0.5))

    assert served(plan) == {"store-2": {"a": 1}}
    record = DecisionRecord.of(wish(("a", 1)), stock, PLACES, rules, plan, now=NOW)
    told = {c.location_id: (c.eliminated_by, c.rule) for c in Explained(record, PLACES, rules).candidates()}
    assert told["store-1"] == (explain.SAFETY_DAYS, "weekend")


def test_no_more_parcels_than_the_cap_and_what_is_left_is_short() -> None:
    rules = replace(RULES, most_parcels=1)
    stock = Shelf({("a", "store-1"): 1, ("b", "store-2"): 1})

    refused = decide(wish(("a", 1), ("b", 1)), stock, PLACES, rules, now=NOW)
    some = decide(wish(("a", 1), ("b", 1)), stock, PLACES, rules, now=NOW, partial=True)
    promised = decide(wish(("a", 1), ("b", 1), accepted=True), stock, PLACES, rules, now=NOW)

    assert (refused.parts, len(refused.shortages)) == ((), 1)
    assert len(some.parts) == 1
    assert len(promised.parts) == 2


def test_an_order_of_little_value_comes_in_one_parcel_if_any_place_can() -> None:
    rules = replace(RULES, no_split_below_minor=5_000)
    stock = Shelf({("a", "wh-1"): 1, ("b", "wh-1"): 1, ("a", "store-1"): 1, ("b", "store-1"): 1})
    tags = Tags({("a", "wh-1"): 5_000_000, ("b", "store-1"): 5_000_000})

    dear = decide(wish(("a", 1), ("b", 1), value=5_000), stock, PLACES, rules, now=NOW, prices=tags)
    cheap = decide(wish(("a", 1), ("b", 1), value=4_999), stock, PLACES, rules, now=NOW, prices=tags)

    assert len(dear.parts) == 2
    assert len(cheap.parts) == 1


def test_units_of_a_brand_stay_together_if_any_place_has_them_all() -> None:
    rules = replace(RULES, brands_together=("P",))
    stock = Shelf({("a", "wh-1"): 1, ("b", "wh-1"): 1, ("a", "store-1"): 1, ("b", "store-1"): 1})
    tags = Tags({("a", "wh-1"): 5_000_000, ("b", "store-1"): 5_000_000})
    wanted = wish(("a", 1), ("b", 1), brand="P")

    assert len(decide(wanted, stock, PLACES, rules, now=NOW, prices=tags).parts) == 1
    torn = Shelf({("a", "wh-1"): 1, ("b", "store-1"): 1})
    assert len(decide(wanted, torn, PLACES, rules, now=NOW).parts) == 2


def test_the_tariff_of_the_carrier_takes_the_place_of_kilometres() -> None:
    rules = replace(RULES, tariff=(TariffStep(100, 900_000, 0, 1), TariffStep(9_000, 100_000, 0, 2)))
    stock = Shelf({("a", "store-1"): 1, ("a", "store-3"): 1})

    assert served(decide(wish(("a", 1)), stock, PLACES, rules, now=NOW)) == {"store-3": {"a": 1}}


def test_lateness_is_worth_a_dearer_parcel_from_nearby() -> None:
    stock = Shelf({("a", "store-1"): 1, ("a", "wh-2"): 1})
    places = Locations.of([*PLACES.by_id.values(), warehouse("wh-2", (33.0, -90.0))])
    patient, hasty = RULES, replace(RULES, late_per_day=1_000_000)

    assert served(decide(wish(("a", 1)), stock, places, replace(patient, parcel_per_km=1), now=NOW)) == {
        "wh-2": {"a": 1}
    }
    plan = decide(wish(("a", 1)), stock, places, replace(hasty, parcel_per_km=1), now=NOW)
    assert served(plan) == {"store-1": {"a": 1}}


def test_overstock_is_taken_first_when_rules_give_a_credit_for_it() -> None:
    rules = replace(RULES, markdown_percent=50)
    stock = Shelf({("a", "store-1"): 1, ("a", "wh-1"): 1})
    wanted = Wish((WishLine(1, "a", 1, Method.SHIP, unit_price_minor=2_000),), HERE)

    plan = decide(wanted, stock, PLACES, rules, now=NOW, prices=Tags({("a", "wh-1"): 1_000}))

    assert served(plan) == {"store-1": {"a": 1}}


def test_a_location_without_capacity_for_weeks_does_not_serve() -> None:
    full = replace(store("store-1", (40.1, -80.1)), daily_capacity_units=5)
    places = Locations.of([full, store("store-2", (41.0, -81.0))])
    stock = Shelf({("a", "store-1"): 1, ("a", "store-2"): 1})
    none = Days({("store-1", date.fromordinal(NOW.date().toordinal() + n)): 0 for n in range(-1, 70)})

    plan = decide(wish(("a", 1)), stock, places, RULES, now=NOW, capacity=none)

    assert served(plan) == {"store-2": {"a": 1}}
    record = DecisionRecord.of(wish(("a", 1)), stock, places, RULES, plan, now=NOW)
    assert record.replay(places, RULES) == plan


def test_a_till_sells_what_another_place_sends_unless_the_rules_say_no() -> None:
    stock = Shelf({("a", "wh-1"): 1})
    sold = wish(("a", 1), sold_at="store-1")

    assert served(decide(sold, stock, PLACES, RULES, now=NOW)) == {"wh-1": {"a": 1}}
    no = replace(RULES, endless_aisle=False)
    assert decide(sold, stock, PLACES, no, now=NOW).shortages[0].available_units == 0


def test_what_is_collected_is_not_sent_too() -> None:
    """Two lines of one article in one order, one collected and one sent, share the store's units."""
    stock = Shelf({("a", "store-1"): 1, ("a", "store-2"): 1})
    both = Wish((WishLine(1, "a", 1, Method.PICKUP, "store-1"), WishLine(2, "a", 1, Method.SHIP)), HERE)

    assert decide(both, stock, PLACES, RULES, now=NOW).picks() == {("a", "store-1"): 1, ("a", "store-2"): 1}


def test_emissions_are_a_figure_of_their_own() -> None:
    stock = Shelf({("a", "store-1"): 1, ("b", "store-2"): 1})

    plan = decide(wish(("a", 1), ("b", 1)), stock, PLACES, RULES, now=NOW)

    assert plan.co2_grams == 2 * RULES.co2_grams_per_parcel + sum(p.distance_km for p in plan.parts)


def test_why_not_says_by_how_much_a_plan_with_the_location_is_dearer() -> None:
    stock = Shelf({("a", "store-1"): 1, ("a", "wh-1"): 1})
    plan = decide(wish(("a", 1)), stock, PLACES, RULES, now=NOW)
    record = DecisionRecord.of(wish(("a", 1)), stock, PLACES, RULES, plan, now=NOW)

    reason = Explained(record, PLACES, RULES).why_not(PLACES.by_id["store-1"])

    alone = decide(wish(("a", 1)), stock, PLACES, RULES, now=NOW, excluded=frozenset({"wh-1"}))
    assert reason.extra == alone.cost - plan.cost > 0
    assert sentence(reason, "en", "EUR").startswith("store-1 could have served 1 unit, but the cheapest plan")
    assert sentence(reason, "es", "EUR").startswith("store-1 podía servir 1 unidad, pero el plan más barato")


def test_where_no_split_can_be_cheaper_than_the_one_location_that_has_all_that_is_the_plan() -> None:
    """Two parcels from nearby would be cheaper than the one from far away, but only that place has "b"."""
    near = [store(f"store-{n:02d}", (40.0 + n / 100, -80.0)) for n in range(80)]
    places = Locations.of([*near, store("store-far", (40.0, -140.0))])
    stock = Shelf({("a", at): 1 for at in places.by_id} | {("b", "store-far"): 1})
    about_others = Exclusion("nothing of this order", Scope(skus=("c",)), STORES)
    rules = replace(RULES, split=0, exclusions=(about_others,))

    plan = decide(wish(("a", 1), ("b", 1)), stock, places, rules, now=NOW)

    assert served(plan) == {"store-far": {"a": 1, "b": 1}}


@pytest.mark.parametrize("seed", range(40))
def test_every_decision_is_made_again_from_its_record(seed: int) -> None:
    """Fifty random orders a seed: prices, capacity, rules, exclusions, quantities, pickups, shortages."""
    draw = Random(seed)
    for _ in range(50):
        places, rules = _random_places(draw, draw.randint(2, 9)), _random_rules(draw)
        plan, record = _random_decision(draw, places, rules)

        again = DecisionRecord.from_json(json.dumps(record.to_dict()))
        kept = Locations.from_json(places.to_json()), SourcingRules.from_json(rules.to_json())
        assert again.replay(*kept) == plan
        explained = Explained(again, *kept)
        chosen = {c.location_id for c in explained.candidates() if not c.eliminated_by}
        assert chosen == {part.location_id for part in plan.parts}
        for location in kept[0].by_id.values():
            reason = explained.why_not(location)
            assert "{" not in sentence(reason, "en", "EUR") + sentence(reason, "es", "EUR")


@pytest.mark.parametrize("seed", range(10))
def test_decisions_among_many_locations_are_made_again(seed: int) -> None:
    """More than are all asked for prices; so what was looked at on the way may differ."""
    draw = Random(seed)
    places = _random_places(draw, draw.randint(66, 130))
    for _ in range(20):
        rules = _random_rules(draw)
        plan, record = _random_decision(draw, places, rules)

        again = DecisionRecord.from_json(json.dumps(record.to_dict())).replay(places, rules)

        assert again._replace(seen=plan.seen) == plan


def _random_decision(draw: Random, places: Locations, rules: SourcingRules) -> tuple[Plan, DecisionRecord]:
    ids, share = list(places.by_id), draw.choice((0.1, 0.6, 0.9))
    stock = Shelf({(sku, at): draw.randint(0, 4) for sku in "abcd" for at in ids if draw.random() < share})
    tags = Tags(
        {(sku, at): draw.randint(0, 2_000_000) for sku in "abcd" for at in ids if draw.random() < 0.7},
        draw.choice((0.0, 0.3, 1.0)),
        draw.choice(("", "tags")),
    )
    today = NOW.date().toordinal()
    days = Days({(at, date.fromordinal(today + n)): draw.randint(0, 3) for at in ids for n in range(70)})
    wanted = Wish(
        tuple(
            WishLine(
                n,
                sku,
                draw.choice((1, 1, 1, 2, 3)),
                draw.choice((Method.SHIP, Method.SHIP, Method.SHIP, Method.PICKUP)),
                draw.choice(ids),
                draw.choice("PQ"),
                (("size", draw.choice("SML")),),
                draw.randint(500, 9_000),
            )
            for n, sku in enumerate(draw.sample("abcd", draw.randint(1, 4)), start=1)
        ),
        HERE,
        draw.choice(("web", "app")),
        draw.choice(("STANDARD", "STANDARD", "EXPRESS", "FAST", "GONE")),
        draw.randint(500, 20_000),
        "EUR",
    )
    excluded, partial = frozenset(draw.sample(ids, draw.choice((0, 0, 1)))), draw.random() < 0.5
    plan = decide(
        wanted, stock, places, rules, now=NOW, prices=tags, capacity=days, excluded=excluded, partial=partial
    )
    record = DecisionRecord.of(
        wanted, stock, places, rules, plan, now=NOW, excluded=excluded, partial=partial
    )
    return plan, record


@pytest.mark.parametrize("seed", range(8))
def test_a_plan_with_prices_of_stock_costs_what_a_solver_finds(seed: int) -> None:
    draw = Random(seed)
    places = Locations.of(
        [store(f"store-{n:02d}", (draw.uniform(30, 45), draw.uniform(-110, -75))) for n in range(30)]
        + [warehouse(f"wh-{n}", (draw.uniform(30, 45), draw.uniform(-110, -75))) for n in range(2)]
    )
    ids, skus = list(places.by_id), [f"s{n}" for n in range(draw.randint(2, 6))]
    stock = Shelf({(sku, at): draw.randint(1, 3) for sku in skus for at in ids if draw.random() < 0.3})
    tags = Tags({(sku, at): draw.randint(0, 2_000_000) for sku in skus for at in ids})
    wanted = wish(*((sku, draw.choice((1, 1, 2))) for sku in skus))

    plan = decide(wanted, stock, places, RULES, now=NOW, prices=tags)

    assert plan.shortages or plan.gap or plan.cost == pytest.approx(_solved(wanted, stock, places, tags))
    assert not plan.gap


def _solved(wanted: Wish, stock: Shelf, places: Locations, tags: Tags) -> float:
    """The least cost, by the solver HiGHS: a binary per parcel and per unit in turn."""
    model = highspy.Highs()  # type: ignore[no-untyped-call]
    model.silent()
    model.setOptionValue("mip_rel_gap", 0)
    opened = {}
    cost = 0 * model.addBinary()
    for at, place in places.by_id.items():
        km = whole_km(unit_vector(*HERE), unit_vector(place.latitude, place.longitude))
        opened[at] = model.addBinary()
        cost += (parcel_cost(place, km, RULES) + RULES.split) * opened[at]
    for line in wanted.lines:
        taken = []
        for at, units in stock.units(line.sku).items():
            for number in range(min(units, line.quantity_units)):
                one = model.addBinary()
                model.addConstr(one <= opened[at])
                price = tags.price(line.sku, at, units - number)
                cost += (unit_cost(places.by_id[at], RULES) + price) * one
                taken.append(one)
        model.addConstr(sum(taken) == line.quantity_units)
    model.minimize(cost)
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(model.getObjectiveValue()) - RULES.split


def _random_places(draw: Random, count: int) -> Locations:
    def one(number: int) -> Location:
        at = draw.uniform(30, 45), draw.uniform(-100, -75)
        place = warehouse(f"at-{number}", at) if draw.random() < 0.3 else store(f"at-{number}", at)
        return replace(
            place,
            active=draw.random() < 0.9,
            region=draw.choice(("north", "south")),
            daily_capacity_units=draw.choice((0, 0, 0, 2)),
        )

    return Locations.of(one(number) for number in range(count))


def _random_rules(draw: Random) -> SourcingRules:
    def matcher() -> Matcher:
        return draw.choice(
            (
                Matcher(),
                STORES,
                WAREHOUSES,
                Matcher(regions=("north",)),
                Matcher(within_km=900),
                Matcher(open_now=True),
            )
        )

    def scope() -> Scope:
        return draw.choice(
            (
                Scope(),
                Scope(brands=("P",)),
                Scope(attributes=(("size", "M"),)),
                Scope(least_value_minor=5_000),
                Scope(channel_ids=("web",)),
                Scope(customer_promises=("EXPRESS", "FAST")),
            )
        )

    def some(most: int) -> range:
        return range(draw.choice((0, 0, most)))

    return SourcingRules(
        exclusions=tuple(Exclusion(f"no {n}", scope(), matcher()) for n in some(1)),
        groups=tuple(Group(f"group {n}", matcher(), scope()) for n in some(3)),
        safety_days=tuple(SafetyDays(f"keep {n}", matcher(), scope(), draw.randint(1, 3)) for n in some(2)),
        tariff=tuple(TariffStep(800 * n, 500_000 + n, 10_000, n) for n in range(1, draw.choice((1, 4)))),
        most_parcels=draw.choice((0, 0, 0, 1, 2)),
        no_split_below_minor=draw.choice((0, 0, 8_000)),
        brands_together=draw.choice(((), (), ("P",))),
        late_per_day=draw.choice((0, 0, 60_000)),
        opportunity_percent=draw.choice((100, 100, 0, 40)),
        markdown_percent=draw.choice((0, 0, 20)),
        endless_aisle=draw.random() < 0.9,
        ship_to_store=draw.random() < 0.6,
        customer_promises=draw.choice(((), (EXPRESS, _FAST))),
    )
