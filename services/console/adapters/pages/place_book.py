"""Locations and channels as pages name them: read once a minute, since they change by the season."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aljibe.catalog.v1 import catalog_pb2
from aljibe.inventory.v1 import inventory_pb2
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.page import Console
from services.console.adapters.session import Person

KEPT_SECONDS = 60.0
_PAGE_SIZE = 500
_MAX_PAGES = 20


@dataclass
class _Kept:
    places: Mapping[str, inventory_pb2.Location]
    channels: Sequence[str]
    until: float


class PlaceBook:
    """What is where and which channels there are; the same for everybody who may ask."""

    def __init__(self, console: Console) -> None:
        self._doors = console.doors
        self._kept: _Kept | None = None

    async def places(self, person: Person) -> Mapping[str, inventory_pb2.Location]:
        """Every location by its id."""
        return (await self._now(person)).places

    async def channels(self, person: Person) -> Sequence[str]:
        """The channels that the person may name, in order."""
        found = (await self._now(person)).channels
        return [
            one for one in found if "*" in person.channels or not person.channels or one in person.channels
        ]

    async def _now(self, person: Person) -> _Kept:
        if self._kept is None or self._kept.until < time.monotonic():
            places, answer = await asyncio.gather(
                self._places(person),
                self._doors.catalog.ListChannels(
                    catalog_pb2.ListChannelsRequest(), metadata=person.metadata, timeout=CALL_SECONDS
                ),
            )
            channels = sorted(one.channel_id for one in answer.channels)
            # A platform that is being loaded is asked again.
            until = time.monotonic() + KEPT_SECONDS if places and channels else 0.0
            self._kept = _Kept(places, channels, until)
        return self._kept

    async def _places(self, person: Person) -> Mapping[str, inventory_pb2.Location]:
        found: dict[str, inventory_pb2.Location] = {}
        token = ""
        for _ in range(_MAX_PAGES):
            answer = await self._doors.locations.ListLocations(
                inventory_pb2.ListLocationsRequest(page_size=_PAGE_SIZE, page_token=token),
                metadata=person.metadata,
                timeout=CALL_SECONDS,
            )
            found |= {one.location_id: one for one in answer.locations}
            token = answer.next_page_token
            if not token:
                break
        return found
