"""The HTTP door as an ASGI application: finds the route, transcodes, calls, answers or refuses."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import grpc
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind

from chassis import metrics, telemetry
from services.gateway.adapters.limits import RateLimit
from services.gateway.adapters.problems import BadRequestProblem, DoorProblem, Problem, problem_of_rpc_error
from services.gateway.adapters.routes import Route, RouteTable
from services.gateway.adapters.transcode import build_request, to_json
from services.gateway.adapters.upstream import Metadata, Upstream
from services.gateway.config import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Mapping[bytes, bytes]

MAX_QUERY_PARAMETERS = 300
JSON = (b"content-type", b"application/json")
_LOG = logging.getLogger("aljibe.gateway")
_REQUESTS = metrics.histogram(
    "http_server_seconds", "s", "Time of a request at the HTTP door", ("route", "verb", "status")
)
_STREAMS = metrics.gauge("http_event_streams", "streams", "Open server-sent event streams")


class Door:
    """Serves every route of the contract. Holds no state of a caller but its rate."""

    def __init__(self, table: RouteTable, upstream: Upstream, settings: Settings) -> None:
        self._table = table
        self._upstream = upstream
        self._settings = settings
        self._limit = RateLimit(settings.rate_limit_per_second, settings.rate_limit_burst)
        self._open_streams = 0
        self.draining = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        started = time.monotonic()
        headers: Headers = dict(scope["headers"])
        given = headers.get(b"traceparent")
        route_name, status = "none", 500
        with telemetry.from_traceparent(given.decode("latin-1") if given else None):
            verb = scope["method"]
            with telemetry.span(f"HTTP {verb}", SpanKind.SERVER, **{"http.request.method": verb}) as span:
                try:
                    route, variables = self._route(scope)
                    route_name = route.template
                    if span is not None:
                        span.update_name(f"{verb} {route.template}")
                        span.set_attribute("http.route", route.template)
                    status = await self._serve(route, variables, scope, headers, receive, send)
                except DoorProblem as refusal:
                    status = await _refuse(send, refusal.problem)
                except grpc.aio.AioRpcError as error:
                    status = await _refuse(send, problem_of_rpc_error(error))
                except Exception:  # noqa: BLE001 (the edge: our own bug becomes a 500 that tells nothing)
                    _LOG.exception("request_failed", extra={"route": route_name})
                    status = await _refuse(send, Problem(500, "INTERNAL", "something went wrong here"))
                if span is not None:
                    span.set_attribute("http.response.status_code", status)
        _REQUESTS.labels(route_name, scope["method"], str(status)).observe(time.monotonic() - started)

    def _route(self, scope: Scope) -> tuple[Route, Mapping[str, str]]:
        path = scope["raw_path"].decode("latin-1") if scope.get("raw_path") else scope["path"]
        found = self._table.find(scope["method"], path)
        if found is not None:
            return found
        verbs = self._table.verbs(path)
        if verbs:
            raise DoorProblem(Problem(405, "METHOD_NOT_ALLOWED", f"{path} knows {', '.join(verbs)}"))
        raise DoorProblem(Problem(404, "ROUTE_UNKNOWN", f"there is nothing at {path}"))

    async def _serve(
        self,
        route: Route,
        variables: Mapping[str, str],
        scope: Scope,
        headers: Headers,
        receive: Receive,
        send: Send,
    ) -> int:
        self._admit(scope, headers)
        body = await self._read(headers, receive) if route.body else b""
        query = _query(scope)
        key = _ascii(headers, b"idempotency-key")
        request = build_request(route, variables, query, body, key)
        metadata = _metadata(headers)
        if route.method.server_streaming:
            return await self._events(route, request, metadata, receive, send)
        answer = await self._upstream.call(route, request, metadata, self._settings.default_deadline_seconds)
        await _answer(send, 200, [JSON], to_json(answer))
        return 200

    def _admit(self, scope: Scope, headers: Headers) -> None:
        authorization = headers.get(b"authorization")
        if authorization:
            caller = hashlib.blake2b(authorization, digest_size=16).hexdigest()
        else:
            caller = str((scope.get("client") or ("",))[0])
        if not self._limit.allows(caller):
            raise DoorProblem(Problem(429, "RATE_LIMITED", "too many requests; slow down"))

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        limit = self._settings.max_body_bytes
        kind = headers.get(b"content-type", b"application/json").split(b";")[0].strip().lower()
        if kind != b"application/json":
            raise DoorProblem(Problem(415, "MEDIA_TYPE_UNSUPPORTED", "send application/json"))
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise BadRequestProblem("CLIENT_GONE", "the client went away before its request was whole")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def _events(
        self, route: Route, request: Message, metadata: Metadata, receive: Receive, send: Send
    ) -> int:
        """A server stream as server-sent events (WHATWG HTML, section 9.2).

        Ends when the stream ends, the client leaves or the process drains.
        """
        if self._open_streams >= self._settings.max_event_streams:
            raise DoorProblem(Problem(429, "TOO_MANY_STREAMS", "too many open event streams"))
        self._open_streams += 1
        _STREAMS.set(self._open_streams)
        stream = self._upstream.stream(route, request, metadata)
        gone = asyncio.create_task(_disconnected(receive))
        draining = asyncio.create_task(self.draining.wait())
        try:
            return await self._send_events(route, stream, (gone, draining), send)
        finally:
            for task in (gone, draining):
                task.cancel()
            cancel = getattr(stream, "cancel", None)
            if cancel is not None:
                cancel()
            self._open_streams -= 1
            _STREAMS.set(self._open_streams)

    async def _send_events(
        self, route: Route, stream: AsyncIterator[Message], ends: tuple[asyncio.Task[Any], ...], send: Send
    ) -> int:
        name = route.response_class.DESCRIPTOR.name.removesuffix("Response").encode()
        iterator = aiter(stream)
        number = 0
        waiting: asyncio.Task[Message] = asyncio.ensure_future(anext(iterator))
        try:
            # A refusal before the first message is still an ordinary problem with its own HTTP status.
            done, _ = await asyncio.wait((waiting, *ends), return_when=asyncio.FIRST_COMPLETED)
            if (
                waiting in done
                and waiting.exception() is not None
                and not isinstance(waiting.exception(), StopAsyncIteration)
            ):
                waiting.result()
            await send({"type": "http.response.start", "status": 200, "headers": _event_headers()})
            while True:
                done, _ = await asyncio.wait(
                    (waiting, *ends),
                    timeout=self._settings.event_heartbeat_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if waiting in done:
                    try:
                        message = waiting.result()
                    except StopAsyncIteration:
                        break
                    except grpc.aio.AioRpcError as error:
                        problem = problem_of_rpc_error(error)
                        await _event(send, b"problem", number, problem.document(_trace_id()))
                        break
                    number += 1
                    await _event(send, name, number, to_json(message))
                    waiting = asyncio.ensure_future(anext(iterator))
                elif done:
                    break
                else:
                    await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
        finally:
            waiting.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return 200


def _too_large(limit: int) -> DoorProblem:
    detail = f"the body is larger than {limit} bytes"
    return DoorProblem(Problem(413, "BODY_TOO_LARGE", detail, {"limit_bytes": str(limit)}))


def _event_headers() -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-cache"),
        (b"x-accel-buffering", b"no"),
        *_trace_headers(),
    ]


async def _event(send: Send, name: bytes, number: int, data: bytes) -> None:
    body = b"event: %s\nid: %d\ndata: %s\n\n" % (name, number, data)
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, problem: Problem) -> int:
    await _answer(send, problem.status, problem.headers(), problem.document(_trace_id()))
    return problem.status


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    all_headers = [*headers, (b"content-length", str(len(body)).encode()), *_trace_headers()]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})


def _trace_headers() -> list[tuple[bytes, bytes]]:
    traceparent = telemetry.current_traceparent()
    return [(b"traceparent", traceparent.encode())] if traceparent else []


def _trace_id() -> str:
    traceparent = telemetry.current_traceparent() or ""
    return traceparent[3:35]


def _query(scope: Scope) -> list[tuple[str, str]]:
    text = scope.get("query_string", b"")
    if not text:
        return []
    try:
        return parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=MAX_QUERY_PARAMETERS,
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise BadRequestProblem("QUERY_MALFORMED", f"the query cannot be read: {error}") from error


def _metadata(headers: Headers) -> Metadata:
    """What a caller's headers mean to the services: identity and language. The channel adds the trace."""
    passed: Metadata = []
    for name in (b"authorization", b"accept-language"):
        value = _ascii(headers, name)
        if value:
            passed.append((name.decode(), value))
    return passed


def _ascii(headers: Headers, name: bytes) -> str:
    try:
        return headers.get(name, b"").decode("ascii")
    except UnicodeDecodeError as error:
        raise BadRequestProblem("HEADER_INVALID", f"header {name.decode()} holds more than ASCII") from error
