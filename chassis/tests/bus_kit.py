"""Two made-up services for the tests of the bus: `shop` tells of orders, `shelf` notes what it heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from chassis.bus_client import BusClient
from chassis.consumer import Consumer, Handler
from chassis.envelope import Incoming, OutboxEvent, subject
from chassis.ids import new_id
from chassis.migrations import migrate
from chassis.outbox import Relay, append
from chassis.postgres import Connection, Database, open_database
from chassis.server import end_all
from chassis.streams import close_nats, open_nats

PLACED = "test.shop.v1.OrderPlaced"
CHANGED = "test.shop.v1.OrderChanged"
PASSWORD = "kit"


def event(order: str, sequence: int, kind: str = PLACED, event_id: str | None = None) -> OutboxEvent:
    return OutboxEvent(
        id=event_id or new_id("evt"),
        aggregate_type="order",
        aggregate_id=order,
        sequence=sequence,
        type=kind,
        subject=subject("shop", kind.rpartition(".")[2], order),
        payload=f"{order}:{sequence}".encode(),
        occurred_at=datetime.now(UTC),
    )


async def prepare(admin_url: str) -> None:
    """Both schemas, and the table in which the shelf shows each effect it has had."""
    await migrate(admin_url, "shop", "aljibe_kit_shop", PASSWORD)
    await migrate(admin_url, "shelf", "aljibe_kit_shelf", PASSWORD)
    conn = await asyncpg.connect(admin_url)
    try:
        await conn.execute(
            "CREATE TABLE IF NOT EXISTS shelf.heard (n bigserial, aggregate text,"
            " sequence bigint, message_id text);"
            "GRANT ALL ON shelf.heard, shelf.heard_n_seq TO aljibe_kit_shelf"
        )
    finally:
        await conn.close()


def url_as(admin_url: str, role: str) -> str:
    """The same database for a runtime role."""
    scheme, _, rest = admin_url.partition("://")
    return f"{scheme}://{role}:{PASSWORD}@{rest.rpartition('@')[2]}"


async def write_down(conn: Connection, messages: Sequence[Incoming]) -> None:
    """The shelf's handler: one row per message, so that a doubled effect shows as a doubled row."""
    await conn.executemany(
        "INSERT INTO heard (aggregate, sequence, message_id) VALUES ($1, $2, $3)",
        [(message.aggregate_id, message.sequence, message.id) for message in messages],
    )


async def touched(conn: Connection, sql: str, *arguments: object) -> int:
    """Pages that the statement touches at most, by a plan made for any arguments."""
    await conn.execute("SET plan_cache_mode = force_generic_plan")
    written = ", ".join(_literal(one) for one in arguments)
    await conn.execute(f"PREPARE looked AS {sql}")
    try:
        await conn.execute("BEGIN")
        text = await conn.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE looked ({written})")
        await conn.execute("ROLLBACK")
    finally:
        await conn.execute("DEALLOCATE looked")
    return sum(
        int(node["Shared Hit Blocks"]) + int(node["Shared Read Blocks"])
        for node in _tops(json.loads(text)[0]["Plan"])
    )


def _tops(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The plan and its WITH parts: what those touch is not all in the sum of the whole."""
    parts = [part for part in plan.get("Plans", ()) if str(part.get("Subplan Name", "")).startswith("CTE ")]
    return [plan, *parts]


def _literal(value: object) -> str:
    if isinstance(value, list):
        kind = "bigint" if value and isinstance(value[0], int) else "text"
        return f"ARRAY[{', '.join(_literal(one) for one in value)}]::{kind}[]"
    return str(value) if isinstance(value, int) else f"'{value}'"


@dataclass
class Bus:
    """Databases, connection and the loops that run."""

    shop: Database
    shelf: Database
    client: BusClient
    relay: Relay
    tasks: list[asyncio.Task[None]]

    async def place(self, events: Sequence[OutboxEvent], *, wake: bool = True) -> None:
        async with self.shop.transaction() as conn:
            await append(conn, events)
        if wake:
            self.relay.wake(events)

    def start(self, loop: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Run `loop` in the background; gives what stops it."""

        async def run() -> None:
            await loop()

        task = asyncio.create_task(run())
        self.tasks.append(task)

        async def stop() -> None:
            await end_all([task])

        return stop

    def consumer(self, handler: Handler = write_down, **options: object) -> Consumer:
        return Consumer(
            "shelf",
            "shop",
            {PLACED: handler, CHANGED: handler},
            self.shelf,
            self.client,
            **options,  # type: ignore[arg-type]
        )

    async def heard(self) -> list[tuple[str, int]]:
        async with self.shelf.connection() as conn:
            rows = await conn.fetch("SELECT aggregate, sequence FROM heard ORDER BY n")
        return [(row["aggregate"], row["sequence"]) for row in rows]

    async def until_heard(self, count: int, timeout_seconds: float = 30.0) -> list[tuple[str, int]]:
        """What the shelf wrote, once it is `count` rows or the time is over."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while True:
            rows = await self.heard()
            if len(rows) >= count or asyncio.get_running_loop().time() > deadline:
                return rows
            await asyncio.sleep(0.05)


@asynccontextmanager
async def bus(admin_url: str, nats_url: str) -> AsyncIterator[Bus]:
    """A prepared pair of services; what was started in it is cancelled at the end."""
    await prepare(admin_url)
    shop = await open_database(url_as(admin_url, "aljibe_kit_shop"), "shop", wait_seconds=10)
    shelf = await open_database(url_as(admin_url, "aljibe_kit_shelf"), "shelf", wait_seconds=10)
    client = await open_nats(nats_url, "kit")
    made = Bus(shop, shelf, client, Relay(shop, client, "shop"), [])
    try:
        yield made
    finally:
        await end_all(made.tasks)
        await asyncio.gather(*made.tasks, return_exceptions=True)
        await close_nats(client)
        await shop.close()
        await shelf.close()


async def eventually(
    condition: Callable[[], Awaitable[bool]], timeout_seconds: float = 15.0, poll_seconds: float = 0.05
) -> bool:
    """Whether `condition` came true in time; for states of another process, which send no event."""
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    while not await condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(poll_seconds)
    return True
