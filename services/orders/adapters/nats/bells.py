"""Bells that ring when an order changes: here after a commit, elsewhere when another instance's event
comes by.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis.streams import BROKER_ERRORS

LOOK_AGAIN_SECONDS = 5.0
"""Even without a bell a watcher looks again after this time: a bell over core NATS may be lost."""


class Bells:
    """One bell per watched order and watcher."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def ring(self, order_ids: Iterable[str]) -> None:
        """These orders changed."""
        for order_id in order_ids:
            for bell in self._waiting.get(order_id, ()):
                bell.set()

    @asynccontextmanager
    async def listening(self, order_id: str) -> AsyncIterator[asyncio.Event]:
        """A bell for this order; whoever waits for it clears it before looking."""
        bell = asyncio.Event()
        self._waiting.setdefault(order_id, set()).add(bell)
        subscription = None

        async def on_event(_message: Msg) -> None:
            bell.set()

        try:
            with suppress(*BROKER_ERRORS):
                subscription = await self._nats.subscribe(f"aljibe.orders.v1.*.{order_id}", cb=on_event)
            yield bell
        finally:
            bells = self._waiting[order_id]
            bells.discard(bell)
            if not bells:
                del self._waiting[order_id]
            if subscription is not None:
                with suppress(*BROKER_ERRORS):
                    await subscription.unsubscribe()


async def wait_for(bell: asyncio.Event) -> None:
    """Return when the bell rings, or when it is time to look again anyway."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_AGAIN_SECONDS):
            await bell.wait()
