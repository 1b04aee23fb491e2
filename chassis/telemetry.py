"""Traces, logs and the metrics endpoint of a process: one `setup`, then `span(...)` and
`current_traceparent()` wherever needed.

Trace context is W3C trace context (https://www.w3.org/TR/trace-context/). The decision to sample is made
where a trace begins and kept by everybody after (parent-based ratio); for a trace that is not sampled only
its `traceparent` is handed on, which is why `span` is next to free then. What fails or takes long in such a
trace leaves a span all the same: `keep` makes it afterwards, from what is known (ADR-0031).
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING

from prometheus_client import start_http_server

from chassis import spans
from chassis.conventions import GROUP_SIZE, KEPT
from chassis.logs import JsonFormatter, forward_logs, setup_logs
from chassis.metrics import REGISTRY, counter, gauge, histogram
from chassis.settings import ChassisSettings, SettingsError, split_listen
from chassis.spans import (
    SPAN_ID,
    TRACE_ID,
    Attribute,
    Kind,
    Span,
    State,
    active,
    child_of,
    is_sampled,
    is_traceparent,
)

if TYPE_CHECKING:
    from socketserver import BaseServer

    from chassis.otlp import Pipeline

__all__ = [
    "Attribute",
    "JsonFormatter",
    "Kind",
    "Span",
    "State",
    "Telemetry",
    "attach",
    "begin",
    "child",
    "counter",
    "current_traceparent",
    "exemplar",
    "finish",
    "from_traceparent",
    "gauge",
    "histogram",
    "is_sampled",
    "keep",
    "new_traceparent",
    "present",
    "setup",
    "setup_logs",
    "shared_span",
    "slow_seconds",
    "span",
    "within",
]

_NEVER = float("inf")
Take = Callable[[Span], None]

_span: ContextVar[Span | None] = ContextVar("aljibe_span", default=None)


def _forget(ended: Span) -> None:
    """Nobody takes spans."""


class _Tracing:
    """What `setup` chose; before it, nothing is sampled."""

    __slots__ = ("ratio", "slow_seconds", "take")

    def __init__(self) -> None:
        self.stop()

    def stop(self) -> None:
        self.take: Take = _forget
        self.ratio = 0.0
        self.slow_seconds = _NEVER


_tracing = _Tracing()


class Telemetry:
    """What `setup` opened; `close` sends what is still buffered and frees the port."""

    def __init__(self, server: BaseServer | None, metrics_port: int, pipeline: Pipeline | None) -> None:
        self._server = server
        self._pipeline = pipeline
        self.metrics_port = metrics_port

    def close(self) -> None:
        """Blocks for at most some seconds."""
        _tracing.stop()
        forward_logs(None)
        if self._pipeline is not None:
            self._pipeline.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def setup(settings: ChassisSettings, *, take: Take | None = None) -> Telemetry:
    """Logs as JSON on stderr, metrics at `metrics_listen`, and traces, logs and metrics by OTLP when an
    endpoint is set.

    `take` gets the spans instead, in tests. Raises SettingsError when an address or a level makes no sense.
    """
    setup_logs(settings.service_name, settings.log_level)
    if not 0.0 <= settings.trace_ratio <= 1.0:
        raise SettingsError(f"OTEL_TRACES_SAMPLER_ARG must be from 0 to 1, not {settings.trace_ratio}")
    pipeline: Pipeline | None = None
    if take is None and settings.otlp_endpoint:
        # Loaded only where they are used: they cost a tenth of a service's start.
        from chassis import metrics_export, otel, otlp, otlp_wire

        process = otel.resource(
            {
                "service.name": f"aljibe-{settings.service_name}",
                "service.namespace": "aljibe",
                "service.instance.id": str(uuid.uuid4()),
            }
        )
        who = otlp_wire.resource(otel.plain(process.attributes))
        started = time.time_ns()
        environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": settings.otlp_endpoint}
        pipeline = otlp.Pipeline(
            environ,
            who,
            lambda: metrics_export.metrics_request(who, started, time.time_ns()).SerializeToString(),
        )
        pipeline.start()
        take = pipeline.take
        forward_logs(pipeline.take_log)
        otel.provide(otel.Bridge(process, settings.trace_ratio, lambda ended: _tracing.take(ended)))
    if take is not None:
        _tracing.take = take
        _tracing.ratio = settings.trace_ratio
        _tracing.slow_seconds = settings.trace_slow_seconds or _NEVER
    server: BaseServer | None = None
    port = 0
    if settings.metrics_listen:
        host, port = split_listen(settings.metrics_listen)
        server, _thread = start_http_server(port, addr=host, registry=REGISTRY)
        port = int(server.server_address[1])
    return Telemetry(server, port, pipeline)


def current_traceparent() -> str | None:
    """The `traceparent` to send with whatever leaves this process now; None outside any trace."""
    return active.get()


def new_traceparent() -> str:
    """The beginning of a trace, sampled by the ratio of the settings. Used where a trace has no parent."""
    ratio = _tracing.ratio
    return spans.new_traceparent(sampled=ratio >= 1.0 or random.random() < ratio)


def attach(traceparent: str | None) -> str:
    """Make `traceparent`, or a new trace when it is absent or malformed, the parent of all that follows in
    this task.
    """
    if traceparent is None or not is_traceparent(traceparent):
        traceparent = new_traceparent()
    active.set(traceparent)
    return traceparent


def within(present: str | None, own: str | None) -> str | None:
    """Of work done for many at once, what one of them goes on with: its `own` traceparent, or the `present`
    one where that is of the same trace, or where it has none.
    """
    if own is None or (present is not None and present[TRACE_ID] == own[TRACE_ID]):
        return present
    return own


@contextmanager
def from_traceparent(traceparent: str | None) -> Iterator[str]:
    """Inside, spans belong to the trace of `traceparent` (from an outbox row or a message); malformed or
    None begins a new one.
    """
    before = active.get()
    try:
        yield attach(traceparent)
    finally:
        active.set(before)


def child(
    name: str,
    kind: Kind = Kind.INTERNAL,
    attributes: Mapping[str, Attribute] | None = None,
    *,
    parent: str | None = None,
    start_nanos: int = 0,
) -> Span | None:
    """A span that begins now, within the trace of `parent` (default: the present one), but is nobody's
    present one; None when the trace is not sampled, or there is none. `finish` ends it.
    """
    if parent is None:
        parent = active.get()
    if parent is None or not is_sampled(parent):
        return None
    return Span(
        name,
        kind,
        child_of(parent),
        parent[SPAN_ID],
        dict(attributes) if attributes else {},
        start_nanos or time.time_ns(),
    )


def finish(ended: Span, *, end_nanos: int = 0) -> None:
    """The span ends now, and is sent."""
    ended.end_nanos = end_nanos or time.time_ns()
    _tracing.take(ended)


def begin(traceparent: str, name: str, kind: Kind, attributes: Mapping[str, Attribute]) -> Span | None:
    """At the edge, whose task is its own: the first span of the caller's trace here, and from now on the
    present one; None when the trace is not sampled. `finish` ends it.
    """
    if not is_sampled(traceparent):
        return None
    begun = Span(name, kind, child_of(traceparent), traceparent[SPAN_ID], dict(attributes), time.time_ns())
    active.set(begun.traceparent)
    _span.set(begun)
    return begun


_UNRECORDED: AbstractContextManager[Span | None] = nullcontext()


def span(
    name: str,
    kind: Kind = Kind.INTERNAL,
    attributes: Mapping[str, Attribute] | None = None,
    links: Sequence[str] = (),
) -> AbstractContextManager[Span | None]:
    """A span around the block, child of the one it is in; yields None when the trace is not sampled.

    An exception that leaves the block marks the span as failed, unless it is a refusal. Outside any trace a
    new one begins.
    """
    parent = active.get()
    if parent is not None and not is_sampled(parent):
        return _UNRECORDED
    return _Recording(parent, name, kind, attributes, links)


class _Recording:
    __slots__ = ("_before", "_outer", "_started")

    def __init__(
        self,
        parent: str | None,
        name: str,
        kind: Kind,
        attributes: Mapping[str, Attribute] | None,
        links: Sequence[str],
    ) -> None:
        self._before = parent
        self._outer = _span.get()
        started = time.time_ns()
        given = dict(attributes) if attributes else {}
        if parent is None:
            self._started = Span(name, kind, new_traceparent(), "", given, started)
        else:
            self._started = Span(name, kind, child_of(parent), parent[SPAN_ID], given, started)
        self._started.links += links

    def __enter__(self) -> Span | None:
        started = self._started
        active.set(started.traceparent)
        if not is_sampled(started.traceparent):
            return None
        _span.set(started)
        return started

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        started = self._started
        active.set(self._before)
        if not is_sampled(started.traceparent):
            return
        _span.set(self._outer)
        if error is not None:
            started.raised(error)
        finish(started)


def present() -> Span | None:
    """The span of the work being done, to say more on it; None when its trace is not sampled."""
    found = _span.get()
    return found if found is not None and found.traceparent == active.get() else None


def keep(
    name: str,
    kind: Kind,
    seconds: float,
    attributes: Mapping[str, Attribute],
    *,
    traceparent: str,
    error: str = "",
    begun_here: bool = False,
) -> None:
    """A span of a trace that is not sampled, made after the work of `seconds` that ended just now: for what
    failed with `error`, or took too long. `traceparent` is that of the work; `begun_here` says that the
    trace began with it.
    """
    ended = time.time_ns()
    kept = Span(
        name,
        kind,
        traceparent if begun_here else child_of(traceparent),
        "" if begun_here else traceparent[SPAN_ID],
        {**attributes, KEPT: "error" if error else "slow"},
        ended - int(seconds * 1e9),
    )
    if error:
        kept.failed(error)
    finish(kept, end_nanos=ended)


def slow_seconds() -> float:
    """From which time on a request is slow; infinite when nobody wants to know."""
    return _tracing.slow_seconds


def exemplar(traceparent: str) -> dict[str, str]:
    """What leads from a metric to the trace, for `observe` of a histogram."""
    return {"trace_id": traceparent[TRACE_ID], "span_id": traceparent[SPAN_ID]}


@contextmanager
def shared_span(
    name: str, members: Sequence[tuple[str | None, int]], attributes: Mapping[str, Attribute] | None = None
) -> Iterator[None]:
    """A span around work that serves many traces at once: of each caller its traceparent, and when it came.

    It is part of the first sampled one. Every other sampled caller gets a span of its own, from its coming to
    the end of the work, and both are linked to each other (OpenTelemetry span links). When none is sampled,
    what is called from inside is not either.
    """
    known = [one for one in members if one[0] is not None]
    sampled = [(one, came) for one, came in known if one is not None and is_sampled(one)]
    lead = sampled[0][0] if sampled else known[0][0] if known else None
    if lead is None:
        yield
        return
    with from_traceparent(lead), span(name, attributes=attributes) as started:
        if started is None:
            yield
            return
        started.attributes[GROUP_SIZE] = len(members)
        others = [
            Span(name, Kind.INTERNAL, child_of(one), one[SPAN_ID], {GROUP_SIZE: len(members)}, came)
            for one, came in sampled[1:]
        ]
        started.links += [one.traceparent for one in others]
        for one in others:
            one.links.append(started.traceparent)
        try:
            yield
        except BaseException as error:
            for one in others:
                one.raised(error)
            raise
        finally:
            for one in others:
                finish(one)
