from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import grpc
import orjson
import pytest
from starlette.responses import StreamingResponse

from services.console.adapters.session import Person
from services.console.adapters.stream import Streams
from services.console.config import Settings

PERSON = Person(
    "ana",
    "Ana",
    frozenset({"operator"}),
    frozenset({"*"}),
    frozenset({"*"}),
    "en",
    "auto",
    "UTC",
    "s",
    time.time() + 3600,
    str,
)


class Events:
    """What a browser hears."""

    def __init__(self, response: object) -> None:
        assert isinstance(response, StreamingResponse)
        self.iterator = response.body_iterator

    async def next(self) -> tuple[str, dict[str, str]]:
        """The next event with its content; heartbeats and the reconnect time are skipped."""
        async for chunk in self.iterator:
            text = bytes(chunk).decode() if not isinstance(chunk, str) else chunk
            if text.startswith("event: "):
                name, data = text.strip().split("\n", 1)
                return name.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))
        raise EOFError

    async def close(self) -> None:
        await self.iterator.aclose()  # type: ignore[attr-defined]


async def never() -> AsyncIterator[Mapping[str, str]]:
    yield {"a": "1"}
    await asyncio.Event().wait()


async def test_only_regions_that_changed_are_sent() -> None:
    async def regions() -> AsyncIterator[Mapping[str, str]]:
        yield {"a": "1", "b": "1"}
        yield {"a": "1", "b": "2"}
        yield {"a": "1", "b": "2"}
        yield {"a": "3"}

    events = Events(Streams(Settings()).open(PERSON, regions))

    assert [await events.next() for _ in range(3)] == [
        ("regions", {"a": "1", "b": "1"}),
        ("regions", {"b": "2"}),
        ("regions", {"a": "3"}),
    ]
    await events.close()


async def test_a_service_that_is_away_is_said_once_and_its_return_too() -> None:
    tries = 0

    async def regions() -> AsyncIterator[Mapping[str, str]]:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())
        yield {"a": "1"}

    events = Events(Streams(Settings()).open(PERSON, regions))

    assert (await events.next())[0] == "away"
    assert await events.next() == ("regions", {"a": "1"})
    await events.close()


async def test_our_own_fault_is_told_without_details() -> None:
    async def regions() -> AsyncIterator[Mapping[str, str]]:
        yield {"a": "1"}
        raise RuntimeError("secret detail")

    events = Events(Streams(Settings()).open(PERSON, regions))
    await events.next()

    name, said = await events.next()
    assert name == "away"
    assert "secret" not in said["sentence"]
    with pytest.raises(EOFError):
        await events.next()


async def test_draining_ends_open_streams() -> None:
    streams = Streams(Settings())
    events = Events(streams.open(PERSON, never))
    await events.next()

    streams.drain()

    with pytest.raises(EOFError):
        await events.next()
    assert streams.open_count == 0


async def test_a_stream_ends_with_the_session() -> None:
    events = Events(Streams(Settings()).open(replace(PERSON, expires=time.time() + 0.05), never))
    await events.next()

    with pytest.raises(EOFError):
        await events.next()


async def test_one_stream_too_many_is_told_to_stay_quiet() -> None:
    streams = Streams(Settings(max_event_streams=1))
    first = Events(streams.open(PERSON, never))
    await first.next()

    refused = streams.open(PERSON, never)

    assert b'"full"' in bytes(refused.body)
    await first.close()


async def test_a_silent_stream_has_a_heartbeat() -> None:
    response = Streams(Settings(event_heartbeat_seconds=0.01)).open(PERSON, never)
    assert isinstance(response, StreamingResponse)

    chunks = [chunk async for _, chunk in _first(response, 3)]

    assert bytes(chunks[-1]).startswith(b":")


async def _first(response: StreamingResponse, count: int) -> AsyncIterator[tuple[int, bytes]]:
    number = 0
    async for chunk in response.body_iterator:
        assert isinstance(chunk, bytes)
        yield number, chunk
        number += 1
        if number == count:
            return
