"""Domain objects to contract messages."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.catalog.v1 import catalog_pb2, pricing_pb2
from aljibe.common.v1 import types_pb2
from pricing.baskets import AppliedPromotion
from pricing.channels import Channel
from pricing.promotions import AmountOff, BasketThreshold, BuyXPayY, PercentageOff, Promotion
from pricing.texts import LocalizedText
from pricing.validity import NEVER_ENDS, SINCE_EVER
from services.catalog.domain.products import Product, Variant
from services.catalog.usecases.quote_basket import SignedQuote

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_A_DAY = 86_400


def _text(text: LocalizedText) -> catalog_pb2.LocalizedText:
    return catalog_pb2.LocalizedText(en=text.en, es=text.es)


def _time(moment: datetime | None) -> Timestamp | None:
    if moment is None or moment in (SINCE_EVER, NEVER_ENDS):
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def product(found: Product) -> catalog_pb2.Product:
    """A product with its variants."""
    return catalog_pb2.Product(
        product_id=found.product_id,
        name=_text(found.name),
        brand=found.brand,
        category_path=found.category_path,
        variants=[_variant(one) for one in found.variants],
    )


def described(of: Product, found: Variant) -> catalog_pb2.DescribedVariant:
    """A variant with what its product says."""
    return catalog_pb2.DescribedVariant(
        variant=_variant(found),
        product_id=of.product_id,
        name=_text(of.name),
        brand=of.brand,
        category_path=of.category_path,
    )


def _variant(found: Variant) -> catalog_pb2.Variant:
    return catalog_pb2.Variant(
        sku=found.sku,
        barcodes=found.barcodes,
        attributes=found.attributes,
        tax_class=found.tax_class,
        discontinued_time=_time(found.discontinued_time),
    )


def channel(found: Channel) -> catalog_pb2.Channel:
    """A channel."""
    return catalog_pb2.Channel(
        channel_id=found.channel_id,
        name=_text(found.name),
        currency_code=found.currency_code,
        price_list_ids=found.price_list_ids,
        explicit_assortment=found.explicit_assortment,
        methods=[types_pb2.FulfillmentMethod.ValueType(method) for method in found.methods],
    )


def promotion(found: Promotion) -> catalog_pb2.Promotion:
    """A promotion; sets come back sorted."""
    message = catalog_pb2.Promotion(
        promotion_id=found.promotion_id,
        name=_text(found.name),
        scope=catalog_pb2.PromotionScope(
            skus=sorted(found.scope.skus),
            categories=sorted(found.scope.categories),
            channel_ids=sorted(found.scope.channel_ids),
        ),
        coupon_code=found.coupon_code,
        priority=found.priority,
        stackable=found.stackable,
        valid_from=_time(found.valid_from),
        valid_until=_time(found.valid_until),
        withdrawn=found.withdrawn,
    )
    match found.benefit:
        case PercentageOff(basis_points):
            message.percentage_off.basis_points = basis_points
        case AmountOff(amount_minor, currency_code):
            message.amount_off.amount.CopyFrom(_money(amount_minor, currency_code))
        case BuyXPayY(buy_units, pay_units):
            message.buy_x_pay_y.buy_units = buy_units
            message.buy_x_pay_y.pay_units = pay_units
        case BasketThreshold(minimum_minor, currency_code, amount_minor, basis_points):
            threshold = message.basket_threshold
            threshold.minimum_subtotal.CopyFrom(_money(minimum_minor, currency_code))
            if basis_points:
                threshold.basis_points_off = basis_points
            else:
                threshold.amount_off.CopyFrom(_money(amount_minor, currency_code))
    return message


def _money(amount_minor: int, currency_code: str) -> types_pb2.Money:
    return types_pb2.Money(currency_code=currency_code, amount_minor=amount_minor)


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
