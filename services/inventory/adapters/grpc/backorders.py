"""BackorderService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import backorders_pb2 as pb
from aljibe.inventory.v1 import backorders_pb2_grpc, supply_pb2
from chassis.pages import PageTokens
from chassis.postgres import Database
from services.inventory.adapters.grpc import marks, translate
from services.inventory.adapters.postgres import backorders, supplies
from services.inventory.domain.backorder import Mode, Terms
from services.inventory.domain.refusals import FilterMissing, LineDuplicate
from services.inventory.domain.terms import RemoveTerms, SetTerms
from services.inventory.usecases.desk import StockDesk

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

TERMS_PAGE_SIZE = 100
BACKORDERS_PAGE_SIZE = 50
SNAPSHOT_CHUNK = 500


class BackorderServicer(backorders_pb2_grpc.BackorderServiceServicer):
    """Articles that are sold before they are there."""

    def __init__(self, desk: StockDesk, db: Database, pages: PageTokens) -> None:
        self._desk = desk
        self._db = db
        self._pages = pages

    async def SetBackorderTerms(
        self, request: pb.SetBackorderTermsRequest, context: Context
    ) -> pb.SetBackorderTermsResponse:
        """See the contract."""
        _check_once([(one.sku, one.channel_id) for one in request.terms])
        command = SetTerms(tuple([_terms_of(one) for one in request.terms]))
        answer = await self._desk.submit(marks.marked(command, request, _set))
        return pb.SetBackorderTermsResponse.FromString(answer)

    async def ListBackorderTerms(
        self, request: pb.ListBackorderTermsRequest, context: Context
    ) -> pb.ListBackorderTermsResponse:
        """See the contract."""
        size = request.page_size or TERMS_PAGE_SIZE
        after = self._pages.position(request) or ()
        found = await backorders.page_terms(self._db, request.sku, after, size + 1)
        response = pb.ListBackorderTermsResponse(terms=[translate.terms(one) for one in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.next_token(request, last.sku, last.channel_id)
        return response

    async def RemoveBackorderTerms(
        self, request: pb.RemoveBackorderTermsRequest, context: Context
    ) -> pb.RemoveBackorderTermsResponse:
        """See the contract."""
        names = tuple([(one.sku, one.channel_id) for one in request.names])
        _check_once(names)
        answer = await self._desk.submit(marks.marked(RemoveTerms(names), request, _removed))
        return pb.RemoveBackorderTermsResponse.FromString(answer)

    async def ListBackorders(
        self, request: pb.ListBackordersRequest, context: Context
    ) -> pb.ListBackordersResponse:
        """See the contract."""
        if not request.sku and not request.supply_id:
            raise FilterMissing("sku or supply_id")
        size = request.page_size or BACKORDERS_PAGE_SIZE
        after = self._pages.position(request) or ()
        found = await backorders.page(self._db, request.sku, request.supply_id, after, size + 1)
        response = pb.ListBackordersResponse(
            backorders=[
                pb.BackorderClaim(
                    supply_id=one.supply_id,
                    sku=one.sku,
                    location_id=one.location_id,
                    reservation_id=one.reservation_id,
                    order_id=one.order_id,
                    channel_id=one.channel_id,
                    live_units=one.live_units,
                    expected_time=translate.timestamp(one.expected_at),
                    create_time=translate.timestamp(one.create_time),
                )
                for one in found[:size]
            ]
        )
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.next_token(
                request, last.supply_id, last.sku, last.reservation_id
            )
        return response

    async def SnapshotInbound(
        self, request: pb.SnapshotInboundRequest, context: Context
    ) -> AsyncIterator[pb.SnapshotInboundResponse]:
        """See the contract."""
        terms = await backorders.read_terms(self._db, request.skus)
        for first in range(0, len(terms), SNAPSHOT_CHUNK):
            some = terms[first : first + SNAPSHOT_CHUNK]
            yield pb.SnapshotInboundResponse(terms=[translate.terms(one) for one in some])
        chunk = pb.SnapshotInboundResponse()
        async for one in supplies.read_inbound(self._db, request.skus):
            chunk.supplies.append(translate.inbound(one))
            if len(chunk.supplies) == SNAPSHOT_CHUNK:
                yield chunk
                chunk = pb.SnapshotInboundResponse()
        if chunk.supplies:
            yield chunk


def _check_once(names: Sequence[tuple[str, str]]) -> None:
    seen: set[tuple[str, str]] = set()
    for name in names:
        if name in seen:
            raise LineDuplicate(*name)
        seen.add(name)


def _terms_of(message: supply_pb2.BackorderTerms) -> Terms:
    return Terms(
        message.sku,
        message.channel_id,
        Mode(message.mode),
        translate.time_of(message, "release_time"),
        message.furthest_days,
        message.share_percent or 100,
        message.unasked,
    )


def _set(found: Sequence[Terms]) -> pb.SetBackorderTermsResponse:
    # The first version is given when they are kept; whoever asks for it lists them.
    answer = pb.SetBackorderTermsResponse(terms=[translate.terms(one) for one in found])
    for one in answer.terms:
        one.ClearField("version")
    return answer


def _removed(count: int) -> pb.RemoveBackorderTermsResponse:
    return pb.RemoveBackorderTermsResponse(terms=count)
