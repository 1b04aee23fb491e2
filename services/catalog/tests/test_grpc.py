"""The service behind its own door: real server, real PostgreSQL, real NATS."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from aljibe.catalog.v1 import catalog_pb2 as pb
from aljibe.catalog.v1 import pricing_pb2
from aljibe.common.v1 import types_pb2
from chassis.errors import error_info_of
from services.catalog.tests.conftest import Door


async def fill(door: Door) -> None:
    """A cola at 1.99 and crisps at 2.50 without tax, sold in web and app; 10 % off colas; a coupon for
    1.00 off 5.00.
    """
    merchandiser = door.token("merchandiser")
    call: dict[str, Any] = {"metadata": merchandiser, "timeout": 10}
    await door.catalog.UpsertProducts(
        pb.UpsertProductsRequest(
            request_id="products",
            products=[
                pb.Product(
                    product_id="cola",
                    name=pb.LocalizedText(en="Cola", es="Refresco de cola"),
                    brand="Fizz",
                    category_path=["GROCERY", "SOFT DRINKS"],
                    variants=[
                        pb.Variant(sku="cola-33", barcodes=["4006381333931"], attributes={"size": "33 cl"})
                    ],
                ),
                pb.Product(
                    product_id="crisps",
                    name=pb.LocalizedText(en="Crisps"),
                    category_path=["GROCERY", "SNACKS"],
                    variants=[pb.Variant(sku="crisps-150", tax_class="food")],
                ),
            ],
        ),
        **call,
    )
    await door.catalog.UpsertPriceLists(
        pb.UpsertPriceListsRequest(
            request_id="lists", price_lists=[pb.PriceList(price_list_id="base", currency_code="USD")]
        ),
        **call,
    )
    await door.catalog.UpsertPrices(
        pb.UpsertPricesRequest(
            request_id="prices",
            price_list_id="base",
            prices=[
                pb.Price(sku="cola-33", unit_price_minor=199),
                pb.Price(sku="crisps-150", unit_price_minor=250),
            ],
        ),
        **call,
    )
    await door.catalog.UpsertChannels(
        pb.UpsertChannelsRequest(
            request_id="channels",
            channels=[
                pb.Channel(
                    channel_id=name,
                    name=pb.LocalizedText(en=name),
                    currency_code="USD",
                    price_list_ids=["base"],
                    methods=[types_pb2.FULFILLMENT_METHOD_SHIP],
                )
                for name in ("web", "app")
            ],
        ),
        **call,
    )
    await door.catalog.UpsertTaxRates(
        pb.UpsertTaxRatesRequest(
            request_id="taxes",
            tax_rates=[pb.TaxRate(tax_class="standard", country_code="US", region="OH", rate_ppm=57_500)],
        ),
        **call,
    )
    await door.catalog.UpsertPromotions(
        pb.UpsertPromotionsRequest(
            request_id="promotions",
            promotions=[
                pb.Promotion(
                    promotion_id="cola-10",
                    name=pb.LocalizedText(en="10 % off colas", es="10 % en colas"),
                    scope=pb.PromotionScope(categories=["SOFT DRINKS"]),
                    percentage_off=pb.PercentageOff(basis_points=1000),
                    stackable=True,
                ),
                pb.Promotion(
                    promotion_id="welcome",
                    name=pb.LocalizedText(en="Welcome"),
                    basket_threshold=pb.BasketThreshold(
                        minimum_subtotal=types_pb2.Money(currency_code="USD", amount_minor=500),
                        amount_off=types_pb2.Money(currency_code="USD", amount_minor=100),
                    ),
                    coupon_code="WELCOME",
                    stackable=True,
                ),
            ],
        ),
        **call,
    )


def basket(channel_id: str = "web", **fields: Any) -> pricing_pb2.QuoteBasketRequest:
    lines = [
        pricing_pb2.BasketLine(sku="cola-33", quantity_units=3),
        pricing_pb2.BasketLine(sku="crisps-150", quantity_units=1),
    ]
    return pricing_pb2.QuoteBasketRequest(channel_id=channel_id, lines=lines, tax_region="OH", **fields)


async def refusal(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    info = error_info_of(caught.value)
    return caught.value.code(), info.reason if info else ""


async def test_a_basket_costs_the_same_in_every_channel(door: Door) -> None:
    """One brand: the channel of a purchase is no reason for another price."""
    await fill(door)

    quotes = [
        (
            await door.pricing.QuoteBasket(
                basket(channel, coupon_codes=["welcome"]),
                metadata=door.token("channel", channels=(channel,)),
                timeout=10,
            )
        ).quote
        for channel in ("web", "app")
    ]

    web, app = quotes
    assert web.subtotal_minor == 3 * 199 + 250
    assert web.discount_minor == -60 - 100
    assert [line.total_minor for line in web.lines] == [app_line.total_minor for app_line in app.lines]
    assert web.total_minor == app.total_minor == 847 - 160 + web.tax_minor
    assert web.lines[0].promotions[0].name_es == "10 % en colas"
    assert web.lines[1].name_es == "Crisps"
    assert [applied.coupon_code for applied in web.basket_promotions] == ["WELCOME"]


async def test_a_batch_answers_each_basket_by_itself(door: Door) -> None:
    """One bad basket in a group must not cost the others their price."""
    await fill(door)
    request = pricing_pb2.BatchQuoteBasketsRequest(
        baskets=[basket(), basket(coupon_codes=["none"]), basket("moon"), basket("app")]
    )

    answer = await door.pricing.BatchQuoteBaskets(request, metadata=door.token("service"), timeout=10)

    kinds = [outcome.WhichOneof("outcome") for outcome in answer.outcomes]
    assert kinds == ["quote", "refusal", "refusal", "quote"]
    status = status_pb2.Status.FromString(answer.outcomes[1].refusal)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.metadata["coupon_code"]) == ("COUPON_UNKNOWN", "none")


async def test_a_quote_is_honoured_for_its_own_basket(door: Door) -> None:
    """The customer pays what was shown; the token buys nothing else."""
    await fill(door)
    call: dict[str, Any] = {"metadata": door.token("channel"), "timeout": 10}
    token = (await door.pricing.QuoteBasket(basket(), **call)).quote.quote_token

    honoured = (await door.pricing.QuoteBasket(basket(quote_token=token), **call)).quote
    other = await refusal(door.pricing.QuoteBasket(basket("app", quote_token=token), **call))

    assert honoured.quote_token == token
    assert other == (grpc.StatusCode.INVALID_ARGUMENT, "QUOTE_INVALID")


async def test_a_write_shows_in_the_very_next_quote(door: Door) -> None:
    """Whoever corrects a price must not have to wait and wonder."""
    await fill(door)
    change = pb.UpsertPricesRequest(
        request_id="dearer", price_list_id="base", prices=[pb.Price(sku="cola-33", unit_price_minor=299)]
    )
    token = (
        await door.pricing.QuoteBasket(basket(), metadata=door.token("channel"), timeout=10)
    ).quote.quote_token

    await door.catalog.UpsertPrices(change, metadata=door.token("merchandiser"), timeout=10)

    fresh = await door.pricing.QuoteBasket(basket(), metadata=door.token("channel"), timeout=10)
    assert fresh.quote.lines[0].unit_price_minor == 299
    stale = door.pricing.QuoteBasket(basket(quote_token=token), metadata=door.token("channel"), timeout=10)
    assert await refusal(stale) == (grpc.StatusCode.FAILED_PRECONDITION, "PRICE_CHANGED")


async def test_a_repeated_write_gives_the_first_answer(door: Door) -> None:
    """Retries are safe; a request id with other content is a mistake of the caller."""
    await fill(door)
    call: dict[str, Any] = {"metadata": door.token("merchandiser"), "timeout": 10}
    request = pb.DiscontinueVariantsRequest(request_id="out", skus=["cola-33"])

    first = await door.catalog.DiscontinueVariants(request, **call)
    again = await door.catalog.DiscontinueVariants(request, **call)
    request.skus.append("crisps-150")
    reused = await refusal(door.catalog.DiscontinueVariants(request, **call))

    assert first.discontinued == again.discontinued == 1
    assert reused == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    quoted = await refusal(door.pricing.QuoteBasket(basket(), metadata=door.token("channel"), timeout=10))
    assert quoted == (grpc.StatusCode.FAILED_PRECONDITION, "SKU_DISCONTINUED")


async def test_lists_page_and_refuse_forged_tokens(door: Door) -> None:
    """A page token is good for its own query only."""
    await fill(door)
    call: dict[str, Any] = {"metadata": door.token("auditor"), "timeout": 10}

    first = await door.catalog.ListProducts(pb.ListProductsRequest(page_size=1), **call)
    second = await door.catalog.ListProducts(
        pb.ListProductsRequest(page_size=1, page_token=first.next_page_token), **call
    )
    forged = await refusal(door.catalog.ListProducts(pb.ListProductsRequest(page_token="Zm9yZ2Vk"), **call))
    carried = await refusal(
        door.catalog.ListProducts(
            pb.ListProductsRequest(category="SNACKS", page_token=first.next_page_token), **call
        )
    )

    assert [one.product_id for one in (*first.products, *second.products)] == ["cola", "crisps"]
    assert second.next_page_token == ""
    assert forged[1] == carried[1] == "PAGE_TOKEN_INVALID"
    channels = await door.catalog.ListChannels(pb.ListChannelsRequest(), **call)
    assert [one.channel_id for one in channels.channels] == ["app", "web"]
    promotions = await door.catalog.ListPromotions(pb.ListPromotionsRequest(), **call)
    assert [one.WhichOneof("benefit") for one in promotions.promotions] == [
        "percentage_off",
        "basket_threshold",
    ]


async def test_a_barcode_is_found_in_any_of_its_lengths(door: Door) -> None:
    """Scanners give an EAN-13 with or without the zeros in front."""
    await fill(door)
    call: dict[str, Any] = {"metadata": door.token("till"), "timeout": 10}

    found = await door.catalog.LookupBarcode(pb.LookupBarcodeRequest(barcode="04006381333931"), **call)
    missing = await refusal(door.catalog.LookupBarcode(pb.LookupBarcodeRequest(barcode="96385074"), **call))

    assert (found.sku, found.product.variants[0].attributes["size"]) == ("cola-33", "33 cl")
    assert missing == (grpc.StatusCode.NOT_FOUND, "BARCODE_UNKNOWN")


async def test_refusals_come_with_their_code(door: Door) -> None:
    """Programs act on reasons, so each one must be what the contract says."""
    await fill(door)
    channel: dict[str, Any] = {"metadata": door.token("channel", channels=("web", "moon")), "timeout": 10}
    web: dict[str, Any] = {"metadata": door.token("channel", channels=("web",)), "timeout": 10}
    merchandiser: dict[str, Any] = {"metadata": door.token("merchandiser"), "timeout": 10}
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    quote = door.pricing.QuoteBasket
    bad_barcode = pb.Product(
        product_id="x",
        name=pb.LocalizedText(en="x"),
        variants=[pb.Variant(sku="x", barcodes=["4006381333930"])],
    )

    assert await refusal(quote(basket("moon"), **channel)) == (grpc.StatusCode.NOT_FOUND, "CHANNEL_UNKNOWN")
    assert (await refusal(quote(basket("app"), **web)))[0] == grpc.StatusCode.PERMISSION_DENIED
    assert await refusal(quote(basket(currency_code="EUR"), **web)) == (invalid, "CURRENCY_MISMATCH")
    assert await refusal(quote(basket(quote_token="nonsense"), **web)) == (invalid, "QUOTE_INVALID")
    assert (await refusal(quote(basket())))[0] == grpc.StatusCode.UNAUTHENTICATED
    products = pb.UpsertProductsRequest(request_id="bad", products=[bad_barcode])
    assert await refusal(door.catalog.UpsertProducts(products, **merchandiser)) == (
        invalid,
        "BARCODE_INVALID",
    )
    assert (await refusal(door.catalog.UpsertProducts(products, **web)))[
        0
    ] == grpc.StatusCode.PERMISSION_DENIED
    get = door.catalog.GetProduct(pb.GetProductRequest(product_id="x"), **web)
    assert await refusal(get) == (grpc.StatusCode.NOT_FOUND, "PRODUCT_UNKNOWN")


async def test_variants_are_described_and_unknown_ones_left_out(door: Door) -> None:
    await fill(door)

    found = await door.catalog.GetVariants(
        pb.GetVariantsRequest(skus=["crisps-150", "nothing", "cola-33"]), metadata=door.token("associate")
    )

    assert [one.variant.sku for one in found.variants] == ["cola-33", "crisps-150"]
    cola = found.variants[0]
    assert (cola.product_id, cola.name.es, cola.brand) == ("cola", "Refresco de cola", "Fizz")
    assert list(cola.category_path) == ["GROCERY", "SOFT DRINKS"]
    assert list(cola.variant.barcodes) == ["4006381333931"]


async def test_products_are_found_by_sku_barcode_and_beginnings_of_words(door: Door) -> None:
    """As people type: without accents, in either language, words in any order."""
    await fill(door)
    merchandiser = door.token("merchandiser")
    await door.catalog.UpsertProducts(
        pb.UpsertProductsRequest(
            request_id="more",
            products=[
                pb.Product(
                    product_id=f"truck-{number}",
                    name=pb.LocalizedText(
                        en=f"Toy truck {number} SIZE-{8 + number}", es=f"Camión de juguete {number}"
                    ),
                    variants=[pb.Variant(sku=f"truck-{number}-red")],
                )
                for number in range(3)
            ],
        ),
        metadata=merchandiser,
    )

    async def found(text: str, page_size: int = 0) -> list[str]:
        request = pb.SearchProductsRequest(text=text, page_size=page_size)
        ids: list[str] = []
        while True:
            page = await door.catalog.SearchProducts(request, metadata=door.token("associate"))
            ids += [one.product_id for one in page.products]
            if not page.next_page_token:
                return ids
            request.page_token = page.next_page_token

    assert await found("cola-33") == ["cola"]
    assert await found("4006381333931") == ["cola"]
    assert await found("REFRES fizz") == ["cola"]
    assert await found("camion jug", page_size=1) == ["truck-0", "truck-1", "truck-2"]
    assert await found("truck 2") == ["truck-2"]
    assert await found("size-9") == ["truck-1"]
    assert await found("cola truck") == []
    assert await found("& | !") == []
