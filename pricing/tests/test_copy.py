"""A catalogue that was written into messages and read back prices as the one it was copied from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aljibe.catalog.v1 import pricing_pb2
from pricing import reading, writing
from pricing.assembly import Assembly, Change, ListedPrice, Listing
from pricing.baskets import Basket, BasketLine
from pricing.channels import Channel, Price, PriceList
from pricing.promotions import AmountOff, BasketThreshold, Benefit, BuyXPayY, PercentageOff, Promotion, Scope
from pricing.quotes import SignedQuote, Wish, quote_basket
from pricing.refusals import Refusal
from pricing.snapshot import Article, Snapshot
from pricing.taxes import TaxKey, TaxRate
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
from pricing.tests.test_engine_properties import CATEGORIES, COUPONS, PATHS, SKUS
from pricing.tests.test_engine_properties import baskets as plain_baskets
from pricing.tests.test_engine_properties import benefits as any_benefits
from pricing.texts import LocalizedText
from pricing.tokens import QuoteSigner
from pricing.validity import NEVER_ENDS, SINCE_EVER

Outcome: TypeAlias = SignedQuote | tuple[type[Refusal], dict[str, Any]]

SIGNER = QuoteSigner(b"k" * 32)
TICK = timedelta(microseconds=1)
LATER = NOW + HOUR + 123_457 * TICK
CHANNELS = ("web", "app", "pos")
LISTS = ("base", "sale")
REGIONS = ("", "OH")
MOMENTS = (NOW - 3 * HOUR, NOW - TICK, NOW, NOW + TICK, NOW + 3 * HOUR)


def sent(changes: Iterable[Change]) -> list[Change]:
    """What a reader gets of changes that travel in one message."""
    message = pricing_pb2.StreamCatalogueResponse()
    writing.put_changes(message, changes)
    return reading.changes(pricing_pb2.StreamCatalogueResponse.FromString(message.SerializeToString()))


def assembled(changes: Iterable[Change], base: Snapshot | None = None) -> Snapshot:
    assembly = Assembly(base or Snapshot(), NOW)
    for change in changes:
        assembly.put(change)
    return assembly.finish(1)


def copied(parts: Iterable[Sequence[Change]], base: Snapshot | None = None) -> Snapshot:
    """What a reader makes of messages with these changes, on top of the copy it has."""
    return assembled([change for part in parts for change in sent(part)], base)


def contents(snapshot: Snapshot) -> list[Change]:
    """All that a snapshot was made of, as a first reader is told."""
    found: list[Change] = [*snapshot.articles.values(), *snapshot.price_lists.values()]
    for price_list_id, prices in snapshot.prices.items():
        for sku, points in prices.items():
            found += [
                ListedPrice(
                    price_list_id, Price(sku, point.unit_price_minor, point.valid_from, point.valid_until)
                )
                for point in points
            ]
    found += snapshot.channels.values()
    for channel_id, skus in snapshot.assortments.items():
        found += [Listing(channel_id, sku, listed=True) for sku in skus]
    found += [ranked.promotion for ranked in snapshot.promotions.known.values()]
    found += [TaxRate(key, rate_ppm) for key, rate_ppm in snapshot.tax_rates.items()]
    return found


def outcome(snapshot: Snapshot, wish: Wish, at: datetime) -> Outcome:
    """The signed quote, or the refusal's class and fields."""
    try:
        return quote_basket(snapshot, SIGNER, wish, at)
    except Refusal as refusal:
        return type(refusal), dict(vars(refusal))


A_BEER = Article(
    "beer-33",
    "beer",
    "Beer",
    "Cerveza rubia, jalapeño",
    "alcohol",
    ("GROCERY", "DRINKS", "BEER"),
    LATER,
    "Águila",
    (("abv", "4.5 %"), ("size", "33 cl")),
)
BASKET_BY_AMOUNT = BasketThreshold(5_000, "USD", amount_off_minor=700)
BASKET_BY_SHARE = BasketThreshold(5_000, "USD", basis_points_off=750)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(an_article("a"), id="article"),
        pytest.param(an_article("a", path=()), id="article in no category"),
        pytest.param(A_BEER, id="article with all it can have"),
        pytest.param(a_price_list(), id="list that always counts"),
        pytest.param(
            PriceList("mx", LocalizedText("Mexico", "México"), "MXN", True, NOW, LATER),
            id="list with tax, for a time",
        ),
        pytest.param(a_price_list(valid_from=LATER), id="list that only begins"),
        pytest.param(a_price_list(valid_until=LATER), id="list that only ends"),
        pytest.param(ListedPrice("base", Price("a", 0)), id="price of nothing, always"),
        pytest.param(ListedPrice("base", Price("a", 100_000_000, SINCE_EVER, NEVER_ENDS)), id="dear price"),
        pytest.param(ListedPrice("base", Price("a", 199, NOW + TICK, LATER)), id="price to the microsecond"),
        pytest.param(ListedPrice("base", Price("a", 199, LATER)), id="price that only begins"),
        pytest.param(ListedPrice("base", Price("a", 199, valid_until=LATER)), id="price that only ends"),
        pytest.param(
            ListedPrice("base", Price("a", 199, datetime(1969, 7, 20, 20, 17, 40, 1, UTC))),
            id="price from before 1970",
        ),
        pytest.param(a_channel("web", "sale", "base"), id="channel"),
        pytest.param(
            Channel("pos", LocalizedText("", "Cajas"), "MXN", ("z", "a"), True, (3, 1)),
            id="channel with assortment and methods",
        ),
        pytest.param(Listing("pos", "a", listed=True), id="listing"),
        pytest.param(Listing("pos", "a", listed=False), id="listing taken out"),
        pytest.param(a_promotion(benefit=PercentageOff(10_000)), id="percentage off"),
        pytest.param(a_promotion(benefit=AmountOff(250, "EUR")), id="amount off"),
        pytest.param(a_promotion(benefit=BuyXPayY(3, 2)), id="three for two"),
        pytest.param(a_promotion(benefit=BuyXPayY(2, 0)), id="all of them free"),
        pytest.param(a_promotion(benefit=BASKET_BY_AMOUNT), id="threshold by amount"),
        pytest.param(a_promotion(benefit=BASKET_BY_SHARE), id="threshold by basis points"),
        pytest.param(a_promotion(benefit=BasketThreshold(0, "USD", 1)), id="threshold without a minimum"),
        pytest.param(
            Promotion(
                "all",
                LocalizedText("All", "Todo"),
                PercentageOff(1),
                Scope(frozenset("abc"), frozenset(CATEGORIES), frozenset(CHANNELS)),
                "Welcome",
                -7,
                True,
                NOW,
                LATER,
                True,
            ),
            id="promotion with all it can have",
        ),
        pytest.param(a_promotion(withdrawn=True), id="promotion withdrawn"),
        pytest.param(a_promotion(stackable=True), id="promotion that stacks"),
        pytest.param(a_promotion(coupon="SAVE", priority=2**31 - 1), id="promotion tried first"),
        pytest.param(a_promotion(skus="ab"), id="promotion of articles"),
        pytest.param(a_promotion(categories="xy"), id="promotion of categories"),
        pytest.param(a_promotion(channels=CHANNELS), id="promotion of channels"),
        pytest.param(TaxRate(TaxKey("standard", "US", ""), 0), id="tax of a country"),
        pytest.param(TaxRate(TaxKey("food", "US", "OH"), 1_000_000), id="tax of a region"),
    ],
)
def test_each_kind_of_change_arrives_as_it_was_sent(change: Change) -> None:
    assert sent([change]) == [change]


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
texts = st.builds(LocalizedText, words, words)
currencies = st.sampled_from(["USD", "EUR", "MXN"])
instants = st.datetimes(timezones=st.just(UTC))
beginnings = st.just(SINCE_EVER) | instants
ends = st.just(NEVER_ENDS) | instants
word_sets = st.frozensets(words, max_size=4)

any_changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(
        Article,
        words,
        words,
        words,
        words,
        words,
        st.lists(words, max_size=6).map(tuple),
        st.none() | instants,
        words,
        st.dictionaries(words, words, max_size=4).map(lambda found: tuple(sorted(found.items()))),
    ),
    st.builds(PriceList, words, texts, currencies, st.booleans(), beginnings, ends),
    st.builds(ListedPrice, words, st.builds(Price, words, st.integers(0, 100_000_000), beginnings, ends)),
    st.builds(
        Channel,
        words,
        texts,
        currencies,
        st.lists(words, max_size=4).map(tuple),
        st.booleans(),
        st.lists(st.integers(0, 3), max_size=3).map(tuple),
    ),
    st.builds(Listing, words, words, st.booleans()),
    st.builds(
        Promotion,
        words,
        texts,
        any_benefits,
        st.builds(Scope, word_sets, word_sets, word_sets),
        words,
        st.integers(-(2**31), 2**31 - 1),
        st.booleans(),
        beginnings,
        ends,
        st.booleans(),
    ),
    st.builds(TaxRate, st.builds(TaxKey, words, words, words), st.integers(0, 1_000_000)),
)


@settings(max_examples=300, deadline=None)
@given(any_changes)
def test_any_change_arrives_as_it_was_sent(change: Change) -> None:
    """Whatever the letters, the instants and the numbers."""
    assert sent([change]) == [change]


@settings(max_examples=60, deadline=None)
@given(st.lists(any_changes, max_size=8))
def test_nothing_is_lost_where_many_changes_share_a_message(changes: list[Change]) -> None:
    arrived = sent(changes)

    assert len(arrived) == len(changes)
    assert set(arrived) == set(changes)


@st.composite
def validities(draw: st.DrawFn) -> tuple[datetime, datetime]:
    """Mostly always; else around the instants at which baskets are priced."""
    if draw(st.integers(0, 2)):
        return SINCE_EVER, NEVER_ENDS
    begin, end = draw(st.lists(st.sampled_from(MOMENTS), min_size=2, max_size=2, unique=True).map(sorted))
    return draw(st.sampled_from([(begin, end), (SINCE_EVER, end), (begin, NEVER_ENDS)]))


@st.composite
def articles(draw: st.DrawFn, sku: str) -> Article:
    return an_article(
        sku,
        path=PATHS[sku],
        tax_class=draw(st.sampled_from(["standard", "food"])),
        discontinued=NOW + TICK if draw(st.integers(0, 15)) == 0 else None,
    )._replace(
        brand=draw(st.sampled_from(["", "Águila"])),
        attributes=draw(st.sampled_from([(), (("colour", "red"), ("size", "33 cl"))])),
    )


@st.composite
def any_promotions(draw: st.DrawFn, promotion_id: str, benefit: st.SearchStrategy[Benefit]) -> Promotion:
    valid_from, valid_until = draw(validities())
    return a_promotion(
        promotion_id,
        draw(benefit),
        skus=draw(st.sets(st.sampled_from(SKUS), max_size=3)),
        categories=draw(st.sets(st.sampled_from(CATEGORIES), max_size=2)),
        channels=draw(st.sampled_from([(), (), ("web",), ("app", "pos")])),
        coupon=draw(st.sampled_from(COUPONS)),
        priority=draw(st.integers(-2, 2)),
        stackable=draw(st.booleans()),
        valid_from=valid_from,
        valid_until=valid_until,
        withdrawn=draw(st.integers(0, 3)) == 0,
    )


@st.composite
def catalogues(draw: st.DrawFn) -> list[Change]:
    """A catalogue change by change, each of its own key: lists and prices for a time, an explicit assortment,
    articles out of sale, promotions over and withdrawn.
    """
    found: list[Change] = [draw(articles(sku)) for sku in SKUS]
    tax_inclusive = draw(st.booleans())
    for name in LISTS:
        valid_from, valid_until = draw(validities())
        found.append(
            a_price_list(name, tax_inclusive=tax_inclusive, valid_from=valid_from, valid_until=valid_until)
        )
        for sku in SKUS:
            validity = draw(st.lists(validities(), max_size=2, unique_by=lambda span: span[0]))
            found += [ListedPrice(name, Price(sku, draw(st.integers(0, 2_000)), *span)) for span in validity]
    found += [ListedPrice("always", Price(sku, 999)) for sku in SKUS]
    found += [a_price_list("always", tax_inclusive=tax_inclusive)]
    found += [a_channel("web", "sale", "base", "always"), a_channel("app", "base", "sale")]
    found += [a_channel("pos", "base", "always", explicit=True)]
    found += [Listing("pos", sku, listed=draw(st.integers(0, 4)) > 0) for sku in SKUS]
    found += [draw(any_promotions(f"p{number}", any_benefits)) for number in range(draw(st.integers(0, 6)))]
    # A coupon that nothing else has may be unknown, valid or over.
    for code in draw(st.sets(st.sampled_from(["ONE", "TWO"]))):
        valid_from, valid_until = draw(validities())
        found.append(a_promotion(code, coupon=code, valid_from=valid_from, valid_until=valid_until))
    found += [
        TaxRate(TaxKey(tax_class, "US", region), draw(st.integers(0, 300_000)))
        for tax_class in ("standard", "food")
        for region in REGIONS
        if draw(st.booleans())
    ]
    return found


@st.composite
def baskets(draw: st.DrawFn) -> Basket:
    """Baskets that the catalogue may refuse, too."""
    plain = draw(plain_baskets())
    unknown = draw(st.integers(0, 19)) == 0
    return replace(
        plain,
        channel_id=draw(st.sampled_from(CHANNELS * 4 + ("moon",))),
        lines=(*plain.lines, BasketLine("none", 1)) if unknown else plain.lines,
        tax_region=draw(st.sampled_from((*REGIONS, "TX"))),
        currency_code=draw(st.sampled_from(("", "USD") * 6 + ("EUR",))),
        describe_articles=draw(st.booleans()),
    )


@st.composite
def parts_of(draw: st.DrawFn, changes: Sequence[Change]) -> list[Sequence[Change]]:
    """The changes in any order, cut anywhere into messages; some may be empty."""
    shuffled = list(changes)
    draw(st.randoms()).shuffle(shuffled)
    cuts = [0, *sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4))), len(shuffled)]
    return [shuffled[begin:end] for begin, end in pairwise(cuts)]


moments = st.sampled_from(MOMENTS)


@settings(max_examples=150, deadline=None)
@given(st.data(), catalogues(), st.lists(baskets(), min_size=1, max_size=4), moments)
def test_a_copy_prices_and_refuses_as_its_original(
    data: st.DataObject, changes: list[Change], wanted: list[Basket], at: datetime
) -> None:
    """Which of the two a basket is priced with may not show, neither in an amount nor in the token; and in
    what order and in how many messages the changes came is of no account.
    """
    original = assembled(changes)

    copy = copied(data.draw(parts_of(changes)))

    for basket in wanted:
        assert outcome(copy, Wish(basket), at) == outcome(original, Wish(basket), at)


@settings(max_examples=80, deadline=None)
@given(catalogues(), catalogues(), baskets(), moments)
def test_what_changes_later_replaces_what_a_copy_had(
    before: list[Change], after: list[Change], basket: Basket, at: datetime
) -> None:
    """A copy is read once and lives on changes: it may not keep a trace of what no longer counts."""
    original = assembled(after, assembled(before))

    copy = copied([after], copied([before]))

    assert outcome(copy, Wish(basket), at) == outcome(original, Wish(basket), at)


@settings(max_examples=80, deadline=None)
@given(catalogues(), baskets(), moments, st.integers(0, 40))
def test_a_quote_is_honoured_by_the_copy_as_by_the_original(
    changes: list[Change], basket: Basket, at: datetime, minutes: int
) -> None:
    """Also where it has expired, and where prices changed since it was given."""
    original, copy = assembled(changes), copied([changes])
    quoted = outcome(original, Wish(basket), at)
    token = quoted.token if isinstance(quoted, SignedQuote) else SIGNER.sign(basket, at, 1)
    wish, later = Wish(basket, token), at + timedelta(minutes=minutes)

    honoured = outcome(copy, wish, later)

    assert honoured == outcome(original, wish, later)
    if isinstance(quoted, SignedQuote) and minutes < 30:
        assert honoured == quoted


@settings(max_examples=40, deadline=None)
@given(catalogues(), baskets(), moments)
def test_a_copy_of_a_copy_is_as_good(changes: list[Change], basket: Basket, at: datetime) -> None:
    """Everything that a snapshot is made of travels: nothing has to be known besides."""
    original = assembled(changes)

    again = copied([contents(copied([contents(original)]))])

    assert outcome(again, Wish(basket), at) == outcome(original, Wish(basket), at)


def test_a_coupon_of_two_promotions_is_refused_alike_whichever_came_first() -> None:
    """Both ended at once: the refusal names the one that began last."""
    short = a_promotion("short", coupon="SAVE", valid_from=NOW - HOUR, valid_until=NOW)
    long = a_promotion("long", coupon="SAVE", valid_from=NOW - 9 * HOUR, valid_until=NOW)
    goods = contents(a_snapshot({"a": 100}))
    wish = Wish(a_basket(("a", 1), coupons=("SAVE",)))

    one = outcome(copied([[*goods, short, long]]), wish, NOW)
    other = outcome(copied([[*goods, long, short]]), wish, NOW)

    assert one == other
    assert isinstance(one[1], dict)
    assert one[1]["valid_from"] == NOW - HOUR
