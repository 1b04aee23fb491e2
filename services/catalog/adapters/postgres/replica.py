"""Keeps this process's snapshot of the catalogue up to the newest committed version.

Only rows written after the snapshot's version are fetched, in pieces, and the event loop gets its turn
between any
two; so neither a first load of a large catalogue nor a change under way holds up the baskets being priced.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from time import perf_counter

from chassis import metrics
from chassis.clock import Clock
from chassis.longlived import uncollected
from chassis.postgres import Database
from chassis.refusals import Unavailable
from pricing.assembly import Assembly
from pricing.snapshot import Snapshot
from services.catalog.adapters.postgres.changes import Version, changes_since, newest_version, one_view

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0

_VERSION = metrics.gauge(
    "catalog_snapshot_version", "1", "Version of the catalogue that baskets are priced with"
)
_LOAD_SECONDS = metrics.histogram(
    "catalog_snapshot_load_seconds", "s", "Time to bring the snapshot up to date"
)


class CatalogueReplica:
    """Holds the snapshot; `refresh` after an own write, `follow` for what other instances write."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._lock = asyncio.Lock()
        self.snapshot = Snapshot()

    async def refresh(self) -> None:
        """Return when the snapshot has every write that was committed before the call.

        Raises:
            Unavailable: the database cannot be reached; the snapshot stays as it was.
        """
        # Whoever waits here for a load that began before its own write looks again afterwards.
        async with self._lock:
            async with self._db.connection() as conn:
                newest = await newest_version(conn)
            if newest != self._version():
                await self._load()

    async def follow(self, every_seconds: float = POLL_SECONDS) -> None:
        """Bring the snapshot up to date again and again, for ever; waits out a database that is away."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.refresh()
            except Unavailable as error:
                log.warning("catalog.snapshot.stale", extra={"reason": str(error)})

    async def _load(self) -> None:
        started = perf_counter()
        async with self._db.transaction() as conn:
            newest = await one_view(conn)
            since = self._version().base_of(newest)
            if since < self.snapshot.version:
                # The database was started again, or a backup was put back.
                log.warning("catalog.snapshot.anew", extra={"version": newest.number})
            assembly = Assembly(self.snapshot if since else Snapshot(), self._clock())
            with nullcontext() if since else uncollected():
                count = 0
                async for batch in changes_since(conn, since):
                    for change in batch:
                        assembly.put(change)
                    count += len(batch)
        self.snapshot = assembly.finish(newest.number, newest.lineage)
        seconds = perf_counter() - started
        _VERSION.set(newest.number)
        _LOAD_SECONDS.observe(seconds)
        log.info(
            "catalog.snapshot", extra={"version": newest.number, "rows": count, "seconds": round(seconds, 4)}
        )

    def _version(self) -> Version:
        return Version(self.snapshot.version, self.snapshot.lineage)
