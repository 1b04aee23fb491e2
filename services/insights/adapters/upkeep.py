"""What runs beside the RPCs: the watch over everything that can go wrong, and the end of what is old."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from chassis.clock import Clock
from chassis.leases import while_leased
from chassis.postgres import Connection, Database
from services.insights.adapters.grpc.neighbours import Directory, Neighbours
from services.insights.adapters.postgres.projection import queries
from services.insights.adapters.postgres.reading import keep_alarms, read_backlog, read_recent
from services.insights.domain.alarms import WINDOW, Limits, alarms_of

WATCH_SHARE = 0.2
"""Of the time, at most: what waits at locations is counted anew each time, and there may be much of it."""
PRUNE_EVERY_SECONDS = 60.0
PRUNE_CHUNK = 5_000
PRUNE_PAUSE_SECONDS = 0.1
PART_RETENTION = timedelta(days=7)
"""How long a part that ended is remembered: cancellations of it still find its channel."""


class Watchman:
    """Keeps the alarms true. Any number of instances; one of them is at it."""

    def __init__(
        self,
        db: Database,
        neighbours: Neighbours,
        directory: Directory,
        clock: Clock,
        limits: Limits,
        every_seconds: float,
    ) -> None:
        self._db = db
        self._neighbours = neighbours
        self._directory = directory
        self._clock = clock
        self._limits = limits
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Look round for ever."""
        await while_leased(
            self._db,
            "insights.watch",
            self.look,
            every_seconds=self._every_seconds,
            most_share=WATCH_SHARE,
        )

    async def look(self) -> None:
        """Look round once."""
        told, differences = await asyncio.gather(self._neighbours.ask(), self._neighbours.audit_differences())
        now = self._clock()

        async def keep(conn: Connection) -> None:
            backlog = await read_backlog(conn, now, self._directory.places)
            recent = await read_recent(conn, now - WINDOW)
            await keep_alarms(conn, alarms_of(self._limits, told, differences, backlog, recent), now)

        await self._db.run(keep)


class Pruner:
    """Deletes what is older than it is kept."""

    def __init__(self, db: Database, clock: Clock, minutes: timedelta, hours: timedelta) -> None:
        self._db = db
        self._clock = clock
        self._minutes = minutes
        self._hours = hours

    async def run(self) -> None:
        """Prune for ever, in one instance at a time."""
        await while_leased(self._db, "insights.prune", self.prune, every_seconds=PRUNE_EVERY_SECONDS)

    async def prune(self) -> None:
        """Delete everything that is too old, a chunk at a time."""
        now = self._clock()
        for statement, retention in (
            (queries.prune_minutes, self._minutes),
            (queries.prune_hours, self._hours),
            (queries.prune_parts, PART_RETENTION),
        ):
            while True:
                async with self._db.connection() as conn:
                    done: str = await conn.execute(statement, now - retention, PRUNE_CHUNK)
                if int(done.rpartition(" ")[2]) < PRUNE_CHUNK:
                    break
                await asyncio.sleep(PRUNE_PAUSE_SECONDS)
