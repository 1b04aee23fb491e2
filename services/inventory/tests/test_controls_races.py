"""Channel controls on PostgreSQL: nobody out-races them, and who has none pays nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

from chassis.clock import utc_now
from chassis.postgres import Connection, Database
from services.inventory.adapters.nats.events import encode
from services.inventory.adapters.postgres.audit import audit
from services.inventory.adapters.postgres.store import PostgresStockStore, PostgresTransaction
from services.inventory.domain.book import Command
from services.inventory.domain.refusals import InsufficientStock
from services.inventory.domain.reserving import Release, Reserved
from services.inventory.tests.builders import (
    OTHER_STORE,
    STORE,
    a_control,
    a_hold,
    a_receipt,
    a_reserve,
    a_sale,
    units,
)
from services.inventory.tests.contract import in_postgres
from services.inventory.usecases.post import Submission, post, post_in

PLACES = (STORE, OTHER_STORE)


def process(db: Database) -> PostgresStockStore:
    """A process of its own: it shares no hint with any other."""
    return PostgresStockStore(db, utc_now, encode)


async def one(store: PostgresStockStore, command: Command[Any]) -> Any:
    return (await post(store, [Submission(command)])).outcomes[0]


async def test_the_last_unit_of_a_ring_fence_is_sold_once_and_to_its_channel(db: Database) -> None:
    """Two processes, every buyer a transaction of its own, some over holds, at two locations."""
    stock = await in_postgres(db)
    await stock.post(a_receipt(1), a_receipt(1, location_id=OTHER_STORE))
    await stock.do(a_control("app", ring_fence=units(2), fallback=False))
    await stock.do(a_reserve(1, channel_id="app"))
    processes = [process(db), process(db)]
    wishes = [
        wish
        for number in range(25)
        for wish in (
            a_reserve(1, channel_id="app", location_id=OTHER_STORE),
            a_reserve(1, channel_id="web", location_id=OTHER_STORE),
            a_hold(1, channel_id="web"),
        )
    ]

    outcomes = await asyncio.gather(*(one(processes[number % 2], wish) for number, wish in enumerate(wishes)))

    assert Counter(map(type, outcomes)) == {Reserved: 1, InsufficientStock: 74}
    (sold,) = [outcome for outcome in outcomes if isinstance(outcome, Reserved)]
    assert sold.reservation.channel_id == "app"
    await stock.audit()


async def test_a_cap_holds_over_locations_that_share_no_lock(db: Database) -> None:
    """The pool's lock alone stands between reservations of one SKU at different locations."""
    stock = await in_postgres(db)
    await stock.post(a_receipt(50), a_receipt(50, location_id=OTHER_STORE))
    await stock.do(a_control("market", cap=units(7)))
    processes = [process(db), process(db)]

    outcomes = await asyncio.gather(
        *(
            one(processes[n % 3 % 2], a_reserve(1, channel_id="market", location_id=PLACES[n % 2]))
            for n in range(60)
        )
    )

    assert Counter(map(type, outcomes)) == {Reserved: 7, InsufficientStock: 53}
    await stock.audit()


async def test_a_control_set_in_the_middle_of_a_storm_counts_exactly(db: Database) -> None:
    """Who came before it is not counted, who comes after it is; no counter is lost on the way."""
    stock = await in_postgres(db)
    await stock.post(a_receipt(500), a_receipt(500, location_id=OTHER_STORE))
    processes = [process(db), process(db)]

    async def buy(number: int) -> None:
        store = processes[number % 2]
        place = PLACES[number % 3 % 2]
        found = await one(store, a_reserve(1, channel_id=("web", "app")[number % 5 == 0], location_id=place))
        if number % 7 == 0 and isinstance(found, Reserved):
            await one(store, Release(found.reservation.reservation_id))
        if number % 11 == 0:
            await one(store, a_sale(1, channel_id="tills", location_id=place))

    async def control() -> None:
        for number, cap in enumerate((400, 40, 4)):
            await one(processes[number % 2], a_control("app", cap=units(cap), ring_fence=units(3)))

    await asyncio.gather(*(buy(number) for number in range(60)), control(), *(buy(n) for n in range(60, 120)))

    found = await audit(db, 10)
    assert found.differences == []


async def test_a_sku_without_a_control_is_reserved_by_the_same_statements(db: Database) -> None:
    """Controls of other SKUs cost it nothing: not one statement more, nor another one."""
    stock = await in_postgres(db)
    await stock.post(a_receipt(5), a_receipt(5, sku="controlled"))
    clock = stock.clock
    guarded: set[str] = set()

    async def statements(sku: str) -> list[str]:
        async with db.transaction() as conn:
            recorder: Any = _Recorder(conn)
            transaction = PostgresTransaction(recorder, clock, encode, guarded)
            (found,) = (await post_in(transaction, [Submission(a_reserve(1, sku=sku))])).outcomes
            assert isinstance(found, Reserved)
        return recorder.seen  # type: ignore[no-any-return]

    before = await statements("SKU-1")
    await stock.do(a_control("app", sku="controlled", cap=units(1)))
    guarded.add("controlled")
    clock.now += timedelta(seconds=1)

    after = await statements("SKU-1")
    controlled = await statements("controlled")

    assert after == before
    assert len(before) == 3
    assert len(controlled) > len(before)


class _Recorder:
    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.seen: list[str] = []

    async def fetch(self, statement: str, *arguments: object) -> Any:
        self.seen.append(statement)
        return await self._conn.fetch(statement, *arguments)

    async def execute(self, statement: str, *arguments: object) -> Any:
        self.seen.append(statement)
        return await self._conn.execute(statement, *arguments)
