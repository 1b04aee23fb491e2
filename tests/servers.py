"""Real servers for tests: one PostgreSQL and one nats-server a session, an empty database a test."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
import pytest_asyncio

from cli.local.nats import LocalNats
from cli.local.postgres import LocalPostgres


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


class Databases:
    """Makes databases on the session's PostgreSQL: empty ones, or quick copies of one that is filled once."""

    def __init__(self, server: LocalPostgres) -> None:
        self._server = server
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

    @asynccontextmanager
    async def fresh(self, template: str = "template0") -> AsyncIterator[str]:
        """The administrator's address of a new copy of ``template``; dropped at the end."""
        name = f"test_{secrets.token_hex(6)}"
        try:
            yield await self._server.create_database(name, template)
        finally:
            if self._server.running:
                await self._server.drop_database(name)


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a server of the test's own (to kill, to wipe); pytest's own is closed to others."""
    yield from _folder()


@pytest.fixture(scope="session")
def _session_folder() -> Iterator[Path]:
    yield from _folder()


@pytest_asyncio.fixture(scope="session")
async def postgres_server(_session_folder: Path) -> AsyncIterator[LocalPostgres]:
    """The session's PostgreSQL. A test that stops or kills a server makes its own in ``server_folder``."""
    async with LocalPostgres(_session_folder / "postgres") as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def nats_server(_session_folder: Path) -> AsyncIterator[LocalNats]:
    """The session's nats-server; ``nats_url`` is what most tests want."""
    async with LocalNats(_session_folder / "nats") as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def databases(postgres_server: LocalPostgres) -> Databases:
    """Makes databases, also from templates that are migrated once."""
    return Databases(postgres_server)


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


def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="aljibe-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
