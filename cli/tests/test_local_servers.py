"""The embedded servers keep what they were given, whatever happens to their processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest

from cli.local.child import Child, StartFailed
from cli.local.nats import LocalNats
from cli.local.postgres import LocalPostgres


async def test_a_killed_postgres_keeps_what_was_committed(server_folder: Path) -> None:
    """The platform promises that an accepted order survives a SIGKILL of the database."""
    async with LocalPostgres(server_folder / "pg") as server:
        connection = await asyncpg.connect(server.url)
        await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        backends = psutil.Process(server.pid).children()

        await server.kill()
        survivors = psutil.wait_procs(backends, timeout=5)[1]
        await server.start()

        again = await asyncpg.connect(server.url)
        assert await again.fetchval("SELECT n FROM kept") == 7
        assert not survivors
        await again.close()
        connection.terminate()


async def test_postgres_is_durable_and_asks_for_a_password(server_folder: Path) -> None:
    """Settings that trade safety for speed, or an open door, must not slip in."""
    async with LocalPostgres(server_folder / "pg") as server:
        connection = await asyncpg.connect(server.url)
        names = ["fsync", "full_page_writes", "synchronous_commit", "data_checksums", "server_encoding"]
        found = [await connection.fetchval("SELECT current_setting($1)", name) for name in names]
        await connection.close()

        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url_of("postgres", password="wrong"))

        assert found == ["on", "on", "on", "on", "UTF8"]
        assert (server.folder / "password").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes are Linux's")
async def test_servers_let_each_other_finish(server_folder: Path) -> None:
    """On few cores, waking that interrupts costs more than it gives; sessions of PostgreSQL included."""
    async with LocalPostgres(server_folder / "pg") as server:
        processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
        policies = {os.sched_getscheduler(process.pid) for process in processes}

    assert policies == {os.SCHED_BATCH}


async def test_postgres_starts_over_a_stale_lock_of_another_process(server_folder: Path) -> None:
    """After a crash the number in postmaster.pid may belong to an innocent process."""
    first = LocalPostgres(server_folder / "pg")
    await first.start()
    await first.kill()
    lock = server_folder / "pg" / "data" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    async with LocalPostgres(server_folder / "pg") as second:
        running = second.running

    assert running


async def test_a_second_server_on_the_same_data_is_refused(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two postmasters on one data folder would destroy it."""
    monkeypatch.setattr("cli.local.postgres._PREDECESSOR_SECONDS", 0.1)
    async with LocalPostgres(server_folder / "pg"):
        with pytest.raises(StartFailed, match="already runs"):
            await LocalPostgres(server_folder / "pg").start()


async def test_a_database_is_a_copy_of_its_template(server_folder: Path) -> None:
    """Tests get a migrated database in milliseconds this way."""
    async with LocalPostgres(server_folder / "pg") as server:
        template = await asyncpg.connect(await server.create_database("filled"))
        await template.execute("CREATE TABLE t AS SELECT 5 AS n")
        await template.close()

        copy = await asyncpg.connect(await server.create_database("copy", "filled"))

        assert await copy.fetchval("SELECT n FROM t") == 5
        await copy.close()


async def test_a_killed_nats_keeps_its_streams_and_a_wiped_one_does_not(server_folder: Path) -> None:
    """Both happen to brokers; the outbox is there for the second."""
    async with LocalNats(server_folder / "nats") as server:
        await _publish(server.url)
        await server.kill()
        await server.start()
        kept = await _streams(server.url)

        await server.wipe()
        await server.start()
        left = await _streams(server.url)

    assert (kept, left) == (["KEPT"], [])


async def test_nats_asks_for_a_password(server_folder: Path) -> None:
    """Any user of the machine can reach loopback."""
    async with LocalNats(server_folder / "nats") as server:
        with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
            await nats.connect(f"nats://127.0.0.1:{server.port}", allow_reconnect=False)


async def test_servers_do_not_run_as_root(server_folder: Path) -> None:
    """PostgreSQL refuses root, and a broker has no use for it."""
    async with LocalPostgres(server_folder / "pg") as postgres, LocalNats(server_folder / "nats") as broker:
        users = {psutil.Process(server.pid).uids().real for server in (postgres, broker)}

    assert 0 not in users


async def test_a_failed_start_tells_the_end_of_the_log(server_folder: Path) -> None:
    """A person should not have to look for the reason."""
    async with LocalNats(server_folder / "one") as first:
        second = LocalNats(server_folder / "two", port=first.port)

        with pytest.raises(StartFailed, match="address already in use"):
            await second.start()


@pytest.mark.skipif(sys.platform != "linux", reason="the bond to the parent is a feature of the Linux kernel")
async def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """A test run or platform that is killed must leave no server behind."""
    program = (
        "import pathlib, sys, time; from cli.local.child import Child;"
        "child = Child(['/bin/sleep', '60'], log=pathlib.Path(sys.argv[1]));"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "child.log")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))

    parent.kill()
    parent.communicate()

    gone, _ = psutil.wait_procs([child], timeout=5)
    assert gone


async def test_a_child_that_ignores_signals_is_killed(tmp_path: Path) -> None:
    """Stopping has an end."""
    log = tmp_path / "stubborn.log"
    child = Child([sys.executable, "-u", "-c", _STUBBORN], log=log)
    async with asyncio.timeout(10):
        while "deaf" not in log.read_text():
            await asyncio.sleep(0.01)

    code = await child.stop((signal.SIGTERM, 0.1))

    assert code == -signal.SIGKILL


_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
)


async def _publish(url: str) -> None:
    client = await nats.connect(url)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    await client.jetstream().publish("kept.one", b"1")
    await client.close()


async def _streams(url: str) -> list[str | None]:
    client = await nats.connect(url)
    streams = [info.config.name for info in await client.jetstream().streams_info()]
    await client.close()
    return streams
