"""Calls that share a stream: each is what it would be alone, whatever becomes of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from aljibe.ops.v1 import exchange_pb2 as pb
from chassis import client, exchange_client
from chassis.auth import DevelopmentKeys, TokenVerifier
from chassis.errors import reason_of
from chassis.exchange import METHOD
from chassis.server import Server
from chassis.settings import ChassisSettings
from chassis.tests.conftest import TABLE, Door, Servicer, Stubs

Code = grpc.StatusCode
Token = Callable[..., list[tuple[str, str]]]


@pytest.fixture
async def stub(door: Door, echo: Stubs) -> AsyncIterator[Any]:
    async with client.channel(f"127.0.0.1:{door.port}", exchange_streams=1) as channel:
        yield echo.grpc.EchoServiceStub(channel)


def _outcome(answer: Any) -> object:
    return answer.code() if isinstance(answer, grpc.aio.AioRpcError) else answer.said


async def test_each_call_has_its_own_outcome(door: Door, stub: Any, token: Token) -> None:
    words = ["one", "refuse", "two", "break", "abort", "stored"]
    calls = [stub.Any(door.request(word), metadata=token("channel")) for word in words]

    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert list(map(_outcome, answers)) == [
        "one",
        Code.FAILED_PRECONDITION,
        "two",
        Code.INTERNAL,
        Code.ABORTED,
        "as it was stored",
    ]
    assert reason_of(answers[1]) == "OUT_OF_TEA"  # type: ignore[arg-type]
    assert "42" not in str(answers[3].details())  # type: ignore[union-attr]


async def test_health_is_asked_beside_the_streams(door: Door) -> None:
    """Who asks whether a service is there asks gRPC itself, over the same channel."""
    async with client.channel(f"127.0.0.1:{door.port}", exchange_streams=1) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)

        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=5)

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_each_call_has_its_own_caller(door: Door, stub: Any, token: Token) -> None:
    """The stream itself proves nothing about anybody."""
    calls = [
        stub.Any(door.request("who"), metadata=token("channel")),
        stub.Any(door.request("who")),
        stub.Echo(door.request("who"), metadata=token("operator")),
        stub.Forgotten(door.request("who"), metadata=token("channel")),
    ]

    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert list(map(_outcome, answers)) == [
        "me",
        Code.UNAUTHENTICATED,
        Code.PERMISSION_DENIED,
        Code.PERMISSION_DENIED,
    ]


async def test_a_slow_call_holds_up_nobody(door: Door, stub: Any, token: Token) -> None:
    slow = asyncio.ensure_future(stub.Any(door.request("wait"), metadata=token("channel"), timeout=5))
    await door.servicer.entered.wait()

    quick = await stub.Any(door.request("quick"), metadata=token("channel"))
    waiting = not slow.done()
    door.servicer.leave.set()

    assert quick.said == "quick"
    assert waiting
    assert (await slow).said == "wait"


async def test_a_call_is_cancelled_at_its_deadline(door: Door, stub: Any, token: Token) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Any(door.request("wait"), metadata=token("channel"), timeout=0.05)
    await asyncio.wait_for(door.servicer.ended.wait(), timeout=5)

    assert caught.value.code() is Code.DEADLINE_EXCEEDED


async def test_calls_leave_with_a_stream_that_breaks(door: Door, echo: Stubs, token: Token) -> None:
    """A caller whose connection is gone has nobody working for it any more."""
    channel = client.channel(f"127.0.0.1:{door.port}", exchange_streams=1)
    call = asyncio.ensure_future(
        echo.grpc.EchoServiceStub(channel).Any(door.request("wait"), metadata=token("channel"), timeout=5)
    )
    await door.servicer.entered.wait()

    await channel.close()
    await asyncio.wait_for(door.servicer.ended.wait(), timeout=5)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is Code.CANCELLED


class _Broken:
    """A stream as grpc.aio has it when its connection breaks: reading and writing end with `code`."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "broken")

    async def write(self, _: object) -> None:
        raise self._error

    async def read(self) -> object:
        await asyncio.sleep(0)
        raise self._error


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.INTERNAL, Code.CANCELLED, Code.UNKNOWN])
async def test_a_break_is_unavailability_however_grpc_tells_it(code: grpc.StatusCode) -> None:
    """Only UNAVAILABLE is tried again; grpc.aio says INTERNAL when the break meets a write."""
    stream = exchange_client._Stream(_Broken(code))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream.ask(pb.ExchangeCall(method="/echo/Say"), timeout=5)

    assert caught.value.code() is Code.UNAVAILABLE


async def test_many_calls_at_once_are_all_answered(door: Door, stub: Any, token: Token) -> None:
    """More than one message takes, in both directions."""
    metadata = token("channel")
    words = [f"{number:0100d}" for number in range(1000)]

    answers = await asyncio.gather(
        *(stub.Any(door.request(word), metadata=metadata, timeout=20) for word in words)
    )

    assert [answer.said for answer in answers] == words


async def test_a_drain_answers_what_is_running_and_sends_the_rest_elsewhere(
    echo: Stubs, keys: DevelopmentKeys, token: Token
) -> None:
    """A deployment is noticed by nobody: the second instance takes over at the same address."""
    first = await _serving(echo, keys)
    address = f"127.0.0.1:{first.port}"
    metadata = token("channel")
    async with client.channel(address, exchange_streams=1) as channel:
        stub = echo.grpc.EchoServiceStub(channel)
        running = asyncio.ensure_future(stub.Any(first.request("wait"), metadata=metadata, timeout=10))
        await first.servicer.entered.wait()
        draining = asyncio.ensure_future(first.server.drain(5))
        await asyncio.sleep(0.05)
        second: Door | None = None
        next_call = asyncio.ensure_future(stub.Any(first.request("next"), metadata=metadata, timeout=10))
        first.servicer.leave.set()
        await asyncio.wait_for(draining, timeout=3)
        second = await _serving(echo, keys, address)
        answers = (await running, await next_call)
        await second.server.drain(0)

    assert [answer.said for answer in answers] == ["wait", "next"]
    assert (first.servicer.calls, second.servicer.calls) == (1, 1)


async def test_a_stream_is_replaced_after_its_time(
    door: Door, stub: Any, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that instances that are new get calls, too; what the old one carries is answered still."""
    monkeypatch.setattr(exchange_client, "STREAM_SECONDS", 0.0)
    metadata = token("channel")

    slow = asyncio.ensure_future(stub.Any(door.request("wait"), metadata=metadata, timeout=5))
    await door.servicer.entered.wait()
    quick = [await stub.Any(door.request("quick"), metadata=metadata) for _ in range(3)]
    door.servicer.leave.set()

    assert [one.said for one in quick] == ["quick"] * 3
    assert (await slow).said == "wait"


async def test_a_service_without_exchanges_is_called_in_the_ordinary_way(echo: Stubs, token: Token) -> None:
    """The release before, while a deployment is under way."""
    server = grpc.aio.server()
    echo.grpc.add_EchoServiceServicer_to_server(Servicer(echo), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async with client.channel(f"127.0.0.1:{port}", exchange_streams=1) as channel:
        stub = echo.grpc.EchoServiceStub(channel)
        answers = [await stub.Any(echo.pb.EchoRequest(do=word)) for word in ("a", "b")]
    await server.stop(0)

    assert [answer.said for answer in answers] == ["a", "b"]


async def test_a_method_that_is_not_there_is_unimplemented(door: Door) -> None:
    """Streaming methods are not there either: an exchange is for unary calls."""
    calls = [
        pb.ExchangeCall(number=1, method="/x.Y/Z", timeout_milliseconds=100),
        pb.ExchangeCall(number=2, method="/chassis.tests.EchoService/Watch", timeout_milliseconds=100),
    ]
    stream = _raw(door)

    await stream.write(pb.ExchangeRequest(calls=calls))
    answers: list[pb.ExchangeAnswer] = []
    while len(answers) < len(calls):
        answers += (await stream.read()).answers

    assert {answer.number: answer.code for answer in answers} == {1: 12, 2: 12}
    stream.cancel()


async def test_too_many_calls_at_once_are_refused_at_once(
    echo: Stubs, keys: DevelopmentKeys, token: Token
) -> None:
    """The server's limit holds for calls, not for streams."""
    door = await _serving(echo, keys, max_concurrent_rpcs=2)
    metadata = token("channel")
    async with client.channel(f"127.0.0.1:{door.port}", exchange_streams=1) as channel:
        stub = echo.grpc.EchoServiceStub(channel)
        calls = [stub.Any(door.request("wait"), metadata=metadata, timeout=5) for _ in range(3)]
        running = [asyncio.ensure_future(call) for call in calls]
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        door.servicer.leave.set()
        answers = await asyncio.gather(*running, return_exceptions=True)
        after = await stub.Any(door.request("after"), metadata=metadata)
    await door.server.drain(0)

    assert [type(task.exception()) for task in done] == [grpc.aio.AioRpcError]
    assert sorted(map(str, map(_outcome, answers))) == ["StatusCode.RESOURCE_EXHAUSTED", "wait", "wait"]
    assert after.said == "after"


async def test_a_response_that_is_too_large_fails_alone(door: Door, stub: Any, token: Token) -> None:
    """On a stream it would take everybody else's calls with it."""
    metadata = token("channel")
    door.server._exchange.max_response_bytes = 500
    large = stub.Any(door.request("x" * 600), metadata=metadata)

    answers = await asyncio.gather(
        large, *(stub.Any(door.request(word), metadata=metadata) for word in "abc"), return_exceptions=True
    )

    assert list(map(_outcome, answers)) == [Code.RESOURCE_EXHAUSTED, "a", "b", "c"]


async def test_metadata_that_an_exchange_has_no_field_for_is_not_lost(
    echo: Stubs, keys: DevelopmentKeys, token: Token
) -> None:
    """Such a call is made alone."""
    seen: dict[str, object] = {}

    class Noting(Servicer):
        async def Any(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
            seen.update(context.invocation_metadata())
            return self.stubs.pb.EchoResponse(said="noted")

    door = await _serving(echo, keys, servicer=Noting(echo))
    async with client.channel(f"127.0.0.1:{door.port}", exchange_streams=1) as channel:
        stub = echo.grpc.EchoServiceStub(channel)
        await stub.Any(door.request(), metadata=[*token("channel"), ("x-shop", "7")])
    await door.server.drain(0)

    assert seen["x-shop"] == "7"


async def _serving(
    echo: Stubs,
    keys: DevelopmentKeys,
    address: str = "127.0.0.1:0",
    servicer: Servicer | None = None,
    **settings: Any,
) -> Door:
    servicer = servicer or Servicer(echo)
    server = Server(
        ChassisSettings(service_name="tests", grpc_listen=address, **settings),
        [
            (
                echo.grpc.add_EchoServiceServicer_to_server,
                servicer,
                echo.pb.DESCRIPTOR.services_by_name["EchoService"],
            )
        ],
        table=TABLE,
        verifier=TokenVerifier(keys.public_keys_file),
    )
    await server.start()
    await server.ready()
    return Door(servicer, server, server.port, None, None, echo.pb)  # type: ignore[arg-type]


def _raw(door: Door) -> Any:
    return door.channel.stream_stream(
        METHOD,
        request_serializer=pb.ExchangeRequest.SerializeToString,
        response_deserializer=pb.ExchangeResponse.FromString,
    )()
