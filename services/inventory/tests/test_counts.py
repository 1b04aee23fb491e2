"""Counts that take a while, with sales going on: on the fake and on PostgreSQL alike, and the door."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from aljibe.inventory.v1 import counts_pb2
from aljibe.inventory.v1 import events_pb2 as facts
from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis.errors import reason_of
from services.inventory.domain import refusals as no
from services.inventory.domain.count import (
    BookCount,
    CancelCount,
    Counted,
    CountSheet,
    CountState,
    RecordCount,
    StartCount,
)
from services.inventory.domain.reserving import Commit
from services.inventory.tests.builders import (
    OTHER_STORE,
    SKU,
    STORE,
    a_receipt,
    a_reserve,
    a_sale,
    unique,
)
from services.inventory.tests.conftest import Door
from services.inventory.tests.contract import Stock


async def started(stock: Stock, *skus: str) -> str:
    sheet: CountSheet = await stock.do(StartCount(STORE, skus, "", "ana"))
    return sheet.count_id


def a_record(count_id: str, *counted: Counted) -> RecordCount:
    return RecordCount(count_id, STORE, counted)


async def test_a_sale_after_the_shelf_was_counted_is_not_lost(stock: Stock) -> None:
    """The book said 10, the shelf held 9, then 2 were sold: 7 are there, not 9."""
    await stock.do(a_receipt(10))
    count_id = await started(stock, SKU)

    await stock.do(a_sale(1))
    await stock.do(a_record(count_id, Counted(SKU, 9)))
    await stock.do(a_sale(1))
    ended = await stock.complete(count_id, STORE)

    assert ended.state is CountState.COMPLETED
    assert ended.difference_units == 1
    assert await stock.position() == (7, 0)
    await stock.audit()


async def test_the_book_of_the_moment_of_counting_counts(stock: Stock) -> None:
    """A shelf counted after a sale, just now or a while ago, has had that sale already."""
    await stock.post(a_receipt(10), a_receipt(10, sku="B"))
    count_id = await started(stock, SKU, "B")
    await stock.post(a_sale(1), a_sale(1, sku="B"))

    recorded = await stock.do(
        a_record(
            count_id,
            Counted(SKU, 9, timedelta(0)),
            Counted("B", 1, timedelta(hours=1)),
        )
    )
    await stock.complete(count_id, STORE)

    assert [(one.sku, one.book_units, one.difference_units) for one in recorded] == [(SKU, 9, 0), ("B", 0, 1)]
    assert await stock.position() == (9, 0)
    assert await stock.position(sku="B") == (10, 0)
    await stock.audit()


async def test_a_whole_location_is_counted_and_what_nobody_saw_is_not_there(stock: Stock) -> None:
    await stock.post(a_receipt(3), a_receipt(4, sku="B"), a_receipt(5, sku="C", location_id=OTHER_STORE))
    count_id = await started(stock)

    await stock.do(a_record(count_id, Counted(SKU, 3), Counted("found", 2)))
    await stock.do(a_sale(1, sku="B"))
    ended = await stock.complete(count_id, STORE, missing_are_zero=True)

    assert ended.difference_units == 6
    assert await stock.position(sku="B") == (-1, 0)
    assert await stock.position(sku="found") == (2, 0)
    assert await stock.position(sku="C", location_id=OTHER_STORE) == (5, 0)
    await stock.audit()


async def test_what_was_not_recorded_stays_unless_told_otherwise(stock: Stock) -> None:
    await stock.post(a_receipt(3), a_receipt(4, sku="B"))
    count_id = await started(stock)

    await stock.do(a_record(count_id, Counted(SKU, 1)))
    await stock.do(a_record(count_id, Counted(SKU, 2)))
    await stock.complete(count_id, STORE)

    assert await stock.position() == (2, 0)
    assert await stock.position(sku="B") == (4, 0)
    await stock.audit()


async def test_a_count_below_the_promises_displaces_them(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    reserved = await stock.do(a_reserve(4))
    await stock.do(Commit(reserved.reservation.reservation_id))
    count_id = await started(stock, SKU)

    await stock.do(a_record(count_id, Counted(SKU, 1)))
    untouched = await stock.position()
    ended = await stock.complete(count_id, STORE)

    assert untouched == (5, 4)
    assert ended.displaced_units == 3
    assert await stock.position() == (1, 1)
    assert [one.quantity_units for one in stock.told(facts.UnitsDisplaced)] == [3]
    await stock.audit()


async def test_each_difference_is_booked_once_whoever_comes_again(stock: Stock) -> None:
    """A crash in the middle of a large count: whoever completes it later goes on where it stopped."""
    await stock.post(a_receipt(5), a_receipt(5, sku="B"))
    count_id = await started(stock)
    await stock.do(a_record(count_id, Counted(SKU, 3), Counted("B", 4)))

    (too_early,) = await stock.post(BookCount(count_id, STORE, {SKU: 2}, "ana"))
    ended = await stock.complete(count_id, STORE)
    again = await stock.complete(count_id, STORE, missing_are_zero=True)
    late = await stock.do(BookCount(count_id, STORE, {SKU: 2}, "ana"))

    assert isinstance(too_early, no.StateNotPossible)
    assert ended.difference_units == again.difference_units == 3
    assert late == 0
    assert await stock.position() == (3, 0)
    await stock.audit()


async def test_a_count_that_ended_takes_nothing_more(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    cancelled = await started(stock, SKU)
    await stock.do(CancelCount(cancelled, STORE))

    outcomes = await stock.post(
        a_record(cancelled, Counted(SKU, 1)),
        RecordCount(cancelled, OTHER_STORE, (Counted(SKU, 1),)),
        a_record("cnt_unknown", Counted(SKU, 1)),
        StartCount("nowhere", (), "", "ana"),
    )

    assert [type(one) for one in outcomes] == [
        no.StateNotPossible,
        no.LocationDiffers,
        no.DocumentUnknown,
        no.LocationUnknown,
    ]
    assert await stock.position() == (5, 0)


async def test_a_count_runs_through_the_door(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(5, sku=sku)
    ana = door.token("associate", locations=(STORE,))
    counts = door.processes[0].counts
    start = counts_pb2.StartCountRequest(request_id=unique("start"), location_id=STORE)

    count_id = (await counts.StartCount(start, metadata=ana)).count.count_id
    again = (await counts.StartCount(start, metadata=ana)).count.count_id
    await counts.RecordCount(
        counts_pb2.RecordCountRequest(
            request_id=unique("record"),
            count_id=count_id,
            location_id=STORE,
            lines=[counts_pb2.RecordedLine(sku=sku, counted_units=4, counted_seconds_ago=0)],
        ),
        metadata=ana,
    )
    lines = await counts.ListCountLines(
        counts_pb2.ListCountLinesRequest(count_id=count_id, only_differences=True), metadata=ana
    )
    complete = counts_pb2.CompleteCountRequest(
        request_id=unique("complete"), count_id=count_id, location_id=STORE
    )
    ended = await counts.CompleteCount(complete, metadata=ana)
    repeated = await counts.CompleteCount(complete, metadata=ana)
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await counts.CancelCount(
            counts_pb2.CancelCountRequest(request_id=unique("cancel"), count_id=count_id, location_id=STORE),
            metadata=ana,
        )

    assert again == count_id
    assert [(one.sku, one.snapshot_units, one.difference_units) for one in lines.lines] == [(sku, 5, -1)]
    assert ended == repeated
    assert ended.count == counts_pb2.Count(
        count_id=count_id,
        location_id=STORE,
        state=counts_pb2.COUNT_STATE_COMPLETED,
        start_time=ended.count.start_time,
        end_time=ended.count.end_time,
        difference_units=1,
    )
    assert reason_of(late.value) == "STATE_NOT_POSSIBLE"
    found = await counts.GetCount(counts_pb2.GetCountRequest(count_id=count_id), metadata=ana)
    assert found.count == ended.count
    ledger = await door.stock.ListMovements(
        pb.ListMovementsRequest(document_id=count_id), metadata=door.service
    )
    assert [(one.cause, one.quantity_units, one.actor) for one in ledger.movements] == [
        (pb.MOVEMENT_CAUSE_COUNT, -1, "ana")
    ]
