"""Contract messages to domain objects."""

from __future__ import annotations

from aljibe.catalog.v1 import catalog_pb2, pricing_pb2
from pricing import reading
from pricing.baskets import DEFAULT_TAX_COUNTRY, Basket, BasketLine
from pricing.quotes import Wish
from pricing.taxes import STANDARD_TAX_CLASS
from services.catalog.domain.products import Product, Variant


def product(message: catalog_pb2.Product) -> Product:
    """A product; whether a variant is discontinued is output only and ignored."""
    return Product(
        message.product_id,
        reading.text(message.name),
        message.brand,
        tuple(message.category_path),
        tuple(
            Variant(
                variant.sku,
                tuple(dict.fromkeys(variant.barcodes)),
                dict(variant.attributes),
                variant.tax_class or STANDARD_TAX_CLASS,
            )
            for variant in message.variants
        ),
    )


def wish(message: pricing_pb2.QuoteBasketRequest) -> Wish:
    """A basket to be priced."""
    basket = Basket(
        message.channel_id,
        tuple([BasketLine(line.sku, line.quantity_units) for line in message.lines]),
        tuple(message.coupon_codes),
        message.tax_country_code or DEFAULT_TAX_COUNTRY,
        message.tax_region,
        message.currency_code,
        message.describe_articles,
    )
    return Wish(basket, message.quote_token)
