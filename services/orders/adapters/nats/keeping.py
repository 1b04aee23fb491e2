"""Copies of what others own, kept true: read again when told of a change, and every now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

FIRST_RETRY_SECONDS = 0.5


async def keep_true(
    read: Callable[[], Awaitable[None]],
    stale: asyncio.Event,
    again_seconds: float,
    away: tuple[type[Exception], ...],
    log: logging.Logger,
    name: str,
) -> None:
    """Call `read` for ever: whenever `stale` is set, and after `again_seconds`. While it fails for the first
    time by one of `away`, sooner; what was read before stays, whatever the error.
    """
    wait = FIRST_RETRY_SECONDS
    while True:
        stale.clear()
        try:
            await read()
            wait = again_seconds
        except away as error:
            log.warning("%s.waiting", name, extra={"reason": repr(error)})
        except Exception:
            # What cannot be understood must not end the service.
            log.exception("%s.failed", name)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await stale.wait()
