"""The HTTP door: finds the route, transcodes, calls, answers or refuses.

`Door.answer` is the way of every unary call, whoever read the request: `http1` for most, or ASGI for what is
rare there. Event streams are ASGI only.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import grpc
from google.protobuf.message import Message

from chassis import baggage, metrics, telemetry
from chassis.conventions import (
    HTTP_REQUEST_METHOD,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
    URL_SCHEME,
)
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
Found = tuple[Route, Mapping[str, str]]
"""A route and its path variables."""

MAX_QUERY_PARAMETERS = 300
JSON = ((b"content-type", b"application/json"),)
_JSON_TYPE = b"application/json"
_LOG = logging.getLogger("aljibe.gateway")
_REQUESTS = metrics.histogram(
    "http_server_seconds", "s", "Time of a request at the HTTP door", ("route", "verb", "status")
)
_FIRST_FAULT = 500
_STREAMS = metrics.gauge("http_event_streams", "streams", "Open server-sent event streams")


@dataclass(slots=True)
class HttpRequest:
    """What a caller asks, but for its body."""

    verb: str
    path: str
    """As sent: percent-encoded, without the query."""
    query: bytes
    headers: Headers
    client: str
    """The caller's address; it counts where there is no token."""
    found: Found | None
    """What the path means; None where it means nothing."""


class Reply(NamedTuple):
    """The whole answer to a request."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    """But for the length and the trace."""
    body: bytes
    traceparent: str


class Door:
    """Serves every route of the contract. Holds no state of a caller but its rate."""

    def __init__(self, table: RouteTable, upstream: Upstream, settings: Settings) -> None:
        self._table = table
        self._upstream = upstream
        self._settings = settings
        self._limit = RateLimit(settings.rate_limit_per_second, settings.rate_limit_burst)
        self._open_streams = 0
        self._observers: dict[tuple[str, str, int], Callable[..., None]] = {}
        self.draining = asyncio.Event()

    @property
    def max_body_bytes(self) -> int:
        """Longer bodies are refused."""
        return self._settings.max_body_bytes

    def find(self, verb: str, path: str) -> Found | None:
        """The route of a path as sent, with its variables; None when there is none."""
        return self._table.find(verb, path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request of ASGI."""
        path = scope["raw_path"].decode("latin-1") if scope.get("raw_path") else scope["path"]
        headers: Headers = dict(scope["headers"])
        client = str((scope.get("client") or ("",))[0])
        found = self.find(scope["method"], path)
        query = scope.get("query_string", b"")
        request = HttpRequest(scope["method"], path, query, headers, client, found)
        if found is not None and found[0].method.server_streaming:
            reply = await self._traced(request, lambda: self._events(request, found, receive, send))
        else:
            reply = await self.answer(request, lambda: self._read(headers, receive))
        if reply is not None:
            length = (b"content-length", b"%d" % len(reply.body))
            all_headers = [*reply.headers, length, (b"traceparent", reply.traceparent.encode())]
            await send({"type": "http.response.start", "status": reply.status, "headers": all_headers})
            await send({"type": "http.response.body", "body": reply.body})

    async def answer(self, request: HttpRequest, body: bytes | Callable[[], Awaitable[bytes]]) -> Reply:
        """The answer to a call that has one. `body` is what was sent, or reads it when it is wanted."""
        reply = await self._traced(request, lambda: self._call(request, body))
        assert reply is not None
        return reply

    async def _traced(
        self, request: HttpRequest, serve: Callable[[], Awaitable[bytes | None]]
    ) -> Reply | None:
        """Runs `serve` in the caller's trace, or in a new one, and makes a refusal of what it raises.

        It gives the JSON to answer with, or None when it has answered.
        """
        started = time.monotonic()
        header = request.headers.get(b"traceparent")
        given = header.decode("latin-1") if header else None
        # The request has its task to itself: what is set here is nobody else's.
        if bags := request.headers.get(b"baggage"):
            baggage.carry(bags.decode("latin-1"))
        traceparent = telemetry.attach(given)
        route = request.found[0].template if request.found else "none"
        span: telemetry.Span | None = None
        if telemetry.is_sampled(traceparent):
            name, attributes = _about(request.verb, route)
            span = telemetry.begin(traceparent, name, telemetry.Kind.SERVER, attributes)
        try:
            reply = await self._outcome(request, serve, route)
        except BaseException as error:
            if span is not None:
                span.raised(error)
                telemetry.finish(span)
            raise
        status = reply.status if reply else 200
        seconds = time.monotonic() - started
        observe = self._observer(route, request.verb, status)
        fault = str(status) if status >= _FIRST_FAULT else ""
        if span is not None:
            span.attributes[HTTP_RESPONSE_STATUS_CODE] = status
            if fault:
                span.failed(fault)
            telemetry.finish(span)
            observe(seconds, telemetry.exemplar(span.traceparent))
            return reply
        observe(seconds)
        if fault or (reply is not None and seconds >= telemetry.slow_seconds()):
            name, attributes = _about(request.verb, route)
            telemetry.keep(
                name,
                telemetry.Kind.SERVER,
                seconds,
                {**attributes, HTTP_RESPONSE_STATUS_CODE: status},
                traceparent=traceparent,
                error=fault,
                begun_here=traceparent is not given,
            )
        return reply

    def _observer(self, route: str, verb: str, status: int) -> Callable[..., None]:
        observe = self._observers.get((route, verb, status))
        if observe is None:
            observe = _REQUESTS.labels(route, verb, str(status)).observe
            self._observers[route, verb, status] = observe
        return observe

    async def _outcome(
        self, request: HttpRequest, serve: Callable[[], Awaitable[bytes | None]], route: str
    ) -> Reply | None:
        try:
            body = await serve()
        except DoorProblem as refusal:
            problem = refusal.problem
        except grpc.aio.AioRpcError as error:
            problem = problem_of_rpc_error(error)
        except Exception:  # noqa: BLE001 (the edge)
            problem = _our_fault(route)
        else:
            return None if body is None else Reply(200, JSON, body, telemetry.current_traceparent() or "")
        traceparent = telemetry.current_traceparent() or ""
        return Reply(problem.status, problem.headers(), problem.document(traceparent[3:35]), traceparent)

    async def _call(self, request: HttpRequest, body: bytes | Callable[[], Awaitable[bytes]]) -> bytes:
        if request.found is None:
            raise self._nothing_there(request)
        route, variables = request.found
        self._admit(request)
        data = b""
        if route.body:
            data = body if isinstance(body, bytes) else await body()
            if request.headers.get(b"content-type", _JSON_TYPE) != _JSON_TYPE:
                _insist_on_json(request.headers)
        message = self._message(request, route, variables, data)
        answer = await self._upstream.call(
            route, message, _metadata(request.headers), self._settings.default_deadline_seconds
        )
        return to_json(answer)

    def _message(
        self, request: HttpRequest, route: Route, variables: Mapping[str, str], body: bytes
    ) -> Message:
        query = _query(request.query) if request.query else ()
        key = _ascii(request.headers, b"idempotency-key") if route.takes_request_id else ""
        return build_request(route, variables, query, body, key)

    def _nothing_there(self, request: HttpRequest) -> DoorProblem:
        verbs = self._table.verbs(request.path)
        if verbs:
            detail = f"{request.path} knows {', '.join(verbs)}"
            return DoorProblem(Problem(405, "METHOD_NOT_ALLOWED", detail))
        return DoorProblem(Problem(404, "ROUTE_UNKNOWN", f"there is nothing at {request.path}"))

    def _admit(self, request: HttpRequest) -> None:
        authorization = request.headers.get(b"authorization")
        caller = (
            hashlib.blake2b(authorization, digest_size=16).hexdigest() if authorization else request.client
        )
        if not self._limit.allows(caller):
            raise DoorProblem(Problem(429, "RATE_LIMITED", "too many requests; slow down"))

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        limit = self._settings.max_body_bytes
        _insist_on_json(headers)
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

    async def _events(self, request: HttpRequest, found: Found, receive: Receive, send: Send) -> None:
        """A server stream as server-sent events (WHATWG HTML, section 9.2).

        Ends when the stream ends, the client leaves or the process drains.
        """
        route, variables = found
        self._admit(request)
        message = self._message(request, route, variables, b"")
        if self._open_streams >= self._settings.max_event_streams:
            raise DoorProblem(Problem(429, "TOO_MANY_STREAMS", "too many open event streams"))
        self._open_streams += 1
        _STREAMS.set(self._open_streams)
        stream = self._upstream.stream(route, message, _metadata(request.headers))
        gone = asyncio.create_task(_disconnected(receive))
        draining = asyncio.create_task(self.draining.wait())
        try:
            await self._send_events(route, stream, (gone, draining), send)
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
    ) -> None:
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
                        data = to_json(waiting.result())
                    except StopAsyncIteration:
                        break
                    except grpc.aio.AioRpcError as error:
                        await _last_event(send, number, problem_of_rpc_error(error))
                        break
                    except Exception:  # noqa: BLE001 (the edge)
                        # The stream has begun, so its status is said: the fault is its last event.
                        await _last_event(send, number, _our_fault(route.template))
                        break
                    number += 1
                    await _event(send, name, number, data)
                    waiting = asyncio.ensure_future(anext(iterator))
                elif done:
                    break
                else:
                    await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
        finally:
            waiting.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _about(verb: str, route: str) -> tuple[str, dict[str, telemetry.Attribute]]:
    """Name and attributes of a request's span; the path itself may hold what a person typed."""
    return f"{verb} {route}", {HTTP_REQUEST_METHOD: verb, HTTP_ROUTE: route, URL_SCHEME: "http"}


def _our_fault(route: str) -> Problem:
    """The edge: our own bug becomes a 500 that tells nothing. To be called where it is caught."""
    _LOG.exception("request_failed", extra={"route": route})
    return Problem(500, "INTERNAL", "something went wrong here")


def _insist_on_json(headers: Headers) -> None:
    kind = headers.get(b"content-type", _JSON_TYPE).split(b";")[0].strip().lower()
    if kind != _JSON_TYPE:
        raise DoorProblem(Problem(415, "MEDIA_TYPE_UNSUPPORTED", "send application/json"))


async def _last_event(send: Send, number: int, problem: Problem) -> None:
    traceparent = telemetry.current_traceparent() or ""
    await _event(send, b"problem", number, problem.document(traceparent[3:35]))


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


def _trace_headers() -> list[tuple[bytes, bytes]]:
    traceparent = telemetry.current_traceparent()
    return [(b"traceparent", traceparent.encode())] if traceparent else []


def _query(text: bytes) -> list[tuple[str, str]]:
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
