"""What neighbours tell changes orders: journeys over real NATS and PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
import uuid_utils

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import events_pb2 as fulfillment
from aljibe.inventory.v1 import events_pb2 as inventory
from aljibe.orders.v1 import orders_pb2
from chassis.errors import reason_of
from services.orders.tests.conftest import Service
from services.orders.tests.test_door import CARRY_OUT, PICKUP, address, place, refused, wish

STATE = orders_pb2.UnitState


def states(order: Any) -> dict[str, int]:
    """Units by state, over all lines."""
    found: dict[str, int] = {}
    for line in order.lines:
        for group in line.units:
            name = STATE.Name(group.state).removeprefix("UNIT_STATE_")
            found[name] = found.get(name, 0) + group.quantity_units
    return found


def origin(order: Any, part: int = 0) -> Any:
    work = order.plan[part]
    return fulfillment.Origin(
        fulfillment_order_id=work.fulfillment_order_id,
        order_id=order.order_id,
        location_id=work.location_id,
        reservation_id=work.reservation_id,
        method=work.method,
    )


def units(order: Any, quantity: int, line: int = 1) -> list[Any]:
    sku = order.lines[line - 1].sku
    return [fulfillment.Units(line_number=line, sku=sku, quantity_units=quantity)]


async def tell(orders: Service, message: Any) -> None:
    await orders.tell("fulfillment", message, "fulfillment_order", message.origin.fulfillment_order_id)


async def placed(orders: Service, draft: Any, **more: Any) -> Any:
    return (await orders.stub().PlaceOrder(place(draft, **more))).order


async def test_shipped_units_are_captured_and_returned_ones_refunded(orders: Service) -> None:
    """Money follows the goods, unit by unit."""
    await orders.stock(("s1", "wh-1", 3))
    order = await placed(orders, wish(("s1", 3)))

    await tell(orders, fulfillment.UnitsPicked(origin=origin(order), units=units(order, 3)))
    await tell(
        orders,
        fulfillment.OrderShipped(
            origin=origin(order), units=units(order, 3), carrier="UPS", tracking_number="1Z"
        ),
    )
    shipped = await orders.until(order.order_id, lambda o: o.state == orders_pb2.ORDER_STATE_COMPLETED)
    await tell(
        orders,
        fulfillment.ReturnReceived(origin=origin(order), return_id="ret_1", units=units(order, 1)),
    )

    assert states(shipped) == {"SHIPPED": 3}
    assert "1Z" in shipped.messages[-1].text
    payment = await settled(orders, order.order_id, "refunded_minor", 1_000)
    assert payment["captured_minor"] == 3_000
    operations = await orders.fetch(
        "SELECT kind, amount_minor FROM test_provider_operation WHERE authorization_key = $1 ORDER BY kind",
        order.plan[0].reservation_id,
    )
    assert [tuple(row) for row in operations] == [("CAPTURE", 3_000), ("REFUND", 1_000)]


async def test_who_watches_an_order_sees_its_money_move_too(orders: Service) -> None:
    """The stream ends when nothing is left to do for anybody, the payment provider included."""
    await orders.stock(("s0", "wh-1", 2))
    order = await placed(orders, wish(("s0", 2)))
    request = orders_pb2.WatchOrderRequest(order_id=order.order_id)

    watching = asyncio.create_task(_looks(orders.stub().WatchOrder(request)))
    await tell(orders, fulfillment.OrderShipped(origin=origin(order), units=units(order, 1)))
    await tell(orders, fulfillment.UnitsShort(origin=origin(order), units=units(order, 1)))
    looks = await asyncio.wait_for(watching, 15)
    again = await asyncio.wait_for(_looks(orders.stub().WatchOrder(request)), 15)

    last = looks[-1]
    assert states(last) == {"SHIPPED": 1, "CANCELLED": 1}
    assert (last.payment.captured_minor, last.payment.voided_minor) == (1_000, 1_000)
    assert [look.version for look in looks] == sorted({look.version for look in looks})
    assert again == [last]


async def _looks(stream: Any) -> list[Any]:
    return [look.order async for look in stream]


async def settled(orders: Service, order_id: str, column: str, amount: int) -> Any:
    """The order's row once a column has reached an amount."""
    async with asyncio.timeout(15):
        while True:
            (row,) = await orders.fetch("SELECT * FROM customer_order WHERE order_id = $1", order_id)
            if row[column] == amount:
                return row
            await asyncio.sleep(0.05)


async def test_a_short_pick_is_sourced_again_without_that_location(orders: Service) -> None:
    """The customer gets the goods from somebody else."""
    await orders.stock(("s2", "wh-1", 2), ("s2", "store-1", 2))
    order = await placed(orders, wish(("s2", 2)))
    assert order.plan[0].location_id == "wh-1"

    await tell(orders, fulfillment.UnitsShort(origin=origin(order), units=units(order, 1)))
    after = await orders.until(order.order_id, lambda o: len(o.plan) == 2)

    assert after.plan[1].location_id == "store-1"
    assert after.plan[1].attempt == 2
    assert states(after) == {"ALLOCATED": 2}
    explain = orders_pb2.ExplainSourcingRequest(order_id=order.order_id)
    answer = await orders.stub("operator", channels=("*",)).ExplainSourcing(explain)
    assert [decision.trigger for decision in answer.decisions] == ["PLACED", "SHORT_PICK"]
    assert {c.eliminated_by for c in answer.decisions[1].candidates if c.location_id == "wh-1"} == {
        "EXCLUDED"
    }


async def test_what_nobody_has_is_cancelled_released_and_told(orders: Service) -> None:
    """No order waits for ever for units that are not there."""
    await orders.stock(("s3", "wh-1", 3))
    order = await placed(orders, wish(("s3", 3)))

    await tell(orders, fulfillment.UnitsShort(origin=origin(order), units=units(order, 3)))
    after = await orders.until(order.order_id, lambda o: o.state == orders_pb2.ORDER_STATE_CANCELLED)

    assert states(after) == {"CANCELLED": 3}
    assert after.messages[-1].kind == "UNITS_CANCELLED"
    await settled(orders, order.order_id, "voided_minor", 3_000)


async def test_a_pickup_that_fails_is_never_moved_silently(orders: Service) -> None:
    """The customer was promised this store, so the customer decides."""
    await orders.stock(("s4", "store-1", 1), ("s4", "wh-1", 1))
    order = await placed(orders, wish(("s4", 1), method=PICKUP, store="store-1"))

    await tell(orders, fulfillment.UnitsShort(origin=origin(order), units=units(order, 1)))
    asked = await orders.until(order.order_id, lambda o: o.state == orders_pb2.ORDER_STATE_AWAITING_CUSTOMER)
    choice = orders_pb2.ResolveShortageRequest(
        request_id=str(uuid_utils.uuid7()), order_id=order.order_id, ship_to=address()
    )
    resolved = (await orders.stub().ResolveShortage(choice)).order
    again = (await orders.stub().ResolveShortage(choice)).order

    assert asked.messages[-1].kind == "CHOICE_NEEDED"
    assert resolved == again
    assert resolved.plan[1].location_id == "wh-1"
    assert resolved.lines[0].method == types_pb2.FULFILLMENT_METHOD_SHIP
    choice.request_id = str(uuid_utils.uuid7())
    assert (await refused(orders.stub().ResolveShortage(choice)))[1] == "NOTHING_TO_RESOLVE"


async def test_a_ready_pickup_is_told_and_its_expiry_gives_the_money_back(orders: Service) -> None:
    await orders.stock(("s5", "store-1", 1))
    order = await placed(orders, wish(("s5", 1), method=PICKUP, store="store-1"))

    await tell(orders, fulfillment.UnitsPicked(origin=origin(order), units=units(order, 1)))
    await tell(orders, fulfillment.PickupReady(origin=origin(order), units=units(order, 1)))
    ready = await orders.until(order.order_id, lambda o: "READY" in states(o))
    await tell(orders, fulfillment.PickupExpired(origin=origin(order), units=units(order, 1)))
    after = await orders.until(order.order_id, lambda o: o.state == orders_pb2.ORDER_STATE_CANCELLED)

    assert ready.messages[-1].kind == "READY_FOR_PICKUP"
    assert after.messages[-1].kind == "NOT_COLLECTED"
    await settled(orders, order.order_id, "voided_minor", 1_000)


async def test_units_are_cancelled_before_they_are_picked(orders: Service) -> None:
    """One unit of three; the other two go on."""
    await orders.stock(("s6", "wh-1", 3))
    order = await placed(orders, wish(("s6", 3)))
    request = orders_pb2.CancelOrderRequest(
        request_id=str(uuid_utils.uuid7()),
        order_id=order.order_id,
        lines=[orders_pb2.LineUnits(line_number=1, quantity_units=1)],
    )

    answers = [(await orders.stub().CancelOrder(request)).order for _ in range(2)]
    (asked,) = orders.neighbours.fulfillment.asked
    done = fulfillment.UnitsTakenOut(origin=origin(order), units=units(order, 1), request_id=asked.request_id)
    await tell(orders, done)
    await settled(orders, order.order_id, "voided_minor", 1_000)
    read = orders_pb2.GetOrderRequest(order_id=order.order_id)

    assert answers[0] == answers[1]
    assert states(answers[0]) == {"ALLOCATED": 2, "CANCELLED": 1}
    assert states((await orders.stub().GetOrder(read)).order) == {"ALLOCATED": 2, "CANCELLED": 1}


async def test_cancelling_what_is_picked_is_refused_and_changes_nothing(orders: Service) -> None:
    await orders.stock(("s7", "wh-1", 1))
    order = await placed(orders, wish(("s7", 1)))
    orders.neighbours.fulfillment.picked = True
    request = orders_pb2.CancelOrderRequest(request_id=str(uuid_utils.uuid7()), order_id=order.order_id)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await orders.stub().CancelOrder(request)

    assert reason_of(caught.value) == "TOO_LATE_TO_CANCEL"
    read = orders_pb2.GetOrderRequest(order_id=order.order_id)
    assert states((await orders.stub().GetOrder(read)).order) == {"ALLOCATED": 1}
    assert not await orders.fetch("SELECT FROM cancellation WHERE order_id = $1", order.order_id)


async def test_units_that_a_till_took_from_under_a_promise_are_sourced_again(orders: Service) -> None:
    """A till sale is a fact; the online order must find another unit."""
    await orders.stock(("s8", "wh-1", 1), ("s8", "store-2", 1))
    order = await placed(orders, wish(("s8", 1)))
    broken = inventory.UnitsDisplaced(
        reservation_id=order.plan[0].reservation_id,
        order_id=order.order_id,
        sku="s8",
        location_id="wh-1",
        quantity_units=1,
    )

    await orders.tell("inventory", broken, "reservation", broken.reservation_id)
    after = await orders.until(order.order_id, lambda o: len(o.plan) == 2)

    assert after.plan[1].location_id == "store-2"
    (asked,) = orders.neighbours.fulfillment.asked
    assert asked.parts[0].opening.fulfillment_order_id == order.plan[0].fulfillment_order_id
    assert asked.parts[0].opening.reservation_id == order.plan[0].reservation_id != ""


async def test_a_reservation_that_expired_without_an_order_has_its_authorisation_voided(
    orders: Service,
) -> None:
    """The customer's money must not stay blocked for an order that never came to be."""
    expired = inventory.ReservationExpired(reservation_id="rsv_lost", order_id="ord_never")

    await orders.tell("inventory", expired, "reservation", "rsv_lost")

    rows: list[Any] = []
    async with asyncio.timeout(15):
        while not rows:
            await asyncio.sleep(0.05)
            rows = await orders.fetch(
                "SELECT kind FROM test_provider_operation WHERE authorization_key = 'rsv_lost'"
            )
    assert [row["kind"] for row in rows] == ["VOID_AUTHORIZATION"]


async def test_the_books_of_all_orders_add_up(orders: Service) -> None:
    """Runs over whatever the other tests left: units and money of every order, and no hole in its events."""
    await orders.stub("till", channels=("pos",), locations=("store-1",)).PlaceOrder(
        place(wish(("s9", 2), method=CARRY_OUT, store="store-1", channel="pos"), "cash")
    )

    wrong_units = await orders.fetch(
        "SELECT order_id FROM order_line l WHERE quantity_units <> (SELECT sum(g.quantity_units)"
        " FROM unit_group g WHERE g.order_id = l.order_id AND g.line_number = l.line_number)"
    )
    holes = await orders.fetch(
        "SELECT o.order_id FROM customer_order o JOIN outbox e ON e.aggregate_id = o.order_id"
        " GROUP BY o.order_id HAVING count(*) <> o.event_sequence OR max(e.sequence) <> count(*)"
    )
    dead = await orders.fetch("SELECT error FROM dead_letter")

    assert (wrong_units, holes, dead) == ([], [], [])


async def test_a_case_whose_order_cannot_be_read_does_not_keep_the_others(orders: Service) -> None:
    """One bad row once ended the whole service, at each of its starts anew."""
    await orders.stock(("s9", "wh-1", 9), ("s9", "store-1", 9))
    bad = await placed(orders, wish(("s9", 1)))
    good = await placed(orders, wish(("s9", 1)))
    await orders.fetch("UPDATE customer_order SET delivery_address = '[]' WHERE order_id = $1", bad.order_id)
    await orders.fetch(
        "INSERT INTO sourcing_case (order_id, case_id, trigger, stage, units, attempt)"
        " VALUES ($1, 'bad', 'SHORT_PICK', 'SOURCE', '[[1, 1, \"\"]]', 2)",
        bad.order_id,
    )

    await tell(orders, fulfillment.UnitsShort(origin=origin(good), units=units(good, 1)))
    after = await orders.until(good.order_id, lambda o: len(o.plan) == 2)
    async with asyncio.timeout(15):
        while not (note := await orders.fetch("SELECT note FROM sourcing_case WHERE case_id = 'bad'"))[0][0]:
            await asyncio.sleep(0.05)
    await orders.fetch("DELETE FROM sourcing_case WHERE case_id = 'bad'")
    await orders.fetch("UPDATE customer_order SET delivery_address = NULL WHERE order_id = $1", bad.order_id)

    assert states(after) == {"ALLOCATED": 1}
    assert "Error" in note[0][0]
