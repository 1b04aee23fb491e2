"""A migrated schema for each test, and a running service to call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import grpc
import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client

from aljibe.inventory.v1 import (
    availability_pb2_grpc,
    backorders_pb2_grpc,
    controls_pb2_grpc,
    counts_pb2_grpc,
    holds_pb2_grpc,
    inventory_pb2_grpc,
    limits_pb2_grpc,
    supply_pb2_grpc,
    transfers_pb2_grpc,
)
from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis import postgres, run, streams
from chassis.auth import DevelopmentKeys, TokenMinter, development_keys
from chassis.clock import Clock, utc_now
from chassis.migrations import runtime_role
from services.inventory.app import definition
from services.inventory.config import Settings
from services.inventory.tests.builders import CLOSED_STORE, OTHER_STORE, STORE, a_location_message, unique
from services.inventory.tests.contract import Stock, in_memory, in_postgres
from tests.servers import Databases, free_port, url_as

ROLE = runtime_role("inventory")
Metadata = tuple[tuple[str, str], ...]


@pytest_asyncio.fixture
async def admin_url(databases: Databases) -> AsyncIterator[str]:
    """The administrator's address of a migrated, empty schema."""
    async with databases.fresh(await databases.migrated(definition)) as url:
        yield url


@pytest_asyncio.fixture
async def database_url(admin_url: str) -> str:
    """The service's own address of the same."""
    return url_as(admin_url, ROLE)


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[postgres.Database]:
    database = await postgres.open_database(database_url, "inventory", application_name="test")
    try:
        yield database
    finally:
        await database.close()


@pytest_asyncio.fixture
async def stock_in_postgres(db: postgres.Database) -> Stock:
    return await in_postgres(db)


@pytest.fixture(params=["memory", "postgres"])
def stock(request: pytest.FixtureRequest) -> Stock:
    if request.param == "memory":
        return in_memory()
    found: Stock = request.getfixturevalue("stock_in_postgres")
    return found


@dataclass
class Process:
    """One running inventory, and the clients a test calls it with."""

    channel: grpc.aio.Channel
    stop: asyncio.Event
    serving: asyncio.Task[None]
    stock: inventory_pb2_grpc.StockServiceAsyncStub = field(init=False)
    reservations: inventory_pb2_grpc.ReservationServiceAsyncStub = field(init=False)
    locations: inventory_pb2_grpc.LocationServiceAsyncStub = field(init=False)
    counts: counts_pb2_grpc.CountServiceAsyncStub = field(init=False)
    supply: supply_pb2_grpc.SupplyServiceAsyncStub = field(init=False)
    transfers: transfers_pb2_grpc.TransferServiceAsyncStub = field(init=False)
    holds: holds_pb2_grpc.HoldServiceAsyncStub = field(init=False)
    controls: controls_pb2_grpc.ChannelControlServiceAsyncStub = field(init=False)
    limits: limits_pb2_grpc.BuyerLimitServiceAsyncStub = field(init=False)
    backorders: backorders_pb2_grpc.BackorderServiceAsyncStub = field(init=False)
    explaining: availability_pb2_grpc.AvailabilityServiceAsyncStub = field(init=False)

    def __post_init__(self) -> None:
        self.stock = inventory_pb2_grpc.StockServiceStub(self.channel)
        self.reservations = inventory_pb2_grpc.ReservationServiceStub(self.channel)
        self.locations = inventory_pb2_grpc.LocationServiceStub(self.channel)
        self.counts = counts_pb2_grpc.CountServiceStub(self.channel)
        self.supply = supply_pb2_grpc.SupplyServiceStub(self.channel)
        self.transfers = transfers_pb2_grpc.TransferServiceStub(self.channel)
        self.holds = holds_pb2_grpc.HoldServiceStub(self.channel)
        self.controls = controls_pb2_grpc.ChannelControlServiceStub(self.channel)
        self.limits = limits_pb2_grpc.BuyerLimitServiceStub(self.channel)
        self.backorders = backorders_pb2_grpc.BackorderServiceStub(self.channel)
        self.explaining = availability_pb2_grpc.AvailabilityServiceStub(self.channel)


@dataclass
class Door:
    """Running inventory processes over one database and one broker, and what a test needs to knock."""

    database_url: str
    nats_url: str
    keys: DevelopmentKeys
    db: postgres.Database
    nats: Client
    minter: TokenMinter
    processes: list[Process] = field(default_factory=list)
    drain_seconds: float = 10.0

    @property
    def stock(self) -> inventory_pb2_grpc.StockServiceAsyncStub:
        return self.processes[0].stock

    @property
    def reservations(self) -> inventory_pb2_grpc.ReservationServiceAsyncStub:
        return self.processes[0].reservations

    @property
    def locations(self) -> inventory_pb2_grpc.LocationServiceAsyncStub:
        return self.processes[0].locations

    def token(
        self,
        *roles: str,
        subject: str = "ana",
        channels: tuple[str, ...] = ("*",),
        locations: tuple[str, ...] = ("*",),
        language: str = "en",
    ) -> Metadata:
        """Metadata of a caller."""
        token = self.minter.mint(subject, roles, channels, locations, timedelta(minutes=5))
        return (("authorization", f"Bearer {token}"), ("accept-language", language))

    @property
    def service(self) -> Metadata:
        """Another service of the platform."""
        return self.token("service", subject="service:orders")

    async def start(self, clock: Clock = utc_now) -> Process:
        """One more inventory process (in this interpreter) over the same database and broker."""
        port = free_port()
        settings = Settings(
            service_name="inventory",
            grpc_listen=f"127.0.0.1:{port}",
            postgres_url=self.database_url,
            nats_url=self.nats_url,
            auth_keys_file=self.keys.public_keys_file,
            service_token_key_file=self.keys.private_key_file,
            trace_ratio=0.0,
            drain_seconds=self.drain_seconds,
            expiry_interval_seconds=0.05,
            location_refresh_seconds=0.05,
        )
        answering = asyncio.Event()

        async def build(context: run.Context[Settings]) -> run.Built:
            built = await definition.build(context)
            ready = built.before_serve

            async def before_serve() -> None:
                if ready is not None:
                    await ready()
                answering.set()

            return replace(built, before_serve=before_serve)

        stop = asyncio.Event()
        serving = asyncio.create_task(
            run.serve(replace(definition, build=build), settings, stop=stop, clock=clock)
        )
        started = asyncio.create_task(answering.wait())
        await asyncio.wait([serving, started], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        process = Process(grpc.aio.insecure_channel(f"127.0.0.1:{port}"), stop, serving)
        self.processes.append(process)
        return process

    async def close(self) -> None:
        for process in self.processes:
            await process.channel.close()
            process.stop.set()
            await process.serving

    async def receive(self, quantity_units: int, *, sku: str, location_id: str = STORE) -> pb.Position:
        """Goods come in."""
        answer = await self.stock.ReceiveStock(
            pb.ReceiveStockRequest(
                request_id=unique("receive"),
                location_id=location_id,
                lines=[pb.StockLine(sku=sku, quantity_units=quantity_units)],
            ),
            metadata=self.service,
        )
        return answer.positions[0]

    async def audit(self) -> pb.AuditStockResponse:
        """What the audit finds."""
        return await self.stock.AuditStock(pb.AuditStockRequest(), metadata=self.service)


@pytest_asyncio.fixture
async def door(
    database_url: str, db: postgres.Database, nats_url: str, tmp_path: Path
) -> AsyncIterator[Door]:
    """The whole service in this process, over real PostgreSQL, NATS and gRPC, with three stores."""
    keys = development_keys(tmp_path)
    client = await nats.connect(nats_url)
    for service in ("orders", "fulfillment"):
        await streams.ensure_stream(client.jetstream(), service)
    door = Door(database_url, nats_url, keys, db, client, TokenMinter(keys.private_key_file))
    try:
        await door.start()
        await door.locations.UpsertLocations(
            pb.UpsertLocationsRequest(
                request_id="locations",
                locations=[
                    a_location_message(STORE),
                    a_location_message(OTHER_STORE),
                    a_location_message(CLOSED_STORE, active=False),
                ],
            ),
            metadata=door.service,
        )
        yield door
    finally:
        await door.close()
        await client.close()
