"""What was asked for, by day, in PostgreSQL; and the price book that was made of it.

Orders are learned from where they are kept: a statement now and then adds the new ones to the days, so that
an order costs nothing more on its way, an upgraded system knows its past at once, and no event can count
twice. Sales without an order are told by inventory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import asyncpg

from chassis.postgres import Connection, Database
from chassis.sql import load

log = logging.getLogger(__name__)

KEPT = timedelta(days=280)
"""Demand of before is forgotten; it weighs under a tenth by then."""
FIRST_STEP = timedelta(minutes=1)
MOST_STEP = timedelta(days=7)
LEAST_STEP = timedelta(seconds=1)
FEW_ORDERS = 500
MANY_ORDERS = 2_000
"""Of a step: enough to be worth a round trip, and soon done, since orders come in beside it."""
MOST_STEPS = 5_000
"""Of one call; the next goes on."""

sql = load("services.orders.adapters.postgres", "demand.sql")


class Sale(NamedTuple):
    """Units that left over a till."""

    sku: str
    location_id: str
    day: date
    units: int


class Demand:
    """The tables of demand and the kept book."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._step = FIRST_STEP

    async def learn(self) -> int:
        """Add all orders that were recorded since the last time; gives how many. Any number of instances may
        do so at once: each order counts once. A step is short, and followed by a rest.
        """
        learned = 0
        for _ in range(MOST_STEPS):
            began = time.monotonic()
            try:
                found, whole = await self._db.run(self._learn_step)
            except asyncpg.QueryCanceledError:
                if self._step <= LEAST_STEP:
                    raise
                self._step = max(LEAST_STEP, self._step / 4)
                continue
            learned += found
            if whole:
                break
            if found < FEW_ORDERS:
                self._step = min(MOST_STEP, self._step * 2)
            elif found > MANY_ORDERS:
                self._step = max(LEAST_STEP, self._step / 2)
            # Nobody waits for it: as long as a step took, others have the processors.
            await asyncio.sleep(time.monotonic() - began)
        return learned

    async def _learn_step(self, conn: Connection) -> tuple[int, bool]:
        """The next orders; how many, and whether there are no more."""
        mark = await conn.fetchrow(sql.lock_mark)
        assert mark is not None
        horizon: datetime = await conn.fetchval(sql.horizon)
        first: datetime | None = mark["learned_until"] or await conn.fetchval(sql.first_order, KEPT)
        if first is None or first >= horizon:
            return 0, True
        until = min(horizon, first + self._step)
        found: int = await conn.fetchval(sql.learn_orders, first, until)
        await conn.execute(sql.move_mark, until, first.date() if found else None)
        return found, until == horizon

    @staticmethod
    async def sold(conn: Connection, sales: Sequence[Sale]) -> None:
        """Add sales that are no orders, in the caller's transaction."""
        if not sales:
            return
        await conn.execute(sql.learn_sales, *(list(column) for column in zip(*sales, strict=True)))
        await conn.execute(sql.since, min(sale.day for sale in sales))

    async def forget(self, today: date) -> None:
        """Demand of before `KEPT`."""
        end = today - KEPT
        async with self._db.transaction() as conn:
            mark = await conn.fetchrow(sql.lock_mark)
            if mark is None or mark["since"] is None or mark["since"] >= end:
                return
            for statement in (sql.forget_bound, sql.forget_sent, sql.forget_parcels, sql.forget_days):
                await conn.execute(statement, end)

    async def watched_days(self) -> int:
        """For how many days there has been demand, today included; 0: none yet."""
        async with self._db.connection() as conn:
            return int(await conn.fetchval(sql.first_day) or 0)

    async def asked_for(self, most: int) -> list[str]:
        """The articles that were asked for most."""
        async with self._db.connection() as conn:
            return [row["sku"] for row in await conn.fetch(sql.asked_for, most)]

    async def book_version(self) -> str:
        """Of the kept book; empty when there is none."""
        async with self._db.connection() as conn:
            return await conn.fetchval(sql.book_version) or ""

    async def book(self) -> bytes | None:
        """The kept book."""
        async with self._db.connection() as conn:
            content: bytes | None = await conn.fetchval(sql.read_book)
        return content
