"""Count sheets in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from chassis.sql import load
from services.inventory.domain.count import CountLine, CountSheet, CountState
from services.inventory.domain.document import Kind
from services.inventory.domain.refusals import DocumentUnknown
from services.inventory.domain.stock import Key

if TYPE_CHECKING:
    import asyncpg

    from chassis.postgres import Connection, Database

sql = load("services.inventory.adapters.postgres", "counts.sql")


async def lock(conn: Connection, ids: Sequence[str], wanted: Mapping[str, Iterable[str]]) -> list[CountSheet]:
    """These sheets, locked, with the lines that are `wanted` of each."""
    found = {row["count_id"]: _sheet_of(row) for row in await conn.fetch(sql.lock_sheets, ids)}
    pairs = [(count_id, sku) for count_id in ids for sku in wanted.get(count_id, ())]
    if pairs:
        columns = [count_id for count_id, _ in pairs], [sku for _, sku in pairs]
        for count_id, *values in await conn.fetch(sql.lines_of_sheets, *columns):
            line = CountLine(*values)
            found[count_id].lines[line.sku] = line
    return list(found.values())


async def save(conn: Connection, sheets: Sequence[CountSheet]) -> None:
    """Write new sheets, and what became of locked ones."""
    await conn.execute(
        sql.save_sheets,
        [one.count_id for one in sheets],
        [one.location_id for one in sheets],
        [one.state for one in sheets],
        [one.note for one in sheets],
        [one.actor for one in sheets],
        [one.started_at for one in sheets],
        [one.ended_at for one in sheets],
        [one.difference_units for one in sheets],
        [one.displaced_units for one in sheets],
    )
    for one in sheets:
        if one.wanted is not None:
            await conn.execute(sql.take_book, one.count_id, one.location_id, list(one.wanted))
    lines = [(one.count_id, line) for one in sheets for line in one.lines.values()]
    if lines:
        await conn.execute(
            sql.save_count_lines,
            [count_id for count_id, _ in lines],
            [line.sku for _, line in lines],
            [line.snapshot_units for _, line in lines],
            [line.counted_units for _, line in lines],
            [line.book_units for _, line in lines],
            [line.booked for _, line in lines],
        )


async def moved(
    conn: Connection, wanted: Iterable[tuple[Key, timedelta]]
) -> dict[tuple[Key, timedelta], int]:
    """What moved at these locked positions in the time before now."""
    asked = list(wanted)
    rows = await conn.fetch(
        sql.moved_since,
        [key[0] for key, _ in asked],
        [key[1] for key, _ in asked],
        [ago for _, ago in asked],
    )
    return {asked[row["number"] - 1]: row["quantity_units"] for row in rows}


async def get(db: Database, count_id: str) -> CountSheet:
    """One sheet without its lines.

    Raises:
        DocumentUnknown: there is none.
    """
    async with db.connection() as conn:
        rows = await conn.fetch(sql.find_sheets, [count_id])
    if not rows:
        raise DocumentUnknown(Kind.COUNT.name, count_id)
    return _sheet_of(rows[0])


async def waiting(db: Database, count_id: str, missing_are_zero: bool, limit: int) -> dict[str, int]:
    """SKUs of lines that are not booked yet, with the units that each difference takes."""
    async with db.connection() as conn:
        rows = await conn.fetch(sql.find_waiting, count_id, missing_are_zero, limit)
    return {row[0]: row[1] for row in rows}


async def page_lines(
    db: Database, count_id: str, only_differences: bool, after: str, limit: int
) -> list[CountLine]:
    """A page of a sheet's lines; `after` is the SKU of the last one seen."""
    async with db.connection() as conn:
        rows = await conn.fetch(sql.page_count_lines, count_id, only_differences, after, limit)
    return [CountLine(*values) for _, *values in rows]


async def page_sheets(
    db: Database, location_id: str, state: int, before: str, limit: int
) -> list[CountSheet]:
    """A page of a location's sheets in a state (0: any), without lines, newest first; `before` is the last
    one seen.
    """
    async with db.connection() as conn:
        return [
            _sheet_of(row) for row in await conn.fetch(sql.page_sheets, location_id, state, before, limit)
        ]


def _sheet_of(row: asyncpg.Record) -> CountSheet:
    return CountSheet(
        row["count_id"],
        row["location_id"],
        CountState(row["state"]),
        row["note"],
        row["actor"],
        row["started_at"],
        row["ended_at"],
        row["difference_units"],
        row["displaced_units"],
    )
