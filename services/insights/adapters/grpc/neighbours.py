"""What insights asks the other services: where things are, and how they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import grpc

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from chassis.telemetry import from_traceparent
from services.insights.domain.alarms import Neighbour
from services.insights.domain.day import Opening

log = logging.getLogger(__name__)

CALL_SECONDS = 2.0
READ_AGAIN_SECONDS = 15.0
LOCATION_PAGE = 500
MAX_LOCATION_PAGES = 200
DEFAULT_ZONE = "UTC"
_UNRECORDED = f"00-{1:032x}-{1:016x}-00"
"""What is asked every few seconds would fill the trace store with itself (W3C trace context, flag 00)."""


@dataclass(frozen=True, slots=True)
class Places:
    """The locations, as far as insights needs them."""

    names: Mapping[str, str] = field(default_factory=dict)
    stores: tuple[str, ...] = ()
    warehouses: tuple[str, ...] = ()
    openings: tuple[Opening, ...] = ()
    """Of all active stores."""
    time_zone: str = DEFAULT_ZONE
    """Of the first warehouse by id."""


class Directory:
    """The locations, read at start and every now and then."""

    def __init__(self, inventory: grpc.aio.Channel) -> None:
        self._stub = inventory_pb2_grpc.LocationServiceStub(inventory)
        self.places = Places()

    async def run(self) -> None:
        """Read again for ever; an inventory that is away is waited out."""
        while True:
            try:
                with from_traceparent(_UNRECORDED):
                    await self.read()
            except grpc.aio.AioRpcError as error:
                log.warning("locations.waiting", extra={"reason": error.code().name})
            await asyncio.sleep(READ_AGAIN_SECONDS if self.places.names else 1.0)

    async def read(self) -> None:
        """Read all locations now."""
        found: list[inventory_pb2.Location] = []
        token = ""
        for _ in range(MAX_LOCATION_PAGES):
            answer = await self._stub.ListLocations(
                inventory_pb2.ListLocationsRequest(page_size=LOCATION_PAGE, page_token=token),
                timeout=CALL_SECONDS,
            )
            found += answer.locations
            token = answer.next_page_token
            if not token:
                break
        self.places = places_of(found)


def places_of(locations: Sequence[inventory_pb2.Location]) -> Places:
    """What insights needs of locations."""
    stores = [one for one in locations if one.kind == types_pb2.LOCATION_KIND_STORE]
    warehouses = sorted(
        (one for one in locations if one.kind == types_pb2.LOCATION_KIND_WAREHOUSE),
        key=lambda one: one.location_id,
    )
    return Places(
        names={one.location_id: one.name for one in locations},
        stores=tuple(one.location_id for one in stores),
        warehouses=tuple(one.location_id for one in warehouses),
        openings=tuple(
            Opening(hours.weekday, hours.open_minute, hours.close_minute)
            for one in stores
            if one.active
            for hours in one.hours
        ),
        time_zone=warehouses[0].time_zone if warehouses else DEFAULT_ZONE,
    )


class Neighbours:
    """Asks each service how its bus is, and inventory what its audit found."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel], inventory: grpc.aio.Channel) -> None:
        self._buses = {name: bus_pb2_grpc.BusServiceStub(channel) for name, channel in channels.items()}
        self._stock = inventory_pb2_grpc.StockServiceStub(inventory)
        self._differences = 0

    async def ask(self) -> list[Neighbour]:
        """What they say, all asked at once; one that does not answer in time is away."""
        return list(await asyncio.gather(*(self._ask(name) for name in self._buses)))

    async def audit_differences(self) -> int:
        """What inventory's audit found; as before while it does not answer."""
        try:
            with from_traceparent(_UNRECORDED):
                answer = await self._stock.GetAuditState(
                    inventory_pb2.GetAuditStateRequest(), timeout=CALL_SECONDS
                )
            self._differences = answer.standing_differences
        except grpc.aio.AioRpcError as error:
            log.info("audit.unanswered", extra={"reason": error.code().name})
        return self._differences

    async def _ask(self, name: str) -> Neighbour:
        try:
            with from_traceparent(_UNRECORDED):
                state = await self._buses[name].GetBusState(
                    bus_pb2.GetBusStateRequest(), timeout=CALL_SECONDS
                )
        except grpc.aio.AioRpcError as error:
            log.info("neighbour.unanswered", extra={"neighbour": name, "reason": error.code().name})
            return Neighbour(name, away=True)
        return Neighbour(
            name,
            dead_letters=state.open_dead_letters,
            unpublished=state.unpublished_events,
            oldest_unpublished_seconds=state.oldest_unpublished_seconds,
            consumers={one.consumer: one.pending_messages for one in state.consumers if one.known},
            quiet_seconds={one.replica: one.quiet_seconds for one in state.replicas},
        )
