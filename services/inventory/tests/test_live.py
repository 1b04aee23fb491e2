"""How changed positions are told to the replicas of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from aljibe.inventory.v1 import events_pb2 as facts
from services.inventory.adapters.nats.live import LivePositions
from services.inventory.domain.stock import Position
from services.inventory.tests.builders import SKU, STORE

FAREWELL = -1


@dataclass
class _Broker:
    """Keeps what is published, and says so."""

    is_connected: bool = True
    sent: list[facts.PositionsChanged] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self, _subject: str, data: bytes) -> None:
        self.sent.append(facts.PositionsChanged.FromString(data))
        self.came.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Return once what was sent makes it so."""
        async with asyncio.timeout(5):
            while not true():
                self.came.clear()
                await self.came.wait()


def _position(units: int) -> Position:
    return Position(SKU, STORE, units, version=units)


def _told(broker: _Broker) -> list[list[int]]:
    return [[one.available_units for one in message.positions] for message in broker.sent]


async def test_changes_that_come_soon_after_others_share_a_message() -> None:
    """Every process with a replica wakes for a message; the newest figure of a position is enough."""
    broker = _Broker()
    live = LivePositions(None, broker)  # type: ignore[arg-type]
    task = asyncio.create_task(live.publish_for_ever())

    live.tell([_position(1)])
    await broker.until(lambda: len(broker.sent) == 1)
    for units in (2, 3, 4):
        live.tell([_position(units)])
        await asyncio.sleep(0)
    await broker.until(lambda: len(broker.sent) == 2)

    assert _told(broker) == [[1], [4]]
    task.cancel()


async def test_what_was_not_told_yet_is_told_before_the_farewell() -> None:
    """After it silence means nothing, so nobody would ask for what is missing."""
    broker = _Broker()
    live = LivePositions(None, broker)  # type: ignore[arg-type]
    task = asyncio.create_task(live.publish_for_ever())
    live.tell([_position(1)])
    await broker.until(lambda: len(broker.sent) == 1)

    live.tell([_position(2)])
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert _told(broker) == [[1], [2], []]
    assert broker.sent[-1].sequence == FAREWELL
