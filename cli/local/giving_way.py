"""What runs in the background gives way to the programs that a person looks at.

Linux shares the cores between sessions first (autogroups, sched(7)). Each service and each PostgreSQL backend
is a session of its own, while a browser with all its processes is one: beside twenty busy ones it is left a
twentieth of the machine, and needs seconds to paint a page that it has had since long.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

NICENESS = 10
"""Of a session: about a ninth of the weight of one with 0. It counts only while all cores are busy."""
EVERY_SECONDS = 5.0
"""Backends come with the connections of services."""
_BETWEEN_SECONDS = 0.11
"""The kernel takes one such wish in a tenth of a second of those who are not root."""


class GivingWay:
    """Asks for less for these processes and their children. Where the kernel knows no autogroups, or does not
    let us, it does nothing.
    """

    def __init__(self, pids: Callable[[], Iterable[int]], *, proc: Path = Path("/proc")) -> None:
        self._pids = pids
        self._proc = proc
        self._done: set[int] = set()

    async def keep(self) -> None:
        """Until cancelled."""
        if sys.platform != "linux" or not (self._proc / "self" / "autogroup").exists():
            return
        while True:
            await self.look()
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Ask for those that have come since."""
        parents = set(self._pids())
        found = set(parents)
        for process in psutil.process_iter(["ppid"]):
            # Of one generation: backends are the postmaster's own.
            if process.info["ppid"] in parents:
                found.add(process.pid)
        self._done &= found
        for pid in found - self._done:
            while True:
                try:
                    (self._proc / str(pid) / "autogroup").write_text(str(NICENESS))
                except BlockingIOError:
                    await asyncio.sleep(_BETWEEN_SECONDS)
                    continue
                except OSError:
                    # It has ended, or is not ours to ask for.
                    pass
                break
            self._done.add(pid)
