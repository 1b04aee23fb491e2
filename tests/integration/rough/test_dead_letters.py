"""A message that its handler cannot take: kept, seen, tried again and given up."""

from __future__ import annotations

import grpc
import nats
import pytest

from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from cli.local.platform import Platform
from tests.integration.world import World, eventually, request_id


async def test_a_dead_letter_is_seen_and_driven_again(rough: tuple[Platform, World]) -> None:
    """An event that its handler cannot take is kept with its error where an operator finds it."""
    platform, world = rough
    await _publish_poison(platform)
    stub = bus_pb2_grpc.BusServiceStub(world.grpc_channel("inventory"))
    auth = world.auth(world.operator)

    async def seen() -> list[bus_pb2.DeadLetter]:
        answer = await stub.ListDeadLetters(bus_pb2.ListDeadLettersRequest(), metadata=auth)
        return list(answer.dead_letters)

    letters = await eventually(seen, "dead letter")
    again = bus_pb2.RedriveDeadLetterRequest(
        dead_letter_id=letters[0].dead_letter_id, request_id=request_id()
    )
    given_up = bus_pb2.DiscardDeadLetterRequest(
        dead_letter_id=letters[0].dead_letter_id, request_id=request_id(), note="made by a test"
    )
    try:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.RedriveDeadLetter(again, metadata=auth)
    finally:
        settled = await stub.DiscardDeadLetter(given_up, metadata=auth)

    assert letters[0].type == "aljibe.orders.v1.OrderAccepted"
    assert letters[0].error
    assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert settled.dead_letter.state == bus_pb2.DEAD_LETTER_STATE_DISCARDED


async def _publish_poison(platform: Platform) -> None:
    """An OrderAccepted whose bytes are no message."""
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
