"""What all callers share: the shop they know, and a gRPC method with bytes made before."""

from __future__ import annotations

import itertools
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, Self

import grpc

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import orders_pb2
from bench.shop import Shop, address
from chassis.errors import reason_of
from chassis.ids import new_id

BODIES = 3_000
PAYMENT = "tok_ok"
"""What the test provider takes."""
CALL_SECONDS = 20.0
ORDER_ID_LENGTH = 30
_MAX_MESSAGE_BYTES = 16 << 20


class Refused(Exception):
    """The platform said no, and meant it."""


class Caller(ABC):
    """Makes one call after the other; ``accepted`` keeps the ids of what was answered with yes."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        self.shop = shop
        self.target = target
        self.accepted: list[str] = []
        self.random = random.Random(run)
        self._numbers = itertools.count()
        self._traced = traced
        self._run = run

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    @abstractmethod
    async def once(self) -> int:
        """One call; how many things were answered with yes. Raises Refused."""

    def pair(self) -> list[str]:
        """Two different articles."""
        return self.random.sample(self.shop.skus, 2)

    def traceparent(self) -> str | None:
        """What the caller says of tracing, if anything."""
        if self._traced is None:
            return None
        flag = "01" if self.random.random() < self._traced else "00"
        digits = self.random.randbytes(24).hex()
        return f"00-{digits[:32]}-{digits[32:]}-{flag}"

    def draft(self, skus: list[str]) -> orders_pb2.OrderDraft:
        """An order of one unit each, shipped to some home."""
        return orders_pb2.OrderDraft(
            channel_id="web",
            customer=orders_pb2.Customer(customer_id="cus-1", language_code="en"),
            lines=[
                orders_pb2.DraftLine(sku=sku, quantity_units=1, method=types_pb2.FULFILLMENT_METHOD_SHIP)
                for sku in skus
            ],
            delivery_address=address(self.random.choice(self.shop.addresses)),
        )


class GrpcCaller(Caller):
    """Calls of one unary gRPC method with bytes made before."""

    service: ClassVar[str]
    method: ClassVar[str]

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self.channel = grpc.aio.insecure_channel(
            target or shop.grpc[self.service],
            options=[("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES), ("grpc.enable_http_proxy", 0)],
        )
        self.call: Callable[..., Any] = self.channel.unary_unary(self.method)
        self.metadata = (("authorization", f"Bearer {self.token}"),)
        self.bodies = [self.body() for _ in range(BODIES)]

    @property
    def token(self) -> str:
        """The caller's token."""
        return self.shop.channel_token

    async def __aexit__(self, *exc_info: object) -> None:
        await self.channel.close()

    @abstractmethod
    def body(self) -> bytes:
        """The request but for its id."""

    def request(self) -> bytes:
        """The next request."""
        body = self.bodies[next(self._numbers) % BODIES]
        request_id = new_id("req").encode()
        return b"\x0a" + bytes((len(request_id),)) + request_id + body

    async def once(self) -> int:
        """One call."""
        metadata = self.metadata
        if traceparent := self.traceparent():
            metadata = (*metadata, ("traceparent", traceparent))  # type: ignore[assignment]
        try:
            answer = await self.call(self.request(), metadata=metadata, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND):
                raise Refused(reason_of(error)) from None
            raise
        return self.take(answer)

    def take(self, answer: bytes) -> int:
        """How many times yes the answer says."""
        return 1
