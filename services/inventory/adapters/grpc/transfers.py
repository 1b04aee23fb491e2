"""TransferService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import transfers_pb2 as pb
from aljibe.inventory.v1 import transfers_pb2_grpc
from chassis.auth import current_principal
from chassis.pages import PageTokens
from chassis.postgres import Database
from chassis.refusals import PermissionDenied
from services.inventory.adapters.grpc import marks, translate
from services.inventory.adapters.postgres import transfers
from services.inventory.domain.transfer import (
    CancelTransfer,
    CloseTransfer,
    CreateTransfer,
    Dispatch,
    ReceiveTransfer,
    Transfer,
    Transferred,
    Units,
)
from services.inventory.usecases.desk import StockDesk

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

TRANSFERS_PAGE_SIZE = 50
MAY_FORCE = "operator"


class TransferServicer(transfers_pb2_grpc.TransferServiceServicer):
    """Goods on their way between locations."""

    def __init__(self, desk: StockDesk, db: Database, pages: PageTokens) -> None:
        self._desk = desk
        self._db = db
        self._pages = pages

    async def CreateTransfer(
        self, request: pb.CreateTransferRequest, context: Context
    ) -> pb.CreateTransferResponse:
        """See the contract."""
        command = CreateTransfer(
            request.source_id,
            request.destination_id,
            _units(request.lines),
            request.note,
            current_principal().subject,
        )
        answer = await self._desk.submit(marks.marked(command, request, _created))
        return pb.CreateTransferResponse.FromString(answer)

    async def DispatchTransfer(
        self, request: pb.DispatchTransferRequest, context: Context
    ) -> pb.DispatchTransferResponse:
        """See the contract."""
        if request.forced and not current_principal().has_role(MAY_FORCE):
            raise PermissionDenied("only an operator may force a dispatch")
        command = Dispatch(
            request.transfer_id,
            request.source_id,
            _units(request.lines),
            marks.origin(request, request.transfer_id),
            request.forced,
        )
        answer = await self._desk.submit(marks.marked(command, request, _dispatched))
        return pb.DispatchTransferResponse.FromString(answer)

    async def ReceiveTransfer(
        self, request: pb.ReceiveTransferRequest, context: Context
    ) -> pb.ReceiveTransferResponse:
        """See the contract."""
        command = ReceiveTransfer(
            request.transfer_id,
            request.destination_id,
            _units(request.lines),
            marks.origin(request, request.transfer_id),
        )
        answer = await self._desk.submit(marks.marked(command, request, _received))
        return pb.ReceiveTransferResponse.FromString(answer)

    async def CloseTransfer(
        self, request: pb.CloseTransferRequest, context: Context
    ) -> pb.CloseTransferResponse:
        """See the contract."""
        command = CloseTransfer(request.transfer_id, request.destination_id, request.note)
        answer = await self._desk.submit(marks.marked(command, request, _closed))
        return pb.CloseTransferResponse.FromString(answer)

    async def CancelTransfer(
        self, request: pb.CancelTransferRequest, context: Context
    ) -> pb.CancelTransferResponse:
        """See the contract."""
        command = CancelTransfer(request.transfer_id, request.source_id)
        answer = await self._desk.submit(marks.marked(command, request, _cancelled))
        return pb.CancelTransferResponse.FromString(answer)

    async def GetTransfer(self, request: pb.GetTransferRequest, context: Context) -> pb.GetTransferResponse:
        """See the contract."""
        return pb.GetTransferResponse(transfer=_transfer(await transfers.get(self._db, request.transfer_id)))

    async def ListTransfers(
        self, request: pb.ListTransfersRequest, context: Context
    ) -> pb.ListTransfersResponse:
        """See the contract."""
        size = request.page_size or TRANSFERS_PAGE_SIZE
        (before,) = self._pages.position(request) or ("",)
        found = await transfers.page(self._db, request.location_id, request.state, before, size + 1)
        response = pb.ListTransfersResponse(transfers=[_transfer(one) for one in found[:size]])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, found[size - 1].transfer_id)
        return response

    async def ListInTransit(
        self, request: pb.ListInTransitRequest, context: Context
    ) -> pb.ListInTransitResponse:
        """See the contract."""
        return pb.ListInTransitResponse(
            in_transit=[
                pb.InTransit(sku=sku, destination_id=destination_id, quantity_units=units)
                for sku, destination_id, units in await transfers.in_transit(self._db, request.skus)
            ]
        )


def _units(lines: Iterable[pb.TransferUnits]) -> tuple[Units, ...]:
    return tuple([(line.sku, line.quantity_units) for line in lines])


def _created(done: Transferred) -> pb.CreateTransferResponse:
    return pb.CreateTransferResponse(transfer=_transfer(done.transfer))


def _dispatched(done: Transferred) -> pb.DispatchTransferResponse:
    return pb.DispatchTransferResponse(
        transfer=_transfer(done.transfer), displaced_units=done.displaced_units
    )


def _received(done: Transferred) -> pb.ReceiveTransferResponse:
    return pb.ReceiveTransferResponse(transfer=_transfer(done.transfer))


def _closed(done: Transferred) -> pb.CloseTransferResponse:
    return pb.CloseTransferResponse(transfer=_transfer(done.transfer), lost_units=done.lost_units)


def _cancelled(done: Transferred) -> pb.CancelTransferResponse:
    return pb.CancelTransferResponse(transfer=_transfer(done.transfer))


def _transfer(found: Transfer) -> pb.Transfer:
    return pb.Transfer(
        transfer_id=found.transfer_id,
        source_id=found.source_id,
        destination_id=found.destination_id,
        state=pb.TransferState.ValueType(found.state),
        lines=[
            pb.TransferLine(
                sku=line.sku,
                quantity_units=line.quantity_units,
                dispatched_units=line.dispatched_units,
                received_units=line.received_units,
                lost_units=line.lost_units,
                in_transit_units=line.in_transit_units,
            )
            for line in found.lines
        ],
        note=found.note,
        loss_note=found.loss_note,
        create_time=translate.timestamp(found.created_at),
        dispatch_time=translate.timestamp(found.dispatched_at) if found.dispatched_at else None,
        end_time=translate.timestamp(found.ended_at) if found.ended_at else None,
    )
