"""What holds for every basket, every catalogue and every set of promotions."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.amounts import half_up, spread
from pricing.baskets import Basket, Quote
from pricing.engine import quote
from pricing.promotions import (
    AmountOff,
    BasketThreshold,
    Benefit,
    BuyXPayY,
    PercentageOff,
    Promotion,
)
from pricing.snapshot import Snapshot
from pricing.tests.builders import NOW, a_basket, a_channel, a_price_list, a_promotion, a_snapshot, an_article

SKUS = ("a", "b", "c", "d", "e")
CATEGORIES = ("x", "y", "z")
PATHS = {"a": ("x",), "b": ("x", "y"), "c": ("y",), "d": ("z", "x"), "e": ("z",)}
COUPONS = ("", "", "ONE", "TWO")

benefits: st.SearchStrategy[Benefit] = st.one_of(
    st.builds(PercentageOff, st.integers(1, 10_000)),
    st.builds(AmountOff, st.integers(1, 3_000), st.sampled_from(["USD", "EUR"])),
    st.integers(2, 5).flatmap(lambda buy: st.builds(BuyXPayY, st.just(buy), st.integers(0, buy - 1))),
    st.builds(BasketThreshold, st.integers(0, 5_000), st.just("USD"), st.integers(1, 3_000)),
    st.builds(BasketThreshold, st.integers(0, 5_000), st.just("USD"), st.just(0), st.integers(1, 10_000)),
)


@st.composite
def promotions(draw: st.DrawFn) -> list[Promotion]:
    return [
        a_promotion(
            f"p{number}",
            draw(benefits),
            skus=draw(st.sets(st.sampled_from(SKUS), max_size=3)),
            categories=draw(st.sets(st.sampled_from(CATEGORIES), max_size=2)),
            coupon=draw(st.sampled_from(COUPONS)),
            priority=draw(st.integers(-2, 2)),
            stackable=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


@st.composite
def catalogues(draw: st.DrawFn) -> Snapshot:
    always = [a_promotion("coupon-1", coupon="ONE"), a_promotion("coupon-2", coupon="TWO", stackable=True)]
    return a_snapshot(
        {sku: draw(st.integers(0, 2_000)) for sku in SKUS},
        *always,
        *draw(promotions()),
        articles=[an_article(sku, path=PATHS[sku]) for sku in SKUS],
        channels=[a_channel("web"), a_channel("app"), a_channel("pos")],
        price_lists=[a_price_list(tax_inclusive=draw(st.booleans()))],
        tax_rates={("standard", "US", ""): draw(st.integers(0, 300_000))},
    )


@st.composite
def baskets(draw: st.DrawFn) -> Basket:
    skus = draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=5, unique=True))
    coupons = draw(st.lists(st.sampled_from(["ONE", "two"]), max_size=2, unique=True))
    return a_basket(*((sku, draw(st.integers(1, 12))) for sku in skus), coupons=tuple(coupons))


def amounts(priced: Quote) -> tuple[int, int, int, int]:
    return priced.subtotal_minor, priced.discount_minor, priced.tax_minor, priced.total_minor


@settings(max_examples=80, deadline=None)
@given(catalogues(), baskets())
def test_every_amount_is_the_sum_of_its_parts(snapshot: Snapshot, basket: Basket) -> None:
    """A receipt adds up to the last minor unit."""
    priced = quote(basket, snapshot, NOW)

    for line in priced.lines:
        tax_added = 0 if priced.tax_inclusive else line.tax_minor
        assert line.subtotal_minor == line.unit_price_minor * line.quantity_units
        assert line.discount_minor == sum(applied.amount_minor for applied in line.promotions)
        assert line.total_minor == line.subtotal_minor + line.discount_minor + tax_added
    assert amounts(priced) == (
        sum(line.subtotal_minor for line in priced.lines),
        sum(line.discount_minor for line in priced.lines),
        sum(line.tax_minor for line in priced.lines),
        sum(line.total_minor for line in priced.lines),
    )
    for whole in priced.basket_promotions:
        shares = [
            applied.amount_minor
            for line in priced.lines
            for applied in line.promotions
            if applied.promotion_id == whole.promotion_id
        ]
        assert sum(shares) == whole.amount_minor


@settings(max_examples=80, deadline=None)
@given(catalogues(), baskets())
def test_nothing_is_ever_negative_or_dearer_than_listed(snapshot: Snapshot, basket: Basket) -> None:
    priced = quote(basket, snapshot, NOW)

    for line in priced.lines:
        assert 0 <= line.total_minor <= line.subtotal_minor + line.tax_minor
        assert line.discount_minor <= 0 <= line.tax_minor
        assert all(applied.amount_minor < 0 for applied in line.promotions)


@settings(max_examples=60, deadline=None)
@given(catalogues(), baskets(), st.randoms())
def test_the_order_of_lines_does_not_matter(snapshot: Snapshot, basket: Basket, random: Random) -> None:
    lines = list(basket.lines)
    random.shuffle(lines)

    one = quote(basket, snapshot, NOW)
    other = quote(replace(basket, lines=tuple(lines)), snapshot, NOW)

    assert sorted(one.lines) == sorted(other.lines)
    assert amounts(one) == amounts(other)
    assert (one.basket_promotions, one.unused_coupons) == (other.basket_promotions, other.unused_coupons)


@settings(max_examples=40, deadline=None)
@given(catalogues(), baskets())
def test_one_basket_costs_the_same_in_all_channels(snapshot: Snapshot, basket: Basket) -> None:
    quotes = [quote(replace(basket, channel_id=name), snapshot, NOW) for name in ("web", "app", "pos")]

    assert quotes[0] == quotes[1] == quotes[2]


@settings(max_examples=40, deadline=None)
@given(catalogues(), baskets())
def test_asking_again_changes_nothing(snapshot: Snapshot, basket: Basket) -> None:
    """The offers that a snapshot remembers give the same answer as the first look."""
    assert quote(basket, snapshot, NOW) == quote(basket, snapshot, NOW)


@settings(max_examples=60, deadline=None)
@given(catalogues(), baskets())
def test_a_line_taken_by_a_promotion_that_does_not_stack_bears_no_other(
    snapshot: Snapshot, basket: Basket
) -> None:
    stackable = {
        ranked.promotion_id: ranked.stackable
        for article in snapshot.articles.values()
        for ranked in snapshot.promotions.touching(article)
    }

    priced = quote(basket, snapshot, NOW)

    for line in priced.lines:
        assert len(line.promotions) <= 1 or all(stackable[found.promotion_id] for found in line.promotions)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8), st.integers(0, 10_000))
def test_spreading_is_exact_fair_and_never_more_than_a_part(weights: list[int], part: int) -> None:
    """Hamilton's method: each part is its share rounded down or up, and none exceeds its weight."""
    whole = sum(weights)
    if not whole:
        weights, whole = [*weights, 1], 1
    total = min(part, whole)

    parts = spread(total, weights, [str(number) for number in range(len(weights))])

    assert sum(parts) == total
    for share, weight in zip(parts, weights, strict=True):
        assert total * weight // whole <= share <= -(-total * weight // whole)
        assert share <= weight


@given(st.integers(0, 10**12), st.integers(1, 10**7))
def test_half_up_is_the_nearest_integer(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)

    assert -denominator < 2 * (numerator - rounded * denominator) < denominator or (
        2 * (rounded * denominator - numerator) == denominator
    )
