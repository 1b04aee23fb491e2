"""The catalogue's tables on real PostgreSQL, and the whole service behind its own door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias

import asyncpg
import grpc
import pytest

from aljibe.catalog.v1 import catalog_pb2_grpc, pricing_pb2_grpc
from chassis import run
from chassis.auth import TokenMinter, development_keys
from chassis.clock import utc_now
from chassis.postgres import Database, open_database
from services.catalog.app import definition
from services.catalog.config import Settings
from tests.servers import Databases, free_port, until_serving

PutBack: TypeAlias = Callable[..., Awaitable[None]]


@pytest.fixture
async def postgres_url(databases: Databases) -> AsyncIterator[str]:
    """The address, for the service's own role, of a migrated database."""
    async with databases.of_service(definition) as url:
        yield url


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    database = await open_database(postgres_url, "catalog")
    yield database
    await database.close()


@pytest.fixture
async def put_back(databases: Databases, postgres_url: str) -> PutBack:
    """Does what a backup does that is put back and written on to the very version that there was: the prices
    of these articles are lost, and no number tells.
    """

    async def do(*skus: str) -> None:
        admin = await asyncpg.connect(
            databases.admin_url(postgres_url), server_settings={"search_path": "catalog"}
        )
        try:
            async with admin.transaction():
                version = await admin.fetchval("SELECT version FROM catalogue")
                await admin.execute("DELETE FROM price WHERE sku = ANY($1::text[])", list(skus))
                await admin.execute("TRUNCATE catalogue")
                await admin.execute("INSERT INTO catalogue (version) VALUES ($1)", version)
        finally:
            await admin.close()

    return do


@dataclass
class Door:
    """A running service and stubs to call it."""

    catalog: catalog_pb2_grpc.CatalogServiceAsyncStub
    pricing: pricing_pb2_grpc.PricingServiceAsyncStub
    minter: TokenMinter
    channel: grpc.aio.Channel

    def token(self, *roles: str, channels: tuple[str, ...] = ("*",)) -> tuple[tuple[str, str], ...]:
        minted = self.minter.mint("tester", roles, channels, ["*"], timedelta(minutes=5))
        return (("authorization", f"Bearer {minted}"),)


@pytest.fixture
async def door(
    postgres_url: str, nats_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    keys = development_keys(tmp_path_factory.mktemp("keys"))
    address = f"127.0.0.1:{free_port()}"
    settings = replace(
        Settings(),
        service_name="catalog",
        grpc_listen=address,
        postgres_url=postgres_url,
        nats_url=nats_url,
        auth_keys_file=keys.public_keys_file,
        service_token_key_file=keys.private_key_file,
        drain_seconds=0.5,
    )
    stop = asyncio.Event()
    served = asyncio.create_task(run.serve(definition, settings, clock=utc_now, stop=stop))
    async with grpc.aio.insecure_channel(address) as channel:
        await until_serving(channel, served)
        yield Door(
            catalog_pb2_grpc.CatalogServiceStub(channel),
            pricing_pb2_grpc.PricingServiceStub(channel),
            TokenMinter(keys.private_key_file),
            channel,
        )
    stop.set()
    await served
