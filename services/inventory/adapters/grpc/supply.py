"""SupplyService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import supply_pb2 as pb
from aljibe.inventory.v1 import supply_pb2_grpc
from chassis.pages import PageTokens
from chassis.postgres import Database
from services.inventory.adapters.grpc import marks, translate
from services.inventory.adapters.postgres import supplies
from services.inventory.domain.expected import Supply
from services.inventory.domain.supply import CloseSupply, ReceiveSupply, Units, UpsertSupply
from services.inventory.usecases.desk import StockDesk

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

SUPPLY_PAGE_SIZE = 50


class SupplyServicer(supply_pb2_grpc.SupplyServiceServicer):
    """What suppliers are expected to bring."""

    def __init__(self, desk: StockDesk, db: Database, pages: PageTokens) -> None:
        self._desk = desk
        self._db = db
        self._pages = pages

    async def UpsertSupply(
        self, request: pb.UpsertSupplyRequest, context: Context
    ) -> pb.UpsertSupplyResponse:
        """See the contract."""
        command = UpsertSupply(
            request.supply_id,
            request.location_id,
            request.expected_time.ToDatetime(UTC),
            _units(request.lines),
        )
        answer = await self._desk.submit(marks.marked(command, request, _upserted))
        return pb.UpsertSupplyResponse.FromString(answer)

    async def ReceiveSupply(
        self, request: pb.ReceiveSupplyRequest, context: Context
    ) -> pb.ReceiveSupplyResponse:
        """See the contract."""
        command = ReceiveSupply(
            request.supply_id,
            request.location_id,
            _units(request.lines),
            marks.origin(request, request.supply_id),
        )
        answer = await self._desk.submit(marks.marked(command, request, _received))
        return pb.ReceiveSupplyResponse.FromString(answer)

    async def CloseSupply(self, request: pb.CloseSupplyRequest, context: Context) -> pb.CloseSupplyResponse:
        """See the contract."""
        command = CloseSupply(request.supply_id, request.location_id)
        answer = await self._desk.submit(marks.marked(command, request, _closed))
        return pb.CloseSupplyResponse.FromString(answer)

    async def ListSupply(self, request: pb.ListSupplyRequest, context: Context) -> pb.ListSupplyResponse:
        """See the contract."""
        size = request.page_size or SUPPLY_PAGE_SIZE
        (after,) = self._pages.position(request) or ("",)
        found = await supplies.page(self._db, request.sku, request.location_id, after, size + 1)
        response = pb.ListSupplyResponse(supplies=[_supply(one) for one in found[:size]])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, found[size - 1].supply_id)
        return response


def _units(lines: Iterable[pb.SupplyUnits]) -> tuple[Units, ...]:
    return tuple([(line.sku, line.quantity_units) for line in lines])


def _upserted(supply: Supply) -> pb.UpsertSupplyResponse:
    return pb.UpsertSupplyResponse(supply=_supply(supply))


def _received(supply: Supply) -> pb.ReceiveSupplyResponse:
    return pb.ReceiveSupplyResponse(supply=_supply(supply))


def _closed(supply: Supply) -> pb.CloseSupplyResponse:
    return pb.CloseSupplyResponse(supply=_supply(supply))


def _supply(found: Supply) -> pb.Supply:
    return pb.Supply(
        supply_id=found.supply_id,
        location_id=found.location_id,
        state=pb.SupplyState.ValueType(found.state),
        expected_time=translate.timestamp(found.expected_at),
        lines=[
            pb.SupplyLine(
                sku=line.sku,
                expected_units=line.expected_units,
                received_units=line.received_units,
                open_units=found.open_units(line),
                promised_units=line.promised_units,
            )
            for _, line in sorted(found.lines.items())
        ],
    )
