"""What prices are made of to contract messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.catalog.v1 import catalog_pb2, pricing_pb2
from aljibe.common.v1 import types_pb2
from pricing.assembly import Change, ListedPrice, Listing
from pricing.channels import Channel, Price, PriceList
from pricing.promotions import AmountOff, BasketThreshold, BuyXPayY, PercentageOff, Promotion
from pricing.snapshot import Article
from pricing.taxes import TaxRate
from pricing.texts import LocalizedText
from pricing.validity import NEVER_ENDS, SINCE_EVER


def put_changes(message: pricing_pb2.StreamCatalogueResponse, changes: Iterable[Change]) -> None:
    """Add changes to a part of a stream."""
    for change in changes:
        match change:
            case Article():
                message.articles.append(_article(change))
            case PriceList():
                message.price_lists.append(_price_list(change))
            case ListedPrice(price_list_id, price):
                message.prices.add(price_list_id=price_list_id, price=_price(price))
            case Channel():
                message.channels.append(channel(change))
            case Listing(channel_id, sku, listed):
                message.listings.add(channel_id=channel_id, sku=sku, listed=listed)
            case Promotion():
                message.promotions.append(promotion(change))
            case TaxRate(key, rate_ppm):
                message.tax_rates.add(
                    tax_class=key.tax_class,
                    country_code=key.country_code,
                    region=key.region,
                    rate_ppm=rate_ppm,
                )


def _article(found: Article) -> pricing_pb2.PricedArticle:
    return pricing_pb2.PricedArticle(
        sku=found.sku,
        product_id=found.product_id,
        name_en=found.name_en,
        name_es=found.name_es,
        tax_class=found.tax_class,
        category_path=found.category_path,
        discontinued_time=time(found.discontinued_time),
        brand=found.brand,
        attributes=dict(found.attributes),
    )


def _price_list(found: PriceList) -> catalog_pb2.PriceList:
    return catalog_pb2.PriceList(
        price_list_id=found.price_list_id,
        name=text(found.name),
        currency_code=found.currency_code,
        tax_inclusive=found.tax_inclusive,
        valid_from=time(found.valid_from),
        valid_until=time(found.valid_until),
    )


def _price(found: Price) -> catalog_pb2.Price:
    return catalog_pb2.Price(
        sku=found.sku,
        unit_price_minor=found.unit_price_minor,
        valid_from=time(found.valid_from),
        valid_until=time(found.valid_until),
    )


def text(found: LocalizedText) -> catalog_pb2.LocalizedText:
    """A text for people."""
    return catalog_pb2.LocalizedText(en=found.en, es=found.es)


def time(moment: datetime | None) -> Timestamp | None:
    """An instant; None where there is none, and for a beginning or an end that is not set."""
    if moment is None or moment in (SINCE_EVER, NEVER_ENDS):
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def channel(found: Channel) -> catalog_pb2.Channel:
    """A channel."""
    return catalog_pb2.Channel(
        channel_id=found.channel_id,
        name=text(found.name),
        currency_code=found.currency_code,
        price_list_ids=found.price_list_ids,
        explicit_assortment=found.explicit_assortment,
        methods=[types_pb2.FulfillmentMethod.ValueType(method) for method in found.methods],
    )


def promotion(found: Promotion) -> catalog_pb2.Promotion:
    """A promotion; sets come back sorted."""
    message = catalog_pb2.Promotion(
        promotion_id=found.promotion_id,
        name=text(found.name),
        scope=catalog_pb2.PromotionScope(
            skus=sorted(found.scope.skus),
            categories=sorted(found.scope.categories),
            channel_ids=sorted(found.scope.channel_ids),
        ),
        coupon_code=found.coupon_code,
        priority=found.priority,
        stackable=found.stackable,
        valid_from=time(found.valid_from),
        valid_until=time(found.valid_until),
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
