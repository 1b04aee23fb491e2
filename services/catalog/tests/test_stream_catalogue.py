"""Copies of the catalogue that other services keep, read through the service's own door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import grpc
import pytest
from google.rpc import error_details_pb2

from aljibe.catalog.v1 import catalog_pb2 as pb
from aljibe.catalog.v1 import pricing_pb2
from aljibe.common.v1 import types_pb2
from chassis.clock import utc_now
from chassis.errors import error_info_of, info_in
from chassis.postgres import Database
from pricing import reading
from pricing.assembly import Assembly, Change, ListedPrice, Listing
from pricing.channels import Channel, Price, PriceList
from pricing.promotions import BuyXPayY, Promotion, Scope
from pricing.quotes import quote_basket
from pricing.refusals import Refusal
from pricing.snapshot import Article, Snapshot
from pricing.taxes import TaxKey, TaxRate
from pricing.texts import LocalizedText
from pricing.tokens import QuoteSigner
from services.catalog.adapters.grpc import answers, requests
from services.catalog.adapters.grpc.errors import table
from services.catalog.adapters.grpc.pricing import PART_BYTES
from services.catalog.adapters.postgres.changes import FETCH_PROMOTIONS, FETCH_ROWS
from services.catalog.tests.conftest import Door, PutBack
from services.catalog.tests.test_grpc import basket, fill, refusal

Outcome: TypeAlias = pricing_pb2.Quote | error_details_pb2.ErrorInfo

MINUTE = timedelta(minutes=1)
THREE_FOR_TWO = Promotion(
    "club-3-for-2",
    LocalizedText("3 for 2", "3 por 2"),
    BuyXPayY(3, 2),
    Scope(frozenset({"cola-33"}), channel_ids=frozenset({"club"})),
    priority=5,
)


def promotion(**fields: Any) -> pb.Promotion:
    return pb.Promotion(
        promotion_id=THREE_FOR_TWO.promotion_id,
        name=pb.LocalizedText(en="3 for 2", es="3 por 2"),
        scope=pb.PromotionScope(skus=["cola-33"], channel_ids=["club"]),
        buy_x_pay_y=pb.BuyXPayY(buy_units=3, pay_units=2),
        priority=5,
        **fields,
    )


async def fill_with_club(door: Door) -> None:
    """What `fill` writes, and a channel "club" that sells only cola and crisps; three colas there for two."""
    await fill(door)
    call: dict[str, Any] = {"metadata": door.token("merchandiser"), "timeout": 10}
    club = pb.Channel(
        channel_id="club",
        name=pb.LocalizedText(es="Club"),
        currency_code="USD",
        price_list_ids=["base"],
        explicit_assortment=True,
    )
    await door.catalog.UpsertChannels(pb.UpsertChannelsRequest(request_id="club", channels=[club]), **call)
    assortment = pb.ChangeAssortmentRequest(
        request_id="club-sells", channel_id="club", add_skus=["cola-33", "crisps-150"]
    )
    await door.catalog.ChangeAssortment(assortment, **call)
    await door.catalog.UpsertPromotions(
        pb.UpsertPromotionsRequest(request_id="club-promotion", promotions=[promotion()]), **call
    )


Parts: TypeAlias = list[pricing_pb2.StreamCatalogueResponse]


async def stream(door: Door, since_version: int, lineage: str = "", *, role: str = "service") -> Parts:
    request = pricing_pb2.StreamCatalogueRequest(since_version=since_version, lineage=lineage)
    return [
        part async for part in door.pricing.StreamCatalogue(request, metadata=door.token(role), timeout=10)
    ]


def changes(parts: Iterable[pricing_pb2.StreamCatalogueResponse]) -> list[Change]:
    return [change for part in parts for change in reading.changes(part)]


@dataclass
class Copy:
    """What another service makes of the parts that it read."""

    snapshot: Snapshot
    signer: QuoteSigner

    @classmethod
    def of(cls, parts: Parts, base: Snapshot | None = None) -> Copy:
        first = parts[0]
        assembly = Assembly(base or Snapshot(), utc_now())
        for change in changes(parts):
            assembly.put(change)
        signer = QuoteSigner(first.quote_key, timedelta(seconds=first.quote_ttl_seconds))
        return cls(assembly.finish(first.version), signer)

    def answer(self, request: pricing_pb2.QuoteBasketRequest, at: datetime) -> Outcome:
        """What the catalog would answer, were this its snapshot and `at` its clock."""
        try:
            signed = quote_basket(self.snapshot, self.signer, requests.wish(request), at)
        except Refusal as refused:
            info = info_in(table.status_for(refused).SerializeToString())
            assert info is not None
            return info
        quote = pricing_pb2.Quote()
        answers.fill_quote(quote, signed)
        return quote


async def asked(door: Door, request: pricing_pb2.QuoteBasketRequest) -> tuple[Outcome, datetime]:
    """The catalog's answer to a basket, and when it was priced."""
    try:
        answer = await door.pricing.QuoteBasket(request, metadata=door.token("service"), timeout=10)
    except grpc.aio.AioRpcError as error:
        info = error_info_of(error)
        assert info is not None
        return info, utc_now()
    return answer.quote, answer.quote.expire_time.ToDatetime(tzinfo=UTC) - 30 * MINUTE


async def prices_as_the_catalog(copy: Copy, door: Door) -> None:
    """Assert that the copy gives the catalog's own answers, amount by amount, token or refusal included."""
    for request in (
        basket(),
        basket("app", coupon_codes=["welcome"], describe_articles=True),
        basket("club"),
        basket("club", coupon_codes=["WELCOME"]),
        basket(coupon_codes=["none"]),
        basket(currency_code="EUR"),
        basket("moon"),
    ):
        expected, at = await asked(door, request)
        assert copy.answer(request, at) == expected


async def test_a_first_reader_gets_everything(door: Door) -> None:
    await fill_with_club(door)

    parts = await stream(door, 0)

    found = changes(parts)
    assert {(part.version, part.since_version) for part in parts} == {(9, 0)}
    assert [one for one in found if isinstance(one, Article)] == [
        Article(
            "cola-33",
            "cola",
            "Cola",
            "Refresco de cola",
            "standard",
            ("GROCERY", "SOFT DRINKS"),
            None,
            "Fizz",
            (("size", "33 cl"),),
        ),
        Article("crisps-150", "crisps", "Crisps", "Crisps", "food", ("GROCERY", "SNACKS"), None),
    ]
    assert [one for one in found if isinstance(one, PriceList)] == [
        PriceList("base", LocalizedText(""), "USD", False)
    ]
    assert {one for one in found if isinstance(one, ListedPrice)} == {
        ListedPrice("base", Price("cola-33", 199)),
        ListedPrice("base", Price("crisps-150", 250)),
    }
    ships = (types_pb2.FULFILLMENT_METHOD_SHIP,)
    assert {one for one in found if isinstance(one, Channel)} == {
        Channel("web", LocalizedText("web"), "USD", ("base",), False, ships),
        Channel("app", LocalizedText("app"), "USD", ("base",), False, ships),
        Channel("club", LocalizedText("", "Club"), "USD", ("base",), True),
    }
    assert {one for one in found if isinstance(one, Listing)} == {
        Listing("club", "cola-33", True),
        Listing("club", "crisps-150", True),
    }
    promotions = {one.promotion_id: one for one in found if isinstance(one, Promotion)}
    assert set(promotions) == {"cola-10", "welcome", THREE_FOR_TWO.promotion_id}
    assert promotions[THREE_FOR_TWO.promotion_id] == THREE_FOR_TWO
    assert [one for one in found if isinstance(one, TaxRate)] == [
        TaxRate(TaxKey("standard", "US", "OH"), 57_500)
    ]


async def test_a_copy_prices_as_the_catalog(door: Door) -> None:
    """To the last minor unit and the last letter of the token; so nobody can tell who priced a basket."""
    await fill_with_club(door)

    copy = Copy.of(await stream(door, 0))

    await prices_as_the_catalog(copy, door)


async def test_a_token_of_the_catalog_is_honoured_by_the_copy(door: Door) -> None:
    await fill_with_club(door)
    copy = Copy.of(await stream(door, 0))
    given, at = await asked(door, basket("club"))
    assert isinstance(given, pricing_pb2.Quote)

    honoured = copy.answer(basket("club", quote_token=given.quote_token), at + 29 * MINUTE)
    late = copy.answer(basket("club", quote_token=given.quote_token), at + 30 * MINUTE)
    other = copy.answer(basket("web", quote_token=given.quote_token), at)

    assert honoured == given
    assert isinstance(late, error_details_pb2.ErrorInfo)
    assert late.reason == "QUOTE_EXPIRED"
    assert isinstance(other, error_details_pb2.ErrorInfo)
    assert other.reason == "QUOTE_INVALID"


async def test_a_token_of_the_copy_is_honoured_by_the_catalog(door: Door) -> None:
    """A customer may be shown a price by one and pay it through the other."""
    await fill_with_club(door)
    copy = Copy.of(await stream(door, 0))
    given = copy.answer(basket("club"), utc_now() - MINUTE)
    assert isinstance(given, pricing_pb2.Quote)

    honoured, _ = await asked(door, basket("club", quote_token=given.quote_token))

    assert honoured == given


async def test_a_reader_that_has_the_newest_version_gets_one_empty_part(door: Door) -> None:
    """It asks every second; and it must learn that its copy still counts."""
    await fill_with_club(door)
    first = (await stream(door, 0))[0]

    parts = await stream(door, first.version)

    assert changes(parts) == []
    assert [(part.version, part.since_version) for part in parts] == [(first.version, first.version)]
    assert (parts[0].quote_key, parts[0].quote_ttl_seconds) == (first.quote_key, first.quote_ttl_seconds)


async def test_an_empty_catalogue_is_one_empty_part(door: Door) -> None:
    parts = await stream(door, 0)

    assert changes(parts) == []
    assert [(part.version, part.since_version) for part in parts] == [(0, 0)]
    assert Copy.of(parts).answer(basket(), utc_now()) == (await asked(door, basket()))[0]


async def a_price_changes(door: Door) -> None:
    prices = [pb.Price(sku="cola-33", unit_price_minor=299)]
    request = pb.UpsertPricesRequest(request_id="dearer", price_list_id="base", prices=prices)
    await door.catalog.UpsertPrices(request, metadata=door.token("merchandiser"), timeout=10)


async def an_article_goes_out_of_sale(door: Door) -> None:
    request = pb.DiscontinueVariantsRequest(request_id="out", skus=["cola-33"])
    await door.catalog.DiscontinueVariants(request, metadata=door.token("merchandiser"), timeout=10)


async def an_article_leaves_an_assortment(door: Door) -> None:
    request = pb.ChangeAssortmentRequest(request_id="less", channel_id="club", remove_skus=["crisps-150"])
    await door.catalog.ChangeAssortment(request, metadata=door.token("merchandiser"), timeout=10)


async def a_promotion_is_withdrawn(door: Door) -> None:
    request = pb.UpsertPromotionsRequest(request_id="over", promotions=[promotion(withdrawn=True)])
    await door.catalog.UpsertPromotions(request, metadata=door.token("merchandiser"), timeout=10)


def key_of(change: Change) -> tuple[object, ...]:
    """Which part of the catalogue a change is about, and as far as it matters here how that is now."""
    match change:
        case ListedPrice(price_list_id, price):
            return ("price", price_list_id, price.sku, price.unit_price_minor)
        case Article():
            return ("article", change.sku, change.discontinued_time is not None)
        case Listing():
            return ("listing", *change)
        case Promotion():
            return ("promotion", change.promotion_id, change.withdrawn)
        case _:
            return ("another", change)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (a_price_changes, ("price", "base", "cola-33", 299)),
        (an_article_goes_out_of_sale, ("article", "cola-33", True)),
        (an_article_leaves_an_assortment, ("listing", "club", "crisps-150", False)),
        (a_promotion_is_withdrawn, ("promotion", "club-3-for-2", True)),
    ],
)
async def test_a_copy_follows_a_write_with_only_what_it_changed(
    door: Door, write: Callable[[Door], Awaitable[None]], told: tuple[object, ...]
) -> None:
    await fill_with_club(door)
    copy = Copy.of(await stream(door, 0))
    stale, at = copy.answer(basket("club"), utc_now()), utc_now()

    await write(door)
    parts = await stream(door, copy.snapshot.version)
    followed = Copy.of(parts, copy.snapshot)

    assert {(part.version, part.since_version) for part in parts} == {(10, 9)}
    assert [key_of(change) for change in changes(parts)] == [told]
    assert followed.answer(basket("club"), at) != stale
    await prices_as_the_catalog(followed, door)


async def test_several_writes_come_as_one_change(door: Door) -> None:
    """A reader that was away catches up at once, and is told how things are, not how they came to be so."""
    await fill_with_club(door)
    copy = Copy.of(await stream(door, 0))
    await a_price_changes(door)
    await a_promotion_is_withdrawn(door)
    again = pb.UpsertPricesRequest(
        request_id="dearer still",
        price_list_id="base",
        prices=[pb.Price(sku="cola-33", unit_price_minor=399)],
    )
    await door.catalog.UpsertPrices(again, metadata=door.token("merchandiser"), timeout=10)

    parts = await stream(door, copy.snapshot.version)

    assert [key_of(change) for change in changes(parts)] == [
        ("price", "base", "cola-33", 399),
        ("promotion", "club-3-for-2", True),
    ]
    await prices_as_the_catalog(Copy.of(parts, copy.snapshot), door)


async def test_a_reader_ahead_of_the_catalogue_is_given_everything(door: Door) -> None:
    """The catalogue was restored from a backup: what the copy has beyond it never happened."""
    await fill_with_club(door)
    whole = await stream(door, 0)

    parts = await stream(door, whole[0].version + 1)

    assert {(part.version, part.since_version) for part in parts} == {(whole[0].version, 0)}
    assert set(changes(parts)) == set(changes(whole))
    assert len(changes(parts)) == len(changes(whole))


async def test_after_a_restore_nothing_of_what_was_lost_is_told(door: Door, db: Database) -> None:
    await fill_with_club(door)
    version = (await stream(door, 0))[0].version
    async with db.transaction() as conn:
        await conn.execute("DELETE FROM price WHERE sku = 'crisps-150'; UPDATE catalogue SET version = 5")

    parts = await stream(door, version)

    assert {(part.version, part.since_version) for part in parts} == {(5, 0)}
    refused = Copy.of(parts).answer(basket(), utc_now())
    assert isinstance(refused, error_details_pb2.ErrorInfo)
    assert (refused.reason, refused.metadata["sku"]) == ("PRICE_MISSING", "crisps-150")


async def test_a_backup_that_was_written_on_is_told_by_its_lineage(door: Door, put_back: PutBack) -> None:
    """The reader's number was given again, to other contents, before it asked."""
    await fill_with_club(door)
    whole = await stream(door, 0)
    version, lineage = whole[0].version, whole[0].lineage
    assert lineage
    assert [part.since_version for part in await stream(door, version, lineage)] == [version]
    await put_back("crisps-150")

    parts = await stream(door, version, lineage)

    assert {(part.version, part.since_version) for part in parts} == {(version, 0)}
    assert {part.lineage for part in parts}.isdisjoint({lineage, ""})
    assert len(changes(parts)) == len(changes(whole)) - 1


async def test_the_key_and_how_long_it_counts_are_told_once(door: Door) -> None:
    await fill_with_club(door)

    first, *others = await stream(door, 0)

    assert len(first.quote_key) >= 16
    assert first.quote_ttl_seconds == 1800
    assert others
    assert {(part.quote_key, part.quote_ttl_seconds) for part in others} == {(b"", 0)}


async def test_a_large_catalogue_comes_whole_in_many_parts(door: Door) -> None:
    """No message may grow with the catalogue, and none of the rows between two may be lost."""
    await fill_with_club(door)
    call: dict[str, Any] = {"metadata": door.token("merchandiser"), "timeout": 20}
    name = pb.LocalizedText(en="x")
    products = [
        pb.Product(product_id=f"x{number}", name=name, variants=[pb.Variant(sku=f"x{number}")])
        for number in range(FETCH_ROWS)
    ]
    promotions = [
        pb.Promotion(promotion_id=f"x{number}", name=name, percentage_off=pb.PercentageOff(basis_points=1))
        for number in range(2 * FETCH_PROMOTIONS)
    ]
    await door.catalog.UpsertProducts(
        pb.UpsertProductsRequest(request_id="many products", products=products), **call
    )
    await door.catalog.UpsertPromotions(
        pb.UpsertPromotionsRequest(request_id="many promotions", promotions=promotions), **call
    )

    parts = await stream(door, 0)

    articles = [one.sku for part in parts for one in part.articles]
    found = [one.promotion_id for part in parts for one in part.promotions]
    assert sorted(articles) == sorted(["cola-33", "crisps-150", *(one.product_id for one in products)])
    assert sorted(found) == sorted(
        ["cola-10", "welcome", "club-3-for-2", *(one.promotion_id for one in promotions)]
    )
    assert max(len(part.articles) for part in parts) == FETCH_ROWS
    assert max(len(part.promotions) for part in parts) == FETCH_PROMOTIONS
    await prices_as_the_catalog(Copy.of(parts), door)


async def test_articles_with_long_texts_fit_into_the_messages(door: Door) -> None:
    """Articles with all the text that they may have are more than one message holds; a copy of them must
    still be possible.
    """
    call: dict[str, Any] = {"metadata": door.token("merchandiser"), "timeout": 20}
    attributes = {str(number).ljust(120, "ñ"): "ñ" * 120 for number in range(20)}
    skus = [f"x{number:03}" for number in range(FETCH_ROWS)]
    for first in range(0, FETCH_ROWS, 100):
        products = [
            pb.Product(
                product_id=sku,
                name=pb.LocalizedText(en=sku),
                variants=[pb.Variant(sku=sku, attributes=attributes)],
            )
            for sku in skus[first : first + 100]
        ]
        await door.catalog.UpsertProducts(
            pb.UpsertProductsRequest(request_id=f"from {first}", products=products), **call
        )

    parts = await stream(door, 0)

    articles = [one for part in parts for one in part.articles]
    assert sum(part.ByteSize() for part in parts) > 4 << 20
    assert max(part.ByteSize() for part in parts) <= PART_BYTES
    assert sorted(one.sku for one in articles) == skus
    assert all(one.attributes == attributes for one in articles)


@pytest.mark.parametrize("role", ["channel", "till", "operator", "merchandiser", "auditor"])
async def test_only_services_may_read_the_catalogue_and_its_key(door: Door, role: str) -> None:
    """Whoever has the key can sign any price."""
    refused = await refusal(stream(door, 0, role=role))

    assert refused[0] == grpc.StatusCode.PERMISSION_DENIED


async def test_nobody_reads_the_catalogue_without_a_name(door: Door) -> None:
    call = door.pricing.StreamCatalogue(pricing_pb2.StreamCatalogueRequest(), timeout=10)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()

    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_a_negative_version_is_refused(door: Door) -> None:
    refused = await refusal(stream(door, -1))

    assert refused[0] == grpc.StatusCode.INVALID_ARGUMENT
