"""An order on hold is not worked on: whoever holds the lock decides, and being told again changes nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from aljibe.orders.v1 import events_pb2 as orders_events
from aljibe.orders.v1 import orders_pb2
from services.fulfillment.adapters.postgres.holds import note_hold
from services.fulfillment.domain.hold import WorkHold
from services.fulfillment.tests.conftest import Door
from services.fulfillment.tests.knocking import (
    PICKUP,
    SHIP,
    a_hand_over,
    a_part,
    opened,
    ready,
    refused,
    request_id,
    tell,
    until,
)

ON_HOLD = (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_ON_HOLD")
NOW = datetime.now(UTC)


def stamp(time: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(time)
    return made


def held(order_id: str) -> Any:
    return orders_events.OrderHeld(order_id=order_id, reason="fraud check", actor="olga", time=stamp(NOW))


def lifted(order_id: str, after: timedelta = timedelta(hours=2)) -> Any:
    return orders_events.OrderHoldLifted(
        order_id=order_id, actor="olga", time=stamp(NOW + after), hold_time=stamp(NOW)
    )


async def seen(door: Door, part: orders_pb2.PlanPart) -> pb.FulfillmentOrder:
    request = pb.GetFulfillmentOrderRequest(fulfillment_order_id=part.fulfillment_order_id)
    return (await door.stub.GetFulfillmentOrder(request, metadata=door.associate)).fulfillment_order


async def until_held(door: Door, part: orders_pb2.PlanPart, on_hold: bool = True) -> pb.FulfillmentOrder:
    async with asyncio.timeout(15):
        while (look := await seen(door, part)).HasField("hold") is not on_hold:
            await asyncio.sleep(0.02)
    return look


def pick(part: orders_pb2.PlanPart) -> pb.PickUnitsRequest:
    return pb.PickUnitsRequest(request_id=request_id(), fulfillment_order_id=part.fulfillment_order_id)


async def test_nobody_works_on_a_held_order_until_it_is_lifted(door: Door) -> None:
    """The work list says so; a short pick and a cancellation stay possible."""
    part = a_part(SHIP, 3)
    order_id = await opened(door, part)
    id_ = part.fulfillment_order_id

    await tell(door, held(order_id), 2)
    look = await until_held(door, part)
    start = pb.StartPickingRequest(request_id=request_id(), fulfillment_order_id=id_)
    answers = [
        await refused(door.stub.StartPicking(start, metadata=door.associate)),
        await refused(door.stub.PickUnits(pick(part), metadata=door.associate)),
    ]
    listed = await door.stub.ListFulfillmentOrders(
        pb.ListFulfillmentOrdersRequest(order_id=order_id), metadata=door.orders
    )
    short = pb.ReportShortPickRequest(
        request_id=request_id(),
        fulfillment_order_id=id_,
        lines=[pb.LineQuantity(line_number=1, quantity_units=1)],
        reason=pb.SHORT_PICK_REASON_NOT_FOUND,
    )
    await door.stub.ReportShortPick(short, metadata=door.associate)
    await tell(door, lifted(order_id), 3)
    await until_held(door, part, on_hold=False)
    picked = (await door.stub.PickUnits(pick(part), metadata=door.associate)).fulfillment_order

    assert answers == [ON_HOLD] * 2
    assert (look.hold.reason, look.hold.actor, look.version) == ("fraud check", "olga", 2)
    assert [one.HasField("hold") for one in listed.fulfillment_orders] == [True]
    assert picked.state == pb.FULFILLMENT_STATE_PICKED


async def test_a_hold_meets_work_at_every_step(door: Door) -> None:
    """Picked goods are not packed, packed ones not shipped, ready ones not handed over."""
    parcel, pickup = a_part(SHIP), a_part(PICKUP)
    order_id = await opened(door, parcel, pickup)
    await door.stub.PickUnits(pick(parcel), metadata=door.associate)
    code = await ready(door, pickup)

    await tell(door, held(order_id), 2)
    await until_held(door, pickup)
    id_ = parcel.fulfillment_order_id
    pack = pb.PackOrderRequest(request_id=request_id(), fulfillment_order_id=id_)
    packing = await refused(door.stub.PackOrder(pack, metadata=door.associate))
    handing = await refused(door.stub.HandOver(a_hand_over(pickup, code), metadata=door.associate))
    await tell(door, lifted(order_id), 3)
    await until_held(door, parcel, on_hold=False)
    await door.stub.PackOrder(pack, metadata=door.associate)
    await tell(door, held(order_id), 4)
    await until_held(door, parcel)
    ship = pb.ShipOrderRequest(
        request_id=request_id(), fulfillment_order_id=id_, carrier="Correos", tracking_number="1"
    )
    shipping = await refused(door.stub.ShipOrder(ship, metadata=door.associate))

    assert [packing, handing, shipping] == [ON_HOLD] * 3


async def test_the_time_to_collect_stands_still_while_an_order_is_held(door: Door) -> None:
    """The sweep leaves it alone, and afterwards the customer has as long as before."""
    part = a_part(PICKUP)
    order_id = await opened(door, part)
    await ready(door, part, collect_within_seconds=2)
    other = a_part(PICKUP)
    await opened(door, other)

    await tell(door, held(order_id), 2)
    before = await until_held(door, part)
    await ready(door, other, collect_within_seconds=2)
    await until(door, "PickupExpired", other.fulfillment_order_id)
    still = await seen(door, part)
    await tell(door, lifted(order_id), 3)
    after = await until_held(door, part, on_hold=False)

    assert still.state == pb.FULFILLMENT_STATE_READY
    gained = after.collect_until_time.ToDatetime() - before.collect_until_time.ToDatetime()
    assert gained == timedelta(hours=2)


async def test_work_that_is_opened_later_is_held_too(door: Door) -> None:
    """What is sourced again, or an opening that the hold overtook."""
    part = a_part(SHIP)
    order_id = await opened(door, part)
    await tell(door, held(order_id), 2)
    await until_held(door, part)
    late = a_part(SHIP)

    resourced = orders_events.OrderResourced(order_id=order_id, channel_id="web", plan=[late])
    await tell(door, resourced, 3)
    await until(door, "FulfillmentOrderOpened", late.fulfillment_order_id)

    assert await refused(door.stub.PickUnits(pick(late), metadata=door.associate)) == ON_HOLD


async def test_an_old_hold_that_comes_again_changes_nothing(door: Door) -> None:
    part = a_part(SHIP)
    order_id = await opened(door, part)
    hold = WorkHold("fraud check", "olga", NOW)

    async with door.db.transaction() as conn:
        for sequence, stood in ((2, None), (3, timedelta(hours=1)), (2, None), (3, timedelta(hours=1))):
            await note_hold(conn, order_id, hold, sequence, stood)
    look = await seen(door, part)

    assert not look.HasField("hold")
    assert look.version == 3


@pytest.mark.parametrize("first", ["pick", "hold"])
async def test_who_has_the_lock_first_decides(door: Door, first: str) -> None:
    """A picker who has begun ends; one who comes after the hold is refused, though both wait for one lock."""
    part = a_part(SHIP)
    order_id = await opened(door, part)
    hold = WorkHold("fraud check", "olga", NOW)

    async with door.db.transaction() as conn:
        if first == "hold":
            await note_hold(conn, order_id, hold, 2)
        else:
            await conn.fetch("SELECT FROM fulfillment_order WHERE order_id = $1 FOR UPDATE", order_id)
        picking = asyncio.ensure_future(door.stub.PickUnits(pick(part), metadata=door.associate))
        # The picker is seen waiting for the lock before it is let go.
        async with door.db.connection() as other:
            async with asyncio.timeout(15):
                while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(0.02)
    if first == "hold":
        assert await refused(picking) == ON_HOLD
    else:
        assert (await picking).fulfillment_order.state == pb.FULFILLMENT_STATE_PICKED
