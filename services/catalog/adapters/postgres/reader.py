"""Reads for people and front ends, straight from the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from chassis.postgres import Connection, Database
from pricing.channels import Channel
from pricing.promotions import Promotion
from pricing.refusals import ChannelUnknown
from services.catalog.adapters.postgres import rows
from services.catalog.adapters.postgres.tables import queries
from services.catalog.domain.barcodes import gtin_of
from services.catalog.domain.products import Product, Variant, search_terms
from services.catalog.domain.refusals import BarcodeUnknown, ProductUnknown


class CatalogueReader:
    """Products, channels and promotions as they are stored. Pages begin after a given id, "" being the
    first.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    async def product(self, product_id: str) -> Product:
        """One product with its variants.

        Raises:
            ProductUnknown: there is none.
        """
        async with self._db.connection() as conn:
            return await _product(conn, product_id)

    async def product_by_barcode(self, barcode: str) -> tuple[Product, str]:
        """The product that a barcode stands for, and which of its SKUs.

        Raises:
            BarcodeUnknown: no article has it.
        """
        async with self._db.connection() as conn:
            found = await conn.fetchrow(queries.article_by_gtin, gtin_of(barcode))
            if found is None:
                raise BarcodeUnknown(barcode)
            return await _product(conn, found["product_id"]), found["sku"]

    async def search(self, text: str, after: str, limit: int) -> Sequence[Product]:
        """Products that `text` names by SKU, barcode or id; else those with words that begin like all of its
        words, in order of id.
        """
        async with self._db.connection() as conn:
            named = await conn.fetch(queries.product_of_sku_or_gtin, text, gtin_of(text))
            if named:
                ids = sorted(row["product_id"] for row in named if row["product_id"] > after)
                found = await conn.fetch(queries.products_by_id, ids[:limit])
                return await _with_variants(conn, sorted(found, key=_id))
            wanted = search_terms(text)
            if not wanted:
                return []
            query = " & ".join(f"{word}:*" for word in wanted)
            return await _with_variants(
                conn, await conn.fetch(queries.products_by_words, query, after, limit)
            )

    async def variants(self, skus: Sequence[str]) -> Sequence[tuple[Product, Variant]]:
        """Those of `skus` that exist, in order; each with its product, which has no other variants here."""
        async with self._db.connection() as conn:
            found = await conn.fetch(queries.described_variants, list(skus))
        return [(rows.product(row, (rows.variant(row),)), rows.variant(row)) for row in found]

    async def products(self, channel_id: str, category: str, after: str, limit: int) -> Sequence[Product]:
        """Products of a channel ("" for all) and a category ("" for all), in order of id.

        Raises:
            ChannelUnknown: there is no such channel.
        """
        async with self._db.connection() as conn:
            sells_everything = True
            if channel_id:
                channel = await conn.fetchrow(queries.channel_by_id, channel_id)
                if channel is None:
                    raise ChannelUnknown(channel_id)
                sells_everything = not channel["explicit_assortment"]
            found = await conn.fetch(
                queries.products_page, after, category, channel_id, sells_everything, limit
            )
            return await _with_variants(conn, found)

    async def channels(self, after: str, limit: int) -> Sequence[Channel]:
        """Channels in order of id."""
        async with self._db.connection() as conn:
            return [rows.channel(row) for row in await conn.fetch(queries.channels_page, after, limit)]

    async def promotions(self, after: str, limit: int) -> Sequence[Promotion]:
        """Promotions in order of id, withdrawn ones too."""
        async with self._db.connection() as conn:
            return [rows.promotion(row) for row in await conn.fetch(queries.promotions_page, after, limit)]


def _id(row: rows.Row) -> str:
    return str(row["product_id"])


async def _product(conn: Connection, product_id: str) -> Product:
    found = await _with_variants(conn, await conn.fetch(queries.products_by_id, [product_id]))
    if not found:
        raise ProductUnknown(product_id)
    return found[0]


async def _with_variants(conn: Connection, found: Sequence[rows.Row]) -> list[Product]:
    variants: defaultdict[str, list[Variant]] = defaultdict(list)
    for row in await conn.fetch(queries.variants_of, [row["product_id"] for row in found]):
        variants[row["product_id"]].append(rows.variant(row))
    return [rows.product(row, tuple(variants[row["product_id"]])) for row in found]
