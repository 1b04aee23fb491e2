"""Promises that broke before inventory heard that their orders were accepted: the bus was silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from cli.local.platform import Platform
from tests.integration.aftermath import SETTLE_SECONDS, no_dead_letters
from tests.integration.world import World, eventually, request_id, told

STORE = "store-north"


async def test_a_promise_that_broke_before_its_order_was_heard_of_is_sourced_again_or_told(
    rough: tuple[Platform, World],
) -> None:
    """The customer holds a yes. Sold over the till or run out meanwhile: another location serves it, and when
    nobody can, the customer is told and pays nothing. What only ran out and is still there is kept.
    """
    platform, world = rough
    sold, sold_out, expired, kept = [await world.article(stock={STORE: 1}) for _ in range(4)]
    with _silent_bus(platform):
        orders = {sku: await world.buy(sku) for sku in (sold, sold_out, expired, kept)}
        for sku in (sold, sold_out):
            assert await _sell(world, sku) == 1
        for sku in (expired, kept):
            await _run_out(platform, world, orders[sku])
        assert await _sell(world, expired) == 0
        for sku in (sold, expired):
            await world.receive(sku, "wh-1", 1)

    given_up = await world.until(orders[sold_out], lambda o: o.payment.voided_minor == o.total_minor)
    for sku in (sold, expired):
        await world.ship(await world.work(orders[sku], "wh-1", SETTLE_SECONDS))
    await world.ship(await world.work(orders[kept], STORE, SETTLE_SECONDS))
    done = {
        sku: await world.until(orders[sku], lambda o: o.payment.captured_minor == o.total_minor)
        for sku in (sold, expired, kept)
    }

    assert given_up.state == orders_pb2.ORDER_STATE_CANCELLED
    assert "UNITS_CANCELLED" in told(given_up)
    assert {sku: await _triggers(world, order) for sku, order in done.items()} == {
        sold: ["PLACED", "RESERVATION_LOST"],
        expired: ["PLACED", "RESERVATION_LOST"],
        kept: ["PLACED"],
    }
    assert all(order.state == orders_pb2.ORDER_STATE_COMPLETED for order in done.values())

    async def balanced() -> bool:
        left = [(await world.position(sku, at)).on_hand_units for sku in orders for at in (STORE, "wh-1")]
        return not any(left) and (await world.audit()).difference_count == 0

    await eventually(balanced, "empty shelves and a clean audit")
    await no_dead_letters(world)


@contextmanager
def _silent_bus(platform: Platform) -> Iterator[None]:
    """Services go on; nothing that they tell comes through until the end of the block."""
    assert platform.nats is not None
    platform.nats.pause()
    try:
        yield
    finally:
        platform.nats.resume()


async def _sell(world: World, sku: str) -> int:
    """A till outside the platform reports its sale; gives the promised units that it took."""
    sale = inventory_pb2.SellStockRequest(
        request_id=request_id(),
        location_id=STORE,
        lines=[inventory_pb2.StockLine(sku=sku, quantity_units=1)],
    )
    answer = await world.stock.SellStock(sale, metadata=world.auth(world.till(STORE)))
    return int(answer.displaced_units)


async def _run_out(platform: Platform, world: World, order: orders_pb2.Order) -> None:
    """The order's reservation is as old as it may become, and inventory has noticed."""
    reservation_id = order.plan[0].reservation_id
    conn = await asyncpg.connect(platform.admin_url)
    try:
        await conn.execute(
            "UPDATE inventory.reservation SET expire_time = now() WHERE reservation_id = $1", reservation_id
        )
    finally:
        await conn.close()
    request = inventory_pb2.GetReservationRequest(reservation_id=reservation_id)

    async def noticed() -> bool:
        answer = await world.reservations.GetReservation(request, metadata=world.auth(world.operator))
        return bool(answer.reservation.state == inventory_pb2.RESERVATION_STATE_EXPIRED)

    await eventually(noticed, "expiry of the reservation")


async def _triggers(world: World, order: orders_pb2.Order) -> list[str]:
    explained = await world.get(f"/v1/orders/{order.order_id}/sourcing", world.operator)
    return [decision["trigger"] for decision in explained["decisions"]]
