"""Channel controls in PostgreSQL: read and written under their pool's lock, paged and told without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from chassis.postgres import Connection, Database
from chassis.replica import Row
from chassis.sql import load
from services.inventory.domain.book import Book
from services.inventory.domain.control import LIMIT_MARK, SHARE_MARK, Amount, Control, Opening, Rules
from services.inventory.domain.pool import Pool

if TYPE_CHECKING:
    import asyncpg

sql = load("services.inventory.adapters.postgres", "controls.sql")


async def find(conn: Connection, pools: Sequence[Pool]) -> None:
    """Give pools their controls."""
    if not pools:
        return
    by_sku = {pool.sku: pool for pool in pools}
    for row in await conn.fetch(sql.find_controls, list(by_sku)):
        control = _control_of(row)
        by_sku[control.sku].controls[control.channel_id] = control


async def page(db: Database, sku: str, channel_id: str, after: tuple[str, ...], limit: int) -> list[Control]:
    """A page of the controls that stand; `after` is the (sku, channel) of the last one seen."""
    after_sku, after_channel = after or ("", "")
    async with db.connection() as conn:
        rows = await conn.fetch(sql.page_controls, sku, channel_id, after_sku, after_channel, limit)
    return [_control_of(row) for row in rows]


async def find_due(conn: Connection, now: datetime, limit: int, without: Sequence[str]) -> Sequence[str]:
    """SKUs whose controls time has changed."""
    return [row[0] for row in await conn.fetch(sql.find_due, now, limit, list(without))]


async def opening(
    conn: Connection, wanted: Collection[tuple[str, str]], now: datetime
) -> Mapping[tuple[str, str], Opening]:
    """What controls that begin now begin with."""
    skus = list({sku for sku, _ in wanted})
    promised = {
        (row["sku"], row["channel_id"]): row["units"]
        for row in await conn.fetch(sql.opening_promises, skus, now)
    }
    held = {
        (row["sku"], row["channel_id"]): row["units"] for row in await conn.fetch(sql.opening_holds, skus)
    }
    return {
        named: Opening(
            held.get(named, 0),
            promised.get(named, 0),
            sum(units for (sku, _), units in promised.items() if sku == named[0]),
        )
        for named in wanted
    }


async def save(conn: Connection, book: Book) -> None:
    """Write what changed in controls, in the order of (sku, channel)."""
    changed = [control for _, control in sorted(book.controls.changed.items())]
    rules = [one.rules or Rules() for one in changed]
    await conn.execute(
        sql.save_controls,
        [one.sku for one in changed],
        [one.channel_id for one in changed],
        [one.rules is not None for one in changed],
        *_amounts([one.buffer for one in rules]),
        *_amounts([one.ring_fence for one in rules]),
        *_amounts([one.cap for one in rules]),
        [one.priority for one in rules],
        [one.valid_from for one in rules],
        [one.valid_until for one in rules],
        [one.release_time for one in rules],
        [one.fallback for one in rules],
        [one.counted_from for one in changed],
        [one.promised_units for one in changed],
        [one.held_units for one in changed],
        [one.taken_units for one in changed],
        [one.event_sequence for one in changed],
        [one.withheld_units for one in changed],
        [one.limit_units for one in changed],
        [one.version for one in changed],
        [one.changes_at for one in changed],
    )
    sales = book.controls.sales
    if sales:
        await conn.execute(
            sql.insert_sales,
            [one.sale_key for one in sales],
            [one.sku for one in sales],
            [one.channel_id for one in sales],
            [one.quantity_units for one in sales],
            book.now,
        )


async def snapshot(db: Database, skus: Sequence[str], chunk: int) -> AsyncIterator[Sequence[Row]]:
    """What replicas are told of channels (of `skus`, if any are named), in chunks."""
    sku = channel_id = ""
    while True:
        async with db.connection() as conn:
            if skus:
                rows = await conn.fetch(sql.snapshot_controls_of, sku, channel_id, chunk, list(skus))
            else:
                rows = await conn.fetch(sql.snapshot_controls, sku, channel_id, chunk)
        if rows:
            yield [figure for row in rows for figure in _figures_of(row)]
        if len(rows) < chunk:
            return
        sku, channel_id = rows[-1][0], rows[-1][1]


def _figures_of(row: asyncpg.Record) -> list[Row]:
    sku, channel_id, withheld, limit, version = row.values()
    return [
        (sku, SHARE_MARK + channel_id, -withheld, version),
        (sku, LIMIT_MARK + channel_id, limit, version),
    ]


def _amounts(amounts: Sequence[Amount | None]) -> tuple[list[int | None], list[int | None]]:
    """Units and percentages, one of the two for each amount."""
    return (
        [None if one is None or one.percent else one.units for one in amounts],
        [None if one is None or not one.percent else one.percent for one in amounts],
    )


def _amount_of(row: asyncpg.Record, name: str) -> Amount | None:
    units, percent = row[f"{name}_units"], row[f"{name}_percent"]
    return None if units is None and percent is None else Amount(units or 0, percent or 0)


def _control_of(row: asyncpg.Record) -> Control:
    rules = Rules(
        _amount_of(row, "buffer"),
        _amount_of(row, "ring_fence"),
        _amount_of(row, "cap"),
        row["priority"],
        row["valid_from"],
        row["valid_until"],
        row["release_time"],
        row["fallback"],
    )
    return Control(
        row["sku"],
        row["channel_id"],
        rules if row["standing"] else None,
        row["counted_from"],
        row["promised_units"],
        row["held_units"],
        row["taken_units"],
        row["event_sequence"],
        row["withheld_units"],
        row["limit_units"],
        row["version"],
        row["changes_at"],
    )
