"""The rules of the price engine, in the language of the business."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pricing.baskets import UnusedCoupon
from pricing.channels import Price
from pricing.engine import quote
from pricing.promotions import AmountOff, BasketThreshold, BuyXPayY, PercentageOff
from pricing.refusals import (
    ChannelUnknown,
    CouponExpired,
    CouponUnknown,
    CurrencyMismatch,
    PriceMissing,
    Refusal,
    SkuDiscontinued,
    SkuNotInAssortment,
    SkuUnknown,
)
from pricing.tests.builders import (
    HOUR,
    NOW,
    a_basket,
    a_channel,
    a_price_list,
    a_promotion,
    a_snapshot,
    an_article,
)

FIVE_DOLLARS = BasketThreshold(minimum_minor=500, currency_code="USD", amount_off_minor=100)


def test_a_line_costs_its_price_times_its_units() -> None:
    snapshot = a_snapshot({"a": 199})

    priced = quote(a_basket(("a", 3)), snapshot, NOW)

    assert (priced.subtotal_minor, priced.discount_minor, priced.total_minor) == (597, 0, 597)
    assert priced.lines[0].price_list_id == "base"
    assert priced.lines[0].name_es == "Nombre de a"


def test_a_percentage_is_rounded_half_up_on_the_line() -> None:
    """5 % of 1.50 is 7.5 cents: the customer gains the half."""
    snapshot = a_snapshot({"a": 50}, a_promotion(benefit=PercentageOff(500)))

    priced = quote(a_basket(("a", 3)), snapshot, NOW)

    assert priced.discount_minor == -8


def test_an_amount_off_never_goes_below_zero() -> None:
    snapshot = a_snapshot({"a": 50}, a_promotion(benefit=AmountOff(80, "USD")))

    priced = quote(a_basket(("a", 2)), snapshot, NOW)

    assert priced.total_minor == 0
    assert priced.lines[0].promotions[0].amount_minor == -100


def test_an_amount_in_another_currency_is_no_promotion_here() -> None:
    snapshot = a_snapshot({"a": 500}, a_promotion(benefit=AmountOff(80, "EUR")))

    priced = quote(a_basket(("a", 1)), snapshot, NOW)

    assert priced.discount_minor == 0


def test_three_for_two_frees_the_cheapest_over_all_articles() -> None:
    """Seven units make two groups: the two cheapest are free, and their worth is spread by value."""
    snapshot = a_snapshot({"a": 300, "b": 200, "c": 100}, a_promotion(benefit=BuyXPayY(3, 2)))

    priced = quote(a_basket(("a", 3), ("b", 3), ("c", 1)), snapshot, NOW)

    assert priced.discount_minor == -(100 + 200)
    assert [line.discount_minor for line in priced.lines] == [-169, -112, -19]


def test_three_for_two_needs_three() -> None:
    snapshot = a_snapshot({"a": 300}, a_promotion(benefit=BuyXPayY(3, 2)))

    priced = quote(a_basket(("a", 2)), snapshot, NOW)

    assert priced.discount_minor == 0


def test_a_threshold_is_spread_to_the_last_unit() -> None:
    """1.00 over three equal lines is 34 + 33 + 33, ties by SKU."""
    snapshot = a_snapshot({"a": 200, "b": 200, "c": 200}, a_promotion(benefit=FIVE_DOLLARS))

    priced = quote(a_basket(("c", 1), ("b", 1), ("a", 1)), snapshot, NOW)

    assert [(line.sku, line.discount_minor) for line in priced.lines] == [("c", -33), ("b", -33), ("a", -34)]
    assert [applied.amount_minor for applied in priced.basket_promotions] == [-100]


def test_a_threshold_looks_at_the_basket_after_line_promotions() -> None:
    """5.40 less 10 % is below 5.00."""
    cheaper = a_promotion("a-cheaper", PercentageOff(1000), stackable=True)
    snapshot = a_snapshot({"a": 540}, cheaper, a_promotion("b", FIVE_DOLLARS, priority=9, stackable=True))

    priced = quote(a_basket(("a", 1)), snapshot, NOW)

    assert priced.discount_minor == -54


def test_a_threshold_counts_every_line_in_scope_but_spares_closed_ones() -> None:
    """A promotion that is not stackable keeps its lines to itself, though they help to reach the minimum."""
    exclusive = a_promotion("exclusive", PercentageOff(1000), skus=["a"])
    snapshot = a_snapshot({"a": 400, "b": 300}, exclusive, a_promotion("t", FIVE_DOLLARS, stackable=True))

    priced = quote(a_basket(("a", 1), ("b", 1)), snapshot, NOW)

    assert [line.discount_minor for line in priced.lines] == [-40, -100]


def test_a_promotion_that_does_not_stack_is_alone_on_its_line() -> None:
    first = a_promotion("first", PercentageOff(1000), priority=5)
    second = a_promotion("second", PercentageOff(5000), priority=1, stackable=True)
    snapshot = a_snapshot({"a": 1000}, first, second)

    priced = quote(a_basket(("a", 1)), snapshot, NOW)

    assert [applied.promotion_id for applied in priced.lines[0].promotions] == ["first"]
    assert priced.total_minor == 900


def test_a_promotion_that_does_not_stack_does_not_join_others() -> None:
    first = a_promotion("first", PercentageOff(1000), priority=5, stackable=True)
    second = a_promotion("second", PercentageOff(5000), priority=1)
    snapshot = a_snapshot({"a": 1000}, first, second)

    priced = quote(a_basket(("a", 1)), snapshot, NOW)

    assert [applied.promotion_id for applied in priced.lines[0].promotions] == ["first"]


def test_stackable_promotions_work_on_what_is_left() -> None:
    ten = a_promotion("b-ten", PercentageOff(1000), stackable=True)
    half = a_promotion("a-half", PercentageOff(5000), stackable=True)
    snapshot = a_snapshot({"a": 1000}, ten, half)

    priced = quote(a_basket(("a", 1)), snapshot, NOW)

    assert [(found.promotion_id, found.amount_minor) for found in priced.lines[0].promotions] == [
        ("a-half", -500),
        ("b-ten", -50),
    ]


def test_scope_conditions_must_all_hold() -> None:
    articles = [
        an_article("a", path=("FOOD", "FRUIT")),
        an_article("b", path=("FOOD", "FRUIT")),
        an_article("c"),
    ]
    promotion = a_promotion(skus=["a", "c"], categories=["FRUIT"], channels=["web"])
    snapshot = a_snapshot(
        {"a": 100, "b": 100, "c": 100},
        promotion,
        articles=articles,
        channels=[a_channel("web"), a_channel("app")],
    )
    lines = (("a", 1), ("b", 1), ("c", 1))

    web = quote(a_basket(*lines), snapshot, NOW)
    app = quote(a_basket(*lines, channel="app"), snapshot, NOW)

    assert [line.discount_minor for line in web.lines] == [-10, 0, 0]
    assert app.discount_minor == 0


def test_promotions_count_from_their_first_instant_until_their_last() -> None:
    snapshot = a_snapshot({"a": 100}, a_promotion(valid_from=NOW, valid_until=NOW + HOUR))
    basket = a_basket(("a", 1))
    tick = timedelta(microseconds=1)

    times = (NOW - tick, NOW, NOW + HOUR - tick, NOW + HOUR, NOW)

    assert [quote(basket, snapshot, at).discount_minor for at in times] == [0, -10, -10, 0, -10]


def test_a_withdrawn_promotion_takes_nothing() -> None:
    snapshot = a_snapshot({"a": 100}, a_promotion(withdrawn=True))

    priced = quote(a_basket(("a", 1)), snapshot, NOW)

    assert priced.discount_minor == 0


def test_tax_is_added_or_contained_as_the_list_says() -> None:
    """The region's rate comes before the country's; a class without a rate bears none."""
    rates = {("standard", "US", ""): 100_000, ("standard", "US", "OH"): 200_000}
    without = a_snapshot({"a": 1000}, tax_rates=rates)
    within = a_snapshot({"a": 1000}, tax_rates=rates, price_lists=[a_price_list(tax_inclusive=True)])
    untaxed = a_snapshot({"a": 1000}, tax_rates=rates, articles=[an_article("a", tax_class="zero")])

    added = quote(a_basket(("a", 1), region="OH"), without, NOW)
    country = quote(a_basket(("a", 1), region="TX"), without, NOW)
    contained = quote(a_basket(("a", 1), region="OH"), within, NOW)
    none = quote(a_basket(("a", 1)), untaxed, NOW)

    assert (added.tax_minor, added.total_minor, added.lines[0].tax_rate_ppm) == (200, 1200, 200_000)
    assert (country.tax_minor, country.total_minor) == (100, 1100)
    assert (contained.tax_minor, contained.total_minor, contained.tax_inclusive) == (167, 1000, True)
    assert (none.tax_minor, none.total_minor) == (0, 1000)


def test_the_first_list_with_a_valid_price_decides() -> None:
    """A list of the week stands before the base list, and falls away by itself."""
    week = a_price_list("week", valid_until=NOW + HOUR)
    snapshot = a_snapshot(
        {"a": 1000, "b": 1000},
        price_lists=[a_price_list(), week],
        channels=[a_channel("web", "week", "base")],
        more_prices=[("week", Price("a", 800))],
    )

    during = quote(a_basket(("a", 1), ("b", 1)), snapshot, NOW)
    after = quote(a_basket(("a", 1)), snapshot, NOW + HOUR)

    assert [(line.unit_price_minor, line.price_list_id) for line in during.lines] == [
        (800, "week"),
        (1000, "base"),
    ]
    assert after.lines[0].unit_price_minor == 1000


def test_of_several_valid_prices_the_latest_decides() -> None:
    snapshot = a_snapshot({"a": 1000}, more_prices=[("base", Price("a", 900, NOW, NOW + HOUR))])
    basket = a_basket(("a", 1))

    prices = [quote(basket, snapshot, at).total_minor for at in (NOW - HOUR, NOW, NOW + HOUR)]

    assert prices == [1000, 900, 1000]


def test_a_coupon_opens_its_promotion_whatever_its_case() -> None:
    snapshot = a_snapshot({"a": 1000}, a_promotion(coupon="SAVE10"))

    without = quote(a_basket(("a", 1)), snapshot, NOW)
    with_coupon = quote(a_basket(("a", 1), coupons=("save10",)), snapshot, NOW)

    assert (without.total_minor, with_coupon.total_minor) == (1000, 900)
    assert with_coupon.lines[0].promotions[0].coupon_code == "SAVE10"
    assert with_coupon.unused_coupons == ()


def test_a_coupon_in_vain_says_why() -> None:
    snapshot = a_snapshot(
        {"a": 400, "b": 100},
        a_promotion("better", PercentageOff(2000), skus=["a"], priority=9),
        a_promotion("other", coupon="SUPERSEDED", skus=["a"]),
        a_promotion("scope", coupon="SCOPE", skus=["b"]),
        a_promotion("minimum", FIVE_DOLLARS, coupon="MINIMUM"),
    )

    priced = quote(a_basket(("a", 1), coupons=("SUPERSEDED", "SCOPE", "MINIMUM")), snapshot, NOW)

    assert priced.unused_coupons == (
        UnusedCoupon("SUPERSEDED", "SUPERSEDED"),
        UnusedCoupon("SCOPE", "NOT_IN_SCOPE"),
        UnusedCoupon("MINIMUM", "BELOW_MINIMUM"),
    )


@pytest.mark.parametrize(
    ("basket", "refusal"),
    [
        ({"lines": [("missing", 1)]}, SkuUnknown),
        ({"lines": [("old", 1)]}, SkuDiscontinued),
        ({"lines": [("unpriced", 1)]}, PriceMissing),
        ({"lines": [("a", 1)], "channel": "moon"}, ChannelUnknown),
        ({"lines": [("a", 1)], "channel": "picky"}, SkuNotInAssortment),
        ({"lines": [("a", 1)], "currency": "EUR"}, CurrencyMismatch),
        ({"lines": [("a", 1)], "coupons": ("NOPE",)}, CouponUnknown),
        ({"lines": [("a", 1)], "coupons": ("OVER",)}, CouponExpired),
        ({"lines": [("a", 1)], "coupons": ("GONE",)}, CouponExpired),
    ],
)
def test_what_cannot_be_bought_is_refused_with_its_reason(
    basket: dict[str, Any], refusal: type[Refusal]
) -> None:
    snapshot = a_snapshot(
        {"a": 100, "b": 100, "old": 100},
        a_promotion("over", coupon="OVER", valid_until=NOW),
        a_promotion("gone", coupon="GONE", withdrawn=True),
        articles=[an_article("old", discontinued=NOW), an_article("unpriced")],
        channels=[a_channel(), a_channel("picky", explicit=True)],
        listings=[("picky", "b")],
    )
    lines = basket.pop("lines")

    with pytest.raises(refusal):
        quote(a_basket(*lines, **basket), snapshot, NOW)
