"""HTTP/1.1 connections: uvicorn's own protocol, with a shorter way for the calls that web shops make all day.

ASGI hands a request over as a dictionary and two coroutines, through five layers that each look at it, and
takes the answer back in two messages; that costs several times as much as reading the request. So a call that
is whole, plain and alone on its connection goes straight to the door, and its answer is one write. Everything
else (event streams, pages, large or chunked bodies, pipelining, unknown paths, CORS) takes uvicorn's way, and
so do connections, keep-alive and draining. See ADR-0016.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.gateway.adapters.door import Door, HttpRequest, Reply

MAX_SHORT_BODY_BYTES = 64 * 1024
"""Longer bodies take uvicorn's way, which holds back a sender that is faster than we are."""
_PREFIX = b"/v1/"
_LONG_WAY_HEADERS = frozenset((b"expect", b"transfer-encoding", b"upgrade"))


class _Cycle:
    """What uvicorn's protocol looks at of the request being served."""

    __slots__ = ("body", "disconnected", "keep_alive", "message_event", "request", "response_complete")

    def __init__(self, request: HttpRequest, keep_alive: bool) -> None:
        self.request = request
        self.body = b""
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False
        self.message_event = _NOBODY_WAITS


class _NobodyWaits:
    def set(self) -> None:
        """Nothing of ours waits for more of the request."""


_NOBODY_WAITS = _NobodyWaits()


class DoorProtocol(HttpToolsProtocol):
    """One connection. Give uvicorn `functools.partial(DoorProtocol, door, cors=…)` as its `http` class."""

    def __init__(self, door: Door, *args: Any, cors: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._door = door
        self._max_body = min(MAX_SHORT_BODY_BYTES, door.max_body_bytes)
        # A browser's request from another origin is answered with headers of the middleware's.
        self._cors = cors

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Which way it takes is known now."""
        # A client that does not read its answers is not served faster than it reads.
        before: Any = self.cycle
        if (before is None or before.response_complete) and not self.flow.write_paused:
            request = self._short_request()
            if request is not None:
                self.cycle = _Cycle(request, self.parser.should_keep_alive())  # type: ignore[assignment]
                return
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in headers
        )
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        cycle: Any = self.cycle
        if type(cycle) is _Cycle:
            cycle.body = cycle.body + body if cycle.body else body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        cycle: Any = self.cycle
        if type(cycle) is not _Cycle:
            super().on_message_complete()
            return
        task = self.loop.create_task(self._serve(cycle))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _short_request(self) -> HttpRequest | None:
        """The request, when it may take the short way."""
        url = self.url
        if not (url.startswith(_PREFIX) and url.isascii()) or b"#" in url:
            return None
        if self.parser.get_http_version() != "1.1":
            return None
        path, _, query = url.partition(b"?")
        verb = self.parser.get_method().decode("ascii")
        found = self._door.find(verb, path.decode("latin-1"))
        if found is None or found[0].method.server_streaming:
            return None
        headers = dict(self.headers)
        if not _LONG_WAY_HEADERS.isdisjoint(headers):
            return None
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._max_body:
            return None
        if b"x-forwarded-for" in headers and b"authorization" not in headers:
            return None  # uvicorn knows which proxies to believe
        if self._cors and b"origin" in headers:
            return None
        client = self.client[0] if self.client else ""
        return HttpRequest(verb, path.decode("latin-1"), query, headers, client, found)

    async def _serve(self, cycle: _Cycle) -> None:
        reply: Reply | None = None
        try:
            reply = await self._door.answer(cycle.request, cycle.body)
        finally:
            # Only a cancelled task has no reply: the process ends, and nobody is to wait for an answer.
            cycle.response_complete = True
            if reply is None:
                self.transport.close()
        if cycle.disconnected or self.transport.is_closing():
            return
        self.transport.write(_bytes_of(reply, cycle.keep_alive))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


def _bytes_of(reply: Reply, keep_alive: bool) -> bytes:
    parts = [STATUS_LINE[reply.status]]
    for name, value in reply.headers:
        parts += (name, b": ", value, b"\r\n")
    parts += (
        b"content-length: %d\r\ntraceparent: " % len(reply.body),
        reply.traceparent.encode(),
        b"\r\n\r\n" if keep_alive else b"\r\nconnection: close\r\n\r\n",
        reply.body,
    )
    return b"".join(parts)
