"""The sweep for pickups that nobody collected goes on, whatever one of them is like."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from chassis.envelope import OutboxEvent
from chassis.postgres import Database
from services.fulfillment.adapters.expiry import ExpiryLoop
from services.fulfillment.domain.fulfillment_order import State
from services.fulfillment.tests.builders import NOW, a_ready_pickup
from services.fulfillment.tests.test_postgres import keep


async def states(db: Database) -> dict[str, State]:
    async with db.connection() as conn:
        rows = await conn.fetch("SELECT fulfillment_order_id, state FROM fulfillment_order")
    return {row[0]: State(row[1]) for row in rows}


def untold(events: Sequence[OutboxEvent]) -> None:
    """Nobody listens."""


async def test_a_pickup_that_cannot_be_expired_does_not_keep_the_others(db: Database) -> None:
    """Its event would stand twice in the outbox, which refuses it: a fault of ours, on one row."""
    pickups = [a_ready_pickup(1) for _ in range(3)]
    bad, *good = [pickup.id for pickup in pickups]
    await keep(db, *pickups)
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE fulfillment_order SET event_sequence = event_sequence - 1"
            " WHERE fulfillment_order_id = $1",
            bad,
        )
    loop = ExpiryLoop(db, untold, lambda: NOW + timedelta(days=30), 0.01)

    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(20):
        while {(await states(db))[one] for one in good} != {State.EXPIRED}:
            await asyncio.sleep(0.02)
    alive = not running.done()
    running.cancel()
    await asyncio.wait([running])

    assert alive
    assert (await states(db))[bad] == State.READY
    assert loop.waiting == [bad]
