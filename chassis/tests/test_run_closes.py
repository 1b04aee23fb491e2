"""What a service opened is closed, however far it came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import pytest

from aljibe.ops.v1 import bus_pb2
from chassis import run, server
from chassis.auth import DevelopmentKeys
from chassis.errors import ErrorTable
from chassis.migrations import migrate
from chassis.run import Built, Context, ServiceDefinition
from chassis.settings import ChassisSettings
from chassis.tests.bus_kit import PASSWORD, url_as

DESCRIPTOR = bus_pb2.DESCRIPTOR.services_by_name["BusService"]
Build = Callable[[Context[ChassisSettings]], Awaitable[Built]]


class Settings(ChassisSettings):
    """With a neighbour."""

    shelf_address = "127.0.0.1:1"


def service(build: Build) -> ServiceDefinition[ChassisSettings]:
    return ServiceDefinition(
        name="shop",
        schema="shop",
        migrations_package=None,
        error_table=ErrorTable("shop.aljibe.dev"),
        build=build,
        settings=Settings,
    )


async def settings_for(admin_url: str, nats_url: str, keys: DevelopmentKeys) -> ChassisSettings:
    await migrate(admin_url, "shop", "aljibe_kit_shop", PASSWORD)
    return Settings(
        service_name="shop",
        grpc_listen="127.0.0.1:0",
        postgres_url=url_as(admin_url, "aljibe_kit_shop"),
        nats_url=nats_url,
        auth_keys_file=keys.public_keys_file,
        service_token_key_file=keys.private_key_file,
        drain_seconds=0.1,
    )


@pytest.mark.parametrize("step", ["build", "bus", "server"])
async def test_a_service_that_cannot_be_built_leaves_nothing_open(
    fresh_database: str,
    nats_url: str,
    keys: DevelopmentKeys,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """In a process that lives on, a test say, each failed start would keep two sessions of the database."""
    seen: list[Context[ChassisSettings]] = []
    closed: list[str] = []

    def refuse(*_: object) -> None:
        raise ArithmeticError(step)

    async def close() -> None:
        closed.append("built")

    async def build(context: Context[ChassisSettings]) -> Built:
        seen.append(context)
        if step == "build":
            refuse()
        servicers = [(refuse, object(), DESCRIPTOR)] if step == "server" else []
        return Built(servicers=servicers, closers=[close])

    if step == "bus":
        monkeypatch.setattr(run, "_bus_servicers", refuse)
    with pytest.raises(ArithmeticError):
        await run.serve(service(build), await settings_for(fresh_database, nats_url, keys))

    assert (seen[0].db.pool.is_closing(), seen[0].nats.is_closed) == (True, True)
    assert closed == ([] if step == "build" else ["built"])


async def test_a_channel_asked_for_after_building_is_closed_by_the_drain(
    fresh_database: str, nats_url: str, keys: DevelopmentKeys
) -> None:
    """A service may first need a neighbour when it gets to work."""
    stop = asyncio.Event()
    channels: list[grpc.aio.Channel] = []

    async def build(context: Context[ChassisSettings]) -> Built:
        async def before_serve() -> None:
            channels.append(context.channel("shelf"))
            stop.set()

        return Built(before_serve=before_serve)

    await run.serve(service(build), await settings_for(fresh_database, nats_url, keys), stop=stop)

    assert channels[0].get_state() is grpc.ChannelConnectivity.SHUTDOWN


async def test_the_drain_ends_although_a_task_loses_its_cancellation(
    fresh_database: str, nats_url: str, keys: DevelopmentKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` makes it lose one that meets its result, here in a task of a task."""
    monkeypatch.setattr(server, "CANCEL_AGAIN_SECONDS", 0.05)
    stop = asyncio.Event()
    lost = 0

    async def loses_one() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
                if lost > 1:
                    raise

    async def loop() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(loses_one())
            stop.set()

    async def build(context: Context[ChassisSettings]) -> Built:
        return Built(background=[loop])

    settings = await settings_for(fresh_database, nats_url, keys)
    async with asyncio.timeout(20):
        await run.serve(service(build), settings, stop=stop)

    assert lost == 2
