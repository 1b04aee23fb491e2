"""The inbox's statements: what they decide, and that they cost the same however much was heard before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from chassis import inbox
from chassis.envelope import Incoming
from chassis.postgres import Connection, Database, open_database
from chassis.tests.bus_kit import prepare, touched, url_as

CONSUMER = "shelf"
MANY = 20_000


def message(order: str, sequence: int, id_: str = "") -> Incoming:
    return Incoming(
        id_ or f"evt_{order}_{sequence}", "t", "/aljibe/shop", "s", "order", order, sequence,
        datetime.now(UTC), b"", None, 1,
    )  # fmt: skip


def before(one: Incoming) -> int:
    return one.sequence - 1


@pytest.fixture
async def shelf(fresh_database: str) -> AsyncIterator[Database]:
    await prepare(fresh_database)
    database = await open_database(url_as(fresh_database, "aljibe_kit_shelf"), "shelf", wait_seconds=10)
    yield database
    await database.close()


async def settle(shelf: Database, *messages: Incoming) -> bool:
    """Whether they went the plain way, and were written then."""
    batch = inbox.plain(messages, before)
    if batch is None:
        return False

    class Closely(Exception):
        pass

    async def once(conn: Connection) -> bool:
        if not await inbox.settle_plain(conn, CONSUMER, messages, batch, {}):
            raise Closely
        return True

    try:
        return await shelf.run(once)
    except Closely:
        return False


async def test_a_batch_in_good_order_is_settled_in_one_statement(shelf: Database) -> None:
    assert await settle(shelf, message("a", 1), message("b", 1), message("a", 2))
    assert await settle(shelf, message("a", 3), message("b", 2))

    async with shelf.connection() as conn:
        known = await inbox.read(conn, CONSUMER, [message("a", 3), message("b", 2), message("c", 1)])
    assert known.settled == {"evt_a_3", "evt_b_2"}
    assert sorted(known.cursors.values()) == [2, 3]


async def test_a_batch_with_anything_odd_in_it_is_looked_at_closely(shelf: Database) -> None:
    """One that came before, one whose predecessor is missing, one twice, and any while another waits."""
    assert await settle(shelf, message("a", 1))

    assert not await settle(shelf, message("b", 1), message("a", 1))
    assert not await settle(shelf, message("b", 1), message("a", 3))
    assert not await settle(shelf, message("b", 1), message("c", 2))
    assert not await settle(shelf, message("b", 1), message("b", 1))
    assert not await settle(shelf, message("b", 2), message("b", 1))
    async with shelf.connection() as conn:
        await inbox.record_attempt(conn, CONSUMER, message("d", 1), 1, KeyError("no"), 60.0)
    assert not await settle(shelf, message("b", 1))

    async with shelf.connection() as conn:
        known = await inbox.read(conn, CONSUMER, [message("b", 1), message("c", 2)])
    assert known.settled == set()
    assert known.cursors == {}


@pytest.mark.parametrize("statistics", ["of an empty table", "of one page", "of today"])
async def test_a_batch_costs_the_same_however_much_was_heard(
    fresh_database: str, shelf: Database, statistics: str
) -> None:
    """A plan that reads all of a consumer's cursors is the cheapest for a young table, and deadly for an old
    one: the statements leave the planner no such choice, whatever it believes of the table.
    """
    ten = [f"ord_{n}" for n in range(5_000, 5_010)]
    arguments = (CONSUMER, [f"evt_{one}" for one in ten], ["/aljibe/shop"] * 10, ["order"] * 10, ten)
    async with shelf.connection() as conn:
        await conn.execute(_FILL, 1 if statistics == "of one page" else MANY)
        if statistics == "of an empty table":
            await conn.execute("DELETE FROM inbox; DELETE FROM inbox_cursor")
    admin = await asyncpg.connect(fresh_database)
    await admin.execute("VACUUM ANALYZE shelf.inbox, shelf.inbox_cursor")
    await admin.execute(
        "ALTER TABLE shelf.inbox SET (autovacuum_enabled = off);"
        "ALTER TABLE shelf.inbox_cursor SET (autovacuum_enabled = off)"
    )
    await admin.close()
    async with shelf.connection() as conn:
        await conn.execute(_FILL, MANY)

        read = await touched(conn, inbox._READ, *arguments)
        settled = await touched(conn, inbox._SETTLE_PLAIN, *arguments, [2] * 10)

    assert read <= 10 * 2 * 6 + 20
    assert settled <= 10 * 2 * 20 + 40


_FILL = """
WITH ids AS (
  INSERT INTO inbox (consumer, message_id) SELECT 'shelf', 'evt_ord_' || n FROM generate_series(1, $1::int) n
  ON CONFLICT DO NOTHING
)
INSERT INTO inbox_cursor (consumer, source, aggregate_type, aggregate_id, sequence)
SELECT 'shelf', '/aljibe/shop', 'order', 'ord_' || n, 1 FROM generate_series(1, $1::int) n
ON CONFLICT DO NOTHING
"""


async def test_ids_and_cursors_are_kept_for_the_retention_and_no_longer(shelf: Database) -> None:
    """A cursor for every order that ever was would grow for ever."""
    assert await settle(shelf, message("old", 1), message("young", 1))
    async with shelf.connection() as conn:
        await conn.execute(
            "UPDATE inbox_cursor SET updated_at = now() - interval '46 days' WHERE aggregate_id = 'old'"
        )
        await conn.execute(
            "UPDATE inbox SET received_at = now() - interval '46 days' WHERE message_id = 'evt_old_1'"
        )

        pruned = [await inbox.prune(conn), await inbox.prune(conn)]
        known = await inbox.read(conn, CONSUMER, [message("old", 1), message("young", 1)])
        young = await inbox.prune(conn, timedelta(0))

    assert pruned == [2, 0]
    assert known.settled == {"evt_young_1"}
    assert [a[2] for a in known.cursors] == ["young"]
    assert young == 2
