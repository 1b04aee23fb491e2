from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from typing import Any

import highspy
import numpy as np
import pytest

from bench.sourcing.bound import hindsight_bound
from bench.sourcing.instances import LAST_WEEK, MINOR, Instance, Order, Place, Sale, Tick, build
from bench.sourcing.policies import Agent, Myopic, Nearest, Priced, fewest_splits
from bench.sourcing.simulate import BrokenPromise, World, run
from services.orders.domain.demand import History


def tiny(seed: int) -> Instance:
    """Six locations, eight SKUs, fewer units than are wanted: small enough for a solver."""
    draw = random.Random(seed)
    sales = [Sale(draw.random(), draw.randrange(5), draw.randrange(8), draw.randint(1, 2)) for _ in range(50)]
    orders = [
        Order(
            draw.random(),
            draw.uniform(30, 45),
            draw.uniform(-120, -75),
            tuple(draw.sample(range(8), draw.choice((1, 1, 2, 3)))),
        )
        for _ in range(30)
    ]
    empty = np.zeros(0, dtype=np.int64)
    return Instance(
        f"tiny{seed}",
        "A",
        tuple(
            Place(
                f"loc-{row}",
                "warehouse" if row == 5 else "store",
                draw.uniform(30, 45),
                draw.uniform(-120, -75),
                200_000,
                600_000,
            )
            for row in range(6)
        ),
        tuple("abcdefgh"),
        (2_000_000,) * 8,
        (800_000, 400_000, 1_500_000, 200_000) * 2,
        (2_800_000,) * 8,
        200,
        tuple(tuple(draw.choice((0, 1, 2, 4)) for _ in range(8)) for _ in range(6)),
        History(empty, empty, empty, empty, np.zeros(0), np.zeros(0)),
        tuple(sorted([*sales, *orders, Tick(0.5)], key=lambda event: event.t)),
    )


def optimum(world: World) -> float:
    """The least cost with all the future known, by the solver HiGHS."""
    instance = world.instance
    model = highspy.Highs()  # type: ignore[no-untyped-call]
    model.silent()
    places, skus = len(instance.places), len(instance.sku_ids)
    used: list[list[list[Any]]] = [[[] for _ in range(skus)] for _ in range(places)]
    cost: Any = 0
    for event in instance.events:
        if isinstance(event, Sale):
            served = model.addIntegral(lb=0, ub=event.units)
            used[event.location][event.sku].append(served)
            cost += instance.margin[event.sku] * (event.units - served)
    for row, order in enumerate(world.orders):
        opened = [model.addBinary() for _ in range(places)]
        cost += sum(int(world.parcels[row, at]) * opened[at] for at in range(places))
        for sku in order.skus:
            picks = [model.addBinary() for _ in range(places)]
            for at in range(places):
                model.addConstr(picks[at] <= opened[at])
                used[at][sku].append(picks[at])
                cost += instance.places[at].unit_cost * picks[at]
            cost += instance.unmet[sku] * (1 - sum(picks))
            model.addConstr(sum(picks) <= 1)
    for at, sku in product(range(places), range(skus)):
        if used[at][sku]:
            model.addConstr(sum(used[at][sku]) <= instance.stock[at][sku])
    model.minimize(cost)
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(model.getObjectiveValue()) / MINOR


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_is_below_the_optimum_of_hindsight_and_near_it(seed: int) -> None:
    world = World(tiny(seed))

    bound = hindsight_bound(world, run(world, fewest_splits()).cost, 150).value

    best = optimum(world)
    assert bound <= best + 1e-3
    assert bound >= 0.98 * best


def shortened(instance: Instance, until: float) -> Instance:
    return replace(instance, events=tuple(event for event in instance.events if event.t <= until))


@pytest.fixture(scope="module")
def real() -> Instance:
    return build(1, "A")


def test_an_instance_is_the_same_again_and_another_seed_gives_another(real: Instance) -> None:
    again, other = build(1, "A"), build(2, "A")

    assert (again.events, again.stock, again.places) == (real.events, real.stock, real.places)
    assert other.places != real.places
    assert int(real.history.week.max()) < LAST_WEEK
    assert {place.kind for place in real.places} == {"store", "warehouse"}
    lines = [len(event.skus) for event in real.events if isinstance(event, Order)]
    assert min(lines) >= 1
    assert max(lines) <= 8
    assert 2.0 < sum(lines) / len(lines) < 2.7


def test_every_policy_keeps_the_rules_and_costs_more_than_hindsight(real: Instance) -> None:
    world = World(shortened(real, 0.05))

    costs = [run(world, policy).cost for policy in (Nearest(), fewest_splits(), Myopic(), Priced())]

    assert min(costs) > hindsight_bound(world, costs[1], 10).value


def test_a_run_through_the_agent_process_is_the_run_in_this_process(real: Instance) -> None:
    world = World(shortened(real, 0.06))

    inside, outside = run(world, Priced()), run(world, Agent())

    assert (inside.shipping, inside.lost_sales, inside.parcels) == (
        outside.shipping,
        outside.lost_sales,
        outside.parcels,
    )


def test_a_policy_that_gives_up_a_unit_that_is_there_is_stopped(real: Instance) -> None:
    class Lazy(Myopic):
        def order(self, number: int, event: Order) -> list[int | None]:
            return [None] * len(event.skus)

    with pytest.raises(BrokenPromise):
        run(World(shortened(real, 0.05)), Lazy())
