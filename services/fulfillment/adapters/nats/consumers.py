"""What fulfillment hears from orders: plans to open work for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from google.protobuf.message import DecodeError

from aljibe.orders.v1 import events_pb2, orders_pb2
from chassis.clock import Clock
from chassis.conventions import ORDER_ID
from chassis.envelope import Incoming, Poison
from chassis.postgres import Connection
from chassis.telemetry import current_traceparent, from_traceparent, span
from services.fulfillment.adapters import wire
from services.fulfillment.adapters.postgres.holds import note_hold
from services.fulfillment.adapters.postgres.orders import PostgresFulfillmentOrders, Wake
from services.fulfillment.domain.fulfillment_order import Line, Method, Opening
from services.fulfillment.domain.hold import WorkHold
from services.fulfillment.domain.refusals import OpeningInvalid
from services.fulfillment.usecases.open_orders import open_orders
from services.fulfillment.usecases.ports import Work

CONSUMER = "fulfillment"
ACTOR = "service:fulfillment"
_NOT_SAMPLED = "-00"

Planned: TypeAlias = events_pb2.OrderAccepted | events_pb2.OrderResourced | events_pb2.BackorderReleased


Holding: TypeAlias = events_pb2.OrderHeld | events_pb2.OrderHoldLifted


class PlanHandler:
    """Opens a fulfillment order for each part of an order's plan, a batch of messages at a time."""

    def __init__(self, message: type[Planned], wake: Wake, clock: Clock) -> None:
        self._message = message
        self._wake = wake
        self._clock = clock

    @property
    def type(self) -> str:
        """The ce-type it is for."""
        return self._message.DESCRIPTOR.full_name

    async def __call__(self, conn: Connection, messages: Sequence[Incoming]) -> None:
        """Open what is not open yet.

        Raises:
            Poison: a message cannot be read, or a part lacks what it must have.
        """
        work = Work(ACTOR, self._clock())
        parts: list[tuple[Opening, list[Line]]] = []
        traceparents: dict[str, str | None] = {}
        try:
            for message in messages:
                traceparent = message.traceparent
                if traceparent is None or not traceparent.endswith(_NOT_SAMPLED):
                    # One call serves many orders: each trace gets a mark of its own, and goes on from it.
                    about = {ORDER_ID: message.aggregate_id}
                    with from_traceparent(traceparent), span("open fulfillment orders", attributes=about):
                        traceparent = current_traceparent()
                for part in _parts(self._message.FromString(message.payload), work.now):
                    parts.append(part)
                    traceparents[part[0].fulfillment_order_id] = traceparent
            await open_orders(PostgresFulfillmentOrders(conn, self._wake, traceparents), parts, work)
        except (DecodeError, OpeningInvalid) as error:
            raise Poison(str(error)) from error


class HoldHandler:
    """Holds work while its order is on hold, and lets it go on afterwards."""

    def __init__(self, message: type[Holding]) -> None:
        self._message = message

    @property
    def type(self) -> str:
        """The ce-type it is for."""
        return self._message.DESCRIPTOR.full_name

    async def __call__(self, conn: Connection, messages: Sequence[Incoming]) -> None:
        """Note what is news, in the order of ids, as all locks are taken.

        Raises:
            Poison: a message cannot be read.
        """
        for message in sorted(messages, key=lambda one: (one.aggregate_id, one.sequence)):
            try:
                event = self._message.FromString(message.payload)
            except DecodeError as error:
                raise Poison(str(error)) from error
            time = wire.moment(event.time)
            if isinstance(event, events_pb2.OrderHeld):
                await note_hold(
                    conn, event.order_id, WorkHold(event.reason, event.actor, time), message.sequence
                )
            else:
                since = wire.moment(event.hold_time)
                hold = WorkHold(event.reason, event.actor, since)
                await note_hold(conn, event.order_id, hold, message.sequence, time - since)


def _parts(event: Planned, now: datetime) -> list[tuple[Opening, list[Line]]]:
    # What waits for a supply is nobody's work yet; it comes with a part of its own.
    return [(_opening(event, part, now), _lines(part)) for part in event.plan if not part.supply_id]


def _opening(event: Planned, part: orders_pb2.PlanPart, now: datetime) -> Opening:
    method = wire.method_of(part.fulfillment_order_id, part.method)
    to = part if part.HasField("delivery_address") else event
    return Opening(
        fulfillment_order_id=part.fulfillment_order_id,
        order_id=event.order_id,
        location_id=part.location_id,
        reservation_id=part.reservation_id,
        method=method,
        promise_time=wire.moment(part.promise_time) if part.HasField("promise_time") else now,
        due_time=wire.moment(part.due_time) if part.HasField("due_time") else None,
        channel_id=event.channel_id,
        customer_reference=event.customer_reference,
        language_code=event.language_code,
        # Only a parcel needs to know where its customer lives.
        delivery_address=to.delivery_address.SerializeToString() if method is Method.SHIP else b"",
        pickup_location_id=part.pickup_location_id,
    )


def _lines(part: orders_pb2.PlanPart) -> list[Line]:
    return [
        Line(line.line_number, line.sku, line.quantity_units, line.name_en, line.name_es)
        for line in part.lines
    ]
