"""What is to come, decided: now-stock first, then the soonest, then the cheapest; and replayed."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count

from services.orders.domain.later import with_later
from services.orders.domain.placing import parts_of
from services.orders.domain.plans import Plan
from services.orders.domain.record import DecisionRecord
from services.orders.domain.sourcing import Wish, WishLine, decide
from services.orders.domain.states import Method
from services.orders.domain.supplies import (
    BACKORDER,
    NONE,
    PREORDER,
    Coming,
    SaleTerms,
    Supply,
    SupplyBoard,
)
from services.orders.tests.builders import HOME, LOCATIONS, NOW, RULES, Shelf

DAY = timedelta(days=1)


def a_wish(*lines: tuple[str, int], method: Method = Method.SHIP, at: str = "") -> Wish:
    return Wish(
        tuple(WishLine(n, sku, units, method, at) for n, (sku, units) in enumerate(lines, start=1)),
        (HOME.latitude, HOME.longitude) if method is Method.SHIP else None,
    )


def to_come(
    units: int, *, days: int = 3, at: str = "wh-1", sku: str = "a", supply_id: str = "PO-1"
) -> Coming:
    expected = NOW + days * DAY
    return Coming(sku, supply_id, at, expected, expected + DAY, units)


def planned(wish: Wish, stock: Shelf, *coming: Coming) -> Plan:
    now = decide(wish, stock, LOCATIONS, RULES, now=NOW, partial=True)
    return with_later(wish, now, coming, LOCATIONS, RULES)


def served(plan: Plan) -> list[tuple[str, str, int]]:
    """(supply, location, units)."""
    return [
        (one.supply_id, one.part.location_id, sum(line.quantity_units for line in one.part.lines))
        for one in plan.later
    ]


def test_what_is_there_goes_first_and_only_the_rest_is_waited_for() -> None:
    plan = planned(a_wish(("a", 5)), Shelf({("a", "store-1"): 2}), to_come(10))

    assert plan.picks() == {("a", "store-1"): 2}
    assert plan.supply_picks() == {("a", "wh-1", "PO-1"): 3}
    assert not plan.shortages


def test_the_soonest_comes_first_and_of_a_day_the_cheapest() -> None:
    """Two stores and the warehouse get goods on the same day, another earlier one little of it."""
    plan = planned(
        a_wish(("a", 4)),
        Shelf(),
        to_come(10, days=5, at="store-2", supply_id="PO-far"),
        to_come(10, days=5, at="wh-1", supply_id="PO-near"),
        to_come(1, days=2, at="store-2", supply_id="PO-soon"),
    )

    assert served(plan) == [("PO-soon", "store-2", 1), ("PO-near", "wh-1", 3)]


def test_a_location_that_gets_two_supplies_on_a_day_gives_of_both() -> None:
    plan = planned(a_wish(("a", 3)), Shelf(), to_come(2), to_come(2, supply_id="PO-2"))

    assert served(plan) == [("PO-1", "wh-1", 2), ("PO-2", "wh-1", 1)]


def test_what_is_collected_waits_for_its_own_store_alone() -> None:
    wish = a_wish(("a", 2), method=Method.PICKUP, at="store-1")

    plan = planned(wish, Shelf(), to_come(5, at="store-2"), to_come(2, at="store-1", supply_id="PO-2"))

    assert served(plan) == [("PO-2", "store-1", 2)]


def test_what_nobody_brings_is_still_short() -> None:
    plan = planned(a_wish(("a", 5), ("b", 1)), Shelf(), to_come(3))

    assert served(plan) == [("PO-1", "wh-1", 3)]
    assert {one.sku for one in plan.shortages} == {"a", "b"}


def test_the_promise_counts_from_when_the_goods_can_be_worked_on() -> None:
    ids = count(1)
    plan = planned(a_wish(("a", 2)), Shelf({("a", "wh-1"): 1}), to_come(5, days=10))

    now, later = parts_of(plan, "rsv_1", 1, NOW, LOCATIONS, RULES, lambda prefix: f"{prefix}_{next(ids)}")

    assert (now.supply_id, later.supply_id) == ("", "PO-1")
    assert later.expected_at == NOW + 10 * DAY
    assert now.promise_time is not None
    assert later.promise_time == now.promise_time + 11 * DAY
    assert later.work == ()


def test_replaying_the_record_gives_the_same_plan() -> None:
    wish = a_wish(("a", 5), ("b", 1))
    stock = Shelf({("a", "store-1"): 2, ("b", "wh-1"): 4})
    coming = [to_come(2, days=2, at="store-2"), to_come(9, days=4, supply_id="PO-2")]
    plan = planned(wish, stock, *coming)

    record = DecisionRecord.of(wish, stock, LOCATIONS, RULES, plan, now=NOW, coming=coming)
    read = DecisionRecord.from_json(json.dumps(record.to_dict()))

    assert read == record
    again = read.replay(LOCATIONS, RULES)
    assert (again.parts, again.later, again.cost) == (plan.parts, plan.later, plan.cost)
    assert again.shortages == plan.shortages == ()


# ---- the board


def a_board(*terms: SaleTerms, units: int = 10, promised: int = 0, days: int = 3) -> SupplyBoard:
    board = SupplyBoard()
    board.put(Supply("PO-1", "wh-1", NOW + days * DAY, 1, {"a": units}, {"a": promised} if promised else {}))
    for one in terms:
        board.put_terms(one)
    return board


def test_a_channel_has_its_own_terms_or_those_of_every_channel() -> None:
    board = a_board(
        SaleTerms("a", "*", BACKORDER, share_percent=50, version=1),
        SaleTerms("a", "app", BACKORDER, unasked=True, version=1),
        promised=4,
    )

    assert [one.quantity_units for one in board.coming("a", "web", NOW, 1)] == [1]
    assert [one.quantity_units for one in board.coming("a", "app", NOW, 1)] == [6]
    assert [board.may("a", channel, asked=False) for channel in ("web", "app")] == [False, True]
    assert board.may("a", "web", asked=True)
    assert not board.may("b", "web", asked=True)


def test_a_preorder_ends_with_its_release_and_is_ready_no_sooner() -> None:
    board = a_board(SaleTerms("a", "*", PREORDER, NOW + 9 * DAY, version=1))

    (before,) = board.coming("a", "web", NOW, 1)
    after = board.coming("a", "web", NOW + 9 * DAY, 1)

    assert before.ready_at == NOW + 9 * DAY
    assert after == []


def test_what_is_late_or_too_far_off_is_promised_to_nobody() -> None:
    terms = SaleTerms("a", "*", BACKORDER, furthest_days=7, version=1)

    assert a_board(terms, days=8).coming("a", "web", NOW, 1) == []
    assert a_board(terms, days=0).coming("a", "web", NOW, 1) == []
    assert len(a_board(terms, days=7).coming("a", "web", NOW, 1)) == 1


def test_news_in_any_order_leave_what_is_newest() -> None:
    terms = SaleTerms("a", "*", BACKORDER, version=2)
    board = a_board(terms, SaleTerms("a", "*", NONE, version=1))
    before = board.versions()
    board.put(Supply("PO-1", "wh-1", NOW + DAY, 3, {"a": 1}))
    board.put(Supply("PO-1", "wh-1", NOW + DAY, 2, {"a": 7}))
    board.put(Supply("PO-2", "wh-1", NOW + DAY, 1, {"a": 2}))

    board.keep({"PO-2"}, before)
    kept = [one.quantity_units for one in board.coming("a", "web", NOW, 1)]
    board.keep({"PO-2"}, board.versions())
    left = [one.quantity_units for one in board.coming("a", "web", NOW, 1)]
    board.put_terms(SaleTerms("a", "*", NONE, version=3))

    assert (kept, left) == ([1, 2], [2])
    assert board.coming("a", "web", NOW, 1) == []
