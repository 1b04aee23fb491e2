"""Who reaches whom: spans of servers and consumers beside the spans they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

K = TypeVar("K")

CALL, MESSAGE, STATEMENT = 1, 2, 3
SERVER, CONSUMER = 2, 5
"""Kinds of spans, as OpenTelemetry numbers them."""


class Seen(NamedTuple):
    """What of a span matters here; services and databases by the id of their word."""

    kind: int
    service: int
    span_id: int
    origin: int
    """The span that it comes from; 0: none."""
    peer: int
    """The database that it calls; 0: none."""
    failed: int
    duration: int
    """Nanoseconds."""


class Tally:
    """Calls of one sort."""

    __slots__ = ("durations", "failed")

    def __init__(self) -> None:
        self.durations: list[int] = []
        self.failed = 0

    def add(self, failed: int, duration: int) -> None:
        """One more."""
        self.durations.append(duration)
        self.failed += failed

    def percentile(self, percent: int) -> int:
        """By nearest rank: the least duration that so many of a hundred calls did not exceed. Nanoseconds."""
        self.durations.sort()
        rank = -(-percent * len(self.durations) // 100)
        return self.durations[max(rank, 1) - 1]


Nodes = dict[int, Tally]
Edges = dict[tuple[int, int, int], Tally]


def draw(spans: Sequence[tuple[int, int, int, int, int, int, int]]) -> tuple[Nodes, Edges]:
    """What each service handled, and what one asked of another (from, to, how), of spans as `Seen` has them.

    A call whose caller is not among `spans` counts for its node and makes no edge.
    """
    services = {span_id: service for _, service, span_id, _, _, _, _ in spans}
    nodes: Nodes = {}
    edges: Edges = {}
    for kind, service, _, origin, peer, failed, duration in spans:
        if peer:
            _add(nodes, peer, failed, duration)
            _add(edges, (service, peer, STATEMENT), failed, duration)
        if kind in (SERVER, CONSUMER):
            _add(nodes, service, failed, duration)
            source = services.get(origin, service)
            if source != service:
                how = CALL if kind == SERVER else MESSAGE
                _add(edges, (source, service, how), failed, duration)
    return nodes, edges


def words_of(nodes: Nodes, edges: Edges) -> Iterable[int]:
    """All services and databases that are spoken of."""
    return {*nodes, *(source for source, _, _ in edges), *(target for _, target, _ in edges)}


def _add(tallies: dict[K, Tally], key: K, failed: int, duration: int) -> None:
    tally = tallies.get(key)
    if tally is None:
        tally = tallies[key] = Tally()
    tally.add(failed, duration)
