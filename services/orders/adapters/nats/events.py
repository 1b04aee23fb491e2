"""Facts of an order as events of the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from google.protobuf.message import Message

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import events_pb2, orders_pb2
from chassis.envelope import OutboxEvent, subject
from chassis.ids import new_id
from chassis.wire import timestamp, writer
from services.orders.adapters.grpc.translate import Written, address_wire, part_wire
from services.orders.domain import facts
from services.orders.domain.order import Order

SERVICE = "orders"
AGGREGATE = "order"


_accepted = writer(events_pb2.OrderAccepted)
_notified = writer(events_pb2.CustomerNotified)
_resourced = writer(events_pb2.OrderResourced)
_cancelled = writer(events_pb2.UnitsCancelled)
_cancelled_units = writer(events_pb2.CancelledUnits)
_choice_needed = writer(events_pb2.CustomerChoiceNeeded)
_line_units = writer(orders_pb2.LineUnits)
_payment_moved = writer(events_pb2.PaymentMoved)
_backorder_released = writer(events_pb2.BackorderReleased)
_released = writer(events_pb2.UnitsReleased)
_held = writer(events_pb2.OrderHeld)
_hold_lifted = writer(events_pb2.OrderHoldLifted)
_progressed = writer(events_pb2.OrderProgressed)
_money = writer(types_pb2.Money)


class _Kind(NamedTuple):
    """What all events of a type have in common."""

    name: str
    subject: str
    """But for the order id at its end."""

    @classmethod
    def of(cls, message: type[Message]) -> _Kind:
        named = message.DESCRIPTOR
        return cls(named.full_name, subject(SERVICE, named.name, "").removesuffix("_"))


_ACCEPTED = _Kind.of(events_pb2.OrderAccepted)
_NOTIFIED = _Kind.of(events_pb2.CustomerNotified)
_RESOURCED = _Kind.of(events_pb2.OrderResourced)
_CANCELLED = _Kind.of(events_pb2.UnitsCancelled)
_CHOICE_NEEDED = _Kind.of(events_pb2.CustomerChoiceNeeded)
_PAYMENT_MOVED = _Kind.of(events_pb2.PaymentMoved)
_BACKORDER_RELEASED = _Kind.of(events_pb2.BackorderReleased)
_RELEASED = _Kind.of(events_pb2.UnitsReleased)
_HELD = _Kind.of(events_pb2.OrderHeld)
_HOLD_LIFTED = _Kind.of(events_pb2.OrderHoldLifted)
_PROGRESSED = _Kind.of(events_pb2.OrderProgressed)


def events_of(
    order: Order,
    happened: Iterable[facts.Fact],
    now: datetime,
    traceparent: str | None,
    written: Written | None = None,
) -> list[OutboxEvent]:
    """The events that tell what happened, numbered on from the order's last; the order's counter moves
    along. `written` spares writing plan and address again.
    """
    at = timestamp(now)
    told: list[OutboxEvent] = []
    progressed = False
    for fact in happened:
        found = _told(order, fact, at, written)
        if found is None:
            progressed = progressed or isinstance(fact, facts.Progressed)
            continue
        told.append(_event(order, *found, now, traceparent))
    if progressed and not told:
        payload = _progressed(order_id=order.order_id, state=order.state, time=at)
        told.append(_event(order, _PROGRESSED, payload, now, traceparent))
    return told


def _event(order: Order, kind: _Kind, payload: bytes, now: datetime, traceparent: str | None) -> OutboxEvent:
    order.event_sequence += 1
    # An order id is a token of a subject as it is: made by us, of letters, digits and one underscore.
    return OutboxEvent(
        new_id("evt"),
        AGGREGATE,
        order.order_id,
        order.event_sequence,
        kind.name,
        kind.subject + order.order_id,
        payload,
        now,
        traceparent,
    )


def _told(order: Order, fact: facts.Fact, at: bytes, written: Written | None) -> tuple[_Kind, bytes] | None:
    if isinstance(fact, facts.Accepted):
        written = written or Written.of(order)
        return _ACCEPTED, _accepted(
            order_id=order.order_id,
            channel_id=order.channel_id,
            plan=written.plan,
            delivery_address=written.delivery_address,
            language_code=order.language_code,
            total=_money(currency_code=order.currency_code, amount_minor=order.total_minor),
            time=at,
            location_id=order.location_id,
            customer_reference=order.customer_reference,
            customer_promise=order.customer_promise,
        )
    if isinstance(fact, facts.Told):
        return _NOTIFIED, _notified(
            order_id=order.order_id,
            customer_id=order.customer_id,
            kind=fact.kind,
            text=fact.text,
            language_code=order.language_code,
            time=at,
        )
    if isinstance(fact, facts.Resourced):
        return _RESOURCED, _resourced(
            order_id=order.order_id,
            plan=[part_wire(part, order) for part in fact.parts],
            delivery_address=address_wire(order.delivery_address),
            language_code=order.language_code,
            trigger=fact.wanted.trigger,
            time=at,
            channel_id=order.channel_id,
            customer_reference=order.customer_reference,
            actor=fact.wanted.actor,
            reason=fact.wanted.reason,
        )
    if isinstance(fact, facts.BackorderReleased):
        return _BACKORDER_RELEASED, _backorder_released(
            order_id=order.order_id,
            plan=[part_wire(fact.part, order)],
            delivery_address=address_wire(order.delivery_address),
            language_code=order.language_code,
            time=at,
            channel_id=order.channel_id,
            customer_reference=order.customer_reference,
        )
    if isinstance(fact, facts.Released):
        return _RELEASED, _released(
            order_id=order.order_id,
            units=_gone(fact.units),
            trigger=fact.wanted.trigger,
            actor=fact.wanted.actor,
            reason=fact.wanted.reason,
            time=at,
        )
    if isinstance(fact, facts.Held):
        return _HELD, _held(
            order_id=order.order_id, reason=fact.hold.reason, actor=fact.hold.held_by, time=at
        )
    if isinstance(fact, facts.HoldLifted):
        return _HOLD_LIFTED, _hold_lifted(
            order_id=order.order_id,
            reason=fact.hold.lift_reason,
            actor=fact.hold.lifted_by,
            time=at,
            hold_time=timestamp(fact.hold.hold_time),
        )
    if isinstance(fact, facts.Cancelled):
        return _CANCELLED, _cancelled(
            order_id=order.order_id, units=_gone(fact.units), cause=fact.cause, time=at
        )
    if isinstance(fact, facts.ChoiceNeeded):
        lines = [_line_units(line_number=n, quantity_units=q) for n, q in fact.lines]
        return _CHOICE_NEEDED, _choice_needed(order_id=order.order_id, lines=lines, time=at)
    if isinstance(fact, facts.MoneyMoved):
        amount = _money(currency_code=order.currency_code, amount_minor=fact.amount_minor)
        return _PAYMENT_MOVED, _payment_moved(
            order_id=order.order_id, movement=fact.movement, amount=amount, time=at
        )
    return None


def _gone(units: Iterable[facts.CancelledUnits]) -> list[bytes]:
    return [
        _cancelled_units(
            line_number=unit.line_number,
            sku=unit.sku,
            quantity_units=unit.quantity_units,
            location_id=unit.location_id,
            reservation_id=unit.reservation_id,
            fulfillment_order_id=unit.fulfillment_order_id,
            supply_id=unit.supply_id,
        )
        for unit in units
    ]
