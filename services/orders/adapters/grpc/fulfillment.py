"""Fulfillment: taking units out before they are picked."""

from __future__ import annotations

from collections.abc import Mapping

import grpc

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2, fulfillment_pb2_grpc
from chassis.errors import reason_of
from services.orders.adapters.grpc.translate import address_proto, time_proto
from services.orders.domain.facts import Part
from services.orders.domain.lines import Spot
from services.orders.domain.order import Order

CALL_SECONDS = 5.0


class FulfillmentTaken:
    """See `usecases.ports.Taken`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = fulfillment_pb2_grpc.FulfillmentServiceStub(channel)

    async def take_out(self, order: Order, request_id: str, units: Mapping[Spot, int]) -> str:
        """Take units out of their fulfillment orders, all or none: empty when done, else the reason."""
        by_part: dict[str, list[fulfillment_pb2.LineQuantity]] = {}
        for spot, quantity in sorted(units.items()):
            by_part.setdefault(spot.fulfillment_order_id, []).append(
                fulfillment_pb2.LineQuantity(line_number=spot.line_number, quantity_units=quantity)
            )
        request = fulfillment_pb2.CancelUnitsRequest(
            request_id=request_id,
            parts=[
                fulfillment_pb2.UnitsToCancel(opening=_opening(order, order.parts[part]), lines=lines)
                for part, lines in by_part.items()
            ],
        )
        try:
            await self._stub.CancelUnits(request, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            return reason_of(error) or "REFUSED"
        return ""


def _opening(order: Order, part: Part) -> fulfillment_pb2.FulfillmentOrder:
    """What OrderAccepted or OrderResourced says of this part."""
    return fulfillment_pb2.FulfillmentOrder(
        fulfillment_order_id=part.fulfillment_order_id,
        order_id=order.order_id,
        location_id=part.location_id,
        method=types_pb2.FulfillmentMethod.ValueType(part.method),
        lines=[
            fulfillment_pb2.FulfillmentLine(
                line_number=line.line_number,
                sku=line.sku,
                name_en=order.lines[line.line_number].name_en,
                name_es=order.lines[line.line_number].name_es,
                quantity_units=line.quantity_units,
            )
            for line in part.lines
        ],
        delivery_address=address_proto(order.destination(part)),
        promise_time=time_proto(part.promise_time),
        due_time=time_proto(part.due_time),
        channel_id=order.channel_id,
        customer_reference=order.customer_reference,
        language_code=order.language_code,
        open_time=time_proto(order.accept_time),
        reservation_id=part.reservation_id,
        pickup_location_id=part.pickup_location_id,
    )
