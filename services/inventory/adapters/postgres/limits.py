"""Limits per buyer in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from chassis.postgres import Connection, Database
from chassis.sql import load
from services.inventory.adapters.postgres.statements import pools_sql
from services.inventory.domain.book import Book
from services.inventory.domain.limit import BuyerLimit, left_units
from services.inventory.domain.pool import Pool
from services.inventory.domain.refusals import BuyerLimitExceeded, HoldUnknown, LimitUnknown

sql = load("services.inventory.adapters.postgres", "limits.sql")

Standing = dict[tuple[str, str], dict[str, int]]


async def find(conn: Connection, pools: Sequence[Pool]) -> None:
    """Give pools their limits."""
    if not pools:
        return
    by_sku = {pool.sku: pool for pool in pools}
    for row in await conn.fetch(sql.find_limits, list(by_sku)):
        by_sku[row["sku"]].limit = BuyerLimit(*row.values())


async def standing(
    conn: Connection, limits: Sequence[BuyerLimit], customers: Collection[str], now: datetime
) -> Standing:
    """What customers have had of limited SKUs, as far as it counts: by (SKU, customer), by document."""
    found: Standing = {}
    rows = await conn.fetch(
        sql.find_claims,
        [one.sku for one in limits],
        [one.counts_since(now) for one in limits],
        list(customers),
    )
    for row in rows:
        found.setdefault((row["sku"], row["customer_id"]), {})[row["document_id"]] = row["units"]
    return found


async def page(db: Database, after: str, limit: int) -> list[BuyerLimit]:
    """A page of limits, in order of SKU."""
    async with db.connection() as conn:
        return [BuyerLimit(*row.values()) for row in await conn.fetch(sql.page_limits, after, limit)]


async def allowance(db: Database, sku: str, customer_id: str, now: datetime) -> tuple[BuyerLimit, int]:
    """A SKU's limit, and what a customer has had under it.

    Raises:
        LimitUnknown: the SKU has none.
    """
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        rows = await conn.fetch(sql.find_limits, [sku])
        if not rows:
            raise LimitUnknown(sku)
        limit = BuyerLimit(*rows[0].values())
        found = await standing(conn, [limit], [customer_id], now)
    return limit, sum(found.get((sku, customer_id), {}).values())


async def exceeded(
    db: Database, customer_id: str, hold_id: str, units: Mapping[str, int], now: datetime
) -> list[BuyerLimitExceeded]:
    """What the limits would refuse a customer who wants these units now, by SKU; nothing is locked.

    Raises:
        HoldUnknown: `hold_id` is named and there is no such hold.
    """
    async with db.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        if hold_id and await conn.fetchrow(pools_sql.find_hold, hold_id) is None:
            raise HoldUnknown(hold_id)
        rows = await conn.fetch(sql.find_limits, list(units))
        limits = {one.sku: one for one in (BuyerLimit(*row.values()) for row in rows) if one.valid(now)}
        had: Standing = {}
        if limits and customer_id:
            had = await standing(conn, list(limits.values()), [customer_id], now)
    refused: list[BuyerLimitExceeded] = []
    for sku, wanted in units.items():
        limit = limits.get(sku)
        if limit is None:
            continue
        left = left_units(limit, customer_id, had.get((sku, customer_id), {}), hold_id, wanted)
        if wanted > left:
            refused.append(BuyerLimitExceeded(sku, wanted, limit.max_units, left))
    return refused


async def save(conn: Connection, book: Book) -> None:
    """Write what changed in limits, and new claims."""
    changed = [one for one in book.changed_limits.values() if one is not None]
    removed = [sku for sku, one in book.changed_limits.items() if one is None]
    if changed:
        await conn.execute(
            sql.save_limits,
            [one.sku for one in changed],
            [one.max_units for one in changed],
            [one.counted_from for one in changed],
            [one.valid_from for one in changed],
            [one.valid_until for one in changed],
            [one.window_seconds for one in changed],
            [one.named_only for one in changed],
        )
    if removed:
        await conn.execute(sql.remove_limits, removed)
    made = book.claims.new
    if made:
        await conn.execute(
            sql.insert_claims,
            [one.sku for one in made],
            [one.customer_id for one in made],
            [one.document_id for one in made],
            book.now,
        )
