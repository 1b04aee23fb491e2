"""BuyerLimitService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import limits_pb2 as pb
from aljibe.inventory.v1 import limits_pb2_grpc
from chassis.clock import Clock
from chassis.pages import PageTokens
from chassis.postgres import Database
from services.inventory.adapters.grpc import marks, translate
from services.inventory.adapters.postgres import limits
from services.inventory.domain.limit import BuyerLimit
from services.inventory.domain.limiting import RemoveLimits, SetLimits
from services.inventory.usecases.desk import StockDesk

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

LIMITS_PAGE_SIZE = 100


class BuyerLimitServicer(limits_pb2_grpc.BuyerLimitServiceServicer):
    """What each customer may have of scarce articles."""

    def __init__(self, desk: StockDesk, db: Database, pages: PageTokens, clock: Clock) -> None:
        self._desk = desk
        self._db = db
        self._pages = pages
        self._clock = clock

    async def SetBuyerLimits(
        self, request: pb.SetBuyerLimitsRequest, context: Context
    ) -> pb.SetBuyerLimitsResponse:
        """See the contract."""
        now = self._clock()
        command = SetLimits(tuple(_limit_of(one, now) for one in request.limits))
        answer = await self._desk.submit(marks.marked(command, request, _set))
        return pb.SetBuyerLimitsResponse.FromString(answer)

    async def ListBuyerLimits(
        self, request: pb.ListBuyerLimitsRequest, context: Context
    ) -> pb.ListBuyerLimitsResponse:
        """See the contract."""
        size = request.page_size or LIMITS_PAGE_SIZE
        (after,) = self._pages.position(request) or ("",)
        found = await limits.page(self._db, after, size + 1)
        response = pb.ListBuyerLimitsResponse(limits=[_limit(one) for one in found[:size]])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, found[size - 1].sku)
        return response

    async def GetBuyerAllowance(
        self, request: pb.GetBuyerAllowanceRequest, context: Context
    ) -> pb.GetBuyerAllowanceResponse:
        """See the contract."""
        limit, had = await limits.allowance(self._db, request.sku, request.customer_id, self._clock())
        return pb.GetBuyerAllowanceResponse(
            limit=_limit(limit), had_units=had, left_units=max(0, limit.max_units - had)
        )

    async def CheckBuyerLimits(
        self, request: pb.CheckBuyerLimitsRequest, context: Context
    ) -> pb.CheckBuyerLimitsResponse:
        """See the contract."""
        units = {line.sku: line.quantity_units for line in request.lines}
        found = await limits.exceeded(self._db, request.customer_id, request.hold_id, units, self._clock())
        return pb.CheckBuyerLimitsResponse(
            excesses=[
                pb.BuyerLimitExcess(
                    sku=one.sku,
                    requested_units=one.requested_units,
                    limit_units=one.limit_units,
                    left_units=one.left_units,
                )
                for one in found
            ]
        )

    async def RemoveBuyerLimits(
        self, request: pb.RemoveBuyerLimitsRequest, context: Context
    ) -> pb.RemoveBuyerLimitsResponse:
        """See the contract."""
        command = RemoveLimits(tuple(request.skus))
        answer = await self._desk.submit(marks.marked(command, request, _removed))
        return pb.RemoveBuyerLimitsResponse.FromString(answer)


def _set(found: Sequence[BuyerLimit]) -> pb.SetBuyerLimitsResponse:
    return pb.SetBuyerLimitsResponse(limits=[_limit(one) for one in found])


def _removed(count: int) -> pb.RemoveBuyerLimitsResponse:
    return pb.RemoveBuyerLimitsResponse(limits=count)


def _limit_of(message: pb.BuyerLimit, now: datetime) -> BuyerLimit:
    return BuyerLimit(
        message.sku,
        message.max_units,
        now,
        translate.time_of(message, "valid_from"),
        translate.time_of(message, "valid_until"),
        message.window_seconds,
        message.named_only,
    )


def _limit(found: BuyerLimit) -> pb.BuyerLimit:
    return pb.BuyerLimit(
        sku=found.sku,
        max_units=found.max_units,
        window_seconds=found.window_seconds,
        named_only=found.named_only,
        valid_from=translate.timestamp(found.valid_from) if found.valid_from else None,
        valid_until=translate.timestamp(found.valid_until) if found.valid_until else None,
    )
