"""The rules of days, goals and alarms, without anything around them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from chassis.errors import raise_if_unmapped
from services.insights.adapters.grpc.errors import TABLE
from services.insights.domain import day as days
from services.insights.domain import goals as rules
from services.insights.domain.alarms import (
    Backlog,
    Kind,
    Limits,
    Neighbour,
    Recent,
    Severity,
    alarms_of,
)
from services.insights.domain.day import Opening, day_of, opening_share
from services.insights.domain.goals import Basis, Goal, Measure, State, passed_share, progress

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
LIMITS = Limits(
    late_backlog_warning=1,
    late_backlog_critical=20,
    refusal_share_percent=10,
    refusal_least=10,
    outbox_lag_seconds=10.0,
    consumer_lag_messages=2_000,
    replica_stale_seconds=5.0,
)
CALM = Recent()


def test_every_refusal_has_its_answer() -> None:
    raise_if_unmapped(TABLE, days, rules)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/Madrid", "2026-03-29", 23), ("Europe/Madrid", "2026-10-25", 25), ("UTC", "2026-03-04", 24)],
)
def test_a_day_lasts_as_long_as_the_clock_on_the_wall_says(zone: str, day: str, hours: int) -> None:
    """Also when the clock is put forward or back."""
    found = day_of(day, NOW, ZoneInfo(zone))

    assert (found.end - found.start).total_seconds() == hours * 3600


@pytest.mark.parametrize(
    ("minute", "share"), [(0, 0.0), (8 * 60, 0.0), (14 * 60, 0.5), (20 * 60, 1.0), (23 * 60, 1.0)]
)
def test_opening_hours_pass_from_the_first_opening_to_the_last_closing(minute: int, share: float) -> None:
    openings = [Opening(3, 8 * 60, 14 * 60), Opening(3, 10 * 60, 20 * 60), Opening(4, 0, 1)]

    assert opening_share(openings, 3, minute) == share


def test_where_no_store_is_open_the_whole_day_counts() -> None:
    """A web shop never closes."""
    assert opening_share([], 7, 12 * 60) == 0.5


@pytest.mark.parametrize(
    ("days_told", "minute", "share"),
    [
        ([{9: 1, 15: 3}, {9: 1, 15: 3}], 12 * 60, 0.25),
        ([{9: 2, 12: 2}, {}, {9: 2, 12: 2}], 12 * 60 + 30, 0.75),
        ([{9: 5}], 12 * 60, None),
        ([{}, {}], 12 * 60, None),
    ],
)
def test_earlier_days_say_what_share_has_passed_if_there_are_two(
    days_told: list[dict[int, int]], minute: int, share: float | None
) -> None:
    """The present hour counts by its minutes."""
    assert passed_share(days_told, minute) == share


@pytest.mark.parametrize(
    ("actual", "state"),
    [(100, State.REACHED), (50, State.ON_TRACK), (45, State.CLOSE), (44, State.BEHIND)],
)
def test_a_goal_stands_by_what_should_be_reached_by_now(actual: int, state: State) -> None:
    goal = Goal("web", Measure.ORDERS, 100)

    stands = progress(goal, actual, 0.5, Basis.SAME_WEEKDAY)

    assert (stands.expected_by_now, stands.state) == (50, state)


@pytest.mark.parametrize(
    ("actual", "state"),
    [(9_500, State.ON_TRACK), (9_000, State.CLOSE), (8_000, State.BEHIND), (None, State.UNKNOWN)],
)
def test_a_share_is_due_in_full_at_any_time(actual: int | None, state: State) -> None:
    goal = Goal("", Measure.PROMISE_KEPT, 9_500)

    stands = progress(goal, actual, 0.1, Basis.SAME_WEEKDAY)

    assert (stands.expected_by_now, stands.basis, stands.state) == (9_500, Basis.NONE, state)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Neighbour("orders", away=True, dead_letters=3), [(Kind.SERVICE_AWAY, Severity.CRITICAL)]),
        (Neighbour("orders", dead_letters=1), [(Kind.DEAD_LETTERS, Severity.WARNING)]),
        (Neighbour("orders", unpublished=1, oldest_unpublished_seconds=9.9), []),
        (Neighbour("orders", oldest_unpublished_seconds=10.0), [(Kind.OUTBOX_LAG, Severity.WARNING)]),
        (Neighbour("orders", oldest_unpublished_seconds=60.0), [(Kind.OUTBOX_LAG, Severity.CRITICAL)]),
        (Neighbour("orders", consumers={"a": 1_999, "b": 2_000}), [(Kind.CONSUMER_LAG, Severity.WARNING)]),
        (Neighbour("orders", consumers={"b": 20_000}), [(Kind.CONSUMER_LAG, Severity.CRITICAL)]),
        (Neighbour("orders", quiet_seconds={"availability": 5.0}), [(Kind.REPLICA_STALE, Severity.WARNING)]),
    ],
)
def test_what_a_service_says_of_itself_is_an_alarm_from_its_limit(
    told: Neighbour, expected: list[tuple[Kind, Severity]]
) -> None:
    found = alarms_of(LIMITS, [told], 0, [], CALM)

    assert [(one.kind, one.severity) for one in found] == expected
    assert all(one.link == "/bus?service=orders" for one in found)


@pytest.mark.parametrize(
    ("refused", "orders", "expected"),
    [
        (9, 0, None),
        (10, 91, None),
        (10, 90, Severity.WARNING),
        (30, 70, Severity.CRITICAL),
    ],
)
def test_refusals_are_an_alarm_by_their_share_if_there_are_enough(
    refused: int, orders: int, expected: Severity | None
) -> None:
    """With the most frequent reason."""
    recent = Recent(orders, {"NO_PLAN": refused - 1, "A": 1})

    found = alarms_of(LIMITS, [], 0, [], recent)

    assert [one.severity for one in found] == ([expected] if expected else [])
    assert all(one.facts["reason"] == "NO_PLAN" for one in found)


def test_late_work_and_broken_promises_have_their_grades() -> None:
    """An alarm of a location is another than that of the next one."""
    backlog = [
        Backlog("a", "A", open=5, late=0),
        Backlog("b", "B", open=5, late=1, oldest_due_time=NOW),
        Backlog("c", "", open=30, late=20, oldest_due_time=NOW),
    ]

    found = alarms_of(LIMITS, [], 3, backlog, Recent(displaced=2, displaced_units=9, displaced_since=NOW))

    assert [(one.alarm_id, one.severity) for one in found] == [
        ("AUDIT_DIFFERENCE", Severity.CRITICAL),
        ("LATE_BACKLOG:b", Severity.WARNING),
        ("LATE_BACKLOG:c", Severity.CRITICAL),
        ("OVERSELL", Severity.NOTICE),
    ]
