"""ReservationService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.inventory.v1 import inventory_pb2_grpc
from chassis.call import current_call
from chassis.postgres import Database
from chassis.telemetry import current_traceparent
from services.inventory.adapters.grpc import marks, outcomes, translate
from services.inventory.adapters.grpc.reserve_stream import ReserveStream
from services.inventory.adapters.postgres import reads
from services.inventory.domain.reserving import Commit, Consume, Release
from services.inventory.domain.stock import Cause
from services.inventory.usecases.desk import StockDesk
from services.inventory.usecases.post import Submission

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class ReservationServicer(inventory_pb2_grpc.ReservationServiceServicer):
    """Reserve, commit, release, consume."""

    def __init__(self, desk: StockDesk, db: Database) -> None:
        self._desk = desk
        self._db = db

    async def ReserveStock(
        self, request: pb.ReserveStockRequest, context: Context
    ) -> pb.ReserveStockResponse:
        """See the contract."""
        return outcomes.granted(await self._desk.submit(marks.reserve(request, current_traceparent())))

    async def BatchReserveStock(
        self, request: pb.BatchReserveStockRequest, context: Context
    ) -> pb.BatchReserveStockResponse:
        """See the contract."""
        traceparent = current_traceparent()
        submissions = [marks.reserve(one, traceparent) for one in request.requests]
        done = await self._desk.submit_batch(submissions)
        call = current_call()
        languages = call.languages if call is not None else ""
        response = pb.BatchReserveStockResponse()
        add = response.outcomes.add
        for one, outcome in zip(request.requests, done.outcomes, strict=True):
            outcomes.write_outcome(outcome, one, done, languages, add())
        return response

    def StreamReserveStock(
        self, request_iterator: AsyncIterator[pb.StreamReserveStockRequest], context: Context
    ) -> AsyncIterator[pb.StreamReserveStockResponse]:
        """See the contract."""
        call = current_call()
        return ReserveStream(self._desk, call.languages if call is not None else "").answers(request_iterator)

    async def GetReservation(
        self, request: pb.GetReservationRequest, context: Context
    ) -> pb.GetReservationResponse:
        """See the contract."""
        found = await reads.reservation(self._db, request.reservation_id)
        return pb.GetReservationResponse(reservation=translate.reservation(found))

    async def CommitReservation(
        self, request: pb.CommitReservationRequest, context: Context
    ) -> pb.CommitReservationResponse:
        """See the contract."""
        submission = Submission(Commit(request.reservation_id), None, current_traceparent())
        found = await self._desk.submit(submission)
        return pb.CommitReservationResponse(reservation=translate.reservation(found))

    async def ReleaseReservation(
        self, request: pb.ReleaseReservationRequest, context: Context
    ) -> pb.ReleaseReservationResponse:
        """See the contract."""
        command = Release(request.reservation_id, translate.picks_of(request.picks))
        answer = await self._desk.submit(marks.marked(command, request, marks.released))
        return pb.ReleaseReservationResponse.FromString(answer)

    async def ConsumeReservation(
        self, request: pb.ConsumeReservationRequest, context: Context
    ) -> pb.ConsumeReservationResponse:
        """See the contract."""
        command = Consume(
            request.reservation_id,
            translate.picks_of(request.picks),
            Cause(request.cause),
            marks.origin(request, request.reservation_id),
        )
        answer = await self._desk.submit(marks.marked(command, request, marks.consumed))
        return pb.ConsumeReservationResponse.FromString(answer)
