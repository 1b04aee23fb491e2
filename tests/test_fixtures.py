"""The fixtures that every other suite leans on."""

from __future__ import annotations

import asyncpg
import nats

from tests.servers import Databases


async def _make_table(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE t AS SELECT 1 AS n")
    await connection.close()


async def test_a_database_from_a_template_has_its_tables(databases: Databases) -> None:
    """Migrating once per session instead of once per test is what keeps the suites quick."""
    template = await databases.template("fixture", _make_table)

    async with databases.fresh(template) as url:
        connection = await asyncpg.connect(url)
        found = await connection.fetchval("SELECT n FROM t")
        await connection.close()

    assert found == 1
    assert await databases.template("fixture", _make_table) == template


async def test_a_fresh_database_is_empty(fresh_database: str) -> None:
    """What another test left behind must not make this one pass."""
    connection = await asyncpg.connect(fresh_database)

    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")

    assert tables == 0
    await connection.close()


async def test_nats_offers_jetstream(nats_url: str) -> None:
    """A broker without file store would lose every fact at its first restart."""
    client = await nats.connect(nats_url)

    info = await client.jetstream().account_info()

    assert info.streams == 0
    await client.close()
