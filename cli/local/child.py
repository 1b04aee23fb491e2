"""Child processes that die with us, log into a file, and can be awaited from any event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

_GUARD = Path(__file__).with_name("guard.py")
_LOG_TAIL_LINES = 12


class StartFailed(Exception):
    """A server or service ended, or was not ready in time; the text holds the end of its log."""


@dataclass(frozen=True)
class Account:
    """The system user that a server runs as."""

    uid: int
    gid: int


def _private(path: str, flags: int) -> int:
    # Logs may tell of customers: for our own eyes only.
    return os.open(path, flags, 0o600)


class Child:
    """One running process. On Linux the kernel sends it ``death_signal`` when our starting thread ends."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        account: Account | None = None,
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = log.stem
        self.log = log
        uid, gid = (account.uid, account.gid) if account else (-1, -1)
        guard = [sys.executable, "-I", "-S", str(_GUARD), str(uid), str(gid), str(int(death_signal))]
        with open(log, "ab", opener=_private) as output:
            # A group of its own: Ctrl-C on the terminal reaches us only, and we stop the children in order.
            self._process = subprocess.Popen(
                [*guard, str(os.getpid()), *(str(part) for part in command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
            )
        self._ended: Future[int] = Future()
        threading.Thread(target=self._watch, name=f"wait-{self.name}", daemon=True).start()

    def _watch(self) -> None:
        self._ended.set_result(self._process.wait())

    @property
    def pid(self) -> int:
        """Its process id, that of the command itself."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.done()

    @property
    def exit_code(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        # Shielded: a cancelled waiter must not cancel the future that others wait for.
        return await asyncio.shield(asyncio.wrap_future(self._ended))

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process has ended."""
        if self.running:
            self._process.send_signal(number)

    async def stop(self, *steps: tuple[signal.Signals, float]) -> int:
        """Send each signal in turn and wait its seconds; SIGKILL when none of them helped."""
        for number, seconds in steps:
            self.send(number)
            try:
                return await asyncio.wait_for(self.wait(), seconds)
            except TimeoutError:
                continue
        self.send(signal.SIGKILL)
        return await self.wait()

    def failure(self, what: str) -> StartFailed:
        """The error that tells what went wrong, with the end of the log."""
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return StartFailed("\n".join([f"{self.name} {what} (log: {self.log})", *lines]))
