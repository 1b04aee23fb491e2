"""Capacity of locations on PostgreSQL: taken with the acceptance, never beyond the day's, freed, counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from chassis.ids import new_id
from chassis.postgres import Database
from services.orders.adapters.postgres.auditor import capacity_differences
from services.orders.adapters.postgres.store import PostgresStore
from services.orders.domain.capacity import still_taken
from services.orders.domain.facts import Part, PartLine, Wanted
from services.orders.domain.lines import Spot
from services.orders.domain.places import Locations
from services.orders.domain.states import Method, UnitState
from services.orders.tests.builders import store as a_store
from services.orders.tests.builders import warehouse
from services.orders.tests.test_accept import Instance, acceptance, count, db
from services.orders.usecases.ports import Acceptance, CapacityTaken, Tx

__all__ = ["db"]

TODAY = datetime.now(UTC).date()
TOMORROW = TODAY + timedelta(days=1)


def places(units: int) -> Locations:
    """The warehouse takes on `units` a day; the store as many as come."""
    return Locations.of([replace(warehouse("wh-1"), daily_capacity_units=units), a_store("store-1")])


def taking(units: int, day: date = TODAY, *, then: Sequence[tuple[date, int]] = ()) -> Acceptance:
    """An order of the warehouse that takes `units` of a day, and more of others."""
    made = acceptance(new_id("req"))
    total = units + sum(more for _, more in then)
    (part,) = made.order.parts.values()
    (spot,) = made.order.units
    made.order.units[spot] = made.order.lines[1].quantity_units = total
    made.order.parts[part.fulfillment_order_id] = part._replace(
        lines=(PartLine(1, "a", total),), work=((day, units), *then), due_time=datetime.now(UTC)
    )
    return made


async def taken(db: Database) -> dict[date, int]:
    """What the rows say of the warehouse."""
    async with db.connection() as conn:
        rows = await conn.fetch("SELECT day, taken_units FROM location_work WHERE location_id = 'wh-1'")
    return {row["day"]: row["taken_units"] for row in rows}


def store_of(db: Database, instance: Instance) -> PostgresStore:
    return PostgresStore(db, lambda *_: None, lambda: datetime.now(UTC), instance.book)


async def test_the_capacity_of_a_day_is_taken_with_the_acceptance_of_the_order(db: Database) -> None:
    one = Instance(db, places(10))

    await one.accept(taking(3), taking(4), taking(2, TOMORROW))

    assert await taken(db) == {TODAY: 7, TOMORROW: 2}
    assert (one.book.left("wh-1", TODAY), one.book.left("wh-1", TOMORROW)) == (3, 8)
    assert one.book.left("store-1", TODAY) is None


async def test_a_location_without_stated_capacity_touches_no_row(db: Database) -> None:
    await Instance(db, places(0)).accept(acceptance(new_id("req")))

    assert await count(db, "location_work") == 0


async def test_of_a_group_that_is_too_much_for_the_day_who_came_first_is_accepted(db: Database) -> None:
    """Nobody's order is lost with another's, and a smaller one that still fits is taken."""
    answers = await Instance(db, places(10)).accept(taking(6), taking(5), taking(4), taking(1))

    assert [isinstance(answer, CapacityTaken) for answer in answers] == [False, True, False, True]
    assert await taken(db) == {TODAY: 10}
    assert await count(db, "customer_order") == await count(db, "request") == 2


async def test_two_instances_that_race_for_the_last_capacity_take_it_once(db: Database) -> None:
    """Each believes that there is room for all of its own."""
    one, other = Instance(db, places(20)), Instance(db, places(20))

    first, second = await asyncio.gather(
        one.accept(*(taking(1) for _ in range(15))), other.accept(*(taking(1) for _ in range(15)))
    )

    outcomes: list[Any] = [*first, *second]
    assert sum(isinstance(outcome, bytes) for outcome in outcomes) == 20
    assert sum(isinstance(outcome, CapacityTaken) for outcome in outcomes) == 10
    assert await taken(db) == {TODAY: 20}
    assert await count(db, "customer_order") == 20
    assert await capacity_differences(db) == 0


async def test_what_another_instance_took_is_seen_within_a_second(db: Database) -> None:
    one, other = Instance(db, places(10)), Instance(db, places(10))
    listening = asyncio.create_task(other.book.run())
    try:
        await one.accept(taking(4))
        async with asyncio.timeout(1):
            while other.book.left("wh-1", TODAY) != 6:
                await asyncio.sleep(0.01)
    finally:
        listening.cancel()

    assert other.book.left("wh-1", TODAY) == 6


async def test_an_overfull_day_cannot_be_written_whoever_writes(db: Database) -> None:
    async with db.connection() as conn:
        with pytest.raises(asyncpg.CheckViolationError) as caught:
            await conn.execute(
                "INSERT INTO location_work (location_id, day, capacity_units, taken_units)"
                " VALUES ('wh-1', $1, 5, 6)",
                TODAY,
            )

    assert caught.value.constraint_name == "capacity_left"


async def test_cancelled_units_free_their_day_the_last_days_first(db: Database) -> None:
    instance = Instance(db, places(10))
    made = taking(10, then=[(TOMORROW, 6)])
    await instance.accept(made)
    store = store_of(db, instance)
    spot = next(iter(made.order.units))

    async def cancel(tx: Tx, units: int) -> None:
        tx.orders[made.order.order_id].cancel({spot: units}, "CUSTOMER", tx.now)

    await store.change([made.order.order_id], lambda tx: cancel(tx, 4))
    after_some = await taken(db)
    await store.change([made.order.order_id], lambda tx: cancel(tx, 7))
    after_more = await taken(db)

    assert after_some == {TODAY: 10, TOMORROW: 2}
    assert after_more == {TODAY: 5, TOMORROW: 0}
    assert await capacity_differences(db) == 0


async def test_units_that_their_location_lost_free_its_day_and_take_one_where_they_are_found(
    db: Database,
) -> None:
    instance = Instance(db, places(10))
    made = taking(4)
    await instance.accept(made)
    store = store_of(db, instance)
    order_id, (old,) = made.order.order_id, tuple(made.order.parts)

    async def lose(tx: Tx) -> None:
        tx.orders[order_id].lost(old, [(1, 4)], tx.now)

    async def find(tx: Tx, day: date) -> None:
        line = PartLine(1, "a", 4)
        part = Part("ful_new", "wh-1", Method.SHIP, "rsv_2", (line,), tx.now, 2, work=((day, 4),))
        tx.orders[order_id].resourced([part], Wanted("SHORT_PICK"), UnitState.RESOURCING, tx.now)

    await store.change([order_id], lose)
    freed = await taken(db)
    await instance.accept(taking(8))
    with pytest.raises(CapacityTaken):
        await store.change([order_id], lambda tx: find(tx, TODAY))
    untouched = await store.read(order_id)
    await store.change([order_id], lambda tx: find(tx, TOMORROW))

    assert freed == {TODAY: 0}
    assert untouched is not None
    assert untouched.units == {Spot(1, UnitState.RESOURCING, "", ""): 4}
    assert await taken(db) == {TODAY: 8, TOMORROW: 4}
    assert await capacity_differences(db) == 0


async def test_a_counter_that_is_not_what_the_parts_take_is_counted_as_a_difference(db: Database) -> None:
    instance = Instance(db, places(10))
    await instance.accept(taking(4), taking(2, TOMORROW))

    async with db.connection() as conn:
        await conn.execute("UPDATE location_work SET taken_units = taken_units + 1 WHERE day = $1", TODAY)
        await conn.execute("DELETE FROM location_work WHERE day = $1", TOMORROW)

    assert await capacity_differences(db) == 2


async def test_a_capacity_that_is_lowered_takes_nothing_more_and_frees_what_is_cancelled(
    db: Database,
) -> None:
    before, after = Instance(db, places(10)), Instance(db, places(5))
    made = taking(8)
    await before.accept(made)
    spot = next(iter(made.order.units))

    async def cancel(tx: Tx) -> None:
        tx.orders[made.order.order_id].cancel({spot: 6}, "CUSTOMER", tx.now)

    (refused,) = await after.accept(taking(1))
    await store_of(db, after).change([made.order.order_id], cancel)
    (accepted,) = await after.accept(taking(3))

    assert isinstance(refused, CapacityTaken)
    assert isinstance(accepted, bytes)
    assert await taken(db) == {TODAY: 5}


@pytest.mark.parametrize(
    ("open_units", "left"), [(9, [3, 4, 2]), (8, [3, 4, 1]), (7, [3, 4]), (5, [3, 2]), (0, [])]
)
def test_of_a_part_that_loses_units_the_last_days_are_free_first(open_units: int, left: list[int]) -> None:
    days = [TODAY + timedelta(days=n) for n in range(3)]

    kept = still_taken(tuple(zip(days, (3, 4, 2), strict=True)), open_units)

    assert kept == tuple(zip(days, left, strict=False))
