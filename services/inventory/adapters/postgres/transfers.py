"""Transfers in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chassis.sql import load
from services.inventory.domain.document import Kind
from services.inventory.domain.refusals import DocumentUnknown
from services.inventory.domain.transfer import Transfer, TransferLine, TransferState

if TYPE_CHECKING:
    import asyncpg

    from chassis.postgres import Connection, Database

sql = load("services.inventory.adapters.postgres", "transfers.sql")


async def find(conn: Connection, ids: Sequence[str]) -> list[Transfer]:
    """These transfers as they are committed."""
    return await _with_lines(conn, await conn.fetch(sql.find_transfers, ids))


async def lock(conn: Connection, ids: Sequence[str]) -> list[Transfer]:
    """These transfers, locked."""
    return await _with_lines(conn, await conn.fetch(sql.lock_transfers, ids))


async def save(conn: Connection, transfers: Sequence[Transfer]) -> None:
    """Write new transfers, and what became of locked ones."""
    await conn.execute(
        sql.save_transfers,
        [one.transfer_id for one in transfers],
        [one.source_id for one in transfers],
        [one.destination_id for one in transfers],
        [one.state for one in transfers],
        [one.note for one in transfers],
        [one.actor for one in transfers],
        [one.created_at for one in transfers],
        [one.loss_note for one in transfers],
        [one.dispatched_at for one in transfers],
        [one.ended_at for one in transfers],
    )
    lines = [(one.transfer_id, line) for one in transfers for line in one.lines]
    await conn.execute(
        sql.save_transfer_lines,
        [transfer_id for transfer_id, _ in lines],
        [line.sku for _, line in lines],
        [line.quantity_units for _, line in lines],
        [line.dispatched_units for _, line in lines],
        [line.received_units for _, line in lines],
        [line.lost_units for _, line in lines],
    )


async def get(db: Database, transfer_id: str) -> Transfer:
    """One transfer.

    Raises:
        DocumentUnknown: there is none.
    """
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        found = await find(conn, [transfer_id])
    if not found:
        raise DocumentUnknown(Kind.TRANSFER.name, transfer_id)
    return found[0]


async def page(db: Database, location_id: str, state: int, before: str, limit: int) -> list[Transfer]:
    """A page of transfers, newest first; `before` is the id of the last one seen."""
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        rows = await conn.fetch(sql.page_transfers, location_id, state, before, limit)
        return await _with_lines(conn, rows)


async def in_transit(db: Database, skus: Sequence[str]) -> list[tuple[str, str, int]]:
    """Units on the way: SKU, destination, units."""
    async with db.connection() as conn:
        return [(row[0], row[1], row[2]) for row in await conn.fetch(sql.in_transit, list(skus))]


async def _with_lines(conn: Connection, rows: Sequence[asyncpg.Record]) -> list[Transfer]:
    found = {
        row["transfer_id"]: Transfer(
            row["transfer_id"],
            row["source_id"],
            row["destination_id"],
            TransferState(row["state"]),
            row["note"],
            row["actor"],
            row["created_at"],
            row["loss_note"],
            row["dispatched_at"],
            row["ended_at"],
        )
        for row in rows
    }
    if found:
        for transfer_id, *values in await conn.fetch(sql.lines_of_transfers, list(found)):
            found[transfer_id].lines.append(TransferLine(*values))
    return list(found.values())
