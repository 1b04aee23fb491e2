"""Transfers: the rules on the fake and on PostgreSQL alike, and the door."""

from __future__ import annotations

import grpc
import pytest

from aljibe.inventory.v1 import events_pb2 as facts
from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.inventory.v1 import transfers_pb2
from chassis.errors import reason_of
from chassis.postgres import Database
from services.inventory.adapters.postgres.audit import audit
from services.inventory.domain import refusals as no
from services.inventory.domain.reserving import Commit
from services.inventory.domain.transfer import (
    CancelTransfer,
    CloseTransfer,
    CreateTransfer,
    Dispatch,
    ReceiveTransfer,
    Transfer,
    TransferState,
    Units,
)
from services.inventory.tests.builders import (
    OTHER_STORE,
    SKU,
    STORE,
    a_receipt,
    a_reserve,
    an_origin,
    unique,
)
from services.inventory.tests.conftest import Door
from services.inventory.tests.contract import Stock, in_postgres


async def drafted(stock: Stock, *units: Units) -> Transfer:
    """A draft from STORE to OTHER_STORE."""
    done = await stock.do(CreateTransfer(STORE, OTHER_STORE, units or ((SKU, 5),), "", "ana"))
    transfer: Transfer = done.transfer
    return transfer


def a_dispatch(transfer: Transfer, *units: Units, forced: bool = False) -> Dispatch:
    return Dispatch(transfer.transfer_id, STORE, units, an_origin(transfer.transfer_id), forced)


def an_arrival(transfer: Transfer, *units: Units) -> ReceiveTransfer:
    return ReceiveTransfer(transfer.transfer_id, OTHER_STORE, units, an_origin(transfer.transfer_id))


async def on_the_way(stock: Stock, *units: Units) -> Transfer:
    """A transfer that has left."""
    transfer = await drafted(stock, *units)
    return (await stock.do(a_dispatch(transfer))).transfer  # type: ignore[no-any-return]


async def test_units_leave_the_source_are_in_transit_and_come_in_by_parts(stock: Stock) -> None:
    """In transit a unit stands nowhere, so nobody can be promised it."""
    await stock.do(a_receipt(8))

    sent = await on_the_way(stock)
    between = (await stock.position(), await stock.position(location_id=OTHER_STORE))
    partly = (await stock.do(an_arrival(sent, (SKU, 2)))).transfer.state
    whole = (await stock.do(an_arrival(sent))).transfer

    assert between == ((3, 0), (0, 0))
    assert partly is TransferState.PARTLY_RECEIVED
    assert whole.state is TransferState.RECEIVED
    assert whole.ended_at == stock.clock.now
    assert await stock.position(location_id=OTHER_STORE) == (5, 0)
    await stock.audit()


async def test_a_draft_keeps_nothing_and_can_be_dropped(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    transfer = await drafted(stock)

    granted = await stock.do(a_reserve(5))
    cancelled = (await stock.do(CancelTransfer(transfer.transfer_id, STORE))).transfer
    (refused,) = await stock.post(a_dispatch(transfer))

    assert not granted.existed
    assert cancelled.state is TransferState.CANCELLED
    assert isinstance(refused, no.StateNotPossible)
    await stock.audit()


async def test_a_dispatch_beyond_what_is_available_is_refused_and_a_forced_one_displaces(
    stock: Stock,
) -> None:
    """A planned move must not break promises by accident; a truck that has left is a fact."""
    await stock.do(a_receipt(6))
    reserved = await stock.do(a_reserve(4))
    await stock.do(Commit(reserved.reservation.reservation_id))
    transfer = await drafted(stock)

    (refused,) = await stock.post(a_dispatch(transfer))
    unchanged = await stock.position()
    forced = await stock.do(a_dispatch(transfer, forced=True))

    assert isinstance(refused, no.InsufficientStock)
    assert (refused.shortages[0].requested_units, refused.shortages[0].available_units) == (5, 2)
    assert unchanged == (6, 4)
    assert forced.displaced_units == 3
    assert await stock.position() == (1, 1)
    assert [one.quantity_units for one in stock.told(facts.UnitsDisplaced)] == [3]
    await stock.audit()


async def test_less_than_planned_may_leave_and_never_more(stock: Stock) -> None:
    await stock.post(a_receipt(9), a_receipt(9, sku="B"))
    transfer = await drafted(stock, (SKU, 5), ("B", 5))

    outcomes = await stock.post(a_dispatch(transfer, (SKU, 6)), a_dispatch(transfer, ("C", 1)))
    sent = (await stock.do(a_dispatch(transfer, (SKU, 4)))).transfer

    assert [type(one) for one in outcomes] == [no.UnitsTooMany, no.UnitsTooMany]
    assert {line.sku: line.in_transit_units for line in sent.lines} == {SKU: 4, "B": 0}
    assert await stock.position(sku="B") == (9, 0)
    await stock.audit()


async def test_what_does_not_come_is_lost_and_accounted_for(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    sent = await on_the_way(stock)
    await stock.do(an_arrival(sent, (SKU, 3)))

    (too_much,) = await stock.post(an_arrival(sent, (SKU, 3)))
    closed = await stock.do(CloseTransfer(sent.transfer_id, OTHER_STORE, "fell off the truck"))
    (late,) = await stock.post(an_arrival(sent, (SKU, 1)))

    assert isinstance(too_much, no.UnitsTooMany)
    assert too_much.limit_units == 2
    assert closed.lost_units == 2
    (line,) = closed.transfer.lines
    assert (line.dispatched_units, line.received_units, line.lost_units) == (5, 3, 2)
    assert closed.transfer.state is TransferState.RECEIVED
    assert isinstance(late, no.StateNotPossible)
    await stock.audit()


async def test_places_are_checked(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    transfer = await drafted(stock)

    outcomes = await stock.post(
        CreateTransfer(STORE, "nowhere", ((SKU, 1),), "", "ana"),
        CreateTransfer(STORE, STORE, ((SKU, 1),), "", "ana"),
        Dispatch(transfer.transfer_id, OTHER_STORE, (), an_origin()),
        Dispatch("trf_unknown", STORE, (), an_origin()),
    )

    assert [type(one) for one in outcomes] == [
        no.LocationUnknown,
        no.LocationsEqual,
        no.LocationDiffers,
        no.DocumentUnknown,
    ]


async def test_the_audit_finds_units_that_vanished_on_the_way(db: Database) -> None:
    """Σ out = Σ in + in transit + lost, against the ledger and not against itself."""
    stock = await in_postgres(db)
    await stock.do(a_receipt(5))
    sent = await on_the_way(stock)

    async with db.connection() as conn:
        await conn.execute("UPDATE transfer_line SET dispatched_units = 4, in_transit_units = 4")
        await conn.execute("UPDATE transfer SET state = 4, ended_at = now()")
    found = await audit(db, 10)

    assert [(one.rule, one.expected_units, one.actual_units) for one in found.differences] == [
        ("TRANSFER_OUT", 5, 4),
        ("TRANSFER_STATE", 0, 4),
    ]
    assert found.differences[0].document_id == sent.transfer_id


def a_transfer_request(sku: str) -> transfers_pb2.CreateTransferRequest:
    return transfers_pb2.CreateTransferRequest(
        request_id=unique("create"),
        source_id=STORE,
        destination_id=OTHER_STORE,
        lines=[transfers_pb2.TransferUnits(sku=sku, quantity_units=2)],
        note="for the weekend",
    )


async def test_a_transfer_runs_through_the_door_within_the_scopes_of_two_stores(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(5, sku=sku)
    sender = door.token("associate", subject="ana", locations=(STORE,))
    receiver = door.token("associate", subject="bo", locations=(OTHER_STORE,))
    created = await door.processes[0].transfers.CreateTransfer(a_transfer_request(sku), metadata=sender)
    transfer_id = created.transfer.transfer_id
    dispatch = transfers_pb2.DispatchTransferRequest(
        request_id=unique("dispatch"), transfer_id=transfer_id, source_id=STORE
    )
    transfers = door.processes[0].transfers

    with pytest.raises(grpc.aio.AioRpcError) as foreign:
        await transfers.DispatchTransfer(dispatch, metadata=receiver)
    dispatched = await transfers.DispatchTransfer(dispatch, metadata=sender)
    again = await transfers.DispatchTransfer(dispatch, metadata=sender)
    on_its_way = await transfers.ListInTransit(
        transfers_pb2.ListInTransitRequest(skus=[sku]), metadata=receiver
    )
    received = await transfers.ReceiveTransfer(
        transfers_pb2.ReceiveTransferRequest(
            request_id=unique("receive"),
            transfer_id=transfer_id,
            destination_id=OTHER_STORE,
            lines=[transfers_pb2.TransferUnits(sku=sku, quantity_units=1)],
        ),
        metadata=receiver,
    )
    closed = await transfers.CloseTransfer(
        transfers_pb2.CloseTransferRequest(
            request_id=unique("close"), transfer_id=transfer_id, destination_id=OTHER_STORE, note="broken"
        ),
        metadata=receiver,
    )

    assert foreign.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert dispatched == again
    assert [(one.destination_id, one.quantity_units) for one in on_its_way.in_transit] == [(OTHER_STORE, 2)]
    assert received.transfer.state == transfers_pb2.TRANSFER_STATE_PARTLY_RECEIVED
    assert closed.lost_units == 1
    stored = await transfers.GetTransfer(
        transfers_pb2.GetTransferRequest(transfer_id=transfer_id), metadata=receiver
    )
    assert stored.transfer == closed.transfer
    ledger = await door.stock.ListMovements(
        pb.ListMovementsRequest(document_id=transfer_id), metadata=door.service
    )
    assert [(one.cause, one.quantity_units, one.actor) for one in ledger.movements] == [
        (pb.MOVEMENT_CAUSE_TRANSFER_IN, 1, "bo"),
        (pb.MOVEMENT_CAUSE_TRANSFER_OUT, -2, "ana"),
    ]
    assert (await door.audit()).difference_count == 0


async def test_only_an_operator_forces_a_dispatch(door: Door) -> None:
    sku = unique("SKU")
    transfers = door.processes[0].transfers
    created = await transfers.CreateTransfer(a_transfer_request(sku), metadata=door.service)
    dispatch = transfers_pb2.DispatchTransferRequest(
        request_id=unique("dispatch"),
        transfer_id=created.transfer.transfer_id,
        source_id=STORE,
        forced=True,
    )
    plain = transfers_pb2.DispatchTransferRequest()
    plain.CopyFrom(dispatch)
    plain.forced = False

    with pytest.raises(grpc.aio.AioRpcError) as denied:
        await transfers.DispatchTransfer(dispatch, metadata=door.token("planner"))
    with pytest.raises(grpc.aio.AioRpcError) as short:
        await transfers.DispatchTransfer(plain, metadata=door.token("planner"))
    forced = await transfers.DispatchTransfer(dispatch, metadata=door.token("operator"))

    assert denied.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(short.value) == "INSUFFICIENT_STOCK"
    assert forced.transfer.state == transfers_pb2.TRANSFER_STATE_IN_TRANSIT


async def test_transfers_are_listed_by_place_and_state_newest_first(door: Door) -> None:
    transfers = door.processes[0].transfers
    sku = unique("SKU")
    made = [
        (await transfers.CreateTransfer(a_transfer_request(sku), metadata=door.service)).transfer.transfer_id
        for _ in range(3)
    ]
    await transfers.CancelTransfer(
        transfers_pb2.CancelTransferRequest(
            request_id=unique("cancel"), transfer_id=made[1], source_id=STORE
        ),
        metadata=door.service,
    )
    query = transfers_pb2.ListTransfersRequest(
        location_id=OTHER_STORE, state=transfers_pb2.TRANSFER_STATE_DRAFT, page_size=1
    )

    found: list[str] = []
    while True:
        page = await transfers.ListTransfers(query, metadata=door.service)
        found += [one.transfer_id for one in page.transfers]
        if not page.next_page_token:
            break
        query.page_token = page.next_page_token

    assert found == [made[2], made[0]]
