"""Inbound supply in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from chassis.sql import load
from services.inventory.domain.expected import Supply, SupplyLine, SupplyState
from services.inventory.usecases.inbound import Inbound

if TYPE_CHECKING:
    import asyncpg

    from chassis.postgres import Connection, Database

sql = load("services.inventory.adapters.postgres", "supplies.sql")

PREFETCH = 2_000


async def lock(conn: Connection, ids: Sequence[str]) -> list[Supply]:
    """These supplies, locked."""
    return await _with_lines(conn, await conn.fetch(sql.lock_supplies, ids))


async def find(conn: Connection, ids: Sequence[str]) -> list[Supply]:
    """These supplies as they are committed, not locked."""
    return await _with_lines(conn, await conn.fetch(sql.find_supplies, ids))


async def save(conn: Connection, supplies: Sequence[Supply], *, new: bool) -> None:
    """Write new supplies, or what became of locked ones, each with its next version.

    Raises:
        asyncpg.UniqueViolationError: somebody else wrote the same one at the same time.
    """
    for one in supplies:
        one.version += 1
    await conn.execute(
        sql.insert_supplies if new else sql.update_supplies,
        [one.supply_id for one in supplies],
        [one.location_id for one in supplies],
        [one.state for one in supplies],
        [one.expected_at for one in supplies],
        [one.event_sequence for one in supplies],
        [one.version for one in supplies],
    )
    lines = [(one.supply_id, line) for one in supplies for line in one.lines.values()]
    await conn.execute(
        sql.save_supply_lines,
        [supply_id for supply_id, _ in lines],
        [line.sku for _, line in lines],
        [line.expected_units for _, line in lines],
        [line.received_units for _, line in lines],
        [line.promised_units for _, line in lines],
    )


async def page(db: Database, sku: str, location_id: str, after: str, limit: int) -> list[Supply]:
    """A page of supplies, in order of their id; with a SKU only those that still bring it."""
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        if sku:
            rows = await conn.fetch(sql.page_supplies_of_sku, sku, location_id, after, limit)
        else:
            rows = await conn.fetch(sql.page_supplies, location_id, after, limit)
        return await _with_lines(conn, rows)


async def read_inbound(db: Database, skus: Sequence[str] = ()) -> AsyncIterator[Inbound]:
    """Every supply that still brings something (of `skus`, if any are named), of one moment."""
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        units: dict[str, int] = {}
        promised: dict[str, int] = {}
        before: asyncpg.Record | None = None
        async for row in conn.cursor(sql.read_open, list(skus), prefetch=PREFETCH):
            if before is not None and before["supply_id"] != row["supply_id"]:
                yield _inbound_of(before, units, promised)
                units, promised = {}, {}
            units[row["sku"]] = row["open_units"]
            if row["promised_units"]:
                promised[row["sku"]] = row["promised_units"]
            before = row
        if before is not None:
            yield _inbound_of(before, units, promised)


def _inbound_of(row: asyncpg.Record, units: dict[str, int], promised: dict[str, int]) -> Inbound:
    return Inbound(row["supply_id"], row["location_id"], row["expected_at"], units, row["version"], promised)


async def _with_lines(conn: Connection, rows: Sequence[asyncpg.Record]) -> list[Supply]:
    found = {
        row["supply_id"]: Supply(
            row["supply_id"],
            row["location_id"],
            SupplyState(row["state"]),
            row["expected_at"],
            row["event_sequence"],
            row["version"],
        )
        for row in rows
    }
    if found:
        for supply_id, *values in await conn.fetch(sql.lines_of_supplies, list(found)):
            line = SupplyLine(*values)
            found[supply_id].lines[line.sku] = line
    return list(found.values())
