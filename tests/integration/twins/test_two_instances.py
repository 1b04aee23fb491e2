"""Two processes of orders and two of inventory on one database and one bus do what one of each would do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import grpc
import pytest_asyncio

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from chassis.errors import reason_of
from cli.local.platform import Platform
from tests.integration.aftermath import (
    SETTLE_SECONDS,
    no_dead_letters,
    settled,
    the_books_agree,
)
from tests.integration.shopping import Crowd
from tests.integration.world import FINAL, STORES, World, eventually, request_id, units

NAMES = ("orders", "orders-2")
BUYERS = 60
CUSTOMERS = 8
Doors = list[Any]


@pytest_asyncio.fixture
async def both(twins: tuple[Platform, World]) -> AsyncIterator[tuple[Platform, World, Doors]]:
    """The platform with the doors of both orders."""
    platform, world = twins
    channels = [grpc.aio.insecure_channel(platform.services[name].address) for name in NAMES]
    yield platform, world, [orders_pb2_grpc.OrderServiceStub(channel) for channel in channels]
    for channel in channels:
        await channel.close()


def _wish(world: World, sku: str, key: str = "") -> orders_pb2.PlaceOrderRequest:
    return orders_pb2.PlaceOrderRequest(
        request_id=key or request_id(),
        order=world.draft(sku),
        payment=orders_pb2.PaymentInput(token="tok_ok"),
    )


async def _outcome(door: Any, request: orders_pb2.PlaceOrderRequest, world: World) -> str:
    """The id of the order, or why there is none."""
    try:
        answer = await door.PlaceOrder(request, metadata=world.auth(world.shop()), timeout=30)
    except grpc.aio.AioRpcError as error:
        return reason_of(error) or error.code().name
    return str(answer.order.order_id)


async def test_the_last_unit_is_sold_once_whichever_door_is_taken(
    both: tuple[Platform, World, Doors],
) -> None:
    """What one process has in memory about stock binds nobody: inventory's rows decide."""
    _, world, doors = both
    sku = await world.article(stock={"wh-1": 1})

    outcomes = Counter(
        await asyncio.gather(*(_outcome(doors[n % 2], _wish(world, sku), world) for n in range(BUYERS)))
    )

    sold = [outcome for outcome in outcomes if outcome.startswith("ord_")]
    assert len(sold) == 1
    assert outcomes == {sold[0]: 1, "INSUFFICIENT_STOCK": BUYERS - 1}


async def test_one_request_at_both_doors_is_one_order(both: tuple[Platform, World, Doors]) -> None:
    """A caller whose connection broke may come back to the other process while the first still works."""
    _, world, doors = both
    sku = await world.article(stock={"wh-1": 50})
    requests = [_wish(world, sku) for _ in range(10)]

    answers = await asyncio.gather(
        *(asyncio.gather(*(_outcome(door, one, world) for door in doors * 3)) for one in requests)
    )

    assert all(len(set(answer)) == 1 for answer in answers)
    assert len({answer[0] for answer in answers}) == len(requests)
    assert all(answer[0].startswith("ord_") for answer in answers)

    async def reserved_once() -> bool:
        return (await world.position(sku, "wh-1")).reserved_units == len(requests)

    await eventually(reserved_once, "one unit kept for each order")


async def test_watchers_at_both_doors_see_a_resourced_order_to_its_end(
    both: tuple[Platform, World, Doors],
) -> None:
    """Either process may take the events, the case and the money; each is done once, and both doors tell."""
    platform, world, doors = both
    skus = [await world.article(stock={"store-north": 1, "wh-1": 1}) for _ in range(6)]
    orders = [await world.buy(sku) for sku in skus]
    watching = [asyncio.create_task(_watch(door, order, world)) for order in orders for door in doors]

    first = [await world.work(order) for order in orders]
    await asyncio.gather(*(world.short(work, {1: 1}) for work in first))
    for order, work in zip(orders, first, strict=True):
        other = "wh-1" if work.location_id == "store-north" else "store-north"
        await world.ship(await world.work(order, other))
    async with asyncio.timeout(SETTLE_SECONDS):
        ends = await asyncio.gather(*watching)

    for order, (here, there) in zip(orders, zip(ends[::2], ends[1::2], strict=True), strict=True):
        assert here == there
        assert here.order_id == order.order_id
        assert here.state == orders_pb2.ORDER_STATE_COMPLETED
        assert units(here, orders_pb2.UNIT_STATE_SHIPPED) == 1
        assert len(here.plan) == 2
        moved = await _moved(platform, here.plan[0].reservation_id)
        assert moved == [("CAPTURE", here.total_minor)]


async def test_one_of_each_dies_and_the_other_goes_on(both: tuple[Platform, World, Doors]) -> None:
    """Under load, with every customer served, each order paid once and the books clean."""
    platform, world, _ = both
    skus = [await world.article(stock=dict.fromkeys((*STORES, "wh-1"), 100)) for _ in range(4)]
    crowd = Crowd(world, skus, 7)

    async with asyncio.TaskGroup() as group:
        staff = group.create_task(crowd.staff())
        shopping = group.create_task(crowd.shop(CUSTOMERS))
        for name in ("orders-2", "inventory"):
            await _answers(crowd, 20)
            await platform.kill(name)
            await platform.healthy()
        await _answers(crowd, 20)
        crowd.closing.set()
        await shopping
        await settled(world, crowd.diary.accepted)
        staff.cancel()

    diary = crowd.diary
    orders = {key: await world.order(order) for key, order in diary.accepted.items()}
    assert (diary.unanswered, diary.internal_errors) == ({}, [])
    assert all(order.state in FINAL for order in orders.values())
    paid = sum(order.payment.captured_minor for order in orders.values())
    assert paid == sum([await _captured(platform, order) for order in orders.values()])
    await the_books_agree(world, orders, dict.fromkeys(skus, 100 * (len(STORES) + 1)))
    await no_dead_letters(world)


async def _watch(door: Any, order: orders_pb2.Order, world: World) -> orders_pb2.Order:
    """The last look of a stream that ends by itself."""
    request = orders_pb2.WatchOrderRequest(order_id=order.order_id)
    looks: list[orders_pb2.Order] = [
        look.order async for look in door.WatchOrder(request, metadata=world.auth(world.operator))
    ]
    return looks[-1]


async def _answers(crowd: Crowd, count: int) -> None:
    target = crowd.answered + count

    async def enough() -> bool:
        return crowd.answered >= target

    await eventually(enough, f"{count} more answers", seconds=60)


async def _moved(platform: Platform, authorization_key: str) -> list[tuple[str, int]]:
    """What the payment provider was asked to do with an authorisation."""
    conn = await asyncpg.connect(platform.admin_url)
    try:
        rows = await conn.fetch(
            "SELECT kind, amount_minor FROM orders.test_provider_operation WHERE authorization_key = $1",
            authorization_key,
        )
    finally:
        await conn.close()
    return [(row["kind"], row["amount_minor"]) for row in rows]


async def _captured(platform: Platform, order: orders_pb2.Order) -> int:
    key = next((part.reservation_id for part in order.plan if part.reservation_id), order.order_id)
    return sum(amount for kind, amount in await _moved(platform, key) if kind == "CAPTURE")


async def test_the_capacity_of_a_day_is_taken_once_whichever_door_is_taken(
    both: tuple[Platform, World, Doors],
) -> None:
    """Each process knows of the other's orders late; the rows decide, and nobody is refused for it."""
    _, world, doors = both
    place = world.location("wh-capped", (39.8, -89.6), types_pb2.LOCATION_KIND_WAREHOUSE)
    place.daily_capacity_units = 10
    await world.locations.UpsertLocations(
        inventory_pb2.UpsertLocationsRequest(request_id=request_id(), locations=[place]),
        metadata=world.auth(world.planner),
    )
    sku = await world.article(stock={"wh-capped": 60})
    preview = orders_pb2.PreviewOrderRequest(order=world.draft(sku))

    async def promised(door: Any, day: datetime | None = None) -> datetime | None:
        answer = await door.PreviewOrder(preview, metadata=world.auth(world.shop()), timeout=30)
        found: datetime | None = answer.order.promise_time.ToDatetime() if answer.order.plan else None
        return found if day in (None, found) else None

    await eventually(partial(promised, doors[1]), "promise")
    today: datetime = await eventually(partial(promised, doors[0]), "promise")
    answers = await asyncio.gather(
        *(
            doors[n % 2].PlaceOrder(_wish(world, sku), metadata=world.auth(world.shop()), timeout=30)
            for n in range(25)
        )
    )

    days = Counter(answer.order.promise_time.ToDatetime() - today for answer in answers)
    assert days == {timedelta(0): 10, timedelta(days=1): 10, timedelta(days=2): 5}
    first = next(answer.order for answer in answers if answer.order.promise_time.ToDatetime() == today)
    await doors[0].CancelOrder(
        orders_pb2.CancelOrderRequest(request_id=request_id(), order_id=first.order_id),
        metadata=world.auth(world.operator),
        timeout=30,
    )
    for door in doors:
        assert await eventually(partial(promised, door, today), "capacity of the first day", 5.0) == today
