"""What is read without changing anything: reservations, pages of positions and movements, snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from chassis.replica import Batch, Block
from services.inventory.adapters.postgres import backorders, controls
from services.inventory.adapters.postgres.rows import (
    hold_line_of,
    hold_of,
    line_of,
    pool_of,
    position_of,
    reservation_of,
)
from services.inventory.adapters.postgres.statements import pools_sql, sql
from services.inventory.domain.control import LIMIT_MARK, SHARE_MARK
from services.inventory.domain.pool import POOL, Hold, Pool
from services.inventory.domain.refusals import FilterMissing, HoldUnknown, LocationUnknown, ReservationUnknown
from services.inventory.domain.stock import Cause, Key, Position, Reservation

if TYPE_CHECKING:
    import asyncpg

    from chassis.postgres import Database

SNAPSHOT_CHUNK = 2_000
SNAPSHOT_SKUS = 500
BLOCK_POSITIONS = 20_000
UNIT_SEPARATOR = "\x1f"
"""No location's id has it: they are letters, digits and dashes."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RecordedMovement:
    """A line of the ledger as it stands there."""

    movement_id: str
    sku: str
    location_id: str
    quantity_units: int
    cause: Cause
    document_id: str
    actor: str
    note: str
    on_hand_after_units: int
    record_time: datetime


async def reservation(db: Database, reservation_id: str) -> Reservation:
    """One reservation with its lines, both of one moment.

    Raises:
        ReservationUnknown: there is none.
    """
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        row = await conn.fetchrow(sql.find_reservation, reservation_id)
        if row is None:
            raise ReservationUnknown(reservation_id)
        found = reservation_of(row)
        found.lines.extend(line_of(line) for line in await conn.fetch(sql.lines_of, [reservation_id]))
        if row["on_supply"]:
            await backorders.fill(conn, [found])
    return found


async def hold(db: Database, hold_id: str) -> Hold:
    """One hold with its lines, both of one moment.

    Raises:
        HoldUnknown: there is none.
    """
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        row = await conn.fetchrow(pools_sql.find_hold, hold_id)
        if row is None:
            raise HoldUnknown(hold_id)
        found = hold_of(row)
        found.lines.extend(
            hold_line_of(line) for line in await conn.fetch(pools_sql.hold_lines_of, [hold_id])
        )
    return found


async def pool(db: Database, sku: str, location_id: str) -> tuple[list[Position], Pool]:
    """Every position of a SKU and its pool, measured and with its controls, all of one moment.

    Raises:
        LocationUnknown: `location_id` is named and there is no such location.
    """
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        if location_id and not await conn.fetch(sql.find_locations, [location_id]):
            raise LocationUnknown(location_id)
        found = [position_of(row) for row in await conn.fetch(pools_sql.explained_positions, sku)]
        pools = [pool_of(row) for row in await conn.fetch(pools_sql.read_pools, [sku])] or [Pool(sku)]
        await controls.find(conn, pools)
    for position in found:
        pools[0].enter(position)
    return found, pools[0]


async def positions(
    db: Database, sku: str, location_id: str, after: tuple[str, ...], limit: int
) -> list[Position]:
    """A page of positions of a SKU or of a location; `after` is the sort key (sku, location) of the last one
    seen.

    Raises:
        FilterMissing: neither is given.
    """
    after_sku, after_location = after or ("", "")
    async with db.connection() as conn:
        if sku:
            rows = await conn.fetch(sql.positions_of_sku, sku, location_id, after_location, limit)
        elif location_id:
            rows = await conn.fetch(sql.positions_of_location, location_id, after_sku, limit)
        else:
            raise FilterMissing("sku or location_id")
    return [position_of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Claim:
    """Units of a SKU that a reservation keeps at a location, or a hold anywhere."""

    location_id: str
    document_id: str
    order_id: str
    channel_id: str
    live_units: int
    create_time: datetime
    expire_time: datetime | None


async def claims(db: Database, sku: str, location_id: str, after: tuple[str, ...], limit: int) -> list[Claim]:
    """At most `limit` of who keeps units of a SKU: reservations by location and id, then holds by id (no
    holds when a location is named). `after` is (location, document) of the last one seen.
    """
    after_location, after_id = after or ("", "")
    rows: list[asyncpg.Record] = []
    async with db.connection() as conn:
        in_holds = bool(after_id) and not after_location
        if not in_holds:
            rows = await conn.fetch(sql.reservation_claims, sku, location_id, after_location, after_id, limit)
        if len(rows) < limit and not location_id:
            seen = after_id if in_holds else ""
            rows += await conn.fetch(sql.hold_claims, sku, seen, limit - len(rows))
    return [Claim(*row.values()) for row in rows]


async def movements(
    db: Database,
    sku: str,
    location_id: str,
    document_id: str,
    since: str,
    before: str,
    causes: Sequence[int],
    limit: int,
) -> list[RecordedMovement]:
    """A page of the ledger, newest first: ids from `since` on and below `before`, of `causes` (empty: any).

    Raises:
        FilterMissing: none of SKU, location and document is given.
    """
    rest = (since, before, list(causes), limit)
    async with db.connection() as conn:
        if document_id:
            rows = await conn.fetch(sql.movements_of_document, document_id, sku, location_id, *rest)
        elif sku and location_id:
            rows = await conn.fetch(sql.movements_of_position, sku, location_id, *rest)
        elif sku:
            rows = await conn.fetch(sql.movements_of_sku, sku, *rest)
        elif location_id:
            rows = await conn.fetch(sql.movements_of_location, location_id, *rest)
        else:
            raise FilterMissing("sku, location_id or document_id")
    return [_movement_of(row) for row in rows]


async def snapshot(db: Database, skus: Sequence[str] = ()) -> AsyncIterator[Batch]:
    """Every position (of `skus`, if any are named) with what is free and its version, in order, as blocks
    (those of `skus` as rows); before them the pools, as positions without a location whose units are missing,
    and what channels may have of each.

    Each batch is of its own moment: versions make the whole consistent, and no long transaction holds vacuum
    back.
    """
    sku = ""
    while True:
        async with db.connection() as conn:
            if skus:
                rows = await conn.fetch(pools_sql.snapshot_pools_of, sku, SNAPSHOT_CHUNK, list(skus))
            else:
                rows = await conn.fetch(pools_sql.snapshot_pools, sku, SNAPSHOT_CHUNK)
        if rows:
            yield [(row[0], row[1], row[2], row[3]) for row in rows]
        if len(rows) < SNAPSHOT_CHUNK:
            break
        sku = rows[-1][0]
    async for figures in controls.snapshot(db, skus, SNAPSHOT_CHUNK):
        yield figures
    async for batch in _rows_of(db, skus) if skus else _blocks(db):
        yield batch


async def _rows_of(db: Database, skus: Sequence[str]) -> AsyncIterator[Batch]:
    sku, location_id = "", ""
    while True:
        async with db.connection() as conn:
            rows = await conn.fetch(sql.snapshot_positions_of, sku, location_id, SNAPSHOT_CHUNK, list(skus))
        yield [(row[0], row[1], row[2], row[3]) for row in rows]
        if len(rows) < SNAPSHOT_CHUNK:
            return
        sku, location_id = rows[-1][0], rows[-1][1]


async def _blocks(db: Database) -> AsyncIterator[Batch]:
    sku = ""
    while True:
        async with db.connection() as conn:
            rows = await conn.fetch(sql.snapshot_skus, sku, SNAPSHOT_SKUS, UNIT_SEPARATOR)
        for location_ids, alike in groupby(rows, key=itemgetter(1)):
            members = tuple(location_ids.split(UNIT_SEPARATOR))
            for some in _batched(alike, max(1, BLOCK_POSITIONS // len(members))):
                yield Block(
                    members,
                    [row[0] for row in some],
                    list(chain.from_iterable(row[2] for row in some)),
                    list(chain.from_iterable(row[3] for row in some)),
                )
        if len(rows) < SNAPSHOT_SKUS:
            return
        sku = rows[-1][0]


def _batched(rows: Iterable[T], count: int) -> Iterator[list[T]]:
    """`rows`, at most `count` at a time."""
    source = iter(rows)
    while some := list(islice(source, count)):
        yield some


async def committed(db: Database, keys: Sequence[Key]) -> list[Position]:
    """These positions, and pools among them, as they are committed now."""
    async with db.connection() as conn:
        rows = await conn.fetch(sql.read_positions, [key[0] for key in keys], [key[1] for key in keys])
        places = {sku for sku, place in keys if place == POOL or place[0] in (SHARE_MARK, LIMIT_MARK)}
        pools = [pool_of(row) for row in await conn.fetch(pools_sql.read_pools, list(places))]
        await controls.find(conn, [one for one in pools if one.controlled])
    figures = [
        figure for one in pools for control in one.controls.values() for figure in control.as_positions()
    ]
    return [position_of(row) for row in rows] + [one.as_position() for one in pools] + figures


def _movement_of(row: asyncpg.Record) -> RecordedMovement:
    return RecordedMovement(
        row["movement_id"],
        row["sku"],
        row["location_id"],
        row["quantity_units"],
        Cause(row["cause"]),
        row["document_id"],
        row["actor"],
        row["note"],
        row["on_hand_after_units"],
        row["record_time"],
    )
