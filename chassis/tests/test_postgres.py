"""Transactions, their retry, leases and named SQL on real PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from chassis import sql
from chassis.leases import Lease
from chassis.postgres import MAX_ATTEMPTS, Connection, Database
from chassis.refusals import Unavailable
from chassis.tests.bus_kit import bus


async def test_a_deadlock_runs_the_whole_transaction_again(fresh_database: str, nats_url: str) -> None:
    """Two transactions that lock the same rows in opposite order both succeed in the end."""
    async with bus(fresh_database, nats_url) as kit:
        async with kit.shop.connection() as conn:
            await conn.execute(
                "INSERT INTO lease (name, holder, held_until) VALUES ('a', '0', now()), ('b', '0', now())"
            )
        both_hold_one = asyncio.Barrier(2)
        runs = 0

        async def bump(first: str, second: str) -> None:
            tried = False

            async def once(conn: Connection) -> None:
                nonlocal tried, runs
                runs += 1
                await conn.execute("SET LOCAL deadlock_timeout = '50ms'")
                bump_one = "UPDATE lease SET holder = (holder::int + 1)::text WHERE name = $1"
                await conn.execute(bump_one, first)
                if not tried:
                    tried = True
                    await both_hold_one.wait()
                await conn.execute(bump_one, second)

            await kit.shop.run(once)

        async with kit.shop.connection() as conn:
            may_set = await conn.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert may_set is False
        admin = await asyncpg.connect(fresh_database)
        await admin.execute("GRANT SET ON PARAMETER deadlock_timeout TO aljibe_kit_shop")
        await admin.close()
        await asyncio.gather(bump("a", "b"), bump("b", "a"))

        async with kit.shop.connection() as conn:
            holders = await conn.fetch("SELECT holder FROM lease ORDER BY name")
        assert [row["holder"] for row in holders] == ["2", "2"]
        assert runs == 3


async def test_the_retry_has_an_end(fresh_database: str, nats_url: str) -> None:
    """A conflict that never ends must reach the caller, not spin."""
    runs = 0

    async def conflict(conn: Connection) -> None:
        nonlocal runs
        runs += 1
        raise asyncpg.SerializationError("always")

    async with bus(fresh_database, nats_url) as kit:
        with pytest.raises(asyncpg.SerializationError):
            await kit.shop.run(conflict)

    assert runs == MAX_ATTEMPTS


async def test_a_failed_block_leaves_nothing_and_the_connection_is_good(
    fresh_database: str, nats_url: str
) -> None:
    """A refusal inside a transaction rolls everything back."""

    async def fail(conn: Connection) -> None:
        await conn.execute("INSERT INTO lease VALUES ('x', 'y', now())")
        raise KeyError("no")

    async with bus(fresh_database, nats_url) as kit:
        for _ in range(20):
            with pytest.raises(KeyError):
                await kit.shop.run(fail)

        async with kit.shop.connection() as conn:
            assert await conn.fetchval("SELECT count(*) FROM lease") == 0


async def test_a_lock_that_is_held_too_long_is_unavailability(fresh_database: str, nats_url: str) -> None:
    """The caller may try again later; it is no server error."""

    async def look(conn: Connection) -> None:
        await conn.execute("SET LOCAL lock_timeout = '50ms'")
        await conn.execute("SELECT * FROM lease")

    async with bus(fresh_database, nats_url) as kit:
        async with kit.shop.transaction() as holder:
            await holder.execute("LOCK TABLE lease IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(Unavailable):
                await kit.shop.run(look)


async def test_one_instance_holds_a_lease_until_it_drops_it(fresh_database: str, nats_url: str) -> None:
    """Background loops that one instance runs pass to another when it goes."""
    async with bus(fresh_database, nats_url) as kit:
        one, other = Lease(kit.shop, "prune"), Lease(kit.shop, "prune")

        held = [await one.take(), await other.take(), await one.take()]
        await one.drop()

        assert held == [True, False, True]
        assert await other.take()


def test_named_queries_need_their_sentence() -> None:
    """A statement that nobody has explained is refused at start, not in review."""
    queries = sql.parse("-- name: one\n-- Gives one.\nSELECT 1;\n\n-- name: two\n-- Gives two.\nSELECT 2")

    assert queries.one == "-- Gives one.\nSELECT 1"
    assert queries.names() == ("one", "two")
    with pytest.raises(ValueError, match="lacks its sentence"):
        sql.parse("-- name: one\nSELECT 1")
    with pytest.raises(ValueError, match="stands twice"):
        sql.parse("-- name: a\n-- A.\nSELECT 1\n-- name: a\n-- A.\nSELECT 1")


async def test_a_connection_whose_work_ended_well_is_kept_for_the_next(
    fresh_database: str, nats_url: str
) -> None:
    """Giving it to the pool and asking for it again costs as much as a statement."""
    async with bus(fresh_database, nats_url) as kit:
        async with kit.shop.connection() as first:
            pass
        async with kit.shop.transaction() as second:
            await second.execute("SELECT 1")
        with pytest.raises(asyncpg.UndefinedTableError):
            async with kit.shop.connection() as failing:
                await failing.execute("SELECT FROM nowhere")
        async with kit.shop.connection() as after:
            value = await after.fetchval("SELECT 7")

    assert first is second is failing
    assert after is not first
    assert value == 7


async def test_more_callers_than_connections_are_all_served(fresh_database: str, nats_url: str) -> None:
    """Who waits for the pool must not be passed by for ever by those who find a kept connection."""
    async with bus(fresh_database, nats_url) as kit:

        async def busy(number: int) -> int:
            total = 0
            for _ in range(20):
                async with kit.shop.connection() as conn:
                    total += await conn.fetchval("SELECT $1::int", number)
                await asyncio.sleep(0)
            return total

        async with asyncio.timeout(30):
            totals = await asyncio.gather(*(busy(number) for number in range(40)))

    assert totals == [number * 20 for number in range(40)]


async def test_two_databases_on_one_pool_keep_connections_together(
    fresh_database: str, nats_url: str
) -> None:
    """Else each would keep the other from the connections it needs, and one would never close."""
    async with bus(fresh_database, nats_url) as kit:
        other = Database(kit.shop.pool, kit.shop.schema, kit.shop.secret, kit.shop.kept)
        async with kit.shop.connection() as first:
            pass
        async with other.connection() as second:
            pass

    assert first is second


async def test_a_kept_connection_that_was_lost_is_replaced(fresh_database: str, nats_url: str) -> None:
    async with bus(fresh_database, nats_url) as kit:
        async with kit.shop.connection() as kept:
            backend = await kept.fetchval("SELECT pg_backend_pid()")
        admin = await asyncpg.connect(fresh_database)
        await admin.execute("SELECT pg_terminate_backend($1)", backend)
        await admin.close()
        async with asyncio.timeout(10):
            # One that was found lost meanwhile has been given back, and knows nothing any more.
            with suppress(asyncpg.InterfaceError):
                while not kept.is_closed():
                    await asyncio.sleep(0.01)

        async with kit.shop.transaction() as conn:
            value = await conn.fetchval("SELECT 7")

    assert value == 7
