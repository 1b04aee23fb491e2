"""Rows to domain objects; every reader of the tables uses these."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias

import asyncpg
import orjson

from pricing.channels import Channel, PriceList
from pricing.promotions import (
    AmountOff,
    BasketThreshold,
    Benefit,
    BuyXPayY,
    PercentageOff,
    Promotion,
    Scope,
)
from pricing.texts import LocalizedText
from services.catalog.domain.products import Product, Variant

Row: TypeAlias = asyncpg.Record


def instant(value: datetime) -> datetime:
    """An instant of a row, always with its zone: asyncpg gives PostgreSQL's infinities without one."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def name(row: Row) -> LocalizedText:
    """The text for people of a row."""
    return LocalizedText(row["name_en"], row["name_es"])


def channel(row: Row) -> Channel:
    """A row of `channel`."""
    return Channel(
        row["channel_id"],
        name(row),
        row["currency_code"],
        tuple(row["price_list_ids"]),
        row["explicit_assortment"],
        tuple(row["methods"]),
    )


def price_list(row: Row) -> PriceList:
    """A row of `price_list`."""
    return PriceList(
        row["price_list_id"],
        name(row),
        row["currency_code"],
        row["tax_inclusive"],
        instant(row["valid_from"]),
        instant(row["valid_until"]),
    )


def variant(row: Row) -> Variant:
    """A row of `variants_of`."""
    return Variant(
        row["sku"],
        tuple(row["barcodes"]),
        orjson.loads(row["attributes"]),
        row["tax_class"],
        row["discontinued_at"],
    )


def product(row: Row, variants: tuple[Variant, ...]) -> Product:
    """A row of `product` with its variants."""
    return Product(row["product_id"], name(row), row["brand"], tuple(row["category_path"]), variants)


def promotion(row: Row) -> Promotion:
    """A row of `promotion`."""
    return Promotion(
        promotion_id=row["promotion_id"],
        name=name(row),
        benefit=_benefit(row),
        scope=Scope(
            frozenset(row["scope_skus"]), frozenset(row["scope_categories"]), frozenset(row["scope_channels"])
        ),
        coupon_code=row["coupon_code"],
        priority=row["priority"],
        stackable=row["stackable"],
        valid_from=instant(row["valid_from"]),
        valid_until=instant(row["valid_until"]),
        withdrawn=row["withdrawn"],
    )


def _benefit(row: Row) -> Benefit:
    match row["benefit"]:
        case "PERCENTAGE_OFF":
            return PercentageOff(row["basis_points"])
        case "AMOUNT_OFF":
            return AmountOff(row["amount_minor"], row["currency_code"])
        case "BUY_X_PAY_Y":
            return BuyXPayY(row["buy_units"], row["pay_units"])
        case _:
            return BasketThreshold(
                row["minimum_minor"],
                row["currency_code"],
                row["amount_minor"] or 0,
                row["basis_points"] or 0,
            )
