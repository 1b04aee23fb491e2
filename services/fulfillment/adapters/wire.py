"""Between the contract's messages and the domain, for the gRPC door and the bus alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from services.fulfillment.domain.facts import Disposition, ShortPickReason
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder, Line, Method, Opening, State
from services.fulfillment.domain.refusals import OpeningInvalid

METHOD_TO_WIRE = {
    method: types_pb2.FulfillmentMethod.Value(f"FULFILLMENT_METHOD_{method}") for method in Method
}
METHOD_FROM_WIRE: dict[int, Method] = {number: method for method, number in METHOD_TO_WIRE.items()}
STATE_TO_WIRE = {state: pb.FulfillmentState.Value(f"FULFILLMENT_STATE_{state}") for state in State}
STATE_FROM_WIRE: dict[int, State] = {number: state for state, number in STATE_TO_WIRE.items()}
REASON_TO_WIRE = {
    reason: pb.ShortPickReason.Value(f"SHORT_PICK_REASON_{reason}") for reason in ShortPickReason
}
REASON_FROM_WIRE: dict[int, ShortPickReason] = {number: reason for reason, number in REASON_TO_WIRE.items()}
DISPOSITION_TO_WIRE = {kind: pb.Disposition.Value(f"DISPOSITION_{kind}") for kind in Disposition}
DISPOSITION_FROM_WIRE: dict[int, Disposition] = {number: kind for kind, number in DISPOSITION_TO_WIRE.items()}


def timestamp(time: datetime) -> Timestamp:
    """`time` (timezone-aware) for a message."""
    result = Timestamp()
    result.FromDatetime(time)
    return result


def moment(time: Timestamp) -> datetime:
    """A message's time, in UTC."""
    return datetime.fromtimestamp(time.seconds, UTC).replace(microsecond=time.nanos // 1000)


def quantities(lines: Iterable[pb.LineQuantity]) -> dict[int, int]:
    """Units by line number; validation has refused a line that stands twice."""
    return {line.line_number: line.quantity_units for line in lines}


def to_wire(order: FulfillmentOrder) -> pb.FulfillmentOrder:
    """The fulfillment order as callers see it; the pickup code is not in it."""
    opening = order.opening
    message = pb.FulfillmentOrder(
        fulfillment_order_id=opening.fulfillment_order_id,
        order_id=opening.order_id,
        location_id=opening.location_id,
        reservation_id=opening.reservation_id,
        method=METHOD_TO_WIRE[opening.method],
        state=STATE_TO_WIRE[order.state],
        lines=[
            pb.FulfillmentLine(
                line_number=line.line_number,
                sku=line.sku,
                name_en=line.name_en,
                name_es=line.name_es,
                quantity_units=line.quantity_units,
                picked_units=line.picked_units,
                short_units=line.short_units,
                cancelled_units=line.cancelled_units,
                returned_units=line.returned_units,
                lost_units=line.lost_units,
            )
            for line in order.lines
        ],
        promise_time=timestamp(opening.promise_time),
        due_time=timestamp(order.due_time),
        pickup_location_id=opening.pickup_location_id,
        picker=order.picker,
        tracking_number=order.tracking_number,
        carrier=order.carrier,
        channel_id=opening.channel_id,
        customer_reference=opening.customer_reference,
        language_code=opening.language_code,
        open_time=timestamp(order.open_time),
        version=order.version,
    )
    if opening.delivery_address:
        message.delivery_address.ParseFromString(opening.delivery_address)
    if order.hold is not None:
        held = order.hold
        message.hold.CopyFrom(
            pb.WorkHold(reason=held.reason, actor=held.actor, hold_time=timestamp(held.hold_time))
        )
    if order.collect_until is not None:
        message.collect_until_time.CopyFrom(timestamp(order.collect_until))
    return message


def opening_of(message: pb.FulfillmentOrder, now: datetime) -> tuple[Opening, Sequence[Line]]:
    """What a message says about opening; without a promise it is due now.

    Raises:
        OpeningInvalid: the method is missing.
    """
    opening = Opening(
        fulfillment_order_id=message.fulfillment_order_id,
        order_id=message.order_id,
        location_id=message.location_id,
        reservation_id=message.reservation_id,
        method=method_of(message.fulfillment_order_id, message.method),
        promise_time=moment(message.promise_time) if message.HasField("promise_time") else now,
        due_time=moment(message.due_time) if message.HasField("due_time") else None,
        channel_id=message.channel_id,
        customer_reference=message.customer_reference,
        language_code=message.language_code,
        delivery_address=message.delivery_address.SerializeToString()
        if message.HasField("delivery_address")
        else b"",
        pickup_location_id=message.pickup_location_id,
    )
    lines = [
        Line(line.line_number, line.sku, line.quantity_units, line.name_en, line.name_es)
        for line in message.lines
    ]
    return opening, lines


def method_of(fulfillment_order_id: str, number: int) -> Method:
    """The method behind an enum number.

    Raises:
        OpeningInvalid: UNSPECIFIED, or one that this release does not know.
    """
    method = METHOD_FROM_WIRE.get(number)
    if method is None:
        raise OpeningInvalid(fulfillment_order_id, "method", "is missing")
    return method
