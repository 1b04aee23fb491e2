"""Makes the next snapshot from the last one and what changed since; what did not change is shared by both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from services.catalog.domain.channels import Channel, Price, PriceList
from services.catalog.domain.promotions import BasketThreshold, Promotion, coupon_key
from services.catalog.domain.snapshot import Article, PricePoint, PromotionIndex, RankedPromotion, Snapshot
from services.catalog.domain.taxes import TaxKey, TaxRate

# A promotion that ended longer ago than a quote is honoured can no longer matter to a price.
PAST_PROMOTIONS_KEPT = timedelta(hours=1)
INDEX_SLICE = 500


class Assembly:
    """Collects changes on top of `base`. Only the tables that change are copied, so a small change is
    cheap.
    """

    def __init__(self, base: Snapshot, promotions: Mapping[str, Promotion]) -> None:
        self._base = base
        self._articles: dict[str, Article] | None = None
        self._price_lists: dict[str, PriceList] | None = None
        self._prices: dict[str, dict[str, tuple[PricePoint, ...]]] = {}
        self._channels: dict[str, Channel] | None = None
        self._assortments: dict[str, set[str]] = {}
        self._tax_rates: dict[TaxKey, int] | None = None
        self.promotions: Mapping[str, Promotion] = promotions
        self._changed_promotions: dict[str, Promotion] | None = None
        self._index = base.promotions

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
        """Add or replace a promotion."""
        if self._changed_promotions is None:
            self._changed_promotions = dict(self.promotions)
            self.promotions = self._changed_promotions
        self._changed_promotions[promotion.promotion_id] = promotion

    def index_promotions(self, at: datetime) -> Iterator[None]:
        """Rank and index the promotions when they changed; yields now and then, so that whoever drives it
        may do other things.
        """
        if self._changed_promotions is None:
            return
        by_sku: dict[str, list[RankedPromotion]] = {}
        by_category: dict[str, list[RankedPromotion]] = {}
        everywhere: list[RankedPromotion] = []
        coupons: dict[str, list[Promotion]] = {}
        oldest = at - PAST_PROMOTIONS_KEPT
        work = 0
        for rank, promotion in enumerate(sorted(self.promotions.values(), key=_order)):
            if promotion.coupon_code:
                coupons.setdefault(coupon_key(promotion.coupon_code), []).append(promotion)
            work += 1
            if not promotion.withdrawn and promotion.valid_until > oldest:
                ranked = RankedPromotion(rank, promotion)
                scope = promotion.scope
                # With both conditions given the SKUs are the narrower door; `Scope.covers` then checks the
                # category.
                for sku in scope.skus:
                    by_sku.setdefault(sku, []).append(ranked)
                if not scope.skus:
                    for category in scope.categories:
                        by_category.setdefault(category, []).append(ranked)
                    if not scope.categories:
                        everywhere.append(ranked)
                work += len(scope.skus)
            if work >= INDEX_SLICE:
                work = 0
                yield
        self._index = PromotionIndex(by_sku, by_category, tuple(everywhere), coupons)

    def finish(self, version: int) -> Snapshot:
        """The new snapshot."""
        base = self._base
        return Snapshot(
            version=version,
            articles=base.articles if self._articles is None else self._articles,
            price_lists=base.price_lists if self._price_lists is None else self._price_lists,
            prices={**base.prices, **self._prices},
            channels=base.channels if self._channels is None else self._channels,
            assortments={
                **base.assortments,
                **{channel_id: frozenset(skus) for channel_id, skus in self._assortments.items()},
            },
            promotions=self._index,
            tax_rates=base.tax_rates if self._tax_rates is None else self._tax_rates,
        )


def _order(promotion: Promotion) -> tuple[bool, int, str]:
    return isinstance(promotion.benefit, BasketThreshold), -promotion.priority, promotion.promotion_id
