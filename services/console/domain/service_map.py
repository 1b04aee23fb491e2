"""The map of services: boxes in columns from who calls to who is called, and curves between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

BOX_WIDTH, BOX_HEIGHT = 168, 74
_GAP_X, _GAP_Y, _MARGIN = 110, 44, 16
_SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Link:
    """Calls or messages from one service to another. `kind`: rpc, message or database."""

    source: str
    target: str
    kind: str
    per_second: float


class Box(NamedTuple):
    """A service on the map: its upper left corner."""

    name: str
    x: float
    y: float


class Curve(NamedTuple):
    """A link as SVG's path has it."""

    link: Link
    path: str
    weight: int
    """1 to 4: how busy it is beside the busiest."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything to draw."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]


def layout(names: Iterable[str], links: Sequence[Link]) -> Layout:
    """Boxes in columns: a service stands right of all that call it, as far as calls make no circle.

    Calls decide the columns (messages go both ways between services); where nothing calls, messages do. In a
    column boxes are ordered by those they are linked with (barycentre), so that few curves cross.
    """
    known = sorted({*names, *(one.source for one in links), *(one.target for one in links)})
    columns = _columns(known, links)
    rows = _ordered(columns, links)
    tallest = max((len(column) for column in rows), default=0)
    height = tallest * BOX_HEIGHT + max(0, tallest - 1) * _GAP_Y + 2 * _MARGIN
    boxes = {}
    for number, column in enumerate(rows):
        used = len(column) * BOX_HEIGHT + (len(column) - 1) * _GAP_Y
        top = (height - used) / 2
        for place, name in enumerate(column):
            x = _MARGIN + number * (BOX_WIDTH + _GAP_X)
            boxes[name] = Box(name, x, round(top + place * (BOX_HEIGHT + _GAP_Y), 1))
    width = 2 * _MARGIN + len(rows) * BOX_WIDTH + max(0, len(rows) - 1) * _GAP_X
    busiest = max((one.per_second for one in links), default=0.0)
    drawn = [one for one in links if one.source != one.target]
    ends = _ends(drawn, boxes)
    curves = tuple(
        _curve(boxes[one.source], boxes[one.target], one, busiest, ends[number, 0], ends[number, 1])
        for number, one in enumerate(drawn)
    )
    return Layout(width, height, tuple(boxes[name] for name in known), curves)


def _ends(links: Sequence[Link], boxes: Mapping[str, Box]) -> dict[tuple[int, int], float]:
    """Where each link leaves (0) and arrives (1): ends on the same side of a box stand apart, in the order of
    what they lead to.
    """
    sides: dict[tuple[str, bool], list[tuple[float, int, int]]] = {}
    for number, one in enumerate(links):
        source, target = boxes[one.source], boxes[one.target]
        for end, (own, other) in enumerate(((source, target), (target, source))):
            sides.setdefault((own.name, other.x >= own.x), []).append((other.y, number, end))
    found = {}
    for (name, _), ends in sides.items():
        for place, (_, number, end) in enumerate(sorted(ends), start=1):
            found[number, end] = round(boxes[name].y + place / (len(ends) + 1) * BOX_HEIGHT, 1)
    return found


def _columns(names: Sequence[str], links: Sequence[Link]) -> list[list[str]]:
    calls = [(one.source, one.target) for one in links if one.kind != "message" and one.source != one.target]
    linked = {name for pair in calls for name in pair}
    calls += [
        (one.source, one.target)
        for one in links
        if one.kind == "message" and one.source != one.target and not {one.source, one.target} <= linked
    ]
    forward = _without_circles(names, calls)
    level = dict.fromkeys(names, 0)
    for _ in names:
        for source, target in forward:
            level[target] = max(level[target], level[source] + 1)
    found: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for name in names:
        found[level[name]].append(name)
    return [column for column in found if column]


def _without_circles(names: Sequence[str], calls: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Calls, without those that lead back to where they come from."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    called = set()
    for source, target in dict.fromkeys(calls):
        targets[source].append(target)
        called.add(target)
    forward: list[tuple[str, str]] = []
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        for target in targets[name]:
            if target not in above:
                forward.append((name, target))
                if target not in done:
                    visit(target, (*above, target))
        done.add(name)

    for name in sorted(names, key=lambda one: (one in called, one)):
        if name not in done:
            visit(name, (name,))
    return forward


def _ordered(columns: list[list[str]], links: Sequence[Link]) -> list[list[str]]:
    beside: dict[str, set[str]] = {}
    for one in links:
        beside.setdefault(one.source, set()).add(one.target)
        beside.setdefault(one.target, set()).add(one.source)
    for _ in range(_SWEEPS):
        places = {
            name: (place + 0.5) / len(column) for column in columns for place, name in enumerate(column)
        }
        columns = [
            sorted(column, key=lambda name: (_mean(places, beside.get(name, ())), name)) for column in columns
        ]
    return columns


def _mean(places: Mapping[str, float], names: Iterable[str]) -> float:
    found = [places[name] for name in names]
    return sum(found) / len(found) if found else 0.5


def _curve(source: Box, target: Box, link: Link, busiest: float, y1: float, y2: float) -> Curve:
    weight = 1 + round(3 * (link.per_second / busiest) ** 0.5) if busiest else 1
    if source.x == target.x:
        # In one column: around the right-hand side.
        x = source.x + BOX_WIDTH
        path = f"M{x} {y1}C{x + 60} {y1} {x + 60} {y2} {x} {y2}"
        return Curve(link, path, weight)
    right = source.x < target.x
    x1, x2 = (source.x + BOX_WIDTH, target.x) if right else (source.x, target.x + BOX_WIDTH)
    bend = (x2 - x1) / 2
    return Curve(link, f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}", weight)
