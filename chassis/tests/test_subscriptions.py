"""A consumer hears what it handles and nothing else, and still sees what is missing."""

from __future__ import annotations

import asyncio

import pytest

from chassis import gaps, history
from chassis.consumer import Consumer
from chassis.outbox import append
from chassis.streams import ensure_consumer, stream_subject
from chassis.tests.bus_kit import CHANGED, PLACED, Bus, bus, event, eventually, write_down

OTHER = "test.shop.v1.OrderSeen"
NARROW = "aljibe.shop.v1.order-placed.*"


def placed_only(kit: Bus) -> Consumer:
    return Consumer("shelf", "shop", {PLACED: write_down}, kit.shelf, kit.client)


async def settled(kit: Bus) -> int:
    async with kit.shelf.connection() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM inbox"))


async def test_only_what_is_handled_is_delivered(fresh_database: str, nats_url: str) -> None:
    """Most events of a stream are for somebody else: they must cost this consumer nothing."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(placed_only(kit).run)

        await kit.place([event("ord_1", 1), event("ord_1", 2, OTHER), event("ord_1", 3, OTHER)])
        await kit.place([event("ord_1", 4)])
        heard = await kit.until_heard(2, gaps.GAP_ASK_SECONDS)

        assert heard == [("ord_1", 1), ("ord_1", 4)]
        info = await kit.client.jetstream().consumer_info("ALJIBE_SHOP", "shelf")
        assert info.delivered is not None
        assert info.delivered.consumer_seq == 2


async def test_a_lost_message_among_the_handled_kinds_is_noticed(fresh_database: str, nats_url: str) -> None:
    """The broker lost the only message between two that this consumer handles, beside many that it does
    not.
    """
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        await kit.place(
            [event("ord_1", 1), event("ord_1", 2, OTHER), event("ord_1", 3), event("ord_1", 4, OTHER)]
        )
        await kit.place([event("ord_1", 5)])
        assert await kit.relay.idle()
        assert await kit.client.jetstream().delete_msg("ALJIBE_SHOP", 3)

        kit.start(placed_only(kit).run)
        heard = await kit.until_heard(3)

        assert heard == [("ord_1", 1), ("ord_1", 3), ("ord_1", 5)]


async def test_a_release_that_sends_no_history_is_asked(
    fresh_database: str, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old sources and new consumers run side by side during an upgrade: late is allowed, lost is not."""
    monkeypatch.setattr(history, "among", lambda _events: ({}, []))
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(placed_only(kit).run)

        await kit.place([event("ord_1", 1), event("ord_1", 2, OTHER), event("ord_1", 3)])
        heard = await kit.until_heard(2)

        assert heard == [("ord_1", 1), ("ord_1", 3)]


async def test_an_older_release_on_the_same_durable_loses_nothing(fresh_database: str, nats_url: str) -> None:
    """Each start brings the durable to its own release's filter; whoever gets a message handles it."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        js = kit.client.jetstream()
        older = kit.consumer(filter_subjects=[stream_subject("shop")])
        stop = kit.start(older.run)
        await kit.place([event("ord_1", 1), event("ord_1", 2, CHANGED), event("ord_1", 3, OTHER)])
        await kit.until_heard(2)

        kit.start(placed_only(kit).run)

        async def narrowed() -> bool:
            config = (await js.consumer_info("ALJIBE_SHOP", "shelf")).config
            return bool(config.filter_subject == NARROW or config.filter_subjects == [NARROW])

        assert await eventually(narrowed)
        await kit.place([event("ord_1", 4), event("ord_1", 5, OTHER), event("ord_1", 6)])
        assert (await kit.until_heard(4))[2:] == [("ord_1", 4), ("ord_1", 6)]
        await stop()
        await ensure_consumer(js, "shop", "shelf", [stream_subject("shop")])
        await kit.place([event("ord_1", 7, OTHER), event("ord_1", 8)])
        heard = await kit.until_heard(5)

        assert heard[4:] == [("ord_1", 8)]
        assert len(heard) == len(set(heard))


async def test_a_message_before_its_predecessor_waits_though_others_lie_between(
    fresh_database: str, nats_url: str
) -> None:
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(placed_only(kit).run)
        first, other, third = event("ord_1", 1), event("ord_1", 2, OTHER), event("ord_1", 3)
        async with kit.shop.transaction() as conn:
            await append(conn, [first, other, third])
        kit.relay.wake([third])
        await asyncio.sleep(0)

        kit.relay.wake([first, other])
        heard = await kit.until_heard(2)

        assert heard == [("ord_1", 1), ("ord_1", 3)]
        assert await settled(kit) == 2
