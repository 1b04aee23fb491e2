"""A small HTTP/1.1 client: keep-alive connections over one host, one request at a time on each.

The load generator shares its cores with the platform; a general client costs several times as much per call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an HTTP response."""

    status: int
    body: bytes


class HttpDoor:
    """Requests to ``base`` (``http://host:port``). Raises ConnectionError or TimeoutError when it does not
    answer; the caller decides whether to ask again.
    """

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{base!r} is not an http:// address")
        self._host, self._port = parts.hostname, parts.port or 80
        self._host_line = f"host: {self._host}:{self._port}\r\n"
        self._idle: list[_Connection] = []

    async def request(self, verb: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request and read its whole answer."""
        connection = self._idle_connection() or await self._connect()
        head = f"{verb} {path} HTTP/1.1\r\n{self._host_line}"
        for name, value in headers.items():
            head += f"{name}: {value}\r\n"
        if body:
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        try:
            answer = await connection.exchange(b"%b\r\n%b" % (head.encode("latin-1"), body))
        except BaseException:
            connection.close()
            raise
        if connection.usable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close all idle connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _idle_connection(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await asyncio.wait_for(
            loop.create_connection(_Connection, self._host, self._port), CONNECT_SECONDS
        )
        return connection


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._waiting: asyncio.Future[Answer] | None = None
        self.usable = False

    async def exchange(self, message: bytes) -> Answer:
        if self._transport is None:
            raise ConnectionResetError("the connection is gone")
        loop = asyncio.get_running_loop()
        self._chunks.clear()
        self._waiting = loop.create_future()
        # A timer and not wait_for, which makes a task for each request.
        timer = loop.call_later(ANSWER_SECONDS, self._fail, TimeoutError())
        self._transport.write(message)
        try:
            return await self._waiting
        finally:
            timer.cancel()

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionResetError(str(error)))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable, self._transport = False, None
        self._fail(ConnectionResetError("the connection was closed before the answer was whole"))

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        self.usable = self.usable and self._parser.should_keep_alive()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(self._parser.get_status_code(), b"".join(self._chunks)))

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
