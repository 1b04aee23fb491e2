"""Exports with typed defaults, so that a test says only what matters."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

NOW = 1_800_000_000 * 1_000_000_000
"""Nanoseconds since 1970."""
MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND

_numbers = itertools.count(1)


def trace_id() -> bytes:
    """A new one."""
    return next(_numbers).to_bytes(16, "big")


def span(
    trace: bytes,
    *,
    name: str = "PlaceOrder",
    parent: bytes = b"",
    start: int = NOW,
    took: int = 5 * MILLISECOND,
    kind: Span.SpanKind.ValueType = Span.SPAN_KIND_INTERNAL,
    failed: bool = False,
    links: Sequence[Span] = (),
    **attributes: str | int | Sequence[str],
) -> Span:
    """A span; the double underscore of an attribute's name is a dot."""
    return Span(
        trace_id=trace,
        span_id=next(_numbers).to_bytes(8, "big"),
        parent_span_id=parent,
        name=name,
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=start + took,
        attributes=[pair(key.replace("__", "."), value) for key, value in attributes.items()],
        links=[Span.Link(trace_id=other.trace_id, span_id=other.span_id) for other in links],
        status=Status(code=Status.STATUS_CODE_ERROR, message="out of stock") if failed else Status(),
    )


def pair(key: str, value: str | int | Sequence[str]) -> KeyValue:
    """An attribute."""
    if isinstance(value, str):
        return KeyValue(key=key, value=AnyValue(string_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    texts = [AnyValue(string_value=text) for text in value]
    return KeyValue(key=key, value=AnyValue(array_value=ArrayValue(values=texts)))


def traces(by_service: Mapping[str, Sequence[Span]]) -> ExportTraceServiceRequest:
    """An export of several services' spans."""
    request = ExportTraceServiceRequest()
    for service, spans in by_service.items():
        group = request.resource_spans.add()
        group.resource.attributes.append(pair("service.name", f"aljibe-{service}"))
        group.scope_spans.add().spans.extend(spans)
    return request


def logs(service: str, *records: LogRecord) -> ExportLogsServiceRequest:
    """An export of a service's logs."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.append(pair("service.name", f"aljibe-{service}"))
    group.scope_logs.add().log_records.extend(records)
    return request


def log_line(
    trace: bytes, body: str, *, time: int = NOW, severity: str = "INFO", **attributes: str
) -> LogRecord:
    """A log."""
    return LogRecord(
        trace_id=trace,
        time_unix_nano=time,
        severity_text=severity,
        body=AnyValue(string_value=body),
        attributes=[pair(key, value) for key, value in attributes.items()],
    )


def order_trace(number: int, start: int, dice: random.Random) -> Mapping[str, Sequence[Span]]:
    """Twenty spans of five services, as an order that is placed makes them."""
    trace = dice.randbytes(16)
    order, channel = f"ord_{number:026d}", f"channel-{number % 4}"
    location = f"store-{number % 50:02d}"
    slow = dice.random() < 0.01
    took = dice.randrange(5, 50) * MILLISECOND * (40 if slow else 1)
    failed = dice.random() < 0.02
    found: dict[str, list[Span]] = {}
    root = _random_span(dice, trace, "POST /v1/orders", b"", start, took, Span.SPAN_KIND_SERVER)
    found["gateway"] = [root]
    place = _random_span(
        dice, trace, "OrderService/PlaceOrder", root.span_id, start, took, Span.SPAN_KIND_SERVER
    )
    place.attributes.extend([pair("aljibe.order.id", order), pair("aljibe.channel.id", channel)])
    if failed:
        place.status.code = Status.STATUS_CODE_ERROR
    found["orders"] = [place]
    for service, calls in (("catalog", 1), ("inventory", 2), ("fulfillment", 1)):
        for call in range(calls):
            asked = _random_span(
                dice, trace, f"call {service}", place.span_id, start, took // 2, Span.SPAN_KIND_CLIENT
            )
            found["orders"].append(asked)
            served = _random_span(
                dice, trace, f"{service}/Call{call}", asked.span_id, start, took // 3, Span.SPAN_KIND_SERVER
            )
            served.attributes.append(pair("aljibe.location.id", location))
            inside = [
                _random_span(dice, trace, f"{service} step {step}", served.span_id, start, took // 9)
                for step in range(2)
            ]
            inside[0].kind = Span.SPAN_KIND_CLIENT
            inside[0].attributes.append(pair("db.system.name", "postgresql"))
            found.setdefault(service, []).extend([served, *inside])
    found["orders"].extend(
        _random_span(dice, trace, f"orders step {step}", place.span_id, start, took // 4) for step in range(2)
    )
    return found


def _random_span(
    dice: random.Random,
    trace: bytes,
    name: str,
    parent: bytes,
    start: int,
    took: int,
    kind: Span.SpanKind.ValueType = Span.SPAN_KIND_INTERNAL,
) -> Span:
    return Span(
        trace_id=trace,
        span_id=dice.randbytes(8),
        parent_span_id=parent,
        name=name,
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=start + took,
        attributes=[
            pair("rpc.system", "grpc"),
            pair("rpc.method", name),
            pair("server.address", "127.0.0.1"),
            pair("server.port", 50051),
            pair("aljibe.group.size", dice.randrange(64)),
        ],
    )


def batches(count_spans: int, start: int, step: int, seed: int = 7, size: int = 512) -> list[bytes]:
    """Exports of `size` spans each, one service an export as processes send them, of orders that begin `step`
    nanoseconds apart.
    """
    dice = random.Random(seed)
    waiting: dict[str, list[Span]] = {}
    done: list[bytes] = []
    spans = number = 0
    while spans < count_spans:
        for service, found in order_trace(number, start + number * step, dice).items():
            mine = waiting.setdefault(service, [])
            mine.extend(found)
            spans += len(found)
            if len(mine) >= size:
                done.append(traces({service: mine[:size]}).SerializeToString())
                del mine[:size]
        number += 1
    done.extend(traces({service: left}).SerializeToString() for service, left in waiting.items() if left)
    return done
