from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from demo.doors import Away, patiently
from demo.http_door import HttpDoor

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def door_to(serve: Serve) -> AsyncIterator[HttpDoor]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        door = HttpDoor(f"http://127.0.0.1:{port}")
        try:
            yield door
        finally:
            door.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with the body it got, in two pieces, as long as the connection lives."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:-2])
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body))
        await writer.drain()
        writer.write(body)


async def test_a_connection_is_used_again() -> None:
    connections = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            await echo(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    async with door_to(count) as door:
        answers = [await door.request("POST", "/", {}, b"%d" % number) for number in range(5)]

    assert [answer.body for answer in answers] == [b"0", b"1", b"2", b"3", b"4"]
    assert connections == 1


async def test_a_server_that_hangs_up_is_a_connection_error() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhal")
        await writer.drain()
        writer.close()

    async with door_to(hang_up) as door:
        with pytest.raises(ConnectionResetError):
            await door.request("GET", "/", {})


async def test_who_is_away_is_asked_again_until_patience_ends() -> None:
    asked = 0

    async def away_twice() -> str:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise Away("starting")
        return "here"

    assert await patiently(away_twice) == "here"

    asked = -1_000
    with pytest.raises(Away):
        await patiently(away_twice, patience_seconds=0.1)
