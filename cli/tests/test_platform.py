"""The platform starts everything, keeps it running, and ends it all."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest

from cli.local.child import StartFailed
from cli.local.platform import OPERATIONS, SERVICES, TELEMETRY, Platform


def _fake(service: str, action: str) -> Sequence[str]:
    return [sys.executable, "-m", "cli.tests.fake_service", service, action]


def _platform(folder: Path, **environ: str) -> Platform:
    return Platform(folder, environ={**os.environ, "FAKE_RECORDS": str(folder), **environ}, command=_fake)


async def test_the_platform_starts_everything_and_leaves_nothing_behind(server_folder: Path) -> None:
    """Ctrl-C must not leave a server or service running."""
    async with _platform(server_folder) as platform:
        pids = [service.pid for service in platform.services.values()]
        pids += [server.pid for server in (platform.postgres, platform.nats) if server]
        known = json.loads((server_folder / "platform.json").read_text())

    assert len(pids) == len(SERVICES) + len(OPERATIONS) + 2
    assert not [pid for pid in pids if pid and psutil.pid_exists(pid)]
    assert known["http"] == platform.addresses.http
    assert not (server_folder / "platform.json").exists()


async def test_only_migrations_get_the_administrators_address(server_folder: Path) -> None:
    """A service that is broken into must not own the database or another service's key."""
    async with _platform(server_folder):
        pass

    records = {
        file.name: json.loads(file.read_text())
        for file in server_folder.glob("*.json")
        if file.name.count(".") == 2
    }
    serving = records["orders.serve.json"]
    assert {"ALJIBE_POSTGRES_ADMIN_URL", "ALJIBE_DB_PASSWORD"} <= set(records["orders.migrate.json"])
    assert not {"ALJIBE_POSTGRES_ADMIN_URL", "ALJIBE_DB_PASSWORD"} & set(serving)
    assert serving["ALJIBE_POSTGRES_URL"].startswith("postgresql://aljibe_orders:")
    assert "/orders/" in serving["ALJIBE_SERVICE_TOKEN_KEY_FILE"]
    assert "ALJIBE_POSTGRES_URL" not in records["gateway.serve.json"]


async def test_whatever_is_killed_comes_back(server_folder: Path) -> None:
    """Any process may be killed at any instant; the platform heals without a person."""
    async with _platform(server_folder) as platform:
        before = platform.services["orders"].pid
        assert platform.postgres
        assert platform.nats

        await platform.kill("orders")
        await platform.kill("postgres")
        await platform.kill("nats")
        await asyncio.gather(platform.postgres.start(), platform.nats.start(), platform.healthy())

        assert platform.services["orders"].pid != before
        connection = await asyncpg.connect(platform.admin_url)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        client = await nats.connect(platform.nats_url)
        assert client.is_connected
        await client.close()


async def test_a_restart_drains_and_a_pause_ends(server_folder: Path) -> None:
    """Rolling updates and hanging machines are rehearsed with these."""
    async with _platform(server_folder) as platform:
        before = platform.services["catalog"].pid
        platform.pause("inventory")
        with pytest.raises(StartFailed, match="not healthy within"):
            await platform.services["inventory"].healthy(timeout_seconds=0.1)

        platform.resume("inventory")
        await platform.restart("catalog")
        await platform.healthy()

        assert platform.services["catalog"].pid not in (None, before)


async def test_a_service_that_cannot_start_fails_the_platform_with_its_reason(server_folder: Path) -> None:
    """The person sees the last lines of the log, and nothing stays running."""
    platform = _platform(server_folder, FAKE_BROKEN="inventory")

    with pytest.raises(StartFailed, match="the well is dry"):
        await platform.start()

    assert platform.postgres
    assert not platform.postgres.running
    assert all(service.pid is None for service in platform.services.values())


async def test_traces_go_to_the_platforms_own_receiver(server_folder: Path) -> None:
    """A fresh machine has traces at once; whoever reads them reads no other service's key."""
    async with _platform(server_folder) as platform:
        known = json.loads((server_folder / "platform.json").read_text())

    orders = json.loads((server_folder / "orders.serve.json").read_text())
    telemetry = json.loads((server_folder / "telemetry.serve.json").read_text())
    assert orders["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://{platform.addresses.otlp['grpc']}"
    assert telemetry["ALJIBE_OTLP_GRPC_LISTEN"] == platform.addresses.otlp["grpc"] == known["otlp"]["grpc"]
    assert telemetry["ALJIBE_TRACE_STORE"].startswith(str(server_folder))
    assert "ALJIBE_POSTGRES_URL" not in telemetry
    assert "/telemetry/" in telemetry["ALJIBE_SERVICE_TOKEN_KEY_FILE"]


async def test_a_receiver_of_your_own_is_used_instead(server_folder: Path) -> None:
    """Whoever runs a tracing backend already sets one variable."""
    given = _platform(server_folder, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    async with given as platform:
        assert TELEMETRY not in platform.services

    orders = json.loads((server_folder / "orders.serve.json").read_text())
    assert platform.addresses.otlp == {}
    assert orders["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:1"


async def test_what_only_shows_may_be_left_out(server_folder: Path) -> None:
    """A test of selling does not pay for pages; what sells runs without them."""
    lean = Platform(
        server_folder,
        environ={**os.environ, "FAKE_RECORDS": str(server_folder)},
        without=OPERATIONS,
        command=_fake,
    )
    async with lean as platform:
        assert set(platform.services) == set(SERVICES)

    orders = json.loads((server_folder / "orders.serve.json").read_text())
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in orders


async def test_one_data_folder_has_one_platform(server_folder: Path) -> None:
    """Two on the same folder would fight over ports, keys and data."""
    async with _platform(server_folder):
        with pytest.raises(StartFailed, match="already runs"):
            await _platform(server_folder).start()


async def test_servers_of_your_own_are_used_instead(
    server_folder: Path, fresh_database: str, nats_url: str
) -> None:
    """Production-like databases are tried with two variables."""
    given = _platform(server_folder, ALJIBE_POSTGRES_URL=fresh_database, ALJIBE_NATS_URL=nats_url)
    async with given as platform:
        served = json.loads((server_folder / "catalog.serve.json").read_text())

    assert (platform.postgres, platform.nats) == (None, None)
    assert served["ALJIBE_NATS_URL"] == nats_url
    assert served["ALJIBE_POSTGRES_URL"].rpartition("@")[2] == fresh_database.rpartition("@")[2]
