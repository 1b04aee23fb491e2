"""What leaves locations out of a decision never leaves out a cheaper plan, and answers for many at once are
those for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from random import Random

import pytest

from services.orders.domain import quantities, sourcing
from services.orders.domain.assignment import FAR
from services.orders.domain.bounds import Line, least_with, visited
from services.orders.domain.calendar import instant_of
from services.orders.domain.capacity import Seen
from services.orders.domain.costs import parcel_cost, unit_cost
from services.orders.domain.places import Location, Locations, unit_vector, whole_km
from services.orders.domain.promise import Timetable
from services.orders.domain.quantities import Sums, by_location
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import Group, Matcher, SafetyDays, SourcingRules
from services.orders.domain.sourcing import Wish, WishLine, decide
from services.orders.domain.states import Method
from services.orders.tests.builders import NOW, store, warehouse
from services.orders.tests.test_sourcing_rules import HERE, Days, Tags

SHARED_HOURS = tuple((day, 540, 1_260) for day in range(1, 8))


class Shelf:
    """Stock by SKU and location."""

    def __init__(self, levels: dict[str, dict[str, int]]) -> None:
        self._levels = levels

    def units(self, sku: str) -> dict[str, int]:
        return self._levels[sku]

    def version(self, sku: str, location_id: str) -> int:
        return 1


class Sheet:
    """What locations ask, all of it known."""

    def __init__(self, sums: Sequence[Sequence[Sums]]) -> None:
        self._sums = sums

    def ask(self, rows: Sequence[int]) -> None:
        """There is nothing to do."""

    def __call__(self, at: int) -> list[Sums]:
        return [line[at] for line in self._sums]


def _ways(most: Sequence[int], quantity: int) -> Iterator[tuple[int, ...]]:
    """All ways to take so many units."""
    for take in product(*[range(min(units, quantity) + 1) for units in most]):
        if sum(take) == quantity:
            yield take


def _sums(draw: Random, ask: int, units: int) -> Sums:
    """Prices of stock rise with each unit given away."""
    sums, dearer = [0], 0
    for _ in range(units):
        dearer += draw.choice((0, 0, 40, 200))
        sums.append(sums[-1] + ask + dearer)
    return sums


@pytest.mark.parametrize("seed", range(60))
def test_no_plan_with_a_location_costs_less_than_its_bound(seed: int) -> None:
    draw = Random(seed)
    count = draw.randint(2, 4)
    fixed = [draw.randint(0, 600) for _ in range(count)]
    lines = [
        Line(
            (n,),
            False,
            quantity,
            [draw.randint(0, 2) for _ in range(count)],
            draw.choices(range(300), k=count),
        )
        for n, quantity in enumerate(draw.choices((1, 1, 2), k=draw.randint(1, 3)))
    ]
    lines = [line._replace(cover=[2, *line.cover[1:]]) for line in lines]
    sums = [[_sums(draw, line.asks[at], line.cover[at]) for at in range(count)] for line in lines]

    bounds = least_with(fixed, lines)
    asked = visited(fixed, lines, bounds, 0, FAR, Sheet(sums))

    best, with_it = FAR, [FAR] * count
    for takes in product(*[list(_ways(line.cover, line.quantity)) for line in lines]):
        used = {at for take in takes for at, units in enumerate(take) if units}
        cost = sum(fixed[at] for at in used)
        cost += sum(sums[n][at][units] for n, take in enumerate(takes) for at, units in enumerate(take))
        best = min(best, cost)
        for at in used:
            with_it[at] = min(with_it[at], cost)
    assert all(bound <= cost for bound, cost in zip(bounds, with_it, strict=True) if cost < FAR)
    assert all(at in asked for at, cost in enumerate(with_it) if cost == best)


@pytest.mark.parametrize("seed", range(150))
def test_a_search_of_quantities_finds_the_same_plan_among_the_locations_that_are_worth_it(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of equally cheap plans, which few and small costs make many; and where one location has to be in
    the plan, for which its parcel costs less than nothing.
    """
    draw = Random(seed)
    for _ in range(8):
        count, most = draw.randint(1, 6), draw.choice((2, 9, 300))
        fixed = [draw.randint(0, most) for _ in range(count)]
        if draw.random() < 0.3:
            fixed[0] -= 10_000
        wanted = draw.choices((1, 1, 2, 3), k=draw.randint(1, 3))
        sums = [[_sums(draw, draw.randint(0, most), draw.randint(0, 3)) for _ in fixed] for _ in wanted]
        cap, below = draw.choice((0, 0, 1, 2, 3)), draw.choice((None, 4 * most))

        found = by_location(fixed, sums, wanted, cap, below)

        with monkeypatch.context() as patch:
            patch.setattr(quantities, "_worthwhile", lambda *given: given[0])
            assert found == by_location(fixed, sums, wanted, cap, below)


@pytest.mark.parametrize("seed", range(40))
def test_the_plan_is_the_same_when_far_locations_are_not_left_out(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one place has everything, what is too far for a plan as cheap is not even looked at."""
    draw = Random(seed)
    grid = draw.random() < 0.5
    places = Locations.of(
        (store if n % 9 else warehouse)(
            f"at-{n:02d}",
            (draw.choice((38, 40, 42)), draw.choice((-92, -88, -84)))
            if grid
            else (draw.uniform(30, 45), draw.uniform(-110, -75)),
        )
        for n in range(40)
    )
    stock = Shelf(
        {sku: {at: draw.randint(0, 3) for at in places.by_id if draw.random() < 0.5} for sku in "abc"}
    )
    most = draw.choice((1, 700_000, 2_000_000))
    tags = Tags({(sku, at): draw.randint(0, most) for sku in "abc" for at in places.by_id}, 0.0, "tags")
    rules = SourcingRules(
        most_parcels=draw.choice((0, 0, 2)), no_split_below_minor=draw.choice((0, 0, 5_000))
    )
    quick = sourcing._alone
    for _ in range(10):
        wanted = Wish(
            tuple(WishLine(n, sku, draw.choice((1, 1, 2)), Method.SHIP) for n, sku in enumerate("abc", 1)),
            (draw.uniform(30, 45), draw.uniform(-110, -75)),
            value_minor=draw.randint(1_000, 9_000),
        )
        plan = decide(wanted, stock, places, rules, now=NOW, prices=tags, partial=True)
        with monkeypatch.context() as patch:
            patch.setattr(sourcing, "_alone", lambda *given: (quick(*given)[0], None))
            every = decide(wanted, stock, places, rules, now=NOW, prices=tags, partial=True)

        assert plan[:5] == every[:5]
        record = DecisionRecord.of(wanted, stock, places, rules, plan, now=NOW, partial=True)
        assert record.replay(places, rules)[:5] == plan[:5]


@pytest.mark.parametrize("seed", range(120))
def test_groups_in_order_with_prices_cost_what_trying_everything_finds(seed: int) -> None:
    """As few units as can be from later groups, and of all such plans the cheapest."""
    draw = Random(seed)
    places = Locations.of(
        [store(f"store-{n}", (draw.uniform(30, 45), draw.uniform(-95, -75))) for n in range(4)]
        + [warehouse("wh-1", (draw.uniform(30, 45), draw.uniform(-95, -75)))]
    )
    ids = list(places.by_id)
    order = draw.sample(ids, 5)
    rules = SourcingRules(
        groups=(Group("first", Matcher((order[0],))), Group("next", Matcher(tuple(order[1:3]))), Group("all"))
    )
    ranks = {at: 0 if n == 0 else 1 if n < 3 else 2 for n, at in enumerate(order)}
    levels = {sku: {at: draw.choice((0, 1, 1, 2)) for at in ids} for sku in ("a", "b")}
    wanted = {sku: draw.randint(1, 3) for sku in levels}
    tags = Tags({(sku, at): draw.randint(0, 900_000) for sku in levels for at in ids})
    wish = Wish(
        tuple(WishLine(n, sku, q, Method.SHIP) for n, (sku, q) in enumerate(wanted.items(), start=1)), HERE
    )

    plan = decide(wish, Shelf(levels), places, rules, now=NOW, prices=tags)

    best: tuple[int, int] | None = None
    for takes in product(
        *[list(_ways([levels[sku][at] for at in ids], quantity)) for sku, quantity in wanted.items()]
    ):
        used = {at for take in takes for at, units in zip(ids, take, strict=True) if units}
        cost, skipped = rules.split * (len(used) - 1), 0
        for at in used:
            place = places.by_id[at]
            km = whole_km(unit_vector(*HERE), unit_vector(place.latitude, place.longitude))
            cost += parcel_cost(place, km, rules)
        for sku, take in zip(wanted, takes, strict=True):
            for at, units in zip(ids, take, strict=True):
                skipped += units * ranks[at]
                cost += units * unit_cost(places.by_id[at], rules)
                cost += sum(tags.price(sku, at, levels[sku][at] - n) for n in range(units))
        best = (skipped, cost) if best is None else min(best, (skipped, cost))
    if best is None:
        assert plan.shortages
        return
    mine = sum(line.quantity_units * ranks[part.location_id] for part in plan.parts for line in part.lines)
    assert (mine, plan.cost, plan.gap) == (*best, 0)


@pytest.mark.parametrize("seed", range(20))
def test_of_many_locations_a_record_keeps_the_prices_that_matter_and_gives_the_same_plan(seed: int) -> None:
    """What bounds leave out is free in the record, and must lose there too."""
    draw = Random(seed)
    places = Locations.of(
        _open_location(draw, n, warehouse if n % 9 == 0 else store, limited=draw.random() < 0.2)
        for n in range(62)
    )
    ids = list(places.by_id)
    rules = SourcingRules(
        groups=draw.choice(((), (Group("warehouses", Matcher(kinds=("WAREHOUSE",))), Group("all")))),
        safety_days=draw.choice(((), (SafetyDays("two", Matcher(kinds=("STORE",)), days=2),))),
        most_parcels=draw.choice((0, 0, 2)),
        late_per_day=draw.choice((0, 60_000)),
        markdown_percent=draw.choice((0, 20)),
    )
    for _ in range(10):
        full = draw.choice((0.95, 0.5, 0.2))
        levels = {sku: {at: draw.randint(1, 3) for at in ids if draw.random() < full} for sku in "abc"}
        tags = Tags({(sku, at): draw.randint(0, 1_500_000) for sku in "abc" for at in ids}, 0.3)
        days = Days({(at, NOW.date() + timedelta(n)): draw.randint(0, 3) for at in ids for n in range(3)})
        wish = Wish(
            tuple(
                WishLine(n, sku, draw.choice((1, 1, 2)), Method.SHIP, unit_price_minor=draw.randint(1, 5_000))
                for n, sku in enumerate("abc", start=1)
            ),
            HERE,
        )

        plan = decide(wish, Shelf(levels), places, rules, now=NOW, prices=tags, capacity=days, partial=True)

        record = DecisionRecord.of(wish, Shelf(levels), places, rules, plan, now=NOW, partial=True)
        assert record.replay(places, rules) == plan


def _open_location(draw: Random, number: int, kind: object, limited: bool = False) -> Location:
    made = warehouse if kind is warehouse else store
    place = made(f"at-{number:03d}", (draw.uniform(28, 46), draw.uniform(-115, -75)))
    return replace(
        place,
        hours=draw.choice(((), SHARED_HOURS, ((1, 600, 720), (1, 840, 1_000), (3, 0, 1_440)))),
        time_zone=draw.choice(("UTC", "America/New_York", "Europe/Madrid")),
        daily_capacity_units=2 if limited else 0,
        preparation_minutes=draw.choice((None, 0, 240)),
        handover_days=draw.choice(((), (2, 4))),
    )


def _moments(draw: Random) -> list[datetime]:
    """Forwards, and back again: what is kept of one moment must not be told of another."""
    return [NOW + timedelta(minutes=draw.randint(0, 20_000)) for _ in range(40)]


@pytest.mark.parametrize("seed", range(5))
def test_days_of_arrival_of_many_locations_are_those_of_each(seed: int) -> None:
    draw = Random(seed)
    places = Locations.of(_open_location(draw, n, store, draw.random() < 0.5) for n in range(12))
    rules = SourcingRules(delivery_weekdays=draw.choice(((1, 2, 3, 4, 5, 6, 7), (1, 3, 5))))
    ids = list(places.by_id)
    days = Days({(at, NOW.date() + timedelta(n)): draw.randint(0, 2) for at in ids for n in range(20)})
    together, apart = Timetable(places, rules), Timetable(places, rules)

    for now in _moments(draw):
        kms, parcels = draw.choices(range(4_000), k=len(ids)), draw.choices((1, 2, 3), k=len(ids))
        found = together.at(now, Seen(days)).arrivals(ids, kms, parcels)

        moment = apart.at(now, Seen(days))
        assert found == [
            moment.arrival(at, km, units) for at, km, units in zip(ids, kms, parcels, strict=True)
        ]


def test_locations_are_open_between_opening_and_closing() -> None:
    draw = Random(1)
    places = Locations.of(_open_location(draw, n, store) for n in range(9))
    timetable = Timetable(places, SourcingRules())

    for now in _moments(draw):
        found = timetable.open_at(now)

        for at in places.by_id:
            calendar, instant = timetable.place(at).calendar, instant_of(now)
            spans = calendar.spans(calendar.day_of(instant))
            assert (at in found) == any(opens <= instant < closes for opens, closes in spans)
