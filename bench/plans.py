"""``python -m bench.plans [--positions N]``: what PostgreSQL does for each hot statement of inventory.

Among so many positions, with as many movements and 100,000 reservations, on a server of its own; nothing
of it stays.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import asyncpg

from bench.bulk import bulk_positions, disk_mb
from chassis import migrations, sql
from chassis.ids import new_id
from cli.local.postgres import LocalPostgres

if TYPE_CHECKING:
    from asyncpg import Connection

ADAPTERS = "services.inventory.adapters.postgres"
DATABASE = "aljibe"
LOCATIONS = 20
RESERVATIONS = 100_000
_STRIDE = 6_700_417
"""A prime: its multiples meet every position."""
GROUP = 64
SLICE_SKUS = 400
_FILL_GROUP = 500
_HELD = 1
_SEPARATOR = "\x1f"

queries = sql.load(ADAPTERS)
audits = sql.load(ADAPTERS, "audit.sql")
slices = sql.load(ADAPTERS, "audit_slice.sql")

_LOCATIONS = """
INSERT INTO location
    (location_id, name, kind, address, latitude, longitude, time_zone, hours, capabilities, active)
SELECT location_id, location_id, 1, '{}', 0, 0, 'UTC', '[]', '{}', true FROM unnest($1::text[]) AS location_id
"""


class Shelves:
    """Positions and reservations as parameters of statements."""

    def __init__(self, positions: int) -> None:
        self.places = [f"store-{number:03d}" for number in range(LOCATIONS)]
        self._positions = positions
        self._drawn = 0
        self.orders: list[str] = []
        self.reservations: list[str] = []
        self.lines: list[tuple[str, str, str]] = []

    def key(self) -> tuple[str, str]:
        """Another position, from anywhere; none comes twice until all have come."""
        self._drawn += 1
        number = self._drawn * _STRIDE % self._positions
        return f"MORE-{number // LOCATIONS:08d}", self.places[number % LOCATIONS]

    def keys(self, count: int) -> list[tuple[str, str]]:
        """So many, in the lock order."""
        return sorted(self.key() for _ in range(count))

    def reserve(self, count: int) -> tuple[object, ...]:
        """What `save_reserved` takes for so many new reservations of two lines."""
        keys = self.keys(2 * count)
        made = [(new_id("rsv"), new_id("ord")) for _ in range(len(keys) // 2)]
        lines = [(made[n // 2][0], *key) for n, key in enumerate(keys[: 2 * len(made)])]
        now = datetime.now(UTC)
        self.orders += [order for _, order in made]
        self.reservations += [reservation for reservation, _ in made]
        self.lines += lines
        return (
            _SEPARATOR,
            *(_joined(column) for column in zip(*keys, strict=True)),
            [1] * len(keys),
            [2] * len(keys),
            now,
            _joined([reservation for reservation, _ in made]),
            _joined([order for _, order in made]),
            [1] * len(made),
            [_HELD] * len(made),
            _joined(["web"] * len(made)),
            [now + timedelta(hours=1)] * len(made),
            *(_joined(column) for column in zip(*lines, strict=True)),
            [1] * len(lines),
        )


async def show(connection: Connection, shelves: Shelves, out: TextIO) -> None:
    """The plan of each statement."""
    keys = shelves.keys(2 * GROUP)
    places = (_SEPARATOR, *(_joined(column) for column in zip(*keys, strict=True)))
    middle = len(shelves.reservations) // 2
    reserved = shelves.reservations[middle : middle + GROUP]
    lines = [line for line in shelves.lines if line[0] in set(reserved)]
    count, sku = len(lines), shelves.key()[0]
    now = datetime.now(UTC)
    movements = [[new_id("mov"), *key, 1, 2, "d", "a", "", new_id("key"), 101] for key in keys]
    statements: list[tuple[str, str, tuple[object, ...]]] = [
        (
            "find_reservations_of_orders",
            queries.find_reservations_of_orders,
            (_SEPARATOR, _joined([new_id("ord") for _ in range(GROUP)]), [1] * GROUP),
        ),
        ("lock_positions", queries.lock_positions, places),
        ("save_reserved", queries.save_reserved, shelves.reserve(GROUP)),
        ("lock_reservations", queries.lock_reservations, (reserved,)),
        ("lines_of", queries.lines_of, (reserved,)),
        (
            "save_reservations",
            queries.save_reservations,
            (reserved, [2] * GROUP, [now] * GROUP, [True] * GROUP, [0] * GROUP),
        ),
        (
            "save_lines",
            queries.save_lines,
            (
                *([line[column] for line in lines] for column in range(3)),
                *([value] * count for value in (0, 1, 0, 0, 0)),
            ),
        ),
        ("insert_movements", queries.insert_movements, tuple(map(list, zip(*movements, strict=True)))),
        ("find_expired", queries.find_expired, (now, 500, [])),
        ("positions_of_sku", queries.positions_of_sku, (sku, "", "", 200)),
        ("movements_of_position", queries.movements_of_position, (*keys[0], "", "mov_~", [], 100)),
        ("snapshot_skus", queries.snapshot_skus, (sku, 500, _SEPARATOR)),
        ("audit slice_end", slices.slice_end, (sku, SLICE_SKUS)),
        ("audit slice on_hand", slices.on_hand, (sku, f"MORE-{int(sku[5:]) + SLICE_SKUS:08d}", 20)),
    ]
    for name, statement, given in statements:
        await _explain(connection, out, name, statement, given)


async def audit(connection: Connection, out: TextIO) -> None:
    """The whole audit, a statement at a time, with the settings it runs with."""
    await connection.execute("SET work_mem = '64MB'")
    for name in audits.names():
        given: tuple[object, ...] = () if name == "sizes" else (100,)
        await _explain(connection, out, f"audit {name}", getattr(audits, name), given)


async def _explain(
    connection: Connection, out: TextIO, name: str, statement: str, given: tuple[object, ...]
) -> None:
    """Twice, each undone: the second finds in memory what a busy server has there."""
    plan: list[str] = []
    for _ in range(2):
        change = connection.transaction()
        await change.start()
        try:
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statement}", *given)
        finally:
            await change.rollback()
        plan = [row[0] for row in rows]
    out.write(f"\n== {name}\n" + "\n".join(plan) + "\n")
    out.flush()


def _joined(texts: list[str] | tuple[str, ...]) -> str:
    return _SEPARATOR.join(texts)


async def run(positions: int, out: TextIO) -> None:
    """Fill a server of our own, and show."""
    shelves = Shelves(positions)
    with tempfile.TemporaryDirectory(prefix="aljibe-plans-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - the account of the server has to pass through
        async with LocalPostgres(Path(folder) / "postgres") as server:
            await server.create_database(DATABASE)
            url = server.url_of(DATABASE)
            role = migrations.runtime_role("inventory")
            await migrations.migrate(url, "inventory", role, "only-here", f"{ADAPTERS}.migrations")
            connection = await asyncpg.connect(url, command_timeout=600)
            try:
                await connection.execute("SET search_path = inventory")
                await connection.execute(_LOCATIONS, shelves.places)
                loaded = await bulk_positions(url, shelves.places, 0, positions)
                began = time.monotonic()
                for _ in range(min(RESERVATIONS, positions // 4) // _FILL_GROUP):
                    await connection.execute(queries.save_reserved, *shelves.reserve(_FILL_GROUP))
                await connection.execute("VACUUM (ANALYZE) reservation, reservation_line, position")
                out.write(
                    f"{positions:,} positions and movements in {loaded:.0f} s, "
                    f"{len(shelves.orders):,} reservations in {time.monotonic() - began:.0f} s\n"
                )
                for what, size in (await disk_mb(url)).items():
                    out.write(f"{what:24} {size:10,.0f} MiB\n")
                await show(connection, shelves, out)
                await audit(connection, out)
            finally:
                await connection.close()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="bench.plans", description=__doc__)
    parser.add_argument("--positions", type=int, default=10_000_000)
    asyncio.run(run(parser.parse_args().positions, sys.stdout))
    return 0


if __name__ == "__main__":
    sys.exit(main())
