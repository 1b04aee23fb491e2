"""Charts as inline SVG: bars and lines that take their colours from the page's style sheet, so that they fit
light and dark. Each carries a title and its data as a description for those who do not see it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil, floor, log10

from markupsafe import Markup

WIDTH = 380
SERIES = 8
"""Colours that the style sheet has: `.c0` to `.c7`."""
_LABEL = 14
_ROW = 44
_BAR = 20
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 10, 34
_MOST_DOTS = 32
_TICKS = 4
_PLOT_HEIGHT = 180

Shown = Callable[[float], str]


@dataclass(frozen=True)
class Series:
    """Named values, one per bar, group or point."""

    name: str
    values: tuple[float, ...]


class Charts:
    """Draws the charts of one page; ids are counted, so that they are unique and the same each time."""

    def __init__(self) -> None:
        self._ids = count(1)

    def stacked(self, title: str, bars: Sequence[str], series: Sequence[Series], shown: Shown) -> Markup:
        """One horizontal bar per name in `bars`, made of a piece per series."""
        totals = [sum(one.values[number] for one in series) for number in range(len(bars))]
        scale = WIDTH / max(totals, default=0.0) if max(totals, default=0.0) > 0 else 0.0
        body = []
        for number, name in enumerate(bars):
            y = number * _ROW
            body.append(_text(0, y + _LABEL, name, "name"))
            body.append(_text(WIDTH, y + _LABEL, shown(totals[number]), "value end"))
            x = 0.0
            for colour, one in enumerate(series):
                width = one.values[number] * scale
                if width > 0:
                    label = f"{name}, {one.name}: {shown(one.values[number])}"
                    body.append(_rect(x, y + _LABEL + 6, width, _BAR, colour, label))
                x += width
        return self._svg(title, _told(bars, series, shown), len(bars) * _ROW + 4, body)

    def grouped(self, title: str, groups: Sequence[str], series: Sequence[Series], shown: Shown) -> Markup:
        """Upright bars, one per series in each group."""
        ticks = _ticks(0.0, max((value for one in series for value in one.values), default=0.0))
        most = ticks[-1]
        plot = WIDTH - _LEFT - _RIGHT
        step = plot / max(1, len(groups))
        width = step * 0.76 / max(1, len(series))
        body = self._scale(ticks, shown)
        for number, name in enumerate(groups):
            begins = _LEFT + number * step + step * 0.12
            for colour, one in enumerate(series):
                height = one.values[number] / most * _PLOT_HEIGHT
                y = _TOP + _PLOT_HEIGHT - height
                label = f"{name}, {one.name}: {shown(one.values[number])}"
                body.append(_rect(begins + colour * width, y, width * 0.92, height, colour, label))
            body.append(_text(begins + step * 0.38, _TOP + _PLOT_HEIGHT + 18, name, "tick middle"))
        return self._svg(title, _told(groups, series, shown), _TOP + _PLOT_HEIGHT + _BOTTOM, body)

    def lines(
        self, title: str, points: Sequence[str], series: Sequence[Series], shown: Shown, first: int = 0
    ) -> Markup:
        """A line per series over the points; `first` is the colour of the first series."""
        values = [value for one in series for value in one.values]
        ticks = _ticks(min(values, default=0.0), max(values, default=0.0))
        low, high = ticks[0], ticks[-1]
        plot = WIDTH - _LEFT - _RIGHT

        def x(number: int) -> float:
            return _LEFT + plot * (number / (len(points) - 1) if len(points) > 1 else 0.5)

        def y(value: float) -> float:
            return _TOP + _PLOT_HEIGHT * (high - value) / (high - low)

        body = self._scale(ticks, shown)
        for colour, one in enumerate(series, start=first):
            way = " ".join(f"{x(number):.1f},{y(value):.1f}" for number, value in enumerate(one.values))
            body.append(Markup('<polyline class="line s{}" points="{}"/>').format(colour % SERIES, way))
            for number, value in enumerate(one.values if len(points) <= _MOST_DOTS else ()):
                label = f"{points[number]}, {one.name}: {shown(value)}"
                body.append(_dot(x(number), y(value), colour, label))
        ends = [(0, "start"), (len(points) - 1, "end")] if len(points) > 1 else [(0, "middle")]
        for number, anchor in ends if points else []:
            body.append(_text(x(number), _TOP + _PLOT_HEIGHT + 18, points[number], f"tick {anchor}"))
        return self._svg(title, _told(points, series, shown), _TOP + _PLOT_HEIGHT + _BOTTOM, body)

    def _scale(self, ticks: Sequence[float], shown: Shown) -> list[Markup]:
        body = []
        low, high = ticks[0], ticks[-1]
        for value in ticks:
            y = _TOP + _PLOT_HEIGHT * (high - value) / (high - low)
            body.append(
                Markup('<line class="grid{}" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
                    "" if value else " zero", _LEFT, WIDTH - _RIGHT, y, y
                )
            )
            body.append(_text(_LEFT - 6, y + 4, shown(value), "tick end"))
        return body

    def _svg(self, title: str, told: str, height: float, body: Sequence[Markup]) -> Markup:
        name = f"chart-{next(self._ids)}"
        head = Markup(
            '<svg role="img" viewBox="0 0 {w} {h:.0f}" aria-labelledby="{n}-t {n}-d">'
            '<title id="{n}-t">{t}</title><desc id="{n}-d">{d}</desc>'
        ).format(w=WIDTH, h=height, n=name, t=title, d=told)
        return head + Markup("").join(body) + Markup("</svg>")


def legend(names: Sequence[str], first: int = 0) -> Markup:
    """What the colours mean, in words."""
    swatch = Markup(
        '<li><svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">'
        '<rect class="c{}" width="12" height="12"/></svg>{}</li>'
    )
    items = [swatch.format(number % SERIES, name) for number, name in enumerate(names, start=first)]
    return Markup('<ul class="legend">{}</ul>').format(Markup("").join(items))


def _told(names: Sequence[str], series: Sequence[Series], shown: Shown) -> str:
    return "; ".join(
        f"{name}: " + ", ".join(f"{one.name} {shown(one.values[number])}" for one in series)
        for number, name in enumerate(names)
    )


def _rect(x: float, y: float, width: float, height: float, colour: int, label: str) -> Markup:
    return Markup(
        '<rect class="c{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
    ).format(colour % SERIES, x, y, max(0.0, width), max(0.0, height), label)


def _dot(x: float, y: float, colour: int, label: str) -> Markup:
    return Markup('<circle class="c{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title></circle>').format(
        colour % SERIES, x, y, label
    )


def _text(x: float, y: float, text: str, kind: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, text)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers at even steps from at most `low` to at least `high`, with 0 among them; two or more."""
    low, high = min(0.0, low), max(0.0, high)
    rough = (high - low) / _TICKS
    if rough <= 0:
        return [0.0, 1.0]
    power = 10.0 ** floor(log10(rough))
    step = next(one * power for one in (1.0, 2.0, 2.5, 5.0, 10.0) if rough <= one * power * (1 + 1e-9))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]
