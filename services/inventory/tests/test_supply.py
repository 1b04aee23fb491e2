"""Inbound supply: the rules on the fake and on PostgreSQL alike, and the door."""

from __future__ import annotations

from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.inventory.v1 import events_pb2 as facts
from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.inventory.v1 import supply_pb2
from services.inventory.domain import refusals as no
from services.inventory.domain.expected import SupplyState
from services.inventory.domain.supply import CloseSupply, ReceiveSupply, Units, UpsertSupply
from services.inventory.tests.builders import NOW, OTHER_STORE, SKU, STORE, an_origin, unique
from services.inventory.tests.conftest import Door
from services.inventory.tests.contract import Stock

TOMORROW = NOW + timedelta(days=1)
NEXT_WEEK = NOW + timedelta(days=7)


def expected(*units: Units, at: datetime = TOMORROW, supply_id: str = "PO-1") -> UpsertSupply:
    return UpsertSupply(supply_id, STORE, at, units or ((SKU, 10),))


def came(*units: Units, supply_id: str = "PO-1") -> ReceiveSupply:
    return ReceiveSupply(supply_id, STORE, units, an_origin(supply_id))


async def test_expected_goods_are_no_stock_until_they_come(stock: Stock) -> None:
    made = await stock.do(expected((SKU, 10), ("B", 1)))
    before = await stock.position()
    first = made.state
    second = (await stock.do(came((SKU, 4)))).state
    third = (await stock.do(came((SKU, 7), ("B", 1), ("surprise", 2)))).state

    assert before == (0, 0)
    assert (first, second, third) == (
        SupplyState.EXPECTED,
        SupplyState.PARTLY_RECEIVED,
        SupplyState.RECEIVED,
    )
    assert await stock.position() == (11, 0)
    assert await stock.position(sku="surprise") == (2, 0)
    await stock.audit()


async def test_a_moved_date_is_told_with_what_is_still_to_come(stock: Stock) -> None:
    """Whoever was promised these goods must hear of it."""
    await stock.do(expected((SKU, 10), ("B", 1)))
    await stock.do(came((SKU, 4), ("B", 1)))

    await stock.post(expected((SKU, 10), ("B", 1), at=NEXT_WEEK), expected((SKU, 10), ("B", 1), at=NEXT_WEEK))
    await stock.do(expected((SKU, 12), at=TOMORROW))

    moves = stock.told(facts.SupplyDateMoved)
    assert [one.expected_time.ToDatetime() for one in moves] == [
        NEXT_WEEK.replace(tzinfo=None),
        TOMORROW.replace(tzinfo=None),
    ]
    assert [(line.sku, line.open_units) for one in moves for line in one.lines] == [(SKU, 6), (SKU, 8)]


async def test_a_closed_supply_brings_nothing_more(stock: Stock) -> None:
    await stock.do(expected())
    closed = await stock.do(CloseSupply("PO-1", STORE))

    outcomes = await stock.post(
        came((SKU, 1)),
        expected(at=NEXT_WEEK),
        CloseSupply("PO-1", STORE),
        came((SKU, 1), supply_id="PO-unknown"),
        UpsertSupply("PO-2", "nowhere", TOMORROW, ((SKU, 1),)),
        UpsertSupply("PO-1", OTHER_STORE, TOMORROW, ((SKU, 1),)),
    )

    assert closed.state is SupplyState.CLOSED
    assert closed.open_units(closed.lines[SKU]) == 0
    assert [type(one) for one in outcomes if isinstance(one, no.Refusal)] == [
        no.StateNotPossible,
        no.StateNotPossible,
        no.DocumentUnknown,
        no.LocationUnknown,
        no.LocationDiffers,
    ]
    assert await stock.position() == (0, 0)


async def test_supply_is_written_received_and_listed_through_the_door(door: Door) -> None:
    sku, supply_id = unique("SKU"), unique("PO")
    supply = door.processes[0].supply
    at = Timestamp()
    at.FromDatetime(TOMORROW)
    upsert = supply_pb2.UpsertSupplyRequest(
        request_id=unique("upsert"),
        supply_id=supply_id,
        location_id=STORE,
        expected_time=at,
        lines=[supply_pb2.SupplyUnits(sku=sku, quantity_units=3)],
    )

    made = await supply.UpsertSupply(upsert, metadata=door.token("planner"))
    repeated = await supply.UpsertSupply(upsert, metadata=door.token("planner"))
    received = await supply.ReceiveSupply(
        supply_pb2.ReceiveSupplyRequest(
            request_id=unique("receive"),
            supply_id=supply_id,
            location_id=STORE,
            lines=[supply_pb2.SupplyUnits(sku=sku, quantity_units=1)],
        ),
        metadata=door.token("associate", locations=(STORE,)),
    )
    listed = await supply.ListSupply(supply_pb2.ListSupplyRequest(sku=sku), metadata=door.token("auditor"))
    closed = await supply.CloseSupply(
        supply_pb2.CloseSupplyRequest(request_id=unique("close"), supply_id=supply_id, location_id=STORE),
        metadata=door.token("planner"),
    )
    afterwards = await supply.ListSupply(
        supply_pb2.ListSupplyRequest(sku=sku), metadata=door.token("auditor")
    )
    by_place = await supply.ListSupply(
        supply_pb2.ListSupplyRequest(location_id=STORE), metadata=door.token("auditor")
    )

    assert made == repeated
    assert made.supply.expected_time == at
    assert list(listed.supplies) == [received.supply]
    assert received.supply.lines[0].open_units == 2
    assert closed.supply.lines[0].open_units == 0
    assert list(afterwards.supplies) == []
    assert closed.supply in by_place.supplies
    ledger = await door.stock.ListMovements(
        pb.ListMovementsRequest(document_id=supply_id), metadata=door.service
    )
    assert [(one.cause, one.quantity_units) for one in ledger.movements] == [(pb.MOVEMENT_CAUSE_RECEIPT, 1)]
