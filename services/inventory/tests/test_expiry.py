"""Reservations past their time are ended, whatever one of them is like."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from chassis.clock import utc_now
from chassis.postgres import Database
from services.inventory.adapters.expiry import ExpiryLoop
from services.inventory.adapters.nats.events import encode
from services.inventory.adapters.postgres.store import PostgresStockStore
from services.inventory.tests.builders import a_receipt, a_reserve
from services.inventory.tests.contract import in_postgres
from services.inventory.usecases.post import Posted


async def test_a_reservation_that_cannot_be_ended_does_not_keep_the_others(db: Database) -> None:
    """Its position's counter was changed behind our back: giving units back would make it negative."""
    stock = await in_postgres(db)
    await stock.do(a_receipt(5, sku="BAD"))
    await stock.do(a_receipt(5, sku="GOOD"))
    bad, *good = [
        (await stock.do(a_reserve(1, sku=sku))).reservation.reservation_id for sku in ("BAD", "GOOD", "GOOD")
    ]
    async with db.connection() as conn:
        await conn.execute("UPDATE position SET reserved_units = 0 WHERE sku = 'BAD'")
    told: list[Posted] = []
    later = stock.clock.now + timedelta(days=1)
    loop = ExpiryLoop(PostgresStockStore(db, utc_now, encode), told.append, lambda: later, 0.01)

    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(20):
        while [one for one in good if (await stock.reservation(one)).state.live]:
            await asyncio.sleep(0.02)
    alive = not running.done()
    running.cancel()
    await asyncio.wait([running])

    assert alive
    assert (await stock.reservation(bad)).state.live
    assert loop.waiting == [bad]
    assert await stock.position("GOOD") == (5, 0)
    assert sum(len(posted.events) for posted in told) == len(good)
