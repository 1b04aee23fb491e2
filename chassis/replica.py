"""A copy in memory of rows that another process owns: versioned integers by (group, member), kept up by
deltas, made by a snapshot.

`Replica` holds the values, `Feed` watches the publishers, `Keeper` puts the two to work.

A value is absolute and carries its row's version, so deltas and snapshot rows may arrive in any order and
more than once. Hence the bootstrap: listen first, then read a snapshot that begins later; what was committed
before is in the snapshot, what came after arrives as a delta. Each life of a publisher numbers its messages
1, 2, 3 …; a hole, a publisher met for the first time after its first message, or one that falls silent
without farewell (it may have died between commit and publish) makes a new snapshot due.
"""

from __future__ import annotations

import asyncio
import logging
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

from chassis import metrics

log = logging.getLogger(__name__)

SILENCE_SECONDS = 5.0
CHECK_SECONDS = 0.5
SNAPSHOT_RETRY_FIRST_SECONDS = 0.2
SNAPSHOT_RETRY_CAP_SECONDS = 5.0
SNAPSHOT_PAUSE_SECONDS = 1.0

Row = tuple[str, str, int, int]
"""Group, member, value (fits 64 bits), version."""

STALENESS_BUCKETS = (
    0.002,
    0.005,
    0.01,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.25,
    0.35,
    0.5,
    1.0,
    2.0,
    5.0,
)
MAX_SHARED_MEMBERSHIPS = 4_096


_STALENESS = metrics.histogram(
    "replica_staleness_seconds",
    "s",
    "From the commit of the oldest change of a message until the replica had it",
    ("replica",),
    STALENESS_BUCKETS,
)
_SNAPSHOT = metrics.gauge("replica_snapshot_seconds", "s", "How long the last snapshot took", ("replica",))


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of groups that all have the same members.

    `values` and `versions` hold those of the first group in the order of `members`, then those of the second,
    and so on.
    """

    members: tuple[str, ...]
    groups: Sequence[str]
    values: Iterable[int]
    versions: Iterable[int]

    def rows(self) -> Iterator[Row]:
        """The same, row by row."""
        numbers = zip(self.values, self.versions, strict=True)
        for group in self.groups:
            for member in self.members:
                value, version = next(numbers)
                yield group, member, value, version


Batch = Iterable[Row] | Block


class _Rows(array):  # type: ignore[type-arg]
    """The rows of a group: their values, and behind these their versions, in the order of `members`."""

    __slots__ = ("members",)
    members: tuple[str, ...]


class Replica:
    """Integers by group and member, each with the version of its row; a lower version never replaces a higher
    one.

    A group is one array of 64-bit integers; groups with the same members share the tuple of their names. That
    is 16 bytes a row and some 250 a group: 30 MB for a million rows in groups of 20.
    """

    def __init__(self) -> None:
        self._groups: dict[str, _Rows] = {}
        self._memberships: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._rows = 0
        self.derived: dict[str, Any] = {}
        """For the owner: what it has made of a group, dropped as soon as a row of the group changes."""

    def __len__(self) -> int:
        """Rows, over all groups."""
        return self._rows

    def put(self, group: str, member: str, value: int, version: int) -> bool:
        """Take a row over; False when this version or a later one is known."""
        rows = self._groups.get(group)
        if rows is None:
            rows = self._groups[group] = _Rows("q", (value, version))
            rows.members = self._shared((intern(member),))
            self._rows += 1
            self.derived.pop(group, None)
            return True
        members = rows.members
        count = len(members)
        try:
            at = members.index(member)
        except ValueError:
            rows.insert(count, value)
            rows.append(version)
            rows.members = self._shared((*members, intern(member)))
            self._rows += 1
        else:
            if rows[count + at] >= version:
                return False
            rows[at] = value
            rows[count + at] = version
        self.derived.pop(group, None)
        return True

    def put_all(self, rows: Iterable[Row]) -> int:
        """Take rows over; gives how many were news."""
        return sum([self.put(*row) for row in rows])

    def put_block(self, block: Block) -> None:
        """Take rows over: for a tenth of the price where a group is new."""
        members = self._shared(tuple([intern(member) for member in block.members]))
        count = len(members)
        values, versions = array("q", block.values), array("q", block.versions)
        for first, group in enumerate(block.groups):
            here = slice(first * count, (first + 1) * count)
            if group in self._groups:
                for row in zip(members, values[here], versions[here], strict=True):
                    self.put(group, *row)
                continue
            rows = self._groups[group] = _Rows("q", values[here] + versions[here])
            rows.members = members
            self._rows += count
            self.derived.pop(group, None)

    def take(self, batch: Batch) -> None:
        """Take a batch of a snapshot over, whatever its form."""
        if isinstance(batch, Block):
            self.put_block(batch)
        else:
            self.put_all(batch)

    def get(self, group: str, member: str) -> int | None:
        """The value, or None when there is no such row."""
        rows = self._groups.get(group, _NONE)
        members = rows.members
        return rows[members.index(member)] if member in members else None

    def version(self, group: str, member: str) -> int:
        """The row's version; 0 when there is no such row."""
        rows = self._groups.get(group, _NONE)
        members = rows.members
        return rows[len(members) + members.index(member)] if member in members else 0

    def values(self, group: str) -> dict[str, int]:
        """A group's values by member; a copy."""
        rows = self._groups.get(group, _NONE)
        return dict(zip(rows.members, rows, strict=False))

    def items(self, group: str) -> Iterator[tuple[str, int]]:
        """A group's members with their values, without a copy; not to be kept over an await."""
        rows = self._groups.get(group, _NONE)
        return zip(rows.members, rows, strict=False)

    def groups(self) -> Iterable[str]:
        """The groups there are."""
        return self._groups.keys()

    def _shared(self, members: tuple[str, ...]) -> tuple[str, ...]:
        known = self._memberships.get(members)
        if known is not None:
            return known
        # Where every group has members of its own there is nothing to share.
        if len(self._memberships) < MAX_SHARED_MEMBERSHIPS:
            self._memberships[members] = members
        return members


_NONE = _Rows("q")
_NONE.members = ()


class Feed:
    """Whether every message of every publisher has arrived. Times are on `time.monotonic()`, given by the
    caller.
    """

    def __init__(self, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._silence = silence_seconds
        self._publishers: dict[str, tuple[int, float]] = {}
        self.gaps = 0
        """Holes seen so far."""
        self.heard_at = 0.0
        """When a message of any publisher last arrived."""

    def observe(self, publisher: str, sequence: int, last_sequence: int, now: float) -> bool:
        """Note a message; True when something before it is missing, so that a snapshot is due.

        `sequence` is 0 for a heartbeat, which only tells `last_sequence`, the publisher's highest so far.
        Messages of one publisher arrive in order; a repeated or late one is no hole.
        """
        self.heard_at = now
        known = self._publishers.get(publisher)
        before = known[0] if known is not None else 0
        newest = sequence or last_sequence
        missing = newest > before + (1 if sequence else 0)
        self._publishers[publisher] = (max(before, newest), now)
        if missing:
            self.gaps += 1
        return missing

    def farewell(self, publisher: str) -> None:
        """The publisher ended in order: its silence means nothing."""
        self._publishers.pop(publisher, None)

    def silent(self, now: float) -> list[str]:
        """Publishers that fell silent; they are forgotten, and a snapshot is due if there is one."""
        gone = [name for name, (_, heard) in self._publishers.items() if now - heard > self._silence]
        for name in gone:
            del self._publishers[name]
        return gone


class Keeper:
    """Keeps a replica true: takes messages, and snapshots when `Feed` asks for one.

    The owner subscribes to the live subject, hands each message to `take`, and runs `run` for
    ever. `snapshot` opens a stream of batches whose reading begins after the call; what it raises of
    `errors` is waited out and tried again.
    """

    def __init__(
        self,
        name: str,
        replica: Replica,
        snapshot: Callable[[], AsyncIterator[Batch]],
        *,
        errors: tuple[type[Exception], ...],
        flush: Callable[[], Awaitable[object]] | None = None,
        silence_seconds: float = SILENCE_SECONDS,
        pause_seconds: float = SNAPSHOT_PAUSE_SECONDS,
    ) -> None:
        self.replica = replica
        self.feed = Feed(silence_seconds=silence_seconds)
        self._name = name
        self._stale = _STALENESS.labels(name)
        self._snapshot = snapshot
        self._errors = errors
        self._flush = flush
        self._pause = pause_seconds
        self._due = asyncio.Event()
        self._due.set()
        self._ready = asyncio.Event()
        self.snapshots = 0
        """Snapshots taken so far."""
        self.behind_seconds = 0.0
        """Age of the newest delta when it arrived, by its committer's clock."""
        self._began = time.monotonic()

    @property
    def quiet_seconds(self) -> float:
        """Since any publisher was last heard, or since the start when none was."""
        return time.monotonic() - max(self.feed.heard_at, self._began)

    @property
    def is_ready(self) -> bool:
        """Whether the first snapshot is read."""
        return self._ready.is_set()

    async def ready(self) -> None:
        """Return once the first snapshot is read."""
        await self._ready.wait()

    def take(
        self,
        publisher: str,
        sequence: int,
        last_sequence: int,
        rows: Iterable[Row],
        *,
        committed_at: float | None = None,
    ) -> int:
        """Apply a message; gives how many rows were news. `committed_at` is seconds since the epoch.

        A negative `sequence` is the publisher's farewell.
        """
        news = self.replica.put_all(rows)
        if sequence < 0:
            self.feed.farewell(publisher)
            return news
        if committed_at is not None and sequence:
            self.behind_seconds = max(0.0, time.time() - committed_at)
            self._stale.observe(self.behind_seconds)
        if self.feed.observe(publisher, sequence, last_sequence, time.monotonic()):
            self._due.set()
        return news

    def distrust(self) -> None:
        """Make a snapshot due, for example when the connection that carries the deltas was lost."""
        self._due.set()

    async def run(self) -> None:
        """Snapshot whenever one is due; ends only when cancelled."""
        delay = SNAPSHOT_RETRY_FIRST_SECONDS
        while True:
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._due.wait()
            except TimeoutError:
                if self.feed.silent(time.monotonic()):
                    self._due.set()
                continue
            self._due.clear()
            try:
                if self._flush is not None:
                    await self._flush()
                began = time.monotonic()
                async for batch in self._snapshot():
                    self.replica.take(batch)
            except self._errors as error:
                log.warning("replica.waiting", extra={"replica": self._name, "reason": repr(error)})
                self._due.set()
                await asyncio.sleep(delay)
                delay = min(SNAPSHOT_RETRY_CAP_SECONDS, delay * 2)
                continue
            delay = SNAPSHOT_RETRY_FIRST_SECONDS
            self.snapshots += 1
            _SNAPSHOT.labels(self._name).set(time.monotonic() - began)
            self._ready.set()
            # Holes tend to come in showers, and a snapshot costs its owner a read of everything.
            await asyncio.sleep(self._pause)
