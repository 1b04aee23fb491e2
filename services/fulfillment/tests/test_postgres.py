"""What only PostgreSQL can show: races, rollback, checks, and the events in the outbox."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from aljibe.fulfillment.v1 import events_pb2
from chassis.postgres import Connection, Database
from services.fulfillment.adapters.postgres.orders import PostgresFulfillmentOrders, read, read_page
from services.fulfillment.domain import refusals
from services.fulfillment.domain.facts import Disposition
from services.fulfillment.domain.fulfillment_order import LIVE, FulfillmentOrder, Method, Opening, State
from services.fulfillment.domain.returns import ReturnedUnits
from services.fulfillment.tests.builders import (
    ACTOR,
    CODE,
    NOW,
    WORK,
    a_ready_pickup,
    a_shipped_order,
    an_opening,
    an_order,
    lines_of,
)
from services.fulfillment.usecases.act import act
from services.fulfillment.usecases.cancel_units import Part, cancel_units
from services.fulfillment.usecases.expire_overdue import expire_overdue
from services.fulfillment.usecases.hand_over import hand_over
from services.fulfillment.usecases.open_orders import open_orders
from services.fulfillment.usecases.ports import Work
from services.fulfillment.usecases.receive_return import receive_return

RACERS = 8


def anybody(order: FulfillmentOrder) -> None:
    """Everybody may."""


async def keep(db: Database, *orders: FulfillmentOrder) -> None:
    """Store orders in whatever state they are."""
    async with db.transaction() as conn:
        store = PostgresFulfillmentOrders(conn)
        for order in orders:
            told, order.told = order.told, order.told[:1]
            await store.open([order_at_birth(order)])
            order.told = told[1:]
            await store.save([order])


def order_at_birth(order: FulfillmentOrder) -> FulfillmentOrder:
    return an_order(*(line.quantity_units for line in order.lines), opening=order.opening)


async def events(db: Database, fulfillment_order_id: str) -> list[tuple[int, str]]:
    async with db.connection() as conn:
        rows = await conn.fetch(
            "SELECT sequence, type FROM outbox WHERE aggregate_id = $1 ORDER BY sequence",
            fulfillment_order_id,
        )
    return [(row["sequence"], row["type"].rpartition(".")[2]) for row in rows]


async def test_two_associates_pick_the_same_unit_and_one_gets_it(db: Database) -> None:
    opening = an_opening()
    await keep(db, an_order(1, opening=opening))

    async def pick(conn: Connection) -> None:
        await act(
            PostgresFulfillmentOrders(conn),
            opening.fulfillment_order_id,
            anybody,
            lambda order: order.pick({1: 1}, now=NOW, actor=ACTOR),
        )

    outcomes = await asyncio.gather(*(db.run(pick) for _ in range(RACERS)), return_exceptions=True)

    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, refusals.WrongState) for outcome in outcomes) == RACERS - 1
    assert await events(db, opening.fulfillment_order_id) == [
        (1, "FulfillmentOrderOpened"),
        (2, "PickingStarted"),
        (3, "UnitsPicked"),
    ]


async def test_the_right_code_twice_at_once_hands_over_once(db: Database) -> None:
    order = a_ready_pickup(2)
    await keep(db, order)

    async def once(conn: Connection) -> object:
        return await hand_over(PostgresFulfillmentOrders(conn), order.id, anybody, CODE, WORK)

    outcomes = await asyncio.gather(*(db.run(once) for _ in range(RACERS)), return_exceptions=True)

    assert sum(isinstance(outcome, FulfillmentOrder) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, refusals.WrongState) for outcome in outcomes) == RACERS - 1
    assert (await events(db, order.id))[-1] == (order.event_sequence + 1, "OrderHandedOver")


async def test_guesses_at_once_never_exceed_the_tries(db: Database) -> None:
    """The count is taken under the lock of the check, or a thousand guesses could run side by side."""
    order = a_ready_pickup(1)
    await keep(db, order)

    async def guess(number: int) -> object:
        async def once(conn: Connection) -> object:
            return await hand_over(PostgresFulfillmentOrders(conn), order.id, anybody, f"{number:06d}", WORK)

        return await db.run(once)

    outcomes = await asyncio.gather(*(guess(number) for number in range(20)), return_exceptions=True)

    assert sum(isinstance(outcome, refusals.CodeWrong) for outcome in outcomes) == 5
    assert sum(isinstance(outcome, refusals.CodeLocked) for outcome in outcomes) == 15


async def test_picking_and_taking_out_at_once_leaves_one_winner(db: Database) -> None:
    opening = an_opening()
    await keep(db, an_order(1, opening=opening))

    async def pick(conn: Connection) -> None:
        await act(
            PostgresFulfillmentOrders(conn),
            opening.fulfillment_order_id,
            anybody,
            lambda order: order.pick({}, now=NOW, actor=ACTOR),
        )

    async def cancel(conn: Connection) -> None:
        await cancel_units(PostgresFulfillmentOrders(conn), [Part(opening, lines_of(1), {1: 1})], "r", WORK)

    outcomes = await asyncio.gather(db.run(pick), db.run(cancel), return_exceptions=True)

    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, refusals.Refusal) for outcome in outcomes) == 1


async def test_opening_and_cancelling_at_once_open_once(db: Database) -> None:
    """The event and the call may arrive in the same millisecond, for many parts in any order."""
    openings = [an_opening() for _ in range(20)]

    async def open_all(conn: Connection) -> None:
        await open_orders(
            PostgresFulfillmentOrders(conn), [(opening, lines_of(1)) for opening in reversed(openings)], WORK
        )

    async def cancel_all(conn: Connection) -> None:
        parts = [Part(opening, lines_of(1), {1: 1}) for opening in openings]
        await cancel_units(PostgresFulfillmentOrders(conn), parts, "r", WORK)

    await asyncio.gather(*(db.run(fn) for fn in (open_all, cancel_all, open_all)))

    async with db.connection() as conn:
        states = await conn.fetch("SELECT state, version FROM fulfillment_order")
    assert [(row["state"], row["version"]) for row in states] == [("CANCELLED", 2)] * 20
    assert await events(db, openings[0].fulfillment_order_id) == [
        (1, "FulfillmentOrderOpened"),
        (2, "UnitsTakenOut"),
    ]


async def test_returns_at_once_never_exceed_what_was_delivered(db: Database) -> None:
    order = a_shipped_order(3)
    await keep(db, order)

    async def one_back(number: int) -> object:
        async def once(conn: Connection) -> object:
            return await receive_return(
                PostgresFulfillmentOrders(conn),
                order.opening.order_id,
                [ReturnedUnits(1, 1, Disposition.RESTOCK)],
                return_id=f"ret_{number}",
                receiving_location_id="store-1",
                work=WORK,
            )

        return await db.run(once)

    outcomes = await asyncio.gather(*(one_back(number) for number in range(RACERS)), return_exceptions=True)

    assert sum(isinstance(outcome, list) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, refusals.QuantityTooHigh) for outcome in outcomes) == RACERS - 3
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT sum(quantity_units) FROM goods_return") == 3


async def test_instances_share_the_sweep_and_expire_each_pickup_once(db: Database) -> None:
    pickups = [a_ready_pickup(1) for _ in range(10)]
    await keep(db, *pickups)
    later = Work("service:fulfillment", NOW + timedelta(days=30))

    async def sweep(conn: Connection) -> int:
        return await expire_overdue(PostgresFulfillmentOrders(conn), later, limit=4)

    counts = await asyncio.gather(*(db.run(sweep) for _ in range(6)))

    counts += [await db.run(sweep) for _ in range(3)]
    assert sum(counts) == 10
    for pickup in pickups:
        assert [name for _, name in await events(db, pickup.id)].count("PickupExpired") == 1


async def test_a_pickup_that_is_being_handed_over_is_not_expired(db: Database) -> None:
    order = a_ready_pickup(1)
    await keep(db, order)
    later = Work("service:fulfillment", NOW + timedelta(days=30))

    async with db.transaction() as busy:
        await PostgresFulfillmentOrders(busy).lock([order.id])
        async with db.transaction() as sweeper:
            expired = await expire_overdue(PostgresFulfillmentOrders(sweeper), later)

    assert expired == 0


async def test_a_change_that_rolls_back_leaves_no_event(db: Database) -> None:
    order = an_order(1)
    await keep(db, order)

    async def pick_and_fail(conn: Connection) -> None:
        await act(
            PostgresFulfillmentOrders(conn),
            order.id,
            anybody,
            lambda found: found.pick({}, now=NOW, actor=ACTOR),
        )
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError):
        await db.run(pick_and_fail)

    assert await events(db, order.id) == [(1, "FulfillmentOrderOpened")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fulfillment_line SET picked_units = quantity_units, short_units = 1",
        "UPDATE fulfillment_line SET returned_units = picked_units + 1",
        "UPDATE fulfillment_line SET picked_units = -1",
        "UPDATE fulfillment_order SET state = 'READY'",
        "UPDATE fulfillment_order SET pickup_code = '123456'",
        "UPDATE fulfillment_order SET state = 'HANDED_OVER'",
        "UPDATE fulfillment_order SET state = 'SHIPPED'",
        "UPDATE fulfillment_order SET state = 'LOST'",
    ],
)
async def test_the_database_refuses_what_cannot_be(db: Database, statement: str) -> None:
    await keep(db, an_order(2))

    async with db.connection() as conn:
        with pytest.raises(asyncpg.CheckViolationError):
            await conn.execute(statement)


async def test_the_code_is_in_no_event(db: Database) -> None:
    order = a_ready_pickup(1)
    await keep(db, order)

    async with db.connection() as conn:
        payloads = [row["payload"] for row in await conn.fetch("SELECT payload FROM outbox")]

    assert len(payloads) == 4
    assert not any(CODE.encode() in payload for payload in payloads)


async def test_events_say_who_where_and_what(db: Database) -> None:
    order = a_shipped_order(2, 1)
    await keep(db, order)

    async with db.connection() as conn:
        payload = await conn.fetchval("SELECT payload FROM outbox WHERE type LIKE '%OrderShipped'")

    shipped = events_pb2.OrderShipped.FromString(payload)
    origin = shipped.origin
    assert (origin.fulfillment_order_id, origin.order_id) == (order.id, order.opening.order_id)
    assert (origin.location_id, origin.reservation_id, origin.actor) == ("store-1", "rsv_1", ACTOR)
    assert [(one.line_number, one.sku, one.quantity_units) for one in shipped.units] == [
        (1, "sku-1", 2),
        (2, "sku-2", 1),
    ]


async def test_the_work_list_is_by_promise_and_pages_without_loss(db: Database) -> None:
    openings = [replace(an_opening(), promise_time=NOW + timedelta(hours=hours)) for hours in (3, 1, 2, 1)]
    await keep(db, *(an_order(1, opening=opening) for opening in openings))
    await keep(db, a_shipped_order(1), an_order(1, opening=an_opening(location_id="store-2")))

    seen: list[FulfillmentOrder] = []
    after = None
    async with db.connection() as conn:
        while page := await read_page(conn, "store-1", "", LIVE, after, 3):
            seen += page
            after = (page[-1].opening.promise_time, page[-1].id)

    expected = sorted(openings, key=lambda opening: (opening.promise_time, opening.fulfillment_order_id))
    assert [order.opening for order in seen] == expected


@pytest.mark.parametrize(
    ("location", "by_order", "states", "found"),
    [
        ("store-1", False, frozenset(State), 2),
        ("store-1", False, frozenset({State.SHIPPED}), 1),
        ("store-1", True, frozenset(State), 1),
        ("", True, frozenset(State), 1),
        ("store-2", True, LIVE, 0),
    ],
)
async def test_lists_by_location_order_and_state(
    db: Database, location: str, by_order: bool, states: frozenset[State], found: int
) -> None:
    opening: Opening = an_opening(Method.SHIP)
    await keep(db, an_order(1, opening=opening), a_shipped_order(1))

    async with db.connection() as conn:
        page = await read_page(conn, location, opening.order_id if by_order else "", states, None, 10)
        one = await read(conn, opening.fulfillment_order_id)

    assert len(page) == found
    assert one is not None
    assert one.opening == opening
