"""The transactional outbox: events commit with the change they tell of, and a relay brings every one of them
to JetStream.

A row is published at once from memory after its commit (`Relay.wake(events)`), so that neither a timer nor a
SELECT stands in
the way. Whatever a crash, a full buffer or a broker that is away leaves behind is found by the sweep: it
claims rows that
nobody has published for a second, under SKIP LOCKED, and never asks for "ids above the last seen", since ids
commit out of
order. So every row is published at least once, by any instance, and at most rarely twice; Nats-Msg-Id and the
inbox of the
consumers remove the duplicates. Rows stay for `OUTBOX_RETENTION`, and `chassis/stream_watch.py` sends them
again when the broker
lost them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis import history
from chassis import outbox_sql as sql
from chassis.bus_client import Answer, BusClient, Publication, Publisher, Stored
from chassis.conventions import (
    MESSAGING_BATCH_MESSAGE_COUNT,
    MESSAGING_DESTINATION_NAME,
    MESSAGING_MESSAGE_ID,
    MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE,
    MESSAGING_SYSTEM,
    aggregate_id,
)
from chassis.crashpoint import crashpoint
from chassis.envelope import OutboxEvent, header_block, headers, source_of
from chassis.metrics import SIZE_BUCKETS, counter, gauge, histogram
from chassis.postgres import Connection, Database
from chassis.spans import is_traceparent
from chassis.stream_watch import StreamWatch
from chassis.streams import AWAY, STREAM_MAX_BYTES, wait_connected
from chassis.telemetry import Attribute, Kind, Span, child, finish

__all__ = ["OUTBOX_RETENTION", "OutboxEvent", "Relay", "append"]

log = logging.getLogger(__name__)

OUTBOX_RETENTION = timedelta(days=30)
MAX_IN_FLIGHT = 256
MAX_HANDED_OVER = 8_192
REST_BELOW = 64
REST_SECONDS = 0.03
"""After fewer events than `REST_BELOW`: their publication cost a round trip to the broker and a statement as
one of many would, and those that come meanwhile share the next.
"""
SWEEP_SECONDS = 1.0
CLAIM_SECONDS = 5.0
ACK_TIMEOUT_SECONDS = 4.0
BACKOFF_FIRST_SECONDS = 0.05
BACKOFF_CAP_SECONDS = 2.0
PRUNE_EVERY_SECONDS = 300.0
PRUNE_CHUNK = 5_000
PRUNE_PAUSE_SECONDS = 0.1
MEASURE_EVERY_SECONDS = 5.0

_lag = gauge("outbox_lag_seconds", "s", "Age of the oldest event that is not published")
_unpublished = gauge("outbox_unpublished_events", "events", "Events committed and not published")
_published = counter("outbox_published_total", "events", "Events that the broker has taken")
_batches = histogram("outbox_batch_size", "events", "Events published together", (), SIZE_BUCKETS)
_seconds = histogram("outbox_publish_seconds", "s", "Time from sending a batch to its last ack")
_dead = gauge("dead_letters_open", "messages", "Messages that could not be handled and wait for a person")


async def append(conn: Connection, events: Sequence[OutboxEvent]) -> None:
    """Record `events` in the transaction of their cause; after the commit hand them to `Relay.wake`.

    Raises:
        asyncpg.UniqueViolationError: an event id, or a sequence of an aggregate, stands twice.
    """
    if events:
        await conn.execute(sql.APPEND, *columns(events))


def columns(events: Sequence[OutboxEvent]) -> list[Any]:
    """The parameters of `outbox_sql.APPEND`."""
    return [
        [e.id for e in events],
        [e.aggregate_type for e in events],
        [e.aggregate_id for e in events],
        [e.sequence for e in events],
        [e.type for e in events],
        [e.subject for e in events],
        [e.payload for e in events],
        [e.occurred_at for e in events],
        [e.traceparent for e in events],
    ]


@dataclass(frozen=True, slots=True)
class _Row:
    event: OutboxEvent
    publication: int


class Relay:
    """Publishes a service's outbox for ever. One per process; any number of processes."""

    def __init__(
        self,
        db: Database,
        client: BusClient,
        service: str,
        *,
        replicas: int = 1,
        max_bytes: int = STREAM_MAX_BYTES,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self.service = service
        self.watch = StreamWatch(
            db, client, service, replicas=replicas, max_bytes=max_bytes, on_replay=self.wake
        )
        self._db = db
        self._client = client
        self._publisher = Publisher(client)
        self._source = source_of(service)
        self._sweep_seconds = sweep_seconds
        self._handed_over: deque[_Row] = deque()
        self._woken = asyncio.Event()
        # While more waits in the table than one sweep takes, memory must not overtake it; nor at
        # the start, before the first sweep.
        self._behind = True
        self._sweep_at = 0.0

    def wake(self, events: Sequence[OutboxEvent] = ()) -> None:
        """Publish `events`, whose transaction has committed, now; without events, sweep now.

        Never blocks and never fails: what finds no room in memory the sweep finds, a second later.
        """
        if not events:
            self._sweep_at = 0.0
        elif not self._behind:
            if len(self._handed_over) + len(events) > MAX_HANDED_OVER:
                self._fall_behind()
            else:
                self._handed_over.extend(_Row(event, 0) for event in events)
        self._woken.set()

    async def run(self) -> None:
        """Publish, watch the stream, answer wishes for replay and prune, until cancelled. Outlives outages of
        database and broker.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish_for_ever(), name="outbox-publish")
            group.create_task(self.watch.run(), name="outbox-watch")
            group.create_task(self._prune_for_ever(), name="outbox-prune")
            group.create_task(self._measure_for_ever(), name="outbox-measure")

    async def idle(self, timeout_seconds: float = 10.0) -> bool:
        """Whether every row was published within the time; for an orderly end and for tests."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while True:
            async with self._db.connection() as conn:
                if not await conn.fetchval(sql.ANY_UNPUBLISHED):
                    return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.02)

    async def _publish_for_ever(self) -> None:
        delay = BACKOFF_FIRST_SECONDS
        while True:
            try:
                await wait_connected(self._client)
                progressed = await self._publish_some()
            except AWAY as error:
                log.warning("outbox.publish.waiting", extra={"service": self.service, "reason": repr(error)})
                progressed = False
            if progressed:
                delay = BACKOFF_FIRST_SECONDS
                continue
            self._fall_behind()
            await asyncio.sleep(delay)
            delay = min(BACKOFF_CAP_SECONDS, delay * 2)

    async def _publish_some(self) -> bool:
        """Publish a batch, from memory or by a sweep, or wait for one; False when nothing of it arrived."""
        now = asyncio.get_running_loop().time()
        if self._behind or now >= self._sweep_at:
            self._sweep_at = now + self._sweep_seconds
            rows = await self._claim()
            if len(rows) == MAX_IN_FLIGHT:
                self._fall_behind()
            else:
                self._behind = False
            if rows:
                return await self._publish(rows)
        if self._handed_over:
            count = min(MAX_IN_FLIGHT, len(self._handed_over))
            arrived = await self._publish([self._handed_over.popleft() for _ in range(count)])
            if arrived and count < REST_BELOW:
                await asyncio.sleep(REST_SECONDS)
            return arrived
        self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._sweep_at - now)):
                await self._woken.wait()
        return True

    def _fall_behind(self) -> None:
        self._behind = True
        self._handed_over.clear()

    async def _claim(self) -> list[_Row]:
        async with self._db.connection() as conn:
            records = await conn.fetch(sql.CLAIM, MAX_IN_FLIGHT, timedelta(seconds=CLAIM_SECONDS))
        rows = [
            _Row(
                OutboxEvent(
                    r["id"],
                    r["aggregate_type"],
                    r["aggregate_id"],
                    r["sequence"],
                    r["type"],
                    r["subject"],
                    r["payload"],
                    r["occurred_at"],
                    r["traceparent"],
                ),
                r["publication"],
            )
            for r in records
        ]
        rows.sort(key=lambda row: (row.event.aggregate_type, row.event.aggregate_id, row.event.sequence))
        return rows

    async def _publish(self, rows: Sequence[_Row]) -> bool:
        """Send `rows`, wait for the broker's acks, mark what arrived; False when nothing did."""
        watch = self.watch
        await watch.ensure_checked()
        epoch, reconnects = watch.epoch, self._client.stats["reconnects"]
        crashpoint("outbox.before_publish")
        spans = [_publishing(row.event, len(rows)) for row in rows]
        publications = await self._enveloped(rows, spans)
        started = asyncio.get_running_loop().time()
        answers = await self._publisher.publish(publications, ACK_TIMEOUT_SECONDS)
        _seconds.observe(asyncio.get_running_loop().time() - started)
        _batches.observe(len(rows))
        acked = _acked(rows, answers)
        _published.inc(len(acked))
        for span, answer in zip(spans, answers, strict=True):
            if span is not None:
                if not isinstance(answer, Stored):
                    span.failed("not acknowledged")
                finish(span)
        if self._client.stats["reconnects"] != reconnects:
            # The broker may have restarted behind these acks. The rows stay unpublished, and go
            # out again after a check.
            return False
        if len(acked) < len(rows):
            self._fall_behind()
        if not acked:
            watch.needs_check()
            return False
        watch.saw([stored.sequence for _, stored in acked if not stored.duplicate])
        crashpoint("outbox.before_mark")
        return await self._mark(acked, epoch)

    async def _enveloped(self, rows: Sequence[_Row], spans: Sequence[Span | None]) -> list[Publication]:
        histories, missing = history.among([row.event for row in rows])
        if missing:
            async with self._db.connection() as conn:
                histories |= await history.of_table(conn, missing)
        source = self._source
        return [
            Publication(
                row.event.subject,
                header_block(
                    headers(
                        row.event,
                        source,
                        row.publication,
                        histories.get(row.event.id),
                        row.event.traceparent if span is None else span.traceparent,
                    )
                ),
                row.event.payload,
            )
            for row, span in zip(rows, spans, strict=True)
        ]

    async def _mark(self, acked: Sequence[tuple[_Row, Stored]], epoch: int) -> bool:
        async with self._db.connection() as conn:
            counted = await conn.fetchval(
                sql.MARK,
                self.watch.stream,
                epoch,
                max(stored.sequence for _, stored in acked),
                [row.event.id for row, _ in acked],
                [row.publication for row, _ in acked],
                [stored.sequence for _, stored in acked],
            )
        if not counted:
            # Somebody noticed a loss meanwhile: what was acknowledged before it may be gone.
            self.watch.needs_check()
            return False
        return True

    async def _prune_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_EVERY_SECONDS)
            with suppress(*AWAY):
                while await self.prune():  # noqa: ASYNC110 - the pause lets others at the table
                    await asyncio.sleep(PRUNE_PAUSE_SECONDS)

    async def _measure_for_ever(self) -> None:
        while True:
            with suppress(*AWAY):
                state = await outbox_state(self._db)
                _lag.set(state.oldest_seconds)
                _unpublished.set(state.unpublished)
                _dead.set(state.dead_letters)
            await asyncio.sleep(MEASURE_EVERY_SECONDS)

    async def prune(self, *, older_than: timedelta = OUTBOX_RETENTION) -> int:
        """Delete one chunk of published rows recorded longer ago than `older_than`; gives how many went."""
        async with self._db.connection() as conn:
            result: str = await conn.execute(sql.PRUNE, older_than, PRUNE_CHUNK)
        return int(result.rpartition(" ")[2])


def _publishing(event: OutboxEvent, batch: int) -> Span | None:
    """The span of an event's way to the broker, in the trace of what caused it."""
    traceparent = event.traceparent
    if traceparent is None or traceparent.endswith("-00") or not is_traceparent(traceparent):
        return None
    destination, _, _ = event.subject.rpartition(".")
    attributes: dict[str, Attribute] = {
        MESSAGING_SYSTEM: "nats",
        MESSAGING_OPERATION_NAME: "publish",
        MESSAGING_OPERATION_TYPE: "send",
        MESSAGING_DESTINATION_NAME: destination,
        MESSAGING_MESSAGE_ID: event.id,
        MESSAGING_BATCH_MESSAGE_COUNT: batch,
        aggregate_id(event.aggregate_type): event.aggregate_id,
    }
    name = f"publish {destination.rpartition('.')[2]}"
    return child(name, Kind.PRODUCER, attributes, parent=traceparent)


def _acked(rows: Sequence[_Row], answers: Sequence[Answer]) -> list[tuple[_Row, Stored]]:
    """Those that the broker has taken; the others are given up for now: one event that is refused, for its
    size say, must not hold up those beside it.
    """
    acked: list[tuple[_Row, Stored]] = []
    refused: dict[str, list[str]] = {}
    for row, answer in zip(rows, answers, strict=True):
        if isinstance(answer, Stored):
            acked.append((row, answer))
        else:
            refused.setdefault(answer, []).append(row.event.id)
    for reason, ids in refused.items():
        log.warning(
            "outbox.publish.unacknowledged",
            extra={"events": len(ids), "event_id": ids[0], "reason": reason},
        )
    return acked


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How far publication is behind: rows waiting, and the age of the oldest in seconds."""

    unpublished: int
    oldest_seconds: float
    as_of: datetime
    dead_letters: int = 0
    """Messages to this service that wait for a person."""


async def outbox_state(db: Database) -> OutboxState:
    """The present state, read from the database.

    Raises:
        Unavailable: the database cannot be reached.
    """
    async with db.connection() as conn:
        row = await conn.fetchrow(sql.STATE)
    assert row is not None
    return OutboxState(row["unpublished"], float(row["oldest_seconds"]), row["as_of"], row["dead_letters"])
