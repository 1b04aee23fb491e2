"""AvailabilityDateService: translate, call, translate back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

from aljibe.orders.v1 import dates_pb2 as pb
from aljibe.orders.v1 import dates_pb2_grpc
from chassis.edge import sent_as_is
from chassis.wire import writer
from services.orders.adapters.grpc.translate import time_wire
from services.orders.usecases.availability_dates import (
    MAX_KEPT_DATES,
    Ask,
    AvailabilityDates,
    Dates,
    Delivery,
)

Context = grpc.aio.ServicerContext[Any, Any]

_answer = writer(pb.GetAvailabilityDatesResponse)
_dates = writer(pb.SkuDates)
_delivery = writer(pb.DeliveryDate)
_pickup = writer(pb.PickupDate)


class AvailabilityDateServicer(dates_pb2_grpc.AvailabilityDateServiceServicer):
    """See the contract."""

    def __init__(self, dates: AvailabilityDates) -> None:
        self._dates = dates
        self._written: dict[int, tuple[Sequence[Delivery], list[bytes]]] = {}
        """By identity: what is in here is alive, so that no other has the same."""

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
        answer = _answer(dates=[self._wire(one) for one in found])
        return sent_as_is(pb.GetAvailabilityDatesResponse, answer)

    def _wire(self, one: Dates) -> bytes:
        pickups = [
            _pickup(location_id=at, promise_time=time_wire(time), waits_for_supply=waits)
            for at, time, waits in one.pickups
        ]
        return _dates(sku=one.sku, deliveries=self._deliveries(one.deliveries), pickups=pickups)

    def _deliveries(self, those: Sequence[Delivery]) -> list[bytes]:
        """In wire form; the same deliveries are given again and again, and written once."""
        known = self._written.get(id(those))
        if known is not None and known[0] is those:
            return known[1]
        made = [
            _delivery(
                customer_promise=each.customer_promise,
                name_en=each.name_en,
                name_es=each.name_es,
                promise_time=time_wire(each.promise_time),
                waits_for_supply=each.waits,
            )
            for each in those
        ]
        if any(each.waits for each in those):
            # Made for this answer alone.
            return made
        if len(self._written) >= MAX_KEPT_DATES:
            self._written.clear()
        self._written[id(those)] = those, made
        return made
