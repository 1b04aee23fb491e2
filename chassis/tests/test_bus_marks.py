"""An event counts as published when the broker has said that it has it, and no sooner."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chassis.tests.bus_kit import bus, event
from cli.local.nats import LocalNats

SENT_SECONDS = 0.7


async def test_what_the_broker_has_not_acknowledged_is_not_marked(
    fresh_database: str, server_folder: Path
) -> None:
    """A broker that hangs takes the bytes and says nothing: what is marked now would be lost with it."""
    async with LocalNats(server_folder / "nats") as nats, bus(fresh_database, nats.url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)
        await kit.place([event("ord_before", 1)])
        assert await kit.relay.idle()

        nats.pause()
        await kit.place([event("ord_1", 1), event("ord_2", 1)])
        await asyncio.sleep(SENT_SECONDS)
        async with kit.shop.connection() as conn:
            unpublished = await conn.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
        nats.resume()
        heard = await kit.until_heard(3)

        assert unpublished == 2
        assert sorted(heard) == [("ord_1", 1), ("ord_2", 1), ("ord_before", 1)]
