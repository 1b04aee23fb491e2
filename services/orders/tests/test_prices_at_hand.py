"""Prices at hand: when the copy of the catalogue prices, and when the catalog is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from aljibe.catalog.v1 import pricing_pb2
from pricing import writing
from pricing.assembly import Change, ListedPrice
from pricing.channels import Price
from pricing.promotions import PercentageOff
from pricing.tests.builders import NOW, a_channel, a_price_list, a_promotion, an_article
from services.orders.adapters.nats.catalogue import TRUSTED_SECONDS, CatalogueCopy
from services.orders.adapters.prices import PricesAtHand
from services.orders.domain.draft import Draft, DraftLine
from services.orders.domain.prices import Quote
from services.orders.domain.states import Method

KEY = b"the same for all services"
TTL = timedelta(minutes=30)
ASKED = Quote("USD", (), 1, 0, 0, "from the catalog", None)


class Away(Exception):
    """The catalog cannot be reached."""


@dataclass
class Catalog:
    """What was written, by version; and how it was asked."""

    written: list[Sequence[Change]] = field(default_factory=list)
    since: list[int] = field(default_factory=list)
    away_after_parts: int | None = None
    asked: list[Draft] = field(default_factory=list)
    lineage: str = "1"

    async def parts(self, since: int, lineage: str) -> AsyncIterator[pricing_pb2.StreamCatalogueResponse]:
        """The stream: a head, and a part for each version."""
        self.since.append(since)
        version = len(self.written)
        begin = since if since <= version and lineage == self.lineage else 0
        head = pricing_pb2.StreamCatalogueResponse(
            version=version,
            since_version=begin,
            lineage=self.lineage,
            quote_key=KEY,
            quote_ttl_seconds=int(TTL.total_seconds()),
        )
        for number, changes in enumerate([(), *self.written[begin:]]):
            if number == self.away_after_parts:
                raise Away
            part = pricing_pb2.StreamCatalogueResponse(version=version, since_version=begin)
            writing.put_changes(part, changes)
            yield head if number == 0 else part

    async def quote(self, draft: Draft, tax_country: str, tax_region: str) -> Quote:
        """Asked by a call."""
        self.asked.append(draft)
        return ASKED


@dataclass
class Bench:
    """A copy that reads from a catalog, and prices with it."""

    catalog: Catalog
    copy: CatalogueCopy
    prices: PricesAtHand
    now: datetime = NOW
    elapsed: float = 0.0
    describes: bool = False

    async def quote(self, *skus: str, token: str = "") -> Quote:
        """What one unit of each costs in the web shop."""
        lines = tuple(DraftLine(sku, 1, Method.SHIP) for sku in skus)
        return await self.prices.quote(Draft("web", lines, quote_token=token), "US", "CA")


@pytest.fixture
def bench() -> Bench:
    """A catalog with two articles at 1.00 and 2.00, not read yet."""
    catalog = Catalog(
        [
            [
                an_article("cola"),
                an_article("tea"),
                a_price_list(),
                ListedPrice("base", Price("cola", 100)),
                ListedPrice("base", Price("tea", 200)),
                a_channel(),
            ]
        ]
    )
    nobody = cast(Any, None)
    copy = CatalogueCopy(nobody, catalog.parts, lambda: made.now, lambda: made.elapsed)
    made = Bench(catalog, copy, PricesAtHand(copy, catalog, lambda: made.describes, lambda: made.now))
    return made


async def test_a_basket_is_priced_with_the_copy_and_nobody_is_asked(bench: Bench) -> None:
    await bench.copy.read()

    quote = await bench.quote("tea", "cola")

    assert [(line.unit_price_minor, line.name_es) for line in quote.lines] == [
        (200, "Nombre de tea"),
        (100, "Nombre de cola"),
    ]
    assert (quote.total_minor, quote.currency_code) == (300, "USD")
    assert quote.expire_time == NOW + TTL
    assert not bench.catalog.asked


async def test_before_the_first_reading_the_catalog_is_asked(bench: Bench) -> None:
    assert await bench.quote("cola") is ASKED


async def test_what_the_copy_refuses_is_asked_of_the_catalog(bench: Bench) -> None:
    """An article that was written just now may be known there; and a refusal must speak its language."""
    await bench.copy.read()

    assert await bench.quote("cola", "coffee") is ASKED


async def test_only_what_was_written_since_is_read_again(bench: Bench) -> None:
    await bench.copy.read()
    bench.catalog.written.append([ListedPrice("base", Price("cola", 90))])
    bench.catalog.written.append([a_promotion(benefit=PercentageOff(1_000), skus=["tea"])])

    await bench.copy.read()
    await bench.copy.read()

    assert bench.catalog.since == [0, 1, 3]
    assert (await bench.quote("cola", "tea")).total_minor == 90 + 180


async def test_a_reading_that_breaks_off_leaves_the_copy_as_it_was(bench: Bench) -> None:
    await bench.copy.read()
    bench.catalog.written.append([ListedPrice("base", Price("cola", 90))])
    bench.catalog.written.append([ListedPrice("base", Price("tea", 190))])
    bench.catalog.away_after_parts = 2

    with pytest.raises(Away):
        await bench.copy.read()
    assert (await bench.quote("cola", "tea")).total_minor == 300

    bench.catalog.away_after_parts = None
    await bench.copy.read()
    assert (await bench.quote("cola", "tea")).total_minor == 280


async def test_while_the_catalog_is_away_the_copy_counts_for_a_minute(bench: Bench) -> None:
    """Counted from when it was asked: what was written while it answered may be missing."""
    await bench.copy.read()

    bench.elapsed += TRUSTED_SECONDS - 0.001
    assert (await bench.quote("cola")).total_minor == 100
    bench.elapsed += 0.001
    assert await bench.quote("cola") is ASKED

    await bench.copy.read()
    assert (await bench.quote("cola")).total_minor == 100


async def test_a_catalogue_restored_from_a_backup_is_read_anew(bench: Bench) -> None:
    bench.catalog.written.append([an_article("coffee"), ListedPrice("base", Price("coffee", 300))])
    await bench.copy.read()
    assert (await bench.quote("coffee")).total_minor == 300

    del bench.catalog.written[1]
    await bench.copy.read()

    assert await bench.quote("coffee") is ASKED
    assert (await bench.quote("cola")).total_minor == 100


async def test_a_backup_that_was_written_on_is_read_anew(bench: Bench) -> None:
    """The number of the version that the copy has was given again, to other contents."""
    bench.catalog.written.append([an_article("coffee"), ListedPrice("base", Price("coffee", 300))])
    await bench.copy.read()
    bench.catalog.written[1] = [ListedPrice("base", Price("cola", 150))]
    await bench.copy.read()
    assert (await bench.quote("coffee")).total_minor == 300, "nothing tells that it is another version 2"

    bench.catalog.lineage = "2"
    await bench.copy.read()

    assert await bench.quote("coffee") is ASKED
    assert (await bench.quote("cola")).total_minor == 150
    bench.catalog.written.append([ListedPrice("base", Price("tea", 250))])
    await bench.copy.read()
    assert bench.catalog.since[-1] == 2, "what is new is enough again"
    assert (await bench.quote("tea", "cola")).total_minor == 400


async def test_a_quote_is_honoured_at_its_price_until_it_expires(bench: Bench) -> None:
    """The price rises ten minutes from now."""
    rise = NOW + timedelta(minutes=10)
    bench.catalog.written.append([ListedPrice("base", Price("cola", 120, valid_from=rise))])
    await bench.copy.read()
    token = (await bench.quote("cola")).quote_token

    bench.now = NOW + TTL - timedelta(seconds=1)
    assert (await bench.quote("cola")).total_minor == 120
    assert (await bench.quote("cola", token=token)).total_minor == 100

    bench.now = NOW + TTL
    assert await bench.quote("cola", token=token) is ASKED
    assert await bench.quote("tea", token=token) is ASKED, "it is for another basket"


async def test_a_quote_whose_price_was_corrected_is_asked_of_the_catalog(bench: Bench) -> None:
    """It knows both prices, and tells them to the customer."""
    await bench.copy.read()
    token = (await bench.quote("cola")).quote_token
    bench.catalog.written.append([ListedPrice("base", Price("cola", 90))])
    await bench.copy.read()

    assert await bench.quote("cola", token=token) is ASKED


async def test_brand_and_attributes_come_when_rules_ask_for_them(bench: Bench) -> None:
    bench.catalog.written.append(
        [an_article("cola")._replace(brand="Aljibe", attributes=(("size", "33 cl"),))]
    )
    await bench.copy.read()
    plain = (await bench.quote("cola")).lines[0]

    bench.describes = True
    described = (await bench.quote("cola")).lines[0]

    assert (plain.brand, plain.attributes) == ("", ())
    assert (described.brand, described.attributes) == ("Aljibe", (("size", "33 cl"),))
