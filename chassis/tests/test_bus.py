"""From outbox to inbox over real servers: everything once, in order, whatever breaks on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from chassis import consumer
from chassis.consumer import Poison
from chassis.envelope import Incoming
from chassis.postgres import Connection
from chassis.refusals import Unavailable
from chassis.tests.bus_kit import CHANGED, bus, event, eventually, write_down
from cli.local.nats import LocalNats
from cli.local.postgres import LocalPostgres


async def test_every_event_takes_effect_once_and_in_order(fresh_database: str, nats_url: str) -> None:
    """The plain road: rows handed over in memory reach the consumer, in each aggregate's order."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)

        for sequence in range(1, 21):
            await kit.place([event(f"ord_{n}", sequence) for n in range(10)])
        heard = await kit.until_heard(200)

        assert len(heard) == len(set(heard)) == 200
        for n in range(10):
            assert [s for order, s in heard if order == f"ord_{n}"] == list(range(1, 21))
        assert await kit.relay.idle()


async def test_the_sweep_finds_rows_that_nobody_handed_over(fresh_database: str, nats_url: str) -> None:
    """A crash between commit and hand-over leaves rows that only the table knows."""
    async with bus(fresh_database, nats_url) as kit:
        await kit.place([event("ord_1", 1), event("ord_1", 2)], wake=False)

        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)
        heard = await kit.until_heard(2)

        assert heard == [("ord_1", 1), ("ord_1", 2)]


async def test_a_row_that_commits_late_is_not_skipped(fresh_database: str, nats_url: str) -> None:
    """Ids commit out of order; a relay that asks for ids above the last seen would lose the late one."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)
        early, late = event("ord_early", 1), event("ord_late", 1)

        async with kit.shop.transaction() as conn:
            from chassis.outbox import append

            await append(conn, [early])
            await kit.place([late])
            assert await kit.until_heard(1) == [("ord_late", 1)]
        heard = await kit.until_heard(2)

        assert heard == [("ord_late", 1), ("ord_early", 1)]


async def test_a_message_before_its_predecessor_waits_for_it(fresh_database: str, nats_url: str) -> None:
    """Another instance may publish the predecessor later; effects must still follow the aggregate's order."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)
        first, second = event("ord_1", 1), event("ord_1", 2, CHANGED)
        async with kit.shop.transaction() as conn:
            from chassis.outbox import append

            await append(conn, [second])
        kit.relay.wake([second])
        assert await kit.relay.idle()

        await kit.place([first])
        heard = await kit.until_heard(2)

        assert heard == [("ord_1", 1), ("ord_1", 2)]


async def test_a_lost_message_is_noticed_and_sent_again(fresh_database: str, nats_url: str) -> None:
    """The broker may lose a message in the middle without any restart; the gap in the aggregate shows it."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        await kit.place([event("ord_1", n) for n in (1, 2, 3)])
        assert await kit.relay.idle()
        assert await kit.client.jetstream().delete_msg("ALJIBE_SHOP", 2)

        kit.start(kit.consumer().run)
        heard = await kit.until_heard(3)

        assert heard == [("ord_1", 1), ("ord_1", 2), ("ord_1", 3)]


async def test_a_gap_that_the_source_does_not_know_is_none(fresh_database: str, nats_url: str) -> None:
    """Rows older than the retention are gone for good; what follows them must not wait for ever."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)

        await kit.place([event("ord_old", 57), event("ord_old", 58)])
        heard = await kit.until_heard(2)

        assert heard == [("ord_old", 57), ("ord_old", 58)]


async def test_poison_goes_to_the_dead_letters_at_once_and_others_pass(
    fresh_database: str, nats_url: str
) -> None:
    """One unreadable message must neither block its batch nor its aggregate, nor vanish."""

    async def picky(conn: Connection, messages: Sequence[Incoming]) -> None:
        if any(message.aggregate_id == "ord_bad" and message.sequence == 1 for message in messages):
            raise Poison("no such product")
        await write_down(conn, messages)

    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        await kit.place([event("ord_a", 1), event("ord_bad", 1), event("ord_b", 1), event("ord_bad", 2)])
        kit.start(kit.consumer(picky).run)
        heard = await kit.until_heard(3)

        assert sorted(heard) == [("ord_a", 1), ("ord_b", 1), ("ord_bad", 2)]
        async with kit.shelf.connection() as conn:
            letters = await conn.fetch("SELECT aggregate_id, attempts, error, payload FROM dead_letter")
        assert [tuple(row) for row in letters] == [("ord_bad", 1, "Poison: no such product", b"ord_bad:1")]


async def test_a_failing_message_is_tried_with_backoff_and_then_kept(
    fresh_database: str, nats_url: str
) -> None:
    """Five tries while those behind it wait; then the dead letter stands for it and they pass."""
    tries: list[int] = []

    async def broken(conn: Connection, messages: Sequence[Incoming]) -> None:
        for message in messages:
            if message.sequence == 1:
                tries.append(len(messages))
                raise KeyError("always")
        await write_down(conn, messages)

    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        await kit.place([event("ord_1", 1), event("ord_1", 2)])
        kit.start(kit.consumer(broken, backoff_seconds=(0.1, 0.1, 0.2, 0.2)).run)
        heard = await kit.until_heard(1)

        assert heard == [("ord_1", 2)]
        async with kit.shelf.connection() as conn:
            letter = await conn.fetchrow("SELECT attempts, error, traceback FROM dead_letter")
            waiting = await conn.fetchval("SELECT count(*) FROM inbox_attempt")
        assert letter is not None
        assert (letter["attempts"], letter["error"]) == (5, "KeyError: 'always'")
        assert "broken" in letter["traceback"]
        assert waiting == 0
        assert tries.count(1) >= 5


async def test_something_that_is_away_makes_no_dead_letters(
    fresh_database: str, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage longer than every backoff must cost time, not messages."""
    monkeypatch.setattr(consumer, "AWAY_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(consumer, "RESTART_CAP_SECONDS", 0.2)
    away = 8

    async def needs_another_service(conn: Connection, messages: Sequence[Incoming]) -> None:
        nonlocal away
        await write_down(conn, messages)
        if away:
            away -= 1
            raise Unavailable("another service")

    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer(needs_another_service).run)

        await kit.place([event("ord_1", 1), event("ord_1", 2)])
        heard = await kit.until_heard(2)

        assert heard == [("ord_1", 1), ("ord_1", 2)]
        async with kit.shelf.connection() as conn:
            assert await conn.fetchval("SELECT count(*) FROM dead_letter") == 0
            assert await conn.fetchval("SELECT count(*) FROM inbox_attempt") == 0


async def test_duplicates_have_one_effect(fresh_database: str, nats_url: str) -> None:
    """The broker's own window of duplicates is finite; here every event is sent three times past it."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)
        await kit.place([event(f"ord_{n}", 1) for n in range(50)])
        assert await kit.relay.idle()

        counts = []
        for _ in range(2):
            counts.append(await kit.relay.watch.replay())
            assert await kit.relay.idle()
        await kit.place([event("ord_end", 1)])
        await kit.until_heard(51)

        async def drained() -> bool:
            info = await kit.client.jetstream().consumer_info("ALJIBE_SHOP", "shelf")
            return bool(info.num_pending == 0 and info.num_ack_pending == 0)

        assert counts == [50, 50]
        assert await eventually(drained)
        heard = await kit.heard()
        assert len(heard) == len(set(heard)) == 51


async def test_two_instances_share_the_work(fresh_database: str, nats_url: str) -> None:
    """Two relays on one outbox and two consumers on one durable: still everything once and in order."""
    async with bus(fresh_database, nats_url) as kit, bus(fresh_database, nats_url) as twin:
        for one in (kit, twin):
            one.start(one.relay.run)
            one.start(one.consumer(batch=16).run)

        async def write(one: object, names: range) -> None:
            for sequence in range(1, 16):
                await (kit if one is kit else twin).place([event(f"ord_{n}", sequence) for n in names])

        await asyncio.gather(write(kit, range(10)), write(twin, range(10, 20)))
        heard = await kit.until_heard(300)

        assert len(heard) == len(set(heard)) == 300
        for n in range(20):
            assert [s for order, s in heard if order == f"ord_{n}"] == list(range(1, 16))


async def test_nothing_is_lost_when_nats_is_killed_and_its_store_wiped(
    fresh_database: str, server_folder: Path
) -> None:
    """The broker is a courier: killing it, or deleting every stream, must cost nothing but a replay."""
    async with LocalNats(server_folder / "nats") as nats, bus(fresh_database, nats.url) as kit:
        kit.start(kit.relay.run)
        stop_consumer = kit.start(kit.consumer().run)
        await kit.place([event(f"ord_a{n}", 1) for n in range(100)])
        assert len(await kit.until_heard(100)) == 100

        await nats.kill()
        await kit.place([event(f"ord_b{n}", 1) for n in range(100)])
        await nats.start()
        assert len(await kit.until_heard(200)) == 200
        assert kit.relay.watch.losses == 0

        await stop_consumer()
        await kit.place([event(f"ord_c{n}", 1) for n in range(100)])
        assert await kit.relay.idle()
        await nats.kill()
        await nats.wipe()
        await nats.start()
        kit.start(kit.consumer().run)
        heard = await kit.until_heard(300, 40)
        await kit.place([event(f"ord_a{n}", 2) for n in range(100)])
        heard = await kit.until_heard(400, 40)

        assert kit.relay.watch.losses == 1
        assert len(heard) == len(set(heard)) == 400


async def test_nothing_is_lost_when_postgres_is_killed(server_folder: Path, nats_url: str) -> None:
    """Pool, relay and consumer outlive the database; an outage is no message's fault."""
    async with LocalPostgres(server_folder / "postgres") as postgres:
        admin = await postgres.create_database("kit")
        async with bus(admin, nats_url) as kit:
            kit.start(kit.relay.run)
            kit.start(kit.consumer().run)
            await kit.place([event(f"ord_a{n}", 1) for n in range(100)])

            await postgres.kill()
            refused = 0
            try:
                await kit.place([event("ord_none", 1)])
            except Unavailable:
                refused += 1
            await postgres.start()

            async def place() -> bool:
                try:
                    await kit.place([event(f"ord_b{n}", 1) for n in range(100)])
                except Unavailable:
                    return False
                return True

            assert await eventually(place, 30)

            async def all_heard() -> bool:
                try:
                    return len(await kit.heard()) >= 200
                except Unavailable:
                    return False

            assert await eventually(all_heard, 40)
            heard = await kit.heard()
            async with kit.shelf.connection() as conn:
                assert await conn.fetchval("SELECT count(*) FROM dead_letter") == 0
            assert refused == 1
            assert len(heard) == len(set(heard)) == 200
