"""The platform's public doors: HTTP for the online channels, gRPC for tills, staff and offices.

Every caller shows a token of its own, as narrow as its job: a till's names its store, an associate's the
location that pays the wages.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

import grpc
import orjson

from aljibe.catalog.v1 import catalog_pb2_grpc
from aljibe.fulfillment.v1 import fulfillment_pb2_grpc
from aljibe.insights.v1 import insights_pb2_grpc
from aljibe.inventory.v1 import inventory_pb2_grpc
from aljibe.ops.v1 import bus_pb2_grpc
from aljibe.orders.v1 import orders_pb2_grpc, rules_pb2_grpc
from chassis.auth import TokenMinter
from chassis.errors import error_info_of
from demo.http_door import HttpDoor

T = TypeVar("T")

SERVICES = ("catalog", "inventory", "orders", "fulfillment")
TOKEN_TTL = timedelta(hours=12)
CALL_SECONDS = 15.0
PATIENCE_SECONDS = 45.0
"""How long a caller asks again when a service is away, always with the same request id."""
_FIRST_PAUSE_SECONDS = 0.05
_MAX_PAUSE_SECONDS = 1.0
_MAX_MESSAGE_BYTES = 32 << 20
_AWAY_CODES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)
_AWAY_STATUS = frozenset({429, 502, 503, 504})

Metadata = tuple[tuple[str, str], ...]


@dataclass(eq=False)
class Refused(Exception):
    """A call was refused for good: ``reason`` is stable, ``facts`` are the refusal's own fields."""

    reason: str
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class Away(Exception):
    """Nobody answered, or the platform asked to come again later."""


class Tokens:
    """Bearer tokens of everybody who takes part, minted once each with the development key."""

    def __init__(self, private_key_file: Path) -> None:
        self._minter = TokenMinter(private_key_file)
        self._made: dict[tuple[str, str, str], str] = {}

    def channel(self, channel_id: str) -> str:
        """A channel's front end: its customers may collect anywhere."""
        return self._token("channel", channel_id, "*")

    def till(self, location_id: str) -> str:
        """A till of one store."""
        return self._token("till", "pos", location_id)

    def associate(self, location_id: str) -> str:
        """Somebody who works at one location."""
        return self._token("associate", "", location_id)

    def office(self, role: str) -> str:
        """Operations, merchandising, planning, audit: all channels and locations."""
        return self._token(role, "*", "*")

    def _token(self, role: str, channel_id: str, location_id: str) -> str:
        key = (role, channel_id, location_id)
        if key not in self._made:
            subject = "demo:" + ":".join(
                part for part in (role, channel_id, location_id) if part not in ("", "*")
            )
            token = self._minter.mint(
                subject,
                [role],
                [channel_id] if channel_id else [],
                [location_id] if location_id else [],
                TOKEN_TTL,
            )
            self._made[key] = f"Bearer {token}"
        return self._made[key]


class Doors:
    """Every door of one platform; use it as ``async with``."""

    def __init__(self, http: str, addresses: Mapping[str, str], private_key_file: Path) -> None:
        self.tokens = Tokens(private_key_file)
        self._http = HttpDoor(http)
        options = [
            ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.enable_http_proxy", 0),
            ("grpc.enable_retries", 0),
            ("grpc.max_reconnect_backoff_ms", 500),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.initial_reconnect_backoff_ms", 100),
        ]
        self._channels = {
            name: grpc.aio.insecure_channel(addresses[name], options=options) for name in SERVICES
        }
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(self._channels["catalog"])
        self.locations = inventory_pb2_grpc.LocationServiceStub(self._channels["inventory"])
        self.stock = inventory_pb2_grpc.StockServiceStub(self._channels["inventory"])
        self.orders = orders_pb2_grpc.OrderServiceStub(self._channels["orders"])
        self.rules = rules_pb2_grpc.SourcingRulesServiceStub(self._channels["orders"])
        self.fulfillment = fulfillment_pb2_grpc.FulfillmentServiceStub(self._channels["fulfillment"])
        self.bus = {name: bus_pb2_grpc.BusServiceStub(channel) for name, channel in self._channels.items()}
        self.insights: insights_pb2_grpc.InsightsServiceAsyncStub | None = None
        """The day in figures; None where the platform has none."""
        if address := addresses.get("insights"):
            self._channels["insights"] = grpc.aio.insecure_channel(address, options=options)
            self.insights = insights_pb2_grpc.InsightsServiceStub(self._channels["insights"])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._http.close()
        for channel in self._channels.values():
            await channel.close()

    async def rpc(
        self,
        method: Callable[..., Awaitable[T]],
        request: object,
        token: str,
        *,
        language: str = "en",
        timeout: float = CALL_SECONDS,
    ) -> T:
        """A unary gRPC call. Raises Refused, or Away when patience has run out."""
        metadata: Metadata = (("authorization", token), ("accept-language", language))

        async def once() -> T:
            try:
                return await method(request, metadata=metadata, timeout=timeout)
            except grpc.aio.AioRpcError as error:
                raise _of_rpc_error(error) from None

        return await patiently(once)

    async def stream(
        self, method: Callable[..., Awaitable[T]], requests: object, token: str, *, timeout: float
    ) -> T:
        """A client stream, once. Raises Refused or Away."""
        try:
            return await method(requests, metadata=(("authorization", token),), timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise _of_rpc_error(error) from None

    async def http(
        self, verb: str, path: str, token: str, content: object = None, *, language: str = "en"
    ) -> Any:
        """A JSON request at the gateway; the decoded answer. Raises as ``rpc`` does."""
        headers = {"authorization": token, "accept-language": language}
        body = orjson.dumps(content) if content is not None else b""

        async def once() -> Any:
            try:
                answer = await self._http.request(verb, path, headers, body)
            except (OSError, TimeoutError) as error:
                raise Away(str(error) or type(error).__name__) from None
            if answer.status == 200:
                return orjson.loads(answer.body)
            raise _of_problem(answer.status, answer.body)

        return await patiently(once)


async def patiently(call: Callable[[], Awaitable[T]], patience_seconds: float = PATIENCE_SECONDS) -> T:
    """``call``'s answer; asked again with growing, jittered pauses while it raises Away."""
    deadline = time.monotonic() + patience_seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await call()
        except Away:
            if time.monotonic() + pause > deadline:
                raise
        await asyncio.sleep(random.uniform(pause / 2, pause))
        pause = min(_MAX_PAUSE_SECONDS, pause * 2)


def _of_rpc_error(error: grpc.aio.AioRpcError) -> Refused | Away:
    if error.code() in _AWAY_CODES:
        return Away(error.details() or error.code().name)
    info = error_info_of(error)
    detail = error.details() or ""
    if info is None:
        return Refused(error.code().name, detail)
    return Refused(info.reason, detail, dict(info.metadata))


def _of_problem(status: int, body: bytes) -> Refused | Away:
    if status in _AWAY_STATUS:
        return Away(f"HTTP {status}")
    try:
        problem = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Refused(f"HTTP_{status}", body[:200].decode("utf-8", "replace"))
    return Refused(
        problem.get("reason", f"HTTP_{status}"), problem.get("detail", ""), problem.get("facts", {})
    )
