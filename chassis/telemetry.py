"""Traces, logs and the metrics endpoint of a process: one `setup`, then `span(...)` and
`current_traceparent()` wherever needed.

Trace context is W3C trace context (https://www.w3.org/TR/trace-context/). The decision to sample is made
where a trace begins and kept by everybody after (parent-based ratio); for a trace that is not sampled no
OpenTelemetry object is made,
only its `traceparent` is handed on, which is why `span` is next to free then.
"""

from __future__ import annotations

import json
import logging
import random
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from prometheus_client import start_http_server

from chassis.metrics import REGISTRY, counter, gauge, histogram
from chassis.settings import ChassisSettings, SettingsError, split_listen

if TYPE_CHECKING:
    from socketserver import BaseServer

    from chassis.metrics_export import MetricsExport

__all__ = [
    "Telemetry",
    "attach",
    "counter",
    "current_traceparent",
    "from_traceparent",
    "gauge",
    "histogram",
    "new_traceparent",
    "setup",
    "shared_span",
    "span",
]

Attribute = str | int | float | bool

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = "13579bdf"
# Positions of the fixed-width fields of a version 00 traceparent.
_TRACE_ID = slice(3, 35)
_SPAN_ID = slice(36, 52)
_FLAG = 54

_active: ContextVar[str | None] = ContextVar("aljibe_traceparent", default=None)


class _Tracing:
    """What `setup` chose; before it, nothing is sampled."""

    def __init__(self) -> None:
        self.tracer: trace.Tracer = trace.NoOpTracer()
        self.ratio = 0.0

    def stop(self) -> None:
        self.tracer = trace.NoOpTracer()
        self.ratio = 0.0


_tracing = _Tracing()


class Telemetry:
    """What `setup` opened; `close` sends what is still buffered and frees the port."""

    def __init__(
        self,
        provider: TracerProvider,
        server: BaseServer | None,
        metrics_port: int,
        export: MetricsExport | None,
    ) -> None:
        self._provider = provider
        self._server = server
        self._export = export
        self.metrics_port = metrics_port

    def close(self) -> None:
        """Blocks for at most some seconds."""
        if self._export is not None:
            self._export.close()
        _tracing.stop()
        self._provider.shutdown()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def setup(settings: ChassisSettings, *, processor: SpanProcessor | None = None) -> Telemetry:
    """Logs as JSON on stderr, metrics at `metrics_listen`, and traces and metrics by OTLP when an endpoint
    is set.

    `processor` takes the spans instead, in tests. Raises SettingsError when an address or a level makes no
    sense.
    """
    setup_logs(settings.service_name, settings.log_level)
    if not 0.0 <= settings.trace_ratio <= 1.0:
        raise SettingsError(f"OTEL_TRACES_SAMPLER_ARG must be from 0 to 1, not {settings.trace_ratio}")
    resource = Resource.create(
        {"service.name": f"aljibe-{settings.service_name}", "service.namespace": "aljibe"}
    )
    # Sampling is decided here and in `span`: whatever reaches the provider is to be recorded.
    provider = TracerProvider(resource=resource, sampler=ALWAYS_ON)
    export: MetricsExport | None = None
    if processor is not None:
        provider.add_span_processor(processor)
    elif settings.otlp_endpoint:
        # Loaded only where they are used: they cost a fifth of a service's start.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        from chassis.metrics_export import MetricsExport

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        export = MetricsExport(resource)
        export.start()
    _tracing.tracer = provider.get_tracer("aljibe")
    _tracing.ratio = settings.trace_ratio if settings.otlp_endpoint or processor is not None else 0.0
    server: BaseServer | None = None
    port = 0
    if settings.metrics_listen:
        host, port = split_listen(settings.metrics_listen)
        server, _thread = start_http_server(port, addr=host, registry=REGISTRY)
        port = int(server.server_address[1])
    return Telemetry(provider, server, port, export)


def current_traceparent() -> str | None:
    """The `traceparent` to send with whatever leaves this process now; None outside any trace."""
    return _active.get()


def new_traceparent() -> str:
    """The beginning of a trace, sampled by the ratio of the settings. Used where a trace has no parent."""
    flags = "01" if _tracing.ratio >= 1.0 or random.random() < _tracing.ratio else "00"
    digits = random.randbytes(24).hex()
    return f"00-{digits[:32]}-{digits[32:]}-{flags}"


def attach(traceparent: str | None) -> str:
    """Make `traceparent`, or a new trace when it is absent or malformed, the parent of all that follows in
    this task.
    """
    if traceparent is None or _TRACEPARENT.fullmatch(traceparent) is None:
        traceparent = new_traceparent()
    _active.set(traceparent)
    return traceparent


def is_sampled(traceparent: str) -> bool:
    """Whether the trace is recorded."""
    return traceparent[_FLAG] in _SAMPLED


@contextmanager
def from_traceparent(traceparent: str | None) -> Iterator[str]:
    """Inside, spans belong to the trace of `traceparent` (from an outbox row or a message); malformed or
    None begins a new one.
    """
    before = _active.get()
    try:
        yield attach(traceparent)
    finally:
        _active.set(before)


_UNRECORDED: AbstractContextManager[Span | None] = nullcontext()


def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: Attribute
) -> AbstractContextManager[Span | None]:
    """A span around the block, child of the one it is in; yields None when the trace is not sampled.

    An exception that leaves the block marks the span as failed. Outside any trace a new one begins.
    """
    parent = _active.get()
    if parent is not None and not is_sampled(parent):
        return _UNRECORDED
    return _span(name, kind, attributes)


@contextmanager
def _span(name: str, kind: SpanKind, attributes: Mapping[str, Attribute]) -> Iterator[Span | None]:
    parent = _active.get()
    root = parent is None
    if parent is None:
        parent = new_traceparent()
    if not is_sampled(parent):
        _active.set(parent)
        try:
            yield None
        finally:
            _active.set(None)
        return
    started = _tracing.tracer.start_span(
        name, context=None if root else _as_context(parent), kind=kind, attributes=attributes
    )
    _active.set(_traceparent_of(started))
    try:
        yield started
    except BaseException as error:
        started.record_exception(error)
        started.set_status(Status(StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        started.end()
        _active.set(None if root else parent)


@contextmanager
def shared_span(name: str, traceparents: Sequence[str | None]) -> Iterator[None]:
    """A span around work that serves many traces at once, one entry for each caller.

    It is part of the first sampled one, and linked to the others (OpenTelemetry span links), so that every
    caller's trace leads to it. When none is sampled, what is called from inside is not either.
    """
    known = [one for one in traceparents if one is not None]
    sampled = [one for one in known if is_sampled(one)]
    lead = next(iter(sampled or known), None)
    if lead is None:
        yield
        return
    with from_traceparent(lead), span(name) as started:
        if started is not None:
            started.set_attribute("aljibe.group.size", len(traceparents))
            for other in dict.fromkeys(sampled):
                if other != lead:
                    started.add_link(trace.get_current_span(_as_context(other)).get_span_context())
        yield


def _as_context(traceparent: str) -> otel_context.Context:
    remote = SpanContext(
        trace_id=int(traceparent[_TRACE_ID], 16),
        span_id=int(traceparent[_SPAN_ID], 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(NonRecordingSpan(remote), otel_context.Context())


def _traceparent_of(started: Span) -> str:
    found = started.get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags):02x}"


_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, event, the record's extra fields, trace ids, and the
    traceback of an exception.
    """

    def __init__(self, service_name: str) -> None:
        super().__init__()
        self._service_name = service_name

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service_name,
            "logger": record.name,
            "event": record.getMessage(),
        }
        traceparent = _active.get()
        if traceparent is not None:
            line["trace_id"] = traceparent[_TRACE_ID]
            line["span_id"] = traceparent[_SPAN_ID]
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(line, default=str, ensure_ascii=False)


def setup_logs(service_name: str, level: str) -> None:
    """Send the process's logs to stderr as JSON. Raises SettingsError for an unknown level."""
    levels: Mapping[str, int] = logging.getLevelNamesMapping()
    if level.upper() not in levels:
        raise SettingsError(f"ALJIBE_LOG_LEVEL must be one of {', '.join(levels)}, not {level!r}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service_name))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(levels[level.upper()])
