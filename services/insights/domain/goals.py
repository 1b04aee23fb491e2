"""Goals: what should have been reached by now, and how that compares with what was.

With history the share of the day that has passed is what had been counted by this minute on the same weekday
of the weeks before, over what those days came to in all (hours, and within the present hour as if it went
evenly). Without at least `LEAST_DAYS` of them it is the share of the opening hours. See ADR-0032.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

LEAST_DAYS = 2
CLOSE_SHARE = 0.9
WHOLE_SHARE = 10_000
"""A share of one, in the unit of goals."""


class Measure(StrEnum):
    """What a goal counts."""

    ORDERS = "ORDERS"
    UNITS = "UNITS"
    REVENUE = "REVENUE"
    PROMISE_KEPT = "PROMISE_KEPT"


class Basis(IntEnum):
    """What an expectation rests on; the numbers are the contract's."""

    NONE = 0
    SAME_WEEKDAY = 1
    OPENING_HOURS = 2


class State(IntEnum):
    """How a goal stands; the numbers are the contract's."""

    UNKNOWN = 0
    ON_TRACK = 1
    CLOSE = 2
    BEHIND = 3
    REACHED = 4


@dataclass(frozen=True, slots=True)
class Goal:
    """A day's target of a channel; no channel: of the pool."""

    channel_id: str
    measure: Measure
    target: int
    currency_code: str = ""


class CurrencyRequired(Exception):
    """Revenue is an amount of some currency, and nothing else is."""

    def __init__(self, channel_id: str, measure: str) -> None:
        super().__init__(f"goal {measure} of {channel_id or 'the pool'}: a currency belongs to REVENUE alone")
        self.channel_id = channel_id
        self.measure = measure


class TargetTooHigh(Exception):
    """No share is above one."""

    def __init__(self, channel_id: str, target: int) -> None:
        super().__init__(f"a share of {target} ten-thousandths is above the whole")
        self.channel_id = channel_id
        self.target = target


@dataclass(frozen=True, slots=True)
class Progress:
    """A goal and how far it is."""

    goal: Goal
    actual: int
    expected_by_now: int
    basis: Basis
    state: State


def check(goal: Goal) -> None:
    """Refuse a goal that means nothing.

    Raises:
        CurrencyRequired: revenue without a currency, or another measure with one.
        TargetTooHigh: a share above the whole.
    """
    if (goal.measure is Measure.REVENUE) != bool(goal.currency_code) and goal.target:
        raise CurrencyRequired(goal.channel_id, goal.measure)
    if goal.measure is Measure.PROMISE_KEPT and goal.target > WHOLE_SHARE:
        raise TargetTooHigh(goal.channel_id, goal.target)


def passed_share(days: Sequence[Mapping[int, int]], minute: int) -> float | None:
    """What share of a day had been counted by a minute of it, over earlier days.

    Each of `days` gives a count by hour of the day; one that counted nothing says nothing. None when fewer
    than `LEAST_DAYS` say something.
    """
    told = [day for day in days if sum(day.values()) > 0]
    if len(told) < LEAST_DAYS:
        return None
    hour, within = divmod(minute, 60)
    by_now = sum(
        count if at < hour else count * within / 60 for day in told for at, count in day.items() if at <= hour
    )
    return by_now / sum(sum(day.values()) for day in told)


def progress(goal: Goal, actual: int | None, share: float, basis: Basis) -> Progress:
    """How a goal stands when `share` of the day has passed; `actual` None: nothing can be said yet."""
    if goal.measure is Measure.PROMISE_KEPT:
        expected, basis = goal.target, Basis.NONE
    else:
        expected = round(goal.target * share)
    if actual is None:
        return Progress(goal, 0, expected, basis, State.UNKNOWN)
    return Progress(goal, actual, expected, basis, _state(goal, actual, expected))


def _state(goal: Goal, actual: int, expected: int) -> State:
    if goal.measure is Measure.PROMISE_KEPT:
        if actual >= goal.target:
            return State.ON_TRACK
    elif actual >= goal.target:
        return State.REACHED
    elif not expected and not actual:
        return State.UNKNOWN
    elif actual >= expected:
        return State.ON_TRACK
    return State.CLOSE if actual >= CLOSE_SHARE * expected else State.BEHIND
