"""Journeys of pickups whose goods another location sends to the store, through every service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import grpc
import pytest
import pytest_asyncio

from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from tests.integration.world import (
    CARRY_OUT,
    PICKUP,
    Refusal,
    World,
    becomes,
    eventually,
    request_id,
    told,
    units,
)

STORE, OTHER = "store-north", "store-south"
ALLOCATED, READY = orders_pb2.UNIT_STATE_ALLOCATED, orders_pb2.UNIT_STATE_READY
IN_TRANSIT, HANDED_OVER = orders_pb2.UNIT_STATE_IN_TRANSIT, orders_pb2.UNIT_STATE_HANDED_OVER
AWAITING = orders_pb2.UNIT_STATE_AWAITING_CUSTOMER
ON_ITS_WAY = {"wh-1": (1, 0), STORE: (0, 0), OTHER: (0, 0)}
"""One unit is left at the warehouse, and what the store is sent is nobody's stock."""


@pytest_asyncio.fixture
async def allowed(world: World) -> AsyncIterator[World]:
    """The retailer under rules that allow it; afterwards the built-in ones hold again."""
    async with world.under_rules(ship_to_store={"allowed": True}):
        yield world


async def books(world: World, sku: str) -> dict[str, tuple[int, int]]:
    """On hand and reserved, by location."""
    return {
        at: (one.on_hand_units, one.reserved_units)
        for at in ("wh-1", STORE, OTHER)
        for one in [await world.position(sku, at)]
    }


async def test_a_store_hands_over_what_the_warehouse_sent(allowed: World) -> None:
    """The goods are no stock of the store while they wait: who walks in is not sold them."""
    world = allowed
    sku = await world.article(stock={"wh-1": 3})

    order = await world.buy({sku: 2}, method=PICKUP, store=STORE, language="es")
    promised = order.promise_time.ToDatetime() - order.accept_time.ToDatetime()
    work = await world.work(order, "wh-1")
    sent = await world.ship(work)
    await world.until(order, lambda o: units(o, IN_TRANSIT) == 2)
    await becomes(partial(books, world, sku), ON_ITS_WAY)
    with pytest.raises(grpc.aio.AioRpcError) as denied:
        await world.fulfillment.ReceiveParcel(
            fulfillment_pb2.ReceiveParcelRequest(
                request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id
            ),
            metadata=world.auth(world.staff(OTHER)),
        )
    arrived = await world.receive_parcel(sent)
    code = await world.make_ready(arrived)
    waiting = await world.until(order, lambda o: units(o, READY) == 2)
    while_waiting = await books(world, sku)
    with pytest.raises(Refusal) as sold_out:
        await world.buy({sku: 2}, channel="app", method=PICKUP, store=STORE)
    await world.hand_over(arrived, code)
    done = await world.until(order, lambda o: o.payment.captured_minor == o.total_minor)

    (part,) = order.plan
    assert (part.location_id, part.pickup_location_id) == ("wh-1", STORE)
    assert promised >= timedelta(days=1)
    assert sent.state == fulfillment_pb2.FULFILLMENT_STATE_IN_TRANSIT
    assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert while_waiting == ON_ITS_WAY
    assert sold_out.value.reason == "INSUFFICIENT_STOCK"
    assert waiting.payment.captured_minor == 0
    assert told(done)[:3] == ["ORDER_ACCEPTED", "SENT_TO_STORE", "READY_FOR_PICKUP"]
    assert "Va en camino a store-north" in done.messages[1].text
    assert await books(world, sku) == ON_ITS_WAY
    assert (await world.audit()).difference_count == 0


async def test_what_nobody_collects_becomes_stock_of_the_store_where_it_waited(allowed: World) -> None:
    world = allowed
    sku = await world.article(stock={"wh-1": 1})
    order = await world.buy(sku, method=PICKUP, store=STORE)
    sent = await world.ship(await world.work(order, "wh-1"))
    await world.receive_parcel(sent)
    await world.make_ready(sent)

    await world.fulfillment.ExpirePickup(
        fulfillment_pb2.ExpirePickupRequest(
            request_id=request_id(), fulfillment_order_id=sent.fulfillment_order_id
        ),
        metadata=world.auth(world.staff(STORE)),
    )
    gone = await world.until(order, lambda o: o.payment.voided_minor == o.total_minor)

    async def on_the_shelf() -> bool:
        return (await world.position(sku, STORE)).on_hand_units == 1

    await eventually(on_the_shelf, "the uncollected unit at the store")
    assert told(gone)[-1] == "NOT_COLLECTED"
    causes = [(one.location_id, one.cause, one.quantity_units) for one in await world.movements(sku)]
    assert causes[:2] == [
        (STORE, inventory_pb2.MOVEMENT_CAUSE_RETURN, 1),
        ("wh-1", inventory_pb2.MOVEMENT_CAUSE_SHIPMENT, -1),
    ]
    again = await world.buy(sku, channel="pos", method=CARRY_OUT, store=STORE, pay="cash")
    assert units(again, HANDED_OVER) == 1
    assert (await world.audit()).difference_count == 0


async def test_a_short_pick_is_made_good_by_another_and_the_store_stays(allowed: World) -> None:
    world = allowed
    sku = await world.article(stock={"wh-1": 1})
    order = await world.buy(sku, method=PICKUP, store=STORE)
    work = await world.work(order, "wh-1")
    await world.receive(sku, OTHER, 1)
    await world.planned_from(sku, OTHER)

    await world.short(work, {1: 1})
    again = await world.until(order, lambda o: len(o.plan) == 2)
    second = await world.work(order, OTHER)
    sent = await world.ship(second)
    arrived = await world.receive_parcel(sent)
    await world.hand_over(arrived, await world.make_ready(arrived))
    done = await world.until(order, lambda o: o.payment.captured_minor == o.total_minor)

    assert (again.plan[1].location_id, again.plan[1].pickup_location_id) == (OTHER, STORE)
    assert again.lines[0].pickup_location_id == STORE
    assert told(done)[:2] == ["ORDER_ACCEPTED", "RESOURCED"]
    assert units(done, HANDED_OVER) == 1
    assert (await world.audit()).difference_count == 0


async def test_a_lost_parcel_is_sent_again_or_its_customer_is_asked(allowed: World) -> None:
    world = allowed
    sku = await world.article(stock={"wh-1": 2})
    order = await world.buy(sku, method=PICKUP, store=STORE)
    first = await world.ship(await world.work(order, "wh-1"))
    await world.until(order, lambda o: units(o, IN_TRANSIT) == 1)

    await world.lose_parcel(first)
    again = await world.until(order, lambda o: len(o.plan) == 2)
    sent = await world.ship(await world.work(order, "wh-1"))
    await world.until(order, lambda o: units(o, IN_TRANSIT) == 1)
    await world.lose_parcel(sent)
    asked = await world.until(order, lambda o: units(o, AWAITING) == 1)
    cancel = orders_pb2.ResolveShortageRequest(request_id=request_id(), order_id=order.order_id, cancel=True)
    await world.orders.ResolveShortage(cancel, metadata=world.auth(world.operator))
    gone = await world.until(order, lambda o: o.payment.voided_minor == o.total_minor)

    assert (again.plan[1].location_id, again.plan[1].pickup_location_id) == ("wh-1", STORE)
    assert told(asked)[-1] == "CHOICE_NEEDED"
    assert gone.state == orders_pb2.ORDER_STATE_CANCELLED
    await becomes(partial(books, world, sku), dict.fromkeys(("wh-1", STORE, OTHER), (0, 0)))
    assert (await world.audit()).difference_count == 0


async def test_it_can_be_cancelled_until_it_is_picked(allowed: World) -> None:
    world = allowed
    sku = await world.article(stock={"wh-1": 2})
    first, second = [await world.buy(sku, method=PICKUP, store=STORE) for _ in range(2)]
    path = "/v1/orders/{}:cancel"

    await world.post(path.format(first.order_id), {"requestId": request_id()}, world.shop())
    cancelled = await world.until(first, lambda o: o.payment.voided_minor == o.total_minor)
    await world.ship(await world.work(second, "wh-1"))
    await world.until(second, lambda o: units(o, IN_TRANSIT) == 1)
    with pytest.raises(Refusal) as late:
        await world.post(path.format(second.order_id), {"requestId": request_id()}, world.shop())

    assert cancelled.state == orders_pb2.ORDER_STATE_CANCELLED
    assert late.value.reason == "TOO_LATE_TO_CANCEL"
    await becomes(partial(books, world, sku), ON_ITS_WAY)
    assert (await world.audit()).difference_count == 0
