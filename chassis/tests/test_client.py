"""Calls to other services: what they carry, and when they are made again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from chassis import client, telemetry
from chassis.auth import DevelopmentKeys, ServiceIdentity, TokenMinter
from chassis.call import Call, set_call
from chassis.client import RetryBudget
from chassis.tests.conftest import Door, Stubs

Code = grpc.StatusCode


@pytest.fixture(params=[0, 2], ids=["calls alone", "calls that share streams"])
async def stub(
    request: pytest.FixtureRequest, door: Door, echo: Stubs, keys: DevelopmentKeys
) -> AsyncIterator[Any]:
    identity = ServiceIdentity(TokenMinter(keys.private_key_file), "tests")
    address = f"127.0.0.1:{door.port}"
    async with client.channel(address, identity, exchange_streams=request.param) as channel:
        yield echo.grpc.EchoServiceStub(channel)


async def test_a_call_carries_the_services_own_identity(door: Door, stub: Any) -> None:
    answer = await stub.Echo(door.request("who"))

    assert answer.said == "service:tests"


async def test_unavailable_is_tried_again(door: Door, stub: Any) -> None:
    door.servicer.away_times = 2

    answer = await stub.Any(door.request("away"))

    assert (answer.said, door.servicer.calls) == ("away", 3)


@pytest.mark.parametrize(("do", "code"), [("refuse", Code.FAILED_PRECONDITION), ("break", Code.INTERNAL)])
async def test_nothing_else_is_tried_again(door: Door, stub: Any, do: str, code: grpc.StatusCode) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Any(door.request(do))

    assert (caught.value.code(), door.servicer.calls) == (code, 1)


async def test_no_retry_waits_beyond_the_deadline(
    door: Door, stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.servicer.away_times = 1000
    pauses = iter((0.0, 0.0, 60.0))
    monkeypatch.setattr(client, "random", SimpleNamespace(uniform=lambda _low, _high: next(pauses)))
    started = time.monotonic()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Any(door.request("away"), timeout=20)

    assert (caught.value.code(), door.servicer.calls) == (Code.UNAVAILABLE, 3)
    assert time.monotonic() - started < 20


async def test_a_call_gets_no_more_time_than_the_call_it_serves(door: Door, stub: Any) -> None:
    set_call(Call("/outer", None, time.monotonic() + 0.5, "es"))
    try:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Any(door.request("wait"), timeout=30)
    finally:
        set_call(None)
    await asyncio.wait_for(door.servicer.ended.wait(), 20)

    assert caught.value.code() is Code.DEADLINE_EXCEEDED


async def test_the_trace_goes_along(door: Door, stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    attach = telemetry.attach

    def noted(value: str | None) -> str:
        seen.append(value)
        return attach(value)

    monkeypatch.setattr(telemetry, "attach", noted)
    mine = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"

    with telemetry.from_traceparent(mine):
        seen.clear()
        await stub.Any(door.request("x"))

    assert seen == [mine]


def test_the_budget_allows_a_burst_and_then_a_tenth() -> None:
    budget = RetryBudget()
    burst = sum(budget.spend() for _ in range(100))

    for _ in range(100):
        budget.earn()
    share = sum(budget.spend() for _ in range(100))

    assert burst == 10
    assert share in (9, 10)  # a tenth cannot be summed exactly in binary
