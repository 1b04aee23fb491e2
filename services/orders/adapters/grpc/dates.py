"""AvailabilityDateService: translate, call, translate back."""

from __future__ import annotations

from typing import Any

import grpc

from aljibe.orders.v1 import dates_pb2 as pb
from aljibe.orders.v1 import dates_pb2_grpc
from chassis.edge import sent_as_is
from chassis.wire import writer
from services.orders.adapters.grpc.translate import time_wire
from services.orders.usecases.availability_dates import Ask, AvailabilityDates, Dates

Context = grpc.aio.ServicerContext[Any, Any]

_answer = writer(pb.GetAvailabilityDatesResponse)
_dates = writer(pb.SkuDates)
_delivery = writer(pb.DeliveryDate)
_pickup = writer(pb.PickupDate)


class AvailabilityDateServicer(dates_pb2_grpc.AvailabilityDateServiceServicer):
    """See the contract."""

    def __init__(self, dates: AvailabilityDates) -> None:
        self._dates = dates

    async def GetAvailabilityDates(  # noqa: N802
        self, request: pb.GetAvailabilityDatesRequest, context: Context
    ) -> pb.GetAvailabilityDatesResponse:
        """By when articles could be delivered and collected."""
        to = request.destination
        found = await self._dates(
            Ask(
                request.channel_id,
                request.skus,
                request.quantity_units or 1,
                (to.latitude, to.longitude) if request.HasField("destination") else None,
                request.pickup_location_ids,
                request.customer_promises,
            )
        )
        return sent_as_is(pb.GetAvailabilityDatesResponse, _answer(dates=[_wire(one) for one in found]))


def _wire(one: Dates) -> bytes:
    return _dates(
        sku=one.sku,
        deliveries=[
            _delivery(
                customer_promise=each.customer_promise,
                name_en=each.name_en,
                name_es=each.name_es,
                promise_time=time_wire(each.promise_time),
            )
            for each in one.deliveries
        ],
        pickups=[_pickup(location_id=at, promise_time=time_wire(time)) for at, time in one.pickups],
    )
