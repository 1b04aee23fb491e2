"""A message that its handler cannot take: kept, seen, tried again and given up."""

from __future__ import annotations

import grpc
import nats
import pytest

from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from cli.local.platform import Platform
from tests.integration.world import World, eventually, request_id

HEARERS = ("inventory", "fulfillment")
"""Who hears that an order was accepted."""


async def test_a_dead_letter_is_seen_and_driven_again(rough: tuple[Platform, World]) -> None:
    """An event that its handler cannot take is kept with its error where an operator finds it."""
    platform, world = rough
    await _publish_poison(platform)

    letters = {name: await _letter(world, name) for name in HEARERS}
    try:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await _stub(world, "inventory").RedriveDeadLetter(
                bus_pb2.RedriveDeadLetterRequest(
                    dead_letter_id=letters["inventory"].dead_letter_id, request_id=request_id()
                ),
                metadata=world.auth(world.operator),
            )
    finally:
        settled = [await _given_up(world, name, letter) for name, letter in letters.items()]

    assert {letter.type for letter in letters.values()} == {"aljibe.orders.v1.OrderAccepted"}
    assert all(letter.error for letter in letters.values())
    assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert {letter.state for letter in settled} == {bus_pb2.DEAD_LETTER_STATE_DISCARDED}


def _stub(world: World, service: str) -> bus_pb2_grpc.BusServiceAsyncStub:
    return bus_pb2_grpc.BusServiceStub(world.grpc_channel(service))


async def _letter(world: World, service: str) -> bus_pb2.DeadLetter:
    """The open letter of a service, as soon as there is one."""
    request = bus_pb2.ListDeadLettersRequest(state=bus_pb2.DEAD_LETTER_STATE_OPEN)

    async def seen() -> bus_pb2.DeadLetter | None:
        answer = await _stub(world, service).ListDeadLetters(request, metadata=world.auth(world.operator))
        return answer.dead_letters[0] if answer.dead_letters else None

    found: bus_pb2.DeadLetter = await eventually(seen, f"dead letter of {service}")
    return found


async def _given_up(world: World, service: str, letter: bus_pb2.DeadLetter) -> bus_pb2.DeadLetter:
    request = bus_pb2.DiscardDeadLetterRequest(
        dead_letter_id=letter.dead_letter_id, request_id=request_id(), note="made by a test"
    )
    answer = await _stub(world, service).DiscardDeadLetter(request, metadata=world.auth(world.operator))
    return answer.dead_letter


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
