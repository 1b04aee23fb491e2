"""The life of a process: ready, draining, stopped; and what a crash of a background task does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.auth import DevelopmentKeys, TokenVerifier
from chassis.draining import Draining
from chassis.errors import reason_of
from chassis.server import Server, serve
from chassis.settings import ChassisSettings
from chassis.tests.conftest import TABLE, Servicer, Stubs

Serving = health_pb2.HealthCheckResponse


@dataclass
class Process:
    """One `serve` in a task of this test."""

    echo: Stubs
    keys: DevelopmentKeys
    drain_seconds: float = 5.0
    background: list[Callable[[], Any]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.servicer = Servicer(self.echo)
        self.stop = asyncio.Event()
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def start(self) -> asyncio.Task[None]:
        async def on_ready(port: int) -> None:
            self.port.set_result(port)

        async def closer(name: str) -> None:
            self.closed.append(name)
            if name == "broken":
                raise OSError(name)

        descriptor = self.echo.pb.DESCRIPTOR.services_by_name["EchoService"]
        return asyncio.create_task(
            serve(
                ChassisSettings(service_name="tests", drain_seconds=self.drain_seconds),
                [(self.echo.grpc.add_EchoServiceServicer_to_server, self.servicer, descriptor)],
                table=TABLE,
                verifier=TokenVerifier(self.keys.public_keys_file),
                on_ready=on_ready,
                background=self.background,
                closers=[lambda: closer("first"), lambda: closer("broken"), lambda: closer("last")],
                stop=self.stop,
            )
        )


async def test_a_drain_finishes_calls_in_flight_refuses_new_ones_and_closes_last_first(
    echo: Stubs, keys: DevelopmentKeys
) -> None:
    process = Process(echo, keys)
    serving = process.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{await process.port}") as channel:
        stub = echo.grpc.EchoServiceStub(channel)
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        while (await watch.read()).status != Serving.SERVING:
            pass
        in_flight = stub.Open(echo.pb.EchoRequest(do="wait"), timeout=10)
        await process.servicer.entered.wait()

        process.stop.set()
        while (await watch.read()).status != Serving.NOT_SERVING:
            pass
        watch.cancel()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.port.result()}") as late:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await echo.grpc.EchoServiceStub(late).Open(echo.pb.EchoRequest(do="x"), timeout=1)
        process.servicer.leave.set()

        assert (await in_flight).said == "wait"
        assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    await asyncio.wait_for(serving, 5)
    assert process.closed == ["last", "broken", "first"]


async def test_a_call_that_outlasts_the_drain_is_cut(echo: Stubs, keys: DevelopmentKeys) -> None:
    process = Process(echo, keys, drain_seconds=0.1)
    serving = process.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{await process.port}") as channel:
        in_flight = echo.grpc.EchoServiceStub(channel).Open(echo.pb.EchoRequest(do="wait"), timeout=10)
        await process.servicer.entered.wait()

        process.stop.set()
        await asyncio.wait_for(serving, 5)

        with pytest.raises(grpc.aio.AioRpcError):
            await in_flight
    assert process.servicer.ended.is_set()


async def test_an_endless_stream_does_not_keep_a_drain_waiting(
    echo: Stubs, keys: DevelopmentKeys, token: Callable[..., list[tuple[str, str]]]
) -> None:
    """Its caller hears UNAVAILABLE and asks another instance; the grace period is for calls that get to an
    end.
    """
    process = Process(echo, keys, drain_seconds=30)
    serving = process.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{await process.port}") as channel:
        watch = echo.grpc.EchoServiceStub(channel).Watch(
            echo.pb.EchoRequest(do="wait"), metadata=token("channel")
        )
        assert [(await watch.read()).said for _ in range(2)] == ["one", "two"]
        await process.servicer.entered.wait()

        began = time.monotonic()
        process.stop.set()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await watch.read()
        await asyncio.wait_for(serving, 10)

    assert time.monotonic() - began < 5
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason_of(ended.value) == "UNAVAILABLE"
    assert process.servicer.ended.is_set()


async def test_a_stream_that_still_has_answers_gets_to_its_end() -> None:
    """A snapshot that is being sent while the server drains is sent to its end."""
    draining = Draining()

    async def source() -> AsyncIterator[int]:
        for number in range(5):
            await asyncio.sleep(0.01)
            yield number

    found = []
    async for number in draining.until_begun(source(), 5.0):
        found.append(number)
        if number == 1:
            draining.begin()

    assert found == [0, 1, 2, 3, 4]


async def test_who_cancels_a_stream_while_it_drains_is_not_told_that_it_is_away() -> None:
    draining = Draining()

    async def never() -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 0

    async def read() -> None:
        async for _ in draining.until_begun(never(), 60):
            raise AssertionError("there is nothing to read")

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    draining.begin()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_background_tasks_end_with_the_process(echo: Stubs, keys: DevelopmentKeys) -> None:
    ended = asyncio.Event()

    async def loop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    process = Process(echo, keys, background=[loop])
    serving = process.start()
    await process.port

    process.stop.set()
    await asyncio.wait_for(serving, 5)

    assert ended.is_set()


async def test_a_background_task_that_crashes_ends_the_process(echo: Stubs, keys: DevelopmentKeys) -> None:
    async def crash() -> None:
        raise ZeroDivisionError

    process = Process(echo, keys, background=[crash])

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(process.start(), 5)

    assert caught.group_contains(ZeroDivisionError)
    assert process.closed == ["last", "broken", "first"]


async def test_a_connection_past_its_age_ends_and_the_call_on_it_goes_on(
    echo: Stubs, keys: DevelopmentKeys, token: Callable[..., list[tuple[str, str]]]
) -> None:
    """Clients that connect again find instances that are new; none of their calls may pay for it."""
    servicer = Servicer(echo)
    descriptor = echo.pb.DESCRIPTOR.services_by_name["EchoService"]
    server = Server(
        ChassisSettings(service_name="tests", max_connection_age_seconds=0.2),
        [(echo.grpc.add_EchoServiceServicer_to_server, servicer, descriptor)],
        table=TABLE,
        verifier=TokenVerifier(keys.public_keys_file),
    )
    await server.start()
    await server.ready()

    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = echo.grpc.EchoServiceStub(channel)
        call = asyncio.ensure_future(
            stub.Echo(echo.pb.EchoRequest(do="wait"), metadata=token("service"), timeout=10)
        )
        await servicer.entered.wait()
        async with asyncio.timeout(10):
            while channel.get_state() == grpc.ChannelConnectivity.READY:
                await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        servicer.leave.set()
        answer = await call
    await server.drain(0)

    assert answer.said == "wait"
