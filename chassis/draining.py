"""Streams end when the server drains: one that waits for its next message would otherwise keep a shutdown
waiting for the whole grace period. The caller hears UNAVAILABLE, as from any server that is away, and asks
another instance.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from chassis.refusals import Unavailable

T = TypeVar("T")

PATIENCE_SECONDS = 0.1
"""How long a stream of answers may still go without one: who sends what there is gets to its end."""


class Draining:
    """Whether the server drains, and the streams that must hear of it."""

    def __init__(self) -> None:
        self._begun = False
        self._waits: set[_Wait] = set()

    def begin(self) -> None:
        """End every stream that waits for its next message, now or later."""
        self._begun = True
        for wait in list(self._waits):
            wait.arm()

    async def until_begun(self, source: AsyncIterator[T], patience_seconds: float = 0.0) -> AsyncIterator[T]:
        """The items of `source`, until the server drains and none came for `patience_seconds`.

        Raises:
            Unavailable: the server drains.
        """
        wait = _Wait(patience_seconds)
        self._waits.add(wait)
        try:
            while True:
                wait.task = asyncio.current_task()
                if self._begun:
                    wait.arm()
                try:
                    item = await anext(source)
                except StopAsyncIteration:
                    return
                except asyncio.CancelledError:
                    if not wait.fired or wait.task is None or wait.task.uncancel():
                        raise
                    raise Unavailable("this instance, which is shutting down,") from None
                finally:
                    wait.disarm()
                yield item
        finally:
            self._waits.discard(wait)


class _Wait:
    """A task that waits for the next item of one stream."""

    def __init__(self, patience_seconds: float) -> None:
        self.task: asyncio.Task[object] | None = None
        self.fired = False
        self._patience = patience_seconds
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """End the wait unless its item comes soon; nothing when there is none just now."""
        if self.task is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._patience, self._fire)

    def disarm(self) -> None:
        """The item has come."""
        self.task = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        if self.task is not None:
            self.fired = True
            self.task.cancel()
