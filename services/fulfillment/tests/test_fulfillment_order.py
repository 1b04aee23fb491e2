"""The rules of the work, verb by verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from services.fulfillment.domain import facts, refusals
from services.fulfillment.domain.facts import Disposition, ShortPickReason, Units
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder, Line, Method, State
from services.fulfillment.domain.pickup_code import MAX_WRONG_TRIES, PickupCode
from services.fulfillment.tests.builders import (
    ACTOR,
    CODE,
    NOW,
    WRONG_CODE,
    a_picked_order,
    a_ready_pickup,
    a_shipped_order,
    an_opening,
    an_order,
)


def facts_of(order: FulfillmentOrder) -> list[type]:
    return [type(told.fact) for told in order.told]


def test_a_parcel_goes_from_open_to_shipped() -> None:
    order = an_order(2, 1)

    order.start_picking(now=NOW, actor=ACTOR)
    order.pick({1: 2}, now=NOW, actor=ACTOR)
    order.pick({2: 1}, now=NOW, actor=ACTOR)
    order.pack(2, now=NOW, actor=ACTOR)
    order.ship("Correos", "PK-1", now=NOW, actor=ACTOR)

    assert order.state is State.SHIPPED
    assert [told.sequence for told in order.told] == [1, 2, 3, 4, 5, 6]
    assert order.told[-1].fact == facts.Shipped(
        (Units(1, "sku-1", 2), Units(2, "sku-2", 1)), "Correos", "PK-1"
    )


def test_picking_everything_from_open_starts_picking_by_itself() -> None:
    """A small store takes the whole order in one call."""
    order = an_order(2, 1)

    order.pick({}, now=NOW, actor=ACTOR)

    assert order.state is State.PICKED
    assert facts_of(order) == [facts.Opened, facts.PickingStarted, facts.Picked]
    assert order.version == 2


def test_a_carry_out_is_born_handed_over_and_can_come_back() -> None:
    order = an_order(3, method=Method.CARRY_OUT)

    order.receive_back(
        {1: 1},
        Disposition.RESTOCK,
        "too big",
        return_id="ret_1",
        receiving_location_id="store-2",
        now=NOW,
        actor=ACTOR,
    )

    assert order.state is State.HANDED_OVER
    assert order.lines[0].returned_units == 1
    assert facts_of(order) == [facts.Opened, facts.Returned]


def test_when_the_last_unit_is_short_nothing_is_left_and_the_work_is_cancelled() -> None:
    order = an_order(2)

    order.report_short({1: 2}, ShortPickReason.NOT_FOUND, "", now=NOW, actor=ACTOR)

    assert order.state is State.CANCELLED
    assert facts_of(order) == [facts.Opened, facts.Short]


def test_when_the_rest_is_short_what_was_picked_goes_on() -> None:
    order = an_order(2, 1)
    order.pick({1: 2}, now=NOW, actor=ACTOR)

    order.report_short({2: 1}, ShortPickReason.DAMAGED, "wet", now=NOW, actor=ACTOR)

    assert order.state is State.PICKED
    assert order.picked() == (Units(1, "sku-1", 2),)


def test_a_store_that_declines_a_part_before_it_begins_has_not_begun() -> None:
    order = an_order(2)

    order.report_short({1: 1}, ShortPickReason.NO_CAPACITY, "", now=NOW, actor=ACTOR)

    assert order.state is State.OPEN


def test_units_in_hand_cannot_be_taken_out() -> None:
    order = an_order(3)
    order.pick({1: 2}, now=NOW, actor=ACTOR)

    with pytest.raises(refusals.AlreadyPicked) as refused:
        order.take_out({1: 2}, "r-1", now=NOW, actor=ACTOR)

    assert (refused.value.state, refused.value.left_units) == ("PICKING", 1)
    assert order.lines[0].cancelled_units == 0


def test_taking_out_is_all_or_nothing() -> None:
    order = an_order(1, 1)
    order.pick({2: 1}, now=NOW, actor=ACTOR)

    with pytest.raises(refusals.AlreadyPicked):
        order.take_out({1: 1, 2: 1}, "r-1", now=NOW, actor=ACTOR)

    assert [line.cancelled_units for line in order.lines] == [0, 0]


def test_taking_out_the_last_unit_cancels_and_tells_so_once() -> None:
    order = an_order(1)

    order.take_out({1: 1}, "r-1", now=NOW, actor=ACTOR)

    assert order.state is State.CANCELLED
    assert order.told[-1].fact == facts.TakenOut((Units(1, "sku-1", 1),), "r-1")


def test_more_than_is_left_is_refused_and_changes_nothing() -> None:
    order = an_order(2, 2)

    with pytest.raises(refusals.QuantityTooHigh) as refused:
        order.pick({1: 2, 2: 3}, now=NOW, actor=ACTOR)

    assert refused.value.left_units == 2
    assert (order.state, order.version, order.lines[0].picked_units) == (State.OPEN, 1, 0)


def test_an_unknown_line_is_refused() -> None:
    order = an_order(2)

    with pytest.raises(refusals.LineUnknown):
        order.pick({7: 1}, now=NOW, actor=ACTOR)

    assert order.version == 1


def show(order: FulfillmentOrder) -> None:
    order.shown_code()


Verb = Callable[[FulfillmentOrder], None]
VERBS: dict[str, Verb] = {
    "start": lambda order: order.start_picking(now=NOW, actor=ACTOR),
    "pick": lambda order: order.pick({}, now=NOW, actor=ACTOR),
    "short": lambda order: order.report_short({1: 1}, ShortPickReason.NOT_FOUND, "", now=NOW, actor=ACTOR),
    "pack": lambda order: order.pack(1, now=NOW, actor=ACTOR),
    "ship": lambda order: order.ship("c", "t", now=NOW, actor=ACTOR),
    "ready": lambda order: order.make_ready(PickupCode(CODE), NOW, now=NOW, actor=ACTOR),
    "hand_over": lambda order: order.hand_over(CODE, now=NOW, actor=ACTOR),
    "renew": lambda order: order.renew_code(PickupCode.fresh()),
    "show": show,
    "expire": lambda order: order.expire(now=NOW, actor=ACTOR),
}
ALLOWED = {
    (Method.SHIP, State.OPEN): {"start", "pick", "short"},
    (Method.SHIP, State.PICKED): {"pack"},
    (Method.SHIP, State.SHIPPED): set(),
    (Method.PICKUP, State.OPEN): {"start", "pick", "short"},
    (Method.PICKUP, State.PICKED): {"ready"},
    (Method.PICKUP, State.READY): {"hand_over", "renew", "show", "expire"},
    (Method.CARRY_OUT, State.HANDED_OVER): set(),
}


def in_state(method: Method, state: State) -> FulfillmentOrder:
    match state:
        case State.PICKED:
            return a_picked_order(2, method=method)
        case State.READY:
            return a_ready_pickup(2)
        case State.SHIPPED:
            return a_shipped_order(2)
        case _:
            return an_order(2, method=method)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("method", "state"), ALLOWED)
def test_every_verb_fits_its_states_and_methods_only(method: Method, state: State, verb: str) -> None:
    order = in_state(method, state)
    version = order.version

    if verb in ALLOWED[method, state]:
        VERBS[verb](order)
        assert order.version == version + (verb != "show")
    else:
        with pytest.raises((refusals.WrongState, refusals.WrongMethod)):
            VERBS[verb](order)
        assert (order.version, order.state) == (version, state)


def test_the_right_code_opens_once() -> None:
    order = a_ready_pickup(2)

    order.hand_over(f" {CODE} ", now=NOW, actor=ACTOR)

    assert (order.state, order.code) == (State.HANDED_OVER, None)
    with pytest.raises(refusals.WrongState):
        order.hand_over(CODE, now=NOW, actor=ACTOR)


def test_five_wrong_tries_lock_the_code_even_for_the_right_one() -> None:
    order = a_ready_pickup()
    left = []

    for _ in range(MAX_WRONG_TRIES):
        with pytest.raises(refusals.CodeWrong) as refused:
            order.hand_over(WRONG_CODE, now=NOW, actor=ACTOR)
        left.append(refused.value.tries_left)

    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(refusals.CodeLocked):
        order.hand_over(CODE, now=NOW, actor=ACTOR)


def test_a_renewed_code_unlocks_and_makes_the_old_one_void() -> None:
    order = a_ready_pickup()
    order.code = PickupCode(CODE, wrong_tries=MAX_WRONG_TRIES)

    order.renew_code(PickupCode("123456"))

    with pytest.raises(refusals.CodeWrong):
        order.hand_over(CODE, now=NOW, actor=ACTOR)
    order.hand_over("123456", now=NOW, actor=ACTOR)
    assert order.state is State.HANDED_OVER


@pytest.mark.parametrize("guess", ["", "42137", "0421370", "０４２１３７", "código"])
def test_no_other_text_opens(guess: str) -> None:
    order = a_ready_pickup()

    with pytest.raises(refusals.CodeWrong):
        order.hand_over(guess, now=NOW, actor=ACTOR)

    assert order.state is State.READY


def test_the_code_shows_in_no_repr() -> None:
    """What is logged or put into an error must not open a pickup."""
    order = a_ready_pickup()

    assert CODE not in repr(order)
    assert CODE not in repr(order.told)


def test_fresh_codes_are_six_digits_and_differ() -> None:
    codes = {PickupCode.fresh().digits for _ in range(200)}

    assert len(codes) > 150
    assert all(len(code) == 6 and code.isdecimal() for code in codes)


def test_a_late_customer_gets_goods_that_still_wait() -> None:
    order = a_ready_pickup()

    order.hand_over(CODE, now=NOW + timedelta(days=30), actor=ACTOR)

    assert order.state is State.HANDED_OVER


def test_no_more_can_come_back_than_left() -> None:
    order = a_shipped_order(3)

    with pytest.raises(refusals.QuantityTooHigh):
        order.receive_back(
            {1: 4},
            Disposition.SCRAP,
            "",
            return_id="ret_1",
            receiving_location_id="store-1",
            now=NOW,
            actor=ACTOR,
        )

    assert order.lines[0].returned_units == 0


@pytest.mark.parametrize(
    ("field", "lines"),
    [
        ("lines", []),
        ("lines", [Line(1, "a", 1), Line(1, "b", 1)]),
        ("lines.quantity_units", [Line(1, "a", 0)]),
        ("lines.sku", [Line(1, "", 1)]),
    ],
)
def test_an_opening_without_what_it_must_have_is_refused(field: str, lines: list[Line]) -> None:
    with pytest.raises(refusals.OpeningInvalid) as refused:
        FulfillmentOrder.open(an_opening(), lines, now=NOW, actor=ACTOR)

    assert refused.value.field == field


def test_an_opening_without_a_location_is_refused() -> None:
    with pytest.raises(refusals.OpeningInvalid) as refused:
        an_order(1, opening=replace(an_opening(), location_id=""))

    assert refused.value.field == "location_id"
