"""Domain objects to contract messages."""

from __future__ import annotations

from datetime import UTC, datetime

from aljibe.catalog.v1 import catalog_pb2, pricing_pb2
from pricing import writing
from pricing.baskets import AppliedPromotion
from pricing.quotes import SignedQuote
from services.catalog.domain.products import Product, Variant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_A_DAY = 86_400


def product(found: Product) -> catalog_pb2.Product:
    """A product with its variants."""
    return catalog_pb2.Product(
        product_id=found.product_id,
        name=writing.text(found.name),
        brand=found.brand,
        category_path=found.category_path,
        variants=[_variant(one) for one in found.variants],
    )


def described(of: Product, found: Variant) -> catalog_pb2.DescribedVariant:
    """A variant with what its product says."""
    return catalog_pb2.DescribedVariant(
        variant=_variant(found),
        product_id=of.product_id,
        name=writing.text(of.name),
        brand=of.brand,
        category_path=of.category_path,
    )


def _variant(found: Variant) -> catalog_pb2.Variant:
    return catalog_pb2.Variant(
        sku=found.sku,
        barcodes=found.barcodes,
        attributes=found.attributes,
        tax_class=found.tax_class,
        discontinued_time=writing.time(found.discontinued_time),
    )


def fill_quote(message: pricing_pb2.Quote, signed: SignedQuote) -> None:
    """Write a quote into an empty message.

    Filled in place: a message that is built apart and then put into another is copied, which
    for a batch of baskets would cost more than their prices.
    """
    quote = signed.quote
    message.currency_code = quote.currency_code
    message.subtotal_minor = quote.subtotal_minor
    message.discount_minor = quote.discount_minor
    message.tax_minor = quote.tax_minor
    message.total_minor = quote.total_minor
    message.tax_inclusive = quote.tax_inclusive
    message.quote_token = signed.token
    since_epoch = signed.expire_time - _EPOCH
    message.expire_time.seconds = since_epoch.days * _SECONDS_A_DAY + since_epoch.seconds
    message.expire_time.nanos = since_epoch.microseconds * 1000
    add_line = message.lines.add
    for line in quote.lines:
        added = add_line(
            sku=line.sku,
            quantity_units=line.quantity_units,
            unit_price_minor=line.unit_price_minor,
            price_list_id=line.price_list_id,
            subtotal_minor=line.subtotal_minor,
            discount_minor=line.discount_minor,
            tax_minor=line.tax_minor,
            tax_rate_ppm=line.tax_rate_ppm,
            total_minor=line.total_minor,
            product_id=line.product_id,
            name_en=line.name_en,
            name_es=line.name_es,
        )
        if line.brand:
            added.brand = line.brand
        if line.attributes:
            added.attributes.update(line.attributes)
        if line.promotions:
            add_applied = added.promotions.add
            for applied in line.promotions:
                _fill_applied(add_applied(), applied)
    for applied in quote.basket_promotions:
        _fill_applied(message.basket_promotions.add(), applied)
    for unused in quote.unused_coupons:
        message.unused_coupons.add(coupon_code=unused.coupon_code, reason=unused.reason)


def _fill_applied(message: pricing_pb2.AppliedPromotion, applied: AppliedPromotion) -> None:
    promotion_id, name_en, name_es, amount_minor, coupon_code = applied
    message.promotion_id = promotion_id
    message.name_en = name_en
    message.name_es = name_es
    message.amount_minor = amount_minor
    if coupon_code:
        message.coupon_code = coupon_code
