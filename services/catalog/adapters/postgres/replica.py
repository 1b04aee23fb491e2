"""Keeps this process's snapshot of the catalogue up to the newest committed version.

Only rows written after the snapshot's version are fetched, in pieces, and the event loop gets its turn
between any
two; so neither a first load of a large catalogue nor a change under way holds up the baskets being priced.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, nullcontext
from time import perf_counter

import orjson

from chassis import metrics
from chassis.clock import Clock
from chassis.postgres import Connection, Database
from chassis.refusals import Unavailable
from pricing.assembly import Assembly
from pricing.channels import Price
from pricing.snapshot import Article, Snapshot
from pricing.taxes import TaxKey, TaxRate
from pricing.texts import LocalizedText
from services.catalog.adapters.postgres import rows
from services.catalog.adapters.postgres.tables import queries

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
FETCH_ROWS = 500
# A promotion may have a thousand articles in scope, each of which is work.
FETCH_PROMOTIONS = 20

_VERSION = metrics.gauge(
    "catalog_snapshot_version", "1", "Version of the catalogue that baskets are priced with"
)
_LOAD_SECONDS = metrics.histogram(
    "catalog_snapshot_load_seconds", "s", "Time to bring the snapshot up to date"
)


class CatalogueReplica:
    """Holds the snapshot; `refresh` after an own write, `follow` for what other instances write."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._lock = asyncio.Lock()
        self.snapshot = Snapshot()

    async def refresh(self) -> None:
        """Return when the snapshot has every write that was committed before the call.

        Raises:
            Unavailable: the database cannot be reached; the snapshot stays as it was.
        """
        # Whoever waits here for a load that began before its own write looks again afterwards.
        async with self._lock:
            async with self._db.connection() as conn:
                version = await conn.fetchval(queries.current_version)
            if version != self.snapshot.version:
                await self._load()

    async def follow(self, every_seconds: float = POLL_SECONDS) -> None:
        """Bring the snapshot up to date again and again, for ever; waits out a database that is away."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.refresh()
            except Unavailable as error:
                log.warning("catalog.snapshot.stale", extra={"reason": str(error)})

    async def _load(self) -> None:
        started = perf_counter()
        base = self.snapshot
        async with self._db.transaction() as conn:
            # One view of all tables, so that a price never comes without its article.
            await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            version = await conn.fetchval(queries.current_version)
            if version < self.snapshot.version:
                log.warning("catalog.snapshot.restored", extra={"version": version})
                base = Snapshot()
            assembly = Assembly(base, self._clock())
            with _uncollected() if base.version == 0 else nullcontext():
                count = await _collect(conn, base.version, assembly)
        self.snapshot = assembly.finish(version)
        seconds = perf_counter() - started
        _VERSION.set(version)
        _LOAD_SECONDS.observe(seconds)
        log.info("catalog.snapshot", extra={"version": version, "rows": count, "seconds": round(seconds, 4)})


@contextmanager
def _uncollected() -> Iterator[None]:
    """For the first load: it leaves many long-lived objects and no garbage, so the collector need not walk
    them while they come, nor ever after.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


async def _collect(conn: Connection, since: int, assembly: Assembly) -> int:
    """Put every row written after version `since` into the assembly; gives how many there were."""

    def article(row: rows.Row) -> None:
        sku, product_id, name_en, name_es, tax_class, category_path, discontinued_at, brand, attributes = row
        text = LocalizedText(name_en, name_es)
        assembly.put_article(
            Article(
                sku,
                product_id,
                text.in_english,
                text.in_spanish,
                tax_class,
                tuple(category_path),
                discontinued_at,
                brand,
                () if attributes == "{}" else tuple(sorted(orjson.loads(attributes).items())),
            )
        )

    def price(row: rows.Row) -> None:
        price_list_id, sku, unit_price_minor, valid_from, valid_until = row
        validity = rows.instant(valid_from), rows.instant(valid_until)
        assembly.put_price(price_list_id, Price(sku, unit_price_minor, *validity))

    def listing(row: rows.Row) -> None:
        assembly.put_listing(row["channel_id"], row["sku"], listed=row["listed"])

    def tax_rate(row: rows.Row) -> None:
        key = TaxKey(row["tax_class"], row["country_code"], row["region"])
        assembly.put_tax_rate(TaxRate(key, row["rate_ppm"]))

    parts: list[tuple[str, Callable[[rows.Row], None]]] = [
        ("changed_articles", article),
        ("changed_price_lists", lambda row: assembly.put_price_list(rows.price_list(row))),
        ("changed_prices", price),
        ("changed_channels", lambda row: assembly.put_channel(rows.channel(row))),
        ("changed_listings", listing),
        ("changed_promotions", lambda row: assembly.put_promotion(rows.promotion(row))),
        ("changed_tax_rates", tax_rate),
    ]
    count = 0
    for name, put in parts:
        async for batch in _pieces(conn, name, since):
            for row in batch:
                put(row)
            count += len(batch)
    return count


async def _pieces(conn: Connection, name: str, since: int) -> AsyncIterator[list[rows.Row]]:
    """The rows of a query, `FETCH_ROWS` at a time. Each query has a cursor of its own name, which its
    FETCH is prepared for.
    """
    await conn.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {getattr(queries, name)}", since)
    size = FETCH_PROMOTIONS if name == "changed_promotions" else FETCH_ROWS
    while True:
        batch = await conn.fetch(f"FETCH {size} FROM {name}")
        if batch:
            yield batch
        if len(batch) < size:
            break
    await conn.execute(f"CLOSE {name}")
