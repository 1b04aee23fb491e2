"""What pictures of pages show: an order with a life behind it, and a store with work before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2, fulfillment_pb2_grpc
from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from chassis.auth import ALL, TokenMinter
from chassis.ids import new_id
from cli.local.platform import Platform

ORDERS_TO_WORK_ON = 7
_LINES = 2
_OPENED_SECONDS = 20.0
_CHANNELS = ("web", "app", "web")
Metadata = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Found:
    """What a picture's path may name, and the store that has work."""

    location: str
    facts: Mapping[str, str] = field(default_factory=dict)


class Scenes:
    """Looks for things worth a picture in a real run, through the public doors."""

    def __init__(self, platform: Platform) -> None:
        self._minter = TokenMinter(platform.development_key_file)
        self._opened = {name: grpc.aio.insecure_channel(one) for name, one in platform.addresses.grpc.items()}
        self._orders = orders_pb2_grpc.OrderServiceStub(self._opened["orders"])
        self._stock = inventory_pb2_grpc.StockServiceStub(self._opened["inventory"])
        self._locations = inventory_pb2_grpc.LocationServiceStub(self._opened["inventory"])
        self._fulfillment = fulfillment_pb2_grpc.FulfillmentServiceStub(self._opened["fulfillment"])

    async def close(self) -> None:
        """Close the channels."""
        for opened in self._opened.values():
            await opened.close()

    async def order(self) -> orders_pb2.Order:
        """The parcel order of the run that came from most places, its work done more than once if any was."""
        answer = await self._orders.ListOrders(
            orders_pb2.ListOrdersRequest(page_size=200), metadata=self._as("operator")
        )
        return max(answer.orders, key=lambda one: (len(one.plan), len(one.lines), one.order_id))

    async def busy_store(self) -> tuple[str, str]:
        """A store to which orders of what it has were just sent; its id, and that of one share of work."""
        places = await self._locations.ListLocations(
            inventory_pb2.ListLocationsRequest(page_size=500), metadata=self._as("operator")
        )
        stores = [
            one
            for one in places.locations
            if one.kind == types_pb2.LOCATION_KIND_STORE
            and inventory_pb2.CAPABILITY_PICKUP in one.capabilities
        ]
        stocked = [(await self._stocked(one.location_id), one) for one in stores[:12]]
        skus, store = max(stocked, key=lambda one: len(one[0]))
        baskets = [skus[first : first + _LINES] for first in range(0, len(skus), _LINES)]
        placed = 0
        for number, basket in enumerate(baskets):
            if placed == ORDERS_TO_WORK_ON:
                break
            placed += await self._collect(_CHANNELS[number % len(_CHANNELS)], basket, store.location_id)
        return store.location_id, await self._opened_work(store.location_id, placed)

    async def _stocked(self, location_id: str) -> list[str]:
        answer = await self._stock.ListPositions(
            inventory_pb2.ListPositionsRequest(location_id=location_id, page_size=1000),
            metadata=self._as("operator"),
        )
        return [
            one.sku for one in answer.positions if one.on_hand_units > one.reserved_units + one.safety_units
        ]

    async def _collect(self, channel: str, skus: Sequence[str], store: str) -> bool:
        """Whether an order to collect there was accepted; what a channel does not sell is left alone."""
        lines = [
            orders_pb2.DraftLine(
                sku=sku,
                quantity_units=1,
                method=types_pb2.FULFILLMENT_METHOD_PICKUP,
                pickup_location_id=store,
            )
            for sku in skus
        ]
        request = orders_pb2.PlaceOrderRequest(
            request_id=new_id("req"),
            order=orders_pb2.OrderDraft(channel_id=channel, lines=lines),
            payment=orders_pb2.PaymentInput(token="tok_ok"),
        )
        try:
            await self._orders.PlaceOrder(request, metadata=self._as("channel", channel))
        except grpc.aio.AioRpcError:
            return False
        return True

    async def _opened_work(self, store: str, placed: int) -> str:
        request = fulfillment_pb2.ListFulfillmentOrdersRequest(
            location_id=store, states=[fulfillment_pb2.FULFILLMENT_STATE_OPEN]
        )
        async with asyncio.timeout(_OPENED_SECONDS):
            while True:
                answer = await self._fulfillment.ListFulfillmentOrders(request, metadata=self._as("operator"))
                if len(answer.fulfillment_orders) >= placed:
                    return answer.fulfillment_orders[0].fulfillment_order_id
                await asyncio.sleep(0.1)

    def _as(self, role: str, channel: str = ALL) -> Metadata:
        token = self._minter.mint(f"{role}-of-pictures", [role], [channel], [ALL])
        return (("authorization", f"Bearer {token}"),)


@asynccontextmanager
async def opened(platform: Platform) -> AsyncIterator[Found]:
    """The scenes on a platform that has had a run."""
    scenes = Scenes(platform)
    try:
        order = await scenes.order()
        store, work = await scenes.busy_store()
        facts = {"order": order.order_id, "trace": order.trace_id, "sku": order.lines[0].sku, "work": work}
        yield Found(store, facts)
    finally:
        await scenes.close()
