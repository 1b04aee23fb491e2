"""An operator holds an order, lifts the hold, and has others serve what a store cannot; a store closes."""

from __future__ import annotations

from functools import partial

import grpc
import pytest

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from tests.integration.world import PICKUP, World, becomes, eventually, reason, request_id, told, units

SHIPPED = orders_pb2.UNIT_STATE_SHIPPED
ALLOCATED = orders_pb2.UNIT_STATE_ALLOCATED
AWAITING = orders_pb2.UNIT_STATE_AWAITING_CUSTOMER


async def work_on(world: World, order_id: str, location_id: str) -> fulfillment_pb2.FulfillmentOrder:
    """The order's work at a location."""
    return next(one for one in await world.work_of(order_id) if one.location_id == location_id)


async def test_a_held_order_is_not_picked_and_goes_on_when_it_is_lifted(world: World) -> None:
    """From the operator's word to the picker's refusal and back, over every real server."""
    sku = await world.article(stock={"store-north": 2})
    order = await world.buy({sku: 2})
    work = await world.work(order)
    operator = world.token("operator", channels=["*"], locations=["*"])
    path = f"/v1/orders/{order.order_id}"

    held = await world.post(f"{path}:hold", {"requestId": request_id(), "reason": "fraud check"}, operator)

    async def shown() -> bool:
        return (await work_on(world, order.order_id, "store-north")).HasField("hold")

    await eventually(shown, "hold on the work list")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.pick(work)
    listed = await world.get("/v1/orders", operator, onHold="true", sku=sku)
    lifted = await world.post(f"{path}:liftHold", {"requestId": request_id()}, operator)

    async def free() -> bool:
        return not await shown()

    await eventually(free, "lifted hold")
    await world.ship(work)
    done = await world.until(order, lambda o: units(o, SHIPPED) == 2)

    assert held["order"]["onHold"] is True
    assert reason(refused.value) == "ORDER_ON_HOLD"
    assert [one["orderId"] for one in listed["orders"]] == [order.order_id]
    assert lifted["order"].get("onHold", False) is False
    assert [hold.reason for hold in done.holds] == ["fraud check"]


async def test_what_a_store_cannot_do_is_served_by_another_and_nothing_stays_reserved_twice(
    world: World,
) -> None:
    """The operator's word moves it; the stock of the first store is for everybody again."""
    sku = await world.article(stock={"store-north": 2, "store-south": 2})
    order = await world.buy({sku: 2})
    first = await world.work(order)
    other = "store-south" if first.location_id == "store-north" else "store-north"
    operator = world.token("operator", channels=["*"], locations=["*"])
    wish = {
        "requestId": request_id(),
        "fulfillmentOrderId": first.fulfillment_order_id,
        "reason": "no hands today",
    }

    await world.post(f"/v1/orders/{order.order_id}:sourceAgain", wish, operator)
    work = await world.work(order, other)
    await world.ship(work)
    done = await world.until(order, lambda o: units(o, SHIPPED) == 2)

    async def given_back() -> bool:
        return (await world.position(sku, first.location_id)).reserved_units == 0

    await eventually(given_back, "release")
    assert "RESOURCED" in told(done)
    assert (await world.position(sku, first.location_id)).on_hand_units == 2
    await becomes(partial(world.on_hand, sku, other), 0)


async def test_a_store_that_closes_has_its_work_done_by_others(world: World) -> None:
    """Parcels move, a pickup's customer is asked, and the store keeps its goods, promised to nobody."""
    store = world.location("store-closing", (41.6, -87.9), types_pb2.LOCATION_KIND_STORE)
    await tell_of(world, store)
    sku = await world.article(stock={"store-closing": 2})
    parcel = await world.buy(sku)
    pickup = await world.buy(sku, channel="app", method=PICKUP, store="store-closing")
    await world.receive(sku, "wh-1", 1)
    await world.planned_from(sku, "wh-1")

    store.active = False
    await tell_of(world, store)
    moved = await world.until(parcel, lambda o: len(o.plan) == 2)
    asked = await world.until(pickup, lambda o: units(o, AWAITING) == 1)

    async def given_back() -> bool:
        return (await world.position(sku, "store-closing")).reserved_units == 0

    await eventually(given_back, "release")
    assert (moved.plan[1].location_id, units(moved, ALLOCATED)) == ("wh-1", 1)
    assert "CHOICE_NEEDED" in told(asked)
    assert (await world.position(sku, "store-closing")).on_hand_units == 2


async def tell_of(world: World, store: inventory_pb2.Location) -> None:
    """A planner creates or changes a store."""
    request = inventory_pb2.UpsertLocationsRequest(request_id=request_id(), locations=[store])
    await world.locations.UpsertLocations(request, metadata=world.auth(world.planner))
