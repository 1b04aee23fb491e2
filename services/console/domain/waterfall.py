"""A trace as a waterfall: its spans as rows of bounded number, and what is folded away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

MAX_ROWS = 200
LONG_WAIT = 0.5
LONG_WAIT_SECONDS = 5.0
"""A time in which nothing ran is left out when it is longer than this, and than `LONG_WAIT` of the time in
which anything did: an order's trace goes on when a store picks it, hours later.
"""
_SHOWN_OF_WAIT = 0.02
ALIKE_SHOWN = 3
"""Of sibling spans of one name so many are shown; the rest are one row, unless they failed."""


@dataclass(frozen=True, slots=True)
class Span:
    """As much of a span as the drawing needs. `parent_id` empty: a root."""

    span_id: str
    parent_id: str
    service: str
    name: str
    start: datetime
    seconds: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the waterfall; offset and width are shares of the whole, 0 to 1.

    `hidden`: spans below it that are folded away. `waited`: seconds in which nothing ran before it, where
    they are left out of the drawing. `alike`: this row stands for so many siblings of its name beside those
    shown, and has no span of its own.
    """

    span: Span
    depth: int
    offset: float
    width: float
    own_seconds: float
    hidden: int = 0
    alike: int = 0
    failed_below: bool = False
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Rows in order of drawing, and the time that their shares are of."""

    rows: tuple[Row, ...]
    start: datetime
    seconds: float
    span_count: int
    hidden_count: int
    path: tuple[Span, ...] = ()
    """Where only a part is shown: the spans above it, outermost first."""


@dataclass(slots=True, eq=False)
class _Node:
    span: Span
    children: list[_Node] = field(default_factory=list)
    size: int = 1
    failed: bool = False


def waterfall(spans: Sequence[Span], *, root: str = "", most_rows: int = MAX_ROWS) -> Waterfall | None:
    """The waterfall of a trace, or of what is below the span ``root``; None without spans.

    A span whose parent is not there is a root. Rows are at most ``most_rows``: siblings alike are one row,
    and then what took least is folded into its parent first. What failed, and what leads to it, stays as
    long as there is room.
    """
    nodes = {span.span_id: _Node(span) for span in spans}
    if not nodes:
        return None
    roots = _tree(nodes)
    shown = [nodes[root]] if root in nodes else roots
    start = min(node.span.start for node in shown)
    inside = list(_all(shown))
    end = max((node.span.start - start).total_seconds() + node.span.seconds for node in inside)
    drawing = _Drawing(start, _Clock(start, inside), _opened(shown, most_rows))
    rows = tuple(drawing.rows(shown, 0))[:most_rows]
    return Waterfall(
        rows,
        start,
        end,
        len(nodes),
        len(inside) - sum(1 for row in rows if not row.alike),
        tuple(_above(nodes, root)),
    )


def _tree(nodes: Mapping[str, _Node]) -> list[_Node]:
    roots = []
    for node in sorted(nodes.values(), key=lambda one: (one.span.start, one.span.span_id)):
        parent = nodes.get(node.span.parent_id)
        if parent is None or parent is node:
            roots.append(node)
        else:
            parent.children.append(node)
    reached = {id(node) for node in _all(roots)}
    # Spans that are each other's parents lead nowhere: each is shown by itself.
    for node in nodes.values():
        if id(node) not in reached:
            node.children = []
            roots.append(node)
    for node in reversed(list(_all(roots))):
        node.size = 1 + sum(child.size for child in node.children)
        node.failed = node.span.failed or any(child.failed for child in node.children)
    return roots


def _all(roots: Iterable[_Node]) -> Iterator[_Node]:
    """Every node, parents before their children; without recursion, since chains may be long."""
    waiting = list(reversed(list(roots)))
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.children)


def _above(nodes: Mapping[str, _Node], root: str) -> list[Span]:
    found: list[Span] = []
    node = nodes.get(root)
    while node is not None and len(found) < len(nodes):
        node = nodes.get(node.span.parent_id)
        if node is not None:
            found.append(node.span)
    return found[::-1]


def _opened(roots: Sequence[_Node], most_rows: int) -> set[str]:
    """The spans whose children are shown: opened one by one, failed ones first and then the longest, while
    rows last.
    """
    opened: set[str] = set()
    left = most_rows - len(roots)
    waiting = list(roots)
    while waiting:
        waiting.sort(key=lambda one: (one.failed, one.span.seconds), reverse=True)
        node = waiting.pop(0)
        needed = sum(1 for _ in _siblings(node.children))
        if not node.children or needed > left:
            continue
        left -= needed
        opened.add(node.span.span_id)
        waiting += [child for child, alike in _siblings(node.children) if not alike]
    return opened


def _siblings(children: Sequence[_Node]) -> Iterator[tuple[_Node, list[_Node]]]:
    """Children to show, each with nothing, or the first of those alike with all that it stands for."""
    counted: dict[tuple[str, str], int] = {}
    folded: dict[tuple[str, str], list[_Node]] = {}
    for child in children:
        kind = child.span.service, child.span.name
        counted[kind] = counted.get(kind, 0) + 1
        if counted[kind] > ALIKE_SHOWN and not child.failed:
            folded.setdefault(kind, []).append(child)
    # One alone is no shorter folded.
    hidden = {child: group for group in folded.values() if len(group) > 1 for child in group}
    for child in children:
        group = hidden.get(child, [])
        if not group or group[0] is child:
            yield child, group


class _Drawing:
    """Turns nodes into rows."""

    def __init__(self, start: datetime, clock: _Clock, opened: set[str]) -> None:
        self._start, self._clock, self._opened = start, clock, opened
        self._told: set[float] = set()

    def rows(self, nodes: Sequence[_Node], depth: int) -> Iterator[Row]:
        """Rows of nodes and of what is opened below them."""
        waiting = [(node, alike, depth) for node, alike in reversed(list(_siblings(nodes)))]
        while waiting:
            node, alike, level = waiting.pop()
            if alike:
                yield self._group(alike, level)
                continue
            folded = bool(node.children) and node.span.span_id not in self._opened
            yield self._row(node, level, node.size - 1 if folded else 0)
            if not folded:
                waiting += [
                    (child, more, level + 1) for child, more in reversed(list(_siblings(node.children)))
                ]

    def _row(self, node: _Node, depth: int, hidden: int) -> Row:
        begin = (node.span.start - self._start).total_seconds()
        offset = self._clock.share(begin)
        width = self._clock.share(begin + node.span.seconds) - offset
        below = hidden > 0 and any(child.failed for child in node.children)
        waited = self._clock.waited(begin)
        if begin in self._told:
            waited = 0.0
        self._told.add(begin)
        return Row(
            node.span, depth, offset, width, _own(node), hidden=hidden, failed_below=below, waited=waited
        )

    def _group(self, nodes: Sequence[_Node], depth: int) -> Row:
        first = min(node.span.start for node in nodes)
        seconds = max((node.span.start - first).total_seconds() + node.span.seconds for node in nodes)
        lead = nodes[0].span
        span = Span("", lead.parent_id, lead.service, lead.name, first, seconds)
        begin = (first - self._start).total_seconds()
        offset = self._clock.share(begin)
        return Row(
            span,
            depth,
            offset,
            self._clock.share(begin + seconds) - offset,
            sum(node.span.seconds for node in nodes),
            hidden=sum(node.size for node in nodes),
            alike=len(nodes),
        )


class _Clock:
    """Turns seconds from the beginning into shares of the drawing, without the long waits."""

    def __init__(self, start: datetime, nodes: Sequence[_Node]) -> None:
        spans = sorted(((one.span.start - start).total_seconds(), one.span.seconds) for one in nodes)
        runs: list[list[float]] = []
        for begin, seconds in spans:
            if runs and begin <= runs[-1][1]:
                runs[-1][1] = max(runs[-1][1], begin + seconds)
            else:
                runs.append([begin, begin + seconds])
        busy = max(sum(end - begin for begin, end in runs), 1e-6)
        self._waits: list[tuple[float, float]] = [
            (before[1], after[0])
            for before, after in pairwise(runs)
            if after[0] - before[1] > max(busy * LONG_WAIT, LONG_WAIT_SECONDS)
        ]
        self._shown_of_wait = busy * _SHOWN_OF_WAIT
        self._whole = max(self._drawn(runs[-1][1]), 1e-6)

    def share(self, seconds: float) -> float:
        """0 to 1."""
        return min(1.0, max(0.0, self._drawn(seconds) / self._whole))

    def waited(self, seconds: float) -> float:
        """Seconds of the wait that ends then; 0 where none does."""
        return next((end - begin for begin, end in self._waits if end == seconds), 0.0)

    def _drawn(self, seconds: float) -> float:
        left_out = 0.0
        for begin, end in self._waits:
            if seconds >= end:
                left_out += end - begin - self._shown_of_wait
            elif seconds > begin:
                left_out += (seconds - begin) * (1 - self._shown_of_wait / (end - begin))
        return seconds - left_out


def _own(node: _Node) -> float:
    """Seconds of a span in which none of its children ran."""
    begin = node.span.start
    spans = sorted(
        ((child.span.start - begin).total_seconds(), child.span.seconds) for child in node.children
    )
    busy, reached = 0.0, 0.0
    for offset, seconds in spans:
        left, right = max(offset, reached), min(offset + seconds, node.span.seconds)
        if right > left:
            busy += right - left
            reached = right
    return max(0.0, node.span.seconds - busy)
