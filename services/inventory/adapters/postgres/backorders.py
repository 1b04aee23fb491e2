"""Backorders and their terms in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chassis.sql import load
from services.inventory.domain.backorder import Backorder, Mode, Terms
from services.inventory.domain.book import Book
from services.inventory.domain.stock import Reservation

if TYPE_CHECKING:
    import asyncpg

    from chassis.postgres import Connection, Database

sql = load("services.inventory.adapters.postgres", "backorders.sql")


async def waiting(conn: Connection, wanted: Collection[tuple[str, str]]) -> list[str]:
    """The reservations that wait for (supply, SKU)."""
    rows = await conn.fetch(sql.find_waiting, [one[0] for one in wanted], [one[1] for one in wanted])
    return [row[0] for row in rows]


async def fill(conn: Connection, reservations: Iterable[Reservation]) -> None:
    """Give reservations that wait for something their backorders."""
    by_id = {one.reservation_id: one for one in reservations}
    found: dict[str, list[Backorder]] = {reservation_id: [] for reservation_id in by_id}
    for reservation_id, *values in await conn.fetch(sql.backorders_of, list(by_id)):
        found[reservation_id].append(Backorder(*values))
    for reservation_id, backorders in found.items():
        by_id[reservation_id].backorders = backorders


async def save(conn: Connection, book: Book) -> None:
    """Write what became of backorders, and the lines that grew by what came."""
    made = [one.reservation_id for one in book.new_reservations if one.backorders]
    if made:
        await conn.execute(sql.mark_waiting, made)
    lines = [(one.reservation_id, line) for one in book.grown.values() for line in one.lines]
    if lines:
        await conn.execute(
            sql.save_grown_lines,
            [reservation_id for reservation_id, _ in lines],
            [line.sku for _, line in lines],
            [line.location_id for _, line in lines],
            [line.quantity_units for _, line in lines],
            [line.live_units for _, line in lines],
            [line.consumed_units for _, line in lines],
            [line.released_units for _, line in lines],
            [line.displaced_units for _, line in lines],
            [line.revivable_units for _, line in lines],
        )
    waited = [(one.reservation_id, each) for one in book.waiters.values() for each in one.backorders]
    await conn.execute(
        sql.save_backorders,
        [reservation_id for reservation_id, _ in waited],
        [one.sku for _, one in waited],
        [one.location_id for _, one in waited],
        [one.supply_id for _, one in waited],
        [one.quantity_units for _, one in waited],
        [one.live_units for _, one in waited],
        [one.expected_at for _, one in waited],
        [one.arrived_units for _, one in waited],
        [one.released_units for _, one in waited],
        [one.displaced_units for _, one in waited],
        [one.moved for _, one in waited],
    )


async def lock_terms(conn: Connection, ids: Sequence[str]) -> list[Terms]:
    """These terms, locked; each id is `channel/SKU`."""
    names = [one.split("/", 1) for one in ids]
    rows = await conn.fetch(sql.lock_terms, [name[0] for name in names], [name[1] for name in names])
    return [_terms_of(row) for row in rows]


async def save_terms(conn: Connection, changed: Sequence[Terms], *, new: bool) -> None:
    """Write new terms, or what became of locked ones, each with its next version.

    Raises:
        asyncpg.UniqueViolationError: somebody else set the same ones at the same time.
    """
    for one in changed:
        one.version += 1
    await conn.execute(
        sql.insert_terms if new else sql.update_terms,
        [one.sku for one in changed],
        [one.channel_id for one in changed],
        [one.mode for one in changed],
        [one.release_time for one in changed],
        [one.furthest_days for one in changed],
        [one.share_percent for one in changed],
        [one.unasked for one in changed],
        [one.version for one in changed],
    )


async def page_terms(db: Database, sku: str, after: tuple[str, ...], limit: int) -> list[Terms]:
    """A page of the terms that stand."""
    async with db.connection() as conn:
        rows = await conn.fetch(sql.page_terms, sku, *(after or ("", "")), limit)
    return [_terms_of(row) for row in rows]


async def read_terms(db: Database, skus: Sequence[str] = ()) -> list[Terms]:
    """Every set of terms, removed ones included; of some SKUs if any are named."""
    async with db.connection() as conn:
        return [_terms_of(row) for row in await conn.fetch(sql.read_terms, list(skus))]


@dataclass(frozen=True, slots=True)
class Waiter:
    """Who waits for units of a supply."""

    supply_id: str
    sku: str
    location_id: str
    reservation_id: str
    order_id: str
    channel_id: str
    live_units: int
    expected_at: datetime
    create_time: datetime


async def page(db: Database, sku: str, supply_id: str, after: tuple[str, ...], limit: int) -> list[Waiter]:
    """A page of who waits for a SKU or a supply, by supply, SKU and reservation: in order of arrival."""
    async with db.connection() as conn:
        rows = await conn.fetch(sql.page_backorders, sku, supply_id, *(after or ("", "", "")), limit)
    return [Waiter(*row.values()) for row in rows]


def _terms_of(row: asyncpg.Record) -> Terms:
    sku, channel_id, mode, *values = row.values()
    return Terms(sku, channel_id, Mode(mode), *values)
