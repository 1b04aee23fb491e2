"""OTLP over HTTP: `/v1/traces`, `/v1/logs` and `/v1/metrics`, protobuf or JSON, plain or gzip."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import zlib
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from chassis.refusals import TooLarge
from chassis.settings import SettingsError, split_listen
from services.telemetry.adapters.ingest import Accepted, Ingest, Malformed, Signal
from services.telemetry.adapters.otlp import answers
from services.telemetry.adapters.otlp.guard import Guard
from services.telemetry.adapters.otlp.json_form import bytes_of_json

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_ENCODINGS = {"": False, "identity": False, "gzip": True, "deflate": True}


class HttpDoor:
    """An HTTP server for exports."""

    def __init__(self, listen: str, ingest: Ingest, guard: Guard, max_message_bytes: int) -> None:
        self._listen = listen
        self._ingest = ingest
        self._guard = guard
        self._max_bytes = max_message_bytes
        app = Starlette(
            routes=[
                Route("/v1/traces", self._handler(Signal.TRACES), methods=["POST"]),
                Route("/v1/logs", self._handler(Signal.LOGS), methods=["POST"]),
                Route("/v1/metrics", self._handler(None), methods=["POST"]),
            ]
        )
        self._server = _Server(
            uvicorn.Config(
                app,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind and take exports.

        Raises:
            SettingsError: the address cannot be bound.
        """
        host, port = split_listen(self._listen)
        try:
            bound = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
            )
        except OSError as error:
            raise SettingsError(f"cannot listen on {self._listen}") from error
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]), name="OTLP over HTTP")

    async def stop(self) -> None:
        """Let exports under way end."""
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving

    def _handler(self, signal: Signal | None) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            form = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if form not in (PROTOBUF, JSON):
                return Response(f"send {PROTOBUF} or {JSON}\n", 415)
            encoding = request.headers.get("content-encoding", "").strip().lower()
            if encoding not in _ENCODINGS:
                return Response("send gzip, deflate or no encoding\n", 415)
            try:
                self._guard.check(request.headers.get("authorization"))
                payload = await self._body(request)
                if signal is None:  # taken and not kept: each process serves its own as Prometheus text
                    return _answer(ExportMetricsServiceResponse(), form)
                if _ENCODINGS[encoding]:
                    payload = await asyncio.to_thread(_unpacked, payload, self._max_bytes)
                if form == JSON:
                    payload = await asyncio.to_thread(bytes_of_json, signal, payload)
                accepted: Accepted = await self._ingest.submit(signal, payload)
            except answers.REFUSALS as refusal:
                return _refusal(refusal, form)
            except ClientDisconnect:
                return Response(status_code=499)
            return _answer(answers.response_of(signal, accepted), form)

        return handle

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_bytes:
                raise TooLarge("an export", self._max_bytes)
        return bytes(body)


class _Server(uvicorn.Server):
    """Leaves signals to the process, which ends this server itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _unpacked(packed: bytes, limit: int) -> bytes:
    """Never more than `limit` bytes are made of it."""
    unpacking = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = unpacking.decompress(packed, limit)
    except zlib.error as error:
        raise Malformed(str(error)) from error
    if unpacking.unconsumed_tail:
        raise TooLarge("an export", limit)
    if not unpacking.eof:
        raise Malformed("the compressed body ends early")
    return plain


def _answer(message: Message, form: str, status: int = 200, retry: bool = False) -> Response:
    if form == JSON:
        body = json_format.MessageToJson(message, indent=None).encode()
    else:
        body = message.SerializeToString()
    headers = {"retry-after": str(answers.RETRY_SECONDS)} if retry else {}
    return Response(body, status, media_type=form, headers=headers)


def _refusal(refusal: Exception, form: str) -> Response:
    status = answers.http_status_of(refusal)
    return _answer(answers.status_of(refusal), form, status, retry=answers.is_retried(refusal))
