"""Data that an earlier build left, put back as if it had been stopped just now.

Times move, ids do not, though they tell times too. As times only ever move forward, whatever came after
something else still does.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta

import asyncpg

from cli.local.platform import DATABASE
from cli.local.postgres import LocalPostgres
from tests.integration.upgrade.keep import KEPT
from tests.integration.upgrade.life import Begun

_TIME = re.compile(rb"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d(?=(?:\.\d+)?\+00)")
_TIME_FORM = "%Y-%m-%d %H:%M:%S"
_ROLE = re.compile(rb"(?:OWNER TO|FOR ROLE|TO) (aljibe_\w+)")


def names() -> list[str]:
    """The builds whose data are kept, oldest first."""
    return sorted(path.stem for path in KEPT.glob("*.json"))


def begun(name: str) -> Begun:
    """What that build had begun."""
    return Begun(**json.loads((KEPT / f"{name}.json").read_text()))


def moved(sql: bytes, by: timedelta) -> bytes:
    """The dump with every time in its rows so much later; all else byte for byte."""

    def later(match: re.Match[bytes]) -> bytes:
        time = datetime.strptime(match[0].decode(), _TIME_FORM)  # noqa: DTZ007 - both are without a zone
        return (time + by).strftime(_TIME_FORM).encode()

    return _TIME.sub(later, sql)


async def restore(name: str, postgres: LocalPostgres) -> None:
    """Make the platform's database as that build left it; the server runs and has none yet."""
    taken = datetime.fromisoformat(begun(name).taken_at)
    by = timedelta(seconds=round((datetime.now(UTC) - taken).total_seconds()))
    sql = moved(gzip.decompress((KEPT / f"{name}.sql.gz").read_bytes()), by)
    admin = await asyncpg.connect(await postgres.create_database(DATABASE))
    try:
        for role in sorted({found[1].decode() for found in _ROLE.finditer(sql)} - {"aljibe_admin"}):
            await admin.execute(f"CREATE ROLE {role} {'NOLOGIN' if role.endswith('_owner') else 'LOGIN'}")
    finally:
        await admin.close()
    await asyncio.to_thread(_run, postgres, sql)


def _run(postgres: LocalPostgres, sql: bytes) -> None:
    psql = str(postgres.programs() / "psql")
    command = [psql, "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, postgres.url_of(DATABASE)]
    subprocess.run(command, input=sql, check=True)
