"""A migrated schema for each test, and a running service to call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import grpc
import nats
import pytest_asyncio
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from aljibe.common.v1 import types_pb2
from aljibe.insights.v1 import insights_pb2_grpc
from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from chassis import postgres, run, streams
from chassis.auth import TokenMinter, TokenVerifier, development_keys
from chassis.clock import Clock
from chassis.envelope import headers, source_of
from chassis.server import Server
from chassis.settings import ChassisSettings
from services.insights.adapters.grpc.errors import TABLE
from services.insights.adapters.nats import consumers
from services.insights.app import definition
from services.insights.config import Settings
from services.insights.tests.builders import NOW, Told
from tests.servers import Databases, free_port

SOURCES = ("orders", "fulfillment", "inventory")

T = TypeVar("T")


@pytest_asyncio.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """The service's own address of a migrated, empty schema."""
    async with databases.of_service(definition) as url:
        yield url


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[postgres.Database]:
    database = await postgres.open_database(database_url, "insights", application_name="test")
    try:
        yield database
    finally:
        await database.close()


def a_location(
    location_id: str, kind: types_pb2.LocationKind.ValueType, time_zone: str = "UTC"
) -> inventory_pb2.Location:
    hours = [
        inventory_pb2.OpeningHours(weekday=day, open_minute=8 * 60, close_minute=20 * 60)
        for day in range(1, 8)
    ]
    return inventory_pb2.Location(
        location_id=location_id,
        name=f"Name of {location_id}",
        kind=kind,
        time_zone=time_zone,
        hours=hours,
        active=True,
    )


@dataclass
class FakeInventory:
    """Has two stores and a warehouse, and what its audit found."""

    locations: list[inventory_pb2.Location] = field(
        default_factory=lambda: [
            a_location("store-1", types_pb2.LOCATION_KIND_STORE),
            a_location("store-2", types_pb2.LOCATION_KIND_STORE),
            a_location("wh-1", types_pb2.LOCATION_KIND_WAREHOUSE),
        ]
    )
    differences: int = 0

    async def ListLocations(  # noqa: N802
        self, request: inventory_pb2.ListLocationsRequest, context: object
    ) -> inventory_pb2.ListLocationsResponse:
        return inventory_pb2.ListLocationsResponse(locations=self.locations)

    async def GetAuditState(  # noqa: N802
        self, request: inventory_pb2.GetAuditStateRequest, context: object
    ) -> inventory_pb2.GetAuditStateResponse:
        return inventory_pb2.GetAuditStateResponse(standing_differences=self.differences)

    def __getattr__(self, name: str) -> object:
        if name[:1].isupper():
            return None
        raise AttributeError(name)


@asynccontextmanager
async def serving(fake: FakeInventory, keys_file: Path) -> AsyncIterator[str]:
    """The fake's address."""
    services = inventory_pb2.DESCRIPTOR.services_by_name
    server = Server(
        ChassisSettings(),
        [
            (
                inventory_pb2_grpc.add_LocationServiceServicer_to_server,
                fake,
                services["LocationService"],
            ),
            (inventory_pb2_grpc.add_StockServiceServicer_to_server, fake, services["StockService"]),
        ],
        table=TABLE,
        verifier=TokenVerifier(keys_file),
    )
    await server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        await server.drain(0)


@dataclass
class Door:
    """The service, and what a test needs to knock, to tell it things and to start it again."""

    db: postgres.Database
    jetstream: JetStreamContext
    minter: TokenMinter
    inventory: FakeInventory
    settings: Settings
    now: list = field(default_factory=lambda: [NOW])  # type: ignore[type-arg]  # one moment, changed in place
    stub: insights_pb2_grpc.InsightsServiceAsyncStub = field(init=False)
    _stop: asyncio.Event | None = None
    _serving: asyncio.Task[None] | None = None
    _channel: grpc.aio.Channel | None = None
    _told: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    def token(self, *roles: str, subject: str = "ana") -> tuple[tuple[str, str], ...]:
        """Metadata of a caller."""
        token = self.minter.mint(subject, roles, ["*"], ["*"], timedelta(minutes=5))
        return (("authorization", f"Bearer {token}"),)

    @property
    def operator(self) -> tuple[tuple[str, str], ...]:
        return self.token("operator")

    @property
    def clock(self) -> Clock:
        return lambda: self.now[0]

    async def start(self) -> None:
        """Serve, and return when it answers."""
        answering = asyncio.Event()

        async def build(context: run.Context[Settings]) -> run.Built:
            async def before_serve() -> None:
                answering.set()

            return replace(await definition.build(context), before_serve=before_serve)

        port = free_port()
        self._stop = asyncio.Event()
        settings = replace(self.settings, grpc_listen=f"127.0.0.1:{port}")
        self._serving = asyncio.create_task(
            run.serve(replace(definition, build=build), settings, clock=self.clock, stop=self._stop)
        )
        started = asyncio.create_task(answering.wait())
        await asyncio.wait([self._serving, started], return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            self._serving.result()
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self.stub = insights_pb2_grpc.InsightsServiceStub(self._channel)

    async def end(self) -> None:
        """Drain."""
        if self._channel is not None:
            await self._channel.close()
        if self._stop is not None and self._serving is not None:
            self._stop.set()
            await self._serving

    async def tell(self, *told: Told, again: int = 0) -> None:
        """Send facts to the streams; `again` other than 0: as a replay does."""
        for one in told:
            sent = one.sent
            ack = await self.jetstream.publish(
                sent.subject, sent.payload, headers=headers(sent, source_of(one.service), again)
            )
            self._told.setdefault(ack.stream, []).append((sent.subject, ack.seq))

    async def settled(self) -> None:
        """Return when everything that was sent has been handled.

        Not when nothing waits: the broker acknowledges a message before its consumers know of it.
        """
        for consumer in consumers.consumers(self.db, None):  # type: ignore[arg-type]
            stream, name = streams.stream_name(consumer.source_service), consumer.name
            await until(partial(self._handled, stream, name), bool)

    async def _handled(self, stream: str, consumer: str) -> bool:
        try:
            info = await self.jetstream.consumer_info(stream, consumer)
        except NotFoundError:
            # The service has not set its consumer up yet.
            return False
        heard = info.config.filter_subjects or [info.config.filter_subject or ">"]
        told = [at for to, at in self._told.get(stream, ()) if any(streams.matches(one, to) for one in heard)]
        done = info.ack_floor.stream_seq if info.ack_floor is not None else 0
        return done >= max(told, default=0) and not (info.num_pending or info.num_ack_pending)


async def until(ask: Callable[[], Awaitable[T]], fits: Callable[[T], bool], seconds: float = 20.0) -> T:
    """What `ask` says once it fits."""
    async with asyncio.timeout(seconds):
        while not fits(said := await ask()):
            await asyncio.sleep(0.02)
    return said


@pytest_asyncio.fixture
async def door(
    database_url: str, db: postgres.Database, nats_url: str, tmp_path: Path
) -> AsyncIterator[Door]:
    """The whole service in this process, over real PostgreSQL, NATS and gRPC."""
    keys = development_keys(tmp_path)
    inventory = FakeInventory()
    client = await nats.connect(nats_url)
    for service in (*SOURCES, "insights"):
        await streams.ensure_stream(client.jetstream(), service)
    async with serving(inventory, keys.public_keys_file) as address:
        settings = Settings(
            service_name="insights",
            postgres_url=database_url,
            nats_url=nats_url,
            inventory_address=address,
            neighbours=(),
            auth_keys_file=keys.public_keys_file,
            service_token_key_file=keys.private_key_file,
            trace_ratio=0.0,
            drain_seconds=1.0,
            watch_seconds=0.1,
            alarm_seconds=0.1,
        )
        opened = Door(db, client.jetstream(), TokenMinter(keys.private_key_file), inventory, settings)
        await opened.start()
        try:
            yield opened
        finally:
            await opened.end()
            await client.close()
