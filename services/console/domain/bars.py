"""Stacked bars over time: geometry for a chart, and the same as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

BAR_WIDTH = 10.0
BAR_SHARE = 0.82
"""How much of its slot a bar fills."""
HEIGHT = 100.0
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Segment:
    """One series' share of one bar; lengths in the chart's own units, from the top left."""

    series: int
    """1, 2 … as in the legend."""
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One slot of time."""

    start: datetime
    total: int
    values: Sequence[int]
    """By series."""
    x: float
    segments: Sequence[Segment]


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of equal slots, oldest first; all of them, also those in which nothing happened."""

    series: Sequence[str]
    bars: Sequence[Bar]
    top: int
    """What the whole height stands for."""
    width: float
    height: float = HEIGHT
    bar_width: float = BAR_WIDTH * BAR_SHARE

    @property
    def total(self) -> int:
        """Of all bars."""
        return sum(bar.total for bar in self.bars)

    @property
    def most(self) -> Bar | None:
        """The highest bar; None where there is none."""
        best = max(self.bars, key=lambda bar: bar.total, default=None)
        return best if best is not None and best.total else None

    @property
    def ticks(self) -> Sequence[int]:
        """Values to write beside the height, highest first."""
        return (self.top, self.top // 2, 0) if self.top % 2 == 0 else (self.top, 0)

    @property
    def times(self) -> Sequence[datetime]:
        """Moments to write below: the first, the middle and the last slot."""
        if len(self.bars) < 3:
            return [bar.start for bar in self.bars]
        return [self.bars[0].start, self.bars[len(self.bars) // 2].start, self.bars[-1].start]


def stacked(
    counts: Iterable[tuple[datetime, str, int]],
    *,
    first: datetime,
    slots: int,
    slot: timedelta,
    order: Sequence[str] = (),
) -> Chart:
    """Bars of `slots` slots from `first`; what lies outside them is left out.

    Series come in the order of `order`, those that it does not name after them by name, so that a colour
    keeps its meaning from one look to the next.
    """
    found: dict[int, dict[str, int]] = {}
    names: set[str] = set()
    for time, name, value in counts:
        at = (time - first) // slot
        if 0 <= at < slots and value:
            names.add(name)
            into = found.setdefault(at, {})
            into[name] = into.get(name, 0) + value
    series = [name for name in order if name in names] + sorted(names - set(order))
    top = rounded_up(max((sum(values.values()) for values in found.values()), default=0))
    bars = [_bar(first + at * slot, at, found.get(at, {}), series, top) for at in range(slots)]
    return Chart(series, bars, top, slots * BAR_WIDTH)


def rounded_up(value: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 … that is at least `value`: a scale that is read at a glance."""
    power = 1
    while True:
        for step in _STEPS:
            if value <= 2 * step * power:
                return 2 * step * power
        power *= 10


def _bar(start: datetime, at: int, values: Mapping[str, int], series: Sequence[str], top: int) -> Bar:
    x = at * BAR_WIDTH + BAR_WIDTH * (1 - BAR_SHARE) / 2
    segments: list[Segment] = []
    below = HEIGHT
    for number, name in enumerate(series, 1):
        value = values.get(name, 0)
        if value:
            height = HEIGHT * value / top
            below -= height
            segments.append(Segment(number, x, below, height))
    return Bar(start, sum(values.values()), [values.get(name, 0) for name in series], x, segments)
