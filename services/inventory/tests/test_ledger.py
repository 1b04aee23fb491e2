"""The ledger in months: append-only everywhere, a key once for ever, and the way there while others write."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from chassis import ids, migrations
from chassis.postgres import Database, open_database
from services.inventory.adapters.postgres import migrations as files
from services.inventory.adapters.postgres.audit import audit
from services.inventory.adapters.postgres.ledger import make_months
from services.inventory.tests.builders import a_receipt, unique
from services.inventory.tests.conftest import ROLE
from services.inventory.tests.contract import in_postgres
from tests.servers import PASSWORD, Databases

INSERT = """
INSERT INTO movement (movement_id, sku, location_id, quantity_units, cause, document_id, actor, note, idempotency_key, on_hand_after_units)
VALUES ($1, 'SKU-1', 'store-1', 1, 2, 'doc', 'ana', '', $2, 1)
"""  # noqa: E501 - as the release before writes it
PARTITIONS = (
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'movement'::regclass ORDER BY 1"
)


def id_at(moment: datetime) -> str:
    """An id as a process whose clock shows `moment` would make it."""
    number = int(moment.timestamp() * 1000)
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    digits = "".join(letters[number >> 5 * (9 - place) & 31] for place in range(10))
    return "mov_" + digits + ids.new_id("mov")[14:]


async def test_a_movement_stands_in_the_month_of_its_id(db: Database) -> None:
    now = datetime.now(UTC)
    moments = [now, now + timedelta(days=95), now + timedelta(days=3650)]
    await make_months(db, 5)

    async with db.connection() as conn:
        for moment in moments:
            await conn.execute(INSERT, id_at(moment), unique("key"))
        found = [
            row[0]
            for row in await conn.fetch("SELECT tableoid::regclass::text FROM movement ORDER BY movement_id")
        ]
        computed = await conn.fetchval("SELECT movement_id_at($1)", now)

    assert found == ["movement_early", f"movement_{moments[1]:%Y_%m}", "movement_rest"]
    assert id_at(now).startswith(computed)


async def test_months_are_made_once_and_ahead(db: Database) -> None:
    first = await make_months(db, 8)
    second = await make_months(db, 8)

    assert len(first) == 5
    assert second == []


async def test_a_key_stands_in_the_ledger_once_across_months(db: Database) -> None:
    """A repeat after midnight of the month's last day must not be booked again."""
    later = datetime.now(UTC) + timedelta(days=95)
    async with db.connection() as conn:
        await conn.execute(INSERT, ids.new_id("mov"), "the key")

        with pytest.raises(asyncpg.UniqueViolationError):
            await conn.execute(INSERT, id_at(later), "the key")

        assert await conn.fetchval("SELECT count(*) FROM movement") == 1


async def test_the_audit_reads_every_month(db: Database) -> None:
    """A ledger in parts is a ledger of which one part can be forgotten."""
    stock = await in_postgres(db)
    await stock.do(a_receipt(1))
    await make_months(db, 5)
    later = id_at(datetime.now(UTC) + timedelta(days=95))

    async with db.connection() as conn:
        await conn.execute(INSERT, later, "later")
        missing = await audit(db, 10)
        await conn.execute("UPDATE position SET on_hand_units = 2")
        whole = await audit(db, 10)

    assert [(one.rule, one.expected_units, one.actual_units) for one in missing.differences] == [
        ("ON_HAND", 2, 1)
    ]
    assert (whole.movements, whole.differences) == (2, [])


@pytest.mark.parametrize("statement", ["UPDATE {} SET quantity_units = 5", "DELETE FROM {}", "TRUNCATE {}"])
async def test_no_partition_can_be_changed(db: Database, admin_url: str, statement: str) -> None:
    """Neither by the service, which has no right to, nor by the owner, whom the triggers stop."""
    admin = await asyncpg.connect(admin_url, server_settings={"search_path": "inventory"})
    later = datetime.now(UTC) + timedelta(days=95)
    await admin.execute(f"SET ROLE {ROLE}_owner")
    async with db.connection() as conn:
        await conn.execute(INSERT, ids.new_id("mov"), unique("key"))
        await conn.execute(INSERT, id_at(later), unique("key"))
        tables = ["movement", *(row[0] for row in await conn.fetch(PARTITIONS))]

        for table in tables:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement.format(table))
            if table in ("movement", "movement_early"):
                with pytest.raises(asyncpg.RestrictViolationError):
                    await admin.execute(statement.format(table))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("DELETE FROM movement_key")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("INSERT INTO movement_early SELECT * FROM movement")
        assert await conn.fetchval("SELECT count(*) FROM movement") == 2

    assert len(tables) >= 4
    await admin.close()


async def test_pages_of_the_ledger_use_its_indexes(db: Database) -> None:
    """Each month gives its newest from its own index; nothing is sorted."""
    queries = ("sku = 'A' AND location_id = 'B'", "document_id = 'A'", "location_id = 'B'")
    async with db.transaction() as conn:
        # The tables are empty here, and anything else would do as well.
        await conn.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        await conn.execute("SET LOCAL enable_sort = off")
        for where in queries:
            rows = await conn.fetch(
                f"EXPLAIN SELECT * FROM movement WHERE {where} ORDER BY movement_id DESC LIMIT 100"  # noqa: S608
            )
            plan = "\n".join(row[0] for row in rows)

            assert "Index Scan Backward" in plan
            assert "Sort  (" not in plan


@pytest.fixture
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of the migrations of the release before the ledger was cut."""
    folder = tmp_path / "before_the_cut"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for file in Path(str(files.__file__)).parent.glob("*.sql"):
        if file.name < "0013":
            (folder / file.name).write_text(file.read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "before_the_cut"
    sys.modules.pop("before_the_cut", None)


async def test_the_ledger_of_the_release_before_becomes_the_first_part_while_it_writes(
    databases: Databases, before: str
) -> None:
    """Old and new processes run side by side during a deploy; connections keep their prepared statements."""
    async with databases.fresh() as url:
        await migrations.migrate(url, "inventory", ROLE, PASSWORD, before)
        db = await open_database(url, "inventory", max_size=2)
        async with db.connection() as conn:
            old = await conn.prepare(INSERT)
            await old.fetch(ids.new_id("mov"), "first")

            await migrations.migrate(url, "inventory", ROLE, PASSWORD, files.__name__)
            await old.fetch(ids.new_id("mov"), "second")
            with pytest.raises(asyncpg.UniqueViolationError):
                await old.fetch(ids.new_id("mov"), "first")

            rows = await conn.fetch(
                "SELECT tableoid::regclass::text, idempotency_key FROM movement ORDER BY movement_id"
            )
            keys = await conn.fetch("SELECT idempotency_key FROM movement_key ORDER BY 1")
        await db.close()

    assert [tuple(row) for row in rows] == [("movement_early", "first"), ("movement_early", "second")]
    assert [row[0] for row in keys] == ["first", "second"]
