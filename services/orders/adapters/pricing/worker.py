"""The process that works prices of stock out: `python -m services.orders.adapters.pricing.worker`.

Started by a service for one book, it reads what it needs to know from standard input, demand from the
database, keeps the book there, writes one line of JSON, and ends. numpy and what it holds end with it, and
the service's event loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from datetime import datetime
from typing import Any

import asyncpg
import numpy as np

from services.orders.adapters.postgres.demand import sql
from services.orders.adapters.pricing.framing import unframed
from services.orders.domain.demand import Floats, Rows
from services.orders.domain.places import Locations
from services.orders.domain.pricing import Bound, Sent, Task, make_book
from services.orders.domain.rules import SourcingRules

NICENESS = 10
"""Orders go first."""
STATEMENT_TIMEOUT_MS = 120_000
CONNECT_SECONDS = 5.0
PARCEL_DAYS = 91

_HEADER_BYTES = 11
_BOUND = (("age", 4), ("location", 4), ("sku", 4), ("units", 8), ("squares", 8))
_SENT = (("age", 4), ("sku", 4), ("latitude", 4), ("longitude", 4), ("units", 8))


async def work(given: bytes) -> dict[str, Any]:
    """Make and keep a book; gives what is to be told of it."""
    began = time.monotonic()
    head, end = unframed(given)
    locations = Locations.from_json(head["locations"])
    ids, skus = list(locations.by_id), head["skus"]
    stock: Rows = np.frombuffer(given, dtype=np.int32, offset=end).astype(np.int64)
    database = await asyncpg.connect(
        head["database"],
        timeout=CONNECT_SECONDS,
        server_settings={
            "search_path": head["schema"],
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "application_name": "orders prices",
            "timezone": "UTC",
            "jit": "off",
        },
    )
    try:
        async with database.transaction(isolation="repeatable_read", readonly=True):
            bound = await _copied(database, sql.read_bound, _BOUND, skus, ids)
            sent = await _copied(database, sql.read_sent, _SENT, skus)
            parcels = await database.fetch(sql.read_parcels, PARCEL_DAYS)
        read = time.monotonic()
        places = _middle(sent["latitude"]), _middle(sent["longitude"])
        number = {location_id: at for at, location_id in enumerate(ids)}
        book = make_book(
            Task(
                made_at=datetime.fromisoformat(head["made_at"]),
                horizon_days=head["horizon_days"],
                seen_days=head["seen_days"],
                rules=SourcingRules.from_json(head["rules"]),
                locations=tuple(locations.by_id.values()),
                skus=tuple(skus),
                prices_minor=tuple(head["prices_minor"]),
                currency_code=head["currency_code"],
                stock=stock.reshape(len(skus), len(ids)),
                bound=Bound(*(bound[name] for name, _ in _BOUND)),
                sent=Sent(sent["age"], sent["sku"], sent["units"], *places),
                parcels=[
                    (number[row["location_id"]], row["parcels"], row["units"])
                    for row in parcels
                    if row["location_id"] in number
                ],
            )
        )
        made = time.monotonic()
        await database.execute(sql.keep_book, book.version, book.made_at, book.to_bytes())
    finally:
        await database.close()
    return {
        "version": book.version,
        "positions": len(book),
        "rows": len(bound["age"]) + len(sent["age"]),
        "read_seconds": read - began,
        "make_seconds": made - read,
        "processor_seconds": time.process_time(),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


async def _copied(
    database: asyncpg.Connection[Any], statement: str, columns: tuple[tuple[str, int], ...], *given: list[str]
) -> dict[str, Rows]:
    """The rows of a statement of integers, by PostgreSQL's binary COPY: no row becomes an object."""
    chunks: list[bytes] = []

    async def take(chunk: bytes) -> None:
        chunks.append(chunk)

    await database.copy_from_query(statement.rstrip().rstrip(";"), *given, output=take, format="binary")
    content = b"".join(chunks)
    chunks.clear()
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, width in columns:
        fields += [(f"{name} width", ">i4"), (name, f">i{width}")]
    kind = np.dtype(fields)
    # Before them signature, flags and the length of an extension, of which there is none; behind them a −1.
    start = _HEADER_BYTES + 8
    rows = np.frombuffer(content, dtype=kind, offset=start, count=(len(content) - start) // kind.itemsize)
    return {name: rows[name].astype(np.int64) for name, _ in columns}


def _middle(cell: Rows) -> Floats:
    """Degrees of the middle of a cell."""
    result: Floats = (cell + 0.5) / 10
    return result


def main() -> None:
    """One book."""
    os.nice(NICENESS)
    told = asyncio.run(work(sys.stdin.buffer.read()))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
