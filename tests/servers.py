"""Real servers for tests: one PostgreSQL and one nats-server a session, an empty database a test."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import grpc
import nats
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import migrations, postgres
from chassis.run import ServiceDefinition
from cli.local.machine import free_port
from cli.local.nats import LocalNats
from cli.local.postgres import LocalPostgres

__all__ = ["PASSWORD", "Databases", "free_port", "until_serving", "url_as"]

PASSWORD = "only-for-tests"
"""Of every service's role on the test's own server."""
SERVING_SECONDS = 20.0
UNFORCED = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_compression": "off",
    "scram_iterations": "1",
    "min_wal_size": "80MB",
    "max_wal_size": "256MB",
}
"""Of a server that no test kills: what it holds is thrown away, so nothing is forced onto the disk."""
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 << 30
"""So much must be free of it: a worker's servers take a tenth."""
PATIENT = {
    "LOCK_TIMEOUT_MS": 30_000,
    "STATEMENT_TIMEOUT_MS": 60_000,
    "IDLE_IN_TRANSACTION_TIMEOUT_MS": 60_000,
    "ACQUIRE_TIMEOUT_SECONDS": 30.0,
    "CONNECT_TIMEOUT_SECONDS": 30.0,
}
"""In production a call gives up sooner and is asked again; here that would tell of a busy machine only."""


@asynccontextmanager
async def _clean_streams(url: str) -> AsyncIterator[None]:
    yield
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        for stream in await jetstream.streams_info():
            if stream.config.name:
                await jetstream.delete_stream(stream.config.name)
    finally:
        await client.close()


def url_as(admin_url: str, role: str, password: str = PASSWORD) -> str:
    """The same database for another role."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{host}"))


async def until_serving(channel: grpc.aio.Channel, served: asyncio.Task[None]) -> None:
    """Return when health says SERVING; fails with the service's own error when ``served`` ends before."""
    # The published types of HealthStub lack Watch.
    health: Any = health_pb2_grpc.HealthStub(channel)

    async def watch() -> None:
        request = health_pb2.HealthCheckRequest()
        async for answer in health.Watch(request, wait_for_ready=True, timeout=SERVING_SECONDS):
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return

    watching = asyncio.create_task(watch())
    await asyncio.wait({watching, served}, return_when=asyncio.FIRST_COMPLETED)
    if served.done():
        watching.cancel()
        await served
    await watching


class Databases:
    """Makes databases on the session's PostgreSQL: empty ones, or quick copies of one that is filled once."""

    def __init__(self, server: LocalPostgres, admin: asyncpg.Connection[asyncpg.Record]) -> None:
        self._server = server
        self._admin = admin
        self._one_at_a_time = asyncio.Lock()
        self._templates: dict[str, str] = {}

    async def template(self, name: str, fill: Callable[[str], Awaitable[object]]) -> str:
        """The name of a database that ``fill(url)`` (migrations, say) has filled once.

        ``fill`` must close its connections: PostgreSQL copies only a database nobody is in.
        """
        if name not in self._templates:
            template = f"template_{name}_{secrets.token_hex(4)}"
            await fill(await self._server.create_database(template))
            self._templates[name] = template
        return self._templates[name]

    async def migrated(self, service: ServiceDefinition[Any]) -> str:
        """The name of a database that holds a service's empty schema."""
        assert service.schema is not None
        assert service.migrations_package is not None
        schema, package = service.schema, service.migrations_package

        async def fill(url: str) -> None:
            await migrations.migrate(url, schema, migrations.runtime_role(schema), PASSWORD, package)

        return await self.template(service.name, fill)

    @asynccontextmanager
    async def fresh(self, template: str = "template0") -> AsyncIterator[str]:
        """The administrator's address of a new copy of ``template``; dropped at the end."""
        name = f"test_{secrets.token_hex(6)}"
        try:
            # By files, a copy takes a fifth of the time of one that is written to the log page by page.
            await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
            yield self._server.url_of(name)
        finally:
            await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @asynccontextmanager
    async def of_service(self, service: ServiceDefinition[Any]) -> AsyncIterator[str]:
        """The service's own address of a new database with its empty schema; dropped at the end."""
        async with self.fresh(await self.migrated(service)) as admin_url:
            yield url_as(admin_url, migrations.runtime_role(str(service.schema)))

    def admin_url(self, url: str) -> str:
        """The administrator's address of the database that ``url`` leads to."""
        return self._server.url_of(urlsplit(url).path.removeprefix("/"))

    async def _execute(self, statement: str) -> None:
        async with self._one_at_a_time:
            await self._admin.execute(statement)


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a server of the test's own (to kill, to wipe); pytest's own is closed to others."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def _session_folder() -> Iterator[Path]:
    with open_folder(below=_in_memory()) as folder:
        yield folder


@pytest.fixture(scope="session", autouse=True)
def _patient() -> Iterator[None]:
    """Whoever waits for PostgreSQL in this process does so for longer than in production."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PATIENT.items():
            patch.setattr(postgres, name, value)
        yield


@pytest_asyncio.fixture(scope="session")
async def postgres_server(_session_folder: Path) -> AsyncIterator[LocalPostgres]:
    """The session's PostgreSQL. A test that stops or kills a server makes its own in ``server_folder``."""
    async with LocalPostgres(_session_folder / "postgres", settings=UNFORCED) as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def nats_server(_session_folder: Path) -> AsyncIterator[LocalNats]:
    """The session's nats-server; ``nats_url`` is what most tests want."""
    async with LocalNats(_session_folder / "nats") as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def databases(postgres_server: LocalPostgres) -> AsyncIterator[Databases]:
    """Makes databases, also from templates that are migrated once."""
    admin = await asyncpg.connect(postgres_server.url)
    try:
        yield Databases(postgres_server, admin)
    finally:
        await admin.close()


@pytest_asyncio.fixture
async def fresh_database(databases: Databases) -> AsyncIterator[str]:
    """The administrator's address of a new empty database; dropped after the test."""
    async with databases.fresh() as url:
        yield url


@pytest_asyncio.fixture
async def nats_url(nats_server: LocalNats) -> AsyncIterator[str]:
    """Address of a nats-server without streams; those that the test makes are deleted after it."""
    async with _clean_streams(nats_server.url):
        yield nats_server.url


def _in_memory() -> Path | None:
    """Where the machine keeps files in memory, if it has room; a new file costs least there."""
    found = MEMORY.is_mount() and os.access(MEMORY, os.W_OK)
    return MEMORY if found and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES else None


@contextmanager
def open_folder(prefix: str = "aljibe-test-", below: Path | None = None) -> Iterator[Path]:
    """A new folder that servers of any account may enter; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=below))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
