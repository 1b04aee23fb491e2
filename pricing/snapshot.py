"""The catalogue as the price engine sees it: one immutable whole, of one version, in memory.

What a channel sells an article for is worked out on first use and remembered for as long as no price, list
or promotion that
touches it begins or ends; so a line of a basket costs one look-up. That memory is the only thing here that
changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pricing.channels import Channel, PriceList
from pricing.promotions import BasketThreshold, Promotion, coupon_key, currency_of
from pricing.refusals import ChannelUnknown, PriceMissing, SkuDiscontinued, SkuNotInAssortment, SkuUnknown
from pricing.taxes import TaxKey
from pricing.validity import Steady


class Article(NamedTuple):
    """A variant with what the engine needs of its product."""

    sku: str
    product_id: str
    name_en: str
    name_es: str
    tax_class: str
    category_path: tuple[str, ...]
    discontinued_time: datetime | None
    brand: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


class PricePoint(NamedTuple):
    """What one unit costs in one list, and when."""

    valid_from: datetime
    valid_until: datetime
    unit_price_minor: int


class RankedPromotion:
    """A promotion with its place in the order of trial: line promotions before basket ones, higher priority
    first, ties by id.
    """

    __slots__ = (
        "benefit",
        "coupon_code",
        "coupon_key",
        "currency_code",
        "for_basket",
        "name_en",
        "name_es",
        "order",
        "promotion",
        "promotion_id",
        "stackable",
    )

    def __init__(self, promotion: Promotion) -> None:
        self.promotion = promotion
        self.for_basket = isinstance(promotion.benefit, BasketThreshold)
        self.order = (self.for_basket, -promotion.priority, promotion.promotion_id)
        # Copied out, since they are read for every line of every basket.
        self.promotion_id = promotion.promotion_id
        self.benefit = promotion.benefit
        self.coupon_code = promotion.coupon_code
        self.coupon_key = coupon_key(promotion.coupon_code)
        self.currency_code = currency_of(promotion.benefit)
        self.stackable = promotion.stackable
        self.name_en = promotion.name.in_english
        self.name_es = promotion.name.in_spanish


@dataclass(frozen=True, slots=True)
class PromotionIndex:
    """Finds the promotions of an article without looking at the others.

    `known` has all of them by id, and `coupons` all with a coupon by its key; the other three, the doors,
    only
    those that may still take something off.
    """

    known: Mapping[str, RankedPromotion] = field(default_factory=dict)
    by_sku: Mapping[str, tuple[RankedPromotion, ...]] = field(default_factory=dict)
    by_category: Mapping[str, tuple[RankedPromotion, ...]] = field(default_factory=dict)
    everywhere: tuple[RankedPromotion, ...] = ()
    coupons: Mapping[str, tuple[RankedPromotion, ...]] = field(default_factory=dict)

    def touching(self, article: Article) -> list[RankedPromotion]:
        """Every promotion that has the article in scope, in order of trial."""
        found = [*self.by_sku.get(article.sku, ()), *self.everywhere]
        path = article.category_path
        for category in dict.fromkeys(path):
            found.extend(self.by_category.get(category, ()))
        covering = {
            ranked.promotion_id: ranked
            for ranked in found
            if ranked.promotion.scope.covers(article.sku, path)
        }
        return sorted(covering.values(), key=_order)


class Offer:
    """What a channel sells an article for, true at every instant from `since` until `until`. Promotions in
    order of trial.
    """

    __slots__ = (
        "article",
        "coupon_promotions",
        "price_list_id",
        "promotions",
        "since",
        "unit_price_minor",
        "until",
    )

    def __init__(
        self,
        article: Article,
        unit_price_minor: int,
        price_list_id: str,
        promotions: Sequence[RankedPromotion],
        steady: Steady,
    ) -> None:
        self.article = article
        self.unit_price_minor = unit_price_minor
        self.price_list_id = price_list_id
        self.promotions = tuple(found for found in promotions if not found.coupon_key)
        self.coupon_promotions = tuple(found for found in promotions if found.coupon_key)
        self.since = steady.since
        self.until = steady.until


class Shelf:
    """One channel's offers."""

    __slots__ = ("_offers", "_snapshot", "_sold", "channel", "tax_inclusive")

    def __init__(self, channel: Channel, snapshot: Snapshot) -> None:
        self.channel = channel
        self._snapshot = snapshot
        self._sold = (
            snapshot.assortments.get(channel.channel_id, frozenset()) if channel.explicit_assortment else None
        )
        lists = [
            snapshot.price_lists[name] for name in channel.price_list_ids if name in snapshot.price_lists
        ]
        self.tax_inclusive = bool(lists) and lists[0].tax_inclusive
        self._offers: dict[str, Offer] = {}

    def offer(self, sku: str, at: datetime) -> Offer:
        """What the channel sells `sku` for at `at`.

        The first of the channel's lists that has a valid price decides; of several valid prices in it, the
        one that began last.

        Raises:
            SkuUnknown, SkuDiscontinued, SkuNotInAssortment, PriceMissing: it does not sell it then.
        """
        known = self._offers.get(sku)
        if known is not None and known.since <= at < known.until:
            return known
        article = self._snapshot.articles.get(sku)
        if article is None:
            raise SkuUnknown(sku)
        if article.discontinued_time is not None:
            # Out of sale is out of sale, also for a quote that was given before: the goods may have been
            # recalled.
            raise SkuDiscontinued(sku, article.discontinued_time)
        if self._sold is not None and sku not in self._sold:
            raise SkuNotInAssortment(sku, self.channel.channel_id)
        steady = Steady(at)
        price_list_id, unit_price_minor = self._price(sku, steady)
        fresh = Offer(article, unit_price_minor, price_list_id, self._promotions(article, steady), steady)
        self._offers[sku] = fresh
        return fresh

    def _price(self, sku: str, steady: Steady) -> tuple[str, int]:
        for price_list_id in self.channel.price_list_ids:
            price_list = self._snapshot.price_lists.get(price_list_id)
            if price_list is None or not steady.observe(price_list.valid_from, price_list.valid_until):
                continue
            points = self._snapshot.prices.get(price_list_id, {}).get(sku, ())
            valid = [point for point in points if steady.observe(point.valid_from, point.valid_until)]
            if valid:
                return price_list_id, max(valid).unit_price_minor
        raise PriceMissing(sku, self.channel.channel_id, steady.at)

    def _promotions(self, article: Article, steady: Steady) -> list[RankedPromotion]:
        currency = self.channel.currency_code
        found: list[RankedPromotion] = []
        for ranked in self._snapshot.promotions.touching(article):
            promotion = ranked.promotion
            channels = promotion.scope.channel_ids
            if channels and self.channel.channel_id not in channels:
                continue
            if ranked.currency_code and ranked.currency_code != currency:
                continue
            if steady.observe(promotion.valid_from, promotion.valid_until):
                found.append(ranked)
        return found


@dataclass(frozen=True)
class Snapshot:
    """The catalogue at `version`; numbers of two `lineage`s do not compare. `prices`: by list, then SKU."""

    version: int = 0
    lineage: str = ""
    articles: Mapping[str, Article] = field(default_factory=dict)
    price_lists: Mapping[str, PriceList] = field(default_factory=dict)
    prices: Mapping[str, Mapping[str, tuple[PricePoint, ...]]] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    assortments: Mapping[str, frozenset[str]] = field(default_factory=dict)
    promotions: PromotionIndex = field(default_factory=PromotionIndex)
    tax_rates: Mapping[TaxKey, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shelves = {channel_id: Shelf(channel, self) for channel_id, channel in self.channels.items()}
        object.__setattr__(self, "_shelves", shelves)

    def shelf(self, channel_id: str) -> Shelf:
        """The offers of a channel.

        Raises:
            ChannelUnknown: there is none of that id.
        """
        shelves: dict[str, Shelf] = self._shelves  # type: ignore[attr-defined]
        found = shelves.get(channel_id)
        if found is None:
            raise ChannelUnknown(channel_id)
        return found


def _order(ranked: RankedPromotion) -> tuple[bool, int, str]:
    return ranked.order
