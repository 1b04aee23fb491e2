"""The stored catalogue inside a transaction: writes in groups, one statement a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import orjson

from aljibe.catalog.v1 import events_pb2
from chassis import envelope, outbox, sql
from chassis.envelope import OutboxEvent
from chassis.postgres import Connection
from chassis.telemetry import current_traceparent
from pricing.channels import Channel, Price, PriceList
from pricing.promotions import (
    AmountOff,
    BasketThreshold,
    Benefit,
    BuyXPayY,
    PercentageOff,
    Promotion,
)
from pricing.taxes import TaxRate
from services.catalog.adapters.postgres import rows
from services.catalog.domain.barcodes import gtin_of
from services.catalog.domain.products import Product
from services.catalog.usecases.ports import Part

SERVICE = "catalog"
AGGREGATE = "catalog"
queries = sql.load("services.catalog.adapters.postgres")


class PostgresTables:
    """`CatalogueTables` on one connection. `events` is what the transaction tells others once it has
    committed.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._version = 0
        self.events: list[OutboxEvent] = []

    async def begin_change(self, part: Part, at: datetime) -> None:
        """See `CatalogueTables`. The version is also the event's sequence: every accepted write is one
        event.
        """
        self._version = await self._conn.fetchval(queries.next_version, at)
        changed = events_pb2.CatalogChanged(catalog_version=self._version, part=part.value)
        changed.time.FromDatetime(at)
        event = envelope.event(
            SERVICE,
            changed,
            aggregate_type=AGGREGATE,
            aggregate_id=AGGREGATE,
            sequence=self._version,
            occurred_at=at,
            traceparent=current_traceparent(),
        )
        await outbox.append(self._conn, [event])
        self.events.append(event)

    async def owners_of(self, skus: Collection[str]) -> Mapping[str, str]:
        """See `CatalogueTables`."""
        found = await self._conn.fetch(queries.owners_of, list(skus))
        return {row["sku"]: row["product_id"] for row in found}

    async def holders_of(self, gtins: Collection[str]) -> Mapping[str, str]:
        """See `CatalogueTables`."""
        found = await self._conn.fetch(queries.holders_of, list(gtins))
        return {row["gtin"]: row["sku"] for row in found}

    async def write_products(self, products: Sequence[Product], at: datetime) -> None:
        """See `CatalogueTables`."""
        await self._conn.execute(
            queries.upsert_products,
            [product.product_id for product in products],
            [product.name.en for product in products],
            [product.name.es for product in products],
            [product.brand for product in products],
            [_json(product.category_path) for product in products],
            self._version,
        )
        variants = [
            (product.product_id, position, variant)
            for product in products
            for position, variant in enumerate(product.variants)
        ]
        skus = [variant.sku for _, _, variant in variants]
        await self._conn.execute(
            queries.upsert_variants,
            skus,
            [product_id for product_id, _, _ in variants],
            [position for _, position, _ in variants],
            [_json(dict(variant.attributes)) for _, _, variant in variants],
            [variant.tax_class for _, _, variant in variants],
            self._version,
        )
        await self._conn.execute(
            queries.drop_variants, [product.product_id for product in products], skus, at, self._version
        )
        await self._conn.execute(queries.clear_barcodes, skus)
        barcodes = {
            gtin_of(barcode): (barcode, variant.sku)
            for _, _, variant in variants
            for barcode in variant.barcodes
        }
        await self._conn.execute(
            queries.insert_barcodes,
            list(barcodes),
            [barcode for barcode, _ in barcodes.values()],
            [sku for _, sku in barcodes.values()],
        )

    async def discontinue(self, skus: Collection[str], at: datetime) -> int:
        """See `CatalogueTables`."""
        return len(await self._conn.fetch(queries.discontinue_variants, list(skus), at, self._version))

    async def price_lists(self, price_list_ids: Collection[str]) -> Mapping[str, PriceList]:
        """See `CatalogueTables`."""
        found = await self._conn.fetch(queries.price_lists_by_id, list(price_list_ids))
        return {row["price_list_id"]: rows.price_list(row) for row in found}

    async def write_price_lists(self, price_lists: Sequence[PriceList]) -> None:
        """See `CatalogueTables`."""
        await self._conn.execute(
            queries.upsert_price_lists,
            [one.price_list_id for one in price_lists],
            [one.name.en for one in price_lists],
            [one.name.es for one in price_lists],
            [one.currency_code for one in price_lists],
            [one.tax_inclusive for one in price_lists],
            [one.valid_from for one in price_lists],
            [one.valid_until for one in price_lists],
            self._version,
        )

    async def write_prices(self, price_list_id: str, prices: Sequence[Price]) -> None:
        """See `CatalogueTables`."""
        await self._conn.execute(
            queries.upsert_prices,
            price_list_id,
            [price.sku for price in prices],
            [price.valid_from for price in prices],
            [price.valid_until for price in prices],
            [price.unit_price_minor for price in prices],
            self._version,
        )

    async def channel(self, channel_id: str) -> Channel | None:
        """See `CatalogueTables`."""
        found = await self._conn.fetchrow(queries.channel_by_id, channel_id)
        return rows.channel(found) if found else None

    async def channels_selling_from(self, price_list_ids: Collection[str]) -> Sequence[Channel]:
        """See `CatalogueTables`."""
        found = await self._conn.fetch(queries.channels_by_list, list(price_list_ids))
        return [rows.channel(row) for row in found]

    async def write_channels(self, channels: Sequence[Channel]) -> None:
        """See `CatalogueTables`."""
        await self._conn.execute(
            queries.upsert_channels,
            [one.channel_id for one in channels],
            [one.name.en for one in channels],
            [one.name.es for one in channels],
            [one.currency_code for one in channels],
            [_json(one.price_list_ids) for one in channels],
            [one.explicit_assortment for one in channels],
            [_json(one.methods) for one in channels],
            self._version,
        )

    async def change_assortment(self, channel_id: str, add: Collection[str], remove: Collection[str]) -> int:
        """See `CatalogueTables`."""
        await self._conn.execute(queries.unlist_articles, channel_id, list(remove), self._version)
        await self._conn.execute(queries.list_articles, channel_id, sorted(set(add)), self._version)
        size: int = await self._conn.fetchval(queries.assortment_size, channel_id)
        return size

    async def write_promotions(self, promotions: Sequence[Promotion]) -> None:
        """See `CatalogueTables`."""
        benefits = [_benefit_columns(one.benefit) for one in promotions]
        await self._conn.execute(
            queries.upsert_promotions,
            [one.promotion_id for one in promotions],
            [one.name.en for one in promotions],
            [one.name.es for one in promotions],
            [_json(sorted(one.scope.skus)) for one in promotions],
            [_json(sorted(one.scope.categories)) for one in promotions],
            [_json(sorted(one.scope.channel_ids)) for one in promotions],
            *([columns[number] for columns in benefits] for number in range(7)),
            [one.coupon_code for one in promotions],
            [one.priority for one in promotions],
            [one.stackable for one in promotions],
            [one.valid_from for one in promotions],
            [one.valid_until for one in promotions],
            [one.withdrawn for one in promotions],
            self._version,
        )

    async def write_tax_rates(self, rates: Sequence[TaxRate]) -> None:
        """See `CatalogueTables`."""
        await self._conn.execute(
            queries.upsert_tax_rates,
            [rate.key.tax_class for rate in rates],
            [rate.key.country_code for rate in rates],
            [rate.key.region for rate in rates],
            [rate.rate_ppm for rate in rates],
            self._version,
        )


_BenefitColumns = tuple[str, int | None, int | None, int | None, str | None, int | None, int | None]


def _benefit_columns(benefit: Benefit) -> _BenefitColumns:
    """Columns benefit, basis_points, amount_minor, minimum_minor, currency_code, buy_units, pay_units."""
    match benefit:
        case PercentageOff(basis_points):
            return ("PERCENTAGE_OFF", basis_points, None, None, None, None, None)
        case AmountOff(amount_minor, currency_code):
            return ("AMOUNT_OFF", None, amount_minor, None, currency_code, None, None)
        case BuyXPayY(buy_units, pay_units):
            return ("BUY_X_PAY_Y", None, None, None, None, buy_units, pay_units)
        case BasketThreshold(minimum_minor, currency_code, amount_minor, basis_points):
            kind = "BASKET_THRESHOLD"
            return (
                kind,
                basis_points or None,
                amount_minor or None,
                minimum_minor,
                currency_code,
                None,
                None,
            )


def _json(value: Iterable[object] | Mapping[str, str]) -> str:
    return orjson.dumps(value).decode()
