"""Catalogues for tests: typed defaults, so that a test says only what matters to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from pricing.assembly import Assembly
from pricing.baskets import Basket, BasketLine
from pricing.channels import Channel, Price, PriceList
from pricing.promotions import Benefit, PercentageOff, Promotion, Scope
from pricing.snapshot import Article, Snapshot
from pricing.taxes import STANDARD_TAX_CLASS, TaxKey, TaxRate
from pricing.texts import LocalizedText
from pricing.validity import NEVER_ENDS, SINCE_EVER

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEN_PERCENT = PercentageOff(1000)


def an_article(
    sku: str,
    *,
    path: tuple[str, ...] = ("GROCERY",),
    tax_class: str = STANDARD_TAX_CLASS,
    discontinued: datetime | None = None,
) -> Article:
    return Article(sku, f"product-{sku}", f"Name of {sku}", f"Nombre de {sku}", tax_class, path, discontinued)


def a_channel(
    channel_id: str = "web",
    *lists: str,
    currency: str = "USD",
    explicit: bool = False,
) -> Channel:
    return Channel(channel_id, LocalizedText(channel_id), currency, lists or ("base",), explicit)


def a_price_list(
    price_list_id: str = "base",
    *,
    currency: str = "USD",
    tax_inclusive: bool = False,
    valid_from: datetime = SINCE_EVER,
    valid_until: datetime = NEVER_ENDS,
) -> PriceList:
    return PriceList(price_list_id, LocalizedText(""), currency, tax_inclusive, valid_from, valid_until)


def a_promotion(
    promotion_id: str = "p",
    benefit: Benefit = TEN_PERCENT,
    *,
    skus: Iterable[str] = (),
    categories: Iterable[str] = (),
    channels: Iterable[str] = (),
    coupon: str = "",
    priority: int = 0,
    stackable: bool = False,
    valid_from: datetime = SINCE_EVER,
    valid_until: datetime = NEVER_ENDS,
    withdrawn: bool = False,
) -> Promotion:
    return Promotion(
        promotion_id,
        LocalizedText(promotion_id),
        benefit,
        Scope(frozenset(skus), frozenset(categories), frozenset(channels)),
        coupon,
        priority,
        stackable,
        valid_from,
        valid_until,
        withdrawn,
    )


def a_basket(
    *lines: tuple[str, int],
    channel: str = "web",
    coupons: tuple[str, ...] = (),
    region: str = "",
    currency: str = "",
) -> Basket:
    return Basket(
        channel,
        tuple(BasketLine(*line) for line in lines),
        coupons,
        tax_region=region,
        currency_code=currency,
    )


def a_snapshot(
    prices: Mapping[str, int | Price] | None = None,
    *promotions: Promotion,
    articles: Iterable[Article] = (),
    channels: Iterable[Channel] = (),
    price_lists: Iterable[PriceList] = (),
    more_prices: Iterable[tuple[str, Price]] = (),
    listings: Iterable[tuple[str, str]] = (),
    tax_rates: Mapping[tuple[str, str, str], int] | None = None,
    base: Snapshot | None = None,
    at: datetime = NOW,
) -> Snapshot:
    """A catalogue with one list "base", one channel "web" and an article for every price, unless told
    otherwise.
    """
    assembly = Assembly(base or Snapshot(), at)
    for price_list in price_lists or [a_price_list()]:
        assembly.put_price_list(price_list)
    for channel in channels or [a_channel()]:
        assembly.put_channel(channel)
    known = {article.sku: article for article in articles}
    for sku, price in (prices or {}).items():
        assembly.put_article(known.pop(sku) if sku in known else an_article(sku))
        assembly.put_price("base", price if isinstance(price, Price) else Price(sku, price))
    for article in known.values():
        assembly.put_article(article)
    for price_list_id, price in more_prices:
        assembly.put_price(price_list_id, price)
    for channel_id, sku in listings:
        assembly.put_listing(channel_id, sku, listed=True)
    for key, ppm in (tax_rates or {}).items():
        assembly.put_tax_rate(TaxRate(TaxKey(*key), ppm))
    for promotion in promotions:
        assembly.put_promotion(promotion)
    return assembly.finish(1)
