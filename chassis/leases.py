"""Leases: a background loop that only one instance should run holds one, and another takes over when it is
gone.

A lease lowers double work; it does not exclude it, since a paused holder may wake up late. What it guards
must be safe to do twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from chassis.ids import new_id
from chassis.postgres import WAIT_OUT, Database

log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0

_TAKE = """
INSERT INTO lease AS l (name, holder, held_until) VALUES ($1, $2, now() + $3::interval)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
WHERE l.holder = excluded.holder OR l.held_until < now()
RETURNING true
"""
_DROP = "DELETE FROM lease WHERE name = $1 AND holder = $2"


class Lease:
    """One name, held by at most one instance at a time by the database's clock."""

    def __init__(self, db: Database, name: str, *, seconds: float = LEASE_SECONDS) -> None:
        self._db = db
        self._name = name
        self._seconds = seconds
        self._holder = new_id("holder")

    async def take(self) -> bool:
        """Whether this instance holds the lease, now for another `seconds`."""
        async with self._db.connection() as conn:
            held = await conn.fetchval(_TAKE, self._name, self._holder, timedelta(seconds=self._seconds))
        return bool(held)

    async def drop(self) -> None:
        """Let another instance take over at once."""
        async with self._db.connection() as conn:
            await conn.execute(_DROP, self._name, self._holder)


def rest_seconds(worked_seconds: float, least_seconds: float, most_share: float) -> float:
    """The rest after work that shall not take more than `most_share` of the time."""
    return max(least_seconds, worked_seconds * (1 - most_share) / most_share)


def next_slice(size: int, worked_seconds: float, aim_seconds: float, most: int) -> int:
    """How much to take on next, when `size` took so long and no slice shall take longer than `aim_seconds`:
    half as much, twice as much where that fits, 1 to `most`.
    """
    if worked_seconds > aim_seconds:
        return max(1, size // 2)
    return min(most, size * 2) if worked_seconds < aim_seconds / 2 else size


async def while_leased(
    db: Database,
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    every_seconds: float,
    lease_seconds: float = LEASE_SECONDS,
    most_share: float = 1.0,
) -> None:
    """Run `work` every `every_seconds` for ever, in one instance at a time; waits out a database that is
    away, too slow or in a deadlock. Ends only when cancelled. Work that grows with what there is can be kept
    to `most_share` of the time: after a long round its instance rests for longer.

    One round of `work` should last less than `lease_seconds`.
    """
    lease = Lease(db, name, seconds=max(lease_seconds, 2 * every_seconds))
    try:
        while True:
            began = time.monotonic()
            try:
                if await lease.take():
                    await work()
            except WAIT_OUT as error:
                log.warning("lease.work.unavailable", extra={"lease": name, "reason": repr(error)})
            await asyncio.sleep(rest_seconds(time.monotonic() - began, every_seconds, most_share))
    finally:
        with suppress(*WAIT_OUT):
            await lease.drop()
