"""Between the contract's messages and what the store knows."""

from __future__ import annotations

import json

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from aljibe.telemetry.v1 import traces_pb2 as pb
from services.telemetry.domain.facets import Facet
from services.telemetry.domain.records import Edge, Found, Node, Query, Stored

DEFAULT_PAGE_SIZE = 50
_MOST_NANOSECONDS = (1 << 63) - 1


def query_of(request: pb.SearchTracesRequest, after: tuple[str, ...] | None) -> Query:
    """The search, with one trace more than the page, which tells whether there is a next one."""
    words = (
        (Facet.ORDER, request.order_id),
        (Facet.CHANNEL, request.channel_id),
        (Facet.LOCATION, request.location_id),
        (Facet.SERVICE, request.service),
    )
    return Query(
        words=[(kind, text) for kind, text in words if text],
        name_prefix=request.name_prefix,
        min_duration=_clamped(request.min_duration.ToNanoseconds()),
        errors_only=request.errors_only,
        start_from=_clamped(request.start_from.ToNanoseconds()) if request.HasField("start_from") else None,
        start_to=_clamped(request.start_to.ToNanoseconds()) if request.HasField("start_to") else None,
        after=(int(after[0]), int(after[1])) if after else None,
        limit=(request.page_size or DEFAULT_PAGE_SIZE) + 1,
    )


def summary_of(found: Found) -> pb.TraceSummary:
    """A trace in one line."""
    return pb.TraceSummary(
        trace_id=found.trace_id,
        root_name=found.root_name,
        root_service=found.root_service,
        start_time=time_of(found.start),
        duration=duration_of(found.finish - found.start),
        span_count=found.spans,
        error_count=found.errors,
        services=found.services,
        order_ids=found.order_ids,
    )


def trace_of(trace_id: str, stored: Stored) -> pb.Trace:
    """All of a trace. A span that was sent twice, because its sender had no answer, is there once."""
    trace = pb.Trace(trace_id=trace_id, omitted_count=stored.omitted)
    seen: set[bytes] = set()
    for service, data in stored.spans:
        span = Span.FromString(data)
        if span.span_id not in seen:
            seen.add(span.span_id)
            _add_span(trace, service, span)
    for service, data in stored.logs:
        record = LogRecord.FromString(data)
        log = trace.logs.add(
            time=time_of(record.time_unix_nano or record.observed_time_unix_nano),
            service=service,
            severity=record.severity_text or _severity(record.severity_number),
            body=text_of(record.body),
            span_id=record.span_id.hex(),
        )
        for pair in record.attributes:
            log.attributes[pair.key] = text_of(pair.value)
    trace.logs.sort(key=lambda log: log.time.ToNanoseconds())
    return trace


def node_of(node: Node, seconds: float) -> pb.ServiceNode:
    """What a service handled, over so many seconds."""
    return pb.ServiceNode(
        service=node.service,
        calls_per_second=node.calls / seconds,
        error_share=node.failed / node.calls,
        p50=duration_of(node.p50),
        p99=duration_of(node.p99),
    )


def edge_of(edge: Edge, seconds: float) -> pb.ServiceEdge:
    """What one asked of another, over so many seconds."""
    found = pb.ServiceEdge(
        to=edge.target,
        kind=_CALLS[edge.kind],
        calls_per_second=edge.calls / seconds,
        error_share=edge.failed / edge.calls,
        p99=duration_of(edge.p99),
    )
    setattr(found, "from", edge.source)
    return found


def text_of(value: AnyValue) -> str:
    """An attribute's value for people; lists and maps as JSON."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind is None:
        return ""
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def time_of(nanoseconds: int) -> Timestamp:
    """A moment."""
    seconds, nanos = divmod(nanoseconds, 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanos)


def duration_of(nanoseconds: int) -> Duration:
    """A time, never negative."""
    seconds, nanos = divmod(max(0, nanoseconds), 1_000_000_000)
    return Duration(seconds=seconds, nanos=nanos)


def _add_span(trace: pb.Trace, service: str, span: Span) -> None:
    added = trace.spans.add(
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        service=service,
        name=span.name,
        kind=_KINDS.get(span.kind, pb.SPAN_KIND_UNSPECIFIED),
        start_time=time_of(span.start_time_unix_nano),
        duration=duration_of(span.end_time_unix_nano - span.start_time_unix_nano),
        state=_STATES.get(span.status.code, pb.SPAN_STATE_UNSPECIFIED),
        state_message=span.status.message,
        links=[pb.SpanLink(trace_id=link.trace_id.hex(), span_id=link.span_id.hex()) for link in span.links],
    )
    for pair in span.attributes:
        added.attributes[pair.key] = text_of(pair.value)
    for event in span.events:
        told = added.events.add(time=time_of(event.time_unix_nano), name=event.name)
        for pair in event.attributes:
            told.attributes[pair.key] = text_of(pair.value)


def _plain(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind) if kind else None


def _severity(number: int) -> str:
    """The name of a severity's range: https://opentelemetry.io/docs/specs/otel/logs/data-model/#severity-fields."""
    names = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    return names[(number - 1) // 4] if 1 <= number <= 4 * len(names) else ""


def _clamped(nanoseconds: int) -> int:
    return max(-_MOST_NANOSECONDS, min(nanoseconds, _MOST_NANOSECONDS))


_KINDS = {
    Span.SPAN_KIND_INTERNAL: pb.SPAN_KIND_INTERNAL,
    Span.SPAN_KIND_SERVER: pb.SPAN_KIND_SERVER,
    Span.SPAN_KIND_CLIENT: pb.SPAN_KIND_CLIENT,
    Span.SPAN_KIND_PRODUCER: pb.SPAN_KIND_PRODUCER,
    Span.SPAN_KIND_CONSUMER: pb.SPAN_KIND_CONSUMER,
}
_CALLS = {1: pb.CALL_KIND_RPC, 2: pb.CALL_KIND_MESSAGE, 3: pb.CALL_KIND_DATABASE}
_STATES = {1: pb.SPAN_STATE_OK, 2: pb.SPAN_STATE_ERROR}
