"""StockService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.inventory.v1 import inventory_pb2_grpc
from chassis import requests
from chassis.auth import current_principal, require_channel
from chassis.clock import Clock
from chassis.pages import PageTokens
from chassis.postgres import Connection, Database
from services.inventory.adapters.grpc import marks, snapshots, translate
from services.inventory.adapters.nats.live import LivePositions
from services.inventory.adapters.postgres import audit, auditor, load, reads
from services.inventory.adapters.postgres.ledger import END, movement_id_at
from services.inventory.domain.facts import Count, Move, Moved, SetSafety, adjust
from services.inventory.domain.stock import Cause, Pick, Position
from services.inventory.usecases.availability import Availability
from services.inventory.usecases.desk import StockDesk
from services.inventory.usecases.inbound import Arrival

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

POSITIONS_PAGE_SIZE = 200
MOVEMENTS_PAGE_SIZE = 100
AUDIT_LIMIT = 100
MAX_TOLD_ARRIVALS = 50


class StockServicer(inventory_pb2_grpc.StockServiceServicer):
    """Positions, the ledger, what can be promised."""

    def __init__(
        self,
        desk: StockDesk,
        db: Database,
        live: LivePositions,
        availability: Availability,
        pages: PageTokens,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._db = db
        self._live = live
        self._availability = availability
        self._pages = pages
        self._clock = clock

    async def GetAvailability(
        self, request: pb.GetAvailabilityRequest, context: Context
    ) -> pb.GetAvailabilityResponse:
        """See the contract."""
        only = frozenset(request.location_ids)
        response = pb.GetAvailabilityResponse()
        add = response.availabilities.add
        if not only and not request.per_location:
            for sku in request.skus:
                add(sku=sku, available_units=self._availability.total(sku, request.channel_id))
            self._expect(request, only, response)
            return response
        for sku in request.skus:
            total, found = self._availability.of(sku, only, request.channel_id)
            one = add(sku=sku, available_units=total)
            if request.per_location:
                for location_id in sorted(found):
                    one.locations.add(location_id=location_id, available_units=found[location_id])
        self._expect(request, only, response)
        return response

    def _expect(
        self, request: pb.GetAvailabilityRequest, only: frozenset[str], response: pb.GetAvailabilityResponse
    ) -> None:
        """Add what is to come, where something is."""
        now = self._clock()
        for one in response.availabilities:
            expected = self._availability.expected(one.sku, only, now)
            if expected is None:
                continue
            one.inbound_units = expected.units
            if expected.next is not None:
                one.next_supply.CopyFrom(_arrival(expected.next, ""))
            if request.inbound:
                told = expected.arrivals[:MAX_TOLD_ARRIVALS]
                one.inbound.extend([_arrival(each, each.location_id) for each in told])

    async def ListPositions(
        self, request: pb.ListPositionsRequest, context: Context
    ) -> pb.ListPositionsResponse:
        """See the contract."""
        size = request.page_size or POSITIONS_PAGE_SIZE
        after = self._pages.position(request, parts=2) or ()
        found = await reads.positions(self._db, request.sku, request.location_id, after, size + 1)
        response = pb.ListPositionsResponse(positions=[translate.position(one) for one in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.next_token(request, last.sku, last.location_id)
        return response

    async def ListMovements(
        self, request: pb.ListMovementsRequest, context: Context
    ) -> pb.ListMovementsResponse:
        """See the contract."""
        size = request.page_size or MOVEMENTS_PAGE_SIZE
        until = (
            movement_id_at(request.record_until.ToDatetime(UTC)) if request.HasField("record_until") else END
        )
        since = movement_id_at(request.record_from.ToDatetime(UTC)) if request.HasField("record_from") else ""
        (before,) = self._pages.position(request) or (until,)
        found = await reads.movements(
            self._db,
            request.sku,
            request.location_id,
            request.document_id,
            since,
            before,
            request.causes,
            size + 1,
        )
        response = pb.ListMovementsResponse(movements=[translate.movement(one) for one in found[:size]])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, found[size - 1].movement_id)
        return response

    async def ReceiveStock(
        self, request: pb.ReceiveStockRequest, context: Context
    ) -> pb.ReceiveStockResponse:
        """See the contract."""
        lines = tuple(Pick(one.sku, request.location_id, one.quantity_units) for one in request.lines)
        command = Move(lines, Cause.RECEIPT, marks.origin(request, request.document_id))
        answer = await self._desk.submit(marks.marked(command, request, _received))
        return pb.ReceiveStockResponse.FromString(answer)

    async def AdjustStock(self, request: pb.AdjustStockRequest, context: Context) -> pb.AdjustStockResponse:
        """See the contract."""
        command = adjust(
            (request.sku, request.location_id),
            request.difference_units,
            Cause(request.cause),
            marks.origin(request, "", request.note),
        )
        answer = await self._desk.submit(marks.marked(command, request, _adjusted))
        return pb.AdjustStockResponse.FromString(answer)

    async def CountStock(self, request: pb.CountStockRequest, context: Context) -> pb.CountStockResponse:
        """See the contract."""
        lines = tuple(Pick(one.sku, request.location_id, one.counted_units) for one in request.lines)
        command = Count(lines, marks.origin(request, ""))
        answer = await self._desk.submit(marks.marked(command, request, _counted))
        return pb.CountStockResponse.FromString(answer)

    async def SellStock(self, request: pb.SellStockRequest, context: Context) -> pb.SellStockResponse:
        """See the contract."""
        lines = tuple(Pick(one.sku, request.location_id, -one.quantity_units) for one in request.lines)
        if request.channel_id:
            require_channel(request.channel_id)
        origin = marks.origin(request, request.document_id)
        command = Move(lines, Cause.SALE, origin, request.channel_id, told=True)
        answer = await self._desk.submit(marks.marked(command, request, _sold))
        return pb.SellStockResponse.FromString(answer)

    async def SetSafetyStock(
        self, request: pb.SetSafetyStockRequest, context: Context
    ) -> pb.SetSafetyStockResponse:
        """See the contract."""
        lines = tuple(Pick(one.sku, request.location_id, one.safety_units) for one in request.lines)
        answer = await self._desk.submit(marks.marked(SetSafety(lines), request, _safety_set))
        return pb.SetSafetyStockResponse.FromString(answer)

    async def LoadStock(
        self, request_iterator: AsyncIterator[pb.LoadStockRequest], context: Context
    ) -> pb.LoadStockResponse:
        """See the contract."""
        total = pb.LoadStockResponse()
        async for chunk in request_iterator:
            answer = await self._load(chunk)
            total.chunks += answer.chunks
            total.positions += answer.positions
            total.units += answer.units
        return total

    async def SnapshotAvailability(
        self, request: pb.SnapshotAvailabilityRequest, context: Context
    ) -> AsyncIterator[pb.SnapshotAvailabilityResponse]:
        """See the contract."""
        batches = reads.snapshot(self._db, request.skus)
        async for message in snapshots.messages(batches, blocks=request.blocks):
            yield message

    async def AuditStock(self, request: pb.AuditStockRequest, context: Context) -> pb.AuditStockResponse:
        """See the contract."""
        started = time.monotonic()
        limit = request.limit or AUDIT_LIMIT
        if request.skus:
            found = await auditor.audit_skus(self._db, request.skus, limit)
        else:
            found = await audit.audit(self._db, limit)
        return pb.AuditStockResponse(
            movements=found.movements,
            positions=found.positions,
            live_reservation_lines=found.live_reservation_lines,
            difference_count=found.difference_count,
            differences=[
                pb.AuditDifference(
                    rule=one.rule,
                    sku=one.sku,
                    location_id=one.location_id,
                    expected_units=one.expected_units,
                    actual_units=one.actual_units,
                    document_id=one.document_id,
                )
                for one in found.differences
            ],
            duration_ms=int((time.monotonic() - started) * 1000),
        )

    async def GetAuditState(
        self, request: pb.GetAuditStateRequest, context: Context
    ) -> pb.GetAuditStateResponse:
        """See the contract."""
        state = await auditor.round_state(self._db)
        answer = pb.GetAuditStateResponse(standing_differences=state.differences)
        answer.round_start_time.FromDatetime(state.began_at)
        if state.last_ended_at is not None:
            answer.round_end_time.FromDatetime(state.last_ended_at)
        return answer

    async def _load(self, chunk: pb.LoadStockRequest) -> pb.LoadStockResponse:
        lines = [
            load.Loaded(one.sku, one.location_id, one.quantity_units, one.safety_units)
            for one in chunk.positions
        ]
        origin = marks.origin(chunk, "")
        loaded: list[Position] = []

        async def once(conn: Connection) -> pb.LoadStockResponse:
            loaded[:] = await load.load_chunk(
                conn, lines, document_id=origin.document_id, actor=origin.actor, key=origin.key
            )
            units = sum(line.quantity_units for line in lines)
            return pb.LoadStockResponse(chunks=1, positions=len(lines), units=units)

        answer = await requests.idempotent(
            self._db, "LoadStock", chunk, pb.LoadStockResponse, once, scope=current_principal().subject
        )
        self._live.tell(loaded)
        return answer


def _received(moved: Moved) -> pb.ReceiveStockResponse:
    return pb.ReceiveStockResponse(positions=marks.positions(moved))


def _adjusted(moved: Moved) -> pb.AdjustStockResponse:
    return pb.AdjustStockResponse(position=translate.position(moved.positions[0]))


def _counted(moved: Moved) -> pb.CountStockResponse:
    return pb.CountStockResponse(positions=marks.positions(moved), difference_units=moved.difference_units)


def _sold(moved: Moved) -> pb.SellStockResponse:
    return pb.SellStockResponse(positions=marks.positions(moved), displaced_units=moved.displaced_units)


def _safety_set(moved: Moved) -> pb.SetSafetyStockResponse:
    return pb.SetSafetyStockResponse(positions=marks.positions(moved))


def _arrival(found: Arrival, location_id: str) -> pb.InboundUnits:
    return pb.InboundUnits(
        expected_time=translate.timestamp(found.expected_at),
        quantity_units=found.units,
        location_id=location_id,
    )
