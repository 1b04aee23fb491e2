"""Promotions drawn from the real discounts of the weeks that are replayed.

Real: which products were discounted, how often and by how much; the coupons, their products and values, and
who used them. Ours: turning them into rules (the source records outcomes, not rules), priorities, and the
basket threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np

from demo.data.catalogue import Product
from demo.data.journey import Ints, Journey, integers, read_columns

_OFTEN = 0.5
"""From this share of discounted lines on, a product counts as promoted in those weeks."""
_MIN_LINES = 8
_ONE_VALUE = 0.6
"""From this share of equal discounts per unit on, the promotion is an amount and not a percentage."""
_COUPON_ZONE_SECONDS = 5 * 3_600
"""Redemptions are dated by the shop's calendar (US Eastern), baskets by UTC."""


class PromotionKind(StrEnum):
    """What a promotion gives."""

    PERCENTAGE = "PERCENTAGE"
    AMOUNT = "AMOUNT"
    BUY_X_PAY_Y = "BUY_X_PAY_Y"
    BASKET_THRESHOLD = "BASKET_THRESHOLD"
    COUPON = "COUPON"


_PRIORITY = {
    PromotionKind.BUY_X_PAY_Y: 10,
    PromotionKind.AMOUNT: 20,
    PromotionKind.PERCENTAGE: 30,
    PromotionKind.COUPON: 40,
    PromotionKind.BASKET_THRESHOLD: 50,
}


@dataclass(frozen=True, slots=True)
class Promotion:
    """One rule; the fields that its kind does not use are 0 or empty. A lower ``priority`` applies first.

    ``percent_off`` is whole percent of the list price; ``amount_off_minor`` cents per unit, or once per
    basket for ``COUPON`` and ``BASKET_THRESHOLD``; an empty ``skus`` means the whole basket. Validity is in
    the source's time (2017), from inclusive, until exclusive: ``moved`` brings it to the day of the replay.
    """

    promotion_id: str
    kind: PromotionKind
    name: str
    name_es: str
    skus: tuple[str, ...]
    priority: int
    valid_from: datetime
    valid_until: datetime
    percent_off: int = 0
    amount_off_minor: int = 0
    buy_units: int = 0
    pay_units: int = 0
    threshold_minor: int = 0
    coupon_code: str = ""

    def moved(self, by: timedelta) -> Promotion:
        """The same promotion, valid ``by`` later."""
        return replace(self, valid_from=self.valid_from + by, valid_until=self.valid_until + by)


@dataclass(frozen=True, slots=True)
class Coupon:
    """A real coupon: its products (rows of the journey), its usual value, and the baskets (rows) in which it
    was used.
    """

    code: str
    products: tuple[int, ...]
    amount_off_minor: int
    baskets: tuple[int, ...]


def load_coupons(
    journey: Journey, *, first_week: int = 1, last_week: int = 53, limit: int = 40
) -> list[Coupon]:
    """The ``limit`` coupons most often used for products of ``journey`` in those weeks, most used first.

    A use is a basket of a household on the day it redeemed the coupon, with a coupon discount on one of its
    products.
    """
    redeemed = read_columns("coupon_redemptions", ["household_id", "coupon_upc", "redemption_date"])
    listed = read_columns("coupons", ["coupon_upc", "product_id"])
    listed_upc, listed_product = integers(listed, "coupon_upc"), integers(listed, "product_id")
    known = np.isin(listed_product, journey.product_id) & np.isin(
        listed_upc, integers(redeemed, "coupon_upc")
    )
    row_of = {product_id: row for row, product_id in enumerate(journey.product_id.tolist())}
    products: dict[int, set[int]] = {}
    for upc, product_id in zip(listed_upc[known].tolist(), listed_product[known].tolist(), strict=True):
        products.setdefault(upc, set()).add(row_of[product_id])
    used: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    during = (journey.line_week >= first_week) & (journey.line_week <= last_week)
    for line in np.flatnonzero(during & (journey.line_coupon > 0)).tolist():
        basket = int(journey.line_basket[line])
        day = (int(journey.basket_seconds[basket]) - _COUPON_ZONE_SECONDS) // 86_400
        fact = (basket, int(journey.line_product[line]), int(journey.line_coupon[line]))
        used.setdefault((int(journey.basket_household[basket]), day), []).append(fact)
    uses: dict[int, dict[int, int]] = {}
    days = redeemed["redemption_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    upcs, households = integers(redeemed, "coupon_upc").tolist(), integers(redeemed, "household_id").tolist()
    for upc, household, day in zip(upcs, households, days.tolist(), strict=True):
        for basket, product, cents in used.get((household, day), ()):
            if product in products.get(upc, ()):
                uses.setdefault(upc, {}).setdefault(basket, cents)
    ranked = sorted(uses, key=lambda upc: (-len(uses[upc]), upc))[:limit]
    return [
        Coupon(
            code=f"C{upc}",
            products=tuple(sorted(products[upc])),
            amount_off_minor=int(np.median(list(uses[upc].values()))),
            baskets=tuple(sorted(uses[upc])),
        )
        for upc in ranked
    ]


def load_promotions(
    journey: Journey,
    products: Sequence[Product],
    coupons: Sequence[Coupon],
    *,
    first_week: int,
    last_week: int,
    limit: int = 400,
) -> list[Promotion]:
    """The promotions of the weeks ``first_week`` to ``last_week``: at most ``limit`` on single products,
    those that gave most away first.
    """
    during = (journey.line_week >= first_week) & (journey.line_week <= last_week)
    lines = np.flatnonzero(during)
    if not len(lines):
        return []
    start, end = _window(journey.basket_seconds[journey.line_basket[lines]])
    frame = _Frame(start, end)
    given = np.bincount(journey.line_product[lines], weights=journey.line_off[lines], minlength=len(products))
    order = np.argsort(journey.line_product[lines], kind="stable")
    lines = lines[order]
    bounds = np.searchsorted(journey.line_product[lines], np.arange(len(products) + 1))
    promotions: list[Promotion] = []
    for row in np.lexsort((np.arange(len(products)), -given)).tolist():
        if len(promotions) >= limit:
            break
        found = _of_product(journey, products[row], lines[bounds[row] : bounds[row + 1]], frame)
        if found is not None:
            promotions.append(found)
    promotions += [_of_coupon(coupon, products, frame) for coupon in coupons]
    promotions += _thresholds(journey, np.sort(lines), frame)
    return promotions


@dataclass(frozen=True, slots=True)
class _Frame:
    start: datetime
    end: datetime


def _window(seconds: Ints) -> tuple[datetime, datetime]:
    first, last = (datetime.fromtimestamp(int(value), UTC) for value in (seconds.min(), seconds.max()))
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight, last.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _of_product(journey: Journey, product: Product, lines: Ints, frame: _Frame) -> Promotion | None:
    off, paid, units = journey.line_off[lines], journey.line_paid[lines], journey.line_units[lines]
    on = off > 0
    if len(lines) < _MIN_LINES or on.mean() < _OFTEN:
        return None
    share = off[on] / (off[on] + paid[on])
    pairs = (units[on] % 2 == 0) & (np.abs(share - 0.5) < 0.02)
    if pairs.mean() >= _OFTEN:
        return Promotion(
            promotion_id=f"pay-one-{product.sku}",
            kind=PromotionKind.BUY_X_PAY_Y,
            name=f"Two for one: {product.name}",
            name_es=f"Dos por uno: {product.name_es}",
            skus=(product.sku,),
            priority=_PRIORITY[PromotionKind.BUY_X_PAY_Y],
            valid_from=frame.start,
            valid_until=frame.end,
            buy_units=2,
            pay_units=1,
        )
    cents, counts = np.unique(np.rint(off[on] / units[on]).astype(np.int64), return_counts=True)
    usual = int(cents[int(np.argmax(counts))])
    if counts.max() / counts.sum() >= _ONE_VALUE and 0 < usual < product.list_price_minor:
        return Promotion(
            promotion_id=f"amount-{product.sku}",
            kind=PromotionKind.AMOUNT,
            name=f"${usual / 100:.2f} off {product.name}",
            name_es=f"${usual / 100:.2f} menos: {product.name_es}",
            skus=(product.sku,),
            priority=_PRIORITY[PromotionKind.AMOUNT],
            valid_from=frame.start,
            valid_until=frame.end,
            amount_off_minor=usual,
        )
    percent = min(60, 5 * round(float(np.median(share)) * 20))
    if percent < 5:
        return None
    return Promotion(
        promotion_id=f"percent-{product.sku}",
        kind=PromotionKind.PERCENTAGE,
        name=f"{percent} % off {product.name}",
        name_es=f"{percent} % menos: {product.name_es}",
        skus=(product.sku,),
        priority=_PRIORITY[PromotionKind.PERCENTAGE],
        valid_from=frame.start,
        valid_until=frame.end,
        percent_off=percent,
    )


def _of_coupon(coupon: Coupon, products: Sequence[Product], frame: _Frame) -> Promotion:
    return Promotion(
        promotion_id=f"coupon-{coupon.code}",
        kind=PromotionKind.COUPON,
        name=f"Coupon {coupon.code}: ${coupon.amount_off_minor / 100:.2f} off",
        name_es=f"Cupón {coupon.code}: ${coupon.amount_off_minor / 100:.2f} menos",
        skus=tuple(products[row].sku for row in coupon.products),
        priority=_PRIORITY[PromotionKind.COUPON],
        valid_from=frame.start,
        valid_until=frame.end,
        amount_off_minor=coupon.amount_off_minor,
        coupon_code=coupon.code,
    )


def _thresholds(journey: Journey, lines: Ints, frame: _Frame) -> list[Promotion]:
    """One threshold that about a tenth of the real baskets reaches, rounded to 5.00; its gift of a tenth is
    ours.
    """
    totals = np.bincount(journey.line_basket[lines], weights=journey.line_paid[lines])
    threshold = max(500, 500 * round(float(np.quantile(totals[totals > 0], 0.9)) / 500))
    return [
        Promotion(
            promotion_id=f"basket-{threshold}",
            kind=PromotionKind.BASKET_THRESHOLD,
            name=f"${threshold // 1000} off baskets from ${threshold // 100}",
            name_es=f"${threshold // 1000} menos en compras desde ${threshold // 100}",
            skus=(),
            priority=_PRIORITY[PromotionKind.BASKET_THRESHOLD],
            valid_from=frame.start,
            valid_until=frame.end,
            amount_off_minor=threshold // 1000 * 100,
            threshold_minor=threshold,
        )
    ]
