"""Which rules hold when: activation, planned and at once, with and without an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain.rules_refusals import (
    EffectivePeriodInvalid,
    EffectivePeriodOverlaps,
    EffectivePeriodPast,
    TooManyPeriodsPlanned,
)
from services.orders.domain.rules_timeline import BUILT_IN, MAX_PLANNED, Period, activate, number_at

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    """So many days from now."""
    return NOW + timedelta(days=number)


def held(periods: tuple[Period, ...], *days: int) -> list[int]:
    """Which rules hold on these days."""
    return [number_at(periods, day(number)) for number in days]


def test_what_is_activated_holds_from_now_until_replaced() -> None:
    first = activate((), 1, None, None, NOW)
    second = activate(first, 2, None, None, day(3))

    assert held(second, -1, 0, 2, 3, 400) == [BUILT_IN, 1, 1, 2, 2]


def test_a_planned_version_takes_over_on_its_day() -> None:
    periods = activate(activate((), 1, None, None, NOW), 2, day(5), None, day(1))

    assert held(periods, 0, 4, 5, 9) == [1, 1, 2, 2]


def test_after_a_season_what_held_before_holds_again() -> None:
    periods = activate(activate((), 1, None, None, NOW), 2, day(5), day(8), day(1))

    assert held(periods, 4, 5, 7, 8, 99) == [1, 2, 2, 1, 1]


def test_where_nothing_follows_the_built_in_rules_hold() -> None:
    assert held(activate((), 1, None, day(2), NOW), 1, 2) == [1, BUILT_IN]


def test_the_built_in_rules_can_be_activated_again() -> None:
    assert held(activate(activate((), 1, None, None, NOW), BUILT_IN, None, None, day(2)), 1, 2) == [1, 0]


def test_a_date_that_is_over_is_refused() -> None:
    with pytest.raises(EffectivePeriodPast):
        activate((), 1, day(-1), None, NOW)


@pytest.mark.parametrize(("starts", "ends"), [(2, 2), (2, 1), (800, None), (1, 800)])
def test_a_period_that_is_none_is_refused(starts: int, ends: int | None) -> None:
    with pytest.raises(EffectivePeriodInvalid):
        activate((), 1, day(starts), day(ends) if ends is not None else None, NOW)


@pytest.mark.parametrize(("starts", "ends"), [(1, None), (1, 6), (6, 7), (5, 8), (7, None)])
def test_what_is_planned_is_not_overlapped_by_accident(starts: int, ends: int | None) -> None:
    """The season somebody planned must not be lost to a change of today."""
    planned = activate(activate((), 1, None, None, NOW), 2, day(5), day(8), NOW)

    with pytest.raises(EffectivePeriodOverlaps) as refused:
        activate(planned, 3, day(starts), day(ends) if ends is not None else None, NOW)

    assert refused.value.number == 2
    replaced = activate(
        planned, 3, day(starts), day(ends) if ends is not None else None, NOW, replace_planned=True
    )
    assert number_at(replaced, day(starts)) == 3


def test_beside_what_is_planned_there_is_room() -> None:
    planned = activate(activate((), 1, None, None, NOW), 2, day(5), day(8), NOW)

    assert held(activate(planned, 3, None, day(5), NOW), 0, 4, 5, 8) == [3, 3, 2, 1]


def test_the_plan_ahead_has_an_end() -> None:
    periods: tuple[Period, ...] = ()
    for number in range(1, MAX_PLANNED + 1):
        periods = activate(periods, number, day(number), day(number + 1), NOW)

    with pytest.raises(TooManyPeriodsPlanned):
        activate(periods, 1, day(100), None, NOW)


_steps = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 10), st.none() | st.integers(1, 10), st.booleans()),
    max_size=8,
)


@settings(max_examples=100, deadline=None)
@given(_steps)
def test_periods_never_overlap_and_the_past_stays(steps: list[tuple[int, int, int | None, bool]]) -> None:
    """Whatever is activated when: one answer at every moment, and none changes for a moment that is over."""
    periods: tuple[Period, ...] = ()
    for number, (wait, ahead, length, replace) in enumerate(steps, 1):
        now = day(wait * number)
        past = [number_at(periods, now - timedelta(hours=hours)) for hours in range(1, 200, 5)]
        starts = now + timedelta(days=ahead)
        ends = starts + timedelta(days=length) if length else None
        try:
            periods = activate(periods, number, starts, ends, now, replace_planned=replace)
        except EffectivePeriodOverlaps:
            continue

        assert number_at(periods, starts) == number
        assert past == [number_at(periods, now - timedelta(hours=hours)) for hours in range(1, 200, 5)]
        assert all(a.ends is not None and a.ends <= b.starts for a, b in pairwise(periods))
