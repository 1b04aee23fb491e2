"""What was written to the catalogue after a version, piece by piece: for the snapshot, and for the copies
of other services.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import NamedTuple

import orjson

from chassis.postgres import Connection, Database
from pricing.assembly import Change, ListedPrice, Listing
from pricing.channels import Price
from pricing.snapshot import Article
from pricing.taxes import TaxKey, TaxRate
from pricing.texts import LocalizedText
from services.catalog.adapters.postgres import rows
from services.catalog.adapters.postgres.tables import queries

FETCH_ROWS = 500
# A promotion may have a thousand articles in scope, each of which is work.
FETCH_PROMOTIONS = 20


class Version(NamedTuple):
    """A version of the catalogue. Another lineage: a backup was put back, and numbers began to be given again
    from an earlier one; so no number of one lineage says anything of another.
    """

    number: int
    lineage: str

    def base_of(self, newest: Version) -> int:
        """The number up to which a holder of this version has what leads to `newest`; 0: nothing."""
        return self.number if self.lineage == newest.lineage and self.number <= newest.number else 0


class Piece(NamedTuple):
    """Some changes that lead, with the others of the same reading, from version `since` to `version`."""

    version: Version
    since: int
    changes: Sequence[Change] = ()


async def pieces_since(db: Database, has: Version) -> AsyncGenerator[Piece, None]:
    """What leads from version `has` to the newest; at least one piece. When the newest is older or of another
    lineage (a backup was put back), everything from the beginning. A holder that names no lineage is believed
    to have the right one.

    Raises:
        Unavailable: the database cannot be reached.
    """
    async with db.connection() as conn:
        newest = await newest_version(conn)
    has = has if has.lineage else Version(has.number, newest.lineage)
    if newest == has:
        yield Piece(newest, has.number)
        return
    async with db.transaction() as conn:
        newest = await one_view(conn)
        since = has.base_of(newest)
        yield Piece(newest, since)
        async for changes in changes_since(conn, since):
            yield Piece(newest, since, changes)


async def newest_version(conn: Connection) -> Version:
    """The newest committed version."""
    row = await conn.fetchrow(queries.current_version)
    assert row is not None, "migrations write the one row"
    return Version(row["version"], row["lineage"])


async def one_view(conn: Connection) -> Version:
    """Begin to read in a transaction just begun: all tables are seen as of one version, which is given. So a
    price never comes without its article.
    """
    await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return await newest_version(conn)


async def changes_since(conn: Connection, version: int) -> AsyncIterator[list[Change]]:
    """Every row written after `version`, some at a time: articles first, then lists, prices, channels,
    assortments, promotions and taxes.
    """
    for name, change in _PARTS:
        async for batch in _pieces(conn, name, version):
            yield [change(row) for row in batch]


def _article(row: rows.Row) -> Change:
    sku, product_id, name_en, name_es, tax_class, category_path, discontinued_at, brand, attributes = row
    text = LocalizedText(name_en, name_es)
    return Article(
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


def _price(row: rows.Row) -> Change:
    price_list_id, sku, unit_price_minor, valid_from, valid_until = row
    validity = rows.instant(valid_from), rows.instant(valid_until)
    return ListedPrice(price_list_id, Price(sku, unit_price_minor, *validity))


def _listing(row: rows.Row) -> Change:
    return Listing(row["channel_id"], row["sku"], row["listed"])


def _tax_rate(row: rows.Row) -> Change:
    return TaxRate(TaxKey(row["tax_class"], row["country_code"], row["region"]), row["rate_ppm"])


_PARTS: tuple[tuple[str, Callable[[rows.Row], Change]], ...] = (
    ("changed_articles", _article),
    ("changed_price_lists", rows.price_list),
    ("changed_prices", _price),
    ("changed_channels", rows.channel),
    ("changed_listings", _listing),
    ("changed_promotions", rows.promotion),
    ("changed_tax_rates", _tax_rate),
)


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
