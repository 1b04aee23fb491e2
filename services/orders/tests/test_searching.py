"""Orders too large to be solved exactly: everything is served, near the best, and others are not held up."""

from __future__ import annotations

from collections import Counter
from random import Random
from time import thread_time

import pytest

from services.orders.domain.places import Locations
from services.orders.domain.searching import searched
from services.orders.domain.sourcing import Wish, WishLine, decide
from services.orders.domain.states import Method
from services.orders.tests.builders import NOW, RULES, Shelf, store, warehouse
from services.orders.tests.test_sourcing_rules import Tags

HERE = (40.0, -80.0)
MOST_SECONDS = 5.0
"""A tenth of it is usual; without an end of steps it was half a minute."""


def _places(draw: Random, count: int) -> Locations:
    return Locations.of(
        [store(f"store-{n:03d}", (draw.uniform(30, 45), draw.uniform(-110, -75))) for n in range(count - 2)]
        + [warehouse(f"wh-{n}", (draw.uniform(30, 45), draw.uniform(-110, -75))) for n in range(2)]
    )


@pytest.mark.parametrize(
    ("lines", "units", "share"), [(12, 3, 0.3), (30, 5, 0.3), (100, 1, 0.3), (100, 20, 0.9), (200, 100, 0.9)]
)
def test_an_order_of_any_length_is_decided_while_others_wait(lines: int, units: int, share: float) -> None:
    draw = Random(lines + units)
    places = _places(draw, 62)
    ids, skus = list(places.by_id), [f"s{n:03d}" for n in range(lines)]
    stock = Shelf({(sku, at): draw.randint(1, 6) for sku in skus for at in ids if draw.random() < share})
    tags = Tags({(sku, at): draw.randrange(1_500_000) for sku in skus for at in ids})
    wish = Wish(tuple(WishLine(n, sku, units, Method.SHIP) for n, sku in enumerate(skus, start=1)), HERE)

    began = thread_time()
    plan = decide(wish, stock, places, RULES, now=NOW, prices=tags, partial=True)
    spent = thread_time() - began

    assert spent < MOST_SECONDS
    taken = plan.picks()
    there = {sku: stock.units(sku) for sku in skus}
    assert all(0 < count <= there[sku][at] for (sku, at), count in taken.items())
    short = {one.sku: one.available_units for one in plan.shortages}
    served = Counter[str]()
    for (sku, _), count in taken.items():
        served[sku] += count
    for sku in skus:
        assert served[sku] == min(units, sum(there[sku].values())) == short.get(sku, units)


@pytest.mark.parametrize("most_parcels", [0, 4])
def test_a_search_without_steps_left_gives_the_greedy_plan(
    most_parcels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = Random(5)
    fixed = [draw.randint(600, 1_200) for _ in range(40)]
    sums = [
        [(0, *(draw.randint(90, 1_500) * n for n in range(1, draw.randint(1, 4)))) for _ in range(40)]
        for _ in range(15)
    ]
    wanted = [2] * 15

    whole = searched(fixed, sums, wanted, most_parcels)
    monkeypatch.setattr("services.orders.domain.searching.SEARCH_STEPS", 0)
    greedy = searched(fixed, sums, wanted, most_parcels)

    assert whole is not None
    assert greedy is not None
    assert whole.cost < greedy.cost
    for one in (whole, greedy):
        assert one.bound <= one.cost
        assert not most_parcels or len({share.location for share in one.shares}) <= most_parcels
        for line, quantity in enumerate(wanted):
            assert sum(share.units for share in one.shares if share.line == line) == quantity
