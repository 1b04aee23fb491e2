"""The spans of calls on both sides, of statements, and what is kept of traces that nobody samples."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from chassis import baggage, client, metrics, telemetry
from chassis.auth import DevelopmentKeys, ServiceIdentity, TokenMinter
from chassis.postgres import open_database
from chassis.sql import parse
from chassis.tests.conftest import SAMPLED, UNSAMPLED, Door, Recorder, Stubs

SECRET = "Maria Perez"


@pytest.fixture(params=[0, 2], ids=["calls alone", "calls that share streams"])
async def stub(
    request: pytest.FixtureRequest, door: Door, echo: Stubs, keys: DevelopmentKeys
) -> AsyncIterator[Any]:
    identity = ServiceIdentity(TokenMinter(keys.private_key_file), "tests")
    address = f"127.0.0.1:{door.port}"
    async with client.channel(address, identity, exchange_streams=request.param) as channel:
        yield echo.grpc.EchoServiceStub(channel)


async def _called(door: Door, stub: Any, do: str, traceparent: str) -> None:
    with telemetry.from_traceparent(traceparent):
        try:
            await stub.Any(door.request(do))
        except grpc.aio.AioRpcError:
            return


async def test_a_call_has_a_span_on_either_side(door: Door, stub: Any, spans: Recorder) -> None:
    await _called(door, stub, "x", SAMPLED)

    served, called = spans
    assert (called.kind, called.parent_id) == (telemetry.Kind.CLIENT, SAMPLED[36:52])
    assert (served.kind, served.parent_id) == (telemetry.Kind.SERVER, called.span_id)
    assert served.name == called.name == door.pb.DESCRIPTOR.services_by_name["EchoService"].full_name + "/Any"
    assert served.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": served.name,
        "rpc.response.status_code": "OK",
    }
    assert called.attributes == {
        **served.attributes,
        "server.address": "127.0.0.1",
        "server.port": door.port,
    }


@pytest.mark.parametrize(
    ("do", "code", "fault"), [("refuse", "FAILED_PRECONDITION", False), ("break", "INTERNAL", True)]
)
async def test_a_refusal_is_an_error_to_its_caller_only(
    door: Door, stub: Any, spans: Recorder, do: str, code: str, fault: bool
) -> None:
    """As the conventions for gRPC say: the server did its work."""
    await _called(door, stub, do, SAMPLED)

    served, called = spans
    assert [one.attributes["rpc.response.status_code"] for one in spans] == [code, code]
    assert (served.state is telemetry.State.ERROR, called.state) == (fault, telemetry.State.ERROR)


async def test_of_an_unsampled_trace_only_faults_and_slow_calls_are_kept(
    door: Door, stub: Any, spans: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the trace's own id and with the times of the work; a refusal is neither."""
    await _called(door, stub, "x", UNSAMPLED)
    await _called(door, stub, "refuse", UNSAMPLED)
    await _called(door, stub, "break", UNSAMPLED)
    monkeypatch.setattr(telemetry._tracing, "slow_seconds", 0.05)
    door.servicer.entered.clear()
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(_called(door, stub, "wait", UNSAMPLED))
        await door.servicer.entered.wait()
        await asyncio.sleep(0.06)
        door.servicer.leave.set()
    took = time.monotonic() - began

    broken, slow = spans
    assert [one.attributes["aljibe.kept"] for one in spans] == ["error", "slow"]
    assert {one.trace_id for one in spans} == {UNSAMPLED[3:35]}
    assert {one.parent_id for one in spans} == {UNSAMPLED[36:52]}
    assert (broken.attributes["error.type"], broken.state) == ("INTERNAL", telemetry.State.ERROR)
    assert 0.05 <= (slow.end_nanos - slow.start_nanos) / 1e9 <= took


async def test_a_calls_duration_has_an_exemplar_where_its_trace_is_sampled(
    door: Door, stub: Any, spans: Recorder
) -> None:
    await _called(door, stub, "x", SAMPLED)

    families = {family.name: family for family in metrics.REGISTRY.collect()}
    found = [
        sample.exemplar.labels["trace_id"]
        for sample in families["aljibe_rpc_server_seconds"].samples
        if sample.exemplar is not None
    ]
    assert SAMPLED[3:35] in found


@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        ("a=1;p=2,b=%20", "a=1;p=2,b=%20"),
        (",".join(f"k{n}=1" for n in range(65)), ""),
        ("k=" + "x" * 8192, ""),
    ],
    ids=["within the limits", "too many members", "too long"],
)
async def test_baggage_goes_along_within_limits(
    door: Door, stub: Any, monkeypatch: pytest.MonkeyPatch, given: str, arrives: str
) -> None:
    """What is over the limits of W3C baggage is dropped whole."""
    seen: list[str] = []
    baggage.carry(given)
    monkeypatch.setattr(baggage, "carry", seen.append)

    await stub.Any(door.request("x"))

    assert "".join(seen) == arrives


async def test_a_statement_has_a_span_by_its_name_and_none_of_its_parameters(
    fresh_database: str, spans: Recorder
) -> None:
    queries = parse("-- name: say_again\n-- Gives back what it got.\nSELECT $1::text")
    db = await open_database(fresh_database, "public")

    with telemetry.from_traceparent(SAMPLED):
        async with db.transaction() as conn:
            said = await conn.fetchval(queries.say_again, SECRET)
            await conn.fetch("SELECT relname FROM pg_class LIMIT 1")
    await db.close()

    named, bare, commit = spans
    assert (said, named.name, bare.name, commit.name) == (SECRET, "say_again", "SELECT pg_class", "COMMIT")
    assert named.kind is telemetry.Kind.CLIENT
    assert named.attributes["db.system.name"] == "postgresql"
    assert named.attributes["db.query.summary"] == "say_again"
    assert named.attributes["db.operation.name"] == "SELECT"
    assert str(named.attributes["db.namespace"]).endswith("|public")
    assert SECRET not in str([one.attributes for one in spans])


async def test_a_statement_that_fails_says_by_which_code(fresh_database: str, spans: Recorder) -> None:
    db = await open_database(fresh_database, "public")

    with telemetry.from_traceparent(SAMPLED), pytest.raises(Exception, match="division"):
        async with db.connection() as conn:
            await conn.execute("SELECT 1 / $1::int", 0)
    await db.close()

    (span,) = spans
    assert span.attributes["db.response.status_code"] == "22012"
    assert (span.state, span.attributes["error.type"]) == (telemetry.State.ERROR, "DivisionByZeroError")
