"""The audit: every counter rebuilt from ledger and reservations, in one consistent snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chassis.postgres import Database
from chassis.sql import load

if TYPE_CHECKING:
    import asyncpg

AUDIT_TIMEOUT = "120s"
audit_sql = load("services.inventory.adapters.postgres", "audit.sql")


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that does not agree with what it is made from."""

    rule: str
    sku: str
    location_id: str
    expected_units: int
    actual_units: int
    document_id: str


@dataclass(slots=True)
class Audit:
    """What was read and what was found."""

    movements: int = 0
    positions: int = 0
    live_reservation_lines: int = 0
    difference_count: int = 0
    differences: list[Difference] = field(default_factory=list)


async def audit(db: Database, limit: int) -> Audit:
    """Compare everything; lists at most `limit` differences and counts all."""
    result = Audit()
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        await conn.execute(f"SET LOCAL statement_timeout = '{AUDIT_TIMEOUT}'")
        await conn.execute("SET LOCAL work_mem = '64MB'")
        row = await conn.fetchrow(audit_sql.sizes)
        if row is not None:
            result.movements, result.positions, result.live_reservation_lines = row
        for name in audit_sql.names():
            if name == "sizes":
                continue
            rows = await conn.fetch(getattr(audit_sql, name), limit)
            if not rows:
                continue
            result.difference_count += rows[0]["all_of_them"]
            room = limit - len(result.differences)
            result.differences += [difference_of(row) for row in rows[:room]]
    return result


def difference_of(row: asyncpg.Record) -> Difference:
    """What a rule's statement found."""
    return Difference(
        row["rule"],
        row["sku"],
        row["location_id"],
        row["expected_units"],
        row["actual_units"],
        row["document_id"],
    )
