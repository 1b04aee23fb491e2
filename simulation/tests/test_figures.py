from __future__ import annotations

from dataclasses import replace

import pytest

from services.orders.domain.rules import SourcingRules
from simulation.figures import Basis, Comparison, Unit, compare
from simulation.play import Variant, simulate
from simulation.tests.builders import at, order, sale, world

RULES = SourcingRules(opportunity_percent=0)
EAGER = replace(RULES, pick_store_per_unit=0, pack_store_per_parcel=0)
STORE, WAREHOUSE = 675_000 + 215_000, 600_000 + 95_000 + 222 * 200
"""A unit from the store at the door, and from the warehouse 222 km away, by the costs of RULES."""
MARGIN = 3_000_000


def compared() -> Comparison:
    """Under EAGER the store serves both orders and has nothing left for who walks in on the second day."""
    played = world(
        {"x": {"store-a": 2, "wh": 2}},
        [order(1, at(0), ("x", 1)), order(2, at(1), ("x", 1)), sale(at(1, 12))],
        days=2,
    )
    return compare(played, simulate(played, [Variant("first", RULES), Variant("eager", EAGER)]))


def test_figures_are_measured_by_the_costs_of_the_first_version() -> None:
    """Whatever the other version thinks that its stores cost."""
    row = compared().row("serving")

    assert list(row.values) == [2 * WAREHOUSE, 2 * STORE]
    (found,) = row.differences
    assert (found.value, found.half_width, found.sure) == (2 * (STORE - WAREHOUSE), 0, True)


def test_lost_sales_are_paired_by_day() -> None:
    """Nothing on the first day, one on the second: the mean is a half, and its scatter is large."""
    comparison = compared()
    units, money = comparison.row("lost_units"), comparison.row("lost_margin")

    assert units.metric.basis is Basis.DAY
    assert (list(units.values), list(money.values)) == ([0, 1], [0, MARGIN])
    # Student's 12.71 for one degree of freedom, times sqrt(1/2), over sqrt(2) days, times 2 days.
    (found,) = units.differences
    assert found.half_width == pytest.approx(12.71)
    assert (found.value, found.sure) == (1, False)


def test_the_total_is_serving_and_lost_and_unmet_margin() -> None:
    comparison = compared()

    assert comparison.row("total").values == tuple(
        comparison.row("serving").values[number]
        + comparison.row("lost_margin").values[number]
        + comparison.row("unmet_margin").values[number]
        for number in (0, 1)
    )
    assert comparison.daily_total == ((WAREHOUSE, WAREHOUSE), (STORE, STORE + MARGIN))


def test_the_terms_add_up_to_the_cost_of_serving() -> None:
    comparison = compared()
    terms = [row.values for row in comparison.rows if row.metric.part]

    assert tuple(map(sum, zip(*terms, strict=True))) == comparison.row("serving").values


def test_means_are_of_orders_that_are_sent() -> None:
    """A pickup has no parcel and does not dilute those of others."""
    played = world(
        {"x": {"store-a": 1, "wh": 3}, "y": {"store-b": 3}},
        [order(1, at(), ("x", 1), ("y", 1)), order(2, at(1), ("y", 1), pickup="store-b")],
    )
    comparison = compare(played, simulate(played, [Variant("only", RULES)]))

    assert comparison.row("parcels").values == (2.0,)
    assert comparison.row("split_orders").values == (1,)
    assert comparison.parcels == ((0, 0, 1),)


def test_the_share_of_stores_is_of_units() -> None:
    row = compared().row("store_share")

    assert (row.metric.unit, row.values) == (Unit.SHARE, (0.0, 1.0))


def test_a_single_pair_has_no_interval() -> None:
    played = world({"x": {"store-a": 1, "wh": 1}}, [order(1, at(), ("x", 1))], days=1)
    comparison = compare(played, simulate(played, [Variant("a", RULES), Variant("b", EAGER)]))

    difference = comparison.row("serving").differences[0]

    assert (difference.value, difference.half_width, difference.sure) == (STORE - WAREHOUSE, None, False)
