"""The service as callers meet it: over gRPC, PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from nats.js.api import ConsumerConfig, DeliverPolicy

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import events_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from aljibe.orders.v1 import events_pb2 as orders_events
from aljibe.orders.v1 import orders_pb2
from chassis import envelope, streams
from chassis.errors import error_info_of, reason_of
from chassis.ids import new_id
from services.fulfillment.adapters import wire
from services.fulfillment.tests.conftest import Door

SHIP = types_pb2.FULFILLMENT_METHOD_SHIP
PICKUP = types_pb2.FULFILLMENT_METHOD_PICKUP
CARRY_OUT = types_pb2.FULFILLMENT_METHOD_CARRY_OUT
WAIT_SECONDS = 15


def request_id() -> str:
    return new_id("req")


def a_part(
    method: types_pb2.FulfillmentMethod.ValueType = PICKUP, *quantities: int, location_id: str = "store-1"
) -> orders_pb2.PlanPart:
    part = orders_pb2.PlanPart(
        fulfillment_order_id=new_id("ful"),
        location_id=location_id,
        method=method,
        reservation_id="" if method == CARRY_OUT else "rsv_1",
        lines=[
            orders_pb2.PlanLine(line_number=number, sku=f"sku-{number}", quantity_units=quantity)
            for number, quantity in enumerate(quantities or (2,), start=1)
        ],
    )
    part.promise_time.FromDatetime(datetime(2026, 3, 1, tzinfo=UTC))
    return part


def accepted(*parts: orders_pb2.PlanPart, order_id: str = "", channel_id: str = "web") -> Message:
    return orders_events.OrderAccepted(
        order_id=order_id or new_id("ord"),
        channel_id=channel_id,
        plan=parts,
        language_code="es",
        customer_reference="W-1",
        delivery_address=types_pb2.Address(recipient="Marta", city="Cádiz", country_code="ES"),
    )


async def tell(
    door: Door,
    message: Any,
    sequence: int = 1,
    event_id: str | None = None,
    traceparent: str | None = None,
) -> None:
    """Publish an event of orders."""
    event = envelope.event(
        "orders",
        message,
        aggregate_type="order",
        aggregate_id=message.order_id,
        sequence=sequence,
        occurred_at=datetime.now(UTC),
        event_id=event_id,
        traceparent=traceparent,
    )
    await door.jetstream.publish(
        event.subject, event.payload, headers=envelope.headers(event, envelope.source_of("orders"))
    )


async def heard(door: Door) -> AsyncIterator[tuple[str, bytes]]:
    """What the service publishes, from the beginning: event names and payloads."""
    stream = streams.stream_name("fulfillment")
    subscription = await door.jetstream.subscribe(
        streams.stream_subject("fulfillment"),
        stream=stream,
        ordered_consumer=True,
        config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
    )
    while True:
        message = await subscription.next_msg(timeout=WAIT_SECONDS)
        yield (message.headers or {})["ce-type"].rpartition(".")[2], message.data


async def until(door: Door, name: str, fulfillment_order_id: str = "") -> Any:
    """The next event of a kind, and of a fulfillment order when one is named."""
    async for kind, payload in heard(door):
        if kind == name:
            event = getattr(events_pb2, kind).FromString(payload)
            if fulfillment_order_id in ("", event.origin.fulfillment_order_id):
                return event
    raise AssertionError(f"{name} never came")


async def opened(door: Door, *parts: orders_pb2.PlanPart, **order: str) -> str:
    """Let orders tell of an order; gives its id when the work is open."""
    message: Any = accepted(*parts, **order)
    await tell(door, message)
    for part in parts:
        await until(door, "FulfillmentOrderOpened", part.fulfillment_order_id)
    return str(message.order_id)


async def ready(door: Door, part: orders_pb2.PlanPart, collect_within_seconds: int = 0) -> str:
    """A pickup that waits; gives its code."""
    id_ = part.fulfillment_order_id
    await door.stub.PickUnits(
        pb.PickUnitsRequest(request_id=request_id(), fulfillment_order_id=id_), metadata=door.associate
    )
    await door.stub.MarkReady(
        pb.MarkReadyRequest(
            request_id=request_id(),
            fulfillment_order_id=id_,
            collect_within_seconds=collect_within_seconds,
        ),
        metadata=door.associate,
    )
    answer = await door.stub.GetPickupCode(
        pb.GetPickupCodeRequest(fulfillment_order_id=id_), metadata=door.web
    )
    return answer.code


def a_hand_over(part: orders_pb2.PlanPart, code: str) -> pb.HandOverRequest:
    return pb.HandOverRequest(
        request_id=request_id(), fulfillment_order_id=part.fulfillment_order_id, code=code
    )


async def refused(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code(), reason_of(error.value)


async def test_a_parcel_from_accepted_order_to_carrier(door: Door) -> None:
    part = a_part(SHIP, 2, 1)
    await opened(door, part)
    id_ = part.fulfillment_order_id

    await door.stub.StartPicking(
        pb.StartPickingRequest(request_id=request_id(), fulfillment_order_id=id_), metadata=door.associate
    )
    await door.stub.PickUnits(
        pb.PickUnitsRequest(
            request_id=request_id(),
            fulfillment_order_id=id_,
            lines=[pb.LineQuantity(line_number=1, quantity_units=2)],
        ),
        metadata=door.associate,
    )
    await door.stub.ReportShortPick(
        pb.ReportShortPickRequest(
            request_id=request_id(),
            fulfillment_order_id=id_,
            lines=[pb.LineQuantity(line_number=2, quantity_units=1)],
            reason=pb.SHORT_PICK_REASON_NOT_FOUND,
        ),
        metadata=door.associate,
    )
    await door.stub.PackOrder(
        pb.PackOrderRequest(request_id=request_id(), fulfillment_order_id=id_), metadata=door.associate
    )
    shipped = await door.stub.ShipOrder(
        pb.ShipOrderRequest(
            request_id=request_id(), fulfillment_order_id=id_, carrier="Correos", tracking_number="PK-1"
        ),
        metadata=door.associate,
    )

    order = shipped.fulfillment_order
    assert order.state == pb.FULFILLMENT_STATE_SHIPPED
    assert (order.delivery_address.city, order.tracking_number, order.version) == ("Cádiz", "PK-1", 6)
    event = await until(door, "OrderShipped", id_)
    assert [(one.line_number, one.quantity_units) for one in event.units] == [(1, 2)]
    async with door.db.connection() as conn:
        sequences = await conn.fetch("SELECT sequence FROM outbox WHERE aggregate_id = $1 ORDER BY 1", id_)
    assert [row["sequence"] for row in sequences] == [1, 2, 3, 4, 5, 6]


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


async def test_staff_of_another_store_may_neither_look_nor_touch(door: Door) -> None:
    part = a_part(SHIP)
    await opened(door, part)
    id_ = part.fulfillment_order_id
    stranger = door.token("associate", locations=("store-2",))

    answers = [
        await refused(
            door.stub.GetFulfillmentOrder(
                pb.GetFulfillmentOrderRequest(fulfillment_order_id=id_), metadata=stranger
            )
        ),
        await refused(
            door.stub.PickUnits(
                pb.PickUnitsRequest(request_id=request_id(), fulfillment_order_id=id_), metadata=stranger
            )
        ),
        await refused(
            door.stub.ListFulfillmentOrders(
                pb.ListFulfillmentOrdersRequest(location_id="store-1"), metadata=stranger
            )
        ),
    ]

    assert answers == [(grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")] * 3
    seen = await door.stub.GetFulfillmentOrder(
        pb.GetFulfillmentOrderRequest(fulfillment_order_id=id_), metadata=door.associate
    )
    assert seen.fulfillment_order.state == pb.FULFILLMENT_STATE_OPEN


async def test_a_repeat_gets_the_first_answer_and_reuse_is_refused(door: Door) -> None:
    part = a_part(SHIP, 3)
    await opened(door, part)
    request = pb.PickUnitsRequest(
        request_id=request_id(),
        fulfillment_order_id=part.fulfillment_order_id,
        lines=[pb.LineQuantity(line_number=1, quantity_units=1)],
    )

    answers = await asyncio.gather(
        *(door.stub.PickUnits(request, metadata=door.associate) for _ in range(10))
    )
    request.lines[0].quantity_units = 2
    reuse = await refused(door.stub.PickUnits(request, metadata=door.associate))

    assert all(answer == answers[0] for answer in answers)
    assert answers[0].fulfillment_order.lines[0].picked_units == 1
    assert reuse == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")


async def test_a_return_in_another_store_of_what_a_till_sold(door: Door) -> None:
    """A carry-out is born handed over, so that returns work; the return is told once for each disposition."""
    part = a_part(CARRY_OUT, 3)
    order_id = await opened(door, part, channel_id="till")
    till = door.token("till", channels=("till",), locations=("store-2",))
    request = pb.ReceiveReturnRequest(
        request_id=request_id(),
        location_id="store-2",
        order_id=order_id,
        lines=[
            pb.ReturnedLine(line_number=1, quantity_units=1, disposition=pb.DISPOSITION_RESTOCK),
            pb.ReturnedLine(
                line_number=1, quantity_units=1, disposition=pb.DISPOSITION_SCRAP, reason="broken"
            ),
        ],
    )

    answer = await door.stub.ReceiveReturn(request, metadata=till)
    again = await door.stub.ReceiveReturn(request, metadata=till)

    assert answer == again
    assert answer.return_id.startswith("ret_")
    assert answer.fulfillment_orders[0].lines[0].returned_units == 2
    event = await until(door, "ReturnReceived")
    assert (event.receiving_location_id, event.origin.location_id) == ("store-2", "store-1")
    async with door.db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM outbox WHERE type LIKE '%ReturnReceived'") == 2


async def test_returns_that_cannot_be_are_refused_with_their_reason(door: Door) -> None:
    delivered, waiting = a_part(CARRY_OUT, 1), a_part(SHIP, 1)
    waiting.lines[0].line_number = 2
    order_id = await opened(door, delivered, waiting)

    operator = door.token("operator", locations=("*",))

    async def back(
        order: str, line: int, quantity: int, location_id: str = "store-1"
    ) -> tuple[grpc.StatusCode, str]:
        return await refused(
            door.stub.ReceiveReturn(
                pb.ReceiveReturnRequest(
                    request_id=request_id(),
                    location_id=location_id,
                    order_id=order,
                    lines=[
                        pb.ReturnedLine(
                            line_number=line,
                            quantity_units=quantity,
                            disposition=pb.DISPOSITION_RESTOCK,
                        )
                    ],
                ),
                metadata=operator,
            )
        )

    precondition = grpc.StatusCode.FAILED_PRECONDITION
    assert await back("ord_none", 1, 1) == (grpc.StatusCode.NOT_FOUND, "ORDER_UNKNOWN")
    assert await back(order_id, 2, 1) == (precondition, "NOT_DELIVERED")
    assert await back(order_id, 3, 1) == (precondition, "NOT_DELIVERED")
    assert await back(order_id, 1, 2) == (precondition, "QUANTITY_TOO_HIGH")
    assert await back(order_id, 1, 1, "nowhere") == (grpc.StatusCode.NOT_FOUND, "LOCATION_UNKNOWN")


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


async def test_the_work_list_pages_and_refuses_a_forged_token(door: Door) -> None:
    parts = [a_part(SHIP) for _ in range(5)]
    await opened(door, *parts)
    request = pb.ListFulfillmentOrdersRequest(
        location_id="store-1", states=[pb.FULFILLMENT_STATE_OPEN], page_size=2
    )

    seen: list[str] = []
    while True:
        page = await door.stub.ListFulfillmentOrders(request, metadata=door.associate)
        seen += [order.fulfillment_order_id for order in page.fulfillment_orders]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    other = pb.ListFulfillmentOrdersRequest(location_id="store-1", page_token=request.page_token)
    forged = await refused(door.stub.ListFulfillmentOrders(other, metadata=door.associate))

    assert seen == sorted(part.fulfillment_order_id for part in parts)
    assert forged == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_a_list_needs_a_location_or_an_order(door: Door) -> None:
    answer = await refused(
        door.stub.ListFulfillmentOrders(pb.ListFulfillmentOrdersRequest(), metadata=door.orders)
    )

    assert answer == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


async def test_refusals_speak_spanish_when_asked(door: Door) -> None:
    spanish = door.token("associate", locations=("store-1",), language="es")

    with pytest.raises(grpc.aio.AioRpcError) as error:
        await door.stub.GetFulfillmentOrder(
            pb.GetFulfillmentOrderRequest(fulfillment_order_id="ful_none"), metadata=spanish
        )

    assert reason_of(error.value) == "FULFILLMENT_ORDER_UNKNOWN"
    details = dict(error.value.trailing_metadata() or ())["grpc-status-details-bin"]
    assert "No existe la orden de preparación ful_none".encode() in bytes(details)


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
