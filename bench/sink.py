"""Takes spans, logs and metrics by OTLP and forgets them: exporting costs what it costs in production."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc
import uvloop

SERVICES = (
    "opentelemetry.proto.collector.trace.v1.TraceService",
    "opentelemetry.proto.collector.logs.v1.LogsService",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
)
_MAX_MESSAGE_BYTES = 64 << 20


async def _forget(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
    return b""


async def serve() -> None:
    """Serve on a free port of loopback, told on standard output, until standard input ends."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES)])
    for service in SERVICES:
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Export": grpc.unary_unary_rpc_method_handler(_forget)
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
