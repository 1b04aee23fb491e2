"""How long the disk itself makes a writer wait while a load runs: a small write and its ``fdatasync`` again
and again, to a file of its own next to the servers' data.

An order waits for at least two of those. On a virtual machine one may take half a second without any load of
ours, which nothing in the platform can make up for; a latency is read together with them.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.load import percentile

EVERY_SECONDS = 0.05
STALL_SECONDS = 0.05
"""A wait from here on is a stall: the whole time that an order may take at half of peak."""
_PAGE = bytes(8192)
_PAGES = 64


@dataclass(frozen=True)
class DiskWaits:
    """What the probe waited; ``stalled`` is the share of the time that passed in stalls."""

    syncs: int
    p50_ms: float
    longest_ms: float
    stalled: float


class DiskProbe:
    """Writes and waits in a thread of its own while the block runs; ``waits`` tells afterwards.

    A probe that fails, on a full disk say, ends the block with its OSError.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "disk-probe"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disk-probe", daemon=True)
        self._seen: list[float] = []
        self._error: OSError | None = None
        self._lasted = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._path.unlink(missing_ok=True)
        if self._error is not None:
            raise self._error

    @property
    def waits(self) -> DiskWaits:
        """What was waited in the block, once it has ended."""
        seen = sorted(self._seen)
        stalls = sum(wait for wait in seen if wait >= STALL_SECONDS)
        return DiskWaits(
            syncs=len(seen),
            p50_ms=1000 * percentile(seen, 0.5),
            longest_ms=1000 * seen[-1],
            stalled=stalls / self._lasted,
        )

    def _run(self) -> None:
        try:
            # Written once before, so that a probe is the data alone and no change of the file's size.
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.write(file, _PAGE * _PAGES)
                os.fsync(file)
                self._probe(file)
            finally:
                os.close(file)
        except OSError as error:
            self._error = error

    def _probe(self, file: int) -> None:
        began = time.perf_counter()
        while True:
            since = time.perf_counter()
            os.pwrite(file, _PAGE, len(self._seen) % _PAGES * len(_PAGE))
            os.fdatasync(file)
            ended = time.perf_counter()
            self._seen.append(ended - since)
            self._lasted = ended - began
            if self._done.wait(EVERY_SECONDS):
                return
