"""What every RPC of every service goes through, over a real server on loopback."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from chassis import edge
from chassis.auth import TokenVerifier
from chassis.errors import error_info_of, reason_of
from chassis.refusals import Unauthenticated
from chassis.tests.conftest import Door

Token = Callable[..., list[tuple[str, str]]]
Code = grpc.StatusCode
LINE = {"sku": "A1", "quantity_units": 1, "location": "s1"}


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def details(error: grpc.aio.AioRpcError, kind: Any) -> Any:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    found = kind()
    assert any(detail.Unpack(found) for detail in status.details)
    return found


async def test_a_call_with_token_role_and_scope_is_served(door: Door, token: Token) -> None:
    mine = token("channel", channels=("web",), locations=("s1",))

    answer = await door.stub.Echo(door.request("who", channel="web", lines=[LINE]), metadata=mine)

    assert answer.said == "me"


async def test_an_answer_in_wire_form_is_sent_as_it_is(door: Door, token: Token) -> None:
    answer = await door.stub.Any(door.request("stored"), metadata=token("channel"))

    assert answer.said == "as it was stored"


@pytest.mark.parametrize("method", ["Echo", "Any", "Forgotten"])
async def test_nothing_works_without_a_token(door: Door, method: str) -> None:
    error = await refused(getattr(door.stub, method)(door.request("x")))

    assert (error.code(), reason_of(error)) == (Code.UNAUTHENTICATED, "TOKEN_MISSING")
    assert door.servicer.calls == 0


async def test_streams_ask_for_a_token_too(door: Door) -> None:
    watch = await refused(door.stub.Watch(door.request("x")).read())
    load = await refused(door.stub.Load(iter([door.request("x")])))

    assert (watch.code(), load.code()) == (Code.UNAUTHENTICATED, Code.UNAUTHENTICATED)


async def test_a_method_without_the_option_is_refused_to_everybody(door: Door, token: Token) -> None:
    everything = token("channel", "service", "operator", "auditor", "till", "planner")

    error = await refused(door.stub.Forgotten(door.request("x"), metadata=everything))

    assert (error.code(), reason_of(error)) == (Code.PERMISSION_DENIED, "PERMISSION_DENIED")


async def test_an_open_method_needs_no_token(door: Door) -> None:
    answer = await door.stub.Open(door.request("hello"))

    assert answer.said == "hello"


@pytest.mark.parametrize(
    ("roles", "channels", "locations"),
    [
        (("auditor",), ("*",), ("*",)),
        ((), ("*",), ("*",)),
        (("channel",), ("app",), ("*",)),
        (("channel",), (), ("*",)),
        (("channel",), ("web",), ("s2",)),
    ],
)
async def test_another_role_channel_or_location_is_refused(
    door: Door, token: Token, roles: tuple[str, ...], channels: tuple[str, ...], locations: tuple[str, ...]
) -> None:
    wrong = token(*roles, channels=channels, locations=locations)

    error = await refused(door.stub.Echo(door.request("x", channel="web", lines=[LINE]), metadata=wrong))

    assert error.code() is Code.PERMISSION_DENIED
    assert door.servicer.calls == 0


async def test_every_value_of_a_repeated_scope_is_checked(door: Door, token: Token) -> None:
    mine = token("channel", channels=("web",), locations=("s1",))
    lines = [LINE, {"sku": "A2", "quantity_units": 1, "location": "s2"}]

    error = await refused(door.stub.Echo(door.request("x", channel="web", lines=lines), metadata=mine))

    assert error.code() is Code.PERMISSION_DENIED


async def test_an_omitted_scope_means_all_and_needs_the_star(door: Door, token: Token) -> None:
    error = await refused(door.stub.Echo(door.request("x"), metadata=token("channel", channels=("web",))))
    answer = await door.stub.Echo(door.request("x"), metadata=token("channel"))

    assert error.code() is Code.PERMISSION_DENIED
    assert answer.said == "x"


async def test_each_message_of_a_client_stream_is_checked(door: Door, token: Token) -> None:
    mine = token("channel", channels=("web",))

    good = await door.stub.Load(iter([door.request("a", channel="web")] * 2), metadata=mine)
    error = await refused(
        door.stub.Load(iter([door.request(channel="web"), door.request(channel="app")]), metadata=mine)
    )

    assert good.said == "a a"
    assert error.code() is Code.PERMISSION_DENIED


async def test_a_stream_goes_on_only_as_long_as_its_token_is_good(
    door: Door, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream may live for days; whoever loses the right to call must not keep it on an old stream."""

    def expired(*_: object) -> None:
        raise Unauthenticated("TOKEN_EXPIRED", "the token has expired")

    async def requests() -> AsyncIterator[Any]:
        yield door.request("a")
        await asyncio.sleep(0.1)
        monkeypatch.setattr(TokenVerifier, "verify", expired)
        yield door.request("b")

    error = await refused(door.stub.Load(requests(), metadata=token("channel")))

    assert (error.code(), reason_of(error)) == (Code.UNAUTHENTICATED, "TOKEN_EXPIRED")


async def test_a_request_that_breaks_rules_lists_every_field(door: Door, token: Token) -> None:
    lines = [LINE, {"sku": "a", "quantity_units": 0}]

    error = await refused(door.stub.Any(door.request(lines=lines, currency="eur"), metadata=token("channel")))

    assert (error.code(), reason_of(error)) == (Code.INVALID_ARGUMENT, "FIELD_INVALID")
    listed = details(error, error_details_pb2.BadRequest).field_violations
    assert [one.field for one in listed] == ["lines[1].sku", "lines[1].quantity_units", "currency"]


async def test_bytes_that_are_no_message_are_the_callers_fault(door: Door, token: Token) -> None:
    raw: Any = door.channel.unary_unary("/chassis.tests.EchoService/Any")

    error = await refused(raw(b"\xff\xff\xff", metadata=token("channel")))

    assert error.code() is Code.INVALID_ARGUMENT


async def test_a_refusal_carries_reason_facts_and_the_callers_language(door: Door, token: Token) -> None:
    spanish = [*token("channel"), ("accept-language", "es-ES,es;q=0.9,en;q=0.5")]

    error = await refused(door.stub.Any(door.request("refuse"), metadata=spanish))

    info = error_info_of(error)
    assert info is not None
    assert (info.reason, info.domain, dict(info.metadata)) == (
        "OUT_OF_TEA",
        "tests.aljibe.dev",
        {"cups": "3"},
    )
    assert (error.code(), error.details()) == (Code.FAILED_PRECONDITION, "only 3 cups are left")
    assert details(error, error_details_pb2.LocalizedMessage).message == "solo quedan 3 tazas"


async def test_a_bug_is_logged_and_nothing_of_it_leaks(
    door: Door, token: Token, caplog: pytest.LogCaptureFixture
) -> None:
    error = await refused(door.stub.Any(door.request("break"), metadata=token("channel")))

    assert error.code() is Code.INTERNAL
    assert "42" not in f"{error.details()}{error.trailing_metadata()}"
    assert [record.getMessage() for record in caplog.records if record.exc_info] == ["rpc_failed"]


@pytest.mark.parametrize(
    ("do", "code", "reason"),
    [
        ("away", Code.UNAVAILABLE, "UNAVAILABLE"),
        ("late", Code.UNAVAILABLE, "CONTENTION"),
        ("abort", Code.ABORTED, ""),
    ],
)
async def test_trouble_has_the_code_that_says_whether_to_retry(
    door: Door, token: Token, do: str, code: grpc.StatusCode, reason: str
) -> None:
    door.servicer.away_times = 1

    error = await refused(door.stub.Any(door.request(do), metadata=token("channel")))

    assert (error.code(), reason_of(error)) == (code, reason)


async def test_a_call_without_a_deadline_gets_the_default(door: Door, token: Token) -> None:
    error = await refused(door.stub.Any(door.request("wait"), metadata=token("channel")))

    assert error.code() is Code.DEADLINE_EXCEEDED
    assert door.servicer.ended.is_set()


async def test_a_deadline_over_the_limit_is_cut(door: Door, token: Token) -> None:
    error = await refused(door.stub.Any(door.request("wait"), metadata=token("channel"), timeout=3600))

    assert error.code() is Code.DEADLINE_EXCEEDED


async def test_the_handler_is_cancelled_at_the_callers_deadline(door: Door, token: Token) -> None:
    error = await refused(door.stub.Any(door.request("wait"), metadata=token("channel"), timeout=0.1))
    await asyncio.wait_for(door.servicer.ended.wait(), 2)

    assert error.code() is Code.DEADLINE_EXCEEDED


async def test_a_caller_that_leaves_is_no_error(
    door: Door, token: Token, caplog: pytest.LogCaptureFixture
) -> None:
    call = door.stub.Any(door.request("wait"), metadata=token("channel"), timeout=0.4)
    await door.servicer.entered.wait()

    call.cancel()
    await asyncio.wait_for(door.servicer.ended.wait(), 2)

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_stream_of_answers_ends_with_the_refusal(door: Door, token: Token) -> None:
    watch = door.stub.Watch(door.request("refuse"), metadata=token("channel"))

    said = [(await watch.read()).said, (await watch.read()).said]
    error = await refused(watch.read())

    assert said == ["one", "two"]
    assert reason_of(error) == "OUT_OF_TEA"


async def test_a_watcher_that_leaves_ends_the_stream(door: Door, token: Token) -> None:
    watch = door.stub.Watch(door.request("wait"), metadata=token("channel"))
    await watch.read()
    await door.servicer.entered.wait()

    watch.cancel()
    await asyncio.wait_for(door.servicer.ended.wait(), 2)

    assert door.servicer.ended.is_set()


async def test_a_message_over_the_limit_is_refused(door: Door, token: Token) -> None:
    error = await refused(door.stub.Any(door.request("x" * 200_000), metadata=token("channel")))

    assert error.code() is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("do", ["refuse", "wait", "no token"])
async def test_a_refused_call_leaves_nothing_behind_for_the_collector(
    door: Door, token: Token, do: str
) -> None:
    mine = token("channel") if do != "no token" else None
    gc.collect()
    before = _works()
    gc.disable()
    try:
        for _ in range(40):
            await refused(door.stub.Any(door.request(do), metadata=mine, timeout=0.05))
        left = _works() - before
    finally:
        gc.enable()

    # One may be on its way out of its frames.
    assert left <= 1


def _works() -> int:
    return sum([type(one) is edge._Work for one in gc.get_objects()])


async def test_health_and_reflection_are_open(door: Door) -> None:
    # The stubs of both packages only know synchronous channels.
    channel: Any = door.channel
    health_stub: Any = health_pb2_grpc.HealthStub(channel)
    reflect: Any = reflection_pb2_grpc.ServerReflectionStub(channel)

    health = await health_stub.Check(health_pb2.HealthCheckRequest(service="chassis.tests.EchoService"))
    listing = reflect.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    names = [service.name for service in (await listing.read()).list_services_response.service]

    assert health.status == health_pb2.HealthCheckResponse.SERVING
    assert "chassis.tests.EchoService" in names
