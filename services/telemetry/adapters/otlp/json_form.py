"""OTLP's JSON, which is ProtoJSON but that ids are hexadecimal: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import orjson
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.telemetry.adapters.ingest import Malformed, Signal

_IDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")


def bytes_of_json(signal: Signal, text: bytes) -> bytes:
    """The same export as protobuf.

    Raises:
        Malformed: it is no OTLP export.
    """
    request = ExportTraceServiceRequest() if signal is Signal.TRACES else ExportLogsServiceRequest()
    try:
        document = orjson.loads(text)
        for holder in _holders(document):
            for name in _IDS:
                if name in holder:
                    holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()
        json_format.ParseDict(document, request, ignore_unknown_fields=True)
    except (ValueError, TypeError, AttributeError, RecursionError, json_format.ParseError) as error:
        raise Malformed(str(error)[:500]) from error
    return request.SerializeToString()


def _holders(document: Any) -> Iterator[dict[str, Any]]:
    """Spans, their links, and logs: what has ids."""
    for group in _lists(document, "resourceSpans", "resource_spans"):
        for scope in _lists(group, "scopeSpans", "scope_spans"):
            for span in _lists(scope, "spans"):
                yield span
                yield from _lists(span, "links")
    for group in _lists(document, "resourceLogs", "resource_logs"):
        for scope in _lists(group, "scopeLogs", "scope_logs"):
            yield from _lists(scope, "logRecords", "log_records")


def _lists(holder: Any, *names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        yield from holder.get(name) or ()
