"""Locations and channels, kept in memory: read at start, again when told of a change, and every now and
then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import grpc
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.aio.msg import Msg

from aljibe.inventory.v1 import events_pb2
from chassis.postgres import WAIT_OUT
from services.orders.adapters.grpc.translate import location_of
from services.orders.adapters.nats.keeping import keep_true
from services.orders.domain.draft import Channel
from services.orders.domain.places import Location, Locations

log = logging.getLogger(__name__)

READ_AGAIN_SECONDS = 15.0
UNKNOWN_PAUSE_SECONDS = 0.25
"""A name that was not found is looked for again after this time only: a guesser must not drive our calls."""

_LOCATION_SUBJECT = "aljibe.inventory.v1.location-changed.*"
_CATALOG_SUBJECT = "aljibe.catalog.v1.catalog-changed.*"
_AWAY: tuple[type[Exception], ...] = (*WAIT_OUT, grpc.aio.AioRpcError, OSError, TimeoutError)

SaveBasis = Callable[[str, str], Awaitable[None]]


class CachedDirectory:
    """See `usecases.ports.Directory`."""

    def __init__(
        self,
        nats: Client,
        read_locations: Callable[[], Awaitable[list[Location]]],
        read_channels: Callable[[], Awaitable[dict[str, Channel]]],
        save_basis: SaveBasis,
    ) -> None:
        self._nats = nats
        self._read_locations = read_locations
        self._read_channels = read_channels
        self._save_basis = save_basis
        self._locations = Locations()
        self._channels: dict[str, Channel] = {}
        self._stale = asyncio.Event()
        self._ready = asyncio.Event()
        self._reading = asyncio.Lock()
        self._read_at = 0.0

    @property
    def locations(self) -> Locations:
        """All locations known."""
        return self._locations

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels known."""
        return self._channels

    async def learn(self, location_ids: set[str], channel_id: str) -> None:
        """Ask again when one of these is not known."""
        if not self._unknown(location_ids, channel_id):
            return
        asked_at = asyncio.get_running_loop().time()
        async with self._reading:
            if self._read_at >= asked_at or not self._unknown(location_ids, channel_id):
                return
            # What was read just before may be older than what the caller knows.
            await asyncio.sleep(max(0.0, self._read_at + UNKNOWN_PAUSE_SECONDS - asked_at))
            if self._unknown(location_ids, channel_id):
                await self._read()

    async def open(self) -> None:
        """Listen for changes; call before `run`."""
        await self._nats.subscribe(_LOCATION_SUBJECT, cb=self._on_location)
        await self._nats.subscribe(_CATALOG_SUBJECT, cb=self._on_catalog)

    async def ready(self) -> None:
        """Return once both were read."""
        await self._ready.wait()

    async def run(self) -> None:
        """Keep both true, for ever."""
        await keep_true(self._read_all, self._stale, READ_AGAIN_SECONDS, _AWAY, log, "directory")

    async def _read_all(self) -> None:
        async with self._reading:
            await self._read()
        self._ready.set()

    async def _read(self) -> None:
        started = asyncio.get_running_loop().time()
        await self._take(Locations.of(await self._read_locations()))
        self._channels = await self._read_channels()
        self._read_at = started

    async def _take(self, locations: Locations) -> None:
        if locations.version != self._locations.version:
            # Kept before the first decision that refers to it.
            await self._save_basis(locations.version, locations.to_json())
            self._locations = locations

    def _unknown(self, location_ids: set[str], channel_id: str) -> bool:
        return not location_ids <= self._locations.by_id.keys() or (
            channel_id != "" and channel_id not in self._channels
        )

    async def _on_location(self, message: Msg) -> None:
        try:
            changed = events_pb2.LocationChanged.FromString(message.data)
            location = location_of(changed.location)
            async with self._reading:
                known = dict(self._locations.by_id)
                known[location.location_id] = location
                await self._take(Locations.of(known.values()))
        except DecodeError:
            self._stale.set()
        except _AWAY:
            self._stale.set()

    async def _on_catalog(self, message: Msg) -> None:
        self._stale.set()
