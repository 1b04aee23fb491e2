"""The services behind the door: one channel each, and raw calls by method path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
from google.protobuf.message import Message

from chassis.client import channel
from services.gateway.adapters.problems import BadRequestProblem
from services.gateway.adapters.routes import SERVICE_FIELD, Route
from services.gateway.config import Settings

Metadata = list[tuple[str, str | bytes]]


class Upstream:
    """Calls the service that owns a route's method."""

    def __init__(self, settings: Settings) -> None:
        addresses = {
            "catalog": settings.catalog_address,
            "inventory": settings.inventory_address,
            "orders": settings.orders_address,
            "fulfillment": settings.fulfillment_address,
            "telemetry": settings.telemetry_address,
            "insights": settings.insights_address,
        }
        self._channels: Mapping[str, grpc.aio.Channel] = {
            name: channel(
                address,
                max_message_bytes=settings.max_message_bytes,
                exchange_streams=settings.exchange_streams,
            )
            for name, address in addresses.items()
            if address
        }
        self._calls: dict[tuple[str, str], Any] = {}

    @property
    def services(self) -> Mapping[str, grpc.aio.Channel]:
        """Channels by service name."""
        return self._channels

    async def call(self, route: Route, request: Message, metadata: Metadata, timeout: float) -> Message:
        """The answer of a unary method.

        Raises:
            BadRequestProblem: the request names a service that does not exist.
            grpc.aio.AioRpcError: whatever the service refuses.
        """
        answer: Message = await self._callable(route, request)(request, metadata=metadata, timeout=timeout)
        return answer

    def stream(self, route: Route, request: Message, metadata: Metadata) -> AsyncIterator[Message]:
        """The messages of a server stream. Raises as `call` does, when iterated."""
        stream: AsyncIterator[Message] = self._callable(route, request)(request, metadata=metadata)
        return stream

    async def close(self) -> None:
        """Ends all calls and closes the channels."""
        for opened in self._channels.values():
            await opened.close()

    def _callable(self, route: Route, request: Message) -> Any:
        owner = route.owner if route.owner in self._channels else str(getattr(request, SERVICE_FIELD, ""))
        target = self._channels.get(owner)
        if target is None:
            known = ", ".join(sorted(self._channels))
            raise BadRequestProblem("FIELD_INVALID", f"{owner!r} is not one of {known}", field=SERVICE_FIELD)
        key = (owner, route.grpc_path)
        made = self._calls.get(key)
        if made is None:
            open_call = target.unary_stream if route.method.server_streaming else target.unary_unary
            made = open_call(
                route.grpc_path,
                request_serializer=route.request_class.SerializeToString,
                response_deserializer=route.response_class.FromString,
            )
            self._calls[key] = made
        return made
