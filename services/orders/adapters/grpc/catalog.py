"""The catalog: prices in groups, one call for many baskets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import grpc

from aljibe.catalog.v1 import catalog_pb2, catalog_pb2_grpc, pricing_pb2, pricing_pb2_grpc
from chassis.call import current_call
from chassis.errors import info_in, preferred_language
from chassis.groups import GroupCommit
from chassis.refusals import PassedOn
from chassis.wire import writer
from services.orders.adapters.grpc.translate import moment
from services.orders.domain.draft import Channel, Draft
from services.orders.domain.prices import PricedLine, Quote
from services.orders.domain.states import Method

QUOTE_LANES = 1
MAX_GROUP = 128
CALL_SECONDS = 5.0
CHANNEL_PAGE = 100
PRICES_PER_CALL = 100
"""Articles whose price is asked at once: a few milliseconds, so that no basket waits long behind them."""
MAX_CHANNEL_PAGES = 100
CATALOGUE_SECONDS = 60.0
CATALOGUE_HEAD_SECONDS = 3.0
"""For its first part: when one instance hangs, another may answer."""


_QUOTE_BASKETS = "/aljibe.catalog.v1.PricingService/BatchQuoteBaskets"
# Baskets are written as bytes, so that none is copied into the message they travel in.
_baskets = writer(pricing_pb2.BatchQuoteBasketsRequest)
_basket = writer(pricing_pb2.QuoteBasketRequest)
_basket_line = writer(pricing_pb2.BasketLine)


class CatalogPrices:
    """See `usecases.ports.Prices`. One group per language, because a refusal speaks the caller's."""

    def __init__(self, channel: grpc.aio.Channel, describes: Callable[[], bool]) -> None:
        # Whether sourcing asks for brands and attributes now; they are not sent for nothing.
        self._describes = describes
        self._quote_baskets: Callable[..., Awaitable[pricing_pb2.BatchQuoteBasketsResponse]] = (
            channel.unary_unary(
                _QUOTE_BASKETS, response_deserializer=pricing_pb2.BatchQuoteBasketsResponse.FromString
            )
        )
        self._groups = {
            language: GroupCommit(
                f"orders.quote.{language}",
                self._in(language),
                lanes=QUOTE_LANES,
                max_group=MAX_GROUP,
            )
            for language in ("en", "es")
        }

    async def quote(self, draft: Draft, tax_country: str, tax_region: str) -> Quote:
        """What the draft costs; a refusal of the catalog passes through as it is."""
        request = _basket(
            channel_id=draft.channel_id,
            lines=[_basket_line(sku=line.sku, quantity_units=line.quantity_units) for line in draft.lines],
            coupon_codes=draft.coupon_codes,
            tax_country_code=tax_country,
            tax_region=tax_region,
            currency_code=draft.currency_code,
            quote_token=draft.quote_token,
            describe_articles=self._describes(),
        )
        call = current_call()
        language = preferred_language(call.languages) if call is not None and call.languages else "en"
        outcome = await self._groups[language].submit(request)
        if outcome.HasField("refusal"):
            info = info_in(outcome.refusal)
            raise PassedOn(outcome.refusal, info.reason if info is not None else "")
        return _quote(outcome.quote)

    async def close(self) -> None:
        """Finish what is under way."""
        for group in self._groups.values():
            await group.close()

    def _in(
        self, language: str
    ) -> Callable[[Sequence[bytes]], Awaitable[Sequence[pricing_pb2.QuoteOutcome | Exception]]]:
        metadata = (("accept-language", language),)

        async def execute(baskets: Sequence[bytes]) -> Sequence[pricing_pb2.QuoteOutcome | Exception]:
            request = _baskets(baskets=baskets)
            answer = await self._quote_baskets(request, timeout=CALL_SECONDS, metadata=metadata)
            return answer.outcomes

        return execute


async def read_catalogue(
    channel: grpc.aio.Channel, since_version: int, lineage: str
) -> AsyncIterator[pricing_pb2.StreamCatalogueResponse]:
    """What leads from a version of the catalogue to the newest."""
    stub = pricing_pb2_grpc.PricingServiceStub(channel)
    request = pricing_pb2.StreamCatalogueRequest(since_version=since_version, lineage=lineage)
    parts = aiter(stub.StreamCatalogue(request, timeout=CATALOGUE_SECONDS))
    async with asyncio.timeout(CATALOGUE_HEAD_SECONDS):
        head = await anext(parts)
    yield head
    async for part in parts:
        yield part


async def read_channels(channel: grpc.aio.Channel) -> dict[str, Channel]:
    """All sales channels."""
    stub = catalog_pb2_grpc.CatalogServiceStub(channel)
    found: dict[str, Channel] = {}
    token = ""
    for _ in range(MAX_CHANNEL_PAGES):
        answer = await stub.ListChannels(
            catalog_pb2.ListChannelsRequest(page_size=CHANNEL_PAGE, page_token=token), timeout=CALL_SECONDS
        )
        for one in answer.channels:
            methods = frozenset(Method(method) for method in one.methods if method)
            found[one.channel_id] = Channel(one.channel_id, one.currency_code, methods)
        token = answer.next_page_token
        if not token:
            break
    return found


async def read_unit_prices(
    channel: grpc.aio.Channel, channel_id: str, skus: Sequence[str], country_code: str
) -> tuple[str, dict[str, int]]:
    """Currency, and what a customer of a channel pays for one unit of each SKU, promotions taken off and
    without tax, in minor units. SKUs that the channel does not sell are absent.
    """
    stub = pricing_pb2_grpc.PricingServiceStub(channel)
    currency = ""
    found: dict[str, int] = {}
    for first in range(0, len(skus), PRICES_PER_CALL):
        part = skus[first : first + PRICES_PER_CALL]
        began = time.monotonic()
        baskets = [
            pricing_pb2.QuoteBasketRequest(
                channel_id=channel_id,
                lines=[pricing_pb2.BasketLine(sku=sku, quantity_units=1)],
                tax_country_code=country_code,
            )
            for sku in part
        ]
        answer = await stub.BatchQuoteBaskets(
            pricing_pb2.BatchQuoteBasketsRequest(baskets=baskets), timeout=CALL_SECONDS
        )
        for sku, outcome in zip(part, answer.outcomes, strict=True):
            if outcome.HasField("quote"):
                currency = outcome.quote.currency_code
                found[sku] = outcome.quote.total_minor - outcome.quote.tax_minor
        # Nobody waits for it, and baskets of customers want the catalog as well.
        await asyncio.sleep(time.monotonic() - began)
    return currency, found


def _quote(quote: pricing_pb2.Quote) -> Quote:
    return Quote(
        quote.currency_code,
        tuple(
            [
                PricedLine(
                    line.unit_price_minor,
                    line.discount_minor,
                    line.tax_minor,
                    line.total_minor,
                    line.name_en,
                    line.name_es,
                    line.brand,
                    tuple(sorted(line.attributes.items())) if line.attributes else (),
                )
                for line in quote.lines
            ]
        ),
        quote.total_minor,
        quote.tax_minor,
        quote.discount_minor,
        quote.quote_token,
        moment(quote.expire_time) if quote.HasField("expire_time") else None,
    )
