"""Journeys in which everything goes as the customer hopes: each channel, each way of fulfilment."""

from __future__ import annotations

import asyncio
from collections import Counter

import grpc
import pytest

from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from chassis.ids import new_id
from tests.integration.world import (
    CARRY_OUT,
    CHANNELS,
    PICKUP,
    Refusal,
    World,
    address,
    eventually,
    reason,
    request_id,
    told,
    units,
)

SHIPPED = orders_pb2.UNIT_STATE_SHIPPED
HANDED_OVER = orders_pb2.UNIT_STATE_HANDED_OVER
COMPLETED = orders_pb2.ORDER_STATE_COMPLETED


async def test_the_door_says_that_all_behind_it_serve(world: World) -> None:
    """A rollout waits for this answer."""
    answer = await world.http.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"state": "ready", "away": []})


async def test_1_a_web_order_is_shipped_from_the_warehouse(world: World) -> None:
    """Money is authorised at once, taken when the parcel leaves; the ledger shows the unit going out."""
    sku = await world.article(price_minor=2000, stock={"wh-1": 5})

    order = await world.buy({sku: 2}, language="es")
    await world.ship(await world.work(order))
    done = await world.until(
        order, lambda o: o.state == COMPLETED and o.payment.captured_minor == o.total_minor
    )

    assert [(part.location_id, part.lines[0].quantity_units) for part in order.plan] == [("wh-1", 2)]
    assert (order.total_minor, order.tax_minor) == (4400, 400)
    assert order.payment.authorized_minor == 4400
    assert units(done, SHIPPED) == 2
    assert told(done)[0] == "ORDER_ACCEPTED"
    assert "SHIPPED" in told(done)

    async def left() -> bool:
        return (await world.position(sku, "wh-1")).on_hand_units == 3

    await eventually(left, "movement of the shipment")
    position = await world.position(sku, "wh-1")
    assert (position.reserved_units, position.available_units) == (0, 3)
    causes = [(m.cause, m.quantity_units) for m in await world.movements(sku)]
    assert causes == [(inventory_pb2.MOVEMENT_CAUSE_SHIPMENT, -2), (inventory_pb2.MOVEMENT_CAUSE_RECEIPT, 5)]


async def test_2_an_app_order_is_collected_by_code(world: World) -> None:
    """A wrong code opens nothing; the right one does, once."""
    sku = await world.article(stock={"store-north": 2})
    order = await world.buy(sku, channel="app", method=PICKUP, store="store-north")
    work = await world.work(order)
    code = await world.make_ready(work)
    ready = await world.until(order, lambda o: units(o, orders_pb2.UNIT_STATE_READY) == 1)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.hand_over(work, wrong)
    still = (await world.work_of(order.order_id))[0].state
    await world.hand_over(work, code)
    done = await world.until(order, lambda o: o.state == COMPLETED)

    assert "READY_FOR_PICKUP" in told(ready)
    assert reason(refused.value) == "CODE_WRONG"
    assert still == fulfillment_pb2.FULFILLMENT_STATE_READY
    assert units(done, HANDED_OVER) == 1
    with pytest.raises(grpc.aio.AioRpcError) as again:
        await world.hand_over(work, code)
    assert reason(again.value) == "WRONG_STATE"


async def test_2_a_pickup_that_nobody_collects_goes_back_to_the_shelf(world: World) -> None:
    """When its time is over the units are for sale again, the customer is told and pays nothing."""
    sku = await world.article(stock={"store-north": 1})
    order = await world.buy(sku, channel="app", method=PICKUP, store="store-north")
    await world.make_ready(await world.work(order))
    await world.until(order, lambda o: units(o, orders_pb2.UNIT_STATE_READY) == 1)

    work = (await world.work_of(order.order_id))[0]
    await world.fulfillment.ExpirePickup(
        fulfillment_pb2.ExpirePickupRequest(
            request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id
        ),
        metadata=world.auth(world.operator),
    )
    done = await world.until(order, lambda o: o.payment.voided_minor == o.total_minor)

    async def for_sale() -> bool:
        return (await world.position(sku, "store-north")).available_units == 1

    await eventually(for_sale, "unit back on the shelf")
    assert units(done, orders_pb2.UNIT_STATE_CANCELLED) == 1
    assert done.state == orders_pb2.ORDER_STATE_CANCELLED
    assert done.payment.captured_minor == 0


async def test_3_a_store_ships_what_the_warehouse_lacks(world: World) -> None:
    """Ship-from-store: the store nearest to the customer takes the place of the empty warehouse."""
    sku = await world.article(stock={"store-north": 3, "store-south": 3})

    order = await world.buy(sku)
    await world.ship(await world.work(order))
    done = await world.until(order, lambda o: o.state == COMPLETED)

    assert [part.location_id for part in done.plan] == ["store-north"]
    assert done.lines[0].units[0].location_id == "store-north"


async def test_4_an_order_is_split_over_two_locations(world: World) -> None:
    """No single location has all of it; each sends its share, and the last parcel completes the order."""
    in_warehouse = await world.article(price_minor=700, stock={"wh-1": 1})
    in_store = await world.article(price_minor=1300, stock={"store-west": 1})

    order = await world.buy({in_warehouse: 1, in_store: 1})
    await world.ship(await world.work(order, "wh-1"))
    half = await world.until(order, lambda o: units(o, SHIPPED) == 1 and o.payment.captured_minor > 0)
    await world.ship(await world.work(order, "store-west"))
    done = await world.until(order, lambda o: o.payment.captured_minor == o.total_minor)

    assert sorted(part.location_id for part in order.plan) == ["store-west", "wh-1"]
    assert half.state == orders_pb2.ORDER_STATE_IN_PROGRESS
    assert half.payment.captured_minor == 770
    assert (done.state, done.total_minor) == (COMPLETED, 2200)


async def test_5_a_till_sells_what_the_customer_holds(world: World) -> None:
    """Carry-out is a fact: it is accepted even for a unit that the book does not know."""
    sku = await world.article(stock={"store-south": 1})

    first = await world.buy(sku, channel="pos", method=CARRY_OUT, store="store-south", pay="cash")
    second = await world.buy(sku, channel="pos", method=CARRY_OUT, store="store-south", pay="cash")
    paid = await world.until(second, lambda o: o.payment.captured_minor == o.total_minor)

    assert first.state == COMPLETED
    assert units(paid, HANDED_OVER) == 1

    async def below_zero() -> bool:
        return (await world.position(sku, "store-south")).on_hand_units == -1

    await eventually(below_zero, "both sales in the ledger")
    causes = [(m.cause, m.quantity_units) for m in await world.movements(sku)]
    assert causes.count((inventory_pb2.MOVEMENT_CAUSE_SALE, -1)) == 2
    assert (await world.position(sku, "store-south")).available_units == 0


async def test_9_one_request_id_is_one_order(world: World) -> None:
    """Ten equal calls at once give one order and ten equal answers; other content is refused."""
    sku = await world.article(stock={"wh-1": 50})
    key = request_id()

    orders = await asyncio.gather(*(world.buy({sku: 3}, key=key) for _ in range(10)))
    with pytest.raises(Refusal) as reused:
        await world.buy({sku: 4}, key=key)

    assert len({order.SerializeToString(deterministic=True) for order in orders}) == 1
    assert reused.value.reason == "REQUEST_ID_REUSED"
    assert reused.value.status == 400
    assert (await world.position(sku, "wh-1")).reserved_units == 3


async def test_10_the_last_unit_is_sold_once(world: World) -> None:
    """200 buyers at the same moment: one sale, 199 clear refusals, no server error."""
    sku = await world.article(stock={"wh-1": 1})

    outcomes = await asyncio.gather(*(world.buy(sku) for _ in range(200)), return_exceptions=True)

    sold = [one for one in outcomes if isinstance(one, orders_pb2.Order)]
    refused = Counter((one.status, one.reason) for one in outcomes if isinstance(one, Refusal))
    assert len(sold) == 1
    assert refused == {(409, "INSUFFICIENT_STOCK"): 199}
    position = await world.position(sku, "wh-1")
    assert (position.on_hand_units, position.reserved_units) == (1, 1)


async def test_13_one_basket_costs_the_same_in_every_channel(world: World) -> None:
    """One brand, one price: quotes in all channels agree to the cent, and so does what is charged."""
    cheap = await world.article(price_minor=333, stock={"wh-1": 9, "store-west": 9})
    dear = await world.article(price_minor=10_01, stock={"wh-1": 9, "store-west": 9})
    basket = {cheap: 3, dear: 1}

    quotes = {channel: await world.quote(channel, basket) for channel in CHANNELS}
    web = await world.buy(basket, channel="web")
    till = await world.buy(basket, channel="pos", method=CARRY_OUT, store="store-west", pay="cash")

    assert (
        len({(q.total_minor, q.tax_minor, q.discount_minor, q.currency_code) for q in quotes.values()}) == 1
    )
    assert web.total_minor == till.total_minor == quotes["web"].total_minor


async def test_the_preview_tells_price_plan_and_promise_and_changes_nothing(world: World) -> None:
    """What PlaceOrder will do, before it is done; its quote token is then charged exactly."""
    sku = await world.article(price_minor=1999, stock={"wh-1": 2})
    draft = world.draft({sku: 2})

    preview = await world.post("/v1/orders:preview", {"order": _json(draft)}, world.shop())
    untouched = await world.position(sku, "wh-1")
    order = await world.buy({sku: 2}, quote_token=preview["quoteToken"])
    again = await world.post("/v1/orders:preview", {"order": _json(draft)}, world.shop())

    assert untouched.reserved_units == 0
    assert preview["order"]["plan"][0]["locationId"] == "wh-1"
    assert preview["order"]["promiseTime"]
    assert str(order.total_minor) == preview["order"]["totalMinor"]
    assert again["shortages"] == [{"sku": sku, "requestedUnits": 2}]


async def test_the_decision_behind_an_order_can_be_read(world: World) -> None:
    """Every candidate is there, with what ruled it out."""
    sku = await world.article(stock={"wh-1": 1, "store-north": 1})
    order = await world.buy(sku)

    explained = await world.get(f"/v1/orders/{order.order_id}/sourcing", world.operator)

    decision = explained["decisions"][0]
    ruled_out = {c["locationId"]: c.get("eliminatedBy", "") for c in decision["candidates"]}
    chosen = {part["locationId"] for part in decision["chosen"]}
    assert decision["trigger"] == "PLACED"
    assert chosen == {order.plan[0].location_id}
    assert ruled_out["store-south"] == "NO_STOCK"
    assert all(ruled_out[location] for location in ruled_out if location not in chosen)


async def test_a_marketplace_number_finds_its_order(world: World) -> None:
    """The caller's own number is kept and can be searched."""
    sku = await world.article(stock={"wh-1": 1})
    number = new_id("mkt")
    order = await world.buy(sku, customer_reference=number)

    found = await world.get("/v1/orders", world.shop(), channelId="web", customerReference=number)

    assert [one["orderId"] for one in found["orders"]] == [order.order_id]


async def test_a_far_customer_is_served_from_what_is_nearest(world: World) -> None:
    """Distance is part of the cost: the same article leaves from different places for different homes."""
    sku = await world.article(stock={"store-north": 5, "store-south": 5})

    north = await world.buy(sku, delivery_address=address((42.0, -87.66)))
    south = await world.buy(sku, delivery_address=address((41.70, -87.55)))

    assert north.plan[0].location_id == "store-north"
    assert south.plan[0].location_id == "store-south"


def _json(message: object) -> dict[str, object]:
    from google.protobuf import json_format

    content: dict[str, object] = json_format.MessageToDict(message)  # type: ignore[arg-type]
    return content
