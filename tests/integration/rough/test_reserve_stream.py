"""Inventory dies in the middle of a stream of reservations: what was answered stands, what was not is sent
again, and nothing stands twice.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis.ids import new_id
from cli.local.platform import Platform
from tests.integration.world import World

ORDERS = 12_000
SCARCE_UNITS = 5_000
PER_MESSAGE = 40
KILL_AFTER = (1_000, 6_000)
"""So many answers let inventory live."""


BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
"""What grpc.aio says of a connection that broke; INTERNAL when it was writing at that moment."""


async def test_a_stream_that_breaks_is_taken_up_again_and_nothing_stands_twice(
    rough: tuple[Platform, World],
) -> None:
    """Two articles: one with a unit for everybody, one that sells out on the way."""
    platform, world = rough
    plenty = await world.article(stock={"wh-1": 2 * ORDERS})
    scarce = await world.article(stock={"wh-1": SCARCE_UNITS})
    wanted = {order_id: scarce if n % 2 else plenty for n, order_id in enumerate(_order_ids())}
    granted: dict[str, str] = {}
    refused: set[str] = set()
    deaths = 0

    while left := [one for one in wanted if one not in granted and one not in refused]:
        try:
            async for order_ids, outcomes in _stream(world, left, wanted):
                for order_id, outcome in zip(order_ids, outcomes, strict=True):
                    if outcome.HasField("granted"):
                        granted[order_id] = outcome.granted.reservation.reservation_id
                    elif outcome.refused.reason == "INSUFFICIENT_STOCK":
                        refused.add(order_id)
                if deaths < len(KILL_AFTER) and len(granted) + len(refused) >= KILL_AFTER[deaths]:
                    deaths += 1
                    await platform.kill("inventory")
        except grpc.aio.AioRpcError as error:
            if error.code() not in BROKEN:
                raise
            await platform.healthy("inventory")
    again = await _everything(world, list(granted), wanted)

    assert deaths == len(KILL_AFTER)
    assert {one: granted[one] for one in granted} == again
    assert len(set(granted.values())) == len(granted)
    assert sum(wanted[one] == scarce for one in granted) == SCARCE_UNITS
    assert all(wanted[one] == scarce for one in refused)
    assert (await world.position(plenty, "wh-1")).reserved_units == ORDERS // 2
    assert (await world.position(scarce, "wh-1")).reserved_units == SCARCE_UNITS
    assert (await world.audit()).difference_count == 0


def _order_ids() -> list[str]:
    return [new_id("ord") for _ in range(ORDERS)]


async def _stream(world: World, order_ids: list[str], wanted: dict[str, str]) -> Any:
    """Answers of one stream, as (order ids, outcomes), until it ends or breaks."""

    async def messages() -> Any:
        for start in range(0, len(order_ids), PER_MESSAGE):
            yield pb.StreamReserveStockRequest(
                requests=[
                    pb.ReserveStockRequest(
                        order_id=order_id,
                        attempt=1,
                        picks=[pb.Pick(sku=wanted[order_id], location_id="wh-1", quantity_units=1)],
                    )
                    for order_id in order_ids[start : start + PER_MESSAGE]
                ]
            )
            await asyncio.sleep(0)

    metadata = world.auth(world.token("service", channels=["*"], locations=["*"]))
    async for answer in world.reservations.StreamReserveStock(messages(), metadata=metadata):
        first = answer.first_number - 1
        yield order_ids[first : first + len(answer.outcomes)], answer.outcomes


async def _everything(world: World, order_ids: list[str], wanted: dict[str, str]) -> dict[str, str]:
    """The reservations that a repeat of all of it finds."""
    found: dict[str, str] = {}
    async for part, outcomes in _stream(world, order_ids, wanted):
        for order_id, outcome in zip(part, outcomes, strict=True):
            assert outcome.granted.existed
            found[order_id] = outcome.granted.reservation.reservation_id
    return found
