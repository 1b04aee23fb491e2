"""Who keeps units of a SKU, what moved and why, and whether a SKU's figures agree: read through the door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aljibe.inventory.v1 import availability_pb2 as claims_pb
from aljibe.inventory.v1 import counts_pb2
from aljibe.inventory.v1 import inventory_pb2 as pb
from services.inventory.adapters.postgres.ledger import movement_id_at
from services.inventory.tests.builders import OTHER_STORE, STORE, unique
from services.inventory.tests.conftest import Door
from services.inventory.tests.test_holds_door import create


async def reserve(door: Door, sku: str, location_id: str, quantity_units: int) -> pb.Reservation:
    answer = await door.reservations.ReserveStock(
        pb.ReserveStockRequest(
            order_id=unique("ord"),
            attempt=1,
            picks=[pb.Pick(sku=sku, location_id=location_id, quantity_units=quantity_units)],
            channel_id="web",
        ),
        metadata=door.service,
    )
    return answer.reservation


async def claims(door: Door, sku: str, location_id: str = "", page_size: int = 1) -> list[claims_pb.Claim]:
    request = claims_pb.ListClaimsRequest(sku=sku, location_id=location_id, page_size=page_size)
    found: list[claims_pb.Claim] = []
    while True:
        page = await door.processes[0].explaining.ListClaims(request, metadata=door.token("associate"))
        found += page.claims
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def test_claims_are_reservations_by_location_then_holds(door: Door) -> None:
    """What ended is none; an accepted order's does not expire."""
    sku = unique("SKU")
    await door.receive(9, sku=sku)
    await door.receive(9, sku=sku, location_id=OTHER_STORE)
    here, there = await reserve(door, sku, STORE, 2), await reserve(door, sku, OTHER_STORE, 1)
    ended = await reserve(door, sku, STORE, 3)
    holds = [await create(door, sku, 1), await create(door, sku, 2)]
    await door.reservations.CommitReservation(
        pb.CommitReservationRequest(reservation_id=here.reservation_id), metadata=door.service
    )
    await door.reservations.ReleaseReservation(
        pb.ReleaseReservationRequest(request_id=unique("r"), reservation_id=ended.reservation_id),
        metadata=door.service,
    )

    found = await claims(door, sku)

    kept = {one.document_id: (one.location_id, one.live_units, one.order_id) for one in found}
    assert kept == {
        here.reservation_id: (STORE, 2, here.order_id),
        there.reservation_id: (OTHER_STORE, 1, there.order_id),
        holds[0].hold_id: ("", 1, ""),
        holds[1].hold_id: ("", 2, ""),
    }
    places = [one.location_id for one in found]
    assert places == [*sorted([STORE, OTHER_STORE]), "", ""]
    expiring = {one.document_id for one in found if one.HasField("expire_time")}
    assert expiring == {there.reservation_id, holds[0].hold_id, holds[1].hold_id}
    assert [one.document_id for one in await claims(door, sku, STORE)] == [here.reservation_id]
    assert await claims(door, sku, page_size=0) == found


async def test_the_ledger_is_filtered_by_cause_and_time_and_still_pages(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(5, sku=sku)
    for _ in range(3):
        await door.stock.AdjustStock(
            pb.AdjustStockRequest(
                request_id=unique("adjust"),
                location_id=STORE,
                sku=sku,
                difference_units=-1,
                cause=pb.MOVEMENT_CAUSE_DAMAGE,
                note="dropped",
            ),
            metadata=door.service,
        )

    async def listed(**filters: object) -> list[pb.Movement]:
        request = pb.ListMovementsRequest(sku=sku, page_size=2, **filters)  # type: ignore[arg-type]
        found: list[pb.Movement] = []
        while True:
            page = await door.stock.ListMovements(request, metadata=door.service)
            found += page.movements
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    everything = await listed()
    now = datetime.now(UTC)
    assert len(everything) == 4
    assert await listed(causes=[pb.MOVEMENT_CAUSE_DAMAGE]) == everything[:3]
    assert await listed(causes=[pb.MOVEMENT_CAUSE_RECEIPT], location_id=STORE) == everything[3:]
    assert await listed(record_from=now - timedelta(hours=1), record_until=now + timedelta(hours=1)) == (
        everything
    )
    assert await listed(record_until=now - timedelta(hours=1)) == []
    assert await listed(record_from=now + timedelta(hours=1)) == []


async def test_ids_begin_by_their_time_here_as_in_the_database(door: Door) -> None:
    moment = datetime(2026, 11, 22, 5, 17, 3, 250_000, tzinfo=UTC)

    async with door.db.connection() as conn:
        theirs = await conn.fetchval("SELECT movement_id_at($1)", moment)

    assert movement_id_at(moment) == theirs


async def test_one_sku_is_audited_alone(door: Door) -> None:
    """A drift of its neighbour, whose name it begins, is not its own."""
    sku = unique("SKU")
    neighbour = sku + "-b"
    for one in (sku, neighbour):
        await door.receive(5, sku=one)
    async with door.db.connection() as conn:
        await conn.execute("UPDATE position SET on_hand_units = 7 WHERE sku = $1", neighbour)

    async def audited(*skus: str) -> pb.AuditStockResponse:
        return await door.stock.AuditStock(pb.AuditStockRequest(skus=skus), metadata=door.service)

    clean, wrong = await audited(sku), await audited(neighbour)

    assert (clean.movements, clean.positions, clean.difference_count) == (1, 1, 0)
    assert [(one.rule, one.sku, one.expected_units, one.actual_units) for one in wrong.differences] == [
        ("ON_HAND", neighbour, 5, 7)
    ]


async def test_counts_of_a_location_newest_first(door: Door) -> None:
    counts = door.processes[0].counts
    ids = []
    for location_id in (STORE, OTHER_STORE, STORE, STORE):
        started = await counts.StartCount(
            counts_pb2.StartCountRequest(request_id=unique("c"), location_id=location_id, skus=["SKU-1"]),
            metadata=door.service,
        )
        ids.append(started.count.count_id)
    await counts.CancelCount(
        counts_pb2.CancelCountRequest(request_id=unique("c"), count_id=ids[2], location_id=STORE),
        metadata=door.service,
    )

    first = await counts.ListCounts(
        counts_pb2.ListCountsRequest(location_id=STORE, page_size=2),
        metadata=door.token("associate", locations=(STORE,)),
    )
    rest = await counts.ListCounts(
        counts_pb2.ListCountsRequest(location_id=STORE, page_size=2, page_token=first.next_page_token),
        metadata=door.service,
    )
    open_ones = await counts.ListCounts(
        counts_pb2.ListCountsRequest(location_id=STORE, state=counts_pb2.COUNT_STATE_OPEN),
        metadata=door.service,
    )

    assert [one.count_id for one in (*first.counts, *rest.counts)] == [ids[3], ids[2], ids[0]]
    assert [one.count_id for one in open_ones.counts] == [ids[3], ids[0]]
