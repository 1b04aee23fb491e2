"""From OTLP to records: https://opentelemetry.io/docs/specs/otlp/.

This is most of what storing a span costs, so it does what is needed once and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from services.telemetry.domain.facets import ATTRIBUTES, MAX_WORD_LENGTH, Facet, service_of
from services.telemetry.domain.records import LogEntry, SpanRecord

MAX_RECORD_BYTES = 64 << 10
"""Of a larger span or log only what identifies it is kept."""
MAX_WORDS_OF_SPAN = 300
_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_NO_TRACE = bytes(_TRACE_ID_BYTES)
_NO_SPAN = bytes(_SPAN_ID_BYTES)
_number_of = struct.Struct(">q").unpack
_MOST_NANOSECONDS = (1 << 63) - 1


@dataclass(slots=True)
class Decoded:
    """What one or more exports brought."""

    spans: list[SpanRecord] = field(default_factory=list)
    logs: list[LogEntry] = field(default_factory=list)
    malformed: int = 0
    """Spans and logs without usable ids or times."""
    apart: int = 0
    """Logs outside any trace, which are not kept."""


def add_spans(request: ExportTraceServiceRequest, to: Decoded) -> None:
    """The spans of `request`."""
    for group in request.resource_spans:
        service = _service(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                record = _span(span, service)
                if record is None:
                    to.malformed += 1
                else:
                    to.spans.append(record)


def add_logs(request: ExportLogsServiceRequest, to: Decoded) -> None:
    """The logs of `request` that belong to a trace."""
    for group in request.resource_logs:
        service = _service(group.resource.attributes)
        for scope in group.scope_logs:
            for record in scope.log_records:
                trace_id = record.trace_id
                if not trace_id or trace_id == _NO_TRACE:
                    to.apart += 1
                    continue
                time = record.time_unix_nano or record.observed_time_unix_nano
                if len(trace_id) != _TRACE_ID_BYTES or not 0 < time <= _MOST_NANOSECONDS:
                    to.malformed += 1
                    continue
                data = record.SerializeToString()
                if len(data) > MAX_RECORD_BYTES:
                    del record.attributes[:]
                    record.body.string_value = _text(record.body)[: MAX_RECORD_BYTES // 8]
                    data = record.SerializeToString()
                to.logs.append(LogEntry(trace_id, time, service, data))


def _span(span: Span, service: str) -> SpanRecord | None:
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    start, finish = span.start_time_unix_nano, span.end_time_unix_nano
    if (
        len(trace_id) != _TRACE_ID_BYTES
        or len(span_id) != _SPAN_ID_BYTES
        or trace_id == _NO_TRACE
        or span_id == _NO_SPAN
        or not 0 < start <= finish <= _MOST_NANOSECONDS
    ):
        return None
    origin = parent if len(parent) == _SPAN_ID_BYTES and parent != _NO_SPAN else b""
    rooted = not origin
    if rooted and span.links:
        linked = span.links[0].span_id
        origin = linked if len(linked) == _SPAN_ID_BYTES else b""
    data = span.SerializeToString()
    # Most spans have none of the attributes that are looked for; the bytes are asked first, which is cheap.
    found = b"order" in data or b"channel" in data or b"location" in data or b"db.system" in data
    words, peer = _found_by(span) if found else ((), "")
    if len(data) > MAX_RECORD_BYTES:
        data = _cut(span)
    return SpanRecord(
        trace_id,
        _number_of(span_id)[0],
        _number_of(origin)[0] if origin else 0,
        rooted,
        span.kind,
        service,
        span.name[:MAX_WORD_LENGTH],
        start,
        finish,
        span.status.code == Status.STATUS_CODE_ERROR,
        peer,
        words,
        data,
    )


def _found_by(span: Span) -> tuple[Sequence[tuple[Facet, str]], str]:
    """The words of a span, and the database it calls."""
    words: list[tuple[Facet, str]] = []
    peer = ""
    for pair in span.attributes:
        kind = ATTRIBUTES.get(pair.key)
        if kind is not None:
            for text in _texts(pair.value):
                if kind is not Facet.PEER:
                    words.append((kind, text))
                elif span.kind == Span.SPAN_KIND_CLIENT:
                    peer = text
    return words[:MAX_WORDS_OF_SPAN], peer


def _cut(span: Span) -> bytes:
    """The span without what can make it large."""
    span.dropped_attributes_count = len(span.attributes)
    span.dropped_events_count = len(span.events)
    span.dropped_links_count = len(span.links)
    del span.attributes[:], span.events[:], span.links[:]
    span.name = span.name[:MAX_WORD_LENGTH]
    span.status.message = span.status.message[: MAX_RECORD_BYTES // 8]
    span.trace_state = ""
    return span.SerializeToString()


def _service(attributes: Iterable[KeyValue]) -> str:
    for pair in attributes:
        if pair.key == "service.name":
            return service_of(pair.value.string_value)
    return service_of("")


def _texts(value: AnyValue) -> Iterable[str]:
    if value.HasField("array_value"):
        return [_text(one)[:MAX_WORD_LENGTH] for one in value.array_value.values]
    text = _text(value)[:MAX_WORD_LENGTH]
    return (text,) if text else ()


def _text(value: AnyValue) -> str:
    return value.string_value or (str(value.int_value) if value.HasField("int_value") else "")
