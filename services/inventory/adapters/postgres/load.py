"""Bulk load: a chunk of opening stock in one set-based statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.ids import new_id
from chassis.postgres import Connection
from services.inventory.adapters.postgres.rows import position_of
from services.inventory.adapters.postgres.statements import pools_sql, sql
from services.inventory.domain.refusals import LineDuplicate, LocationUnknown
from services.inventory.domain.stock import Key, Position


@dataclass(frozen=True, slots=True)
class Loaded:
    """Stock that is brought into the book."""

    sku: str
    location_id: str
    quantity_units: int
    safety_units: int


async def load_chunk(
    conn: Connection, chunk: Sequence[Loaded], *, document_id: str, actor: str, key: str
) -> list[Position]:
    """Add a chunk to the book, cause OPENING; gives the positions afterwards.

    Raises:
        LocationUnknown, LineDuplicate: nothing was loaded.
        asyncpg.UniqueViolationError: a movement of this `key` stands already.
    """
    seen: set[Key] = set()
    for line in chunk:
        if (line.sku, line.location_id) in seen:
            raise LineDuplicate(line.sku, line.location_id)
        seen.add((line.sku, line.location_id))
    missing = await conn.fetch(sql.load_missing_locations, list({line.location_id for line in chunk}))
    if missing:
        raise LocationUnknown(missing[0][0])
    await conn.execute(pools_sql.make_positions_lock)
    rows = await conn.fetch(
        sql.load_positions,
        [line.sku for line in chunk],
        [line.location_id for line in chunk],
        [line.quantity_units for line in chunk],
        [line.safety_units for line in chunk],
        [new_id("mov") for _ in chunk],
        document_id,
        actor,
        key,
    )
    return [position_of(row) for row in rows]
