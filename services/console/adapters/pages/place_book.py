"""Locations and channels as pages name them: read once a minute, since they change by the season, and in the
background, so that no page waits for them but the first.
"""

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
        self._reading: asyncio.Task[_Kept] | None = None

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
        """What is kept, if anything: who finds it old has it read again, and does not wait for that."""
        kept = self._kept
        if kept is not None and kept.until >= time.monotonic():
            return kept
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(person))
            self._reading.add_done_callback(_seen)
        if kept is not None and kept.places and kept.channels:
            return kept
        return await asyncio.shield(self._reading)

    async def _read(self, person: Person) -> _Kept:
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


def _seen(reading: asyncio.Task[_Kept]) -> None:
    """Why it failed is told to who waits; when nobody does, the next one asks again."""
    if not reading.cancelled():
        reading.exception()
