"""A small OTLP receiver that remembers what all services sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs_pb
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc as logs_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

MAX_MESSAGE_BYTES = 64 << 20


class Sent(NamedTuple):
    """A span, and the service that reported it."""

    service: str
    span: Span

    @property
    def attributes(self) -> dict[str, Any]:
        """Its attributes as plain values."""
        return plain(self.span.attributes)

    @property
    def links(self) -> set[str]:
        """Ids of the spans that it is linked to."""
        return {link.span_id.hex() for link in self.span.links}

    @property
    def span_id(self) -> str:
        """Its id."""
        return self.span.span_id.hex()

    @property
    def parent_id(self) -> str:
        """Its parent's id; empty where it has none."""
        return self.span.parent_span_id.hex()


class Collector:
    """What arrived, in the order of arrival."""

    def __init__(self) -> None:
        self.spans: list[Sent] = []
        self.logs: list[tuple[str, LogRecord]] = []
        self.metrics: list[tuple[str, Metric]] = []
        self.raw: list[bytes] = []
        """Every request for spans and logs as it came."""

    def of_trace(self, trace_id: str) -> list[Sent]:
        """The spans of a trace."""
        return [sent for sent in self.spans if sent.span.trace_id.hex() == trace_id]

    async def take_spans(
        self, request: trace_pb.ExportTraceServiceRequest, context: object
    ) -> trace_pb.ExportTraceServiceResponse:
        """One batch of spans."""
        self.raw.append(request.SerializeToString())
        for resource in request.resource_spans:
            service = str(plain(resource.resource.attributes)["service.name"])
            self.spans += [Sent(service, span) for scope in resource.scope_spans for span in scope.spans]
        return trace_pb.ExportTraceServiceResponse()

    async def take_logs(
        self, request: logs_pb.ExportLogsServiceRequest, context: object
    ) -> logs_pb.ExportLogsServiceResponse:
        """One batch of log records."""
        self.raw.append(request.SerializeToString())
        for resource in request.resource_logs:
            service = str(plain(resource.resource.attributes)["service.name"])
            self.logs += [(service, record) for scope in resource.scope_logs for record in scope.log_records]
        return logs_pb.ExportLogsServiceResponse()

    async def take_metrics(
        self, request: metrics_pb.ExportMetricsServiceRequest, context: object
    ) -> metrics_pb.ExportMetricsServiceResponse:
        """All metrics of a service."""
        for resource in request.resource_metrics:
            service = str(plain(resource.resource.attributes)["service.name"])
            self.metrics += [(service, one) for scope in resource.scope_metrics for one in scope.metrics]
        return metrics_pb.ExportMetricsServiceResponse()


class _Door:
    """Serves one signal under the name that gRPC's generated code asks for."""

    def __init__(self, take: Any) -> None:
        self.Export = take


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    """A collector, and its address as `OTEL_EXPORTER_OTLP_ENDPOINT` wants it."""
    found = Collector()
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])
    doors: tuple[tuple[Callable[..., None], Any], ...] = (
        (trace_grpc.add_TraceServiceServicer_to_server, found.take_spans),
        (logs_grpc.add_LogsServiceServicer_to_server, found.take_logs),
        (metrics_grpc.add_MetricsServiceServicer_to_server, found.take_metrics),
    )
    for add, take in doors:
        add(_Door(take), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield found, f"http://127.0.0.1:{port}"
    finally:
        await server.stop(0)


def plain(attributes: Sequence[KeyValue] | Any) -> dict[str, Any]:
    """Attributes as plain values."""
    return dict(_pairs(attributes))


def _pairs(attributes: Any) -> Iterator[tuple[str, Any]]:
    for one in attributes:
        yield one.key, getattr(one.value, one.value.WhichOneof("value") or "string_value")
