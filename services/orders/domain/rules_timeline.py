"""Which rules hold when: periods that do not overlap, the built-in rules where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.orders.domain.rules_refusals import (
    EffectivePeriodInvalid,
    EffectivePeriodOverlaps,
    EffectivePeriodPast,
    TooManyPeriodsPlanned,
)

BUILT_IN = 0
"""The number of the rules that the settings make; they hold where no others do."""
MAX_PLANNED = 50
MOST_AHEAD = timedelta(days=2 * 366)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From `starts` until before `ends` (None: open) the rules `number` hold."""

    starts: datetime
    ends: datetime | None = field(compare=False)
    number: int = field(compare=False)

    def holds(self, at: datetime) -> bool:
        """Whether it is running at that moment."""
        return self.starts <= at and (self.ends is None or at < self.ends)

    def overlaps(self, starts: datetime, ends: datetime | None) -> bool:
        """Whether both have a moment in common."""
        return (ends is None or self.starts < ends) and (self.ends is None or starts < self.ends)


def number_at(periods: Sequence[Period], at: datetime) -> int:
    """Which rules hold at that moment; `BUILT_IN` where none were activated."""
    return next((one.number for one in periods if one.holds(at)), BUILT_IN)


def activate(
    periods: Sequence[Period],
    number: int,
    starts: datetime | None,
    ends: datetime | None,
    now: datetime,
    *,
    replace_planned: bool = False,
) -> tuple[Period, ...]:
    """The timeline with `number` from `starts` (None: now) until `ends` (None: until replaced).

    What is running gives way for that time and goes on after `ends`, if it would have. What is planned for
    later gives way only with `replace_planned`. Where nothing follows, the built-in rules do.

    Raises:
        EffectivePeriodPast: it would begin before now.
        EffectivePeriodInvalid: it ends before it begins, or lies too far ahead.
        EffectivePeriodOverlaps: other rules are planned for part of it.
        TooManyPeriodsPlanned: there are more than `MAX_PLANNED` periods ahead.
    """
    if starts is None:
        starts = now
    if starts < now:
        raise EffectivePeriodPast(starts, now)
    if (ends is not None and ends <= starts) or max(starts, ends or starts) > now + MOST_AHEAD:
        raise EffectivePeriodInvalid(starts, ends)
    result = [Period(starts, ends, number)]
    for one in periods:
        if not one.overlaps(starts, ends):
            result.append(one)
            continue
        if one.starts > now and not replace_planned:
            raise EffectivePeriodOverlaps(one.number, one.starts, one.ends)
        if one.starts < starts:
            result.append(Period(one.starts, starts, one.number))
        if ends is not None and (one.ends is None or one.ends > ends):
            result.append(Period(ends, one.ends, one.number))
    if sum(one.starts > now for one in result) > MAX_PLANNED:
        raise TooManyPeriodsPlanned(MAX_PLANNED)
    return tuple(sorted(result))
