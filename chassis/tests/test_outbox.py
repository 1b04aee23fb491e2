"""The outbox's statements cost the same however many events were told before."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis import history
from chassis import outbox_sql as sql
from chassis.postgres import Database, open_database
from chassis.tests.bus_kit import prepare, touched, url_as

MANY = 20_000
PAYLOAD = b"x" * 800
"""So that all the events fill some 2,500 pages: whoever reads them all is far above what is allowed."""
STREAM = "ALJIBE_SHOP"

_FILL = """
INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, subject, payload, occurred_at)
SELECT 'evt_' || n, 'order', 'ord_' || n / 2, n % 2 + 1, 't', 'a.shop.v1.order-placed.x', $2, now()
FROM generate_series(2, $1::int + 1) n ON CONFLICT DO NOTHING
"""


@pytest.fixture
async def shop(fresh_database: str) -> AsyncIterator[Database]:
    await prepare(fresh_database)
    database = await open_database(url_as(fresh_database, "aljibe_kit_shop"), "shop", wait_seconds=10)
    yield database
    await database.close()


@pytest.mark.parametrize("statistics", ["of an empty table", "of one page", "of today"])
async def test_a_publication_costs_the_same_however_much_was_told(
    fresh_database: str, shop: Database, statistics: str
) -> None:
    """A plan made while the table is young reads all of it, and goes on doing so while it grows."""
    numbers = list(range(5_000, 5_010))
    ids = [f"evt_{n}" for n in numbers]
    async with shop.connection() as conn:
        await conn.execute(sql.FIRST_MARK, STREAM, await conn.fetchval("SELECT now()"), 0)
        await conn.execute(_FILL, 10 if statistics == "of one page" else MANY, PAYLOAD)
        if statistics == "of an empty table":
            await conn.execute("DELETE FROM outbox")
    admin = await asyncpg.connect(fresh_database)
    await admin.execute("VACUUM ANALYZE shop.outbox")
    await admin.execute("ALTER TABLE shop.outbox SET (autovacuum_enabled = off)")
    await admin.close()
    async with shop.connection() as conn:
        await conn.execute(_FILL, MANY, PAYLOAD)

        marked = await touched(conn, sql.MARK, STREAM, 0, 7, ids, [0] * 10, numbers)
        told = await touched(
            conn,
            history._OF_TABLE,
            ids,
            ["order"] * 10,
            [f"ord_{n // 2}" for n in numbers],
            [n % 2 + 1 for n in numbers],
            history.MAX_LOOKED_AT,
        )

    assert marked <= 10 * 40 + 40
    assert told <= 10 * 8 + 20
