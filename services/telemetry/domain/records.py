"""Spans and logs as they are stored, and what a search asks and gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.telemetry.domain.facets import Facet


class SpanRecord(NamedTuple):
    """A span with what it is found by; `data` is all of it. Times are nanoseconds since 1970."""

    trace_id: bytes
    span_id: int
    origin: int
    """Its parent, or, without one, the first span it is linked to; 0: none."""
    rooted: bool
    """Whether it has no parent."""
    kind: int
    service: str
    name: str
    start: int
    finish: int
    failed: bool
    peer: str
    words: Sequence[tuple[Facet, str]]
    data: bytes


class LogEntry(NamedTuple):
    """A log within a trace; `data` is all of it."""

    trace_id: bytes
    time: int
    service: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which traces; what is empty or None does not matter. Times are nanoseconds since 1970."""

    words: Sequence[tuple[Facet, str]] = ()
    name_prefix: str = ""
    min_duration: int = 0
    errors_only: bool = False
    start_from: int | None = None
    start_to: int | None = None
    after: tuple[int, int] | None = None
    """Start and key of the last trace of the page before."""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A trace in one line."""

    key: int
    """Its place among traces that began at the same time."""
    trace_id: str
    root_name: str
    root_service: str
    start: int
    finish: int
    spans: int
    errors: int
    services: Sequence[str]
    order_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stored:
    """All of a trace: service and bytes of each span and log, and how many were left out."""

    spans: Sequence[tuple[str, bytes]]
    logs: Sequence[tuple[str, bytes]]
    omitted: int


@dataclass(frozen=True, slots=True)
class Node:
    """What a service handled. Durations are nanoseconds."""

    service: str
    calls: int
    failed: int
    p50: int
    p99: int


@dataclass(frozen=True, slots=True)
class Edge:
    """What one service asked of another; `kind` is 1 for calls, 2 for messages, 3 for statements."""

    source: str
    target: str
    kind: int
    calls: int
    failed: int
    p99: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How full the store is."""

    spans: int
    logs: int
    traces: int
    bytes: int
    oldest_start: int | None
