"""Work lists that one bad item must not stop: it is set aside, tried again later and later, and the others go
on.

A background loop is an edge: whatever one item raises is caught there, logged with its traceback and counted.
What is kept here lives as long as the process; another instance, or the next start, tries the item at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chassis.metrics import counter, gauge
from chassis.postgres import WAIT_OUT

log = logging.getLogger(__name__)

FIRST_SECONDS = 1.0
CAP_SECONDS = 300.0
MAX_ITEMS = 10_000
"""Past this many the one that failed longest ago is forgotten, and simply tried sooner."""

_failures = counter("set_aside_failures_total", "failures", "Items of a work list that failed", ["work"])
_waiting = gauge("set_aside_items", "items", "Items that failed and wait for their next try", ["work"])


@dataclass(slots=True)
class _Item:
    tries: int
    retry_at: float


@dataclass(slots=True)
class Attempt:
    """How the try of one item went."""

    error: Exception | None = None
    wait_seconds: float = 0.0
    """Until the next try."""


class SetAside:
    """The items of the work list `work` that failed, each with its next try."""

    def __init__(
        self,
        work: str,
        *,
        first_seconds: float = FIRST_SECONDS,
        cap_seconds: float = CAP_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._first = first_seconds
        self._cap = cap_seconds
        self._now = now
        self._items: dict[str, _Item] = {}
        self._failures = _failures.labels(work)
        self._waiting = _waiting.labels(work)

    @property
    def waiting(self) -> list[str]:
        """The items whose next try has not come: to be left out of the work."""
        now = self._now()
        return [key for key, item in self._items.items() if item.retry_at > now]

    @contextmanager
    def trying(self, key: str, *, passing: tuple[type[Exception], ...] = WAIT_OUT) -> Iterator[Attempt]:
        """Try one item in this block: what it raises sets it aside, and goes no further.

        Raises:
            Exception: those of `passing`; a database that is away is no item's fault.
        """
        attempt = Attempt()
        try:
            yield attempt
        except passing:
            raise
        except Exception as error:  # noqa: BLE001 - a background loop is an edge; `failed` logs the traceback
            attempt.error = error
            attempt.wait_seconds = self.failed(key, error)
        else:
            self.done(key)

    def failed(self, key: str, error: BaseException) -> float:
        """Seconds until the item may be tried again; twice as many after each failure."""
        before = self._items.pop(key, None)
        tries = before.tries + 1 if before is not None else 1
        wait = min(self._cap, self._first * 2.0 ** min(tries - 1, 30))
        if len(self._items) >= MAX_ITEMS:
            self._items.pop(next(iter(self._items)))
        self._items[key] = _Item(tries, self._now() + wait)
        self._failures.inc()
        self._waiting.set(len(self._items))
        log.error(
            "work.item.failed",
            extra={"work": self._work, "item": key, "tries": tries, "wait_seconds": wait},
            exc_info=error,
        )
        return wait

    def done(self, key: str) -> None:
        """The item failed no more, or is no more."""
        if self._items.pop(key, None) is not None:
            self._waiting.set(len(self._items))


async def sweep_for_ever(sweep: Callable[[], Awaitable[bool]], every_seconds: float) -> None:
    """Sweep a work list again at once as long as `sweep` says that more may wait, else every `every_seconds`;
    a database that is away is waited out. Ends only when cancelled.
    """
    while True:
        try:
            while await sweep():
                pass
        except WAIT_OUT as error:
            log.warning("expiry.waiting", extra={"reason": repr(error)})
        await asyncio.sleep(every_seconds)
