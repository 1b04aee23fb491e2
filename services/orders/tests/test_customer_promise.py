"""How soon the customer wants it: what a promise makes of plans, dates and refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from services.orders.domain import explain
from services.orders.domain.capacity import CapacityLeft
from services.orders.domain.explain import Explained
from services.orders.domain.places import Locations, unit_vector, whole_km
from services.orders.domain.placing import parts_of
from services.orders.domain.plans import Plan
from services.orders.domain.promise import Timetable
from services.orders.domain.record import DecisionRecord
from services.orders.domain.refusals import PromiseNotPossible
from services.orders.domain.rules import (
    CustomerPromise,
    Exclusion,
    Group,
    Matcher,
    Scope,
    SourcingRules,
    TariffStep,
)
from services.orders.domain.sourcing import Wish, WishLine, decide
from services.orders.domain.states import Method
from services.orders.domain.views import UNLIMITED, Capacity
from services.orders.domain.why import sentence
from services.orders.tests.builders import NOW, Shelf, store, warehouse
from services.orders.usecases.offers import best, offer, options
from services.orders.usecases.terms import Terms

HERE = (40.0, -80.0)
NEAR, FAR = store("near", HERE), warehouse("far", (40.0, -100.0))
"""0 and 1,700 km away."""
PLACES = Locations.of([NEAR, FAR])
EVERYWHERE = Shelf({("a", "near"): 9, ("a", "far"): 9})
RULES = SourcingRules(late_per_day=0, transit_km_per_day=500)
NEXT_DAY = CustomerPromise("NEXT_DAY", deliver_within_days=1, parcel_fixed=900_000, transit_km_per_day=1_000)
QUICK = replace(RULES, customer_promises=(NEXT_DAY,))


def wish(units: int = 1, promise: str = "NEXT_DAY", sku: str = "a") -> Wish:
    return Wish((WishLine(1, sku, units, Method.SHIP),), HERE, customer_promise=promise)


def served(plan: Plan) -> dict[str, int]:
    """Units by location."""
    return {part.location_id: sum(line.quantity_units for line in part.lines) for part in plan.parts}


def arrives(plan: Plan, rules: SourcingRules, promise: str, capacity: Capacity = UNLIMITED) -> list[datetime]:
    """The promised times of a plan's parts."""
    parts = parts_of(
        plan,
        "rsv",
        1,
        NOW,
        PLACES,
        rules,
        lambda prefix: prefix,
        destination=HERE,
        capacity=capacity,
        customer_promise=promise,
    )
    return [part.promise_time for part in parts if part.promise_time is not None]


def test_the_promise_decides_carrier_cost_and_date() -> None:
    """The same goods from the same place: sooner, and dearer."""
    stock = Shelf({("a", "far"): 1})
    rules = replace(RULES, customer_promises=(replace(NEXT_DAY, deliver_within_days=0),))

    standard = decide(wish(promise="STANDARD"), stock, PLACES, rules, now=NOW)
    quick = decide(wish(), stock, PLACES, rules, now=NOW)

    assert quick.cost - standard.cost == 300_000
    (by_standard,), (by_quick,) = arrives(standard, rules, "STANDARD"), arrives(quick, rules, "NEXT_DAY")
    assert by_standard - by_quick == timedelta(days=2)


def test_who_cannot_be_in_time_does_not_serve_and_says_so() -> None:
    """The cheap warehouse is two days away; a store next door is not."""
    cheap = replace(QUICK, pick_store_per_unit=9_000_000)

    standard = decide(wish(promise="STANDARD"), EVERYWHERE, PLACES, cheap, now=NOW)
    quick = decide(wish(), EVERYWHERE, PLACES, cheap, now=NOW)

    assert (served(standard), served(quick)) == ({"far": 1}, {"near": 1})
    record = DecisionRecord.of(wish(), EVERYWHERE, PLACES, cheap, quick, now=NOW)
    reason = Explained(record, PLACES, cheap).why_not(FAR)
    assert (reason.candidate.eliminated_by, reason.candidate.rule) == (explain.TOO_LATE, "NEXT_DAY")
    assert sentence(reason, "en", "EUR") == (
        "A parcel from far would not have been there in time for the promise NEXT_DAY."
    )
    assert "no habría llegado a tiempo para la promesa NEXT_DAY" in sentence(reason, "es", "EUR")


def test_goods_that_are_there_but_not_in_time_are_refused_before_the_order_and_not_after() -> None:
    """Once the customer was told yes, late is better than never."""
    stock = Shelf({("a", "far"): 5})

    refused = decide(wish(2), stock, PLACES, QUICK, now=NOW)
    again = decide(wish(2)._replace(accepted=True), stock, PLACES, QUICK, now=NOW)

    assert [(short.requested_units, short.available_units) for short in refused.shortages] == [(2, 0)]
    assert served(again) == {"far": 2}


def test_a_full_day_leaves_a_location_what_still_fits_in_time() -> None:
    """Three units each before the weekend: together they keep the promise, alone neither does."""
    places = Locations.of(
        [
            replace(store(name, HERE), daily_capacity_units=9, ship_cut_off_minute=1440)
            for name in ("s-1", "s-2")
        ]
    )
    stock = Shelf({("a", "s-1"): 9, ("a", "s-2"): 9})
    today = {(name, NOW.date()): 3 for name in ("s-1", "s-2")}
    days = CapacityLeft(
        {**{(name, NOW.date() + timedelta(n)): 9 for name in ("s-1", "s-2") for n in range(1, 70)}, **today}
    )

    both = decide(wish(5), stock, places, QUICK, now=NOW, capacity=days)
    never = decide(wish(7), stock, places, QUICK, now=NOW, capacity=days)
    standard = decide(wish(5, "STANDARD"), stock, places, QUICK, now=NOW, capacity=days)

    assert sorted(served(both).values()) == [2, 3]
    assert [short.available_units for short in never.shortages] == [6]
    assert list(served(standard).values()) == [5]
    record = DecisionRecord.of(wish(5), stock, places, QUICK, both, now=NOW)
    assert DecisionRecord.from_dict(record.to_dict()).replay(places, QUICK) == both


def test_days_of_a_promise_are_days_on_which_the_carrier_delivers() -> None:
    """Ordered on Saturday, the next day of a carrier that rests at weekends is Monday."""
    resting = replace(NEXT_DAY, delivery_weekdays=(1, 2, 3, 4, 5))
    rules = replace(RULES, customer_promises=(resting,))

    plan = decide(wish(), EVERYWHERE, PLACES, rules, now=NOW)

    assert served(plan) == {"near": 1}
    assert arrives(plan, rules, "NEXT_DAY") == [datetime(2026, 11, 23, 20, tzinfo=UTC)]


@pytest.mark.parametrize(("promise", "expected"), [("STANDARD", "far"), ("", "far"), ("NEXT_DAY", "near")])
def test_rules_may_be_for_the_orders_of_one_promise(promise: str, expected: str) -> None:
    """Who chose none was promised STANDARD."""
    rules = replace(
        QUICK,
        customer_promises=(replace(NEXT_DAY, deliver_within_days=0),),
        exclusions=(
            Exclusion(
                "stores keep theirs", Scope(customer_promises=("STANDARD",)), Matcher(kinds=("STORE",))
            ),
        ),
        groups=(
            Group("near", Matcher(("near",)), Scope(customer_promises=("NEXT_DAY",))),
            Group("rest", Matcher(), Scope(customer_promises=("NEXT_DAY",))),
        ),
    )

    plan = decide(wish(promise=promise), EVERYWHERE, PLACES, rules, now=NOW)

    assert served(plan) == {expected: 1}


def test_a_promise_has_a_tariff_and_a_price_of_lateness_of_its_own() -> None:
    step = TariffStep(20_000, 100, 7, 3)
    own = CustomerPromise("SLOW", late_per_day=5, tariff=(step,))
    rules = replace(
        RULES, tariff=(TariffStep(10, 1, 1, 1),), late_per_day=9, customer_promises=(own, NEXT_DAY)
    )

    slow, quick = rules.under("SLOW"), rules.under("NEXT_DAY")

    assert (slow.tariff, slow.late_per_day) == ((step,), 5)
    assert (quick.tariff, quick.late_per_day, quick.parcel_fixed) == ((), 9, 900_000)
    assert rules.under("STANDARD") is rules.under("") is rules.under("GONE") is rules
    assert rules.under("SLOW") is slow


def test_a_part_that_came_to_be_too_late_is_refused() -> None:
    """Others took the day between the plan and its acceptance."""
    places = Locations.of([replace(NEAR, daily_capacity_units=2, ship_cut_off_minute=1440)])
    plan = decide(wish(2), EVERYWHERE, places, QUICK, now=NOW)
    full = CapacityLeft({("near", NOW.date()): 1})

    with pytest.raises(PromiseNotPossible) as refused:
        parts_of(
            plan,
            "rsv",
            1,
            NOW,
            places,
            QUICK,
            lambda prefix: prefix,
            destination=HERE,
            capacity=full,
            customer_promise="NEXT_DAY",
        )

    assert (refused.value.location_id, refused.value.customer_promise) == ("near", "NEXT_DAY")


def test_a_promise_that_cannot_be_kept_gives_way_to_the_earliest_that_can() -> None:
    """Of what serves as much as any."""
    week = CustomerPromise("WEEK", transit_days=5)
    rules = replace(
        QUICK, customer_promises=(NEXT_DAY, week, CustomerPromise("TWO", transit_km_per_day=2_000))
    )
    stock, terms = Shelf({("a", "far"): 1}), Terms(NOW, rules)

    found = options(wish(), stock, PLACES, terms)

    possible = {one.customer_promise: one.offer is not None for one in found}
    assert possible == {"STANDARD": True, "NEXT_DAY": False, "WEEK": True, "TWO": True}
    assert best(found, "NEXT_DAY").customer_promise == "TWO"
    assert best(found, "WEEK").customer_promise == "WEEK"
    nothing = options(wish(sku="b"), stock, PLACES, terms)
    assert best(nothing, "NEXT_DAY").customer_promise == "NEXT_DAY"


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_promised_in_time_is_in_time(seed: int) -> None:
    """Random networks, capacity and promises: no part is late, and one unit is refused only where nobody who
    has it could be in time.
    """
    draw = Random(seed)
    for _ in range(20):
        places = Locations.of(
            replace(
                store(f"s-{n}", (draw.uniform(30, 45), draw.uniform(-100, -75))),
                daily_capacity_units=draw.choice((0, 2, 5)),
                time_zone=draw.choice(("UTC", "America/New_York", "Pacific/Auckland")),
                handover_days=draw.choice(((), (1, 4))),
            )
            for n in range(6)
        )
        promise = CustomerPromise(
            "P",
            deliver_within_days=draw.randint(1, 4),
            transit_km_per_day=draw.choice((300, 900)),
            delivery_weekdays=draw.choice((None, (1, 2, 3, 4, 5))),
        )
        rules = SourcingRules(customer_promises=(promise,), late_per_day=draw.choice((0, 100_000)))
        stock = Shelf({(sku, at): draw.randint(0, 3) for sku in "ab" for at in places.by_id})
        now = NOW + timedelta(hours=draw.randint(0, 100))
        days = CapacityLeft(
            {
                (at, now.date() + timedelta(n)): draw.randint(0, 5)
                for at in places.by_id
                for n in range(-2, 70)
            }
        )
        wanted = Wish(
            tuple(WishLine(n, sku, draw.randint(1, 3), Method.SHIP) for n, sku in enumerate("ab", start=1)),
            HERE,
            customer_promise="P",
        )
        terms = Terms(now, rules, capacity=days)

        found = offer(wanted, stock, places, terms)

        timetable = Timetable.of(places, rules.under("P"))
        latest = timetable.latest(now, HERE, promise.deliver_within_days)
        assert latest is not None
        moment = timetable.at(now, days, HERE)
        limit = moment.evening(latest)
        assert limit is not None
        assert all(part.promise_time is not None and part.promise_time <= limit for part in found.parts)
        one = offer(wanted._replace(lines=(WishLine(1, "a", 1, Method.SHIP),)), stock, places, terms)
        able = [
            at
            for at, units in stock.units("a").items()
            if units and moment.in_time(at, _km(places, at), 1, latest)
        ]
        assert bool(one.parts) == bool(able)
        assert date.fromordinal(latest) > now.date() - timedelta(days=1)


def _km(places: Locations, at: str) -> int:
    place = places.by_id[at]
    return whole_km(unit_vector(*HERE), unit_vector(place.latitude, place.longitude))
