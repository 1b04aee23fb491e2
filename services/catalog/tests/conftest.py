"""The catalogue's tables on real PostgreSQL, and the whole service behind its own door."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from aljibe.catalog.v1 import catalog_pb2_grpc, pricing_pb2_grpc
from chassis import run
from chassis.auth import TokenMinter, development_keys
from chassis.clock import utc_now
from chassis.postgres import Database, open_database
from services.catalog.app import definition
from services.catalog.config import Settings
from tests.servers import Databases

PASSWORD = "catalog-tests"


async def _migrate(url: str) -> None:
    await run.migrate(definition, Settings(postgres_admin_url=url, db_password=PASSWORD))


def _as_service(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"aljibe_catalog:{PASSWORD}@{host}"))


@pytest.fixture
async def postgres_url(databases: Databases) -> AsyncIterator[str]:
    """The address, for the service's own role, of a migrated database."""
    async with databases.fresh(await databases.template("catalog", _migrate)) as url:
        yield _as_service(url)


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    database = await open_database(postgres_url, "catalog")
    yield database
    await database.close()


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
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
        await _serving(channel, served)
        yield Door(
            catalog_pb2_grpc.CatalogServiceStub(channel),
            pricing_pb2_grpc.PricingServiceStub(channel),
            TokenMinter(keys.private_key_file),
            channel,
        )
    stop.set()
    await served


async def _serving(channel: grpc.aio.Channel, served: asyncio.Task[None]) -> None:
    """Return when health says SERVING; fails with the service's own error when it ends before."""
    # The published types of HealthStub lack Watch.
    health: Any = health_pb2_grpc.HealthStub(channel)

    async def watch() -> None:
        request = health_pb2.HealthCheckRequest()
        async for answer in health.Watch(request, wait_for_ready=True, timeout=20):
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return

    watching = asyncio.create_task(watch())
    await asyncio.wait({watching, served}, return_when=asyncio.FIRST_COMPLETED)
    if served.done():
        watching.cancel()
        await served
    await watching
