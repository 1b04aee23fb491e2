from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

from chassis.replica import Block, Feed, Keeper, Replica, Row


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


def test_a_block_is_worth_its_rows() -> None:
    """A snapshot's blocks meet groups that deltas have begun already, with newer rows and other members."""
    block = Block(("x", "y"), ["A", "B"], [1, 2, -3, 4], [5, 5, 5, 5])
    replica, plain = Replica(), Replica()
    for one in (replica, plain):
        one.put("B", "z", 7, 1)
        one.put("B", "x", 8, 6)

    replica.take(block)
    plain.take(list(block.rows()))

    assert len(replica) == len(plain) == 5
    assert replica.values("A") == plain.values("A") == {"x": 1, "y": 2}
    assert replica.values("B") == plain.values("B") == {"x": 8, "y": 4, "z": 7}
    assert [replica.version("B", member) for member in ("x", "y", "z")] == [6, 5, 1]


def test_what_was_made_of_a_group_goes_when_the_group_changes() -> None:
    replica = Replica()
    replica.put("A", "x", 1, 1)
    replica.derived["A"] = "made of 1"

    replica.put("A", "x", 9, 1)
    replica.put("B", "x", 9, 1)
    kept = dict(replica.derived)
    replica.put("A", "x", 2, 2)

    assert kept == {"A": "made of 1"}
    assert replica.derived == {}


def test_a_group_grows_in_any_order() -> None:
    replica = Replica()
    members = [f"m{number}" for number in (5, 1, 4, 2, 3)]

    for version, member in enumerate(members, start=1):
        replica.put("A", member, version * 10, version)
        replica.put("B", member, version, version)

    assert replica.values("A") == {member: 10 * at for at, member in enumerate(members, start=1)}
    assert [replica.version("A", member) for member in members] == [1, 2, 3, 4, 5]
    assert len(replica) == 10


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

    assert keeper.feed.silent(time.monotonic() + 3_600) == []
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
