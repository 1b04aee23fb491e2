"""The life of an order as a person reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.console.domain.order_life import (
    MAX_MOMENTS,
    Decided,
    Done,
    Moment,
    Moved,
    Opened,
    Outlook,
    Part,
    Reported,
    Returned,
    Told,
    Tone,
    ahead,
    life,
    outlook,
    outlook_of,
    steps,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCEPTED = Moment(NOON, "orders", "accepted")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def a_part(due_minutes: float | None = 300, *, outcome: str = "", live: bool = True) -> Part:
    due = None if due_minutes is None else at(due_minutes)
    return Part("store-1", "SHIP", at(2000), due, None, outcome, live)


def a_movement(minutes: float, sku: str, units: int = -1, cause: str = "SHIPMENT") -> Moved:
    return Moved(at(minutes), sku, "store-1", units, cause, "ful_1", "ada")


def test_what_happened_in_all_services_is_one_life_oldest_first() -> None:
    told = [Told(at(60), "SHIPPED", "On its way.")]
    moved = [a_movement(59, "A")]
    done = [Done(at(30), "fulfillment", "PickUnits", "store-1", False, "t1")]

    moments = life(accepted=ACCEPTED, done=done, moved=moved, told=told)

    assert [one.kind for one in moments] == ["accepted", "step", "moved", "message"]
    assert [one.service for one in moments] == ["orders", "fulfillment", "inventory", "orders"]


def test_at_one_instant_the_decision_comes_before_what_it_led_to() -> None:
    decided = [Decided(NOON, 1, "PLACED", (("store-1", 2),), 0)]
    opened = [Opened("ful_1", "store-1", "SHIP", NOON, 2)]

    moments = life(
        accepted=ACCEPTED, opened=opened, decided=decided, told=[Told(NOON, "ORDER_ACCEPTED", "Thank you.")]
    )

    assert [one.kind for one in moments] == ["sourced", "accepted", "opened", "message"]


def test_movements_of_one_parcel_are_one_moment() -> None:
    moved = [a_movement(5, "B", -2), a_movement(5, "A"), a_movement(9, "C", -1, "SHORT_PICK")]

    first, second = life(accepted=None, moved=moved)

    assert first.facts["units"] == -3
    assert first.facts["items"] == (("A", -1), ("B", -2))
    assert (second.facts["cause"], second.tone) == ("SHORT_PICK", Tone.BAD)


def test_a_decision_after_the_first_says_what_made_it_necessary() -> None:
    (moment,) = life(accepted=None, decided=[Decided(NOON, 2, "SHORT_PICK", (("wh", 1),), 0)])

    assert (moment.kind, moment.facts["trigger"], moment.tone) == ("resourced", "SHORT_PICK", Tone.BAD)


def test_what_came_back_is_told_once_with_its_reason() -> None:
    back = Returned(at(90), "ret_1", "store-2", 2, False, "too small", "till-7")
    step = Done(at(90), "fulfillment", "ReceiveReturn", "store-2", False, "t1")
    refused = replace(step, refused=True)

    moments = life(
        accepted=None, done=[step, refused], moved=[a_movement(91, "A", 2, "RETURN")], returned=[back]
    )

    assert [one.kind for one in moments] == ["step", "returned", "moved"]
    assert (moments[1].facts["units"], moments[1].facts["reason"]) == (2, "too small")
    assert [one.kind for one in life(accepted=None, done=[step])] == ["step"]


def test_what_was_done_is_told_once_with_its_trace_if_there_is_one() -> None:
    """Traces may be sampled away; the work's own account is not."""
    picked = Done(at(30), "fulfillment", "PickUnits", "store-1", False, "", "ada")
    packed = Done(at(40), "fulfillment", "PackOrder", "store-1", False, "", "ada")
    traced = Done(at(30.1), "fulfillment", "PickUnits", "store-1", False, "t1")
    another = Done(at(90), "fulfillment", "PickUnits", "store-1", False, "t2")
    refused = Done(at(35), "fulfillment", "PackOrder", "store-1", True, "t3")
    paid = Done(at(1), "payment", "capture", "", False, "t4")

    found = steps([picked, packed], [traced, another, refused, paid])

    assert found == [replace(picked, trace_id="t1"), packed, refused, paid]
    assert steps([], [traced, paid]) == [traced, paid]


def test_what_a_store_told_and_what_operations_answered_are_moments_of_their_own() -> None:
    told = Reported(
        at(10), "INCIDENT", "CARRIER", "store-1", "ada", "Nobody came.", at(20), "omar", "Tomorrow.", at(30)
    )

    moments = life(accepted=None, reported=[told])

    assert [one.kind for one in moments] == ["reported", "answered", "closed"]
    assert [one.facts.get("text") for one in moments] == ["Nobody came.", "Tomorrow.", None]
    waiting = replace(told, answer_time=None, close_time=None)
    assert [one.kind for one in life(accepted=None, reported=[waiting])] == ["reported"]


def test_a_very_long_life_shows_its_newest_moments() -> None:
    told = [Told(at(minute), "SHIPPED", str(minute)) for minute in range(MAX_MOMENTS + 5)]

    moments = life(accepted=None, told=told)

    assert len(moments) == MAX_MOMENTS
    assert moments[-1].facts["text"] == str(MAX_MOMENTS + 4)


def test_a_promise_is_on_time_then_tight_then_late() -> None:
    part = a_part(300)

    assert outlook_of(part, at(0)) is Outlook.ON_TIME
    assert outlook_of(part, at(200)) is Outlook.TIGHT
    assert outlook_of(part, at(301)) is Outlook.LATE


def test_what_became_of_a_promise_outweighs_the_clock() -> None:
    assert outlook_of(a_part(outcome="KEPT"), at(999)) is Outlook.KEPT
    assert outlook_of(a_part(outcome="MISSED"), at(0)) is Outlook.MISSED
    assert outlook_of(replace(a_part(), done_time=at(10)), at(999)) is Outlook.KEPT


def test_nothing_is_late_where_nothing_was_promised_or_is_left() -> None:
    assert outlook_of(a_part(None), at(999)) is Outlook.NONE
    assert outlook_of(a_part(live=False), at(999)) is Outlook.NONE


def test_an_order_is_as_well_as_its_worst_part() -> None:
    kept, late, later = a_part(outcome="KEPT"), a_part(-30), a_part(-10)

    assert outlook([kept, later, late], NOON, waiting_units=0) == (Outlook.LATE, late)
    assert outlook([kept], NOON, waiting_units=2) == (Outlook.OPEN, None)
    assert outlook([], NOON, waiting_units=0) == (Outlook.NONE, None)


def test_what_is_to_come_is_told_until_it_is_done() -> None:
    done = replace(a_part(), done_time=at(5))

    assert [one.kind for one in ahead([a_part(300)], NOON)] == ["due", "promised"]
    assert ahead([done, a_part(live=False)], NOON) == ()
    assert ahead([a_part(-5)], NOON)[0].tone is Tone.BAD
    carried_out = replace(a_part(None), method="CARRY_OUT")
    assert ahead([carried_out], NOON) == ()
