"""Words that every journey uses: places, states, a customer's home, a refusal, and waiting for a thing to
become true.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
import httpx

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import orders_pb2
from chassis.errors import reason_of
from chassis.ids import new_id
from cli.local.platform import Platform

SHIP = types_pb2.FULFILLMENT_METHOD_SHIP
PICKUP = types_pb2.FULFILLMENT_METHOD_PICKUP
CARRY_OUT = types_pb2.FULFILLMENT_METHOD_CARRY_OUT
STORES = {"store-north": (41.97, -87.66), "store-south": (41.72, -87.55), "store-west": (41.88, -87.80)}
WAREHOUSES = {"wh-1": (39.77, -86.16)}
CHANNELS = ("web", "app", "pos", "call-center")
HOME = (41.95, -87.70)
SETTLE_SECONDS = 60.0
"""Far above what it takes: a machine that is busy with something else must not pass for a failure."""
LOOK_AGAIN_SECONDS = 0.05
FINAL = (
    orders_pb2.ORDER_STATE_COMPLETED,
    orders_pb2.ORDER_STATE_CANCELLED,
    orders_pb2.ORDER_STATE_RETURNED,
)

Metadata = tuple[tuple[str, str], ...]


def request_id() -> str:
    """A fresh one."""
    return new_id("req")


def reason(error: BaseException) -> str:
    """The reason of a refused gRPC call."""
    assert isinstance(error, grpc.RpcError), error
    return reason_of(error)


def address(point: tuple[float, float] = HOME) -> types_pb2.Address:
    """A customer's home, or any other place."""
    return types_pb2.Address(
        recipient="Ana López",
        street_lines=["1 Main St"],
        city="Chicago",
        region="IL",
        postal_code="60613",
        country_code="US",
        point=types_pb2.GeoPoint(latitude=point[0], longitude=point[1]),
    )


class Refusal(Exception):
    """The HTTP door refused."""

    def __init__(self, status: int, reason: str, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {reason}: {problem.get('detail')}")
        self.status = status
        self.reason = reason
        self.problem = problem


def units(order: orders_pb2.Order, state: orders_pb2.UnitState.ValueType, line: int = 0) -> int:
    """How many units of an order (or of a line of it) are in a state."""
    return sum(
        group.quantity_units
        for found in order.lines
        if line in (0, found.line_number)
        for group in found.units
        if group.state == state
    )


def told(order: orders_pb2.Order) -> list[str]:
    """Kinds of the messages the customer was sent."""
    return [message.kind for message in order.messages]


async def eventually(
    look: Callable[[], Any], what: str, seconds: float = SETTLE_SECONDS, pause: float = 0.05
) -> Any:
    """What ``look()`` returns as soon as it is something: services tell each other by events, in a moment."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = await look()
                if found:
                    return found
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"after {seconds} s there is still no {what}") from None


@contextmanager
def hanging(platform: Platform, *names: str) -> Iterator[None]:
    """Services that hang: each has its port and says nothing until the end of the block."""
    for name in names:
        platform.pause(name)
    try:
        yield
    finally:
        for name in names:
            platform.resume(name)


async def becomes(look: Callable[[], Any], wanted: object, seconds: float = SETTLE_SECONDS) -> None:
    """Returns as soon as ``look()`` gives ``wanted``.

    Raises:
        AssertionError: it never did; what it gave at last.
    """
    until = time.monotonic() + seconds
    found = await look()
    while found != wanted and time.monotonic() < until:
        await asyncio.sleep(0.05)
        found = await look()
    assert found == wanted


def checked(answer: httpx.Response) -> dict[str, Any]:
    """The body of an answer; raises Refusal for a problem."""
    content: dict[str, Any] = answer.json()
    if answer.status_code != 200:
        raise Refusal(answer.status_code, content.get("reason", ""), content)
    return content
