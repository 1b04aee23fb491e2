"""The price of stock in the running platform: tills sell, the price rises, and an order goes elsewhere."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from aljibe.inventory.v1 import inventory_pb2
from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from aljibe.orders.v1 import stock_prices_pb2, stock_prices_pb2_grpc
from cli.local.platform import OPERATIONS, Platform
from tests.integration.world import CARRY_OUT, World, eventually, request_id, retailer
from tests.servers import open_folder

REFRESH_SECONDS = "1"
STORE, OTHER = "store-north", "store-west"


@pytest_asyncio.fixture(scope="module")
async def busy() -> AsyncIterator[World]:
    """A retailer of its own, whose prices of stock are worked out every second."""
    with open_folder("aljibe-prices-") as folder:
        environ = {**os.environ, "ALJIBE_STOCK_PRICES_SECONDS": REFRESH_SECONDS}
        async with (
            Platform(folder, environ=environ, without=OPERATIONS) as running,
            retailer(running) as world,
        ):
            yield world


async def prices(world: World, sku: str) -> dict[str, stock_prices_pb2.StockPrice]:
    """By location; none while there are none."""
    stub = stock_prices_pb2_grpc.StockPriceServiceStub(world.grpc_channel("orders"))
    answer = await stub.GetStockPrices(
        stock_prices_pb2.GetStockPricesRequest(sku=sku), metadata=world.auth(world.planner)
    )
    return {one.location_id: one for one in answer.prices}


async def rate(world: World, sku: str, location: str) -> float:
    """Units a day that are expected there."""
    found = (await prices(world, sku)).get(location)
    return found.units_per_day if found else 0.0


async def sell(world: World, sku: str, location: str, units: int) -> None:
    """Goods leave over a till, without an order."""
    sale = inventory_pb2.SellStockRequest(
        request_id=request_id(),
        location_id=location,
        lines=[inventory_pb2.StockLine(sku=sku, quantity_units=units)],
    )
    await world.stock.SellStock(sale, metadata=world.auth(world.till(location)))


async def replay(world: World, service: str) -> None:
    """Everything that a service ever told is told again."""
    bus = bus_pb2_grpc.BusServiceStub(world.grpc_channel(service))
    await bus.ReplayOutbox(
        bus_pb2.ReplayOutboxRequest(request_id=request_id()), metadata=world.auth(world.operator)
    )


async def test_a_store_that_sells_keeps_its_units_and_online_orders_go_elsewhere(busy: World) -> None:
    """The nearer store has customers of its own; the other has plenty."""
    world = busy
    sku = await world.article(price_minor=5_000, stock={STORE: 2, OTHER: 90})
    first = await world.buy(sku)
    for _ in range(4):
        await world.receive(sku, STORE, 3)
        await world.buy({sku: 2}, channel="pos", method=CARRY_OUT, store=STORE)
        await sell(world, sku, STORE, 1)
    await world.receive(sku, STORE, 1)

    async def dearer() -> bool:
        found = await prices(world, sku)
        if found.keys() < {STORE, OTHER} or found[STORE].units_per_day < 5:
            return False
        return found[STORE].price_thousandths > found[OTHER].price_thousandths + 50_000

    await eventually(dearer, "price that keeps the last units where they sell")
    second = await world.buy(sku)
    found = await prices(world, sku)

    assert [part.location_id for part in first.plan] == [STORE]
    assert [part.location_id for part in second.plan] == [OTHER]
    assert found[STORE].walk_in_thousandths > found[OTHER].walk_in_thousandths
    assert found[STORE].margin_thousandths == 5_000 * 1_000 * 30 // 100


async def test_all_that_was_ever_told_told_again_teaches_nothing_new(busy: World) -> None:
    """A stream that is replayed from its beginning must not double the demand of every store."""
    world = busy
    sku = await world.article(stock={STORE: 9})
    await world.buy({sku: 2}, channel="pos", method=CARRY_OUT, store=STORE)
    await sell(world, sku, STORE, 3)

    async def learned() -> bool:
        return await rate(world, sku, STORE) > 4

    await eventually(learned, "demand learned from two sales")
    before = await rate(world, sku, STORE)
    for service in ("inventory", "orders"):
        await replay(world, service)
    mark = await world.article(stock={STORE: 1})
    await sell(world, mark, STORE, 1)

    async def heard() -> bool:
        return await rate(world, mark, STORE) > 0.5

    # What was told last is learned: so is all that came before it.
    await eventually(heard, "demand learned from the last sale")
    # The other sale moves the share of the store a little; learned twice, the rate would all but double.
    assert await rate(world, sku, STORE) == pytest.approx(before, rel=0.2)
