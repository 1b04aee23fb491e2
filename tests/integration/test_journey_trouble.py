"""Journeys in which something goes wrong, and the customer is served or told all the same."""

from __future__ import annotations

import grpc
import pytest

from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from tests.integration.world import (
    CARRY_OUT,
    PICKUP,
    STORES,
    Refusal,
    World,
    address,
    eventually,
    reason,
    request_id,
    told,
    units,
)

ALLOCATED = orders_pb2.UNIT_STATE_ALLOCATED
CANCELLED = orders_pb2.UNIT_STATE_CANCELLED
SHIPPED = orders_pb2.UNIT_STATE_SHIPPED
AWAITING = orders_pb2.UNIT_STATE_AWAITING_CUSTOMER
COMPLETED = orders_pb2.ORDER_STATE_COMPLETED


async def test_6_a_till_sells_a_promised_unit_and_the_order_is_sourced_again(world: World) -> None:
    """The goods have left over the till: the promise moves to another location, and nothing is sold twice."""
    sku = await world.article(stock={"store-north": 1})
    order = await world.buy(sku)
    await world.work(order, "store-north")
    await world.receive(sku, "wh-1", 1)
    await world.planned_from(sku, "wh-1")

    await world.buy(sku, channel="pos", method=CARRY_OUT, store="store-north", pay="cash")
    moved = await world.until(order, lambda o: _where(o, ALLOCATED) == {"wh-1"})
    await world.ship(await world.work(order, "wh-1"))
    done = await world.until(order, lambda o: o.state == COMPLETED)

    explained = await world.get(f"/v1/orders/{order.order_id}/sourcing", world.operator)
    assert [d["trigger"] for d in explained["decisions"]] == ["PLACED", "DISPLACED"]
    assert units(moved, ALLOCATED) == 1
    assert units(done, SHIPPED) == 1
    position = await world.position(sku, "store-north")
    assert (position.on_hand_units, position.reserved_units) == (0, 0)


async def test_6_a_till_sells_the_only_unit_and_the_customer_is_told(world: World) -> None:
    """Nobody else has it: the line is cancelled, the money released, the customer told why."""
    sku = await world.article(stock={"store-north": 1})
    order = await world.buy(sku, language="es")
    await world.work(order, "store-north")

    await world.buy(sku, channel="pos", method=CARRY_OUT, store="store-north", pay="cash")
    done = await world.until(order, lambda o: o.payment.voided_minor == o.total_minor)

    assert units(done, CANCELLED) == 1
    assert done.state == orders_pb2.ORDER_STATE_CANCELLED
    assert "UNITS_CANCELLED" in told(done)


async def test_7_a_short_pick_is_sourced_again_elsewhere(world: World) -> None:
    """The store that could not find the unit is not asked again, and its book has learned."""
    sku = await world.article(stock={"store-north": 1, "store-south": 1})
    order = await world.buy(sku)
    work = await world.work(order, "store-north")

    await world.short(work, {1: 1})
    await world.until(order, lambda o: _where(o, ALLOCATED) == {"store-south"})
    await world.ship(await world.work(order, "store-south"))
    done = await world.until(order, lambda o: o.state == COMPLETED)

    assert units(done, SHIPPED) == 1

    async def learned() -> bool:
        return (await world.position(sku, "store-north")).on_hand_units == 0

    await eventually(learned, "movement of the short pick")
    causes = [m.cause for m in await world.movements(sku) if m.location_id == "store-north"]
    assert causes[0] == inventory_pb2.MOVEMENT_CAUSE_SHORT_PICK


async def test_7_a_short_pick_that_nobody_can_fill_is_cancelled(world: World) -> None:
    """Of three units one is missing everywhere: two are sent and paid, one is cancelled and not charged."""
    sku = await world.article(price_minor=1000, stock={"wh-1": 3})
    order = await world.buy({sku: 3})
    work = await world.work(order)

    await world.short(work, {1: 1}, fulfillment_pb2.SHORT_PICK_REASON_DAMAGED)
    await world.until(order, lambda o: units(o, CANCELLED) == 1)
    await world.ship((await world.work_of(order.order_id))[0])
    done = await world.until(order, lambda o: o.payment.captured_minor + o.payment.voided_minor == 3300)

    assert (done.payment.captured_minor, done.payment.voided_minor) == (2200, 1100)
    assert (units(done, SHIPPED), units(done, CANCELLED)) == (2, 1)
    assert done.state == COMPLETED
    assert "UNITS_CANCELLED" in told(done)


async def test_7_a_pickup_is_never_moved_silently(world: World) -> None:
    """The customer of a store that failed is asked; then it is done as the customer says."""
    sku = await world.article(stock={"store-north": 1, "store-west": 1})
    order = await world.buy(sku, channel="app", method=PICKUP, store="store-north")

    await world.short(await world.work(order), {1: 1})
    asked = await world.until(order, lambda o: o.state == orders_pb2.ORDER_STATE_AWAITING_CUSTOMER)
    choice = {"requestId": request_id(), "pickupLocationId": "store-west"}
    await world.post(f"/v1/orders/{order.order_id}:resolveShortage", choice, world.shop("app"))
    work = await world.work(order, "store-west")
    await world.hand_over(work, await world.make_ready(work))
    done = await world.until(order, lambda o: o.state == COMPLETED)

    assert units(asked, AWAITING) == 1
    assert "CHOICE_NEEDED" in told(asked)
    assert units(done, orders_pb2.UNIT_STATE_HANDED_OVER) == 1


async def test_7_each_parcel_keeps_the_address_it_is_sent_to(world: World) -> None:
    """One line goes home; the other was to be collected, and its customer has it sent elsewhere instead."""
    sent = await world.article(stock={"wh-1": 1})
    fetched = await world.article(stock={"store-north": 1, "store-south": 1, "store-west": 1})
    draft = world.draft(sent, channel="app")
    draft.lines.add(sku=fetched, quantity_units=1, method=PICKUP, pickup_location_id="store-north")
    order = await world.buy_draft(draft)
    office = address(STORES["store-south"])
    office.city, office.recipient = "Hegewisch", "Ana López, oficina"

    await world.short(await world.work(order, "store-north"), {2: 1})
    await world.until(order, lambda o: o.state == orders_pb2.ORDER_STATE_AWAITING_CUSTOMER)
    choice = orders_pb2.ResolveShortageRequest(request_id=request_id(), ship_to=office)
    await world.post(f"/v1/orders/{order.order_id}:resolveShortage", choice, world.shop("app"))
    second = await world.work(order, "store-south")
    await world.short(second, {2: 1})
    third = await world.work(order, "store-west")
    home = await world.work(order, "wh-1")
    for work in (third, home):
        await world.ship(work)
    done = await world.until(order, lambda o: o.state == COMPLETED)

    assert (second.delivery_address, third.delivery_address) == (office, office)
    assert home.delivery_address == address()
    assert done.delivery_address == address()
    assert [part.delivery_address for part in done.plan if part.attempt > 1] == [office, office]


async def test_8_one_unit_of_three_is_cancelled_before_the_pick(world: World) -> None:
    """Its stock and its money are free at once; the other two go on."""
    sku = await world.article(price_minor=1000, stock={"wh-1": 3})
    order = await world.buy({sku: 3})
    await world.work(order)

    body = {
        "requestId": request_id(),
        "lines": [{"lineNumber": 1, "quantityUnits": 1}],
        "reason": "changed my mind",
    }
    answer = await world.post(f"/v1/orders/{order.order_id}:cancel", body, world.shop())
    await world.until(order, lambda o: o.payment.voided_minor == 1100)
    await world.ship(await world.work(order))
    done = await world.until(order, lambda o: o.payment.captured_minor == 2200)

    states = {group["state"]: group["quantityUnits"] for group in answer["order"]["lines"][0]["units"]}
    assert states == {"UNIT_STATE_CANCELLED": 1, "UNIT_STATE_ALLOCATED": 2}
    assert done.state == COMPLETED

    async def free() -> bool:
        found = await world.position(sku, "wh-1")
        return (found.on_hand_units, found.reserved_units, found.available_units) == (1, 0, 1)

    await eventually(free, "cancelled unit for sale")


async def test_8_cancelling_too_late_is_a_clear_refusal(world: World) -> None:
    """What is picked is not cancelled, and the refusal changes nothing."""
    sku = await world.article(stock={"wh-1": 1})
    order = await world.buy(sku)
    await world.pick(await world.work(order))

    with pytest.raises(Refusal) as refused:
        await world.post(f"/v1/orders/{order.order_id}:cancel", {"requestId": request_id()}, world.shop())
    await world.ship((await world.work_of(order.order_id))[0])
    done = await world.until(order, lambda o: o.state == COMPLETED)

    assert (refused.value.status, refused.value.reason) == (409, "TOO_LATE_TO_CANCEL")
    assert units(done, SHIPPED) == 1


async def test_8_a_whole_order_is_cancelled_in_the_moment_it_is_placed(world: World) -> None:
    """Even before its work has been opened anywhere."""
    sku = await world.article(stock={"wh-1": 2})
    order = await world.buy({sku: 2})

    await world.post(f"/v1/orders/{order.order_id}:cancel", {"requestId": request_id()}, world.shop())
    done = await world.until(order, lambda o: o.payment.voided_minor == o.total_minor)

    async def free() -> bool:
        return (await world.position(sku, "wh-1")).available_units == 2

    await eventually(free, "cancelled units for sale")
    assert done.state == orders_pb2.ORDER_STATE_CANCELLED
    assert {w.state for w in await world.work_of(order.order_id)} <= {
        fulfillment_pb2.FULFILLMENT_STATE_CANCELLED
    }


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient_funds"])
async def test_11_a_declined_payment_releases_everything(world: World, token: str) -> None:
    """The customer reads why; the unit is for sale again at once, and a second try with good money works."""
    sku = await world.article(stock={"wh-1": 1})
    key = request_id()

    with pytest.raises(Refusal) as declined:
        await world.buy(sku, pay=token, key=key)

    async def free() -> bool:
        return (await world.position(sku, "wh-1")).available_units == 1

    await eventually(free, "unit for sale")
    order = await world.buy(sku)

    assert (declined.value.status, declined.value.reason) == (409, "PAYMENT_DECLINED")
    assert order.state == orders_pb2.ORDER_STATE_ACCEPTED


async def test_12_goods_are_returned_in_another_store(world: World) -> None:
    """Bought on the web, sent by the warehouse, given back in a store: restocked there and refunded."""
    sku = await world.article(price_minor=5000, stock={"wh-1": 2})
    order = await world.buy({sku: 2})
    await world.ship(await world.work(order))
    await world.until(order, lambda o: o.payment.captured_minor == 11_000)

    one = fulfillment_pb2.ReturnedLine(
        line_number=1, quantity_units=1, disposition=fulfillment_pb2.DISPOSITION_RESTOCK, reason="too small"
    )
    request = fulfillment_pb2.ReceiveReturnRequest(
        request_id=request_id(), location_id="store-west", order_id=order.order_id, lines=[one]
    )
    await world.fulfillment.ReceiveReturn(request, metadata=world.auth(world.till("store-west")))
    back = await world.until(order, lambda o: o.payment.refunded_minor == 5500)

    assert units(back, orders_pb2.UNIT_STATE_RETURNED) == 1
    assert "REFUNDED" in told(back)

    async def restocked() -> bool:
        return (await world.position(sku, "store-west")).on_hand_units == 1

    await eventually(restocked, "returned unit on the shelf")

    second = fulfillment_pb2.ReceiveReturnRequest(
        request_id=request_id(),
        location_id="store-north",
        order_id=order.order_id,
        lines=[
            fulfillment_pb2.ReturnedLine(
                line_number=1, quantity_units=2, disposition=fulfillment_pb2.DISPOSITION_SCRAP
            )
        ],
    )
    with pytest.raises(grpc.aio.AioRpcError) as too_many:
        await world.fulfillment.ReceiveReturn(second, metadata=world.auth(world.staff("store-north")))
    assert reason(too_many.value) == "QUANTITY_TOO_HIGH"


async def test_after_every_journey_the_ledger_is_right(world: World) -> None:
    """Runs last in this file: counters, ledger and reservations of all journeys so far agree."""

    async def clean() -> bool:
        return (await world.audit()).difference_count == 0

    await eventually(clean, "clean audit")
    audit = await world.audit()
    assert audit.movements > 0
    assert list(audit.differences) == []


def _where(order: orders_pb2.Order, state: orders_pb2.UnitState.ValueType) -> set[str]:
    return {g.location_id for line in order.lines for g in line.units if g.state == state}
