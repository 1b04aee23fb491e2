from __future__ import annotations

import random
from itertools import product

import highspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain.assignment import FAR, Assignment, cheapest, cheapest_units

costs = st.integers(0, 400)


def brute(fixed: list[int], unit: list[list[int]], held: list[list[int]], most_parcels: int = 0) -> int:
    """The least cost of single units, by trying everything; `FAR` when nothing does."""
    best = FAR
    for picks in product(range(len(fixed)), repeat=len(unit)):
        if len(set(picks)) > (most_parcels or len(fixed)):
            continue
        if all(held[line][at] for line, at in enumerate(picks)):
            cost = sum(fixed[at] for at in set(picks)) + sum(unit[i][at] for i, at in enumerate(picks))
            best = min(best, cost)
    return best


@st.composite
def problems(
    draw: st.DrawFn, most: int = 1, lines: int = 4
) -> tuple[list[int], list[list[int]], list[list[int]]]:
    places = draw(st.integers(1, 4))
    count = draw(st.integers(1, lines))
    row = st.lists(costs, min_size=places, max_size=places)
    units = st.lists(st.integers(0, most), min_size=places, max_size=places).filter(any)
    return (
        draw(row),
        draw(st.lists(row, min_size=count, max_size=count)),
        draw(st.lists(units, min_size=count, max_size=count)),
    )


def total(found: Assignment, fixed: list[int], unit: list[list[int]]) -> int:
    """What the shares really cost."""
    parcels = sum(fixed[at] for at in {share.location for share in found.shares})
    return parcels + sum(share.units * unit[share.line][share.location] for share in found.shares)


@given(problems(lines=5))
@settings(max_examples=150, deadline=None)
def test_single_units_are_assigned_at_the_least_cost_of_all_assignments(
    problem: tuple[list[int], list[list[int]], list[list[int]]],
) -> None:
    fixed, unit, held = problem

    found = cheapest(fixed, unit, held, [1] * len(unit))

    assert found is not None
    assert found.cost == found.bound == total(found, fixed, unit) == brute(fixed, unit, held)


@given(problems(lines=4), st.integers(0, 3), st.sampled_from((50, 1 << 50)))
@settings(max_examples=300, deadline=None)
def test_a_first_parcel_that_costs_less_than_nothing_is_paid_for_once(
    problem: tuple[list[int], list[list[int]], list[list[int]]], most_parcels: int, less: int
) -> None:
    """So the cheapest plan in which a location sends something is found."""
    fixed, unit, held = problem
    fixed = [fixed[0] - less, *fixed[1:]]

    found = cheapest(fixed, unit, held, [1] * len(unit), most_parcels)

    assert (found.cost if found else FAR) == brute(fixed, unit, held, most_parcels)
    assert found is None or found.cost == total(found, fixed, unit)


@given(problems(most=3, lines=3), st.lists(st.integers(1, 3), min_size=3, max_size=3))
@settings(max_examples=150, deadline=None)
def test_and_it_is_with_several_units_of_a_line(
    problem: tuple[list[int], list[list[int]], list[list[int]]], wanted: list[int]
) -> None:
    fixed, unit, held = problem
    fixed = [fixed[0] - (1 << 50), *fixed[1:]]
    units = [(line, n) for line in range(len(unit)) for n in range(wanted[line])]
    least = FAR
    for picks in product(range(len(fixed)), repeat=len(units)):
        taken: dict[tuple[int, int], int] = {}
        for (line, _), at in zip(units, picks, strict=True):
            taken[line, at] = taken.get((line, at), 0) + 1
        if all(held[line][at] >= n for (line, at), n in taken.items()):
            parcels = sum(fixed[at] for at in set(picks))
            least = min(least, parcels + sum(n * unit[line][at] for (line, at), n in taken.items()))

    found = cheapest(fixed, unit, held, wanted[: len(unit)])

    assert (found.cost if found else FAR) == least
    assert found is None or total(found, fixed, unit) == least


@given(problems(), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_a_split_cap_is_kept_at_the_least_cost_under_it(
    problem: tuple[list[int], list[list[int]], list[list[int]]], most_parcels: int
) -> None:
    fixed, unit, held = problem

    found = cheapest(fixed, unit, held, [1] * len(unit), most_parcels)

    least = brute(fixed, unit, held, most_parcels)
    assert (found.cost if found else FAR) == least
    if found:
        assert len({share.location for share in found.shares}) <= most_parcels
        assert total(found, fixed, unit) == found.cost


@given(problems(most=3, lines=2), st.data())
@settings(max_examples=100, deadline=None)
def test_quantities_may_come_from_several_locations_and_cost_the_least(
    problem: tuple[list[int], list[list[int]], list[list[int]]], data: st.DataObject
) -> None:
    """Whoever tries everything sees a line per unit, as long as no place gives more than it has."""
    fixed, unit, held = problem
    wanted = [data.draw(st.integers(1, min(3, sum(have)))) for have in held]

    found = cheapest(fixed, unit, held, wanted)

    lines = [line for line, quantity in enumerate(wanted) for _ in range(quantity)]
    best = FAR
    for picks in product(range(len(fixed)), repeat=len(lines)):
        used: dict[tuple[int, int], int] = {}
        for line, at in zip(lines, picks, strict=True):
            used[line, at] = used.get((line, at), 0) + 1
        if all(units <= held[line][at] for (line, at), units in used.items()):
            cost = sum(fixed[at] for at in set(picks))
            best = min(best, cost + sum(unit[line][at] for line, at in zip(lines, picks, strict=True)))
    assert found is not None
    assert found.cost == total(found, fixed, unit) == best


@given(problems(lines=4))
@settings(max_examples=100, deadline=None)
def test_above_twelve_lines_the_bound_is_below_the_optimum_and_the_plan_is_valid(
    problem: tuple[list[int], list[list[int]], list[list[int]]],
) -> None:
    fixed, unit, held = problem
    fourfold = [row for row in unit for _ in range(4)]
    stock = [row for row in held for _ in range(4)]

    found = cheapest(fixed, fourfold, stock, [1] * len(fourfold))

    assert found is not None
    assert sorted(share.line for share in found.shares) == list(range(len(fourfold)))
    assert all(stock[share.line][share.location] for share in found.shares)
    assert found.bound <= found.cost == total(found, fixed, fourfold)


def test_more_than_there_is_cannot_be_assigned() -> None:
    assert cheapest([10, 10], [[1, 1]], [[1, 1]], [3]) is None


def test_ties_fall_to_the_earlier_location_and_to_fewer_parcels() -> None:
    assert cheapest_units([10, 10], [[0, 0], [10, 0]])[0] == [1, 1]
    assert cheapest_units([10, 10], [[5, 5]])[0] == [0]


def test_twelve_lines_over_sixty_two_locations_are_exact() -> None:
    """One dear location has everything; each cheap one has one line: the optimum is known."""
    fixed = [100] * 12 + [1_199] * 50
    unit = [[1] * 62 for _ in range(12)]
    held = [[int(at in (line, 20)) for at in range(62)] for line in range(12)]

    found = cheapest(fixed, unit, held, [1] * 12)

    assert found is not None
    assert {share.location for share in found.shares} == {20}
    assert found.cost == found.bound == pytest.approx(1_199 + 12)


def solved(fixed: list[int], unit: list[list[int]], held: list[list[int]], wanted: list[int]) -> float:
    """The least cost, by the solver HiGHS."""
    model = highspy.Highs()  # type: ignore[no-untyped-call]
    model.silent()
    opened = [model.addBinary() for _ in fixed]
    cost = sum(price * place for price, place in zip(fixed, opened, strict=True))
    for costs_here, have, quantity in zip(unit, held, wanted, strict=True):
        units = [model.addIntegral(lb=0, ub=min(most, quantity)) for most in have]
        for taken, place, most in zip(units, opened, have, strict=True):
            model.addConstr(taken <= min(most, quantity) * place)
        model.addConstr(sum(units) == quantity)
        cost += sum(price * taken for price, taken in zip(costs_here, units, strict=True))
    model.minimize(cost)
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(model.getObjectiveValue())


@pytest.mark.parametrize(("lines", "places"), [(2, 62), (5, 62), (8, 62), (12, 62), (3, 300)])
def test_the_least_cost_is_that_of_a_solver(lines: int, places: int) -> None:
    draw = random.Random(lines)
    fixed = [draw.randint(600, 1_200) for _ in range(places)]
    unit = [[draw.randint(90, 1_500) for _ in range(places)] for _ in range(lines)]
    held = [[int(draw.random() < 0.3) for _ in range(places)] for _ in range(lines)]

    found = cheapest(fixed, unit, held, [1] * lines)

    assert found is not None
    assert found.cost == pytest.approx(solved(fixed, unit, held, [1] * lines))


@pytest.mark.parametrize("seed", range(3))
def test_a_searched_plan_is_near_the_solver_and_its_bound_below(seed: int) -> None:
    """Twenty lines of up to three units are too many to be solved exactly here."""
    draw = random.Random(seed)
    fixed = [draw.randint(600, 1_200) for _ in range(30)]
    unit = [[draw.randint(90, 1_500) for _ in range(30)] for _ in range(20)]
    held = [[draw.choice((0, 0, 1, 3)) for _ in range(30)] for _ in range(20)]
    wanted = [draw.randint(1, 3) for _ in range(20)]

    found = cheapest(fixed, unit, held, wanted)

    assert found is not None
    least = solved(fixed, unit, held, wanted)
    assert found.bound <= least + 1e-6
    assert least - 1e-6 <= found.cost <= 1.05 * least
