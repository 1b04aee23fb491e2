"""A store in a folder of the test's own, and the whole service behind its three doors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from aljibe.telemetry.v1 import traces_pb2_grpc
from chassis import run
from chassis.auth import DevelopmentKeys, TokenMinter, development_keys
from services.telemetry.adapters.otlp import decode
from services.telemetry.adapters.sqlite import files
from services.telemetry.adapters.sqlite.reader import Reader
from services.telemetry.adapters.sqlite.writer import Writer
from services.telemetry.app import definition
from services.telemetry.config import Settings
from services.telemetry.tests.builders import NOW
from tests.servers import free_port, until_serving

CLOCK = datetime.fromtimestamp(NOW / 1e9, UTC)


class Store:
    """A store of the test's own, written and read in the test's thread."""

    def __init__(self, file: Path, *, max_spans: int = 1000, max_bytes: int = 1 << 30) -> None:
        files.prepare(file)
        self.writer = Writer(file, max_spans, max_bytes)
        self.reader = Reader(file)

    def take(
        self, request: ExportTraceServiceRequest, logs: ExportLogsServiceRequest | None = None
    ) -> decode.Decoded:
        """Store an export."""
        found = decode.Decoded()
        decode.add_spans(request, found)
        if logs is not None:
            decode.add_logs(logs, found)
        self.writer.store(found.spans, found.logs)
        return found

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Opens the store in the test's folder; again, if the test asks again."""
    opened: list[Store] = []

    def make(**limits: int) -> Store:
        opened.append(Store(tmp_path / "traces" / "traces.db", **limits))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    """With room for a thousand spans."""
    return open_store()


@dataclass
class Doors:
    """A running service, and stubs to call it."""

    questions: traces_pb2_grpc.TraceServiceAsyncStub
    traces: Any
    logs: Any
    http: httpx.AsyncClient
    minter: TokenMinter
    settings: Settings
    channel: grpc.aio.Channel
    otlp: grpc.aio.Channel

    def token(self, *roles: str) -> tuple[tuple[str, str], ...]:
        minted = self.minter.mint("tester", roles, ["*"], ["*"], timedelta(minutes=5))
        return (("authorization", f"Bearer {minted}"),)


Open = Callable[..., Awaitable[Doors]]


@pytest.fixture
async def open_doors(tmp_path: Path) -> AsyncIterator[Open]:
    """Starts the service with settings of the test's own."""
    keys = development_keys(tmp_path / "keys")
    running: list[Any] = []

    async def start(**settings: Any) -> Doors:
        context = _running(keys, tmp_path, settings)
        running.append(context)
        return await context.__aenter__()

    yield start
    for context in running:
        await context.__aexit__(None, None, None)


@pytest.fixture
async def doors(open_doors: Open) -> Doors:
    """The service as it is started by default."""
    return await open_doors()


@asynccontextmanager
async def _running(keys: DevelopmentKeys, folder: Path, more: dict[str, Any]) -> AsyncIterator[Doors]:
    addresses = [f"127.0.0.1:{port}" for port in (free_port() for _ in range(3))]
    settings = Settings(
        **{
            "service_name": "telemetry",
            "grpc_listen": addresses[0],
            "otlp_grpc_listen": addresses[1],
            "otlp_http_listen": addresses[2],
            "auth_keys_file": keys.public_keys_file,
            "service_token_key_file": keys.private_key_file,
            "trace_store": folder / "traces.db",
            "drain_seconds": 0.5,
            **more,
        }
    )
    stop = asyncio.Event()
    served = asyncio.create_task(run.serve(definition, settings, clock=lambda: CLOCK, stop=stop))
    otlp = _local(settings.otlp_grpc_listen)
    async with (
        grpc.aio.insecure_channel(settings.grpc_listen) as channel,
        grpc.aio.insecure_channel(otlp) as otlp_channel,
        httpx.AsyncClient(base_url=f"http://{_local(settings.otlp_http_listen)}", trust_env=False) as http,
    ):
        await until_serving(channel, served)
        yield Doors(
            traces_pb2_grpc.TraceServiceStub(channel),
            trace_service_pb2_grpc.TraceServiceStub(otlp_channel),  # type: ignore[no-untyped-call]
            logs_service_pb2_grpc.LogsServiceStub(otlp_channel),  # type: ignore[no-untyped-call]
            http,
            TokenMinter(keys.private_key_file),
            settings,
            channel,
            otlp_channel,
        )
    stop.set()
    await served


def _local(listen: str) -> str:
    """How this machine calls a port that others may reach too."""
    return listen.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - a test of exactly that
