from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain.closed_form import tail
from services.orders.domain.demand import Demand, Foresight, History, points
from services.orders.domain.network import Article, Network, Site
from services.orders.domain.stock_prices import Costs, network_prices, tails

CHICAGO, GARY, DENVER = (41.88, -87.63), (41.60, -87.34), (39.74, -104.99)


def site(place: tuple[float, float], kind: str = "STORE", unit: int = 200_000, parcel: int = 675_000) -> Site:
    return Site(kind, *place, unit, parcel)


def past(*rows: tuple[int, int, int, int]) -> History:
    """(week, location or -1, SKU, units) each; online units go to Chicago."""
    week, location, sku, units = np.asarray(rows or np.zeros((0, 4)), dtype=np.int64).reshape(-1, 4).T
    count = len(rows)
    return History(week, location, sku, units, np.full(count, CHICAGO[0]), np.full(count, CHICAGO[1]))


def network(
    sites: Sequence[Site],
    stock: Sequence[Sequence[int]],
    history: History | None = None,
    foresight: Foresight | None = None,
    margin: int = 1_000_000,
) -> Network:
    return Network(
        sites,
        [Article(margin, margin + 2_000_000) for _ in stock],
        stock,
        history or past(),
        parcel_per_km=200,
        horizon_weeks=13,
        foresight=foresight,
    )


def test_a_store_that_will_sell_its_last_unit_keeps_it_when_another_has_plenty() -> None:
    """The rule that shops use takes the nearer store's last unit; its own next customer goes home without."""
    busy = past(*((week, 0, 0, 1) for week in range(1, 14)))
    both = [site(CHICAGO), site(GARY)]

    decided = network(both, [[1, 9]], busy).order(0.0, *CHICAGO, [0])
    late = network(both, [[1, 9]], busy)
    late.tick(0.999)

    assert decided == [1]
    assert late.order(0.999, *CHICAGO, [0]) == [0]


def test_a_store_where_nothing_sells_is_taken_from_first() -> None:
    quiet = past(*((week, 1, 0, 2) for week in range(1, 14)))

    assert network([site(CHICAGO), site(CHICAGO)], [[2, 2]], quiet).order(0.0, *CHICAGO, [0]) == [0]


def test_what_sells_in_season_raises_the_price_and_silence_lowers_it() -> None:
    history = past(*((week, at, 0, 1) for week in range(1, 14) for at in (0, 1)))
    seen = network([site(CHICAGO), site(DENVER)], [[30, 12]], history)
    for day in range(1, 31):
        seen.sale(day / 91, 0, 0, 1) if day % 2 else None
    seen.tick(30 / 91)

    assert seen.units(0, 0) == 15
    assert seen.price(0, 0) > seen.price(0, 1)


def test_scarce_warehouse_stock_is_worth_what_replacing_it_would_cost() -> None:
    """No walk-in customer comes to a warehouse, so the plain closed form gives its units away."""
    wanted = past(*((week, -1, 0, 1) for week in range(1, 14) for _ in range(2)))
    places = [site(DENVER), site(CHICAGO, "WAREHOUSE", 95_000, 600_000)]

    plain = network(places, [[50, 3]], wanted, Foresight.closed_form())
    full = network(places, [[50, 3]], wanted)
    plenty = network(places, [[50, 500]], wanted)

    assert plain.price(0, 1) == 0
    assert full.price(0, 1) > 0
    assert plenty.price(0, 1) == 0


def test_units_are_never_refused_while_any_location_has_one() -> None:
    desk = network([site(CHICAGO), site(DENVER)], [[1, 1], [0, 0]], past((1, 0, 0, 99)))

    assert desk.order(0.1, *CHICAGO, [0, 1, 0, 0]) in ([0, None, 1, None], [1, None, 0, None])
    assert desk.order(0.1, *CHICAGO, [0]) == [None]


def test_a_till_that_sells_more_than_was_known_leaves_nothing() -> None:
    desk = network([site(CHICAGO), site(DENVER)], [[1, 1]])

    desk.sale(0.1, 0, 0, 5)

    assert desk.units(0, 0) == 0
    assert desk.order(0.1, *CHICAGO, [0]) == [1]


def random_network(seed: int) -> Network:
    draw = random.Random(seed)
    places = [(draw.uniform(30, 45), draw.uniform(-120, -75)) for _ in range(8)]
    sites = [site(at, "WAREHOUSE" if row > 5 else "STORE") for row, at in enumerate(places)]
    stock = [[draw.choice((0, 0, 1, 2, 7)) for _ in sites] for _ in range(12)]
    rows = [(draw.randint(1, 13), draw.randint(-1, 5), draw.randrange(12), 1) for _ in range(300)]
    return network(sites, stock, past(*rows))


def play(desk: Network, seed: int, steps: int, known: int) -> list[object]:
    """Random events; those after `known` come from another seed."""
    draws = random.Random(seed), random.Random(seed + 1)
    seen: list[object] = []
    for step in range(steps):
        draw = draws[step >= known]
        t = step / steps
        if step % 7 == 0:
            desk.tick(t)
        if draw.random() < 0.5:
            at, sku = draw.randrange(6), draw.randrange(12)
            if desk.units(sku, at):
                desk.sale(t, at, sku, 1)
        else:
            skus = [draw.randrange(12) for _ in range(draw.choice((1, 2, 3, 5, 14)))]
            before = [[desk.units(sku, at) for at in range(8)] for sku in range(12)]
            picks = desk.order(t, draw.uniform(30, 45), draw.uniform(-120, -75), skus)
            for sku, pick in zip(skus, picks, strict=True):
                if pick is None:
                    assert not any(before[sku])
                else:
                    before[sku][pick] -= 1
            assert min(map(min, before)) >= 0
            assert before == [[desk.units(sku, at) for at in range(8)] for sku in range(12)]
            seen.append(picks)
    return seen


@given(st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_any_events_keep_the_stock_right_and_the_same_events_give_the_same_picks(seed: int) -> None:
    """Also orders of many lines, of the same SKU several times, and of what nobody has any more."""
    assert play(random_network(seed), seed, 60, 60) == play(random_network(seed), seed, 60, 60)


def test_another_future_does_not_change_the_past() -> None:
    one, other = (play(random_network(3), seed=5, steps=60, known=known) for known in (60, 30))

    known = min(len(one), len(other)) // 3
    assert one[:known] == other[:known]
    assert one != other


def test_a_tail_alone_is_the_tail_in_the_table() -> None:
    mean, shape = np.asarray([[0.3, 4.0]]), np.asarray([[0.5, 2.0]])

    table = tails(mean, shape, 6)

    assert table[0].tolist() == [[1.0, 1.0]]
    for units in range(7):
        for at in range(2):
            assert tail(mean[0, at], shape[0, at], units) == pytest.approx(table[units, 0, at], abs=1e-12)
    assert sum(table[units, 0, 1] for units in range(1, 7)) < 4.0


def test_without_online_demand_a_unit_is_worth_what_its_store_expects_to_lose() -> None:
    stock = np.asarray([[0, 1, 3]])
    mean, shape = np.full((1, 3), 1.5), np.full((1, 3), 2.0)
    costs = Costs(np.asarray([10.0]), np.asarray([30.0]), np.zeros(3), np.zeros((1, 3)))
    online = np.asarray([1e-12]), np.asarray([1.0])

    prices = network_prices(stock, (mean, shape), online, np.asarray([1.0, 1.0, 0.0]), costs)

    assert prices[0].tolist() == [0.0, pytest.approx(10 * tail(1.5, 2.0, 1)), 0.0]


def test_demand_counts_time_only_while_there_was_stock() -> None:
    """An empty shelf sells nothing: that is no sign that nobody asked."""
    places = points([CHICAGO[0], GARY[0]], [CHICAGO[1], GARY[1]])
    learned = Demand(
        past(*((week, at, 0, 1) for week in range(1, 9) for at in (0, 1))), 1, places, [0, 1], Foresight()
    )
    learned.empty(0, 1, 1.0)

    mean, _ = learned.walk_in(8.0, 5.0)

    assert mean[0, 1] > mean[0, 0]
