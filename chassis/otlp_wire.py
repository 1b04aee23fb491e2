"""Spans and log records in OTLP's wire form (https://opentelemetry.io/docs/specs/otlp/).

Written by `chassis/wire.py` from the contract's descriptors: an object per span, attribute and value would
cost ten times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from chassis.spans import SPAN_ID, TRACE_ID, Attribute, Event, Span, State, is_sampled
from chassis.wire import writer

SCOPE = "aljibe"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

_span = writer(trace_pb2.Span)
_event = writer(trace_pb2.Span.Event)
_link = writer(trace_pb2.Span.Link)
_status = writer(trace_pb2.Status)
_key_value = writer(common_pb2.KeyValue)
_any_value = writer(common_pb2.AnyValue)
_log = writer(logs_pb2.LogRecord)
_scope = writer(common_pb2.InstrumentationScope)(name=SCOPE)
_resource = writer(resource_pb2.Resource)
_scope_spans = writer(trace_pb2.ScopeSpans)
_resource_spans = writer(trace_pb2.ResourceSpans)
_traces = writer(trace_service_pb2.ExportTraceServiceRequest)
_scope_logs = writer(logs_pb2.ScopeLogs)
_resource_logs = writer(logs_pb2.ResourceLogs)
_logs = writer(logs_service_pb2.ExportLogsServiceRequest)

_STATUS = {state: _status(code=int(state)) for state in State}
# The parent, and what a link leads to, may be in another process: OTLP's CONTEXT_HAS_IS_REMOTE is left unset,
# which says that it is not known.
_SAMPLED_FLAG = 1


class LogEntry(NamedTuple):
    """A log record on its way out; `severity` is OTLP's number, `traceparent` None outside any trace."""

    time_nanos: int
    severity: int
    severity_text: str
    body: str
    attributes: Mapping[str, Attribute]
    traceparent: str | None


def resource(attributes: Mapping[str, Attribute]) -> bytes:
    """Who sends."""
    return _resource(attributes=_attributes(attributes))


def traces(who: bytes, spans: Iterable[Span]) -> bytes:
    """An ExportTraceServiceRequest of ended spans."""
    inner = _scope_spans(scope=_scope, spans=[_span_wire(one) for one in spans], schema_url=SCHEMA_URL)
    return _traces(resource_spans=[_resource_spans(resource=who, scope_spans=[inner])])


def logs(who: bytes, entries: Iterable[LogEntry]) -> bytes:
    """An ExportLogsServiceRequest."""
    inner = _scope_logs(scope=_scope, log_records=[_log_wire(one) for one in entries], schema_url=SCHEMA_URL)
    return _logs(resource_logs=[_resource_logs(resource=who, scope_logs=[inner])])


def _span_wire(span: Span) -> bytes:
    traceparent = span.traceparent
    return _span(
        trace_id=bytes.fromhex(traceparent[TRACE_ID]),
        span_id=bytes.fromhex(traceparent[SPAN_ID]),
        parent_span_id=bytes.fromhex(span.parent_id),
        flags=_SAMPLED_FLAG if is_sampled(traceparent) else 0,
        name=span.name,
        kind=int(span.kind),
        start_time_unix_nano=span.start_nanos,
        end_time_unix_nano=span.end_nanos,
        attributes=_attributes(span.attributes),
        events=[_event_wire(one) for one in span.events],
        links=[_link_wire(one) for one in span.links],
        status=_STATUS[span.state] if span.state else None,
    )


def _event_wire(event: Event) -> bytes:
    return _event(time_unix_nano=event.time_nanos, name=event.name, attributes=_attributes(event.attributes))


def _link_wire(traceparent: str) -> bytes:
    return _link(
        trace_id=bytes.fromhex(traceparent[TRACE_ID]),
        span_id=bytes.fromhex(traceparent[SPAN_ID]),
        flags=_SAMPLED_FLAG if is_sampled(traceparent) else 0,
    )


def _log_wire(entry: LogEntry) -> bytes:
    traceparent = entry.traceparent
    return _log(
        time_unix_nano=entry.time_nanos,
        observed_time_unix_nano=entry.time_nanos,
        severity_number=entry.severity,
        severity_text=entry.severity_text,
        body=_any_value(string_value=entry.body),
        attributes=_attributes(entry.attributes),
        trace_id=bytes.fromhex(traceparent[TRACE_ID]) if traceparent else b"",
        span_id=bytes.fromhex(traceparent[SPAN_ID]) if traceparent else b"",
        flags=_SAMPLED_FLAG if traceparent and is_sampled(traceparent) else 0,
    )


def _attributes(values: Mapping[str, Attribute]) -> list[bytes]:
    return [_attribute(name, value, type(value).__name__) for name, value in values.items()]


@lru_cache(maxsize=8192)
def _attribute(name: str, value: Attribute, kind: str) -> bytes:
    """Most values come again and again: names of methods, queries, channels. The type is part of the key, for
    1, 1.0 and True are equal.
    """
    if kind == "bool":
        wire = _any_value(bool_value=int(value))
    elif isinstance(value, int):
        wire = _any_value(int_value=value)
    elif isinstance(value, float):
        wire = _any_value(double_value=value)
    else:
        wire = _any_value(string_value=value)
    return _key_value(key=name, value=wire)
