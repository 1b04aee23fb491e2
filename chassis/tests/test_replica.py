from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

from chassis.replica import Feed, Keeper, Replica, Row


def test_a_lower_version_never_replaces_a_higher_one() -> None:
    """Deltas and snapshots cross on their way."""
    replica = Replica()

    assert replica.put("A", "x", -3, 7)
    assert not replica.put("A", "x", 9, 7)
    assert not replica.put("A", "x", 9, 6)

    assert replica.get("A", "x") == -3
    assert replica.version("A", "x") == 7
    assert replica.put("A", "x", 2_000_000_000, 8)
    assert replica.values("A") == {"x": 2_000_000_000}
    assert dict(replica.items("A")) == {"x": 2_000_000_000}


def test_what_is_not_there_is_none_at_version_zero() -> None:
    replica = Replica()

    assert replica.get("A", "x") is None
    assert replica.version("A", "x") == 0
    assert replica.values("A") == {}
    assert len(replica) == 0


def test_a_feed_without_holes_asks_for_nothing() -> None:
    feed = Feed()

    asked = [feed.observe("p", number, number, 0.0) for number in (1, 2, 3, 3, 2)]

    assert asked == [False] * 5


def test_a_hole_is_noticed_once() -> None:
    """A lost message would leave a position wrong until it changes again."""
    feed = Feed()
    feed.observe("p", 1, 1, 0.0)

    assert feed.observe("p", 3, 3, 0.0)
    assert not feed.observe("p", 4, 4, 0.0)
    assert feed.gaps == 1


def test_a_heartbeat_shows_that_the_last_message_was_lost() -> None:
    feed = Feed()
    feed.observe("p", 1, 1, 0.0)

    assert not feed.observe("p", 0, 1, 0.0)
    assert feed.observe("p", 0, 2, 0.0)


def test_a_publisher_met_late_has_sent_what_was_not_heard() -> None:
    feed = Feed()

    assert feed.observe("p", 5, 5, 0.0)
    assert not feed.observe("q", 0, 0, 0.0)


def test_silence_without_farewell_is_suspicious() -> None:
    """A process may die between its commit and its publication."""
    feed = Feed(silence_seconds=5)
    feed.observe("p", 1, 1, now=10.0)
    feed.observe("q", 1, 1, now=10.0)
    feed.farewell("q")

    assert feed.silent(now=14.0) == []
    assert feed.silent(now=16.0) == ["p"]
    assert feed.silent(now=26.0) == []


async def test_a_keeper_repairs_a_hole_by_a_snapshot() -> None:
    truth: list[Row] = [("A", "x", 1, 1)]
    read = asyncio.Semaphore(0)

    async def snapshot() -> AsyncIterator[Iterable[Row]]:
        yield list(truth)
        read.release()

    replica = Replica()
    keeper = Keeper("test", replica, snapshot, errors=(OSError,), pause_seconds=0)
    task = asyncio.create_task(keeper.run())
    await keeper.ready()
    await read.acquire()
    keeper.take("p", 1, 1, [("A", "y", 5, 1)])
    truth[:] = [("A", "x", 7, 3)]

    keeper.take("p", 3, 3, [])
    await read.acquire()

    assert replica.values("A") == {"x": 7, "y": 5}
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_negative_sequence_is_a_farewell() -> None:
    async def snapshot() -> AsyncIterator[Iterable[Row]]:
        yield []

    keeper = Keeper("test", Replica(), snapshot, errors=())
    keeper.take("p", 1, 1, [("A", "x", 1, 1)])
    keeper.take("p", -1, 0, [])

    assert keeper.feed.publishers() == 0
    assert keeper.replica.get("A", "x") == 1


async def test_a_keeper_waits_out_a_snapshot_that_fails() -> None:
    """The owner may be starting, too."""
    failures = iter([OSError("away")])

    async def snapshot() -> AsyncIterator[Iterable[Row]]:
        for failure in failures:
            raise failure
        yield [("A", "x", 1, 1)]

    keeper = Keeper("test", Replica(), snapshot, errors=(OSError,))
    task = asyncio.create_task(keeper.run())

    await asyncio.wait_for(keeper.ready(), 5)

    assert keeper.replica.get("A", "x") == 1
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
