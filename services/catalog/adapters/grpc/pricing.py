"""PricingService: baskets are priced from memory; no statement runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import grpc

from aljibe.catalog.v1 import pricing_pb2, pricing_pb2_grpc
from chassis.call import current_call
from chassis.clock import Clock
from chassis.conventions import CHANNEL_ID, GROUP_SIZE
from chassis.postgres import Database
from chassis.telemetry import span
from pricing import writing
from pricing.assembly import Change
from pricing.quotes import quote_basket, quote_baskets
from pricing.refusals import Refusal
from pricing.snapshot import Snapshot
from pricing.tokens import QuoteSigner
from services.catalog.adapters.grpc import answers, requests
from services.catalog.adapters.grpc.errors import table
from services.catalog.adapters.postgres.changes import Version, pieces_since

Context = grpc.aio.ServicerContext[Any, Any]

# Other calls get their turn in between, so that a large batch does not hold them up for tens of milliseconds.
BASKETS_A_TURN = 64
# Far below what a message may have; the largest single article or promotion has a few hundred KiB.
PART_BYTES = 1 << 20


class PricingServicer(pricing_pb2_grpc.PricingServiceServicer):
    """Prices with the newest snapshot of the catalogue; a batch keeps the one it began with."""

    def __init__(
        self, db: Database, snapshot: Callable[[], Snapshot], signer: QuoteSigner, clock: Clock
    ) -> None:
        self._db = db
        self._snapshot = snapshot
        self._signer = signer
        self._clock = clock

    async def QuoteBasket(  # noqa: N802 - the contract's name
        self, request: pricing_pb2.QuoteBasketRequest, context: Context
    ) -> pricing_pb2.QuoteBasketResponse:
        """See the contract."""
        with span(
            "QuoteBasket", attributes={CHANNEL_ID: request.channel_id, "aljibe.lines": len(request.lines)}
        ):
            signed = quote_basket(self._snapshot(), self._signer, requests.wish(request), self._clock())
            response = pricing_pb2.QuoteBasketResponse()
            answers.fill_quote(response.quote, signed)
            return response

    async def BatchQuoteBaskets(  # noqa: N802
        self, request: pricing_pb2.BatchQuoteBasketsRequest, context: Context
    ) -> pricing_pb2.BatchQuoteBasketsResponse:
        """See the contract."""
        with span("QuoteBaskets", attributes={GROUP_SIZE: len(request.baskets)}):
            call = current_call()
            languages = call.languages if call else ""
            wishes = [requests.wish(basket) for basket in request.baskets]
            response = pricing_pb2.BatchQuoteBasketsResponse()
            outcomes = quote_baskets(self._snapshot(), self._signer, wishes, self._clock())
            for number, outcome in enumerate(outcomes, start=1):
                if isinstance(outcome, Refusal):
                    response.outcomes.add(refusal=table.status_for(outcome, languages).SerializeToString())
                else:
                    answers.fill_quote(response.outcomes.add().quote, outcome)
                if number % BASKETS_A_TURN == 0:
                    await asyncio.sleep(0)
            return response

    async def StreamCatalogue(  # noqa: N802
        self, request: pricing_pb2.StreamCatalogueRequest, context: Context
    ) -> AsyncIterator[pricing_pb2.StreamCatalogueResponse]:
        """See the contract."""
        key, seconds = self._signer.key, int(self._signer.ttl.total_seconds())
        has = Version(request.since_version, request.lineage)
        # Closed at once when the caller leaves, so that the connection is free again.
        async with aclosing(pieces_since(self._db, has)) as pieces:
            async for version, since, changes in pieces:
                for part in _parts(changes):
                    part.version, part.since_version = version.number, since
                    part.lineage = version.lineage
                    part.quote_key, part.quote_ttl_seconds = key, seconds
                    yield part
                    key, seconds = b"", 0


def _parts(changes: Sequence[Change]) -> Iterator[pricing_pb2.StreamCatalogueResponse]:
    """The changes in their order, in as many parts as it takes for each to have at most `PART_BYTES`."""
    part = pricing_pb2.StreamCatalogueResponse()
    writing.put_changes(part, changes)
    if part.ByteSize() <= PART_BYTES or len(changes) == 1:
        yield part
        return
    half = len(changes) // 2
    yield from _parts(changes[:half])
    yield from _parts(changes[half:])
