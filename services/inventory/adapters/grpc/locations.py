"""LocationService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from zoneinfo import available_timezones

import grpc

from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.inventory.v1 import inventory_pb2_grpc
from chassis import outbox, requests
from chassis.auth import current_principal
from chassis.clock import Clock
from chassis.envelope import OutboxEvent
from chassis.outbox import Relay
from chassis.pages import PageTokens
from chassis.postgres import Connection, Database
from chassis.telemetry import current_traceparent
from services.inventory.adapters.grpc import translate
from services.inventory.adapters.nats.events import location_changed
from services.inventory.adapters.postgres import locations

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

LOCATIONS_PAGE_SIZE = 100


class LocationServicer(inventory_pb2_grpc.LocationServiceServicer):
    """Stores and warehouses."""

    def __init__(
        self,
        db: Database,
        relay: Relay,
        clock: Clock,
        pages: PageTokens,
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._db = db
        self._relay = relay
        self._clock = clock
        self._pages = pages
        self._refresh = refresh
        self._time_zones = frozenset(available_timezones())

    async def UpsertLocations(
        self, request: pb.UpsertLocationsRequest, context: Context
    ) -> pb.UpsertLocationsResponse:
        """See the contract."""
        wanted = [translate.location_of(one) for one in request.locations]
        for one in wanted:
            one.check(self._time_zones)
        traceparent = current_traceparent()
        events: list[OutboxEvent] = []

        async def once(conn: Connection) -> pb.UpsertLocationsResponse:
            changed = await locations.upsert(conn, wanted)
            now = self._clock()
            events[:] = [
                location_changed(translate.location(location), sequence, now, traceparent)
                for location, sequence in changed
            ]
            await outbox.append(conn, events)
            return pb.UpsertLocationsResponse(locations=len(wanted))

        answer = await requests.idempotent(
            self._db,
            "UpsertLocations",
            request,
            pb.UpsertLocationsResponse,
            once,
            scope=current_principal().subject,
        )
        if events:
            self._relay.wake(events)
            await self._refresh()
        return answer

    async def GetLocation(self, request: pb.GetLocationRequest, context: Context) -> pb.GetLocationResponse:
        """See the contract."""
        found = await locations.get(self._db, request.location_id)
        return pb.GetLocationResponse(location=translate.location(found))

    async def ListLocations(
        self, request: pb.ListLocationsRequest, context: Context
    ) -> pb.ListLocationsResponse:
        """See the contract."""
        size = request.page_size or LOCATIONS_PAGE_SIZE
        (after,) = self._pages.position(request) or ("",)
        found = await locations.page(self._db, after, size + 1)
        response = pb.ListLocationsResponse(locations=[translate.location(one) for one in found[:size]])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, found[size - 1].location_id)
        return response
