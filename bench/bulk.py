"""Ten million positions with their opening movements, in minutes: written by the database's administrator,
past the service, which must be stopped meanwhile.

What stands afterwards is what LoadStock would have left: positions, an OPENING movement each, and its key;
``AuditStock`` proves it. It is fast because nothing is looked up and indexes are made at the end: triggers
are off while it writes (``session_replication_role``), for what they would check or add, the foreign key to
locations and the keys of movements, is written right here; the movements fill the last month of the ledger
that was made ahead, cut off, without its indexes, and attached again, which makes them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from chassis.sql import parse

if TYPE_CHECKING:
    from asyncpg import Connection

UNITS = 100
_SECONDS = 900.0
_MEBIBYTE = 1 << 20

sql = parse((Path(__file__).parent / "sql" / "bulk.sql").read_text())


async def bulk_positions(admin_url: str, locations: Sequence[str], there: int, wanted: int) -> float:
    """Stock articles that nobody orders until ``wanted`` positions stand, of which ``there`` do already (both
    whole articles); gives the seconds it took, with the VACUUM that autovacuum would do.
    """
    if wanted <= there:
        return 0.0
    began = time.monotonic()
    given = (there // len(locations), wanted // len(locations), list(locations), UNITS)
    async with asyncio.TaskGroup() as group:
        group.create_task(_positions(admin_url, *given))
        group.create_task(_ledger(admin_url, *given))
    return time.monotonic() - began


async def disk_mb(admin_url: str) -> dict[str, float]:
    """What positions and the ledger take on disk, in MiB."""
    async with _connected(admin_url) as connection:
        return {row["what"]: row["bytes"] / _MEBIBYTE for row in await connection.fetch(sql.disk)}


@asynccontextmanager
async def _connected(admin_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(admin_url, command_timeout=_SECONDS)
    try:
        await connection.execute(sql.settings)
        yield connection
    finally:
        await connection.close()


async def _positions(admin_url: str, *given: object) -> None:
    async with _connected(admin_url) as connection:
        await connection.execute(sql.positions, *given)
        await connection.execute("VACUUM (ANALYZE) position")
        await connection.execute(sql.keys, *given[:3])
        await connection.execute("VACUUM (ANALYZE) movement_key")


async def _ledger(admin_url: str, *given: object) -> None:
    async with _connected(admin_url) as connection:
        month = await connection.fetchrow(sql.last_month)
        assert month is not None
        part = month["relname"]
        await connection.execute(f"ALTER TABLE movement DETACH PARTITION {part}")
        await connection.execute(f"ALTER TABLE {part} DROP CONSTRAINT {part}_pkey")
        for row in await connection.fetch(sql.indexes_of, part):
            await connection.execute(f"DROP INDEX {row['name']}")
        statement = sql.movements.replace("{part}", part).replace("{prefix}", month["prefix"])
        await connection.execute(statement, *given)
        await connection.execute(f"ALTER TABLE movement ATTACH PARTITION {part} {month['bound']}")
        await connection.execute(f"VACUUM (ANALYZE) {part}")
