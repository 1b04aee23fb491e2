"""Contract messages to what prices are made of."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.catalog.v1 import catalog_pb2, pricing_pb2
from pricing.assembly import Change, ListedPrice, Listing
from pricing.channels import Channel, Price, PriceList
from pricing.promotions import (
    AmountOff,
    BasketThreshold,
    Benefit,
    BuyXPayY,
    PercentageOff,
    Promotion,
    Scope,
    check_one_currency,
)
from pricing.snapshot import Article
from pricing.taxes import TaxKey, TaxRate
from pricing.texts import LocalizedText
from pricing.validity import NEVER_ENDS, SINCE_EVER


def changes(message: pricing_pb2.StreamCatalogueResponse) -> list[Change]:
    """What a part of a stream brings, in the order in which it counts."""
    found: list[Change] = [_article(one) for one in message.articles]
    found += [price_list(one) for one in message.price_lists]
    found += [ListedPrice(one.price_list_id, price(one.price)) for one in message.prices]
    found += [channel(one) for one in message.channels]
    found += [Listing(one.channel_id, one.sku, one.listed) for one in message.listings]
    found += [promotion(one) for one in message.promotions]
    found += [tax_rate(one) for one in message.tax_rates]
    return found


def _article(message: pricing_pb2.PricedArticle) -> Article:
    return Article(
        message.sku,
        message.product_id,
        message.name_en,
        message.name_es,
        message.tax_class,
        tuple(message.category_path),
        _time(message.discontinued_time) if message.HasField("discontinued_time") else None,
        message.brand,
        tuple(sorted(message.attributes.items())) if message.attributes else (),
    )


def text(message: catalog_pb2.LocalizedText) -> LocalizedText:
    """A text for people."""
    return LocalizedText(message.en, message.es)


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


def channel(message: catalog_pb2.Channel) -> Channel:
    """A channel."""
    return Channel(
        message.channel_id,
        text(message.name),
        message.currency_code,
        tuple(message.price_list_ids),
        message.explicit_assortment,
        tuple(message.methods),
    )


def price_list(message: catalog_pb2.PriceList) -> PriceList:
    """A price list."""
    return PriceList(
        message.price_list_id,
        text(message.name),
        message.currency_code,
        message.tax_inclusive,
        _time(message.valid_from) if message.HasField("valid_from") else SINCE_EVER,
        _time(message.valid_until) if message.HasField("valid_until") else NEVER_ENDS,
    )


def price(message: catalog_pb2.Price) -> Price:
    """A price."""
    return Price(
        message.sku,
        message.unit_price_minor,
        _time(message.valid_from) if message.HasField("valid_from") else SINCE_EVER,
        _time(message.valid_until) if message.HasField("valid_until") else NEVER_ENDS,
    )


def promotion(message: catalog_pb2.Promotion) -> Promotion:
    """A promotion.

    Raises:
        CurrencyMismatch: the amounts of a basket threshold are in two currencies.
    """
    return Promotion(
        promotion_id=message.promotion_id,
        name=text(message.name),
        benefit=_benefit(message),
        scope=Scope(
            frozenset(message.scope.skus),
            frozenset(message.scope.categories),
            frozenset(message.scope.channel_ids),
        ),
        coupon_code=message.coupon_code,
        priority=message.priority,
        stackable=message.stackable,
        valid_from=_time(message.valid_from) if message.HasField("valid_from") else SINCE_EVER,
        valid_until=_time(message.valid_until) if message.HasField("valid_until") else NEVER_ENDS,
        withdrawn=message.withdrawn,
    )


def _benefit(message: catalog_pb2.Promotion) -> Benefit:
    match message.WhichOneof("benefit"):
        case "percentage_off":
            return PercentageOff(message.percentage_off.basis_points)
        case "amount_off":
            amount = message.amount_off.amount
            return AmountOff(amount.amount_minor, amount.currency_code)
        case "buy_x_pay_y":
            return BuyXPayY(message.buy_x_pay_y.buy_units, message.buy_x_pay_y.pay_units)
        case _:
            threshold = message.basket_threshold
            minimum = threshold.minimum_subtotal
            if threshold.WhichOneof("reduction") == "basis_points_off":
                return BasketThreshold(
                    minimum.amount_minor, minimum.currency_code, basis_points_off=threshold.basis_points_off
                )
            check_one_currency(
                message.promotion_id, minimum.currency_code, threshold.amount_off.currency_code
            )
            return BasketThreshold(
                minimum.amount_minor,
                minimum.currency_code,
                amount_off_minor=threshold.amount_off.amount_minor,
            )


def tax_rate(message: catalog_pb2.TaxRate) -> TaxRate:
    """A tax rate."""
    return TaxRate(TaxKey(message.tax_class, message.country_code, message.region), message.rate_ppm)
