"""Which locations exist: inventory knows, and is asked once for each."""

from __future__ import annotations

import grpc

from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from chassis.errors import reason_of
from services.fulfillment.domain.refusals import LocationUnknown

MAX_KNOWN = 100_000


class Locations:
    """Locations that inventory has. One that was found is remembered: locations are closed, never deleted."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = inventory_pb2_grpc.LocationServiceStub(channel)
        self._known: set[str] = set()

    async def require(self, location_id: str) -> None:
        """Return when the location exists. Not to be called inside a transaction.

        Raises:
            LocationUnknown: it does not.
            grpc.aio.AioRpcError: inventory could not be asked.
        """
        if location_id in self._known:
            return
        try:
            await self._stub.GetLocation(inventory_pb2.GetLocationRequest(location_id=location_id))
        except grpc.aio.AioRpcError as error:
            if reason_of(error) == "LOCATION_UNKNOWN":
                raise LocationUnknown(location_id) from error
            raise
        if len(self._known) < MAX_KNOWN:
            self._known.add(location_id)
