"""Stands in for a service in tests of the supervisor: gRPC health or HTTP, and what it was told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


async def _serve_grpc(asked: asyncio.Event) -> None:
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(os.environ["ALJIBE_GRPC_LISTEN"])
    await server.start()
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    await asked.wait()
    await server.stop(None)


async def _serve_http(asked: asyncio.Event) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    host, _, port = os.environ["ALJIBE_HTTP_LISTEN"].rpartition(":")
    async with await asyncio.start_server(answer, host, int(port)):
        await asked.wait()


async def _main(name: str, action: str) -> int:
    record = Path(os.environ["FAKE_RECORDS"]) / f"{name}.{action}.json"
    record.write_text(
        json.dumps({key: value for key, value in os.environ.items() if key.startswith(("ALJIBE", "OTEL"))})
    )
    if action == "migrate":
        return 0
    if os.environ.get("FAKE_BROKEN") == name:
        print(f"{name} cannot start: the well is dry", file=sys.stderr)
        return 3
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    await (_serve_http(asked) if name in ("gateway", "console") else _serve_grpc(asked))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(*sys.argv[1:])))
