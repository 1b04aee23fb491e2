"""Demand is learned from what really happened, once; and prices are made of it beside the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import uuid_utils

from aljibe.inventory.v1 import events_pb2 as inventory
from aljibe.inventory.v1 import inventory_pb2
from chassis.clock import utc_now
from chassis.envelope import event, headers, source_of
from chassis.postgres import Database, open_database
from services.orders.adapters.postgres.demand import KEPT, Demand
from services.orders.adapters.pricing.upkeep import StockPrices, WorkerFailed
from services.orders.domain.draft import Channel
from services.orders.domain.places import STORE, WAREHOUSE, Location, Locations
from services.orders.domain.rules import SourcingRules
from services.orders.domain.states import Method
from services.orders.tests.conftest import Service, role_url
from services.orders.tests.test_door import CARRY_OUT, PICKUP, place, wish

BOUND = "SELECT sku, location_id, units, squares FROM bound_demand WHERE sku = ANY($1) ORDER BY 1, 2"
SENT = "SELECT sku, latitude_cell, longitude_cell, units FROM sent_demand WHERE sku = ANY($1) ORDER BY 1, 2"
STALL_SECONDS = 0.15
"""Far above what a refresh takes of the loop's thread, far below what it takes itself."""


@pytest_asyncio.fixture
async def db(orders: Service) -> AsyncIterator[Database]:
    """The service's database, as its own role."""
    opened = await open_database(role_url(orders.database_url), "orders", min_size=1, max_size=4)
    yield opened
    await opened.close()


async def learned(demand: Demand, orders: Service, statement: str, *skus: str) -> list[tuple[Any, ...]]:
    """Rows once the orders up to now are learned from."""
    await asyncio.sleep(1.1)
    await demand.learn()
    return [tuple(row) for row in await orders.fetch(statement, list(skus))]


async def test_orders_are_learned_from_by_where_their_units_were_wanted(
    orders: Service, db: Database
) -> None:
    """Tills and pickups say what a store is asked for; parcels say where online customers are."""
    await orders.stock(("d1", "store-1", 50), ("d1", "wh-1", 50), ("d2", "store-1", 50))
    till = orders.stub("till", channels=("pos",), locations=("store-1",))
    await till.PlaceOrder(place(wish(("d1", 3), method=CARRY_OUT, store="store-1", channel="pos")))
    await till.PlaceOrder(place(wish(("d1", 1), ("d2", 1), method=CARRY_OUT, store="store-1", channel="pos")))
    await orders.stub().PlaceOrder(place(wish(("d2", 2), method=PICKUP, store="store-1")))
    await orders.stub().PlaceOrder(place(wish(("d1", 2))))

    demand = Demand(db)
    bound = await learned(demand, orders, BOUND, "d1", "d2")
    sent = await orders.fetch(SENT, ["d1", "d2"])

    assert bound == [("d1", "store-1", 4, 10), ("d2", "store-1", 3, 5)]
    assert [tuple(row) for row in sent] == [("d1", 401, -801, 2)]
    parcels = await orders.fetch("SELECT parcels, units FROM planned_parcels WHERE location_id = 'wh-1'")
    assert [tuple(row) for row in parcels] == [(1, 2)]
    assert await demand.watched_days() == 1


async def test_an_order_is_learned_from_once_whoever_learns_and_how_often(
    orders: Service, db: Database
) -> None:
    """Instances that learn at the same moment must not count double, nor may a restart."""
    await orders.stock(("d3", "wh-1", 50))
    await asyncio.gather(*(orders.stub().PlaceOrder(place(wish(("d3", 1)))) for _ in range(20)))
    await asyncio.sleep(1.1)

    await asyncio.gather(*(Demand(db).learn() for _ in range(4)))
    rows = await learned(Demand(db), orders, SENT, "d3")

    assert rows == [("d3", 401, -801, 20)]


async def test_an_order_that_is_still_being_committed_is_learned_from_later(
    orders: Service, db: Database
) -> None:
    """Its row carries the moment its transaction began: a mark that ran past it would lose it for good."""
    await orders.stock(("d4", "wh-1", 50))
    demand = Demand(db)
    async with db.transaction() as held:
        # What an acceptance is that has begun and waits for its lock.
        await held.fetchval("SELECT now()")
        await orders.stub().PlaceOrder(place(wish(("d4", 1))))
        during = await learned(demand, orders, SENT, "d4")
    after = await learned(demand, orders, SENT, "d4")

    assert during == []
    assert after == [("d4", 401, -801, 1)]


async def test_a_sale_without_an_order_counts_once_however_often_it_is_told(
    orders: Service, db: Database
) -> None:
    """A stream that is replayed from its beginning must not teach double demand."""
    sale = inventory.UnitsSold(
        sale_id="sale-1",
        location_id="store-1",
        lines=[inventory_pb2.StockLine(sku="d5", quantity_units=2)],
    )
    told = event(
        "inventory",
        sale,
        aggregate_type="sale",
        aggregate_id=f"sale-{uuid_utils.uuid7()}",
        sequence=1,
        occurred_at=utc_now(),
    )
    stream = orders.bus.jetstream()

    for number in range(3):
        # A replay publishes again under names of its own, so that the broker does not hold it for a repeat.
        again = {**headers(told, source_of("inventory")), "Nats-Msg-Id": f"{told.id}/{number}"}
        await stream.publish(told.subject, told.payload, headers=again)
    rows = await orders.until_rows(BOUND, ["d5"])
    other = inventory.UnitsSold(
        sale_id="sale-2",
        location_id="store-2",
        lines=[inventory_pb2.StockLine(sku="d5", quantity_units=1)],
    )
    await orders.tell("inventory", other, "sale", "sale-2")
    await orders.until_rows(f"{BOUND.split(' ORDER')[0]} AND location_id = 'store-2'", ["d5"])

    assert [tuple(row) for row in rows] == [("d5", "store-1", 2, 4)]
    assert [tuple(row) for row in await orders.fetch(BOUND, ["d5"])] == [
        ("d5", "store-1", 2, 4),
        ("d5", "store-2", 1, 1),
    ]


async def test_demand_of_long_ago_is_forgotten(orders: Service, db: Database) -> None:
    demand = Demand(db)
    long_ago = (utc_now() - KEPT - timedelta(days=3)).date()
    await orders.fetch("INSERT INTO bound_demand VALUES ('d6', 'store-1', $1, 1, 1)", long_ago)
    await orders.fetch("UPDATE demand_mark SET since = $1", long_ago)

    await demand.forget(utc_now().date())

    assert await orders.fetch(BOUND, ["d6"]) == []
    assert await demand.watched_days() == KEPT.days + 1


# ---- a book beside the service


@dataclass
class Shelf:
    """Stock, places and selling prices as a refresh sees them."""

    locations: Locations
    stock: dict[str, dict[str, int]]
    channels: Mapping[str, Channel] = field(
        default_factory=lambda: {
            "pos": Channel("pos", "USD", frozenset({Method.CARRY_OUT})),
            "web": Channel("web", "USD", frozenset({Method.SHIP})),
        }
    )
    asked: list[str] = field(default_factory=list)

    async def ready(self) -> None:
        """At once."""

    def items(self, sku: str) -> Iterable[tuple[str, int]]:
        return self.stock.get(sku, {}).items()

    async def unit_prices(
        self, channel_id: str, skus: Sequence[str], country: str
    ) -> tuple[str, Mapping[str, int]]:
        self.asked.append(channel_id)
        return "USD", {sku: 2_000 for sku in skus if not sku.startswith("only-web") or channel_id == "web"}


def the_prices(orders: Service, db: Database, shelf: Shelf) -> StockPrices:
    return StockPrices(
        db=db,
        database_url=role_url(orders.database_url),
        schema="orders",
        demand=Demand(db),
        nats=orders.bus,
        stock=shelf,
        places=shelf,
        ready=shelf.ready,
        unit_prices=shelf.unit_prices,
        rules_at=lambda _now: SourcingRules(),
        clock=lambda: datetime.now(UTC),
        every_seconds=300.0,
        horizon_days=28.0,
    )


def places(stores: int) -> Locations:
    return Locations.of(
        [Location("wh-1", WAREHOUSE, 40.0, -80.0)]
        + [Location(f"store-{n}", STORE, 40.0 + n / 20, -80.0 + n / 20) for n in range(1, stores + 1)]
    )


async def sold(orders: Service, *rows: tuple[str, str, int]) -> None:
    """Sales of today, as learned."""
    await orders.fetch(
        "INSERT INTO bound_demand SELECT sku, at, current_date, units, units"
        " FROM unnest($1::text[], $2::text[], $3::int[]) AS u(sku, at, units)"
        " ON CONFLICT (sku, location_id, day) DO UPDATE SET units = excluded.units",
        *(list(column) for column in zip(*rows, strict=True)),
    )
    await orders.fetch("UPDATE demand_mark SET since = current_date")


async def test_a_book_is_made_beside_the_service_and_kept_for_every_instance(
    orders: Service, db: Database
) -> None:
    """Another instance, or the next start, reads it instead of making one."""
    await sold(orders, ("d7", "store-1", 9), ("only-web-7", "store-1", 1))
    shelf = Shelf(places(2), {"d7": {"store-1": 2, "store-2": 2, "wh-1": 900, "@web": -1}})
    prices, other = the_prices(orders, db, shelf), the_prices(orders, db, shelf)
    await other.open()

    made = await prices.refresh()
    await other.open()

    assert made
    terms = prices.book.terms("d7", "store-1", 2)
    assert terms is not None
    assert (terms.units_then, terms.margin) == (2, 600_000)
    assert terms.per_day > 1
    assert terms.price > prices.book.price("d7", "store-2", 2) > 0
    assert "only-web-7" in prices.book
    assert shelf.asked == ["pos", "web"]
    assert other.book.version == prices.book.version
    assert other.book.to_bytes() == prices.book.to_bytes()


async def test_what_nobody_sells_has_no_price(orders: Service, db: Database) -> None:
    await sold(orders, ("d8", "store-1", 9))
    shelf = Shelf(places(2), {"d8": {"store-1": 2}}, channels={})

    assert not await the_prices(orders, db, shelf).refresh()


async def test_a_worker_that_fails_leaves_the_prices_as_they_are(orders: Service, db: Database) -> None:
    await sold(orders, ("d9", "store-1", 9))
    prices = the_prices(orders, db, Shelf(places(2), {"d9": {"store-1": 2}}))
    await prices.refresh()
    book = prices.book
    prices._database_url = "postgres://nobody@127.0.0.1:1/none"

    with pytest.raises(WorkerFailed):
        await prices.refresh()

    assert prices.book is book


async def test_a_refresh_of_many_positions_leaves_the_event_loop_alone(orders: Service, db: Database) -> None:
    """2,000 articles in 62 locations; orders are decided meanwhile, so the loop must not wait for prices."""
    skus = [f"m{number:04d}" for number in range(2_000)]
    locations = places(61)
    await sold(
        orders,
        *((sku, f"store-{1 + (row + n) % 61}", 1 + n % 3) for row, sku in enumerate(skus) for n in range(20)),
    )
    stock = {sku: dict.fromkeys(locations.by_id, 1 + row % 5) for row, sku in enumerate(skus)}
    prices = the_prices(orders, db, Shelf(locations, stock))
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            # Of this thread's own work: what others take of the machine is not ours.
            began = time.thread_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - began)

    watching = asyncio.create_task(watch())
    began = time.perf_counter()
    await prices.refresh()
    seconds = time.perf_counter() - began
    watching.cancel()

    assert len(prices.book) > 50_000
    assert longest < STALL_SECONDS
    assert seconds < 120
