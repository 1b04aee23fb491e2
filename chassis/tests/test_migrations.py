"""Migrations: one runner at a time, never changed, all or nothing; and what the runtime role may do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from chassis.migrations import MigrationError, migrate
from chassis.tests.bus_kit import PASSWORD, url_as

ROLE = "aljibe_mig"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `made_up_migrations` to put files in."""
    folder = tmp_path / "made_up_migrations"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "0001_things.sql").write_text("CREATE TABLE thing (id bigserial PRIMARY KEY, name text);")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    sys.modules.pop("made_up_migrations", None)


async def run(url: str, schema: str = "mig") -> tuple[str, ...]:
    return await migrate(url, schema, f"aljibe_{schema}", PASSWORD, "made_up_migrations")


async def test_concurrent_runners_apply_each_file_once(fresh_database: str, package: Path) -> None:
    """Every replica of a service may start its migration job at the same moment."""
    results = await asyncio.gather(*(run(fresh_database) for _ in range(5)))

    applied = [label for result in results for label in result]
    assert sorted(applied) == sorted(set(applied))
    assert "service/0001_things" in applied
    assert await run(fresh_database) == ()


async def test_a_changed_file_is_refused(fresh_database: str, package: Path) -> None:
    """Editing history would give two databases of the same release different tables."""
    await run(fresh_database)

    (package / "0001_things.sql").write_text("CREATE TABLE thing (id text);")

    with pytest.raises(MigrationError, match="service/0001_things was changed"):
        await run(fresh_database)


async def test_a_failing_file_leaves_nothing_behind(fresh_database: str, package: Path) -> None:
    """Half a migration is the one state nobody has tested."""
    await run(fresh_database)
    (package / "0002_more.sql").write_text("CREATE TABLE more (id int); SELECT 1 / 0;")

    with pytest.raises(MigrationError, match="service/0002_more: division by zero"):
        await run(fresh_database)

    conn = await asyncpg.connect(fresh_database)
    assert await conn.fetchval("SELECT to_regclass('mig.more')") is None
    assert await conn.fetchval("SELECT count(*) FROM mig.schema_migration WHERE name = 'more'") == 0
    await conn.close()
    (package / "0002_more.sql").write_text("CREATE TABLE more (id int);")
    assert await run(fresh_database) == ("service/0002_more",)


async def test_a_twin_of_a_number_is_refused(fresh_database: str, package: Path) -> None:
    """Two branches that both add 0002 must not be applied in whichever order they are merged."""
    (package / "0002_one.sql").write_text("SELECT 1;")
    (package / "0002_other.sql").write_text("SELECT 1;")

    with pytest.raises(MigrationError, match="0002 stands twice"):
        await run(fresh_database)


async def test_a_number_that_was_left_free_may_be_filled_later(fresh_database: str, package: Path) -> None:
    """Branches number apart, and the one with the lower number may be merged last."""
    (package / "0010_later.sql").write_text("SELECT 1;")
    first = await run(fresh_database)

    (package / "0002_earlier.sql").write_text("SELECT 1;")
    second = await run(fresh_database)

    assert first[-1] == "service/0010_later"
    assert second == ("service/0002_earlier",)


async def test_the_runtime_role_works_in_its_own_schema_only(fresh_database: str, package: Path) -> None:
    """No service reads another's tables, and none changes its own shape."""
    await run(fresh_database)
    await run(fresh_database, "other")
    conn = await asyncpg.connect(url_as(fresh_database, ROLE))
    try:
        await conn.execute("INSERT INTO mig.thing (name) VALUES ('x')")
        await conn.execute("UPDATE thing SET name = 'y'")

        for forbidden in (
            "SELECT * FROM other.thing",
            "INSERT INTO other.outbox DEFAULT VALUES",
            "CREATE TABLE mig.own (id int)",
            "CREATE TABLE public.own (id int)",
            "DROP TABLE mig.thing",
            "TRUNCATE mig.thing",
            "ALTER TABLE mig.thing ADD COLUMN more int",
            "DELETE FROM mig.schema_migration",
            "SET ROLE aljibe_mig_owner",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(forbidden)
        owners = await conn.fetch("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'mig'")
        assert [row["tableowner"] for row in owners] == ["aljibe_mig_owner"]
        assert await conn.fetchval("SELECT name FROM thing") == "y"
    finally:
        await conn.close()
