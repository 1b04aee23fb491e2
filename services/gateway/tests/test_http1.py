"""Connections as bytes: what a client may do within HTTP/1.1, whichever way its requests take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
import pytest_asyncio

from services.gateway.tests.test_door import OrdersStub, _door, _Way, way  # noqa: F401

BODY = b'{"order":{"channelId":"web"}}'
PLACE = b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
CHUNKED = (
    b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (len(BODY), BODY)
)
UNKNOWN = b"GET /v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


class Got(NamedTuple):
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def say(self, *parts: bytes) -> None:
        """Sends, without waiting for anything."""
        self.writer.write(b"".join(parts))

    async def hear(self) -> Got:
        """The next response."""
        async with asyncio.timeout(5):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
            }
            body = await self._reader.readexactly(int(headers["content-length"]))
        return Got(int(head[0].split()[1]), headers, body)

    async def ended(self) -> bool:
        """Whether the server closes, with nothing more to say."""
        async with asyncio.timeout(5):
            return await self._reader.read() == b""


@pytest_asyncio.fixture
async def stub() -> OrdersStub:
    """The service behind the door."""
    return OrdersStub()


@asynccontextmanager
async def connected(stub: OrdersStub, **settings: object) -> AsyncIterator[Connection]:
    """A connection to a door before the service."""
    async with _door(stub, **settings) as client:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        try:
            yield Connection(reader, writer)
        finally:
            writer.close()


async def test_a_connection_serves_one_request_after_the_other(stub: OrdersStub) -> None:
    """Keep-alive, also where the requests take different ways."""
    async with connected(stub) as connection:
        answers = []
        for request in (PLACE, UNKNOWN, CHUNKED, HEALTH, PLACE):
            connection.say(request)
            answers.append(await connection.hear())

    assert [answer.status for answer in answers] == [200, 404, 200, 200, 200]
    assert answers[0].body == answers[2].body == answers[4].body
    assert len(stub.seen) == 3


async def test_pipelined_requests_are_answered_in_their_order(stub: OrdersStub) -> None:
    """RFC 9112, section 9.3.2: the second must not overtake the first, though it is done at once."""
    stub.hold = asyncio.Event()

    async with connected(stub) as connection:
        connection.say(PLACE, HEALTH, PLACE, UNKNOWN)
        while not stub.seen:
            await asyncio.sleep(0.001)
        stub.hold.set()
        answers = [await connection.hear() for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 200, 404]
    assert answers[1].body == b'{"state":"alive"}'
    assert len(stub.seen) == 2


async def test_an_address_that_is_not_ascii_is_refused(stub: OrdersStub) -> None:
    """RFC 3986: such letters are percent-encoded; nobody is to guess their encoding."""
    async with connected(stub) as connection:
        connection.say("GET /v1/orders/ñ HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        answer = await connection.hear()

    assert answer.status == 400
    assert stub.seen == []


@pytest.mark.parametrize("size", [1, 7])
async def test_a_request_may_arrive_in_pieces(stub: OrdersStub, size: int) -> None:
    """TCP keeps no borders."""
    async with connected(stub) as connection:
        for at in range(0, len(PLACE), size):
            connection.say(PLACE[at : at + size])
            await asyncio.sleep(0)
        answer = await connection.hear()

    assert answer.status == 200
    assert stub.seen[0][1].order.channel_id == "web"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "request_bytes",
    [
        PLACE.replace(b"host: x", b"host: x\r\nconnection: close"),
        PLACE.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["connection: close", "HTTP/1.0"],
)
async def test_a_client_that_wants_no_more_is_let_go(stub: OrdersStub, request_bytes: bytes) -> None:
    """Answered, told so, and closed."""
    async with connected(stub) as connection:
        connection.say(request_bytes)
        answer = await connection.hear()
        ended = await connection.ended()

    assert answer.status == 200
    assert answer.headers["connection"] == "close"
    assert ended


async def test_an_expectation_is_met_before_the_body_is_sent(stub: OrdersStub) -> None:
    """RFC 9110, section 10.1.1: curl waits for it with large bodies."""
    head, body = PLACE.split(b"\r\n\r\n")

    async with connected(stub) as connection:
        connection.say(head, b"\r\nexpect: 100-continue\r\n\r\n")
        async with asyncio.timeout(5):
            told = await connection._reader.readuntil(b"\r\n\r\n")
        connection.say(body)
        answer = await connection.hear()

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.status == 200


async def test_a_client_that_is_gone_before_its_answer_harms_nobody(stub: OrdersStub) -> None:
    """Its order is placed all the same: the answer waits under its request id."""
    stub.hold = asyncio.Event()

    async with connected(stub) as gone, connected(stub) as other:
        gone.say(PLACE)
        while not stub.seen:
            await asyncio.sleep(0.001)
        gone.writer.transport.abort()
        stub.hold.set()
        other.say(PLACE)
        answer = await other.hear()

    assert answer.status == 200
    assert len(stub.seen) == 2


async def test_a_request_in_flight_is_answered_before_the_process_ends(stub: OrdersStub) -> None:
    """And its client is told to come back on another connection."""
    stub.hold = asyncio.Event()

    async with connected(stub) as connection:
        connection.say(PLACE)
        while not stub.seen:
            await asyncio.sleep(0.001)
        _Way.server.should_exit = True
        while _Way.server.servers[0].is_serving():
            await asyncio.sleep(0.01)
        stub.hold.set()
        answer = await connection.hear()
        ended = await connection.ended()

    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert ended


async def test_a_body_over_the_limit_is_refused(stub: OrdersStub) -> None:
    """By its length, before it is read."""
    async with connected(stub, max_body_bytes=10) as connection:
        connection.say(PLACE)
        answer = await connection.hear()

    assert answer.status == 413
    assert stub.seen == []


async def test_what_is_not_http_is_refused(stub: OrdersStub) -> None:
    """And the connection with it."""
    async with connected(stub) as connection:
        connection.say(b"\x16\x03\x01 hello\r\n\r\n")
        answer = await connection.hear()
        ended = await connection.ended()

    assert answer.status == 400
    assert ended
