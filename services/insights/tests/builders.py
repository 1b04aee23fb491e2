"""Events as the other services tell them, so that a test mentions only what matters to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import events_pb2 as told_by_fulfillment
from aljibe.inventory.v1 import events_pb2 as told_by_inventory
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import events_pb2 as told_by_orders
from aljibe.orders.v1 import orders_pb2
from chassis.envelope import Incoming, OutboxEvent, event, source_of
from chassis.ids import new_id

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SHIP = types_pb2.FULFILLMENT_METHOD_SHIP
PICKUP = types_pb2.FULFILLMENT_METHOD_PICKUP
CARRY_OUT = types_pb2.FULFILLMENT_METHOD_CARRY_OUT


class Told(NamedTuple):
    """A fact of a service about something that it numbers its facts of."""

    service: str
    message: Message
    aggregate_id: str
    sequence: int

    @property
    def sent(self) -> OutboxEvent:
        """As the outbox has it: its id is the same however often it is sent."""
        return event(
            self.service,
            self.message,
            aggregate_type="order" if self.service == "orders" else "thing",
            aggregate_id=self.aggregate_id,
            sequence=self.sequence,
            occurred_at=NOW,
            event_id=f"evt_{self.service}_{self.aggregate_id}_{self.sequence}",
        )


def incoming(message: Message, sequence: int = 1, service: str = "orders") -> Incoming:
    """A message as a handler gets it."""
    return Incoming(
        new_id("evt"),
        message.DESCRIPTOR.full_name,
        source_of(service),
        "",
        "order",
        "ord_1",
        sequence,
        NOW,
        message.SerializeToString(),
        None,
        1,
    )


def stamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def a_part(
    fulfillment_order_id: str = "ful_1",
    location_id: str = "store-1",
    method: types_pb2.FulfillmentMethod.ValueType = SHIP,
    units: Sequence[int] = (2,),
    due: datetime | None = NOW + timedelta(hours=2),
) -> orders_pb2.PlanPart:
    part = orders_pb2.PlanPart(
        fulfillment_order_id=fulfillment_order_id,
        location_id=location_id,
        method=method,
        lines=[
            orders_pb2.PlanLine(line_number=number, sku=f"sku-{number}", quantity_units=quantity)
            for number, quantity in enumerate(units, 1)
        ],
    )
    if due is not None and method != CARRY_OUT:
        part.due_time.CopyFrom(stamp(due))
    return part


def accepted(
    order_id: str = "ord_1",
    *parts: orders_pb2.PlanPart,
    channel_id: str = "web",
    at: datetime = NOW,
    amount_minor: int = 1_000,
) -> told_by_orders.OrderAccepted:
    return told_by_orders.OrderAccepted(
        order_id=order_id,
        channel_id=channel_id,
        plan=parts or [a_part()],
        total=types_pb2.Money(currency_code="USD", amount_minor=amount_minor),
        time=stamp(at),
    )


def resourced(
    order_id: str = "ord_1",
    *parts: orders_pb2.PlanPart,
    trigger: str = "SHORT_PICK",
    channel_id: str = "web",
    at: datetime = NOW,
) -> told_by_orders.OrderResourced:
    return told_by_orders.OrderResourced(
        order_id=order_id, channel_id=channel_id, plan=parts, trigger=trigger, time=stamp(at)
    )


def released(
    order_id: str = "ord_1",
    *parts: orders_pb2.PlanPart,
    channel_id: str = "web",
    at: datetime = NOW,
) -> told_by_orders.BackorderReleased:
    return told_by_orders.BackorderReleased(
        order_id=order_id, channel_id=channel_id, plan=parts, time=stamp(at)
    )


def cancelled(
    order_id: str = "ord_1",
    units: int = 1,
    *,
    fulfillment_order_id: str = "ful_1",
    line_number: int = 1,
    cause: str = "CUSTOMER",
    at: datetime = NOW,
) -> told_by_orders.UnitsCancelled:
    return told_by_orders.UnitsCancelled(
        order_id=order_id,
        units=[
            told_by_orders.CancelledUnits(
                line_number=line_number, quantity_units=units, fulfillment_order_id=fulfillment_order_id
            )
        ],
        cause=cause,
        time=stamp(at),
    )


def choice_needed(order_id: str = "ord_1", units: int = 1, at: datetime = NOW) -> Message:
    return told_by_orders.CustomerChoiceNeeded(
        order_id=order_id,
        lines=[orders_pb2.LineUnits(line_number=1, quantity_units=units)],
        time=stamp(at),
    )


def refused(reason: str = "INSUFFICIENT_STOCK", refusals: int = 1, at: datetime = NOW) -> Message:
    return told_by_orders.OrdersRefused(
        refusals=[told_by_orders.RefusedOrders(channel_id="web", reason=reason, refusals=refusals)],
        time=stamp(at),
    )


def origin(
    fulfillment_order_id: str = "ful_1",
    method: types_pb2.FulfillmentMethod.ValueType = SHIP,
    at: datetime = NOW,
) -> told_by_fulfillment.Origin:
    return told_by_fulfillment.Origin(
        fulfillment_order_id=fulfillment_order_id, method=method, time=stamp(at)
    )


def shipped(fulfillment_order_id: str = "ful_1", at: datetime = NOW) -> Message:
    return told_by_fulfillment.OrderShipped(origin=origin(fulfillment_order_id, SHIP, at))


def ready(fulfillment_order_id: str = "ful_1", at: datetime = NOW) -> Message:
    return told_by_fulfillment.PickupReady(origin=origin(fulfillment_order_id, PICKUP, at))


def handed_over(fulfillment_order_id: str = "ful_1", at: datetime = NOW) -> Message:
    return told_by_fulfillment.OrderHandedOver(origin=origin(fulfillment_order_id, PICKUP, at))


def short(fulfillment_order_id: str = "ful_1", units: int = 1, at: datetime = NOW) -> Message:
    return told_by_fulfillment.UnitsShort(
        origin=origin(fulfillment_order_id, SHIP, at),
        units=[told_by_fulfillment.Units(line_number=1, quantity_units=units)],
    )


def displaced(units: int = 1, at: datetime = NOW) -> Message:
    return told_by_inventory.UnitsDisplaced(
        location_id="store-1",
        quantity_units=units,
        cause=inventory_pb2.MOVEMENT_CAUSE_SALE,
        time=stamp(at),
    )
