"""Makes the next snapshot from the last one and what changed since; what did not change is shared by both."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from pricing.channels import Channel, Price, PriceList
from pricing.promotions import Promotion
from pricing.snapshot import Article, PricePoint, PromotionIndex, RankedPromotion, Snapshot
from pricing.taxes import TaxKey, TaxRate

# A promotion that ended longer ago than a quote is honoured can no longer matter to a price.
PAST_PROMOTIONS_KEPT = timedelta(hours=1)


class ListedPrice(NamedTuple):
    """A price and the list it stands in."""

    price_list_id: str
    price: Price


class Listing(NamedTuple):
    """Whether a channel's explicit assortment has an article."""

    channel_id: str
    sku: str
    listed: bool


Change: TypeAlias = Article | PriceList | ListedPrice | Channel | Listing | Promotion | TaxRate
"""A part of the catalogue as it is now; the one of before, if there was one, counts no more."""


class Assembly:
    """Collects changes on top of `base`, at `at`. Only the tables that change are copied, so a small change
    is cheap.
    """

    def __init__(self, base: Snapshot, at: datetime) -> None:
        self._base = base
        self._articles: dict[str, Article] | None = None
        self._price_lists: dict[str, PriceList] | None = None
        self._prices: dict[str, dict[str, tuple[PricePoint, ...]]] = {}
        self._channels: dict[str, Channel] | None = None
        self._assortments: dict[str, set[str]] = {}
        self._tax_rates: dict[TaxKey, int] | None = None
        self._promotions: _IndexDraft | None = None
        self._oldest = at - PAST_PROMOTIONS_KEPT

    def put(self, change: Change) -> None:
        """Take a change, of whatever part."""
        match change:
            case Article():
                self.put_article(change)
            case PriceList():
                self.put_price_list(change)
            case ListedPrice(price_list_id, price):
                self.put_price(price_list_id, price)
            case Channel():
                self.put_channel(change)
            case Listing(channel_id, sku, listed):
                self.put_listing(channel_id, sku, listed=listed)
            case Promotion():
                self.put_promotion(change)
            case TaxRate():
                self.put_tax_rate(change)

    def put_article(self, article: Article) -> None:
        """Add or replace an article."""
        if self._articles is None:
            self._articles = dict(self._base.articles)
        self._articles[article.sku] = article

    def put_price_list(self, price_list: PriceList) -> None:
        """Add or replace a price list; its prices stay."""
        if self._price_lists is None:
            self._price_lists = dict(self._base.price_lists)
        self._price_lists[price_list.price_list_id] = price_list

    def put_price(self, price_list_id: str, price: Price) -> None:
        """Add a price, or replace the one of the same list, SKU and beginning."""
        table = self._prices.get(price_list_id)
        if table is None:
            table = self._prices[price_list_id] = dict(self._base.prices.get(price_list_id, {}))
        point = PricePoint(price.valid_from, price.valid_until, price.unit_price_minor)
        before = table.get(price.sku)
        if before:
            kept = tuple(other for other in before if other.valid_from != point.valid_from)
            table[price.sku] = (*kept, point)
        else:
            table[price.sku] = (point,)

    def put_channel(self, channel: Channel) -> None:
        """Add or replace a channel; its assortment stays."""
        if self._channels is None:
            self._channels = dict(self._base.channels)
        self._channels[channel.channel_id] = channel

    def put_listing(self, channel_id: str, sku: str, *, listed: bool) -> None:
        """Put an article into a channel's explicit assortment, or take it out."""
        skus = self._assortments.get(channel_id)
        if skus is None:
            skus = self._assortments[channel_id] = set(self._base.assortments.get(channel_id, ()))
        if listed:
            skus.add(sku)
        else:
            skus.discard(sku)

    def put_tax_rate(self, rate: TaxRate) -> None:
        """Add or replace a tax rate."""
        if self._tax_rates is None:
            self._tax_rates = dict(self._base.tax_rates)
        self._tax_rates[rate.key] = rate.rate_ppm

    def put_promotion(self, promotion: Promotion) -> None:
        """Add or replace a promotion; the work is in proportion to the size of its scope."""
        if self._promotions is None:
            self._promotions = _IndexDraft(self._base.promotions)
        self._promotions.put(promotion, useful=promotion.valid_until > self._oldest)

    def finish(self, version: int, lineage: str = "") -> Snapshot:
        """The new snapshot."""
        base = self._base
        return Snapshot(
            version=version,
            lineage=lineage,
            articles=base.articles if self._articles is None else self._articles,
            price_lists=base.price_lists if self._price_lists is None else self._price_lists,
            prices={**base.prices, **self._prices},
            channels=base.channels if self._channels is None else self._channels,
            assortments={
                **base.assortments,
                **{channel_id: frozenset(skus) for channel_id, skus in self._assortments.items()},
            },
            promotions=base.promotions if self._promotions is None else self._promotions.finish(),
            tax_rates=base.tax_rates if self._tax_rates is None else self._tax_rates,
        )


_Table = dict[str, tuple[RankedPromotion, ...]]


class _IndexDraft:
    """The index of promotions while it changes."""

    def __init__(self, base: PromotionIndex) -> None:
        self._known = dict(base.known)
        self._by_sku = dict(base.by_sku)
        self._by_category = dict(base.by_category)
        self._everywhere = base.everywhere
        self._coupons = dict(base.coupons)

    def put(self, promotion: Promotion, *, useful: bool) -> None:
        before = self._known.get(promotion.promotion_id)
        if before is not None:
            for table, keys in self._doors(before.promotion):
                for key in keys:
                    table[key] = _without(table.get(key, ()), before)
            self._everywhere = _without(self._everywhere, before)
            if before.coupon_key:
                self._coupons[before.coupon_key] = _without(self._coupons[before.coupon_key], before)
        ranked = self._known[promotion.promotion_id] = RankedPromotion(promotion)
        if ranked.coupon_key:
            self._coupons[ranked.coupon_key] = (*self._coupons.get(ranked.coupon_key, ()), ranked)
        if promotion.withdrawn or not useful:
            return
        doors = self._doors(promotion)
        for table, keys in doors:
            for key in keys:
                table[key] = (*table.get(key, ()), ranked)
        if not doors:
            self._everywhere = (*self._everywhere, ranked)

    def _doors(
        self, promotion: Promotion
    ) -> list[tuple[dict[str, tuple[RankedPromotion, ...]], frozenset[str]]]:
        # With both conditions given the SKUs are the narrower door; `Scope.covers` then checks the category.
        scope = promotion.scope
        if scope.skus:
            return [(self._by_sku, scope.skus)]
        return [(self._by_category, scope.categories)] if scope.categories else []

    def finish(self) -> PromotionIndex:
        return PromotionIndex(self._known, self._by_sku, self._by_category, self._everywhere, self._coupons)


def _without(found: tuple[RankedPromotion, ...], gone: RankedPromotion) -> tuple[RankedPromotion, ...]:
    return tuple(ranked for ranked in found if ranked is not gone)
