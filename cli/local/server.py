"""What the embedded servers have in common: one process over a folder, started, stopped and killed."""

from __future__ import annotations

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from cli.local.child import Child
from cli.local.machine import free_port, make_folder, server_account


class LocalServer(ABC):
    """One server on loopback whose data live in ``folder``; ``start`` again after ``stop`` or ``kill``.

    ``folder/password`` keeps the random password of its one user (mode 0600).
    """

    name: ClassVar[str]
    """Of its log file."""
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]]
    """Signals that end it cleanly, each with the seconds it is given."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.log = self.folder / f"{self.name}.log"
        self._account = server_account()
        self._child: Child | None = None
        self._changing = asyncio.Lock()  # two starts, or a start amid a wipe, would race for the data

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def running(self) -> bool:
        """Whether the server process lives."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._child.pid if self._child and self._child.running else None

    @property
    def password(self) -> str:
        """The password of the server's one user."""
        return (self.folder / "password").read_text()

    async def start(self) -> None:
        """Return when the server has recovered and answers. Raises StartFailed with the end of its log."""
        async with self._changing:
            if self.running:
                return
            make_folder(self.folder)
            self._child = await self._launch()
            try:
                await self._ready(self._child)
            except BaseException:
                await self.stop()
                raise

    async def wait(self) -> None:
        """Wait until the server has ended, however; at once when it was never started."""
        if self._child:
            await self._child.wait()

    async def stop(self) -> None:
        """End cleanly, even a frozen one, which hears nothing else."""
        self.resume()
        if self._child:
            await self._child.stop(*self.stop_steps)

    async def kill(self) -> None:
        """SIGKILL the server."""
        if self._child:
            await self._child.stop()

    def pause(self) -> None:
        """Freeze the server's own process: its connections stay open and nobody answers."""
        if self._child:
            self._child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        if self._child:
            self._child.send(signal.SIGCONT)

    @abstractmethod
    async def _launch(self) -> Child:
        """Prepare the folder and start the process."""

    @abstractmethod
    async def _ready(self, child: Child) -> None:
        """Return when it answers. Raises StartFailed."""
