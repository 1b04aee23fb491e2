"""A real server on loopback with a made-up service, and the keys and tokens to call it."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest
from grpc_tools import protoc

from chassis import telemetry
from chassis.auth import DevelopmentKeys, TokenMinter, TokenVerifier, current_principal, development_keys
from chassis.edge import sent_as_is
from chassis.errors import ErrorRule, ErrorTable
from chassis.server import Server
from chassis.settings import ChassisSettings
from chassis.spans import Span
from tools.stubs import PROTOS, includes

HERE = Path(__file__).parent


SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = SAMPLED.replace("0af7", "1bf7", 1)
UNSAMPLED = SAMPLED[:-2] + "00"


class OutOfTea(Exception):
    """A refusal such as a domain would raise."""

    def __init__(self, cups: int) -> None:
        self.cups = cups
        super().__init__(f"only {cups} cups are left")


TABLE = ErrorTable(
    "tests.aljibe.dev",
    [ErrorRule(OutOfTea, grpc.StatusCode.FAILED_PRECONDITION, "OUT_OF_TEA", "solo quedan {cups} tazas")],
)


class Recorder(list[Span]):
    """The spans that have ended, oldest first."""

    port = 0


@pytest.fixture
def spans() -> Iterator[Recorder]:
    """All is sampled that has no parent, and nothing is slow: a machine may stand still for a moment."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    recorder = Recorder()
    opened = telemetry.setup(
        ChassisSettings(service_name="tests", metrics_listen="127.0.0.1:0", trace_slow_seconds=3600),
        take=recorder.append,
    )
    root.handlers[:] = handlers
    root.setLevel(level)
    recorder.port = opened.metrics_port
    yield recorder
    opened.close()


@dataclass(frozen=True)
class Stubs:
    """The compiled echo.proto."""

    pb: Any
    grpc: Any


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Stubs:
    out = tmp_path_factory.mktemp("stubs")
    folders = [f"--proto_path={folder}" for folder in (HERE, *includes(PROTOS))]
    assert (
        protoc.main(["protoc", *folders, f"--python_out={out}", f"--grpc_python_out={out}", "echo.proto"])
        == 0
    )
    sys.path.insert(0, str(out))
    modules: list[ModuleType] = [importlib.import_module(name) for name in ("echo_pb2", "echo_pb2_grpc")]
    return Stubs(*modules)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentKeys:
    return development_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def token(keys: DevelopmentKeys) -> Callable[..., list[tuple[str, str]]]:
    minter = TokenMinter(keys.private_key_file)

    def make(
        *roles: str, channels: tuple[str, ...] = ("*",), locations: tuple[str, ...] = ("*",)
    ) -> list[tuple[str, str]]:
        return [
            ("authorization", "Bearer " + minter.mint("me", roles, channels, locations, timedelta(minutes=5)))
        ]

    return make


@dataclass
class Servicer:
    """Does what the request's `do` says, and tells the test what happened."""

    stubs: Stubs
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0
    away_times: int = 0

    async def Echo(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        self.calls += 1
        self.entered.set()
        match request.do:
            case "refuse":
                raise OutOfTea(3)
            case "break":
                raise ZeroDivisionError("the secret is 42")
            case "abort":
                await context.abort(grpc.StatusCode.ABORTED, "as the servicer said")
            case "away" if self.calls <= self.away_times:
                raise ConnectionRefusedError("postgres")
            case "late":
                raise TimeoutError
            case "wait":
                try:
                    await self.leave.wait()
                finally:
                    self.ended.set()
            case "who":
                return self.stubs.pb.EchoResponse(said=current_principal().subject)
            case "stored":
                stored = self.stubs.pb.EchoResponse(said="as it was stored").SerializeToString()
                return sent_as_is(self.stubs.pb.EchoResponse, stored)
        return self.stubs.pb.EchoResponse(said=request.do)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        try:
            for word in ("one", "two"):
                yield self.stubs.pb.EchoResponse(said=word)
            if request.do == "refuse":
                raise OutOfTea(1)
            if request.do == "wait":
                self.entered.set()
                await self.leave.wait()
        finally:
            self.ended.set()

    async def Load(self, requests: AsyncIterator[Any], context: Any) -> Any:  # noqa: N802
        said = [request.do async for request in requests]
        return self.stubs.pb.EchoResponse(said=" ".join(said))


for _method in ("Any", "Open", "Forgotten"):
    setattr(Servicer, _method, Servicer.Echo)


@dataclass
class Door:
    """A running server and a plain channel to it."""

    servicer: Servicer
    server: Server
    port: int
    channel: grpc.aio.Channel
    stub: Any
    pb: Any

    def request(self, do: str = "", **fields: Any) -> Any:
        return self.pb.EchoRequest(do=do, **fields)


@pytest.fixture
async def door(echo: Stubs, keys: DevelopmentKeys) -> AsyncIterator[Door]:
    servicer = Servicer(echo)
    settings = ChassisSettings(
        service_name="tests",
        default_deadline_seconds=0.3,
        max_deadline_seconds=0.5,
        max_message_bytes=100_000,
    )
    descriptor = echo.pb.DESCRIPTOR.services_by_name["EchoService"]
    server = Server(
        settings,
        [(echo.grpc.add_EchoServiceServicer_to_server, servicer, descriptor)],
        table=TABLE,
        verifier=TokenVerifier(keys.public_keys_file),
    )
    await server.start()
    await server.ready()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
    yield Door(servicer, server, server.port, channel, echo.grpc.EchoServiceStub(channel), echo.pb)
    servicer.leave.set()
    await channel.close()
    await server.drain(0)
