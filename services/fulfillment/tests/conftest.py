"""A migrated schema for each test, and a running service to call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import grpc
import nats
import pytest
import pytest_asyncio
from nats.js.client import JetStreamContext

from aljibe.fulfillment.v1 import fulfillment_pb2_grpc, incidents_pb2_grpc
from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from chassis import postgres, run, streams
from chassis.auth import TokenMinter, TokenVerifier, development_keys
from chassis.server import Server
from chassis.settings import ChassisSettings
from services.fulfillment.adapters.grpc.errors import TABLE
from services.fulfillment.adapters.postgres.orders import PostgresFulfillmentOrders
from services.fulfillment.app import definition
from services.fulfillment.config import Settings
from services.fulfillment.domain.refusals import LocationUnknown
from services.fulfillment.tests.fakes import InMemoryFulfillmentOrders
from services.fulfillment.usecases.ports import FulfillmentOrders
from tests.servers import Databases, free_port

Transaction: TypeAlias = Callable[[], AbstractAsyncContextManager[FulfillmentOrders]]


@pytest_asyncio.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """The service's own address of a migrated, empty schema."""
    async with databases.of_service(definition) as url:
        yield url


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[postgres.Database]:
    database = await postgres.open_database(database_url, "fulfillment", application_name="test")
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture(params=["memory", "postgres"])
def transaction(request: pytest.FixtureRequest) -> Transaction:
    """Opens a transaction on the port: on the fake, and on PostgreSQL."""
    if request.param == "memory":
        fake = InMemoryFulfillmentOrders()

        @asynccontextmanager
        async def in_memory() -> AsyncIterator[FulfillmentOrders]:
            before = deepcopy(vars(fake))
            try:
                yield fake
            except BaseException:
                vars(fake).update(before)
                raise

        return in_memory
    database: postgres.Database = request.getfixturevalue("db")

    @asynccontextmanager
    async def in_postgres() -> AsyncIterator[FulfillmentOrders]:
        async with database.transaction() as conn:
            yield PostgresFulfillmentOrders(conn)

    return in_postgres


@dataclass
class Door:
    """The running service, and what a test needs to knock."""

    stub: fulfillment_pb2_grpc.FulfillmentServiceAsyncStub
    incidents: incidents_pb2_grpc.IncidentServiceAsyncStub
    db: postgres.Database
    jetstream: JetStreamContext
    minter: TokenMinter

    def token(
        self,
        *roles: str,
        subject: str = "ana",
        channels: tuple[str, ...] = (),
        locations: tuple[str, ...] = (),
        language: str = "en",
    ) -> tuple[tuple[str, str], ...]:
        """Metadata of a caller."""
        token = self.minter.mint(subject, roles, channels, locations, timedelta(minutes=5))
        return (("authorization", f"Bearer {token}"), ("accept-language", language))

    @property
    def associate(self) -> tuple[tuple[str, str], ...]:
        """Staff of store-1."""
        return self.token("associate", locations=("store-1",))

    @property
    def web(self) -> tuple[tuple[str, str], ...]:
        """The web shop."""
        return self.token("channel", subject="web-shop", channels=("web",))

    @property
    def orders(self) -> tuple[tuple[str, str], ...]:
        """The orders service."""
        return self.token("service", subject="service:orders", channels=("*",), locations=("*",))


class FakeInventory:
    """Has the stores, and answers nothing else."""

    ListLocations = UpsertLocations = None

    async def GetLocation(  # noqa: N802
        self, request: inventory_pb2.GetLocationRequest, context: object
    ) -> inventory_pb2.GetLocationResponse:
        if not request.location_id.startswith("store-"):
            raise LocationUnknown(request.location_id)
        location = inventory_pb2.Location(location_id=request.location_id)
        return inventory_pb2.GetLocationResponse(location=location)


@asynccontextmanager
async def fake_inventory(keys_file: Path) -> AsyncIterator[str]:
    """Its address."""
    server = Server(
        ChassisSettings(),
        [
            (
                inventory_pb2_grpc.add_LocationServiceServicer_to_server,
                FakeInventory(),
                inventory_pb2.DESCRIPTOR.services_by_name["LocationService"],
            )
        ],
        table=TABLE,
        verifier=TokenVerifier(keys_file),
    )
    await server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        await server.drain(0)


@pytest_asyncio.fixture
async def inventory_address(tmp_path: Path) -> AsyncIterator[str]:
    """Where the service asks for locations."""
    async with fake_inventory(development_keys(tmp_path).public_keys_file) as address:
        yield address


@pytest_asyncio.fixture
async def door(
    database_url: str, db: postgres.Database, nats_url: str, inventory_address: str, tmp_path: Path
) -> AsyncIterator[Door]:
    """The whole service in this process, over real PostgreSQL, NATS and gRPC."""
    keys = development_keys(tmp_path)
    port = free_port()
    answering = asyncio.Event()

    async def build(context: run.Context[Settings]) -> run.Built:
        async def before_serve() -> None:
            answering.set()

        return replace(await definition.build(context), before_serve=before_serve)

    settings = Settings(
        service_name="fulfillment",
        grpc_listen=f"127.0.0.1:{port}",
        postgres_url=database_url,
        nats_url=nats_url,
        inventory_address=inventory_address,
        auth_keys_file=keys.public_keys_file,
        service_token_key_file=keys.private_key_file,
        trace_ratio=0.0,
        drain_seconds=1.0,
        expiry_sweep_seconds=0.05,
        least_collect_seconds=1,
    )
    stop = asyncio.Event()
    client = await nats.connect(nats_url)
    for service in ("orders", "fulfillment"):
        await streams.ensure_stream(client.jetstream(), service)
    serving = asyncio.create_task(run.serve(replace(definition, build=build), settings, stop=stop))
    try:
        started = asyncio.create_task(answering.wait())
        await asyncio.wait([serving, started], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Door(
                fulfillment_pb2_grpc.FulfillmentServiceStub(channel),
                incidents_pb2_grpc.IncidentServiceStub(channel),
                db,
                client.jetstream(),
                TokenMinter(keys.private_key_file),
            )
    finally:
        await client.close()
        stop.set()
        await serving
