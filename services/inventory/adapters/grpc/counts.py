"""CountService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import counts_pb2 as pb
from aljibe.inventory.v1 import counts_pb2_grpc
from chassis.auth import current_principal
from chassis.pages import PageTokens
from chassis.postgres import Database
from chassis.telemetry import current_traceparent
from services.inventory.adapters.grpc import marks, translate
from services.inventory.adapters.postgres import counts
from services.inventory.domain.book import Command
from services.inventory.domain.count import (
    BeginCompletion,
    CancelCount,
    Counted,
    CountLine,
    CountSheet,
    EndCount,
    RecordCount,
    StartCount,
)
from services.inventory.usecases.complete_count import book_differences
from services.inventory.usecases.desk import StockDesk
from services.inventory.usecases.post import Submission

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

COUNT_LINES_PAGE_SIZE = 200
COUNTS_PAGE_SIZE = 20


class CountServicer(counts_pb2_grpc.CountServiceServicer):
    """Counts that take a while."""

    def __init__(self, desk: StockDesk, db: Database, pages: PageTokens) -> None:
        self._desk = desk
        self._db = db
        self._pages = pages

    async def StartCount(self, request: pb.StartCountRequest, context: Context) -> pb.StartCountResponse:
        """See the contract."""
        command = StartCount(
            request.location_id, tuple(request.skus), request.note, current_principal().subject
        )
        answer = await self._desk.submit(marks.marked(command, request, _started))
        return pb.StartCountResponse.FromString(answer)

    async def RecordCount(self, request: pb.RecordCountRequest, context: Context) -> pb.RecordCountResponse:
        """See the contract."""
        counted = tuple(_counted(line) for line in request.lines)
        command = RecordCount(request.count_id, request.location_id, counted)
        answer = await self._desk.submit(marks.marked(command, request, _recorded))
        return pb.RecordCountResponse.FromString(answer)

    async def CompleteCount(
        self, request: pb.CompleteCountRequest, context: Context
    ) -> pb.CompleteCountResponse:
        """See the contract."""
        traceparent = current_traceparent()

        async def post(command: Command[Any]) -> Any:
            return await self._desk.submit(Submission(command, traceparent=traceparent))

        await book_differences(
            post,
            self._waiting,
            BeginCompletion(request.count_id, request.location_id),
            actor=current_principal().subject,
            missing_are_zero=request.missing_are_zero,
        )
        end = EndCount(request.count_id, request.location_id)
        answer = await self._desk.submit(marks.marked(end, request, _completed))
        return pb.CompleteCountResponse.FromString(answer)

    async def _waiting(self, count_id: str, missing_are_zero: bool, limit: int) -> Mapping[str, int]:
        return await counts.waiting(self._db, count_id, missing_are_zero, limit)

    async def CancelCount(self, request: pb.CancelCountRequest, context: Context) -> pb.CancelCountResponse:
        """See the contract."""
        command = CancelCount(request.count_id, request.location_id)
        answer = await self._desk.submit(marks.marked(command, request, _cancelled))
        return pb.CancelCountResponse.FromString(answer)

    async def GetCount(self, request: pb.GetCountRequest, context: Context) -> pb.GetCountResponse:
        """See the contract."""
        return pb.GetCountResponse(count=_count(await counts.get(self._db, request.count_id)))

    async def ListCounts(self, request: pb.ListCountsRequest, context: Context) -> pb.ListCountsResponse:
        """See the contract."""
        size = request.page_size or COUNTS_PAGE_SIZE
        (before,) = self._pages.position(request) or ("",)
        found = await counts.page_sheets(self._db, request.location_id, request.state, before, size + 1)
        response = pb.ListCountsResponse(counts=[_count(one) for one in found[:size]])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, found[size - 1].count_id)
        return response

    async def ListCountLines(
        self, request: pb.ListCountLinesRequest, context: Context
    ) -> pb.ListCountLinesResponse:
        """See the contract."""
        size = request.page_size or COUNT_LINES_PAGE_SIZE
        (after,) = self._pages.position(request) or ("",)
        found = await counts.page_lines(self._db, request.count_id, request.only_differences, after, size + 1)
        response = pb.ListCountLinesResponse(lines=[_line(one) for one in found[:size]])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, found[size - 1].sku)
        return response


def _counted(line: pb.RecordedLine) -> Counted:
    ago = timedelta(seconds=line.counted_seconds_ago) if line.HasField("counted_seconds_ago") else None
    return Counted(line.sku, line.counted_units, ago)


def _started(sheet: CountSheet) -> pb.StartCountResponse:
    return pb.StartCountResponse(count=_count(sheet))


def _recorded(lines: Sequence[CountLine]) -> pb.RecordCountResponse:
    return pb.RecordCountResponse(lines=[_line(line) for line in lines])


def _completed(sheet: CountSheet) -> pb.CompleteCountResponse:
    return pb.CompleteCountResponse(count=_count(sheet))


def _cancelled(sheet: CountSheet) -> pb.CancelCountResponse:
    return pb.CancelCountResponse(count=_count(sheet))


def _count(sheet: CountSheet) -> pb.Count:
    return pb.Count(
        count_id=sheet.count_id,
        location_id=sheet.location_id,
        state=pb.CountState.ValueType(sheet.state),
        note=sheet.note,
        start_time=translate.timestamp(sheet.started_at),
        end_time=translate.timestamp(sheet.ended_at) if sheet.ended_at else None,
        difference_units=sheet.difference_units,
        displaced_units=sheet.displaced_units,
    )


def _line(line: CountLine) -> pb.CountLine:
    return pb.CountLine(
        sku=line.sku,
        snapshot_units=line.snapshot_units,
        counted=line.counted_units is not None,
        counted_units=line.counted_units or 0,
        book_units=line.book_units,
        difference_units=line.difference_units,
        booked=line.booked,
    )
