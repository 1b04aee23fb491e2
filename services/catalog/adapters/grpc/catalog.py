"""CatalogService: writes are idempotent and seen by this instance's next quote; reads come from the
tables.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from aljibe.catalog.v1 import catalog_pb2 as pb
from aljibe.catalog.v1 import catalog_pb2_grpc
from chassis.auth import current_principal
from chassis.clock import Clock
from chassis.envelope import OutboxEvent
from chassis.outbox import Relay
from chassis.pages import PageTokens
from chassis.postgres import Connection, Database
from chassis.requests import idempotent
from chassis.telemetry import span
from pricing import reading, writing
from services.catalog.adapters.grpc import answers, requests
from services.catalog.adapters.postgres.reader import CatalogueReader
from services.catalog.adapters.postgres.replica import CatalogueReplica
from services.catalog.adapters.postgres.tables import PostgresTables
from services.catalog.usecases.change_assortment import change_assortment
from services.catalog.usecases.discontinue_variants import discontinue_variants
from services.catalog.usecases.ports import CatalogueTables
from services.catalog.usecases.upsert_channels import upsert_channels
from services.catalog.usecases.upsert_price_lists import upsert_price_lists
from services.catalog.usecases.upsert_prices import upsert_prices
from services.catalog.usecases.upsert_products import upsert_products
from services.catalog.usecases.upsert_promotions import upsert_promotions
from services.catalog.usecases.upsert_tax_rates import upsert_tax_rates

R = TypeVar("R", bound=Message)
Row = TypeVar("Row")
Context = grpc.aio.ServicerContext[Any, Any]
Change = Callable[[CatalogueTables, datetime], Awaitable[R]]

DEFAULT_PAGE_SIZE = 50
SEARCH_PAGE_SIZE = 20


class _Paged(Protocol):
    page_size: int


class CatalogServicer(catalog_pb2_grpc.CatalogServiceServicer):
    """Translates, calls, translates back."""

    def __init__(
        self, db: Database, replica: CatalogueReplica, relay: Relay, pages: PageTokens, clock: Clock
    ) -> None:
        self._db = db
        self._reader = CatalogueReader(db)
        self._replica = replica
        self._relay = relay
        self._pages = pages
        self._clock = clock

    async def _change(self, name: str, request: Message, answer: type[R], change: Change[R]) -> R:
        """Run `change` once for this request id, tell others of it, and have the next quote here see it."""
        events: list[OutboxEvent] = []

        async def once(conn: Connection) -> R:
            tables = PostgresTables(conn)
            response = await change(tables, self._clock())
            events[:] = tables.events
            return response

        with span(name):
            scope = current_principal().subject
            response = await idempotent(self._db, name, request, answer, once, scope=scope)
            if events:
                self._relay.wake(events)
            await self._replica.refresh()
            return response

    async def UpsertProducts(  # noqa: N802 - the contract's name
        self, request: pb.UpsertProductsRequest, context: Context
    ) -> pb.UpsertProductsResponse:
        """See the contract."""
        products = [requests.product(message) for message in request.products]

        async def change(tables: CatalogueTables, at: datetime) -> pb.UpsertProductsResponse:
            await upsert_products(tables, products, at)
            return pb.UpsertProductsResponse(products=len(products))

        return await self._change("upsert_products", request, pb.UpsertProductsResponse, change)

    async def DiscontinueVariants(  # noqa: N802
        self, request: pb.DiscontinueVariantsRequest, context: Context
    ) -> pb.DiscontinueVariantsResponse:
        """See the contract."""

        async def change(tables: CatalogueTables, at: datetime) -> pb.DiscontinueVariantsResponse:
            count = await discontinue_variants(tables, request.skus, at)
            return pb.DiscontinueVariantsResponse(discontinued=count)

        return await self._change("discontinue_variants", request, pb.DiscontinueVariantsResponse, change)

    async def UpsertChannels(  # noqa: N802
        self, request: pb.UpsertChannelsRequest, context: Context
    ) -> pb.UpsertChannelsResponse:
        """See the contract."""
        channels = [reading.channel(message) for message in request.channels]

        async def change(tables: CatalogueTables, at: datetime) -> pb.UpsertChannelsResponse:
            await upsert_channels(tables, channels, at)
            return pb.UpsertChannelsResponse(channels=len(channels))

        return await self._change("upsert_channels", request, pb.UpsertChannelsResponse, change)

    async def ChangeAssortment(  # noqa: N802
        self, request: pb.ChangeAssortmentRequest, context: Context
    ) -> pb.ChangeAssortmentResponse:
        """See the contract."""

        async def change(tables: CatalogueTables, at: datetime) -> pb.ChangeAssortmentResponse:
            add, remove = request.add_skus, request.remove_skus
            return pb.ChangeAssortmentResponse(
                skus=await change_assortment(tables, request.channel_id, add, remove, at)
            )

        return await self._change("change_assortment", request, pb.ChangeAssortmentResponse, change)

    async def UpsertPriceLists(  # noqa: N802
        self, request: pb.UpsertPriceListsRequest, context: Context
    ) -> pb.UpsertPriceListsResponse:
        """See the contract."""
        price_lists = [reading.price_list(message) for message in request.price_lists]

        async def change(tables: CatalogueTables, at: datetime) -> pb.UpsertPriceListsResponse:
            await upsert_price_lists(tables, price_lists, at)
            return pb.UpsertPriceListsResponse(price_lists=len(price_lists))

        return await self._change("upsert_price_lists", request, pb.UpsertPriceListsResponse, change)

    async def UpsertPrices(  # noqa: N802
        self, request: pb.UpsertPricesRequest, context: Context
    ) -> pb.UpsertPricesResponse:
        """See the contract."""
        prices = [reading.price(message) for message in request.prices]

        async def change(tables: CatalogueTables, at: datetime) -> pb.UpsertPricesResponse:
            await upsert_prices(tables, request.price_list_id, prices, at)
            return pb.UpsertPricesResponse(prices=len(prices))

        return await self._change("upsert_prices", request, pb.UpsertPricesResponse, change)

    async def UpsertPromotions(  # noqa: N802
        self, request: pb.UpsertPromotionsRequest, context: Context
    ) -> pb.UpsertPromotionsResponse:
        """See the contract."""
        promotions = [reading.promotion(message) for message in request.promotions]

        async def change(tables: CatalogueTables, at: datetime) -> pb.UpsertPromotionsResponse:
            await upsert_promotions(tables, promotions, at)
            return pb.UpsertPromotionsResponse(promotions=len(promotions))

        return await self._change("upsert_promotions", request, pb.UpsertPromotionsResponse, change)

    async def UpsertTaxRates(  # noqa: N802
        self, request: pb.UpsertTaxRatesRequest, context: Context
    ) -> pb.UpsertTaxRatesResponse:
        """See the contract."""
        rates = [reading.tax_rate(message) for message in request.tax_rates]

        async def change(tables: CatalogueTables, at: datetime) -> pb.UpsertTaxRatesResponse:
            await upsert_tax_rates(tables, rates, at)
            return pb.UpsertTaxRatesResponse(tax_rates=len(rates))

        return await self._change("upsert_tax_rates", request, pb.UpsertTaxRatesResponse, change)

    async def GetProduct(  # noqa: N802
        self, request: pb.GetProductRequest, context: Context
    ) -> pb.GetProductResponse:
        """See the contract."""
        return pb.GetProductResponse(product=answers.product(await self._reader.product(request.product_id)))

    async def LookupBarcode(  # noqa: N802
        self, request: pb.LookupBarcodeRequest, context: Context
    ) -> pb.LookupBarcodeResponse:
        """See the contract."""
        found, sku = await self._reader.product_by_barcode(request.barcode)
        return pb.LookupBarcodeResponse(product=answers.product(found), sku=sku)

    async def GetVariants(  # noqa: N802
        self, request: pb.GetVariantsRequest, context: Context
    ) -> pb.GetVariantsResponse:
        """See the contract."""
        found = await self._reader.variants(request.skus)
        return pb.GetVariantsResponse(variants=[answers.described(*one) for one in found])

    async def SearchProducts(  # noqa: N802
        self, request: pb.SearchProductsRequest, context: Context
    ) -> pb.SearchProductsResponse:
        """See the contract."""
        size = request.page_size or SEARCH_PAGE_SIZE
        found = await self._reader.search(request.text.strip(), self._after(request), size + 1)
        shown, last = found[:size], found[size - 1].product_id if len(found) > size else ""
        return pb.SearchProductsResponse(
            products=[answers.product(one) for one in shown], next_page_token=self._next(request, last)
        )

    async def ListProducts(  # noqa: N802
        self, request: pb.ListProductsRequest, context: Context
    ) -> pb.ListProductsResponse:
        """See the contract."""
        size = _page_size(request)
        found = await self._reader.products(
            request.channel_id, request.category, self._after(request), size + 1
        )
        shown, last = found[:size], found[size - 1].product_id if len(found) > size else ""
        return pb.ListProductsResponse(
            products=[answers.product(one) for one in shown], next_page_token=self._next(request, last)
        )

    async def ListChannels(  # noqa: N802
        self, request: pb.ListChannelsRequest, context: Context
    ) -> pb.ListChannelsResponse:
        """See the contract."""
        size = _page_size(request)
        found = await self._reader.channels(self._after(request), size + 1)
        shown, last = found[:size], found[size - 1].channel_id if len(found) > size else ""
        return pb.ListChannelsResponse(
            channels=[writing.channel(one) for one in shown], next_page_token=self._next(request, last)
        )

    async def ListPromotions(  # noqa: N802
        self, request: pb.ListPromotionsRequest, context: Context
    ) -> pb.ListPromotionsResponse:
        """See the contract."""
        size = _page_size(request)
        found = await self._reader.promotions(self._after(request), size + 1)
        shown, last = found[:size], found[size - 1].promotion_id if len(found) > size else ""
        return pb.ListPromotionsResponse(
            promotions=[writing.promotion(one) for one in shown], next_page_token=self._next(request, last)
        )

    def _after(self, request: Message) -> str:
        position = self._pages.position(request)
        return position[0] if position else ""

    def _next(self, request: Message, last: str) -> str:
        return self._pages.next_token(request, last) if last else ""


def _page_size(request: _Paged) -> int:
    return request.page_size or DEFAULT_PAGE_SIZE
