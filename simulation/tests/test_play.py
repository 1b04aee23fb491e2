from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain.places import Locations
from services.orders.domain.rules import SourcingRules
from simulation.play import Cause, Outcome, Settings, Variant, simulate
from simulation.shelves import Shelves
from simulation.tests.builders import BEGINS, LOCATIONS, at, moved, order, sale, world
from simulation.world import BadWorld, Event, Order, PastSale, Sale, World

RULES = SourcingRules(opportunity_percent=0)
"""The cost of the order alone."""
STORE_KM_0 = RULES.parcel_fixed + RULES.pack_store_per_parcel
STORE_UNIT = RULES.parcel_per_unit + RULES.pick_store_per_unit
MARGIN = 10_000 * 10 * RULES.margin_percent


def play(played: World, *rules: SourcingRules) -> list[Outcome]:
    return simulate(played, [Variant(f"v{number}", one) for number, one in enumerate(rules or (RULES,))])


def lost_units(outcome: Outcome) -> int:
    return sum(day.lost_units for day in outcome.days.values())


def test_an_order_costs_what_its_parcel_costs() -> None:
    """Two units from the store at the customer's door."""
    played = world({"x": {"store-a": 5}}, [order(1, at(), ("x", 2))])

    (one,) = play(played)[0].orders

    assert one.cost == STORE_KM_0 + 2 * STORE_UNIT
    assert (one.parcels, one.splits, one.km, one.store_units, one.warehouse_units) == (1, 0, 0, 2, 0)
    assert one.co2_grams == RULES.co2_grams_per_parcel


def test_stock_that_an_order_took_is_not_there_for_the_next() -> None:
    """The second order goes to the store, which is dearer than the warehouse; the third finds nothing."""
    played = world(
        {"x": {"store-a": 1, "wh": 1}},
        [order(number, at(hour=9 + number), ("x", 1)) for number in range(3)],
    )

    first, second, third = play(played)[0].orders

    assert (first.warehouse_units, second.store_units) == (1, 1)
    assert (third.unmet_units, third.unmet_margin, third.parcels) == (1, MARGIN, 0)


def test_a_lost_store_sale_is_counted_once() -> None:
    """Online took one unit; three more are wanted at the shelf than it holds: one of them is lost to it."""
    played = world(
        {"x": {"store-a": 2}},
        [order(1, at(hour=9), ("x", 1)), sale(at(hour=10), units=3), sale(at(hour=11), units=2)],
    )

    (outcome,) = play(played)
    day = outcome.days[BEGINS.date()]

    assert (day.sold_units, day.lost_units, day.short_units) == (1, 1, 3)
    assert day.lost_margin == MARGIN


def test_what_would_have_been_missed_anyway_is_not_lost_to_online_orders() -> None:
    """Nothing was ordered online, so nothing is its fault."""
    played = world({"x": {"store-a": 1}}, [sale(at(), units=2)])

    (outcome,) = play(played)

    assert (lost_units(outcome), outcome.days[BEGINS.date()].short_units) == (0, 1)


def test_what_came_in_between_saves_the_sale() -> None:
    """A receipt covers what the order took."""
    played = world(
        {"x": {"store-a": 1}},
        [order(1, at(hour=9), ("x", 1)), moved(at(hour=10), 1), sale(at(hour=11))],
    )

    (outcome,) = play(played)

    assert lost_units(outcome) == 0
    assert outcome.days[BEGINS.date()].sold_units == 1


def test_safety_stock_is_for_those_who_walk_in() -> None:
    """An online order does not get the last unit, the shelf's customer does."""
    played = world(
        {"x": {"store-a": 1}},
        [order(1, at(hour=9), ("x", 1)), sale(at(hour=10))],
        safety={("x", "store-a"): 1},
    )

    (outcome,) = play(played)

    assert outcome.orders[0].unmet_units == 1
    assert outcome.days[BEGINS.date()].sold_units == 1


def test_a_pickup_takes_the_store_s_units_and_sends_nothing() -> None:
    played = world({"x": {"store-b": 2}}, [order(1, at(), ("x", 2), pickup="store-b")])

    (outcome,) = play(played)

    assert (outcome.orders[0].cost, outcome.orders[0].parcels, outcome.orders[0].unmet_units) == (0, 0, 0)


def test_rules_that_are_the_same_change_nothing() -> None:
    played = _busy_world()

    first, second = play(played, RULES, replace(RULES))

    assert first.orders == second.orders
    assert first.days == second.days
    assert (second.changed, second.changes) == (0, [])


def test_the_same_world_gives_the_same_numbers() -> None:
    rules = SourcingRules()

    assert play(_busy_world(), rules) == play(_busy_world(), rules)


@pytest.mark.parametrize("rules", [RULES, SourcingRules()], ids=["without prices", "with prices"])
def test_the_future_does_not_change_the_past(rules: SourcingRules) -> None:
    """Whatever comes from the fourth day on: the orders before are served the same."""
    played = _busy_world()
    cut = at(3, 0)
    past = [event for event in played.events if event.at < cut]
    later = [event for event in played.events if event.at >= cut]
    turned = [event._replace(at=cut + (played.ends - event.at)) for event in later if event.at > cut]
    other = replace(played, events=[*past, *sorted(turned, key=lambda event: event.at)])

    (one,), (two,) = play(played, rules), play(other, rules)

    count = sum(isinstance(event, Order) for event in past)
    assert count > 5
    assert one.orders[:count] == two.orders[:count]
    days = [day for day in played.days if day < cut.date()]
    assert [one.days[day] for day in days] == [two.days[day] for day in days]


def test_a_change_says_whether_the_rules_or_earlier_orders_made_it() -> None:
    """Stores that pick for nothing serve the first order; only then is the store empty for the second."""
    played = world(
        {"x": {"store-b": 1, "wh": 3}},
        [order(1, at(hour=9), ("x", 1), to=(42.0, -3.0)), order(2, at(hour=10), ("x", 1), pickup="store-b")],
    )
    eager = replace(RULES, pick_store_per_unit=0, pack_store_per_parcel=0, parcel_per_km=0)

    _, other = play(played, RULES, eager)

    causes = {change.order_id: change.cause for change in other.changes}
    assert causes == {"ord-1": Cause.RULES, "ord-2": Cause.EARLIER}
    assert other.changed == 2


def test_the_orders_kept_are_those_that_changed_most_and_replay() -> None:
    played = world(
        {"x": {"store-b": 9, "wh": 9}},
        [order(number, at(hour=number), ("x", number), to=(42.0, -3.0)) for number in range(1, 5)],
    )
    eager = replace(RULES, pick_store_per_unit=0, parcel_per_km=0, pack_store_per_parcel=0)

    _, other = simulate(played, [Variant("a", RULES), Variant("b", eager)], Settings(kept_changes=2))

    assert [change.order_id for change in other.changes] == ["ord-4", "ord-3"]
    assert abs(other.changes[0].difference) >= abs(other.changes[1].difference)
    for change in other.changes:
        assert change.other.record.replay(LOCATIONS, eager).parts == change.other.plan.parts
        assert change.first.record.replay(LOCATIONS, RULES).parts == change.first.plan.parts


def test_prices_keep_the_last_unit_for_who_walks_in() -> None:
    """The store is cheaper for the order, but somebody comes for the article every day."""
    past = [PastSale(BEGINS - timedelta(days=day), "x", 1, "store-a") for day in range(1, 29)]
    played = world(
        {"x": {"store-a": 1, "wh": 1}}, [order(1, at(hour=9), ("x", 1)), sale(at(hour=18))], past=past
    )
    dear = replace(RULES, pick_warehouse_per_unit=400_000)

    without, priced = play(played, dear, replace(dear, opportunity_percent=100))

    assert (lost_units(without), lost_units(priced)) == (1, 0)
    assert (without.orders[0].store_units, priced.orders[0].warehouse_units) == (1, 1)
    assert [change.cause for change in priced.changes] == [Cause.PRICES]
    record = priced.changes[0].other.record
    assert record.replay(LOCATIONS, priced.variant.rules).parts == priced.changes[0].other.plan.parts


def test_capacity_is_used_up_and_later_orders_are_promised_for_later() -> None:
    """A store that works on one unit a day: the second order of a morning leaves a day later."""
    slow = Locations.of([replace(LOCATIONS.by_id["store-a"], daily_capacity_units=1)])
    played = world(
        {"x": {"store-a": 5}},
        [order(1, at(hour=9), ("x", 1)), order(2, at(hour=9.5), ("x", 1))],
        locations=slow,
    )

    first, second = play(played)[0].orders

    assert second.promise_days - first.promise_days == pytest.approx(1 - 0.5 / 24)


def test_a_world_that_cannot_be_is_refused() -> None:
    with pytest.raises(BadWorld, match="out of order"):
        replace(world({}, []), events=[sale(at(2)), sale(at(1))])
    with pytest.raises(BadWorld, match="not known"):
        world({}, [sale(at(), location_id="moon")])
    with pytest.raises(BadWorld, match="days"):
        replace(world({}, []), ends=BEGINS)
    with pytest.raises(BadWorld, match="below zero"):
        world({"x": {"store-a": -1}}, [])


def test_too_few_and_too_many_variants_are_refused() -> None:
    with pytest.raises(ValueError, match="0 variants"):
        simulate(world({}, []), [])
    with pytest.raises(ValueError, match="9 variants"):
        simulate(world({}, []), [Variant(str(number), RULES) for number in range(9)])


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["order", "pickup", "sale", "move"]),
        st.sampled_from(["store-a", "store-b", "wh"]),
        st.integers(1, 3),
        st.integers(0, 6 * 24 * 60),
    ),
    max_size=40,
)


def _event(number: int, kind: str, location_id: str, units: int, minute: int) -> Event:
    when = BEGINS + timedelta(minutes=minute)
    if kind == "order":
        return order(number, when, ("x", units))
    if kind == "pickup":
        return order(number, when, ("x", units), pickup=location_id.replace("wh", "store-a"))
    if kind == "move":
        return moved(when, units if minute % 2 else -units, location_id)
    return sale(when, location_id, units=units)


@settings(max_examples=150, deadline=None)
@given(_EVENTS, st.integers(0, 4), st.integers(0, 4))
def test_stock_adds_up_and_online_orders_lose_exactly_the_difference(
    drawn: list[tuple[str, str, int, int]], in_store: int, in_warehouse: int
) -> None:
    """Without online orders the same customers find more: by the units lost to them, neither more nor
    less."""
    events = [_event(number, *one) for number, one in enumerate(drawn)]
    opening = {"x": {"store-a": in_store, "wh": in_warehouse}}
    played = world(opening, events)
    quiet = world(opening, [event for event in events if not isinstance(event, Order)])

    (busy,), (calm,) = play(played), play(quiet)

    sold = sum(day.sold_units for day in busy.days.values())
    assert sold + lost_units(busy) == sum(day.sold_units for day in calm.days.values())
    assert sum(day.short_units for day in busy.days.values()) == sum(
        day.short_units for day in calm.days.values()
    )


def test_shelves_never_hold_less_than_nothing() -> None:
    shelves = Shelves(world({"x": {"store-a": 1}}, []))

    shelves.move("x", "store-a", -5)

    assert (shelves.on_hand("x", "store-a"), shelves.units("x")) == (0, {})
    with pytest.raises(AssertionError):
        shelves.order("x", "store-a", 1)


def _busy_world() -> World:
    """A week of orders and sales of three articles, and a fortnight before it."""
    skus = ("x", "y", "z")
    events: list[Event] = []
    for number in range(42):
        sku, day, hour = skus[number % 3], number // 6, 8 + number % 6
        events.append(sale(at(day, hour), ("store-a", "store-b")[number % 2], sku, 1 + number % 2))
        if number % 2:
            events.append(order(number, at(day, hour + 0.5), (sku, 1), (skus[(number + 1) % 3], 2)))
    past = [
        PastSale(
            BEGINS - timedelta(days=day), skus[day % 3], 1 + day % 2, ("store-a", "store-b", "")[day % 3]
        )
        for day in range(1, 15)
    ]
    opening = {sku: {"store-a": 9, "store-b": 7, "wh": 12} for sku in skus}
    return world(opening, events, past=past)


def test_a_busy_world_is_busy() -> None:
    """The tests above mean nothing otherwise."""
    played = _busy_world()
    (outcome,) = play(played)

    assert sum(isinstance(event, Sale) for event in played.events) > 30
    assert lost_units(outcome) > 0
    assert any(one.unmet_units for one in outcome.orders)
