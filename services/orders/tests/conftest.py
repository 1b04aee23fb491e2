"""Orders as a running service against neighbours in memory and a real PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import nats
import pytest_asyncio
from google.protobuf.message import Message
from nats.aio.client import Client

from aljibe.inventory.v1 import events_pb2
from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from chassis import run
from chassis.auth import TokenMinter, development_keys
from chassis.client import channel
from chassis.clock import utc_now
from chassis.envelope import event, headers, source_of
from chassis.metrics import REGISTRY
from chassis.migrations import runtime_role
from chassis.streams import ensure_stream, stream_name
from services.orders.app import definition
from services.orders.config import Settings
from services.orders.tests.neighbours import Neighbours
from tests.servers import Databases, free_port, url_as


@dataclass
class Service:
    """A running orders, and what a test needs around it."""

    neighbours: Neighbours
    database_url: str
    bus: Client
    minter: TokenMinter
    address: str
    sent: dict[tuple[str, str], int] = field(default_factory=dict)
    told: int = 0

    def stub(
        self,
        role: str = "channel",
        *,
        channels: tuple[str, ...] = ("web", "app"),
        locations: tuple[str, ...] = ("*",),
        subject: str = "shop",
    ) -> Any:
        """A client with a token."""
        token = self.minter.mint(subject, [role], list(channels), list(locations))
        return orders_pb2_grpc.OrderServiceStub(channel(self.address, _Token(token)))  # type: ignore[arg-type]

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of the service's schema."""
        conn = await asyncpg.connect(self.database_url, server_settings={"search_path": "orders"})
        try:
            return await conn.fetch(query, *arguments)
        finally:
            await conn.close()

    async def until_rows(self, query: str, *arguments: object, seconds: float = 15.0) -> list[asyncpg.Record]:
        """The same, as soon as there are any."""
        async with asyncio.timeout(seconds):
            while not (rows := await self.fetch(query, *arguments)):
                await asyncio.sleep(0.05)
        return rows

    async def stock(self, *levels: tuple[str, str, int]) -> None:
        """Stock is these (SKU, location, units) and nothing else, and the replica hears of it."""
        await self.tell_of(self.neighbours.inventory.put({(sku, at): units for sku, at, units in levels}))

    async def tell_of(self, delta: events_pb2.PositionsChanged) -> None:
        """Tell the replica of changed positions, and return when it has heard."""
        self.told += 1
        delta.sequence = delta.last_sequence = self.told
        before = _deltas()
        await self.bus.publish("aljibe.inventory.v1-live.positions", delta.SerializeToString())
        async with asyncio.timeout(15):
            while _deltas() == before:
                await asyncio.sleep(0.001)

    async def tell(self, service: str, message: Message, aggregate: str, aggregate_id: str) -> None:
        """Publish a neighbour's event as its relay would."""
        key = (service, aggregate_id)
        self.sent[key] = self.sent.get(key, 0) + 1
        sent = event(
            service,
            message,
            aggregate_type=aggregate,
            aggregate_id=aggregate_id,
            sequence=self.sent[key],
            occurred_at=utc_now(),
        )
        await self.bus.jetstream().publish(
            sent.subject, sent.payload, headers=headers(sent, source_of(service))
        )

    async def until(self, order_id: str, reached: Callable[[Any], bool], seconds: float = 15.0) -> Any:
        """The first look at an order of which `reached` holds; fails after a while."""
        stub = self.stub("operator", channels=("*",))
        async with asyncio.timeout(seconds):
            async for look in stub.WatchOrder(orders_pb2.WatchOrderRequest(order_id=order_id)):
                if reached(look.order):
                    return look.order
        raise AssertionError("the order ended before it got there")


def _deltas() -> float | None:
    """How many the replica has heard."""
    return REGISTRY.get_sample_value("aljibe_replica_staleness_seconds_count", {"replica": "availability"})


class _Token:
    def __init__(self, token: str) -> None:
        self._authorization = f"Bearer {token}"

    def authorization(self) -> str:
        return self._authorization


def role_url(url: str) -> str:
    """The same database as the service's own role."""
    return url_as(url, runtime_role("orders"))


@pytest_asyncio.fixture(scope="session")
async def orders_template(databases: Databases) -> str:
    """A migrated database to copy."""
    return await databases.migrated(definition)


@pytest_asyncio.fixture(scope="module")
async def service(
    databases: Databases,
    orders_template: str,
    nats_server: Any,
    tmp_path_factory: Any,
) -> AsyncIterator[Service]:
    """One orders for the tests of a file; neighbours are emptied before each test."""
    keys = development_keys(Path(tmp_path_factory.mktemp("keys")))
    neighbours = Neighbours()
    neighbours.reset()
    await neighbours.start()
    bus = await nats.connect(nats_server.url)
    for name in ("fulfillment", "inventory"):
        await ensure_stream(bus.jetstream(), name)
    async with databases.fresh(orders_template) as url:
        port = free_port()
        settings = Settings(
            service_name="orders",
            grpc_listen=f"127.0.0.1:{port}",
            postgres_url=role_url(url),
            nats_url=nats_server.url,
            auth_keys_file=keys.public_keys_file,
            service_token_key_file=keys.private_key_file,
            catalog_address=neighbours.address,
            inventory_address=neighbours.address,
            fulfillment_address=neighbours.address,
            trace_ratio=0.0,
            log_level="WARNING",
            drain_seconds=2.0,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(run.serve(definition, settings, stop=stop))
        probe = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        ready = asyncio.create_task(probe.channel_ready())
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        if running.done():
            running.result()
        await probe.close()
        yield Service(neighbours, url, bus, TokenMinter(keys.private_key_file), f"127.0.0.1:{port}")
        stop.set()
        await running
    for name in ("fulfillment", "inventory", "orders"):
        await bus.jetstream().delete_stream(stream_name(name))
    await bus.close()
    await neighbours.stop()


@pytest_asyncio.fixture
async def orders(service: Service) -> Service:
    """The running service with fresh neighbours."""
    service.neighbours.reset()
    return service
