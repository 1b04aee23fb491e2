"""SIGINT and SIGTERM heard from the first moment to the last, so that none finds nobody listening."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from types import TracebackType
from typing import Self

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class EndSignals:
    """While it is entered, SIGINT and SIGTERM are remembered instead of ending the process."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in _NUMBERS:
            loop.add_signal_handler(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in _NUMBERS:
            loop.remove_signal_handler(number)

    @contextlib.contextmanager
    def cancelling(self) -> Iterator[None]:
        """A signal cancels what runs inside, so that it can undo itself."""
        self._task = asyncio.current_task()
        try:
            yield
        finally:
            self._task = None

    async def wait(self) -> None:
        """Return once a signal came, at once if it came before."""
        await self._asked.wait()

    def _hear(self) -> None:
        self._asked.set()
        if self._task:
            self._task.cancel()
