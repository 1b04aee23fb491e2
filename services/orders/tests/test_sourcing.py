"""Sourcing: least cost, nothing invented, the same again on replay."""

from __future__ import annotations

import json
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain.explain import Explained
from services.orders.domain.places import Location, Locations, unit_vector, whole_km
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Plan, Wish, WishLine, decide, parcel_cost, unit_cost
from services.orders.domain.states import Method
from services.orders.tests.builders import NOW, RULES, Shelf, store, warehouse

HERE = (40.0, -80.0)
PLACES = Locations.of(
    [
        store("store-1", (40.1, -80.1)),
        store("store-2", (41.0, -81.0)),
        store("store-3", (30.0, -95.0)),
        store("store-4", active=False),
        warehouse("wh-1", (39.0, -82.0)),
    ]
)


def wish(*lines: tuple[str, int], method: Method = Method.SHIP, at: str = "") -> Wish:
    numbered = enumerate(lines, start=1)
    return Wish(tuple(WishLine(n, sku, q, method, at) for n, (sku, q) in numbered), HERE)


def served(plan: Plan) -> dict[tuple[str, str], int]:
    return {(line.sku, part.location_id): line.quantity_units for part in plan.parts for line in part.lines}


def test_the_warehouse_serves_because_its_picks_cost_less() -> None:
    stock = Shelf({("a", "store-1"): 9, ("a", "wh-1"): 9})

    assert served(decide(wish(("a", 2)), stock, PLACES, RULES, now=NOW)) == {("a", "wh-1"): 2}


def test_one_parcel_from_further_away_beats_two_from_nearby() -> None:
    stock = Shelf({("a", "store-1"): 1, ("b", "store-2"): 1, ("a", "store-3"): 1, ("b", "store-3"): 1})

    assert {at for _, at in served(decide(wish(("a", 1), ("b", 1)), stock, PLACES, RULES, now=NOW))} == {
        "store-3"
    }


def test_inactive_and_excluded_locations_do_not_serve() -> None:
    stock = Shelf({("a", "store-4"): 9, ("a", "wh-1"): 9, ("a", "store-3"): 1})

    plan = decide(wish(("a", 1)), stock, PLACES, RULES, now=NOW, excluded=frozenset({"wh-1"}))

    assert served(plan) == {("a", "store-3"): 1}


def test_a_pickup_comes_from_its_store_or_not_at_all() -> None:
    stock = Shelf({("a", "store-1"): 1, ("a", "wh-1"): 9})

    assert served(
        decide(wish(("a", 1), method=Method.PICKUP, at="store-1"), stock, PLACES, RULES, now=NOW)
    ) == {("a", "store-1"): 1}
    short = decide(wish(("a", 2), method=Method.PICKUP, at="store-1"), stock, PLACES, RULES, now=NOW)
    assert (short.parts, short.shortages[0].available_units) == ((), 1)


def test_what_is_carried_out_needs_no_stock_and_is_not_reserved() -> None:
    plan = decide(wish(("a", 3), method=Method.CARRY_OUT, at="store-1"), Shelf(), PLACES, RULES, now=NOW)

    assert served(plan) == {("a", "store-1"): 3}
    assert plan.picks() == {}


def test_a_partial_plan_serves_what_there_is() -> None:
    stock = Shelf({("a", "store-1"): 1, ("a", "store-2"): 1})

    plan = decide(wish(("a", 5), ("b", 1)), stock, PLACES, RULES, now=NOW, partial=True)

    assert served(plan) == {("a", "store-1"): 1, ("a", "store-2"): 1}
    assert {(s.sku, s.available_units) for s in plan.shortages} == {("a", 2), ("b", 0)}


def test_an_order_that_needs_five_locations_gets_them() -> None:
    places = Locations.of([store(f"store-{n}", (40.0 + n, -80.0)) for n in range(8)])
    stock = Shelf({("a", f"store-{n}"): 1 for n in range(8)})

    plan = decide(wish(("a", 5)), stock, places, RULES, now=NOW)

    assert sorted(part.location_id for part in plan.parts) == [f"store-{n}" for n in range(5)]


_stock = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from([f"store-{n}" for n in range(1, 5)] + ["wh-1"])),
    st.integers(0, 4),
)
_lines = st.dictionaries(st.sampled_from("abc"), st.integers(1, 4), min_size=1)


@settings(max_examples=300, deadline=None)
@given(_stock, _lines)
def test_a_plan_takes_what_is_there_and_no_cheaper_one_of_three_locations_exists(
    levels: dict[tuple[str, str], int], lines: dict[str, int]
) -> None:
    stock, wanted = Shelf(levels), wish(*lines.items())

    plan = decide(wanted, stock, PLACES, RULES, now=NOW)

    best = _brute_force(levels, lines)
    if plan.shortages:
        short = [sku for sku, q in lines.items() if sum(max(0, _at(levels, sku, x)) for x in _able()) < q]
        assert [s.sku for s in plan.shortages] == short
        return
    for (sku, at), units in served(plan).items():
        assert 0 < units <= levels[sku, at]
    for sku, quantity in lines.items():
        assert sum(units for (of, _), units in served(plan).items() if of == sku) == quantity
    if best is not None:
        assert plan.cost == best


@settings(max_examples=200, deadline=None)
@given(_stock, _lines, st.booleans(), st.frozensets(st.sampled_from(["store-1", "wh-1"])))
def test_replaying_a_stored_record_gives_the_same_plan(
    levels: dict[tuple[str, str], int], lines: dict[str, int], partial: bool, excluded: frozenset[str]
) -> None:
    """A decision that cannot be made again cannot be explained."""
    stock, wanted = Shelf(levels), wish(*lines.items())
    plan = decide(wanted, stock, PLACES, RULES, now=NOW, excluded=excluded, partial=partial)

    record = DecisionRecord.of(
        wanted, stock, PLACES, RULES, plan, now=NOW, excluded=excluded, partial=partial
    )
    again = DecisionRecord.from_json(json.dumps(record.to_dict()))

    places, rules = Locations.from_json(PLACES.to_json()), SourcingRules.from_json(RULES.to_json())
    assert (places.version, rules.version) == (PLACES.version, RULES.version)
    assert again.replay(places, rules) == plan
    chosen = {c.location_id for c in Explained(again, places, rules).candidates() if not c.eliminated_by}
    assert chosen == {part.location_id for part in plan.parts}
    for sku, quantity in lines.items():
        for at in PLACES.by_id.values():
            seen = again.view(places).units(sku).get(at.location_id, 0)
            assert seen == min(quantity, _at(levels, sku, at))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-9, 9), st.integers(-9, 9), st.booleans(), st.integers(0, 3), st.integers(0, 3)
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 2),
    st.sampled_from([0.003, 0.2, 4.0]),
    st.floats(-85, 85),
    st.floats(-180, 180),
)
def test_the_quick_way_to_the_nearest_place_finds_what_looking_at_all_finds(
    drawn: list[tuple[int, int, bool, int, int]], quantity: int, apart: float, lat: float, lon: float
) -> None:
    """Of places equally near in whole kilometres the smaller id serves, anywhere on the map."""
    at = [(max(-90.0, min(90.0, lat + apart * a)), lon + apart * b) for a, b, *_ in drawn]
    names = [f"at-{n:02d}" for n in range(len(drawn))]
    places = Locations.of(
        [
            (warehouse if one[2] else store)(name, here)
            for one, name, here in zip(drawn, names, at, strict=True)
        ]
    )
    stock = Shelf(
        {
            (sku, name): one[3 + n]
            for one, name in zip(drawn, names, strict=True)
            for n, sku in enumerate(("a", "b"))
        }
    )
    alone = [
        (parcel_cost(place, km, RULES) + (quantity + 1) * unit_cost(place, RULES), place.location_id)
        for place, one in zip(places.by_id.values(), drawn, strict=True)
        if one[3] >= quantity and one[4] >= 1
        for km in [whole_km(unit_vector(lat, lon), unit_vector(place.latitude, place.longitude))]
    ]
    lines = wish(("a", quantity), ("b", 1)).lines

    plans = [decide(Wish(lines, (lat, lon)), stock, places, RULES, now=NOW) for _ in range(2)]

    assert plans[0] == plans[1]
    if alone and len(plans[0].parts) == 1:
        assert (plans[0].cost, plans[0].parts[0].location_id) == min(alone)
    elif alone:
        assert plans[0].cost <= min(alone)[0]
    if apart < 1:
        # So near, one parcel is always cheaper than two.
        assert not alone or len(plans[0].parts) == 1


def test_candidates_say_what_ruled_them_out() -> None:
    stock = Shelf({("a", "store-1"): 1, ("a", "wh-1"): 1, ("a", "store-2"): 1})
    wanted, excluded = wish(("a", 1)), frozenset({"store-2"})
    plan = decide(wanted, stock, PLACES, RULES, now=NOW, excluded=excluded)

    record = DecisionRecord.of(wanted, stock, PLACES, RULES, plan, now=NOW, excluded=excluded)

    assert {c.location_id: c.eliminated_by for c in Explained(record, PLACES, RULES).candidates()} == {
        "store-1": "NOT_CHEAPEST",
        "store-2": "EXCLUDED",
        "store-3": "NO_STOCK",
        "store-4": "INACTIVE",
        "wh-1": "",
    }


def _able() -> list[Location]:
    return list(PLACES.shipping)


def _at(levels: dict[tuple[str, str], int], sku: str, location: Location) -> int:
    return levels.get((sku, location.location_id), 0)


def _brute_force(levels: dict[tuple[str, str], int], lines: dict[str, int]) -> int | None:
    """The least cost over all sets of up to three locations; units from the cheapest per unit first."""
    best: int | None = None
    for size in (1, 2, 3):
        for group in combinations(_able(), size):
            used: dict[str, int] = {}
            cost = 0
            for sku, quantity in lines.items():
                left = quantity
                for location in sorted(group, key=lambda x: (unit_cost(x, RULES), _fixed(x), x.location_id)):
                    units = min(left, max(0, _at(levels, sku, location)))
                    if units:
                        used[location.location_id] = 1
                        cost += units * unit_cost(location, RULES)
                        left -= units
                if left:
                    break
            else:
                cost += sum(_fixed(PLACES.by_id[x]) for x in used) + RULES.split * (len(used) - 1)
                best = cost if best is None else min(best, cost)
    return best


def _fixed(location: Location) -> int:
    km = whole_km(unit_vector(*HERE), unit_vector(location.latitude, location.longitude))
    return parcel_cost(location, km, RULES)
