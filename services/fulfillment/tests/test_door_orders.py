"""What orders tells and asks: plans, repeats, poison, cancellations that come first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import grpc

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from aljibe.orders.v1 import events_pb2 as orders_events
from chassis.ids import new_id
from services.fulfillment.tests.conftest import Door
from services.fulfillment.tests.knocking import (
    SHIP,
    a_part,
    accepted,
    opened,
    refused,
    request_id,
    tell,
    until,
)


async def test_orders_takes_units_out_before_the_opening_arrives(door: Door) -> None:
    part = a_part(SHIP, 2)
    order_id = new_id("ord")
    opening = pb.FulfillmentOrder(
        fulfillment_order_id=part.fulfillment_order_id,
        order_id=order_id,
        location_id="store-1",
        reservation_id="rsv_1",
        method=SHIP,
        lines=[pb.FulfillmentLine(line_number=1, sku="sku-1", quantity_units=2)],
        channel_id="web",
    )
    units = pb.UnitsToCancel(opening=opening, lines=[pb.LineQuantity(line_number=1, quantity_units=2)])

    answer = await door.stub.CancelUnits(
        pb.CancelUnitsRequest(request_id=request_id(), parts=[units]), metadata=door.orders
    )
    await tell(door, accepted(part, order_id=order_id))
    marker = a_part(SHIP)
    await opened(door, marker)

    assert answer.fulfillment_orders[0].state == pb.FULFILLMENT_STATE_CANCELLED
    found = await door.stub.ListFulfillmentOrders(
        pb.ListFulfillmentOrdersRequest(order_id=order_id), metadata=door.orders
    )
    assert list(found.fulfillment_orders) == list(answer.fulfillment_orders)
    assert (await until(door, "UnitsTakenOut")).origin.reservation_id == "rsv_1"


async def test_an_opening_without_a_method_is_refused(door: Door) -> None:
    opening = pb.FulfillmentOrder(
        fulfillment_order_id="ful_1", order_id="ord_1", location_id="store-1", lines=[pb.FulfillmentLine()]
    )
    units = pb.UnitsToCancel(opening=opening, lines=[pb.LineQuantity(line_number=1, quantity_units=1)])

    answer = await refused(
        door.stub.CancelUnits(
            pb.CancelUnitsRequest(request_id=request_id(), parts=[units]), metadata=door.orders
        )
    )

    assert answer == (grpc.StatusCode.INVALID_ARGUMENT, "OPENING_INVALID")


async def test_a_told_twice_plan_opens_once_and_resourced_parts_join(door: Door) -> None:
    first, second = a_part(SHIP), a_part(SHIP, location_id="store-2")
    message: Any = accepted(first)
    await tell(door, message, event_id="evt_1")
    await tell(door, message, event_id="evt_1_again")

    resourced = orders_events.OrderResourced(order_id=message.order_id, plan=[second], channel_id="web")
    await tell(door, resourced, sequence=2)
    await until(door, "FulfillmentOrderOpened", second.fulfillment_order_id)

    found = await door.stub.ListFulfillmentOrders(
        pb.ListFulfillmentOrdersRequest(order_id=message.order_id), metadata=door.orders
    )
    assert [order.location_id for order in found.fulfillment_orders] == ["store-1", "store-2"]
    assert [order.version for order in found.fulfillment_orders] == [1, 1]


async def test_the_order_s_trace_goes_on(door: Door) -> None:
    """One trace runs from the till through the bus into the work."""
    part, trace = a_part(SHIP), "0af7651916cd43dd8448eb211c80319c"
    await tell(door, accepted(part), traceparent=f"00-{trace}-b7ad6b7169203331-01")
    await until(door, "FulfillmentOrderOpened")

    async with door.db.connection() as conn:
        traceparent = await conn.fetchval("SELECT traceparent FROM outbox")

    assert traceparent.split("-")[1] == trace


async def test_a_plan_that_cannot_be_opened_is_kept_as_a_dead_letter(door: Door) -> None:
    """Without one poisoned message holding up those behind it."""
    bad, good = a_part(SHIP), a_part(SHIP)
    bad.lines[0].quantity_units = 0

    await tell(door, accepted(bad))
    await opened(door, good)

    async with door.db.connection() as conn:
        errors = [row["error"] for row in await conn.fetch("SELECT error FROM dead_letter")]
        assert await conn.fetchval("SELECT count(*) FROM fulfillment_order") == 1
    assert len(errors) == 1
    assert "must be at least 1" in errors[0]


async def test_the_work_list_goes_by_due_time_and_says_who_picks(door: Door) -> None:
    """A promise of tomorrow may be due today: the parcel has its way to go."""
    soon, later = a_part(SHIP), a_part(SHIP)
    soon.promise_time.FromDatetime(datetime(2026, 3, 5, tzinfo=UTC))
    soon.due_time.FromDatetime(datetime(2026, 3, 1, tzinfo=UTC))
    later.promise_time.FromDatetime(datetime(2026, 3, 2, tzinfo=UTC))
    await opened(door, later, soon)

    await door.stub.StartPicking(
        pb.StartPickingRequest(request_id=request_id(), fulfillment_order_id=soon.fulfillment_order_id),
        metadata=door.associate,
    )

    found = (
        await door.stub.ListFulfillmentOrders(
            pb.ListFulfillmentOrdersRequest(location_id="store-1"), metadata=door.associate
        )
    ).fulfillment_orders
    assert [one.fulfillment_order_id for one in found] == [
        soon.fulfillment_order_id,
        later.fulfillment_order_id,
    ]
    assert [one.due_time.ToDatetime(UTC).day for one in found] == [1, 2]
    assert [one.picker for one in found] == ["ana", ""]
