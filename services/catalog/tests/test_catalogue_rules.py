"""The rules for what may be written, and how a changed catalogue comes about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pricing.assembly import Assembly
from pricing.channels import Price, check_channel, check_prices
from pricing.engine import quote
from pricing.promotions import AmountOff, BasketThreshold, Benefit, BuyXPayY, check_promotion
from pricing.refusals import (
    CouponUnknown,
    CurrencyMismatch,
    PriceListUnknown,
    PriceRepeated,
    PromotionInvalid,
    TaxTreatmentMixed,
    TextMissing,
    ValidityEmpty,
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
from pricing.texts import LocalizedText
from services.catalog.domain.barcodes import gtin_of, is_valid_barcode
from services.catalog.domain.products import Variant, check_products
from services.catalog.domain.refusals import BarcodeInvalid, BarcodeTaken, SkuTaken
from services.catalog.tests.builders import a_product


@pytest.mark.parametrize("barcode", ["96385074", "036000291452", "4006381333931", "10012345000017"])
def test_barcodes_of_all_four_lengths_are_taken(barcode: str) -> None:
    assert is_valid_barcode(barcode)


@pytest.mark.parametrize(
    "barcode", ["96385075", "4006381333930", "123", "", "400638133393X", "４006381333931"]
)
def test_other_barcodes_are_not(barcode: str) -> None:
    assert not is_valid_barcode(barcode)


def test_every_single_wrong_digit_is_noticed() -> None:
    right = "4006381333931"

    for place, digit in enumerate(right):
        wrong = right[:place] + str((int(digit) + 1) % 10) + right[place + 1 :]
        assert not is_valid_barcode(wrong)


def test_a_upc_and_the_same_ean_are_one_number() -> None:
    assert gtin_of("036000291452") == gtin_of("0036000291452")


def test_products_of_one_request_may_not_contradict_each_other() -> None:
    code = "4006381333931"

    with pytest.raises(SkuTaken):
        check_products([a_product("one", Variant("s")), a_product("two", Variant("s"))])
    with pytest.raises(BarcodeTaken):
        check_products([a_product("one", Variant("s", (code,)), Variant("t", ("0" + code,)))])
    with pytest.raises(BarcodeInvalid):
        check_products([a_product("one", Variant("s", ("123",)))])


def test_what_people_see_has_a_name() -> None:
    nameless = LocalizedText(" ", "")

    with pytest.raises(TextMissing):
        check_products([replace(a_product(), name=nameless)])
    with pytest.raises(TextMissing):
        check_promotion(replace(a_promotion(), name=nameless))
    with pytest.raises(TextMissing):
        check_channel(replace(a_channel(), name=nameless), {"base": a_price_list()})


def test_a_channel_sells_from_lists_that_fit_it() -> None:
    lists = {"base": a_price_list(), "euro": a_price_list("euro", currency="EUR")}
    lists["gross"] = a_price_list("gross", tax_inclusive=True)

    with pytest.raises(PriceListUnknown):
        check_channel(a_channel("web", "moon"), lists)
    with pytest.raises(CurrencyMismatch):
        check_channel(a_channel("web", "base", "euro"), lists)
    with pytest.raises(TaxTreatmentMixed):
        check_channel(a_channel("web", "base", "gross"), lists)


def test_prices_are_valid_at_some_time_and_stand_once() -> None:
    with pytest.raises(ValidityEmpty):
        check_prices([Price("a", 1, NOW, NOW)])
    with pytest.raises(PriceRepeated):
        check_prices([Price("a", 1, NOW), Price("a", 2, NOW, NOW + HOUR)])


@pytest.mark.parametrize(
    "benefit",
    [
        AmountOff(0, "USD"),
        AmountOff(-5, "USD"),
        BuyXPayY(3, 3),
        BasketThreshold(-1, "USD", 100),
        BasketThreshold(100, "USD", 0),
        BasketThreshold(100, "USD", 0, 10_001),
        BasketThreshold(100, "USD", 0, -1),
    ],
)
def test_a_promotion_that_makes_no_sense_is_refused(benefit: Benefit) -> None:
    with pytest.raises(PromotionInvalid):
        check_promotion(a_promotion(benefit=benefit))


def test_a_change_leaves_the_old_snapshot_as_it_was() -> None:
    """Baskets that are being priced keep the catalogue they began with."""
    before = a_snapshot({"a": 100, "b": 100})
    assembly = Assembly(before, NOW)
    assembly.put_price("base", Price("a", 300))
    assembly.put_article(an_article("b", discontinued=NOW))
    assembly.put_listing("web", "a", listed=True)

    after = assembly.finish(2)

    basket = a_basket(("a", 1), ("b", 1))
    assert quote(basket, before, NOW).total_minor == 200
    assert quote(a_basket(("a", 1)), after, NOW).total_minor == 300
    assert (before.assortments, after.assortments) == ({}, {"web": frozenset({"a"})})
    assert before.promotions is after.promotions


def test_a_promotion_that_is_written_again_replaces_itself_wherever_it_stood() -> None:
    """Its old scope must not go on giving."""
    snapshot = a_snapshot({"a": 100, "b": 100, "c": 100}, a_promotion("p", skus=["a"], coupon="OLD"))
    basket = a_basket(("a", 1), ("b", 1), ("c", 1))
    scopes = [
        (a_promotion("p", skus=["b"]), [0, -10, 0]),
        (a_promotion("p", categories=["GROCERY"]), [-10, -10, -10]),
        (a_promotion("p", skus=["c"], categories=["GROCERY"]), [0, 0, -10]),
        (a_promotion("p"), [-10, -10, -10]),
        (a_promotion("p", withdrawn=True), [0, 0, 0]),
        (a_promotion("p", skus=["a"]), [-10, 0, 0]),
    ]

    for promotion, discounts in scopes:
        assembly = Assembly(snapshot, NOW)
        assembly.put_promotion(promotion)
        snapshot = assembly.finish(2)
        assert [line.discount_minor for line in quote(basket, snapshot, NOW).lines] == discounts

    with pytest.raises(CouponUnknown):
        quote(replace(basket, coupon_codes=("OLD",)), snapshot, NOW)
