"""The life of an order: units are conserved, money is exact, wrong moves are refused with facts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain.facts import (
    Cancelled,
    ChoiceNeeded,
    Fact,
    MoneyDue,
    Part,
    PartLine,
    SearchNeeded,
    Told,
    Wanted,
)
from services.orders.domain.lines import Spot
from services.orders.domain.money import share
from services.orders.domain.order import MOST_ATTEMPTS, Order
from services.orders.domain.places import Address
from services.orders.domain.refusals import (
    LineUnknown,
    QuantityTooHigh,
    Refusal,
    TooLateToCancel,
    WrongMove,
)
from services.orders.domain.states import Method, OrderState, UnitState
from services.orders.tests.builders import NOW, order


def states(of: Order) -> Counter[str]:
    found: Counter[str] = Counter()
    for spot, quantity in of.units.items():
        found[spot.state.name] += quantity
    return found


def due(facts: list[Fact]) -> Counter[str]:
    found: Counter[str] = Counter()
    for fact in facts:
        if isinstance(fact, MoneyDue):
            found[fact.kind] += fact.amount_minor
    return found


def part_of(of: Order) -> str:
    return next(iter(of.parts))


@given(st.integers(0, 10**9), st.integers(1, 500), st.lists(st.integers(1, 50)))
def test_shares_add_up_in_whatever_steps_units_are_settled(total: int, units: int, steps: list[int]) -> None:
    """A cent lost per line is a till that never balances."""
    settled, paid = 0, 0
    for step in [*steps, units]:
        now = min(step, units - settled)
        amount = share(total, units, settled, now)
        assert abs(amount - total * now / units) <= 1
        settled, paid = settled + now, paid + amount

    assert (settled, paid) == (units, total)


def test_capturing_three_units_one_by_one_takes_exactly_the_line() -> None:
    placed = order(("a", 3, 1_000))

    for _ in range(3):
        placed.picked(part_of(placed), [(1, 1)])
        placed.shipped(part_of(placed), [(1, 1)], "UPS", "1Z", NOW)

    assert [f.amount_minor for f in placed.facts if isinstance(f, MoneyDue)] == [333, 333, 334]
    assert placed.state is OrderState.COMPLETED


def test_an_order_has_ended_when_its_money_has_moved_too() -> None:
    placed = order(("a", 2, 1_000))
    placed.shipped(part_of(placed), [(1, 1)], "UPS", "1Z", NOW)
    placed.cancel(placed.cancellable([(1, 1)]), "CUSTOMER", NOW)
    ended = [(placed.state, placed.ended)]

    for kind in ("CAPTURE", "VOID"):
        placed.money_moved(kind, 500)
        ended.append((placed.state, placed.ended))
    placed.returned(part_of(placed), [(1, 1)], NOW)
    ended.append((placed.state, placed.ended))

    done, back = OrderState.COMPLETED, OrderState.RETURNED
    assert ended == [(done, False), (done, False), (done, True), (back, False)]


def test_a_short_parcel_is_searched_for_and_a_short_pickup_is_asked_about() -> None:
    parcel, pickup = order(("a", 2, 100)), order(("a", 2, 100), method=Method.PICKUP, at="store-1")

    parcel.short(part_of(parcel), [(1, 1)], "SHORT_PICK", NOW)
    pickup.short(part_of(pickup), [(1, 1)], "SHORT_PICK", NOW)

    assert states(parcel) == {"ALLOCATED": 1, "RESOURCING": 1}
    assert any(isinstance(f, SearchNeeded) and f.attempt == 2 for f in parcel.facts)
    assert states(pickup) == {"ALLOCATED": 1, "AWAITING_CUSTOMER": 1}
    assert any(isinstance(f, ChoiceNeeded) for f in pickup.facts)
    assert pickup.state is OrderState.AWAITING_CUSTOMER


def test_an_order_sourced_too_often_gives_its_short_parcels_up_and_still_asks_about_pickups() -> None:
    """Nobody waits for ever for what fails everywhere; the customer is told, and does not pay for it."""
    parcel, pickup = order(("a", 2, 100)), order(("a", 2, 100), method=Method.PICKUP, at="store-1")
    parcel.attempts = pickup.attempts = MOST_ATTEMPTS

    parcel.short(part_of(parcel), [(1, 1)], "SHORT_PICK", NOW)
    pickup.short(part_of(pickup), [(1, 1)], "SHORT_PICK", NOW)

    assert states(parcel) == {"ALLOCATED": 1, "CANCELLED": 1}
    assert not any(isinstance(f, SearchNeeded) for f in parcel.facts)
    assert (parcel.attempts, parcel.messages[-1].kind) == (MOST_ATTEMPTS, "UNITS_CANCELLED")
    assert parcel.lines[1].voided_minor == 50
    assert states(pickup) == {"ALLOCATED": 1, "AWAITING_CUSTOMER": 1}


def test_a_fact_that_does_not_fit_is_refused_and_changes_nothing() -> None:
    """The message ends in the dead letters, where a person sees it."""
    placed = order(("a", 2, 100))
    before = dict(placed.units)

    with pytest.raises(WrongMove, match="SHIPPED of 3 units, but only 2"):
        placed.shipped(part_of(placed), [(1, 3)], "", "", NOW)
    with pytest.raises(WrongMove):
        placed.returned(part_of(placed), [(1, 1)], NOW)
    with pytest.raises(WrongMove):
        placed.picked("ful_unknown", [(1, 1)])

    assert (placed.units, placed.facts) == (before, [])


def test_a_late_fact_leaves_alone_what_a_later_one_has_moved() -> None:
    """Shipped implies picked: when picked comes after it, nothing moves back."""
    placed = order(("a", 2, 100))
    placed.shipped(part_of(placed), [(1, 2)], "", "", NOW)

    placed.picked(part_of(placed), [(1, 2)])

    assert states(placed) == {"SHIPPED": 2}


def test_cancelling_takes_all_that_is_asked_for_or_nothing() -> None:
    placed = order(("a", 3, 100), ("b", 1, 50))
    placed.picked(part_of(placed), [(1, 2)])

    assert placed.cancellable([(1, 1)]) == {Spot(1, UnitState.ALLOCATED, "wh-1", part_of(placed)): 1}
    with pytest.raises(TooLateToCancel) as late:
        placed.cancellable([(1, 2)])
    with pytest.raises(TooLateToCancel):
        placed.cancellable(None)
    with pytest.raises(QuantityTooHigh):
        placed.cancellable([(1, 4)])
    with pytest.raises(LineUnknown):
        placed.cancellable([(7, 1)])

    assert late.value.states == {"ALLOCATED": 1, "PICKED": 2}


@pytest.mark.parametrize("language", ["en", "es"])
def test_customers_are_told_in_their_language(language: str) -> None:
    placed = order(("a", 1, 1_250), language=language)

    placed.cancel(placed.cancellable(None), "CUSTOMER", NOW)

    (told,) = [fact for fact in placed.facts if isinstance(fact, Told)]
    assert ("Cancelado: 1 × Artículo a" if language == "es" else "Cancelled: 1 × Article a") in told.text
    assert "12.50 USD" in told.text


_moves = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "picked",
                "ready",
                "shipped",
                "handed_over",
                "short",
                "expired",
                "returned",
                "give_up",
                "again",
                "cancel",
                "ship_it",
            ]
        ),
        st.integers(0, 5),
        st.integers(1, 3),
        st.integers(1, 4),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(_moves, st.sampled_from([Method.SHIP, Method.PICKUP]))
def test_no_sequence_of_events_makes_or_loses_a_unit_or_a_cent(moves: Any, method: Method) -> None:
    """Whatever fulfillment, inventory and the customer do, the books of the order balance."""
    placed = order(
        ("a", 4, 1_001), ("b", 3, 0), ("c", 2, 7), method=method, at="store-1" if method == 2 else "wh-1"
    )
    happened: list[Fact] = []

    for move, work, line, quantity in moves:
        before, sequence = dict(placed.units), len(placed.facts)
        try:
            _apply(placed, move, list(placed.parts)[work % len(placed.parts)], (line, quantity))
        except Refusal:
            assert placed.units == before
            assert len(placed.facts) == sequence
        happened = placed.facts
        _check(placed, happened)


def _apply(placed: Order, move: str, part: str, units: tuple[int, int]) -> None:
    line, quantity = units
    if move == "picked":
        placed.picked(part, [units])
    elif move == "ready":
        placed.ready(part, [units], NOW, NOW)
    elif move == "shipped":
        placed.shipped(part, [units], "UPS", "1Z", NOW)
    elif move == "handed_over":
        placed.handed_over(part, [units])
    elif move == "short":
        placed.short(part, [units], "SHORT_PICK", NOW)
    elif move == "expired":
        placed.not_collected(part, [units], NOW)
    elif move == "returned":
        placed.returned(part, [units], NOW)
    elif move == "give_up":
        placed.given_up([units], NOW)
    elif move == "cancel":
        placed.cancel(placed.cancellable([units]), "CUSTOMER", NOW)
    else:
        source = UnitState.RESOURCING if move == "again" else UnitState.AWAITING_CUSTOMER
        lines = (PartLine(line, placed.lines[line].sku, quantity),)
        new = Part(f"ful_x{len(placed.parts)}", "store-2", Method.SHIP, "rsv_2", lines, NOW, 2)
        placed.resourced([new], Wanted("SHORT_PICK"), source, NOW)
        if move == "ship_it":
            placed.choose_to_ship(line, Address("US", 1.0, 1.0))


def _check(placed: Order, facts: list[Fact]) -> None:
    money = due(facts)
    for number, line in placed.lines.items():
        there = {s.state: 0 for s in placed.units if s.line_number == number}
        for spot, quantity in placed.units.items():
            assert quantity > 0
            if spot.line_number == number:
                there[spot.state] += quantity
        assert sum(there.values()) == line.quantity_units
        left = sum(q for s, q in there.items() if s in (1, 2, 3, 6, 7))
        assert line.captured_minor + line.voided_minor <= line.total_minor
        assert 0 <= line.refunded_minor <= line.captured_minor
        if not left:
            assert line.captured_minor + line.voided_minor == line.total_minor
        if not left and not there.get(UnitState.SHIPPED, 0) + there.get(UnitState.HANDED_OVER, 0):
            assert line.refunded_minor == line.captured_minor
    assert money["CAPTURE"] == sum(line.captured_minor for line in placed.lines.values())
    assert money["VOID"] == sum(line.voided_minor for line in placed.lines.values())
    assert money["REFUND"] == sum(line.refunded_minor for line in placed.lines.values())
    gone = sum(u.quantity_units for f in facts if isinstance(f, Cancelled) for u in f.units)
    assert gone == states(placed)["CANCELLED"]
