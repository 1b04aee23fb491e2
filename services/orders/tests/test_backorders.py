"""Orders on what is to come, through the real door."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
import pytest_asyncio

from aljibe.inventory.v1 import events_pb2, inventory_pb2
from aljibe.orders.v1 import events_pb2 as told
from aljibe.orders.v1 import orders_pb2
from chassis.clock import utc_now
from services.orders.adapters.grpc.translate import moment, stamp
from services.orders.tests.conftest import Service
from services.orders.tests.test_door import place, refused, wish

BACKORDERED = orders_pb2.UNIT_STATE_BACKORDERED
ALLOCATED = orders_pb2.UNIT_STATE_ALLOCATED
CANCELLED = orders_pb2.UNIT_STATE_CANCELLED
SUPPLY = "PO-1"


@pytest_asyncio.fixture
async def expected(orders: Service) -> Service:
    """One unit of `a` at the warehouse, and ten that come there in three days."""
    await orders.stock(("a", "wh-1", 1))
    orders.neighbours.inventory.bring(SUPPLY, "wh-1", "a", 10, utc_now() + timedelta(days=3))
    await tell_board(orders)
    return orders


async def tell_board(orders: Service) -> None:
    inventory = orders.neighbours.inventory
    await orders.tell_of(
        events_pb2.PositionsChanged(
            publisher_id="inventory",
            supplies=list(inventory.supplies.values()),
            backorder_terms=inventory.terms,
        )
    )


def later(*lines: tuple[str, int], **more: Any) -> Any:
    draft = wish(*lines, **more)
    for line in draft.lines:
        line.accept_later = True
    return draft


def groups(order: Any) -> list[tuple[int, int]]:
    return sorted((group.state, group.quantity_units) for line in order.lines for group in line.units)


def waited(order: Any, units: int) -> dict[str, Any]:
    (part,) = [one for one in order.plan if one.supply_id]
    pick = inventory_pb2.SupplyPick(sku="a", location_id="wh-1", supply_id=SUPPLY, quantity_units=units)
    return {"reservation_id": part.reservation_id, "order_id": order.order_id, "units": pick}


async def tell(orders: Service, message: Any) -> None:
    await orders.tell("inventory", message, "reservation", message.reservation_id)


async def test_what_is_not_there_is_promised_from_what_is_to_come(expected: Service) -> None:
    preview = (
        await expected.stub().PreviewOrder(orders_pb2.PreviewOrderRequest(order=later(("a", 3))))
    ).order
    order = (await expected.stub().PlaceOrder(place(later(("a", 3))))).order

    assert groups(order) == [(ALLOCATED, 1), (BACKORDERED, 2)]
    now, waits = sorted(order.plan, key=lambda part: part.supply_id)
    assert (now.supply_id, waits.supply_id) == ("", SUPPLY)
    assert now.reservation_id == waits.reservation_id
    three_days = utc_now() + timedelta(days=3)
    assert abs(moment(waits.expected_time) - three_days) < timedelta(minutes=5)
    assert moment(waits.promise_time) > moment(now.promise_time) + timedelta(days=2)
    assert order.promise_time == waits.promise_time
    assert order.state == orders_pb2.ORDER_STATE_ACCEPTED
    assert order.payment.authorized_minor == 3_000
    assert [message.kind for message in order.messages] == ["ORDER_ACCEPTED", "BACKORDERED"]
    assert sorted(part.supply_id for part in preview.plan) == ["", SUPPLY]
    stored = (await expected.stub().GetOrder(orders_pb2.GetOrderRequest(order_id=order.order_id))).order
    assert stored == order


async def test_who_does_not_accept_later_delivery_is_told_no(expected: Service) -> None:
    answer = await refused(expected.stub().PlaceOrder(place(wish(("a", 3)))))
    more = await refused(expected.stub().PlaceOrder(place(later(("a", 12)))))

    assert answer == more == (grpc.StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_STOCK")


async def test_the_decision_says_what_was_to_come_and_replays(expected: Service) -> None:
    order = (await expected.stub().PlaceOrder(place(later(("a", 3))))).order

    explained = await expected.stub("operator", channels=("*",)).ExplainSourcing(
        orders_pb2.ExplainSourcingRequest(order_id=order.order_id)
    )

    (decision,) = explained.decisions
    assert [(one.supply_id, one.lines[0].quantity_units) for one in decision.chosen] == [("", 1), (SUPPLY, 2)]
    assert not decision.shortages


async def test_goods_that_come_are_released_to_fulfillment_part_by_part(expected: Service) -> None:
    order = (await expected.stub().PlaceOrder(place(later(("a", 3))))).order

    await tell(expected, events_pb2.BackorderArrived(**waited(order, 1)))
    some = await expected.until(order.order_id, lambda one: groups(one).count((ALLOCATED, 1)) == 2)
    await tell(expected, events_pb2.BackorderArrived(**waited(order, 1)))
    done = await expected.until(order.order_id, lambda one: groups(one) == [(ALLOCATED, 1)] * 3)

    assert (BACKORDERED, 1) in groups(some)
    fresh = [part for part in done.plan if not part.supply_id][1:]
    assert [part.lines[0].quantity_units for part in fresh] == [1, 1]
    assert {part.reservation_id for part in done.plan} == {order.plan[0].reservation_id}
    rows = await expected.fetch(
        "SELECT payload FROM outbox WHERE aggregate_id = $1 AND type = $2 ORDER BY sequence",
        order.order_id,
        told.BackorderReleased.DESCRIPTOR.full_name,
    )
    released = [told.BackorderReleased.FromString(row["payload"]) for row in rows]
    assert [one.plan[0].fulfillment_order_id for one in released] == [
        part.fulfillment_order_id for part in fresh
    ]
    assert done.messages[-1].kind == "BACKORDER_ARRIVED"


async def test_another_date_is_another_promise_and_the_customer_is_told(expected: Service) -> None:
    order = (await expected.stub().PlaceOrder(place(later(("a", 3))))).order
    later_day = utc_now() + timedelta(days=10)

    moved = events_pb2.BackorderMoved(**waited(order, 2), expected_time=stamp(later_day))
    await tell(expected, moved)
    await tell(expected, moved)
    after = await expected.until(order.order_id, lambda one: one.messages[-1].kind == "BACKORDER_MOVED")

    (part,) = [one for one in after.plan if one.supply_id]
    assert moment(part.expected_time) == later_day
    assert moment(part.promise_time) > later_day
    assert after.promise_time == part.promise_time
    (read,) = await expected.until_rows(
        "SELECT expected_at FROM part_supply WHERE order_id = $1", order.order_id
    )
    assert read["expected_at"] == later_day
    assert [one.kind for one in after.messages].count("BACKORDER_MOVED") == 1


async def test_what_will_not_come_is_had_from_elsewhere_or_given_up(expected: Service) -> None:
    """One unit turns up in a store; for the other nobody has any."""
    order = (await expected.stub().PlaceOrder(place(later(("a", 3))))).order
    expected.neighbours.inventory.supplies.clear()
    await tell_board(expected)
    await expected.stock(("a", "store-1", 1))

    await tell(expected, events_pb2.BackorderCut(**waited(order, 2)))
    after = await expected.until(order.order_id, lambda one: (CANCELLED, 1) in groups(one))

    assert groups(after) == [(ALLOCATED, 1), (ALLOCATED, 1), (CANCELLED, 1)]
    assert {group.location_id for group in after.lines[0].units if group.state == ALLOCATED} == {
        "wh-1",
        "store-1",
    }
    voided = await expected.until(order.order_id, lambda one: one.payment.voided_minor == 1_000)
    assert voided.payment.authorized_minor == 3_000


async def test_what_is_cut_from_one_supply_may_wait_for_another(expected: Service) -> None:
    order = (await expected.stub().PlaceOrder(place(later(("a", 3))))).order
    inventory = expected.neighbours.inventory
    inventory.supplies.clear()
    inventory.bring("PO-2", "store-2", "a", 5, utc_now() + timedelta(days=6))
    await tell_board(expected)

    await tell(expected, events_pb2.BackorderCut(**waited(order, 2)))
    after = await expected.until(
        order.order_id, lambda one: any(part.supply_id == "PO-2" for part in one.plan)
    )

    assert groups(after) == [(ALLOCATED, 1), (BACKORDERED, 2)]
    assert after.messages[-1].kind == "RESOURCED"


async def test_what_is_waited_for_can_be_cancelled_and_what_comes_for_it_is_given_back(
    expected: Service,
) -> None:
    """The goods come while the cancellation is on its way: nothing stays reserved for nobody."""
    order = (await expected.stub().PlaceOrder(place(later(("a", 3))))).order
    cancel = orders_pb2.CancelOrderRequest(
        request_id="cancel-one",
        order_id=order.order_id,
        lines=[orders_pb2.LineUnits(line_number=1, quantity_units=1)],
    )

    after = (await expected.stub().CancelOrder(cancel)).order
    await tell(expected, events_pb2.BackorderArrived(**waited(order, 2)))
    await expected.until(order.order_id, lambda one: groups(one).count((ALLOCATED, 1)) == 2)

    assert groups(after) == [(ALLOCATED, 1), (CANCELLED, 1), (BACKORDERED, 1)]
    assert expected.neighbours.fulfillment.asked == []
    (row,) = await outbox(expected, order, told.UnitsCancelled)
    (gone,) = told.UnitsCancelled.FromString(row).units
    assert (gone.supply_id, gone.location_id, gone.quantity_units) == (SUPPLY, "wh-1", 1)
    (back,) = await outbox(expected, order, told.UnitsReleased)
    (given,) = told.UnitsReleased.FromString(back).units
    assert (given.supply_id, given.reservation_id, given.quantity_units) == (
        "",
        order.plan[0].reservation_id,
        1,
    )


async def test_goods_that_come_before_the_release_wait_for_it(expected: Service) -> None:
    inventory = expected.neighbours.inventory
    release = utc_now() + timedelta(seconds=4)
    terms = inventory.terms[-1]
    terms.mode = 2
    terms.release_time.CopyFrom(stamp(release))
    terms.version = inventory._next()
    await tell_board(expected)
    order = (await expected.stub().PlaceOrder(place(later(("a", 2))))).order

    await tell(expected, events_pb2.BackorderArrived(**waited(order, 1)))
    await expected.until_rows("SELECT FROM sourcing_case WHERE order_id = $1 AND note <> ''", order.order_id)
    before = (await expected.stub().GetOrder(orders_pb2.GetOrderRequest(order_id=order.order_id))).order
    await expected.until(order.order_id, lambda one: groups(one) == [(ALLOCATED, 1)] * 2)

    assert groups(before) == [(ALLOCATED, 1), (BACKORDERED, 1)]
    assert utc_now() >= release


async def outbox(orders: Service, order: Any, kind: Any) -> list[bytes]:
    rows = await orders.fetch(
        "SELECT payload FROM outbox WHERE aggregate_id = $1 AND type = $2 ORDER BY sequence",
        order.order_id,
        kind.DESCRIPTOR.full_name,
    )
    return [row["payload"] for row in rows]
