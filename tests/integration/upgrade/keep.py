"""``python -m tests.integration.upgrade.keep NAME``: lead a retailer's life on this build and keep its data.

Writes ``kept/NAME.sql.gz``, all that PostgreSQL holds in the midst of it, and ``kept/NAME.json``, what was
begun. Do it at a release, so that later builds are tried on what that one leaves behind.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import sys
from pathlib import Path

from cli.local.platform import DATABASE, Platform
from cli.local.postgres import LocalPostgres
from tests.integration.upgrade.life import as_json, begin
from tests.integration.world import retailer
from tests.servers import open_folder

KEPT = Path(__file__).with_name("kept")
CROWD_SECONDS = 3.0


def dump(postgres: LocalPostgres) -> bytes:
    """All that the platform's database holds, as SQL of one moment."""
    command = [str(postgres.programs() / "pg_dump"), "--no-sync", postgres.url_of(DATABASE)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


async def keep(name: str) -> None:
    """Live on a platform of its own, and write both files."""
    with open_folder("aljibe-keep-") as folder:
        # Prices of stock would be learned from the few orders there are.
        environ = {**os.environ, "ALJIBE_STOCK_PRICES_SECONDS": "0"}
        async with Platform(folder, environ=environ) as platform, retailer(platform) as world:
            begun = await begin(world, CROWD_SECONDS)
            assert platform.postgres is not None
            data = await asyncio.to_thread(dump, platform.postgres)
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.sql.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    (KEPT / f"{name}.json").write_text(as_json(begun))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(keep(sys.argv[1]))
