"""What waits at stopped locations is found without looking at all that waits anywhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from chassis.ids import new_id
from chassis.postgres import Connection, Database
from services.orders.adapters.postgres.changes import sql
from services.orders.adapters.postgres.stopped import StoppedLocations, Told
from services.orders.tests.test_accept import Instance, acceptance, db

__all__ = ["db"]

OPEN_ORDERS = 200
PAGES = 20
"""Of a look while nothing is stopped: what is open has several times as many."""


async def told(conn: Connection, location_id: str, *, active: bool, sequence: int) -> None:
    now = datetime.now(UTC)
    await StoppedLocations.note(conn, [Told(location_id, active, now, sequence)])


async def test_parts_at_a_stopped_location_are_found_in_their_order(db: Database) -> None:
    """As many as are asked for; those of a location that works again are its own."""
    requests = sorted(new_id("req") for _ in range(5))
    await Instance(db).accept(*map(acceptance, requests))
    unpicked = StoppedLocations(db).unpicked

    async with db.connection() as conn:
        await told(conn, "wh-1", active=False, sequence=1)
        await told(conn, "store-1", active=False, sequence=1)
    stopped = [await unpicked(3), await unpicked(10)]
    async with db.connection() as conn:
        await told(conn, "wh-1", active=True, sequence=2)

    names = [[order_id for order_id, _, _ in found] for found in stopped]
    assert names == [[f"ord_{request}" for request in requests[:count]] for count in (3, 5)]
    assert await unpicked(10) == []


async def test_while_nothing_is_stopped_a_look_does_not_grow_with_what_is_open(db: Database) -> None:
    """It is taken every second, beside the orders that come in."""
    one = Instance(db)
    await one.accept(*(acceptance(new_id("req")) for _ in range(OPEN_ORDERS)))
    async with db.connection() as conn:
        for location_id in ("wh-1", "store-1", "store-2"):
            await told(conn, location_id, active=True, sequence=1)

        plan = await conn.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql.unpicked_at_stopped}",
            50,
            timedelta(days=90),
        )

    top = json.loads(plan)[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] <= PAGES
