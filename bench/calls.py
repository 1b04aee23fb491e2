"""What callers do: the calls of each kind of load.

Requests are prepared as far as they can be, since the generator shares the platform's cores; a gRPC request
is its own id followed by a body made before, for protobuf reads two messages in a row as one.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, Self

import grpc
import orjson

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from bench import echo
from bench.shop import LAST_UNIT, Shop, address
from chassis.errors import reason_of
from chassis.ids import new_id
from demo.http_door import Answer, HttpDoor

BODIES = 3_000
AVAILABILITY_SKUS = 50
BATCH = 64
PAYMENT = "tok_ok"
"""What the test provider takes."""
CALL_SECONDS = 20.0
HOT_SKUS = 1
_HELD_SECONDS = 86_400
_ORDER_ID_LENGTH = 30
_MAX_MESSAGE_BYTES = 16 << 20
_OK = 200
_FAULT = 500
_TOO_MANY = 429


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
        self._channel = grpc.aio.insecure_channel(
            target or shop.grpc[self.service],
            options=[("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES), ("grpc.enable_http_proxy", 0)],
        )
        self.call: Callable[..., Any] = self._channel.unary_unary(self.method)
        self._metadata = (("authorization", f"Bearer {self.token}"),)
        self.bodies = [self.body() for _ in range(BODIES)]

    @property
    def token(self) -> str:
        """The caller's token."""
        return self.shop.channel_token

    async def __aexit__(self, *exc_info: object) -> None:
        await self._channel.close()

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
        metadata = self._metadata
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


class PlaceGrpc(GrpcCaller):
    """PlaceOrder."""

    service = "orders"
    method = "/aljibe.orders.v1.OrderService/PlaceOrder"

    def body(self) -> bytes:
        """A two-line order."""
        return orders_pb2.PlaceOrderRequest(
            order=self.draft(self.pair()), payment=orders_pb2.PaymentInput(token=PAYMENT)
        ).SerializeToString()

    def take(self, answer: bytes) -> int:
        """Keep the order's id."""
        at = answer.find(b"ord_")
        self.accepted.append(answer[at : at + _ORDER_ID_LENGTH].decode())
        return 1


class PlaceHot(PlaceGrpc):
    """PlaceOrder where every order takes the same article, and another one."""

    def pair(self) -> list[str]:
        """The hot article and any other."""
        return [self.shop.skus[0], self.random.choice(self.shop.skus[HOT_SKUS:])]


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


class ReserveBatch(ReserveUnary):
    """BatchReserveStock of ``BATCH`` reservations a message."""

    method = "/aljibe.inventory.v1.ReservationService/BatchReserveStock"

    def request(self) -> bytes:
        """Fresh order ids before bodies made before."""
        parts = []
        for _ in range(BATCH):
            one = super().request()
            parts.append(b"\x0a" + _varint(len(one)) + one)
        return b"".join(parts)

    def take(self, answer: bytes) -> int:
        """How many were granted."""
        outcomes = inventory_pb2.BatchReserveStockResponse.FromString(answer).outcomes
        return sum(outcome.HasField("granted") for outcome in outcomes)


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


class EchoUnary(GrpcCaller):
    """The bare echo."""

    service = "orders"
    method = echo.UNARY

    def body(self) -> bytes:
        """An id and two lines."""
        return echo.message().SerializeToString()

    def request(self) -> bytes:
        """Always the same."""
        return self.bodies[0]


class EchoStream(Caller):
    """One bidirectional stream; a call is one message there and back."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self._channel = grpc.aio.insecure_channel(target)
        self._stream: Any = self._channel.stream_stream(echo.STREAM)()
        self._waiting: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._message = echo.message().SerializeToString()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._stream.cancel()
        await self._channel.close()

    async def once(self) -> int:
        """One message."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(answered)
        self._outgoing.put_nowait(self._message)
        await answered
        return 1

    async def _write(self) -> None:
        while True:
            await self._stream.write(await self._outgoing.get())

    async def _read(self) -> None:
        while True:
            await self._stream.read()
            (await self._waiting.get()).set_result(None)


class HttpCaller(Caller):
    """Calls at the gateway."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self._door = HttpDoor(shop.http)
        self._headers = {"authorization": f"Bearer {shop.channel_token}"}

    async def __aexit__(self, *exc_info: object) -> None:
        self._door.close()

    async def ask(self, verb: str, path: str, body: bytes = b"") -> bytes:
        """The answer's body. Raises Refused."""
        answer = await self._door.request(verb, path, self._headers, body)
        return self.checked(answer)

    @staticmethod
    def checked(answer: Answer) -> bytes:
        """The body of an answer that says yes."""
        if answer.status == _OK:
            return answer.body
        if answer.status >= _FAULT or answer.status == _TOO_MANY:
            raise OSError(f"HTTP {answer.status}")
        raise Refused(str(orjson.loads(answer.body).get("reason")))

    def order(self, skus: list[str]) -> dict[str, Any]:
        """A draft as a web shop writes it."""
        home = self.random.choice(self.shop.addresses)
        return {
            "channelId": "web",
            "customer": {"customerId": "cus-1", "languageCode": "en"},
            "lines": [{"sku": sku, "quantityUnits": 1, "method": "FULFILLMENT_METHOD_SHIP"} for sku in skus],
            "deliveryAddress": {
                "recipient": "Ana López",
                "streetLines": ["1 Main St"],
                "city": home["city"],
                "region": home["region"],
                "postalCode": home["postal_code"],
                "countryCode": "US",
                "point": {"latitude": home["latitude"], "longitude": home["longitude"]},
            },
        }

    def placed(self, answer: bytes) -> str:
        """Keep the order's id."""
        at = answer.find(b"ord_")
        order_id = answer[at : at + _ORDER_ID_LENGTH].decode()
        self.accepted.append(order_id)
        return order_id


class PlaceHttp(HttpCaller):
    """POST /v1/orders."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self._bodies = [
            orjson.dumps({"order": self.order(self.pair()), "payment": {"token": PAYMENT}})[1:]
            for _ in range(BODIES)
        ]

    async def once(self) -> int:
        """Place an order."""
        body = self._bodies[next(self._numbers) % BODIES]
        self.placed(
            await self.ask("POST", "/v1/orders", b'{"requestId":"%b",' % new_id("req").encode() + body)
        )
        return 1


class LastUnit(PlaceHttp):
    """Everybody wants the one unit there is."""

    def pair(self) -> list[str]:
        """The article ``target``."""
        return [LAST_UNIT + self.target]


class WebSequence(HttpCaller):
    """What a web shop does for a paid order."""

    async def once(self) -> int:
        """Availability, quote, preview with address, place with payment, read back."""
        skus = self.pair()
        await self.ask("POST", "/v1/availability", orjson.dumps({"channelId": "web", "skus": skus}))
        lines = [{"sku": sku, "quantityUnits": 1} for sku in skus]
        order = self.order(skus)
        region = {"taxCountryCode": "US", "taxRegion": order["deliveryAddress"]["region"]}
        await self.ask("POST", "/v1/quotes", orjson.dumps({"channelId": "web", "lines": lines, **region}))
        preview = orjson.loads(await self.ask("POST", "/v1/orders:preview", orjson.dumps({"order": order})))
        order["quoteToken"] = preview["quoteToken"]
        place = {"requestId": new_id("req"), "order": order, "payment": {"token": PAYMENT}}
        order_id = self.placed(await self.ask("POST", "/v1/orders", orjson.dumps(place)))
        await self.ask("GET", f"/v1/orders/{order_id}")
        return 1


class AvailabilityHttp(HttpCaller):
    """POST /v1/availability for 50 articles."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self._bodies = [
            orjson.dumps({"channelId": "web", "skus": self.random.sample(self.shop.skus, AVAILABILITY_SKUS)})
            for _ in range(BODIES)
        ]

    async def once(self) -> int:
        """Ask."""
        await self.ask("POST", "/v1/availability", self._bodies[next(self._numbers) % BODIES])
        return 1


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


CALLERS: dict[str, type[Caller]] = {
    "place_grpc": PlaceGrpc,
    "place_hot": PlaceHot,
    "place_http": PlaceHttp,
    "web_sequence": WebSequence,
    "last_unit": LastUnit,
    "reserve_unary": ReserveUnary,
    "reserve_hot": ReserveHot,
    "reserve_batch": ReserveBatch,
    "availability_grpc": AvailabilityGrpc,
    "availability_http": AvailabilityHttp,
    "echo_unary": EchoUnary,
    "echo_stream": EchoStream,
}
