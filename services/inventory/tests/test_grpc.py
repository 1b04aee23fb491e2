"""Inventory through its door: its methods, and refusals with their reasons in both languages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.rpc import status_pb2

from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis.errors import error_info_of, raise_if_unmapped, reason_of
from chassis.replica import Block, Replica
from services.inventory.adapters.grpc.errors import table
from services.inventory.domain import refusals
from services.inventory.tests.builders import CLOSED_STORE, OTHER_STORE, STORE, a_location_message, unique
from services.inventory.tests.conftest import Door


def reserve_request(
    *picks: tuple[str, int], order_id: str = "", attempt: int = 1, location_id: str = STORE
) -> pb.ReserveStockRequest:
    return pb.ReserveStockRequest(
        order_id=order_id or unique("ord"),
        attempt=attempt,
        picks=[pb.Pick(sku=sku, location_id=location_id, quantity_units=units) for sku, units in picks],
        channel_id="web",
    )


def test_every_refusal_has_its_answer_in_both_languages() -> None:
    """An unmapped refusal would reach callers as INTERNAL."""
    raise_if_unmapped(table, refusals)

    assert table.covers(refusals.InsufficientStock)


async def test_stock_is_received_reserved_committed_and_consumed(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(5, sku=sku)

    granted = await door.reservations.ReserveStock(reserve_request((sku, 2)), metadata=door.service)
    reservation_id = granted.reservation.reservation_id
    await door.reservations.CommitReservation(
        pb.CommitReservationRequest(reservation_id=reservation_id), metadata=door.service
    )
    consumed = await door.reservations.ConsumeReservation(
        pb.ConsumeReservationRequest(
            request_id=unique("consume"), reservation_id=reservation_id, cause=pb.MOVEMENT_CAUSE_SHIPMENT
        ),
        metadata=door.service,
    )

    assert granted.reservation.state == pb.RESERVATION_STATE_HELD
    assert granted.reservation.HasField("expire_time")
    assert consumed.reservation.state == pb.RESERVATION_STATE_CONSUMED
    page = await door.stock.ListPositions(pb.ListPositionsRequest(sku=sku), metadata=door.service)
    (position,) = page.positions
    assert (position.on_hand_units, position.reserved_units, position.available_units) == (3, 0, 3)
    ledger = await door.stock.ListMovements(pb.ListMovementsRequest(sku=sku), metadata=door.service)
    assert [(one.cause, one.quantity_units) for one in ledger.movements] == [
        (pb.MOVEMENT_CAUSE_SHIPMENT, -2),
        (pb.MOVEMENT_CAUSE_RECEIPT, 5),
    ]
    assert (await door.audit()).difference_count == 0


async def test_insufficient_stock_says_what_was_asked_and_what_there_is(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(1, sku=sku)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await door.reservations.ReserveStock(
            reserve_request((sku, 2)), metadata=door.token("service", language="es")
        )

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    info = error_info_of(caught.value)
    assert info is not None
    assert info.reason == "INSUFFICIENT_STOCK"
    assert '"requested_units":2,"available_units":1' in info.metadata["shortages"]
    details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
    assert b"No hay existencias" in bytes(details)


async def test_a_batch_grants_and_refuses_each_member_by_itself_with_true_figures(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(3, sku=sku)
    requests = [reserve_request((sku, 2)), reserve_request((sku, 2)), reserve_request((sku, 1))]

    answer = await door.reservations.BatchReserveStock(
        pb.BatchReserveStockRequest(requests=requests), metadata=door.service
    )

    assert [one.WhichOneof("outcome") for one in answer.outcomes] == ["granted", "refused", "granted"]
    refused = answer.outcomes[1].refused
    assert refused.reason == "INSUFFICIENT_STOCK"
    assert status_pb2.Status.FromString(refused.status).code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
    (state,) = refused.positions
    assert (state.available_units, state.version) == (0, 2)


@pytest.mark.parametrize(
    ("location_id", "reason"), [("nowhere", "LOCATION_UNKNOWN"), (CLOSED_STORE, "LOCATION_INACTIVE")]
)
async def test_a_pick_at_a_place_that_sells_nothing_is_refused(
    door: Door, location_id: str, reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await door.reservations.ReserveStock(
            reserve_request(("SKU-1", 1), location_id=location_id), metadata=door.service
        )

    assert reason_of(caught.value) == reason


async def test_a_repeated_request_gets_the_first_answer_and_other_content_is_refused(door: Door) -> None:
    sku = unique("SKU")
    request = pb.SellStockRequest(
        request_id=unique("sell"), location_id=STORE, lines=[pb.StockLine(sku=sku, quantity_units=1)]
    )
    other = pb.SellStockRequest()
    other.CopyFrom(request)
    other.lines[0].quantity_units = 2

    answers = await asyncio.gather(*(door.stock.SellStock(request, metadata=door.service) for _ in range(10)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await door.stock.SellStock(other, metadata=door.service)

    assert {one.SerializeToString() for one in answers} == {answers[0].SerializeToString()}
    assert answers[0].positions[0].on_hand_units == -1
    assert reason_of(caught.value) == "REQUEST_ID_REUSED"


async def test_stock_is_loaded_in_chunks_and_a_repeated_chunk_is_harmless(door: Door) -> None:
    chunks = [
        pb.LoadStockRequest(
            request_id=f"load-{number}",
            positions=[
                pb.LoadedPosition(sku=f"L-{number}-{one}", location_id=STORE, quantity_units=one % 3)
                for one in range(500)
            ],
        )
        for number in range(3)
    ]

    async def stream() -> AsyncIterator[pb.LoadStockRequest]:
        for chunk in [*chunks, chunks[0]]:
            yield chunk

    answer = await door.stock.LoadStock(stream(), metadata=door.service)

    assert (answer.chunks, answer.positions) == (4, 2000)
    audit = await door.audit()
    assert (audit.positions, audit.movements, audit.difference_count) == (1500, 999, 0)
    found = await door.stock.GetAvailability(
        pb.GetAvailabilityRequest(channel_id="web", skus=["L-0-2", "L-0-0"]), metadata=door.service
    )
    assert [one.available_units for one in found.availabilities] == [2, 0]


async def test_availability_counts_active_locations_and_follows_every_change(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(4, sku=sku)
    await door.receive(3, sku=sku, location_id=OTHER_STORE)
    await door.receive(9, sku=sku, location_id=CLOSED_STORE)
    await door.stock.SetSafetyStock(
        pb.SetSafetyStockRequest(
            request_id=unique("safety"), location_id=STORE, lines=[pb.SafetyLine(sku=sku, safety_units=1)]
        ),
        metadata=door.service,
    )
    await door.reservations.ReserveStock(reserve_request((sku, 1)), metadata=door.service)

    answer = await door.stock.GetAvailability(
        pb.GetAvailabilityRequest(channel_id="web", skus=[sku, "unknown"], per_location=True),
        metadata=door.service,
    )

    known, unknown = answer.availabilities
    assert known.available_units == 5
    assert [(one.location_id, one.available_units) for one in known.locations] == [
        (STORE, 2),
        (OTHER_STORE, 3),
    ]
    assert unknown.available_units == 0


async def test_a_snapshot_gives_every_position_once(door: Door) -> None:
    skus = [unique("SKU") for _ in range(5)]
    for sku in skus:
        await door.receive(2, sku=sku)

    stream = door.stock.SnapshotAvailability(pb.SnapshotAvailabilityRequest(), metadata=door.service)
    found = [one async for chunk in stream for one in chunk.positions]
    some = door.stock.SnapshotAvailability(
        pb.SnapshotAvailabilityRequest(skus=skus[:2]), metadata=door.service
    )

    assert {one.sku: (one.available_units, one.version) for one in found} == dict.fromkeys(skus, (2, 1))
    assert {one.sku async for chunk in some for one in chunk.positions} == set(skus[:2])


async def test_a_snapshot_in_blocks_says_the_same(door: Door) -> None:
    """SKUs that are at the same locations share a block; others begin another."""
    both, one, more = "B-1", "B-2", "B-3"
    for sku, place in ((both, STORE), (both, OTHER_STORE), (one, STORE), (more, STORE), (more, OTHER_STORE)):
        await door.receive(len(sku + place), sku=sku, location_id=place)
    service, request = door.service, pb.SnapshotAvailabilityRequest

    plain = door.stock.SnapshotAvailability(request(), metadata=service)
    rows = {
        (one.sku, one.location_id, one.available_units, one.version)
        async for chunk in plain
        for one in chunk.positions
    }
    replica = Replica()
    chunks = [
        chunk async for chunk in door.stock.SnapshotAvailability(request(blocks=True), metadata=service)
    ]
    for block in chunks[0].blocks:
        replica.take(
            Block(tuple(block.location_ids), block.skus, block.available_units, list(block.versions))
        )

    assert [list(block.skus) for block in chunks[0].blocks] == [[both], [one], [more]]
    assert len(chunks) == 1
    assert rows == {
        (sku, place, units, replica.version(sku, place))
        for sku in replica.groups()
        for place, units in replica.items(sku)
    }


async def test_lists_page_and_refuse_a_token_of_another_query(door: Door) -> None:
    for number in range(3):
        await door.receive(1, sku=f"P-{number}")
    first = await door.stock.ListPositions(
        pb.ListPositionsRequest(location_id=STORE, page_size=2), metadata=door.service
    )

    second = await door.stock.ListPositions(
        pb.ListPositionsRequest(location_id=STORE, page_size=2, page_token=first.next_page_token),
        metadata=door.service,
    )
    with pytest.raises(grpc.aio.AioRpcError) as forged:
        await door.stock.ListPositions(
            pb.ListPositionsRequest(sku="P-1", page_token=first.next_page_token), metadata=door.service
        )
    with pytest.raises(grpc.aio.AioRpcError) as unfiltered:
        await door.stock.ListPositions(pb.ListPositionsRequest(), metadata=door.service)

    assert [one.sku for one in (*first.positions, *second.positions)] == ["P-0", "P-1", "P-2"]
    assert second.next_page_token == ""
    assert reason_of(forged.value) == "PAGE_TOKEN_INVALID"
    assert reason_of(unfiltered.value) == "FILTER_MISSING"


async def test_a_count_corrects_the_book_and_an_adjustment_says_why(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(5, sku=sku)

    counted = await door.stock.CountStock(
        pb.CountStockRequest(
            request_id=unique("count"), location_id=STORE, lines=[pb.CountedLine(sku=sku, counted_units=3)]
        ),
        metadata=door.service,
    )
    adjusted = await door.stock.AdjustStock(
        pb.AdjustStockRequest(
            request_id=unique("adjust"),
            location_id=STORE,
            sku=sku,
            difference_units=-1,
            cause=pb.MOVEMENT_CAUSE_DAMAGE,
            note="fell from the shelf",
        ),
        metadata=door.service,
    )

    assert (counted.difference_units, counted.positions[0].on_hand_units) == (2, 3)
    assert adjusted.position.on_hand_units == 2
    ledger = await door.stock.ListMovements(
        pb.ListMovementsRequest(sku=sku, location_id=STORE, page_size=1), metadata=door.service
    )
    assert (ledger.movements[0].note, ledger.movements[0].actor) == ("fell from the shelf", "service:orders")
    assert ledger.next_page_token != ""


async def test_locations_are_listed_in_order_and_wrong_ones_refused(door: Door) -> None:
    wrong = a_location_message("wrong")
    wrong.time_zone = "Mars/Olympus"

    first = await door.locations.ListLocations(pb.ListLocationsRequest(page_size=2), metadata=door.service)
    rest = await door.locations.ListLocations(
        pb.ListLocationsRequest(page_size=2, page_token=first.next_page_token), metadata=door.service
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await door.locations.UpsertLocations(
            pb.UpsertLocationsRequest(request_id=unique("locations"), locations=[wrong]),
            metadata=door.service,
        )

    listed = [one.location_id for one in (*first.locations, *rest.locations)]
    assert listed == [STORE, OTHER_STORE, CLOSED_STORE]
    assert first.locations[0] == a_location_message(STORE)
    assert reason_of(caught.value) == "TIME_ZONE_UNKNOWN"


async def test_a_location_says_when_it_works_and_how_much(door: Door) -> None:
    """Whoever promises dates reads it; what was not said is told from zero."""
    place = a_location_message("works")
    place.handover_days.extend([1, 3])
    place.holidays.add(date="2026-12-25")
    place.holidays.add(date="2026-12-24").hours.add(open_minute=540, close_minute=780)
    place.holidays.sort(key=lambda one: one.date)
    place.ship_cut_off_minute = 840
    place.preparation_minutes = 0
    place.daily_capacity_units = 400
    wrong = a_location_message("wrong")
    wrong.holidays.add(date="2026-02-30")

    await _upsert(door, place)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _upsert(door, wrong)
    found = await door.locations.GetLocation(
        pb.GetLocationRequest(location_id="works"), metadata=door.service
    )
    await _upsert(door, a_location_message("works"))
    bare = await door.locations.GetLocation(pb.GetLocationRequest(location_id="works"), metadata=door.service)

    assert found.location == place
    assert reason_of(caught.value) == "HOLIDAY_INVALID"
    assert bare.location == a_location_message("works")
    assert not bare.location.HasField("preparation_minutes")


async def _upsert(door: Door, place: pb.Location) -> None:
    await door.locations.UpsertLocations(
        pb.UpsertLocationsRequest(request_id=unique("locations"), locations=[place]), metadata=door.service
    )


async def test_a_change_in_one_process_reaches_the_replica_of_another(door: Door) -> None:
    """Two processes of inventory answer availability alike."""
    sku = unique("SKU")
    await door.receive(1, sku=sku)
    other = await door.start()

    await door.receive(6, sku=sku)

    async with asyncio.timeout(5):
        while True:
            answer = await other.stock.GetAvailability(
                pb.GetAvailabilityRequest(channel_id="web", skus=[sku]), metadata=door.service
            )
            if answer.availabilities[0].available_units == 7:
                break
    assert answer.availabilities[0].available_units == 7


async def test_an_unaccepted_reservation_expires_and_its_units_return(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(1, sku=sku)
    granted = await door.reservations.ReserveStock(reserve_request((sku, 1)), metadata=door.service)
    reservation_id = granted.reservation.reservation_id

    async with door.db.transaction() as conn:
        await conn.execute(
            "UPDATE reservation SET expire_time = now() WHERE reservation_id = $1", reservation_id
        )

    async with asyncio.timeout(5):
        while True:
            found = await door.reservations.GetReservation(
                pb.GetReservationRequest(reservation_id=reservation_id), metadata=door.service
            )
            if found.reservation.state == pb.RESERVATION_STATE_EXPIRED:
                break
    again = await door.reservations.ReserveStock(reserve_request((sku, 1)), metadata=door.service)
    assert again.reservation.state == pb.RESERVATION_STATE_HELD
    assert (await door.audit()).difference_count == 0
