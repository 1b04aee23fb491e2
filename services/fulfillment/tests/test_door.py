"""The service as its callers meet it: over gRPC, PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from chassis.errors import reason_of
from services.fulfillment.tests.conftest import Door
from services.fulfillment.tests.knocking import (
    CARRY_OUT,
    SHIP,
    a_part,
    opened,
    refused,
    request_id,
    until,
)


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


async def test_what_came_back_is_listed_by_order_and_by_return(door: Door) -> None:
    """The ledger of stock names a return as its document: from there one has to come to the order."""
    part = a_part(CARRY_OUT, 3)
    order_id = await opened(door, part, channel_id="till")
    till = door.token("till", channels=("till",), locations=("store-2",))
    auditor = door.token("auditor", locations=("*",))
    return_ids = []
    for disposition, reason in ((pb.DISPOSITION_RESTOCK, ""), (pb.DISPOSITION_SCRAP, "broken")):
        line = pb.ReturnedLine(line_number=1, quantity_units=1, disposition=disposition, reason=reason)
        answer = await door.stub.ReceiveReturn(
            pb.ReceiveReturnRequest(
                request_id=request_id(), location_id="store-2", order_id=order_id, lines=[line]
            ),
            metadata=till,
        )
        return_ids.append(answer.return_id)

    async def listed(**asked: Any) -> list[pb.GoodsReturn]:
        request = pb.ListReturnsRequest(page_size=1, **asked)
        found: list[pb.GoodsReturn] = []
        while True:
            page = await door.stub.ListReturns(request, metadata=auditor)
            found += page.returns
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    by_order = await listed(order_id=order_id)
    assert [one.return_id for one in by_order] == return_ids
    assert [(one.sku, one.quantity_units, one.location_id) for one in by_order] == [
        (part.lines[0].sku, 1, "store-2")
    ] * 2
    assert (by_order[1].disposition, by_order[1].reason) == (pb.DISPOSITION_SCRAP, "broken")
    assert await listed(return_id=return_ids[0]) == by_order[:1]
    assert await listed(order_id=order_id, return_id=return_ids[1]) == by_order[1:]
    assert await listed(order_id="ord_none") == []


async def test_what_was_done_for_an_order_is_told_whatever_is_traced(door: Door) -> None:
    part = a_part(SHIP, 2)
    order_id = await opened(door, part)
    id_ = part.fulfillment_order_id
    auditor = door.token("auditor", locations=("*",))
    await door.stub.PickUnits(
        pb.PickUnitsRequest(
            request_id=request_id(),
            fulfillment_order_id=id_,
            lines=[pb.LineQuantity(line_number=1, quantity_units=2)],
        ),
        metadata=door.associate,
    )
    await door.stub.PackOrder(
        pb.PackOrderRequest(request_id=request_id(), fulfillment_order_id=id_), metadata=door.associate
    )

    request = pb.ListStepsRequest(order_id=order_id, page_size=3)
    first = await door.stub.ListSteps(request, metadata=auditor)
    request.page_token = first.next_page_token
    rest = await door.stub.ListSteps(request, metadata=auditor)

    steps = [*first.steps, *rest.steps]
    assert [one.event for one in steps] == [
        "FulfillmentOrderOpened",
        "PickingStarted",
        "UnitsPicked",
        "OrderPacked",
    ]
    assert not rest.next_page_token
    assert {(one.fulfillment_order_id, one.location_id) for one in steps} == {(id_, part.location_id)}
    assert steps[2].actor
    assert steps[2].time.seconds <= steps[3].time.seconds
    unknown = await door.stub.ListSteps(pb.ListStepsRequest(order_id="ord_none"), metadata=auditor)
    assert not unknown.steps


async def test_returns_are_not_listed_without_saying_of_what(door: Door) -> None:
    auditor = door.token("auditor", locations=("*",))

    asked = door.stub.ListReturns(pb.ListReturnsRequest(), metadata=auditor)

    assert await refused(asked) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


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
