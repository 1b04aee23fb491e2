"""The online audit: goes through the SKUs for ever, a slice at a time, each slice in one consistent snapshot.

It takes at most `SHARE` of one connection: after a slice it rests forty-nine times as long as the slice took.
How far it has come is kept, so that rounds end however often instances restart.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chassis import metrics
from chassis.clock import Clock, utc_now
from chassis.leases import next_slice, rest_seconds, while_leased
from chassis.postgres import Connection, Database
from chassis.sql import load
from services.inventory.adapters.postgres.audit import Audit, Difference, difference_of

if TYPE_CHECKING:
    import asyncpg

log = logging.getLogger(__name__)
sql = load("services.inventory.adapters.postgres", "audit_slice.sql")

LEASE = "inventory.audit"
BURST_SECONDS = 5.0
"""How long one holder of the lease goes on before it renews it."""
REST_SECONDS = 0.2
SHARE = 0.02
SLICE_SECONDS = 0.02
FIRST_SLICE_SKUS = 20
MAX_SLICE_SKUS = 1_000
MAX_DIFFERENCES_PER_RULE = 20
LAST_SKU = "\U0010ffff"
"""Sorts behind every SKU by code point."""
_FIRST_CHARACTER = 0x01
"""NUL is not taken in a text."""
_BEFORE_SURROGATES, _BEHIND_SURROGATES = 0xD7FF, 0xE000
"""What lies between the two is no character."""
RULES = (
    sql.reserved,
    sql.ended_lines,
    sql.in_transit,
    sql.held,
    sql.channel_promised,
    sql.channel_held,
    sql.supply_promised,
    sql.backorders,
)

_FOUND = metrics.counter(
    "inventory_audit_differences_total", "differences", "Differences that the online audit found", ["rule"]
)
_ROWS = metrics.counter(
    "inventory_audit_movements_total", "movements", "Movements that the online audit read"
)
_RATE = metrics.gauge(
    "inventory_audit_movements_per_second", "1/s", "Movements read per second of work, last slice"
)
_STANDING = metrics.gauge(
    "inventory_audit_standing_differences", "differences", "Found in the last full round or since"
)
_AGE = metrics.gauge(
    "inventory_audit_round_age_seconds", "s", "Since the last full round ended, or since the first began"
)


@dataclass(frozen=True, slots=True)
class RoundState:
    """How far the online audit is, whichever instance is at it."""

    differences: int
    """Found in the last full round or since."""
    began_at: datetime
    last_ended_at: datetime | None


async def round_state(db: Database) -> RoundState:
    """What the online audit has found."""
    async with db.connection() as conn:
        row = await conn.fetchrow(sql.progress)
    assert row is not None
    differences = max(row["last_differences"], row["differences"])
    return RoundState(differences, row["began_at"], row["last_ended_at"])


class Auditor:
    """One instance's part in the audit that never ends."""

    def __init__(self, db: Database, clock: Clock = utc_now, *, slice_skus: int = FIRST_SLICE_SKUS) -> None:
        self._db = db
        self._clock = clock
        self._slice_skus = slice_skus
        self._since: datetime | None = None

    async def run(self) -> None:
        """Audit for ever, in one instance at a time; ends only when cancelled."""
        await while_leased(self._db, LEASE, self._burst, every_seconds=REST_SECONDS)

    async def slice(self) -> bool:
        """Audit the next SKUs; whether a full round ended with them."""
        started = time.monotonic()
        async with self._db.connection() as conn:
            row = await conn.fetchrow(sql.progress)
            assert row is not None
            after: str = row["after_sku"]
            end: str | None = await conn.fetchval(sql.slice_end, after, self._slice_skus)
        found, read = await self._compare(after, end or LAST_SKU)
        for one in found:
            _FOUND.labels(one.rule).inc()
            log.error(
                "audit.difference",
                extra={
                    "rule": one.rule,
                    "sku": one.sku,
                    "location_id": one.location_id,
                    "expected_units": one.expected_units,
                    "actual_units": one.actual_units,
                    "document_id": one.document_id,
                },
            )
        await self._go_on(row, end, len(found))
        _AGE.set_function(self._age_seconds)
        self._note(read, time.monotonic() - started)
        return end is None

    async def _go_on(self, row: asyncpg.Record, end: str | None, found: int) -> None:
        async with self._db.connection() as conn:
            if end is not None:
                await conn.execute(sql.go_on, end, found)
                self._since = row["last_ended_at"] or row["began_at"]
                _STANDING.set(max(row["last_differences"], row["differences"] + found))
                return
            ended = await conn.fetchrow(sql.end_round, found)
            assert ended is not None
            self._since = ended["last_ended_at"]
            _STANDING.set(ended["last_differences"])

    async def round(self) -> None:
        """Audit until a full round has ended, without a rest: for those who wait for it."""
        while not await self.slice():
            pass

    async def _burst(self) -> None:
        until = time.monotonic() + BURST_SECONDS
        while time.monotonic() < until:
            started = time.monotonic()
            ended = await self.slice()
            worked = time.monotonic() - started
            await asyncio.sleep(rest_seconds(worked, REST_SECONDS if ended else 0.0, SHARE))

    async def _compare(self, after: str, end: str) -> tuple[list[Difference], int]:
        async with (
            self._db.connection() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await _compared(conn, after, end)

    def _note(self, read: int, seconds: float) -> None:
        _ROWS.inc(read)
        _RATE.set(read / seconds if seconds else 0.0)
        self._slice_skus = next_slice(self._slice_skus, seconds, SLICE_SECONDS, MAX_SLICE_SKUS)

    def _age_seconds(self) -> float:
        return (self._clock() - self._since).total_seconds() if self._since else 0.0


async def audit_skus(db: Database, skus: Sequence[str], limit: int) -> Audit:
    """The rules of the online audit for these SKUs, all of one moment; lists at most `limit` differences and
    counts all it found, `MAX_DIFFERENCES_PER_RULE` of each rule and SKU.
    """
    result = Audit()
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        row = await conn.fetchrow(sql.sizes_of_skus, list(skus))
        assert row is not None
        result.positions, result.live_reservation_lines = row
        for sku in skus:
            found, read = await _compared(conn, _before(sku), sku)
            result.movements += read
            result.difference_count += len(found)
            result.differences += found[: limit - len(result.differences)]
    return result


def _before(sku: str) -> str:
    """A text that sorts before `sku` and not before any other SKU that does."""
    last = ord(sku[-1])
    if last == _FIRST_CHARACTER:
        return sku[:-1]
    previous = _BEFORE_SURROGATES if last == _BEHIND_SURROGATES else last - 1
    return f"{sku[:-1]}{chr(previous)}{LAST_SKU}"


async def _compared(conn: Connection, after: str, end: str) -> tuple[list[Difference], int]:
    rows = await conn.fetch(sql.on_hand, after, end, MAX_DIFFERENCES_PER_RULE)
    read: int = rows[0]["movements"]
    wrong = [row for row in rows if row["rule"] is not None]
    for rule in RULES:
        wrong += await conn.fetch(rule, after, end, MAX_DIFFERENCES_PER_RULE)
    return [difference_of(row) for row in wrong], read
