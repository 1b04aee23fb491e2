"""Telling the service of orders, hearing what it tells, and calling it, for tests through its doors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime
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
from chassis.errors import reason_of
from chassis.ids import new_id
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
