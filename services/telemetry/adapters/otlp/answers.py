"""What a sender is told: https://opentelemetry.io/docs/specs/otlp/, "Response" of gRPC and of HTTP."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from chassis.refusals import Overloaded, PermissionDenied, TooLarge, Unauthenticated, Unavailable
from services.telemetry.adapters.ingest import Accepted, Malformed, Signal

RETRY_SECONDS = 1
_REFUSALS: dict[type[Exception], tuple[grpc.StatusCode, int]] = {
    Malformed: (grpc.StatusCode.INVALID_ARGUMENT, 400),
    Unauthenticated: (grpc.StatusCode.UNAUTHENTICATED, 401),
    PermissionDenied: (grpc.StatusCode.PERMISSION_DENIED, 403),
    TooLarge: (grpc.StatusCode.INVALID_ARGUMENT, 413),
    Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
    Unavailable: (grpc.StatusCode.UNAVAILABLE, 503),
}
REFUSALS = tuple(_REFUSALS)
"""All that may be answered to an export."""
_RETRIED = (Overloaded, Unavailable)


def response_of(signal: Signal, accepted: Accepted) -> ExportTraceServiceResponse | ExportLogsServiceResponse:
    """Success, which names how many were not kept."""
    text = "without usable ids or times" if accepted.rejected else ""
    if signal is Signal.TRACES:
        spans = ExportTraceServiceResponse()
        if accepted.rejected:
            spans.partial_success.rejected_spans = accepted.rejected
            spans.partial_success.error_message = text
        return spans
    logs = ExportLogsServiceResponse()
    if accepted.rejected:
        logs.partial_success.rejected_log_records = accepted.rejected
        logs.partial_success.error_message = text
    return logs


def code_of(refusal: Exception) -> grpc.StatusCode:
    """The gRPC code of one of REFUSALS."""
    return _REFUSALS[type(refusal)][0]


def http_status_of(refusal: Exception) -> int:
    """The HTTP status of one of REFUSALS."""
    return _REFUSALS[type(refusal)][1]


def status_of(refusal: Exception) -> status_pb2.Status:
    """The refusal for programs; where trying again helps it says when."""
    status = status_pb2.Status(code=code_of(refusal).value[0], message=str(refusal))
    if is_retried(refusal):
        delay = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=RETRY_SECONDS))
        packed = any_pb2.Any()
        packed.Pack(delay)
        status.details.append(packed)
    return status


def is_retried(refusal: Exception) -> bool:
    """Whether the sender may try again."""
    return isinstance(refusal, _RETRIED)
