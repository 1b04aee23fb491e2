"""Reservations and availability at inventory's door."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from aljibe.inventory.v1 import inventory_pb2
from bench.calls.caller import BODIES, GrpcCaller
from bench.shop import Shop
from chassis.wire import varint

AVAILABILITY_SKUS = 50
BATCH = 64
_STREAM = "/aljibe.inventory.v1.ReservationService/StreamReserveStock"
_HELD_SECONDS = 86_400


class ReserveUnary(GrpcCaller):
    """ReserveStock of two units at one location."""

    service = "inventory"
    method = "/aljibe.inventory.v1.ReservationService/ReserveStock"

    @property
    def token(self) -> str:
        """A service's token."""
        return self.shop.service_token

    def body(self) -> bytes:
        """Two picks."""
        return self.reservation("").SerializeToString()

    def reservation(self, order_id: str) -> inventory_pb2.ReserveStockRequest:
        """A reservation for an order."""
        place = self.random.choice(self.shop.locations)
        return inventory_pb2.ReserveStockRequest(
            order_id=order_id,
            attempt=1,
            picks=[inventory_pb2.Pick(sku=sku, location_id=place, quantity_units=1) for sku in self.pair()],
            ttl_seconds=_HELD_SECONDS,
            channel_id="web",
        )


class ReserveHot(ReserveUnary):
    """ReserveStock of one unit of one article at one location."""

    def reservation(self, order_id: str) -> inventory_pb2.ReserveStockRequest:
        """Always the same position."""
        return inventory_pb2.ReserveStockRequest(
            order_id=order_id,
            attempt=1,
            picks=[
                inventory_pb2.Pick(
                    sku=self.shop.skus[0], location_id=self.shop.locations[0], quantity_units=1
                )
            ],
            ttl_seconds=_HELD_SECONDS,
            channel_id="web",
        )


class ReserveStream(ReserveUnary):
    """StreamReserveStock: a call is one message of ``BATCH`` reservations and all outcomes."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self._sent = 0
        self._granted = 0
        self._waiting: deque[tuple[int, asyncio.Future[int]]] = deque()
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        open_stream: Any = self.channel.stream_stream(_STREAM)
        stream: Any = open_stream(metadata=self.metadata)
        self._tasks = [asyncio.create_task(self._read(stream)), asyncio.create_task(self._write(stream))]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().__aexit__(*exc_info)

    async def once(self) -> int:
        """One message; how many of its reservations were granted."""
        answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._sent += BATCH
        self._waiting.append((self._sent, answered))
        self._outgoing.put_nowait(batch_of(super().request))
        return await answered

    async def _write(self, stream: Any) -> None:
        while True:
            await stream.write(await self._outgoing.get())

    async def _read(self, stream: Any) -> None:
        async for answer in stream:
            told = inventory_pb2.StreamReserveStockResponse.FromString(answer)
            number = told.first_number
            for outcome in told.outcomes:
                self._granted += outcome.HasField("granted")
                if number == self._waiting[0][0]:
                    self._waiting.popleft()[1].set_result(self._granted)
                    self._granted = 0
                number += 1


class AvailabilityGrpc(GrpcCaller):
    """GetAvailability of 50 articles."""

    service = "inventory"
    method = "/aljibe.inventory.v1.StockService/GetAvailability"

    def body(self) -> bytes:
        """50 articles."""
        return inventory_pb2.GetAvailabilityRequest(
            channel_id="web", skus=self.random.sample(self.shop.skus, AVAILABILITY_SKUS)
        ).SerializeToString()

    def request(self) -> bytes:
        """Has no id."""
        return self.bodies[next(self._numbers) % BODIES]


def batch_of(request: Callable[[], bytes]) -> bytes:
    """``BATCH`` requests as the first field of a message."""
    parts: list[bytes] = []
    for _ in range(BATCH):
        one = request()
        parts += (b"\x0a", varint(len(one)), one)
    return b"".join(parts)
