"""Journey 14: everything is killed in turn under load; afterwards every accepted order has reached its end.

``ALJIBE_FAULT_SEED`` replays a run's choices, ``ALJIBE_FAULT_ROUNDS`` runs it several times in a row.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from aljibe.inventory.v1 import inventory_pb2
from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from aljibe.orders.v1 import orders_pb2
from cli.local.platform import Platform
from tests.integration.shopping import Crowd
from tests.integration.world import FINAL, STORES, World, eventually, request_id, retailer

SERVICES = ("catalog", "inventory", "orders", "fulfillment", "gateway")
VICTIMS = (*SERVICES, "postgres", "nats")
CUSTOMERS = 12
ROUNDS = int(os.environ.get("ALJIBE_FAULT_ROUNDS", "1"))
SETTLE_SECONDS = 60.0


@asynccontextmanager
async def _own_platform() -> AsyncIterator[tuple[Platform, World]]:
    folder = Path(tempfile.mkdtemp(prefix="aljibe-faults-"))
    folder.chmod(0o755)
    try:
        async with Platform(folder) as platform, retailer(platform) as world:
            yield platform, world
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_14_kills_in_turn_lose_and_double_nothing(round_: int) -> None:
    """Each service, PostgreSQL and NATS die by SIGKILL under load; then all of JetStream is deleted."""
    seed = int(os.environ.get("ALJIBE_FAULT_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"ALJIBE_FAULT_SEED={seed}")  # noqa: T201 (shown with a failure: it replays the run)
    choices = random.Random(seed)
    async with _own_platform() as (platform, world):
        places = (*STORES, "wh-1")
        skus = [await world.article(stock=dict.fromkeys(places, 400)) for _ in range(6)]
        crowd = Crowd(world, skus, seed)
        struck: list[str] = []

        async with asyncio.TaskGroup() as group:
            staff = group.create_task(crowd.staff())
            shopping = group.create_task(crowd.shop(CUSTOMERS))
            await _answers(crowd, 20)
            for victim in choices.sample(VICTIMS, len(VICTIMS)):
                await platform.kill(victim)
                struck.append(victim)
                await platform.healthy()
                await _answers(crowd, 20)
            assert platform.nats is not None
            await platform.nats.wipe()
            struck.append("jetstream")
            await _answers(crowd, 40)
            crowd.closing.set()
            await shopping
            diary = crowd.diary
            await _settled(world, diary.accepted)
            staff.cancel()

        orders = {key: await world.order(order) for key, order in diary.accepted.items()}
        assert sorted(struck) == sorted([*VICTIMS, "jetstream"])
        assert diary.repeats > 0, "no fault was ever felt: the load was too small"
        assert diary.unanswered == []
        assert diary.internal_errors == []
        assert len({order.order_id for order in orders.values()}) == len(orders)
        await _nothing_is_doubled(world, orders)
        await _the_books_agree(world, orders)
        await _no_dead_letters(world)


async def _answers(crowd: Crowd, count: int) -> None:
    """Returns when customers have had ``count`` more answers: the load really goes on."""
    target = crowd.answered + count

    async def enough() -> bool:
        return crowd.answered >= target

    await eventually(enough, f"{count} more answers", seconds=60)


async def _settled(world: World, accepted: dict[str, orders_pb2.Order]) -> None:
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
        raise AssertionError(f"{len(waiting)} of {len(accepted)} orders did not settle: {stuck}") from None


async def _nothing_is_doubled(world: World, orders: dict[str, orders_pb2.Order]) -> None:
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
            group.quantity_units
            for line in order.lines
            for group in line.units
            if group.state in (orders_pb2.UNIT_STATE_SHIPPED, orders_pb2.UNIT_STATE_HANDED_OVER)
        )
        whole = sum(line.quantity_units for line in order.lines)
        if delivered == whole:
            assert order.payment.captured_minor == order.total_minor, order.order_id
        assert order.payment.captured_minor <= order.total_minor


async def _the_books_agree(world: World, orders: dict[str, orders_pb2.Order]) -> None:
    """What left by the ledger is what the orders say was delivered, and the audit is clean."""
    delivered: dict[str, int] = {}
    for order in orders.values():
        for line in order.lines:
            for group in line.units:
                if group.state in (orders_pb2.UNIT_STATE_SHIPPED, orders_pb2.UNIT_STATE_HANDED_OVER):
                    delivered[line.sku] = delivered.get(line.sku, 0) + group.quantity_units

    async def agree() -> bool:
        for sku, units in delivered.items():
            answer = await world.stock.ListPositions(
                inventory_pb2.ListPositionsRequest(sku=sku), metadata=world.auth(world.operator)
            )
            left = sum(position.on_hand_units for position in answer.positions)
            if left + units != 4 * 400 or any(position.reserved_units for position in answer.positions):
                return False
        return (await world.audit()).difference_count == 0

    await eventually(agree, f"agreement of the ledger with {delivered}", SETTLE_SECONDS, pause=0.3)


async def _no_dead_letters(world: World) -> None:
    for service in ("inventory", "orders", "fulfillment"):
        stub = bus_pb2_grpc.BusServiceStub(world.grpc_channel(service))
        answer = await stub.ListDeadLetters(
            bus_pb2.ListDeadLettersRequest(state=bus_pb2.DEAD_LETTER_STATE_OPEN),
            metadata=world.auth(world.operator),
        )
        assert list(answer.dead_letters) == [], service


async def test_a_dead_letter_is_seen_and_driven_again() -> None:
    """An event that its handler cannot take is kept with its error where an operator finds it."""
    async with _own_platform() as (platform, world):
        await _publish_poison(platform)
        stub = bus_pb2_grpc.BusServiceStub(world.grpc_channel("inventory"))
        auth = world.auth(world.operator)

        async def seen() -> list[bus_pb2.DeadLetter]:
            answer = await stub.ListDeadLetters(bus_pb2.ListDeadLettersRequest(), metadata=auth)
            return list(answer.dead_letters)

        letters = await eventually(seen, "dead letter", seconds=30)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.RedriveDeadLetter(
                bus_pb2.RedriveDeadLetterRequest(
                    dead_letter_id=letters[0].dead_letter_id, request_id=request_id()
                ),
                metadata=auth,
            )
        settled = await stub.DiscardDeadLetter(
            bus_pb2.DiscardDeadLetterRequest(
                dead_letter_id=letters[0].dead_letter_id, request_id=request_id(), note="made by a test"
            ),
            metadata=auth,
        )

        assert letters[0].type == "aljibe.orders.v1.OrderAccepted"
        assert letters[0].error
        assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert settled.dead_letter.state == bus_pb2.DEAD_LETTER_STATE_DISCARDED


async def _publish_poison(platform: Platform) -> None:
    """An OrderAccepted whose bytes are no message."""
    import nats

    client = await nats.connect(platform.nats_url)
    try:
        await client.jetstream().publish(
            "aljibe.orders.v1.order-accepted.ord_poison",
            b"\xff\xff\xff",
            headers={
                "ce-id": "0192f000-0000-7000-8000-000000000001",
                "ce-type": "aljibe.orders.v1.OrderAccepted",
                "ce-source": "/aljibe/orders",
                "ce-time": "2026-01-01T00:00:00Z",
                "ce-subject": "ord_poison",
                "ce-aggregate": "order",
                "ce-sequence": "1",
                "ce-specversion": "1.0",
                "content-type": "application/protobuf",
            },
        )
    finally:
        await client.close()
