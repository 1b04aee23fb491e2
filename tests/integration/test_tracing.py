"""One trace from the browser to the hand-over of the work: HTTP, gRPC, SQL, outbox, NATS, consumers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from cli.local.platform import Platform
from tests.integration.world import eventually, request_id, retailer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector:
    """A small OTLP receiver that remembers which service reported which span of which trace."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, str]] = []

    async def Export(  # noqa: N802
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: object
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        """One batch of spans."""
        for resource in request.resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [
                    (names["service.name"], span.name, span.trace_id.hex()) for span in scope.spans
                ]
        return trace_service_pb2.ExportTraceServiceResponse()


@asynccontextmanager
async def _collector() -> AsyncIterator[tuple[Collector, str]]:
    collector = Collector()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield collector, f"http://127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def test_one_trace_runs_through_every_service() -> None:
    """The browser's trace id is in the spans of all five services and on the order itself."""
    folder = Path(tempfile.mkdtemp(prefix="aljibe-tracing-"))
    folder.chmod(0o755)
    try:
        async with _collector() as (collector, endpoint):
            environ = {
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "200",
            }
            async with Platform(folder, environ=environ) as platform, retailer(platform) as world:
                sku = await world.article(stock={"wh-1": 1})
                body = {
                    "requestId": request_id(),
                    "order": {
                        "channelId": "web",
                        "lines": [{"sku": sku, "quantityUnits": 1, "method": "FULFILLMENT_METHOD_SHIP"}],
                        "deliveryAddress": {
                            "countryCode": "US",
                            "point": {"latitude": 41.9, "longitude": -87.7},
                        },
                    },
                    "payment": {"token": "tok_ok"},
                }

                answer = await world.post(
                    "/v1/orders", body, world.shop(), traceparent=f"00-{TRACE}-00f067aa0ba902b7-01"
                )

                everyone = {
                    f"aljibe-{name}" for name in ("gateway", "catalog", "inventory", "orders", "fulfillment")
                }

                async def seen() -> bool:
                    return everyone <= {service for service, _, trace in collector.spans if trace == TRACE}

                await eventually(seen, "span of every service")
                assert answer["order"]["traceId"] == TRACE
    finally:
        shutil.rmtree(folder, ignore_errors=True)
