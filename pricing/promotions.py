"""Promotions: which lines they look at, what the customer gains, and what one of them takes off given
lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from pricing.amounts import BASIS_POINTS
from pricing.refusals import CurrencyMismatch, PromotionInvalid
from pricing.texts import LocalizedText, check_text
from pricing.validity import NEVER_ENDS, SINCE_EVER, check_validity


@dataclass(frozen=True, slots=True)
class PercentageOff:
    """Basis points (1/100 of a percent) off each line, rounded half up per line."""

    basis_points: int


@dataclass(frozen=True, slots=True)
class AmountOff:
    """An amount off each unit, never below zero."""

    amount_minor: int
    currency_code: str


@dataclass(frozen=True, slots=True)
class BuyXPayY:
    """Of every `buy_units` units in scope `pay_units` are paid; the cheapest are free."""

    buy_units: int
    pay_units: int


@dataclass(frozen=True, slots=True)
class BasketThreshold:
    """A reduction of the lines in scope once they reach `minimum_minor`: an amount, or else basis points."""

    minimum_minor: int
    currency_code: str
    amount_off_minor: int = 0
    basis_points_off: int = 0


Benefit: TypeAlias = PercentageOff | AmountOff | BuyXPayY | BasketThreshold


@dataclass(frozen=True, slots=True)
class Scope:
    """The lines a promotion looks at: all given conditions must hold, none given means everything."""

    skus: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    channel_ids: frozenset[str] = frozenset()

    def covers(self, sku: str, category_path: Sequence[str]) -> bool:
        """Whether an article is in scope, channels aside."""
        if self.skus and sku not in self.skus:
            return False
        return not self.categories or not self.categories.isdisjoint(category_path)


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion. Higher priority is tried first, ties by id; see `pricing` for the stacking rule."""

    promotion_id: str
    name: LocalizedText
    benefit: Benefit
    scope: Scope = Scope()
    coupon_code: str = ""
    priority: int = 0
    stackable: bool = False
    valid_from: datetime = SINCE_EVER
    valid_until: datetime = NEVER_ENDS
    withdrawn: bool = False


def coupon_key(code: str) -> str:
    """Coupons are compared without regard to case."""
    return code.strip().upper()


def currency_of(benefit: Benefit) -> str:
    """The currency a benefit is limited to; empty when it works in any."""
    return benefit.currency_code if isinstance(benefit, AmountOff | BasketThreshold) else ""


def check_promotion(promotion: Promotion) -> None:
    """Return when the terms make sense.

    Raises:
        TextMissing: it has no name.
        ValidityEmpty: the end is not after the beginning.
        PromotionInvalid: names the field that contradicts.
    """

    def refuse(field: str, problem: str) -> PromotionInvalid:
        return PromotionInvalid(promotion.promotion_id, field, problem)

    check_text(f"promotion {promotion.promotion_id!r}", promotion.name)
    check_validity(f"promotion {promotion.promotion_id!r}", promotion.valid_from, promotion.valid_until)
    match promotion.benefit:
        case AmountOff(amount_minor=amount) if amount <= 0:
            raise refuse("amount_off.amount", "must be positive")
        case BuyXPayY(buy_units=buy, pay_units=pay) if pay >= buy:
            raise refuse("buy_x_pay_y.pay_units", "must be less than buy_units")
        case BasketThreshold() as threshold:
            if threshold.minimum_minor < 0:
                raise refuse("basket_threshold.minimum_subtotal", "must not be negative")
            if threshold.basis_points_off:
                if not 1 <= threshold.basis_points_off <= BASIS_POINTS:
                    raise refuse("basket_threshold.basis_points_off", f"must be 1 to {BASIS_POINTS}")
            elif threshold.amount_off_minor <= 0:
                raise refuse("basket_threshold", "must take a positive amount or 1 or more basis points off")


def check_one_currency(promotion_id: str, minimum: str, reduction: str) -> None:
    """Return when the two amounts of a basket threshold can be compared.

    Raises:
        CurrencyMismatch: they are in two currencies.
    """
    if minimum != reduction:
        raise CurrencyMismatch(minimum, reduction, f"the reduction of promotion {promotion_id!r}")
