"""HoldService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import holds_pb2 as pb
from aljibe.inventory.v1 import holds_pb2_grpc
from chassis.auth import require_channel
from chassis.postgres import Database
from chassis.telemetry import current_traceparent
from services.inventory.adapters.grpc import marks, translate
from services.inventory.adapters.postgres import reads
from services.inventory.domain.holding import CreateHold, ReleaseHold, RenewHold
from services.inventory.domain.pool import Hold
from services.inventory.usecases.desk import StockDesk
from services.inventory.usecases.post import Submission

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class HoldServicer(holds_pb2_grpc.HoldServiceServicer):
    """Holds of baskets: create, renew, release. Each belongs to its channel."""

    def __init__(self, desk: StockDesk, db: Database) -> None:
        self._desk = desk
        self._db = db

    async def CreateHold(self, request: pb.CreateHoldRequest, context: Context) -> pb.CreateHoldResponse:
        """See the contract."""
        lines = tuple((line.sku, line.quantity_units) for line in request.lines)
        command = CreateHold(request.channel_id, lines, request.ttl_seconds, request.customer_id)
        answer = await self._desk.submit(marks.marked(command, request, _created))
        return pb.CreateHoldResponse.FromString(answer)

    async def GetHold(self, request: pb.GetHoldRequest, context: Context) -> pb.GetHoldResponse:
        """See the contract."""
        return pb.GetHoldResponse(hold=translate.hold(await self._own(request.hold_id)))

    async def RenewHold(self, request: pb.RenewHoldRequest, context: Context) -> pb.RenewHoldResponse:
        """See the contract."""
        await self._own(request.hold_id)
        command = RenewHold(request.hold_id, request.ttl_seconds)
        found = await self._desk.submit(Submission(command, None, current_traceparent()))
        return pb.RenewHoldResponse(hold=translate.hold(found))

    async def ReleaseHold(self, request: pb.ReleaseHoldRequest, context: Context) -> pb.ReleaseHoldResponse:
        """See the contract."""
        await self._own(request.hold_id)
        command = ReleaseHold(request.hold_id)
        found = await self._desk.submit(Submission(command, None, current_traceparent()))
        return pb.ReleaseHoldResponse(hold=translate.hold(found))

    async def _own(self, hold_id: str) -> Hold:
        """The hold as it stands, once the caller may speak for its channel, which never changes."""
        found = await reads.hold(self._db, hold_id)
        require_channel(found.channel_id)
        return found


def _created(hold: Hold) -> pb.CreateHoldResponse:
    return pb.CreateHoldResponse(hold=translate.hold(hold))
