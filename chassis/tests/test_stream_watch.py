"""What the broker loses without telling is noticed by its numbers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from nats.js.api import ConsumerConfig

from chassis.stream_watch import StreamWatch
from chassis.streams import matches
from chassis.tests.bus_kit import Bus, bus, event
from cli.local.nats import LocalNats


async def _watch_now(kit: Bus) -> None:
    async with kit.relay.watch._lock:
        await kit.relay.watch._note_floors(await kit.relay.watch._check())


async def test_a_tail_that_was_never_synced_is_sent_again(fresh_database: str, server_folder: Path) -> None:
    """A power cut takes the last acknowledged messages, though the stream stays and its numbers are used
    again.
    """
    async with LocalNats(server_folder / "nats") as nats, bus(fresh_database, nats.url) as kit:
        kit.start(kit.relay.run)
        stop_consumer = kit.start(kit.consumer().run)
        await kit.place([event(f"ord_a{n}", 1) for n in range(20)])
        assert len(await kit.until_heard(20)) == 20
        await nats.stop()
        shutil.copytree(nats.store, server_folder / "saved")
        await nats.start()
        await kit.place([event(f"ord_b{n}", 1) for n in range(10)])
        assert len(await kit.until_heard(30)) == 30
        await stop_consumer()
        await kit.place([event(f"ord_c{n}", 1) for n in range(20)])
        assert await kit.relay.idle()

        await nats.kill()
        _put_back(server_folder / "saved", nats.store)
        await nats.start()
        await kit.place([event(f"ord_d{n}", 1) for n in range(60)])
        kit.start(kit.consumer().run)
        heard = await kit.until_heard(110, 40)

        assert kit.relay.watch.losses == 1
        assert len(heard) == len(set(heard)) == 110


def _put_back(saved: Path, store: Path) -> None:
    """`saved` in place of `store`, owned by whoever owned that."""
    owner = store.stat()
    shutil.rmtree(store)
    shutil.move(saved, store)
    for path in (store, *store.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)


async def test_an_orderly_restart_is_no_loss(fresh_database: str, server_folder: Path) -> None:
    """A false alarm would send everything above the floors again at each restart."""
    async with LocalNats(server_folder / "nats") as nats, bus(fresh_database, nats.url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)
        for round_ in range(3):
            await kit.place([event(f"ord_{round_}_{n}", 1) for n in range(20)])
            assert len(await kit.until_heard(20 * (round_ + 1))) == 20 * (round_ + 1)
            await (nats.kill() if round_ % 2 else nats.stop())
            await nats.start()

        await kit.place([event("ord_end", 1)])
        assert len(await kit.until_heard(61)) == 61
        assert kit.relay.watch.losses == 0


async def test_only_what_lies_above_the_consumers_floors_is_sent_again(
    fresh_database: str, nats_url: str
) -> None:
    """Repair must take seconds; and a consumer that is away during the loss keeps its own floor."""
    async with bus(fresh_database, nats_url) as kit:
        stop_relay = kit.start(kit.relay.run)
        stop_consumer = kit.start(kit.consumer().run)
        await kit.place([event(f"ord_a{n}", 1) for n in range(30)])
        await kit.until_heard(30)
        await stop_consumer()
        assert await kit.relay.idle()
        await _watch_now(kit)
        await kit.place([event(f"ord_b{n}", 1) for n in range(7)])
        assert await kit.relay.idle()
        await stop_relay()

        for _ in range(2):
            await kit.client.jetstream().delete_stream("ALJIBE_SHOP")
            await _watch_now(kit)
            async with kit.shop.connection() as conn:
                again = await conn.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
            assert again == 7
            stop_relay = kit.start(kit.relay.run)
            assert await kit.relay.idle()
            await stop_relay()
        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)
        heard = await kit.until_heard(37)

        assert len(heard) == len(set(heard)) == 37


async def test_a_consumer_for_whom_nothing_waits_is_done_with_what_was_there_a_round_ago(
    fresh_database: str, nats_url: str
) -> None:
    """What came since it may not have been told of yet; also when its filter lets nothing pass."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        await kit.place([event("ord_a", 1)])
        assert await kit.relay.idle()
        deaf = ConsumerConfig(durable_name="deaf", filter_subject="aljibe.shop.v1.nothing.*")
        await kit.client.jetstream().add_consumer("ALJIBE_SHOP", deaf)
        floors = []
        for sequence in (2, 3):
            await _watch_now(kit)
            async with kit.shop.connection() as conn:
                floors += await conn.fetch("SELECT ack_floor FROM stream_consumer WHERE consumer = 'deaf'")
            await kit.place([event("ord_a", sequence)])
            assert await kit.relay.idle()

        assert [row["ack_floor"] for row in floors] == [0, 1]


async def test_an_ack_below_an_earlier_one_is_a_loss(fresh_database: str, nats_url: str) -> None:
    """A new leader may have lost the tail while this client stayed connected and new messages have overgrown
    it.
    """
    async with bus(fresh_database, nats_url) as kit:
        watch: StreamWatch = kit.relay.watch
        await watch.ensure_checked()
        watch.saw([1, 2, 3])
        watch.saw([3])

        await watch.ensure_checked()

        assert (watch.losses, watch.epoch) == (1, 1)


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("aljibe.shop.v1.>", "aljibe.shop.v1.order-placed.x", True),
        ("aljibe.shop.v1.*.x", "aljibe.shop.v1.order-placed.x", True),
        ("aljibe.shop.v1.order-placed.*", "aljibe.shop.v1.order-changed.x", False),
        ("aljibe.shop.v1.>", "aljibe.shop.v1", False),
        ("aljibe.shop.v1.a", "aljibe.shop.v1.a.b", False),
    ],
)
def test_subjects_match_filters_as_in_nats(pattern: str, subject: str, expected: bool) -> None:
    """The source uses it to tell a consumer's gaps from what its filter leaves out."""
    assert matches(pattern, subject) is expected
