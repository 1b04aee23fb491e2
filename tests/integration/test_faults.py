"""Journey 14: everything is killed in turn under load; afterwards every accepted order has reached its end.

``ALJIBE_FAULT_SEED`` replays a run's choices, ``ALJIBE_FAULT_ROUNDS`` runs it several times in a row.
"""

from __future__ import annotations

import asyncio
import os
import random

import grpc
import pytest

from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from cli.local.platform import Platform
from tests.integration.aftermath import (
    no_dead_letters,
    nothing_is_doubled,
    own_platform,
    settled,
    the_books_agree,
)
from tests.integration.shopping import Crowd
from tests.integration.world import STORES, eventually, request_id

SERVICES = ("catalog", "inventory", "orders", "fulfillment", "gateway")
VICTIMS = (*SERVICES, "postgres", "nats")
CUSTOMERS = 12
ROUNDS = int(os.environ.get("ALJIBE_FAULT_ROUNDS", "1"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_14_kills_in_turn_lose_and_double_nothing(round_: int) -> None:
    """Each service, PostgreSQL and NATS die by SIGKILL under load; then all of JetStream is deleted."""
    seed = int(os.environ.get("ALJIBE_FAULT_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"ALJIBE_FAULT_SEED={seed}")  # noqa: T201 (shown with a failure: it replays the run)
    choices = random.Random(seed)
    async with own_platform() as (platform, world):
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
            await settled(world, diary.accepted)
            staff.cancel()

        orders = {key: await world.order(order) for key, order in diary.accepted.items()}
        assert sorted(struck) == sorted([*VICTIMS, "jetstream"])
        assert diary.repeats > 0, "no fault was ever felt: the load was too small"
        assert diary.unanswered == []
        assert diary.internal_errors == []
        assert len({order.order_id for order in orders.values()}) == len(orders)
        await nothing_is_doubled(world, orders)
        await the_books_agree(world, orders, dict.fromkeys(skus, 400 * len(places)))
        await no_dead_letters(world)


async def _answers(crowd: Crowd, count: int) -> None:
    """Returns when customers have had ``count`` more answers: the load really goes on."""
    target = crowd.answered + count

    async def enough() -> bool:
        return crowd.answered >= target

    await eventually(enough, f"{count} more answers", seconds=60)


async def test_a_dead_letter_is_seen_and_driven_again() -> None:
    """An event that its handler cannot take is kept with its error where an operator finds it."""
    async with own_platform() as (platform, world):
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
