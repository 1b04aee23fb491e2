"""Pickups through the door: the code, its tries, its keepers and its end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from chassis.errors import error_info_of, reason_of
from services.fulfillment.adapters import wire
from services.fulfillment.tests.conftest import Door
from services.fulfillment.tests.knocking import (
    PICKUP,
    WAIT_SECONDS,
    a_hand_over,
    a_part,
    opened,
    ready,
    refused,
    request_id,
    until,
)


async def test_a_pickup_against_its_code(door: Door) -> None:
    """Wrong codes are refused and counted though the call fails; the right one works once."""
    part = a_part(PICKUP)
    await opened(door, part)
    code = await ready(door, part)
    wrong = "000000" if code != "000000" else "111111"

    with pytest.raises(grpc.aio.AioRpcError) as error:
        await door.stub.HandOver(a_hand_over(part, wrong), metadata=door.associate)
    request = a_hand_over(part, code)
    first = await door.stub.HandOver(request, metadata=door.associate)
    again = await door.stub.HandOver(request, metadata=door.associate)

    info = error_info_of(error.value)
    assert info is not None
    assert (error.value.code(), info.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CODE_WRONG")
    assert info.metadata["tries_left"] == "4"
    assert first == again
    assert first.fulfillment_order.state == pb.FULFILLMENT_STATE_HANDED_OVER
    assert await refused(door.stub.HandOver(a_hand_over(part, code), metadata=door.associate)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "WRONG_STATE",
    )
    assert (await until(door, "OrderHandedOver")).units[0].quantity_units == 2


async def test_five_wrong_codes_lock_until_the_customer_renews(door: Door) -> None:
    part = a_part(PICKUP)
    await opened(door, part)
    code = await ready(door, part)
    wrong = "000000" if code != "000000" else "111111"

    answers = [
        await refused(door.stub.HandOver(a_hand_over(part, wrong), metadata=door.associate)) for _ in range(5)
    ]
    locked = await refused(door.stub.HandOver(a_hand_over(part, code), metadata=door.associate))
    await door.stub.RenewPickupCode(
        pb.RenewPickupCodeRequest(request_id=request_id(), fulfillment_order_id=part.fulfillment_order_id),
        metadata=door.web,
    )
    shown = await door.stub.GetPickupCode(
        pb.GetPickupCodeRequest(fulfillment_order_id=part.fulfillment_order_id), metadata=door.web
    )
    done = await door.stub.HandOver(a_hand_over(part, shown.code), metadata=door.associate)

    assert answers == [(grpc.StatusCode.PERMISSION_DENIED, "CODE_WRONG")] * 5
    assert locked == (grpc.StatusCode.PERMISSION_DENIED, "CODE_LOCKED")
    assert done.fulfillment_order.state == pb.FULFILLMENT_STATE_HANDED_OVER


async def test_two_counters_hand_over_at_once_and_one_wins(door: Door) -> None:
    part = a_part(PICKUP)
    await opened(door, part)
    code = await ready(door, part)

    outcomes = await asyncio.gather(
        *(door.stub.HandOver(a_hand_over(part, code), metadata=door.associate) for _ in range(6)),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, pb.HandOverResponse) for outcome in outcomes) == 1
    reasons = {reason_of(outcome) for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)}
    assert reasons == {"WRONG_STATE"}


async def test_nobody_came_in_time(door: Door) -> None:
    part = a_part(PICKUP)
    await opened(door, part)
    code = await ready(door, part, collect_within_seconds=1)

    event = await until(door, "PickupExpired", part.fulfillment_order_id)

    assert event.units[0].quantity_units == 2
    assert event.origin.reservation_id == "rsv_1"
    assert await refused(door.stub.HandOver(a_hand_over(part, code), metadata=door.associate)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "WRONG_STATE",
    )


async def test_the_code_is_for_the_customers_front_end_only(door: Door) -> None:
    part = a_part(PICKUP)
    await opened(door, part)
    code = await ready(door, part)
    request = pb.GetPickupCodeRequest(fulfillment_order_id=part.fulfillment_order_id)
    app = door.token("channel", channels=("app",))

    answers = [
        await refused(door.stub.GetPickupCode(request, metadata=caller)) for caller in (door.associate, app)
    ]

    assert answers == [(grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")] * 2
    assert (await door.stub.GetPickupCode(request, metadata=door.orders)).code == code
    async with door.db.connection() as conn:
        rows = await conn.fetch("SELECT payload AS b FROM outbox UNION ALL SELECT response FROM request")
    assert len(rows) >= 5
    assert not any(code.encode() in row["b"] for row in rows)


async def test_a_pickup_waits_seven_days_when_nobody_says_how_long(door: Door) -> None:
    part = a_part(PICKUP)
    await opened(door, part)
    before = datetime.now(UTC)
    await ready(door, part)

    found = await door.stub.GetFulfillmentOrder(
        pb.GetFulfillmentOrderRequest(fulfillment_order_id=part.fulfillment_order_id), metadata=door.associate
    )

    waits = wire.moment(found.fulfillment_order.collect_until_time) - before
    assert timedelta(days=7) <= waits < timedelta(days=7, seconds=WAIT_SECONDS)
