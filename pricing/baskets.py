"""What goes into the price engine and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

DEFAULT_TAX_COUNTRY = "US"

NOT_IN_SCOPE = "NOT_IN_SCOPE"
BELOW_MINIMUM = "BELOW_MINIMUM"
SUPERSEDED = "SUPERSEDED"


class BasketLine(NamedTuple):
    """So many units (>= 1) of one article."""

    sku: str
    quantity_units: int


@dataclass(slots=True)
class Basket:
    """What a customer wants to buy and where; each SKU stands in one line. An empty currency means the
    channel's.
    """

    channel_id: str
    lines: tuple[BasketLine, ...]
    coupon_codes: tuple[str, ...] = ()
    tax_country_code: str = DEFAULT_TAX_COUNTRY
    tax_region: str = ""
    currency_code: str = ""
    describe_articles: bool = False
    """Whether lines say brand and attributes of their articles."""


class AppliedPromotion(NamedTuple):
    """A promotion that took `-amount_minor` off; the amount is negative."""

    promotion_id: str
    name_en: str
    name_es: str
    amount_minor: int
    coupon_code: str


class UnusedCoupon(NamedTuple):
    """A coupon that took nothing off, and why: NOT_IN_SCOPE, BELOW_MINIMUM or SUPERSEDED."""

    coupon_code: str
    reason: str


class QuotedLine(NamedTuple):
    """One line: `total = subtotal + discount`, and plus tax where prices do not contain it. Amounts in
    minor units.
    """

    sku: str
    quantity_units: int
    unit_price_minor: int
    price_list_id: str
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    tax_rate_ppm: int
    total_minor: int
    promotions: tuple[AppliedPromotion, ...]
    product_id: str
    name_en: str
    name_es: str
    brand: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


class Quote(NamedTuple):
    """A priced basket; every amount is the sum of its lines'."""

    currency_code: str
    lines: tuple[QuotedLine, ...]
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    tax_inclusive: bool
    basket_promotions: tuple[AppliedPromotion, ...]
    unused_coupons: tuple[UnusedCoupon, ...]
