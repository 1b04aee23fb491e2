"""Facts of an order as events of the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import events_pb2, orders_pb2
from chassis.envelope import OutboxEvent, event
from services.orders.adapters.grpc.translate import address_proto, part_proto, stamp
from services.orders.domain import facts
from services.orders.domain.order import Order

SERVICE = "orders"
AGGREGATE = "order"


def events_of(
    order: Order, happened: Iterable[facts.Fact], now: datetime, traceparent: str | None
) -> list[OutboxEvent]:
    """The events that tell what happened, numbered on from the order's last; the order's counter moves
    along.
    """
    at = stamp(now)
    told: list[OutboxEvent] = []
    progressed = False
    for fact in happened:
        message = _message(order, fact, at)
        if message is None:
            progressed = progressed or isinstance(fact, facts.Progressed)
            continue
        told.append(_event(order, message, now, traceparent))
    if progressed and not told:
        message = events_pb2.OrderProgressed(
            order_id=order.order_id, state=orders_pb2.OrderState.ValueType(order.state), time=at
        )
        told.append(_event(order, message, now, traceparent))
    return told


def _event(order: Order, message: Message, now: datetime, traceparent: str | None) -> OutboxEvent:
    order.event_sequence += 1
    return event(
        SERVICE,
        message,
        aggregate_type=AGGREGATE,
        aggregate_id=order.order_id,
        sequence=order.event_sequence,
        occurred_at=now,
        traceparent=traceparent,
    )


def _message(order: Order, fact: facts.Fact, at: Timestamp) -> Message | None:
    if isinstance(fact, facts.Accepted):
        return events_pb2.OrderAccepted(
            order_id=order.order_id,
            channel_id=order.channel_id,
            plan=[part_proto(part, order) for part in order.parts.values()],
            delivery_address=address_proto(order.delivery_address),
            language_code=order.language_code,
            total=types_pb2.Money(currency_code=order.currency_code, amount_minor=order.total_minor),
            time=at,
            location_id=order.location_id,
            customer_reference=order.customer_reference,
        )
    if isinstance(fact, facts.Told):
        return events_pb2.CustomerNotified(
            order_id=order.order_id,
            customer_id=order.customer_id,
            kind=fact.kind,
            text=fact.text,
            language_code=order.language_code,
            time=at,
        )
    if isinstance(fact, facts.Resourced):
        return events_pb2.OrderResourced(
            order_id=order.order_id,
            plan=[part_proto(part, order) for part in fact.parts],
            delivery_address=address_proto(order.delivery_address),
            language_code=order.language_code,
            trigger=fact.trigger,
            time=at,
            channel_id=order.channel_id,
            customer_reference=order.customer_reference,
        )
    if isinstance(fact, facts.Cancelled):
        units = [
            events_pb2.CancelledUnits(
                line_number=unit.line_number,
                sku=unit.sku,
                quantity_units=unit.quantity_units,
                location_id=unit.location_id,
                reservation_id=unit.reservation_id,
                fulfillment_order_id=unit.fulfillment_order_id,
            )
            for unit in fact.units
        ]
        return events_pb2.UnitsCancelled(order_id=order.order_id, units=units, cause=fact.cause, time=at)
    if isinstance(fact, facts.ChoiceNeeded):
        lines = [orders_pb2.LineUnits(line_number=n, quantity_units=q) for n, q in fact.lines]
        return events_pb2.CustomerChoiceNeeded(order_id=order.order_id, lines=lines, time=at)
    if isinstance(fact, facts.MoneyMoved):
        amount = types_pb2.Money(currency_code=order.currency_code, amount_minor=fact.amount_minor)
        return events_pb2.PaymentMoved(
            order_id=order.order_id, movement=fact.movement, amount=amount, time=at
        )
    return None
