"""What must be true once a fault is over: every accepted order ended, nothing is doubled, the books agree."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import grpc

from aljibe.inventory.v1 import inventory_pb2
from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from aljibe.orders.v1 import orders_pb2
from cli.local.happening import Happening, ignore
from cli.local.platform import OPERATIONS, Platform
from tests.integration.world import FINAL, World, eventually, retailer
from tests.servers import open_folder

SETTLE_SECONDS = 120.0
DELIVERED = (orders_pb2.UNIT_STATE_SHIPPED, orders_pb2.UNIT_STATE_HANDED_OVER)


@asynccontextmanager
async def own_platform(
    say: Callable[[Happening], None] = ignore, instances: Mapping[str, int] | None = None
) -> AsyncIterator[tuple[Platform, World]]:
    """A platform and a retailer on it for a test that breaks things; `say` hears what happens to it."""
    with open_folder("aljibe-faults-") as folder:
        async with (
            Platform(folder, say=say, instances=instances, without=OPERATIONS) as platform,
            retailer(platform) as world,
        ):
            yield platform, world


async def settled(world: World, accepted: dict[str, orders_pb2.Order]) -> None:
    """Every accepted order reaches its end by itself (staff goes on working), and its money with it."""
    waiting = dict(accepted)

    async def all_done() -> bool:
        for key, order in list(waiting.items()):
            try:
                now = await world.order(order)
            except grpc.aio.AioRpcError:
                return False
            paid = now.payment.captured_minor + now.payment.voided_minor
            if now.state in FINAL and paid == now.payment.authorized_minor:
                del waiting[key]
        return not waiting

    try:
        await eventually(all_done, "end of every order", SETTLE_SECONDS, pause=0.3)
    except AssertionError:
        stuck = [await world.order(order) for order in list(waiting.values())[:3]]
        work = [await world.work_of(order.order_id) for order in stuck]
        raise AssertionError(
            f"{len(waiting)} of {len(accepted)} orders did not settle: {stuck}, their work: {work}"
        ) from None


async def nothing_is_doubled(world: World, orders: dict[str, orders_pb2.Order]) -> None:
    """The platform knows exactly the orders that customers hold, and charged each once."""
    known: set[str] = set()
    token = ""
    while True:
        page = await world.orders.ListOrders(
            orders_pb2.ListOrdersRequest(page_size=200, page_token=token), metadata=world.auth(world.operator)
        )
        known.update(order.order_id for order in page.orders)
        token = page.next_page_token
        if not token:
            break
    assert known == {order.order_id for order in orders.values()}
    for order in orders.values():
        delivered = sum(
            group.quantity_units for line in order.lines for group in line.units if group.state in DELIVERED
        )
        whole = sum(line.quantity_units for line in order.lines)
        if delivered == whole:
            assert order.payment.captured_minor == order.total_minor, order.order_id
        assert order.payment.captured_minor <= order.total_minor


async def the_books_agree(
    world: World, orders: dict[str, orders_pb2.Order], received: Mapping[str, int]
) -> None:
    """Of what was `received` by SKU, orders delivered what the ledger says has left; the audit is clean."""
    delivered = dict.fromkeys(received, 0)
    for order in orders.values():
        for line in order.lines:
            for group in line.units:
                if group.state in DELIVERED:
                    delivered[line.sku] += group.quantity_units

    async def agree() -> bool:
        for sku, units in delivered.items():
            answer = await world.stock.ListPositions(
                inventory_pb2.ListPositionsRequest(sku=sku), metadata=world.auth(world.operator)
            )
            left = sum(position.on_hand_units for position in answer.positions)
            if left + units != received[sku] or any(position.reserved_units for position in answer.positions):
                return False
        return (await world.audit()).difference_count == 0

    await eventually(agree, f"agreement of the ledger with {delivered}", SETTLE_SECONDS, pause=0.3)


async def no_dead_letters(world: World) -> None:
    """No event was given up by its handler."""
    for service in ("inventory", "orders", "fulfillment"):
        stub = bus_pb2_grpc.BusServiceStub(world.grpc_channel(service))
        answer = await stub.ListDeadLetters(
            bus_pb2.ListDeadLettersRequest(state=bus_pb2.DEAD_LETTER_STATE_OPEN),
            metadata=world.auth(world.operator),
        )
        assert list(answer.dead_letters) == [], service
