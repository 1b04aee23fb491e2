"""Customers and staff who go on while things break: what was not answered is repeated with the same id."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx

from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.orders.v1 import orders_pb2
from tests.integration.world import (
    CARRY_OUT,
    PICKUP,
    STORES,
    WAREHOUSES,
    Refusal,
    World,
    eventually,
    request_id,
)

PATIENCE_SECONDS = 45.0
PAUSE_SECONDS = 0.1
# What a caller must expect of a platform in trouble, and answer by asking again.
TROUBLED = frozenset({429, 499, 500, 502, 503, 504})
TROUBLED_CODES = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
)


@dataclass
class Diary:
    """What the customers were told."""

    accepted: dict[str, orders_pb2.Order] = field(default_factory=dict)
    """By request id: the order each customer holds a yes for."""
    refused: dict[str, str] = field(default_factory=dict)
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    """By request id: what each try was told, after how many seconds."""
    repeats: int = 0
    internal_errors: list[str] = field(default_factory=list)
    """Answers that blame a bug: none may ever be seen."""


class Crowd:
    """Customers at every door and staff in every location, until told to stop."""

    def __init__(
        self, world: World, skus: list[str], seed: int, patience_seconds: float | None = PATIENCE_SECONDS
    ) -> None:
        self._world = world
        self._skus = skus
        self._random = random.Random(seed)
        self._patience_seconds = patience_seconds
        self.diary = Diary()
        self.waiting: dict[str, list[str]] = {}
        """By request id: what each try of a customer without an answer was told."""
        self.closing = asyncio.Event()
        self.answered = 0

    async def shop(self, customers: int) -> None:
        """``customers`` at once, each buying one thing after the other until the shops close."""
        async with asyncio.TaskGroup() as group:
            for _ in range(customers):
                group.create_task(self._customer())

    async def _customer(self) -> None:
        while not self.closing.is_set():
            key = request_id()
            units = self._random.choice([1, 1, 2])
            basket = dict.fromkeys(self._random.sample(self._skus, self._random.choice([1, 2])), units)
            channel, more = self._random.choice(
                [
                    ("web", {}),
                    ("web", {}),
                    ("app", {"method": PICKUP, "store": self._random.choice(sorted(STORES))}),
                    (
                        "pos",
                        {"method": CARRY_OUT, "store": self._random.choice(sorted(STORES)), "pay": "cash"},
                    ),
                ]
            )
            await self._insist(
                key, lambda b=basket, c=channel, m=more, k=key: self._world.buy(b, c, key=k, **m)
            )
            self.answered += 1

    async def clash(self, sku: str, store: str) -> None:
        """An online customer is promised the store's last unit, and its till sells it at the same moment."""
        for channel, more in (("web", {}), ("pos", {"method": CARRY_OUT, "store": store, "pay": "cash"})):
            key = request_id()
            await self._insist(key, lambda c=channel, m=more, k=key: self._world.buy({sku: 1}, c, key=k, **m))

    async def all_answered(self, seconds: float) -> None:
        """Return when everybody who waits now has got an answer.

        Raises:
            AssertionError: somebody got none within so many seconds; it says what each try was told.
        """
        asked = set(self.waiting)

        async def none_waits() -> bool:
            return asked.isdisjoint(self.waiting)

        try:
            await eventually(none_waits, "answer", seconds)
        except AssertionError:
            told = {key: self.waiting[key] for key in asked & self.waiting.keys()}
            raise AssertionError(f"no answer in {seconds} s without a fault: {told}") from None

    async def _insist(self, key: str, buy: Any) -> None:
        told = self.waiting[key] = []
        began = time.monotonic()

        def note(reason: str, text: str) -> None:
            self.diary.repeats += 1
            if reason == "INTERNAL":
                self.diary.internal_errors.append(text)
            told.append(f"{time.monotonic() - began:.1f} s {reason} {text}")

        try:
            async with asyncio.timeout(self._patience_seconds):
                while True:
                    try:
                        self.diary.accepted[key] = await buy()
                    except Refusal as refusal:
                        if refusal.status in TROUBLED:
                            note(refusal.reason, str(refusal))
                        else:
                            self.diary.refused[key] = refusal.reason
                            return
                    except grpc.aio.AioRpcError as error:
                        if error.code() in TROUBLED_CODES:
                            note(error.code().name, str(error.details()))
                        elif error.code() is grpc.StatusCode.INTERNAL:
                            note("INTERNAL", str(error.details()))
                        else:
                            self.diary.refused[key] = error.code().name
                            return
                    except (httpx.TransportError, ValueError) as error:
                        note("TRANSPORT", repr(error))
                    else:
                        return
                    await asyncio.sleep(self._random.uniform(0, PAUSE_SECONDS))
        except TimeoutError:
            self.diary.unanswered[key] = told
        finally:
            del self.waiting[key]

    async def staff(self) -> None:
        """Every location works off its list, until cancelled; what fails is tried again at the next look."""
        async with asyncio.TaskGroup() as group:
            for location in (*STORES, *WAREHOUSES):
                group.create_task(self._location(location))

    async def _location(self, location: str) -> None:
        auth = self._world.auth(self._world.staff(location))
        states = [
            fulfillment_pb2.FULFILLMENT_STATE_OPEN,
            fulfillment_pb2.FULFILLMENT_STATE_PICKING,
            fulfillment_pb2.FULFILLMENT_STATE_PICKED,
            fulfillment_pb2.FULFILLMENT_STATE_PACKED,
            fulfillment_pb2.FULFILLMENT_STATE_READY,
            fulfillment_pb2.FULFILLMENT_STATE_IN_TRANSIT,
            fulfillment_pb2.FULFILLMENT_STATE_ARRIVED,
        ]
        request = fulfillment_pb2.ListFulfillmentOrdersRequest(
            location_id=location, states=states, page_size=100
        )
        while True:
            try:
                answer = await self._world.fulfillment.ListFulfillmentOrders(
                    request, metadata=auth, timeout=5
                )
                for work in answer.fulfillment_orders:
                    await self._advance(work)
            except (grpc.aio.AioRpcError, Refusal, httpx.TransportError):
                pass  # the platform is in trouble: look again
            await asyncio.sleep(PAUSE_SECONDS)

    async def _advance(self, work: fulfillment_pb2.FulfillmentOrder) -> None:
        """Carries one fulfillment order a step on, from whatever state the last try left it in."""
        world = self._world
        left = work.state in (
            fulfillment_pb2.FULFILLMENT_STATE_IN_TRANSIT,
            fulfillment_pb2.FULFILLMENT_STATE_ARRIVED,
            fulfillment_pb2.FULFILLMENT_STATE_READY,
        )
        here = work.pickup_location_id if work.pickup_location_id and left else work.location_id
        auth = world.auth(world.staff(here))
        which = work.fulfillment_order_id
        pb = fulfillment_pb2
        stub = world.fulfillment
        if work.state in (pb.FULFILLMENT_STATE_OPEN, pb.FULFILLMENT_STATE_PICKING):
            await stub.PickUnits(
                pb.PickUnitsRequest(request_id=f"pick/{which}", fulfillment_order_id=which),
                metadata=auth,
                timeout=5,
            )
        elif work.state == pb.FULFILLMENT_STATE_IN_TRANSIT:
            receive = pb.ReceiveParcelRequest(request_id=f"receive/{which}", fulfillment_order_id=which)
            await stub.ReceiveParcel(receive, metadata=auth, timeout=5)
        elif work.state == pb.FULFILLMENT_STATE_ARRIVED or (
            work.state == pb.FULFILLMENT_STATE_PICKED
            and work.method == PICKUP
            and not work.pickup_location_id
        ):
            ready = pb.MarkReadyRequest(request_id=f"ready/{which}", fulfillment_order_id=which)
            await stub.MarkReady(ready, metadata=auth, timeout=5)
        elif work.state == pb.FULFILLMENT_STATE_PICKED:
            pack = pb.PackOrderRequest(request_id=f"pack/{which}", fulfillment_order_id=which)
            await stub.PackOrder(pack, metadata=auth, timeout=5)
        elif work.state == pb.FULFILLMENT_STATE_PACKED:
            parcel = pb.ShipOrderRequest(
                request_id=f"ship/{which}", fulfillment_order_id=which, carrier="Correo", tracking_number="1"
            )
            await stub.ShipOrder(parcel, metadata=auth, timeout=5)
        elif work.state == pb.FULFILLMENT_STATE_READY:
            code = await stub.GetPickupCode(
                pb.GetPickupCodeRequest(fulfillment_order_id=which),
                metadata=world.auth(world.shop(work.channel_id)),
                timeout=5,
            )
            hand = pb.HandOverRequest(request_id=f"hand/{which}", fulfillment_order_id=which, code=code.code)
            await stub.HandOver(hand, metadata=auth, timeout=5)
