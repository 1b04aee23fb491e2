from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pricing.baskets import BasketLine
from pricing.channels import Price
from pricing.promotions import PercentageOff
from pricing.quotes import Wish, quote_basket
from pricing.refusals import PriceChanged, QuoteExpired, QuoteInvalid, SkuDiscontinued
from pricing.tests.builders import HOUR, NOW, a_basket, a_promotion, a_snapshot, an_article
from pricing.tokens import QUOTE_TTL, QuoteSigner
from services.catalog.config import Settings, quote_key

SIGNER = QuoteSigner(b"k" * 32)
BASKET = a_basket(("a", 2), ("b", 1), coupons=("SAVE",), region="OH")
TICK = timedelta(microseconds=1)


def test_a_token_keeps_the_price_of_its_instant() -> None:
    """The promotion ends while the customer looks for the card: the price shown is the price paid."""
    minute = timedelta(minutes=1)
    ending = a_promotion(benefit=PercentageOff(5000), valid_until=NOW + minute)
    snapshot = a_snapshot({"a": 1000}, ending)
    wish = Wish(a_basket(("a", 1)))
    quoted = quote_basket(snapshot, SIGNER, wish, NOW)

    honoured = quote_basket(snapshot, SIGNER, wish._replace(token=quoted.token), NOW + 2 * minute)
    fresh = quote_basket(snapshot, SIGNER, wish, NOW + 2 * minute)

    assert honoured == quoted
    assert (honoured.quote.total_minor, fresh.quote.total_minor) == (500, 1000)


def test_a_correction_of_the_price_is_shown_before_it_is_paid() -> None:
    wish = Wish(a_basket(("a", 1)))
    quoted = quote_basket(a_snapshot({"a": 1000}), SIGNER, wish, NOW)
    corrected = a_snapshot({"a": Price("a", 1200)})

    with pytest.raises(PriceChanged) as caught:
        quote_basket(corrected, SIGNER, wish._replace(token=quoted.token), NOW)

    assert (caught.value.quoted_total_minor, caught.value.current_total_minor) == (1000, 1200)


def test_a_recalled_article_is_refused_even_with_a_token() -> None:
    wish = Wish(a_basket(("a", 1)))
    quoted = quote_basket(a_snapshot({"a": 1000}), SIGNER, wish, NOW)
    recalled = a_snapshot({"a": 1000}, articles=[an_article("a", discontinued=NOW + HOUR)])

    with pytest.raises(SkuDiscontinued):
        quote_basket(recalled, SIGNER, wish._replace(token=quoted.token), NOW)


def test_a_token_holds_for_thirty_minutes() -> None:
    token = SIGNER.sign(BASKET, NOW, 1234)

    promise = SIGNER.open(token, BASKET, NOW + QUOTE_TTL - TICK)

    assert (promise.priced_at, promise.total_minor) == (NOW, 1234)
    with pytest.raises(QuoteExpired):
        SIGNER.open(token, BASKET, NOW + QUOTE_TTL)


def test_the_order_of_lines_and_coupons_does_not_matter() -> None:
    token = SIGNER.sign(BASKET, NOW, 1)
    same = replace(BASKET, lines=tuple(reversed(BASKET.lines)), coupon_codes=("save",))

    assert SIGNER.open(token, same, NOW).total_minor == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(BASKET, channel_id="app"),
        replace(BASKET, lines=(BasketLine("a", 3), BasketLine("b", 1))),
        replace(BASKET, lines=BASKET.lines[:1]),
        replace(BASKET, coupon_codes=()),
        replace(BASKET, tax_region="TX"),
        replace(BASKET, tax_country_code="MX"),
    ],
)
def test_a_token_buys_no_other_basket(other: object) -> None:
    token = SIGNER.sign(BASKET, NOW, 1)

    with pytest.raises(QuoteInvalid, match="another basket"):
        SIGNER.open(token, other, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "forged", ["", "x", "é", "A" * 66, "*" * 66, QuoteSigner(b"o" * 32).sign(BASKET, NOW, 1)]
)
def test_a_forged_token_is_refused(forged: str) -> None:
    with pytest.raises(QuoteInvalid):
        SIGNER.open(forged, BASKET, NOW)


def test_every_changed_letter_of_a_token_is_noticed() -> None:
    token = SIGNER.sign(BASKET, NOW, 1)

    for place in range(len(token) - 1):
        letter = "A" if token[place] != "A" else "B"
        with pytest.raises(QuoteInvalid):
            SIGNER.open(token[:place] + letter + token[place + 1 :], BASKET, NOW)


def test_instances_share_the_key_they_are_given() -> None:
    """A token made by one instance is honoured by the others."""
    settings = Settings(quote_key="a secret of the platform")

    assert quote_key(settings) == quote_key(Settings(quote_key="a secret of the platform"))
    assert quote_key(settings) != quote_key(Settings(quote_key="another secret of ours"))
