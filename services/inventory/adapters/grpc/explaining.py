"""AvailabilityService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import availability_pb2 as pb
from aljibe.inventory.v1 import availability_pb2_grpc
from chassis.clock import Clock
from chassis.pages import PageTokens
from chassis.postgres import Database
from services.inventory.adapters.grpc import translate
from services.inventory.adapters.postgres import reads
from services.inventory.domain.explaining import Terms, explain

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

CLAIMS_PAGE_SIZE = 50


class AvailabilityServicer(availability_pb2_grpc.AvailabilityServiceServicer):
    """Why that much can be promised."""

    def __init__(self, db: Database, clock: Clock, pages: PageTokens) -> None:
        self._db = db
        self._pages = pages
        self._clock = clock

    async def ExplainAvailability(
        self, request: pb.ExplainAvailabilityRequest, context: Context
    ) -> pb.ExplainAvailabilityResponse:
        """See the contract."""
        positions, pool = await reads.pool(self._db, request.sku, request.location_id)
        share = pool.share(request.channel_id, self._clock())
        found = explain(positions, pool.held_units, request.location_id, share)
        return pb.ExplainAvailabilityResponse(
            sku=request.sku,
            channel_id=request.channel_id,
            location_id=request.location_id,
            available_units=found.available_units,
            terms=_terms(found.terms),
            locations=[
                pb.LocationTerms(
                    location_id=location_id, terms=_terms(terms), available_units=sum(terms.values())
                )
                for location_id, terms in found.locations.items()
            ],
        )

    async def ListClaims(self, request: pb.ListClaimsRequest, context: Context) -> pb.ListClaimsResponse:
        """See the contract."""
        size = request.page_size or CLAIMS_PAGE_SIZE
        after = self._pages.position(request, parts=2) or ()
        found = await reads.claims(self._db, request.sku, request.location_id, after, size + 1)
        response = pb.ListClaimsResponse(claims=[_claim(one) for one in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.next_token(request, last.location_id, last.document_id)
        return response


def _claim(found: reads.Claim) -> pb.Claim:
    return pb.Claim(
        document_id=found.document_id,
        order_id=found.order_id,
        channel_id=found.channel_id,
        location_id=found.location_id,
        live_units=found.live_units,
        create_time=translate.timestamp(found.create_time),
        expire_time=translate.timestamp(found.expire_time) if found.expire_time else None,
    )


def _terms(terms: Terms) -> list[pb.AvailabilityTerm]:
    return [
        pb.AvailabilityTerm(kind=pb.AvailabilityTermKind.ValueType(kind), units=units)
        for kind, units in terms.items()
    ]
