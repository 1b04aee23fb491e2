"""Backorders: the rules on the fake and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.inventory.v1 import backorders_pb2 as pb_backorders
from aljibe.inventory.v1 import events_pb2 as facts
from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.inventory.v1 import supply_pb2
from chassis.errors import reason_of
from chassis.postgres import Database
from services.inventory.adapters.postgres.audit import audit
from services.inventory.adapters.postgres.auditor import audit_skus
from services.inventory.domain import refusals as no
from services.inventory.domain.backorder import Mode, SupplyPick, Terms
from services.inventory.domain.reserving import Commit, Consume, Release, Reserve, Reserved
from services.inventory.domain.stock import Cause, Pick, State
from services.inventory.domain.supply import CloseSupply, ReceiveSupply, Units, UpsertSupply
from services.inventory.domain.terms import RemoveTerms, SetTerms
from services.inventory.tests.builders import (
    NOW,
    SKU,
    STORE,
    a_limit,
    a_receipt,
    a_reserve,
    a_sale,
    an_origin,
    unique,
)
from services.inventory.tests.conftest import Door
from services.inventory.tests.contract import Stock, in_postgres

TOMORROW = NOW + timedelta(days=1)
NEXT_WEEK = NOW + timedelta(days=7)
SUPPLY = "PO-1"


def some_terms(
    *,
    sku: str = SKU,
    channel_id: str = "*",
    mode: Mode = Mode.BACKORDER,
    release_days: int = 0,
    furthest_days: int = 0,
    share_percent: int = 100,
) -> SetTerms:
    release = NOW + timedelta(days=release_days) if release_days else None
    return SetTerms((Terms(sku, channel_id, mode, release, furthest_days, share_percent),))


def expected(units: int = 10, *, sku: str = SKU, days: int = 1, supply_id: str = SUPPLY) -> UpsertSupply:
    return UpsertSupply(supply_id, STORE, NOW + timedelta(days=days), ((sku, units),))


def came(*units: Units, supply_id: str = SUPPLY) -> ReceiveSupply:
    return ReceiveSupply(supply_id, STORE, units, an_origin(supply_id))


def a_wait(
    units: int = 1,
    *,
    sku: str = SKU,
    supply_id: str = SUPPLY,
    order_id: str = "",
    picks: tuple[Pick, ...] = (),
    channel_id: str = "web",
    customer_id: str = "",
    location_id: str = STORE,
) -> Reserve:
    return Reserve(
        order_id or unique("ord"),
        1,
        picks,
        channel_id=channel_id,
        customer_id=customer_id,
        supply_picks=(SupplyPick(sku, location_id, supply_id, units),),
    )


async def waits(stock: Stock, *units: int) -> list[str]:
    """Reservations of accepted orders that wait, in order of arrival."""
    ids: list[str] = []
    for one in units:
        stock.clock.now += timedelta(seconds=1)
        made: Reserved = await stock.do(a_wait(one))
        await stock.do(Commit(made.reservation.reservation_id))
        ids.append(made.reservation.reservation_id)
    return ids


def told(stock: Stock, kind: type[Any]) -> list[tuple[str, int]]:
    return [(one.reservation_id, one.units.quantity_units) for one in stock.told(kind)]


async def test_a_supply_is_never_promised_beyond_what_it_brings(stock: Stock) -> None:
    await stock.post(some_terms(), expected(5))

    outcomes = await stock.post(a_wait(3), a_wait(3), a_wait(2), a_wait(1))

    granted = [isinstance(one, Reserved) for one in outcomes]
    assert granted == [True, False, True, False]
    assert isinstance(outcomes[1], no.InsufficientStock)
    assert outcomes[1].shortages == (no.Shortage(SKU, STORE, 3, 2),)
    assert await stock.position() == (0, 0)
    await stock.audit()


async def test_goods_that_come_are_reserved_in_order_of_arrival_before_anybody_else_has_a_chance(
    stock: Stock,
) -> None:
    await stock.post(some_terms(), expected(10))
    first, second, third = await waits(stock, 2, 2, 2)

    outcomes = await stock.post(came((SKU, 3)), a_reserve(1))

    assert isinstance(outcomes[1], no.InsufficientStock)
    assert await stock.position() == (3, 3)
    assert told(stock, facts.BackorderArrived) == [(first, 2), (second, 1)]
    assert [(await stock.reservation(one)).live_units for one in (first, second, third)] == [2, 2, 2]
    (waiting,) = (await stock.reservation(second)).backorders
    assert (waiting.live_units, waiting.arrived_units) == (1, 1)
    await stock.audit()


async def test_what_came_leaves_like_any_reserved_unit(stock: Stock) -> None:
    await stock.post(some_terms(), expected(10), a_receipt(1))
    made = await stock.do(a_wait(2, picks=(Pick(SKU, STORE, 1),)))
    reservation_id = made.reservation.reservation_id
    await stock.do(Commit(reservation_id))

    await stock.do(came((SKU, 2)))
    pick = (Pick(SKU, STORE, 3),)
    await stock.do(Consume(reservation_id, pick, Cause.SHIPMENT, an_origin()))

    assert (await stock.reservation(reservation_id)).state is State.CONSUMED
    assert await stock.position() == (0, 0)
    await stock.audit()


async def test_more_than_was_promised_is_for_everybody(stock: Stock) -> None:
    await stock.post(some_terms(), expected(3))
    await waits(stock, 2)

    await stock.do(came((SKU, 3)))

    assert await stock.position() == (3, 2)
    assert isinstance(await stock.do(a_reserve(1)), Reserved)
    await stock.audit()


async def test_a_supply_that_brings_less_is_taken_from_who_came_last(stock: Stock) -> None:
    await stock.post(some_terms(), expected(6))
    first, second, third = await waits(stock, 2, 2, 2)

    await stock.do(expected(3))

    assert told(stock, facts.BackorderCut) == [(third, 2), (second, 1)]
    assert (await stock.reservation(third)).state is State.RELEASED
    assert [(await stock.reservation(one)).live_units for one in (first, second)] == [2, 1]
    await stock.audit()


async def test_a_closed_supply_breaks_what_it_was_promised_for(stock: Stock) -> None:
    await stock.post(some_terms(), expected(6))
    first, second = await waits(stock, 2, 2)

    await stock.do(came((SKU, 3)))
    await stock.do(CloseSupply(SUPPLY, STORE))

    assert told(stock, facts.BackorderArrived) == [(first, 2), (second, 1)]
    assert told(stock, facts.BackorderCut) == [(second, 1)]
    assert (await stock.reservation(second)).live_units == 1
    await stock.audit()


async def test_who_waits_is_told_of_another_time(stock: Stock) -> None:
    await stock.post(some_terms(), expected(6))
    (waiting,) = await waits(stock, 2)

    await stock.do(expected(6, days=7))

    (moved,) = stock.told(facts.BackorderMoved)
    assert (moved.reservation_id, moved.units.quantity_units) == (waiting, 2)
    assert moved.expected_time.ToDatetime() == NEXT_WEEK.replace(tzinfo=None)
    await stock.audit()


async def test_what_befalls_an_order_before_it_is_accepted_is_told_with_its_acceptance(stock: Stock) -> None:
    """Orders could not place it earlier: the order does not exist yet."""
    await stock.post(some_terms(), expected(6))
    made = await stock.do(a_wait(4))
    reservation_id = made.reservation.reservation_id
    await stock.do(came((SKU, 1)))
    await stock.do(expected(4, days=7))
    await stock.do(expected(3, days=7))

    before = [*stock.told(facts.BackorderArrived), *stock.told(facts.BackorderMoved)]
    await stock.do(Commit(reservation_id))

    assert before == []
    assert told(stock, facts.BackorderArrived) == [(reservation_id, 1)]
    assert told(stock, facts.BackorderMoved) == [(reservation_id, 2)]
    (lost,) = stock.told(facts.ReservationLost)
    assert [(one.supply_id, one.quantity_units) for one in lost.supply_picks] == [(SUPPLY, 1)]
    await stock.audit()


async def test_what_is_given_back_can_be_promised_again(stock: Stock) -> None:
    await stock.post(some_terms(), expected(2))
    (first,) = await waits(stock, 2)

    some = Release(first, supply_picks=(SupplyPick(SKU, STORE, SUPPLY, 1),))
    too_many = Release(first, supply_picks=(SupplyPick(SKU, STORE, SUPPLY, 2),))
    outcomes = await stock.post(some, a_wait(1), a_wait(1), too_many, Release(first), a_wait(1))

    kinds = [type(one).__name__ for one in outcomes]
    assert kinds == [
        "Reservation",
        "Reserved",
        "InsufficientStock",
        "QuantityTooHigh",
        "Reservation",
        "Reserved",
    ]
    assert (await stock.reservation(first)).state is State.RELEASED
    await stock.audit()


async def test_giving_back_what_was_waited_for_never_touches_what_has_come(stock: Stock) -> None:
    """Orders may not have heard that it came; it gives that back by itself."""
    await stock.post(some_terms(), expected(2))
    (waiting,) = await waits(stock, 2)
    await stock.do(came((SKU, 1)))

    pick = SupplyPick(SKU, STORE, SUPPLY, 2)
    await stock.do(Release(waiting, tolerant=True, supply_picks=(pick,)))

    assert (await stock.reservation(waiting)).live_units == 1
    assert await stock.position() == (1, 1)
    await stock.audit()


async def test_a_wait_that_is_not_accepted_expires(stock: Stock) -> None:
    await stock.post(some_terms(), expected(2))
    made = await stock.do(a_wait(2))

    ended = await stock.expire(timedelta(hours=1))
    again = await stock.do(a_wait(2))
    await stock.do(Commit(made.reservation.reservation_id, tolerant=True))

    assert ended == [True]
    assert again.reservation.live_units == 2
    (lost,) = stock.told(facts.ReservationLost)
    assert [(one.supply_id, one.quantity_units) for one in lost.supply_picks] == [(SUPPLY, 2)]
    await stock.audit()


async def test_goods_that_came_for_an_expired_wait_are_not_taken_back_from_others(stock: Stock) -> None:
    await stock.post(some_terms(), expected(2), a_receipt(1))
    made = await stock.do(a_wait(2, picks=(Pick(SKU, STORE, 1),)))
    await stock.do(came((SKU, 1)))
    await stock.expire(timedelta(hours=1))

    await stock.do(Commit(made.reservation.reservation_id, tolerant=True))

    (lost,) = stock.told(facts.ReservationLost)
    assert [(one.supply_id, one.quantity_units) for one in lost.supply_picks] == [(SUPPLY, 2)]
    assert list(lost.picks) == []
    assert await stock.position() == (2, 1)
    await stock.audit()


async def test_a_repeat_finds_its_wait_also_when_goods_have_come(stock: Stock) -> None:
    await stock.post(some_terms(), expected(2))
    wanted = a_wait(2)
    made = await stock.do(wanted)
    await stock.do(came((SKU, 1)))

    repeated = await stock.do(wanted)
    (other,) = await stock.post(
        replace(wanted, supply_picks=(replace(wanted.supply_picks[0], quantity_units=1),))
    )

    assert repeated.existed
    assert repeated.reservation.reservation_id == made.reservation.reservation_id
    assert isinstance(other, no.ReservationDiffers)
    await stock.audit()


async def test_terms_say_who_may_sell_what_is_to_come_and_how_much_of_it(stock: Stock) -> None:
    await stock.post(expected(10), expected(10, sku="B", days=40, supply_id="PO-2"))
    without = await stock.post(a_wait(1))
    await stock.post(some_terms(share_percent=50, furthest_days=30), some_terms(sku="B", furthest_days=30))
    await stock.post(some_terms(channel_id="store", share_percent=80))

    outcomes = await stock.post(
        a_wait(6),
        a_wait(5),
        a_wait(4, channel_id="store"),
        a_wait(3, channel_id="store"),
        a_wait(1, sku="B", supply_id="PO-2"),
        a_wait(1, supply_id="PO-unknown"),
        a_wait(1, location_id="nowhere"),
    )

    assert isinstance(without[0], no.InsufficientStock)
    assert [isinstance(one, Reserved) for one in outcomes] == [False, True, False, True, False, False, False]
    assert isinstance(outcomes[-1], no.LocationUnknown)
    await stock.audit()


async def test_a_preorder_ends_with_the_release_and_late_goods_are_promised_to_nobody(stock: Stock) -> None:
    await stock.post(some_terms(mode=Mode.PREORDER, release_days=3), expected(10, days=7))
    before = await stock.do(a_wait(1))
    stock.clock.now += timedelta(days=3)
    (after,) = await stock.post(a_wait(1))
    await stock.do(some_terms())
    still = await stock.do(a_wait(1))
    stock.clock.now += timedelta(days=4)
    (late,) = await stock.post(a_wait(1))

    assert isinstance(before, Reserved)
    assert isinstance(after, no.InsufficientStock)
    assert isinstance(still, Reserved)
    assert isinstance(late, no.InsufficientStock)


async def test_terms_are_checked_and_removed_as_a_whole(stock: Stock) -> None:
    outcomes = await stock.post(
        some_terms(mode=Mode.PREORDER),
        some_terms(release_days=1),
        RemoveTerms(((SKU, "*"),)),
        some_terms(),
        RemoveTerms(((SKU, "*"), (SKU, "web"))),
        RemoveTerms(((SKU, "*"),)),
        RemoveTerms(((SKU, "*"),)),
    )
    (refused,) = (await stock.post(expected(1), a_wait(1)))[1:]

    assert [type(one).__name__ for one in outcomes] == [
        "TermsInvalid",
        "TermsInvalid",
        "TermsUnknown",
        "list",
        "TermsUnknown",
        "int",
        "TermsUnknown",
    ]
    assert isinstance(refused, no.InsufficientStock)


async def test_a_channel_without_terms_of_its_own_again_has_those_of_every_channel(stock: Stock) -> None:
    await stock.post(
        some_terms(), some_terms(channel_id="web", mode=Mode.PREORDER, release_days=-1), expected(10)
    )
    (refused,) = await stock.post(a_wait(1))
    removed, granted = await stock.post(RemoveTerms(((SKU, "web"),)), a_wait(1))

    assert isinstance(refused, no.InsufficientStock)
    assert removed == 1
    assert isinstance(granted, Reserved)


async def test_a_limit_per_buyer_counts_what_they_wait_for(stock: Stock) -> None:
    await stock.post(some_terms(), expected(10), a_limit(3))
    await stock.do(a_wait(2, customer_id="ana"))
    await stock.do(came((SKU, 1)))

    outcomes = await stock.post(a_wait(2, customer_id="ana"), a_wait(1, customer_id="ana"))

    assert isinstance(outcomes[0], no.BuyerLimitExceeded)
    assert outcomes[0].left_units == 1
    assert isinstance(outcomes[1], Reserved)
    await stock.audit()


async def test_what_a_till_took_too_much_is_missing_when_goods_come(stock: Stock) -> None:
    """The book was below zero, so what came covers less than it seems; the others go on waiting, or hear."""
    await stock.post(some_terms(), expected(4), a_sale(2))
    first, second = await waits(stock, 2, 2)

    await stock.do(came((SKU, 4)))

    assert await stock.position() == (2, 2)
    assert told(stock, facts.BackorderArrived) == [(first, 2)]
    assert told(stock, facts.BackorderCut) == [(second, 2)]
    await stock.audit()


async def test_nothing_is_reserved_without_picks(stock: Stock) -> None:
    (refused,) = await stock.post(Reserve("ord-0", 1, ()))

    assert isinstance(refused, no.PicksMissing)


# ---- on PostgreSQL alone


async def test_buyers_of_the_last_units_to_come_get_no_more_than_these(db: Database) -> None:
    """Each buyer comes on its own, so that as many transactions race as there are connections."""
    stock = await in_postgres(db)
    await stock.post(some_terms(), expected(5))

    outcomes = await asyncio.gather(*(stock.post(a_wait(1)) for _ in range(40)))

    assert sum(isinstance(one, Reserved) for (one,) in outcomes) == 5
    await stock.audit()


async def test_a_receipt_is_not_outrun_by_buyers_of_what_is_there(db: Database) -> None:
    """Buyers try for the goods all the while they come in; who waited has them."""
    stock = await in_postgres(db)
    await stock.post(some_terms(), expected(6))
    ids = await waits(stock, 2, 2, 2)

    crowd = [stock.post(a_reserve(1)) for _ in range(20)]
    more = [stock.post(a_reserve(1)) for _ in range(20)]
    outcomes = await asyncio.gather(*crowd, stock.post(came((SKU, 6))), *more)

    assert not any(isinstance(one, Reserved) for (one,) in outcomes)
    assert await stock.position() == (6, 6)
    assert [(await stock.reservation(one)).live_units for one in ids] == [2, 2, 2]
    await stock.audit()


@pytest.mark.parametrize(
    ("drift", "rule"),
    [
        ("UPDATE supply_line SET promised_units = 1", "SUPPLY_PROMISED"),
        ("UPDATE supply SET state = 4", "PROMISED_ABOVE_SUPPLY"),
        ("UPDATE reservation SET on_supply = false", "BACKORDER"),
        ("UPDATE reservation SET state = 4", "BACKORDER"),
        ("DELETE FROM backorder", "SUPPLY_PROMISED"),
    ],
)
async def test_both_audits_find_a_planted_drift(db: Database, drift: str, rule: str) -> None:
    stock = await in_postgres(db)
    await stock.post(some_terms(), expected(5), a_wait(2), a_receipt(1))
    await stock.audit()

    async with db.connection() as conn:
        await conn.execute(drift)
    whole, running = await audit(db, 10), await audit_skus(db, [SKU], 10)

    assert rule in {one.rule for one in whole.differences}
    assert rule in {one.rule for one in running.differences}


async def test_terms_and_who_waits_are_seen_through_the_door(door: Door) -> None:
    sku, supply_id = unique("SKU"), unique("PO")
    process = door.processes[0]
    expected_time = Timestamp()
    expected_time.FromDatetime(datetime.now(UTC) + timedelta(days=3))
    terms = supply_pb2.BackorderTerms(
        sku=sku, channel_id="*", mode=supply_pb2.BACKORDER_MODE_BACKORDER, share_percent=50
    )
    planner = door.token("planner")

    await process.backorders.SetBackorderTerms(
        pb_backorders.SetBackorderTermsRequest(request_id=unique("set"), terms=[terms]), metadata=planner
    )
    await process.supply.UpsertSupply(
        supply_pb2.UpsertSupplyRequest(
            request_id=unique("upsert"),
            supply_id=supply_id,
            location_id=STORE,
            expected_time=expected_time,
            lines=[supply_pb2.SupplyUnits(sku=sku, quantity_units=4)],
        ),
        metadata=planner,
    )
    wanted = pb.ReserveStockRequest(
        order_id=unique("ord"),
        attempt=1,
        channel_id="web",
        supply_picks=[pb.SupplyPick(sku=sku, location_id=STORE, supply_id=supply_id, quantity_units=2)],
    )
    made = (await process.reservations.ReserveStock(wanted, metadata=door.service)).reservation
    wanted.attempt = 2
    with pytest.raises(grpc.aio.AioRpcError) as short:
        await process.reservations.ReserveStock(wanted, metadata=door.service)
    listed = await process.backorders.ListBackorders(
        pb_backorders.ListBackordersRequest(sku=sku), metadata=planner
    )
    stands = await process.backorders.ListBackorderTerms(
        pb_backorders.ListBackorderTermsRequest(sku=sku), metadata=planner
    )
    supplies = await process.supply.ListSupply(supply_pb2.ListSupplyRequest(sku=sku), metadata=planner)
    snapshot = [
        chunk
        async for chunk in process.backorders.SnapshotInbound(
            pb_backorders.SnapshotInboundRequest(skus=[sku]), metadata=door.service
        )
    ]
    got = await process.reservations.GetReservation(
        pb.GetReservationRequest(reservation_id=made.reservation_id), metadata=door.service
    )

    assert reason_of(short.value) == "INSUFFICIENT_STOCK"
    assert [(one.supply_id, one.live_units) for one in made.backorders] == [(supply_id, 2)]
    assert got.reservation == made
    assert [(one.order_id, one.live_units) for one in listed.backorders] == [(made.order_id, 2)]
    assert [(one.sku, one.share_percent) for one in stands.terms] == [(sku, 50)]
    assert supplies.supplies[0].lines[0].promised_units == 2
    (told_terms,) = [one for chunk in snapshot for one in chunk.terms]
    (told_supply,) = [one for chunk in snapshot for one in chunk.supplies]
    assert told_terms == stands.terms[0]
    assert list(told_supply.promised_units) == [2]
