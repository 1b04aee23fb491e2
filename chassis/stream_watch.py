"""What the broker lost is noticed and sent again from the outbox.

**Noticing.** Table `stream_mark` keeps, per stream, its creation time and the highest stream sequence any
relay got an ack for. A
loss shows as another creation time (the store was wiped), as a stream that ends below the mark (a tail that
was never synced), or as
an ack below one that this relay got before (a tail lost and already overgrown). It is looked for before the
first publish after every
(re)connect and every `WATCH_SECONDS`. Each loss raises the mark's *epoch*; acks gathered under an older epoch
are not
believed, so a row acknowledged just before the loss stays unpublished and is swept again.

**How much to send again.** Every row above the lowest ack floor among the durable consumers the stream has
had in the last
`FLOOR_MEMORY`, as recorded in table `stream_consumer` by earlier rounds. A consumer acks after its commit,
and floors only
rise, so a floor of the past can only be too low: too much may be sent, never too little, and the inbox drops
what was handled.
A consumer that is missing at the moment keeps its last floor, so a second wipe before it came back loses
nothing. A consumer whose
filter lets little pass has a formal floor far below what it is done with. When nothing waits for it, it is
done with what the stream held
a whole round ago, not with what it holds now: the broker acknowledges a message first and tells the
consumers of it afterwards. Sending only that
keeps the repair at seconds of traffic; `BusService.ReplayOutbox` sends more on demand. For the arithmetic to
hold over a wipe, a new
stream goes on numbering where the old one ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import api
from nats.js.errors import NotFoundError

from chassis import outbox_sql as sql
from chassis.postgres import Database
from chassis.streams import (
    AWAY,
    drop_consumer,
    ensure_stream,
    matches,
    replay_subject,
    stream_name,
    wait_connected,
)

log = logging.getLogger(__name__)

WATCH_SECONDS = 5.0
FLOOR_MEMORY = timedelta(days=14)
REPLAY_CHUNK = 5_000
AGGREGATE_LIMIT = 1_000
REPLAY_QUIET = timedelta(seconds=1)
TRIM_ABOVE_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class _Mark:
    epoch: int
    created_at: datetime
    last_sequence: int
    replay_above: int | None
    lost_at: datetime | None


class StreamWatch:
    """Keeps one service's stream in being, and its outbox rows in the stream."""

    def __init__(
        self,
        db: Database,
        client: Client,
        service: str,
        *,
        replicas: int,
        max_bytes: int,
        on_replay: Callable[[], None],
    ) -> None:
        self.stream = stream_name(service)
        self.epoch = 0
        self.losses = 0
        self._db = db
        self._client = client
        self._js = client.jetstream()
        self._service = service
        self._replicas = replicas
        self._max_bytes = max_bytes
        self._on_replay = on_replay
        self._checked_at_reconnect: int | None = None
        self._highest_seen = 0
        self._tail_overgrown_from: int | None = None
        self._looked = (self.epoch, 0)
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Check every `WATCH_SECONDS`, note the consumers' floors, and answer wishes for replay, until
        cancelled.
        """
        subscribed = False
        while True:
            try:
                await wait_connected(self._client)
                if not subscribed:
                    await self._client.subscribe(
                        replay_subject(self._service), queue=f"aljibe-{self._service}", cb=self._answer
                    )
                    subscribed = True
                async with self._lock:
                    info = await self._check()
                    await self._note_floors(info)
            except AWAY as error:
                log.warning("stream.watch.waiting", extra={"stream": self.stream, "reason": repr(error)})
            await asyncio.sleep(WATCH_SECONDS)

    async def ensure_checked(self) -> None:
        """Return when the stream exists and was checked on the present connection.

        Raises:
            Unavailable: the database is away.
            nats.errors.Error: the broker is.
        """
        async with self._lock:
            if self._checked_at_reconnect != self._client.stats["reconnects"]:
                await self._check()

    def needs_check(self) -> None:
        """Check before the next publish."""
        self._checked_at_reconnect = None

    def saw(self, sequences: list[int]) -> None:
        """Take note of the stream sequences of one batch of first-time acks."""
        if not sequences:
            return
        lowest = min(sequences)
        if lowest <= self._highest_seen:
            self._tail_overgrown_from = lowest
            self.needs_check()
        self._highest_seen = max(self._highest_seen, *sequences)

    async def replay(
        self, *, recorded_from: datetime | None = None, recorded_before: datetime | None = None
    ) -> int:
        """Send rows recorded in [from, before) again; both open by default, then all. Gives how many."""
        async with self._db.connection() as conn:
            until = await conn.fetchval("SELECT clock_timestamp()")
        return await self._send_again(-1, until, recorded_from, recorded_before)

    async def replay_aggregate(
        self, aggregate_type: str, aggregate_id: str, first: int = 1, last: int = (1 << 63) - 1
    ) -> int:
        """Send the rows of one aggregate with sequences from `first` to `last` again; gives how many."""
        async with self._db.connection() as conn:
            done: str = await conn.execute(
                sql.SEND_AGAIN_AGGREGATE, aggregate_type, aggregate_id, first, last, REPLAY_QUIET
            )
        self._on_replay()
        return int(done.rpartition(" ")[2])

    async def _check(self) -> api.StreamInfo:
        reconnects = self._client.stats["reconnects"]
        # The mark is read first: acks that other instances note in between can then only make the
        # stream look longer.
        mark = await self._read_mark()
        info = await ensure_stream(
            self._js,
            self._service,
            replicas=self._replicas,
            max_bytes=self._max_bytes,
            first_sequence=mark.last_sequence + 1 if mark else 0,
        )
        created, last = _created(info), info.state.last_seq
        if mark is None:
            async with self._db.connection() as conn:
                await conn.execute(sql.FIRST_MARK, self.stream, created, last)
            mark = await self._read_mark()
            assert mark is not None
        overgrown = self._tail_overgrown_from
        if mark.created_at != created:
            await self._lost(mark, created, last, "recreated", above=None)
        elif last < mark.last_sequence:
            await self._lost(mark, created, last, "tail lost", above=last)
        elif overgrown is not None:
            await self._lost(mark, created, last, "tail overgrown", above=overgrown - 1)
        mark = await self._read_mark()
        assert mark is not None
        if mark.epoch != self.epoch or overgrown is not None:
            self._highest_seen = 0
            self._tail_overgrown_from = None
        self.epoch = mark.epoch
        if mark.replay_above is not None and mark.lost_at is not None:
            count = await self._send_again(mark.replay_above, mark.lost_at)
            async with self._db.connection() as conn:
                await conn.execute(sql.REPLAYED, self.stream, mark.epoch)
            log.warning("stream.replayed", extra={"stream": self.stream, "events": count})
        self._checked_at_reconnect = reconnects
        return info

    async def _lost(self, mark: _Mark, created: datetime, last: int, how: str, above: int | None) -> None:
        if above is not None:
            # Consumers that had read into the lost tail would skip the messages that take its numbers now.
            for consumer in await self._js.consumers_info(self.stream):
                if consumer.delivered is not None and consumer.delivered.stream_seq > above:
                    await drop_consumer(self._js, self.stream, consumer.name)
        async with self._db.transaction() as conn:
            if above is not None:
                await conn.execute(sql.CUT_FLOORS, self.stream, above)
            changed: str = await conn.execute(
                sql.LOST, self.stream, mark.epoch, created, last, above, FLOOR_MEMORY
            )
        if changed.endswith("1"):
            self.losses += 1
            log.error("stream.lost_messages", extra={"stream": self.stream, "how": how})

    async def _send_again(
        self,
        above: int,
        published_before: datetime,
        recorded_from: datetime | None = None,
        recorded_before: datetime | None = None,
    ) -> int:
        total = 0
        while True:
            async with self._db.connection() as conn:
                row = await conn.fetchrow(
                    sql.SEND_AGAIN_ABOVE,
                    above,
                    published_before,
                    recorded_from,
                    recorded_before,
                    REPLAY_CHUNK,
                )
            assert row is not None
            total += int(row["rows"])
            self._on_replay()
            if row["rows"] < REPLAY_CHUNK:
                return total
            above = int(row["last"])

    async def _note_floors(self, info: api.StreamInfo) -> None:
        last = info.state.last_seq
        epoch, before = self._looked
        known = before if epoch == self.epoch else 0
        floors: dict[str, int] = {}
        offset = 0
        while page := await self._js.consumers_info(self.stream, offset):
            for consumer in page:
                floors[consumer.name] = _floor(consumer, known, last)
            offset += len(page)
        self._looked = (self.epoch, last)
        async with self._db.connection() as conn:
            await conn.execute(sql.RAISE_MARK, self.stream, self.epoch, last)
            await conn.execute(sql.SAVE_FLOORS, self.stream, self.epoch, list(floors), list(floors.values()))
            lowest = await conn.fetchval(sql.LOWEST_FLOOR, self.stream, FLOOR_MEMORY)
        limit = info.config.max_bytes or 0
        if limit > 0 and info.state.bytes > limit * TRIM_ABOVE_SHARE and lowest:
            # A full stream refuses new events; what every consumer has settled only takes room.
            await self._js.purge_stream(self.stream, seq=lowest + 1)

    async def _read_mark(self) -> _Mark | None:
        async with self._db.connection() as conn:
            row = await conn.fetchrow(sql.READ_MARK, self.stream)
        return _Mark(**dict(row)) if row is not None else None

    async def _answer(self, message: Msg) -> None:
        """A consumer misses events of an aggregate: send them again, and say how many of its subjects there
        are.
        """
        try:
            wish = json.loads(message.data)
            span = (wish["aggregate_type"], wish["aggregate_id"], int(wish["first"]), int(wish["last"]))
            filters = [str(text) for text in wish["filters"]]
        except (ValueError, KeyError, TypeError) as error:
            log.warning("outbox.replay.malformed", extra={"reason": repr(error)})
            return
        try:
            async with self._db.connection() as conn:
                rows = await conn.fetch(sql.AGGREGATE_SUBJECTS, *span, AGGREGATE_LIMIT)
            wanted = sum(1 for row in rows if any(matches(text, row["subject"]) for text in filters))
            if wanted:
                await self.replay_aggregate(*span)
            await message.respond(json.dumps({"events": wanted}).encode())
        except AWAY as error:
            # The consumer gets no answer, and asks again.
            log.warning("outbox.replay.failed", extra={"reason": repr(error)})


def _floor(consumer: api.ConsumerInfo, known: int, last: int) -> int:
    """Up to which stream sequence the consumer is done; never above `last`, which was read before it. It has
    surely been told of what the stream held at `known`.
    """
    formal = consumer.ack_floor.stream_seq if consumer.ack_floor is not None else 0
    if consumer.num_pending == 0 and consumer.num_ack_pending == 0:
        # Its filter lets pass none of what lies above its formal floor.
        formal = max(formal, known)
    return min(last, formal)


def _created(info: api.StreamInfo) -> datetime:
    if info.created is None:
        raise NotFoundError(description="the broker gave no creation time")
    return info.created
