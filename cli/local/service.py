"""One service as a supervised process: migrated, served, restarted when it dies, as Kubernetes would."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import grpc
import httpx

from chassis.health import serves
from cli.local.child import Child
from cli.local.happening import Happening, ignore

Command = Callable[[str, str], Sequence[str]]
"""(service, "migrate" or "serve") → the command that does it."""

_FIRST_BACKOFF_SECONDS = 0.1
_MAX_BACKOFF_SECONDS = 10.0
_STEADY_SECONDS = 30.0  # one that lived so long starts again with the first back-off
_DRAIN_SECONDS = 20.0  # a service drains within 10 s by default
_MIGRATE_SECONDS = 120.0
_HEALTH_POLL_SECONDS = 0.05
_HEALTH_CALL_SECONDS = 2.0
_MAX_FAILED_STARTS = 3

_CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
)


def python_command(service: str, action: str) -> Sequence[str]:
    """The real thing: ``python -m services.<service> <action>``."""
    return [sys.executable, "-m", f"services.{service}", action]


class ServiceProcess:
    """Keeps one service running. ``address`` is its gRPC ``host:port``, or the URL of its HTTP door."""

    def __init__(
        self,
        name: str,
        address: str,
        *,
        environ: Mapping[str, str],
        migrate_environ: Mapping[str, str] | None,
        log: Path,
        command: Command = python_command,
        say: Callable[[Happening], None] = ignore,
    ) -> None:
        self.name = name
        self.address = address
        self.log = log
        self.overrides: dict[str, str] = {}
        """Variables that the next start gets on top of its own; for tests of faults."""
        self.max_backoff_seconds = _MAX_BACKOFF_SECONDS
        """Between two starts at most; tests that kill it again and again have no time for more."""
        self.starts = 0
        self._environ = environ
        self._migrate_environ = migrate_environ
        self._command = command
        self._say = say
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._spawned = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child and self._child.running else None

    async def migrate(self) -> None:
        """Bring its schema up to date. Raises StartFailed with the end of the log."""
        if self._migrate_environ is None:
            return
        child = Child(self._command(self.name, "migrate"), log=self.log, env=self._migrate_environ)
        try:
            code = await asyncio.wait_for(child.wait(), _MIGRATE_SECONDS)
        except TimeoutError:
            raise child.failure(f"did not migrate within {_MIGRATE_SECONDS:.0f} s") from None
        finally:
            await child.stop()
        if code != 0:
            raise child.failure(f"migrate ended with code {code}")

    def start(self) -> None:
        """Start it, and again whenever it ends, until ``stop``."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"keep-{self.name}")

    async def stop(self) -> None:
        """Let it drain and end; it stays down."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        self.resume()  # a frozen process hears no SIGTERM
        if self._child:
            await self._child.stop((signal.SIGTERM, _DRAIN_SECONDS))

    async def kill(self) -> None:
        """SIGKILL it; it is started again at once."""
        if self._child:
            await self._child.stop()

    async def restart(self) -> None:
        """Let it drain and end; return when its successor is healthy."""
        self._spawned.clear()
        if self._child:
            await self._child.stop((signal.SIGTERM, _DRAIN_SECONDS))
        await self._spawned.wait()
        await self.healthy()

    def pause(self) -> None:
        """Freeze it, as a machine that hangs: its connections stay open and nothing answers."""
        if self._child:
            self._child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        if self._child:
            self._child.send(signal.SIGCONT)

    async def healthy(self, timeout_seconds: float = 60.0) -> None:
        """Return when it answers SERVING.

        Raises StartFailed with the end of its log when it keeps dying, or is not healthy in time.
        """
        child = self._child
        starts = self.starts
        give_up = time.monotonic() + timeout_seconds
        check = self._http_ok if self.address.startswith("http") else self._grpc_serving
        while not (self.pid and await check()):
            child = self._child or child
            if child and self.starts - starts >= _MAX_FAILED_STARTS:
                raise child.failure(f"died {_MAX_FAILED_STARTS} times, the last with code {child.exit_code}")
            if child and time.monotonic() > give_up:
                raise child.failure(f"was not healthy within {timeout_seconds:.0f} s")
            await asyncio.sleep(_HEALTH_POLL_SECONDS)

    async def _grpc_serving(self) -> bool:
        async with grpc.aio.insecure_channel(self.address, options=_CHANNEL_OPTIONS) as channel:
            return await serves(channel, _HEALTH_CALL_SECONDS)

    async def _http_ok(self) -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=_HEALTH_CALL_SECONDS) as client:
            try:
                answer = await client.get(f"{self.address}/healthz")
            except httpx.TransportError:
                return False
            return answer.status_code == httpx.codes.OK

    async def _keep(self) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        while True:
            began = time.monotonic()
            self._child = Child(
                self._command(self.name, "serve"), log=self.log, env={**self._environ, **self.overrides}
            )
            self.starts += 1
            self._spawned.set()
            code = await self._child.wait()
            self._say(Happening("died", {"name": self.name, "code": code, "log": self.log}))
            if time.monotonic() - began > _STEADY_SECONDS:
                backoff = _FIRST_BACKOFF_SECONDS
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, self.max_backoff_seconds)
