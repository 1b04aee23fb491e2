"""The inbox: which messages are settled, which must wait, which are next. Message id, effect and cursor
commit together.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chassis.envelope import Incoming
from chassis.ids import new_id
from chassis.postgres import Connection

Aggregate = tuple[str, str, str]

INBOX_RETENTION = timedelta(days=45)
PRUNE_CHUNK = 5_000
ERROR_MAX_LENGTH = 2_000
TRACEBACK_MAX_LENGTH = 20_000

# One round trip: settled ids, cursors and waiting failures of everything in a batch. Each is looked up by its
# key (OFFSET 0 keeps the planner from joining everything the consumer ever heard of instead).
_READ = """
SELECT 'known' AS kind, k.message_id, NULL AS source, NULL AS aggregate_type, NULL AS aggregate_id,
       0::bigint AS sequence, 0 AS attempts, 0::double precision AS wait_seconds
FROM unnest($2::text[]) AS a(message_id)
CROSS JOIN LATERAL (
  SELECT i.message_id FROM inbox i WHERE i.consumer = $1 AND i.message_id = a.message_id OFFSET 0) k
UNION ALL
SELECT 'cursor', NULL, a.source, a.aggregate_type, a.aggregate_id, c.sequence, 0, 0
FROM unnest($3::text[], $4::text[], $5::text[]) AS a(source, aggregate_type, aggregate_id)
CROSS JOIN LATERAL (
  SELECT i.sequence FROM inbox_cursor i
  WHERE i.consumer = $1 AND i.source = a.source AND i.aggregate_type = a.aggregate_type
    AND i.aggregate_id = a.aggregate_id OFFSET 0) c
UNION ALL
SELECT 'attempt', t.message_id, t.source, t.aggregate_type, t.aggregate_id, t.sequence, t.attempts,
       extract(epoch FROM t.retry_at - now())::double precision
FROM unnest($3::text[], $4::text[], $5::text[]) AS a(source, aggregate_type, aggregate_id)
JOIN inbox_attempt t ON t.consumer = $1 AND t.source = a.source AND t.aggregate_type = a.aggregate_type
  AND t.aggregate_id = a.aggregate_id
"""

# Sorted, so that instances that got the same messages wait for each other instead of deadlocking. Uniqueness
# finds the rows, so that no statistics have a say.
_WRITTEN = """
WITH fresh AS (
  INSERT INTO inbox (consumer, message_id)
  SELECT $1, m FROM unnest($2::text[]) AS m ORDER BY m
  ON CONFLICT DO NOTHING RETURNING message_id
), moved AS (
  INSERT INTO inbox_cursor AS c (consumer, source, aggregate_type, aggregate_id, sequence)
  SELECT $1, a.source, a.aggregate_type, a.aggregate_id, a.sequence
  FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[]) AS a(source, aggregate_type, aggregate_id,
  sequence)
  ORDER BY 2, 3, 4
  ON CONFLICT (consumer, source, aggregate_type, aggregate_id)
  DO UPDATE SET sequence = greatest(c.sequence, excluded.sequence), updated_at = now()
  RETURNING source, aggregate_type, aggregate_id, old.sequence AS stood_at
)
"""

# The whole way of a batch in good order, one round trip: everything is written, and what stood there before
# says whether the order was good.
_SETTLE_PLAIN = f"""{_WRITTEN}
SELECT NULL AS source, NULL AS aggregate_type, NULL AS aggregate_id,
       (SELECT count(*) FROM fresh) AS number,
       EXISTS (SELECT FROM inbox_attempt WHERE consumer = $1) AS failing
UNION ALL
SELECT source, aggregate_type, aggregate_id, stood_at, false FROM moved WHERE stood_at > 0
"""  # noqa: S608 - constants only

_SETTLE = f"""{_WRITTEN}
SELECT message_id FROM fresh
"""  # noqa: S608

_FORGET_ATTEMPTS = "DELETE FROM inbox_attempt WHERE consumer = $1 AND message_id = ANY($2::text[])"

_RECORD_ATTEMPT = """
INSERT INTO inbox_attempt AS t
  (consumer, message_id, source, aggregate_type, aggregate_id, sequence, attempts, error, retry_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9::interval)
ON CONFLICT (consumer, message_id) DO UPDATE
SET attempts = excluded.attempts, error = excluded.error, retry_at = excluded.retry_at
"""

_BURY = """
INSERT INTO dead_letter (id, consumer, message_id, type, source, aggregate_type, aggregate_id, sequence,
subject,
  occurred_at, payload, headers, traceparent, attempts, error, traceback)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, $14, $15, $16)
ON CONFLICT (consumer, message_id) DO NOTHING
"""

_PRUNE_CURSORS = """
DELETE FROM inbox_cursor WHERE (consumer, source, aggregate_type, aggregate_id) IN (
  SELECT consumer, source, aggregate_type, aggregate_id FROM inbox_cursor
  WHERE updated_at < now() - $1::interval LIMIT $2 FOR UPDATE SKIP LOCKED)
"""

_PRUNE = """
DELETE FROM inbox WHERE (consumer, message_id) IN (
  SELECT consumer, message_id FROM inbox WHERE received_at < now() - $1::interval LIMIT $2 FOR UPDATE SKIP
  LOCKED)
"""


@dataclass(slots=True)
class Known:
    """What the database knows of a batch."""

    settled: set[str] = field(default_factory=set)
    cursors: dict[Aggregate, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    waits: dict[str, float] = field(default_factory=dict)
    failing: dict[Aggregate, int] = field(default_factory=dict)
    """Per aggregate the lowest sequence that failed and waits for its next try."""


@dataclass(slots=True)
class Sorted:
    """A batch, sorted by what is to be done with each message."""

    accepted: list[Incoming] = field(default_factory=list)
    settled: list[Incoming] = field(default_factory=list)
    waiting: list[tuple[Incoming, float]] = field(default_factory=list)
    """With the seconds until the next try."""
    early: list[Incoming] = field(default_factory=list)
    """A message of the same aggregate is missing before it."""
    cursors: dict[Aggregate, int] = field(default_factory=dict)
    """Where the cursors stand once the accepted ones are handled."""


@dataclass(slots=True)
class Plain:
    """A batch in which, as far as it shows by itself, all is new and in its order."""

    needed: dict[Aggregate, int]
    """Where each cursor must stand at least."""
    cursors: dict[Aggregate, int]
    """Where it stands once the batch is handled."""


def plain(messages: Sequence[Incoming], predecessor: Callable[[Incoming], int]) -> Plain | None:
    """What settling the batch at once rests on; None when it must be looked at closely."""
    needed: dict[Aggregate, int] = {}
    cursors: dict[Aggregate, int] = {}
    for message in messages:
        if not message.sequence:
            continue
        aggregate, wanted = message.aggregate, predecessor(message)
        at = cursors.get(aggregate)
        if at is None:
            needed[aggregate] = wanted
        elif message.sequence <= at or wanted > at:
            return None
        cursors[aggregate] = message.sequence
    return Plain(needed, cursors)


async def settle_plain(
    conn: Connection,
    consumer: str,
    messages: Sequence[Incoming],
    batch: Plain,
    confirmed: Mapping[Aggregate, int],
) -> bool:
    """Write ids and cursors of a plain batch; False when it is none after all, and must be rolled back.

    A cursor that another instance is moving is waited for, so what it stood at is certain.
    """
    aggregates = list(batch.cursors)
    rows = await conn.fetch(
        _SETTLE_PLAIN,
        consumer,
        [message.id for message in messages],
        [a[0] for a in aggregates],
        [a[1] for a in aggregates],
        [a[2] for a in aggregates],
        list(batch.cursors.values()),
    )
    _, _, _, fresh, failing = rows[0]
    if failing or fresh < len(messages):
        return False
    stood_at = {(row[0], row[1], row[2]): row[3] for row in rows[1:]}
    return all(
        not wanted or wanted <= max(stood_at.get(aggregate, 0), confirmed.get(aggregate, 0))
        for aggregate, wanted in batch.needed.items()
    )


async def read(conn: Connection, consumer: str, messages: Sequence[Incoming]) -> Known:
    """What is known of `messages` and their aggregates."""
    aggregates = list({message.aggregate for message in messages})
    rows = await conn.fetch(
        _READ,
        consumer,
        [message.id for message in messages],
        [a[0] for a in aggregates],
        [a[1] for a in aggregates],
        [a[2] for a in aggregates],
    )
    known = Known()
    for kind, message_id, source, aggregate_type, aggregate_id, sequence, attempts, wait in rows:
        if kind == "known":
            known.settled.add(message_id)
            continue
        aggregate = (source, aggregate_type, aggregate_id)
        if kind == "cursor":
            known.cursors[aggregate] = sequence
        else:
            known.attempts[message_id] = attempts
            known.waits[message_id] = wait
            known.failing[aggregate] = min(sequence, known.failing.get(aggregate, sequence))
    return known


def sort(
    messages: Sequence[Incoming],
    known: Known,
    *,
    predecessor: Callable[[Incoming], int],
    confirmed: Mapping[Aggregate, int],
) -> Sorted:
    """Decide for each message, in arrival order; one that came before its predecessor in the same batch takes
    its place after it.

    `predecessor` gives the sequence that must be settled before a message (0: none); `confirmed` says up to
    which sequence the source itself has nothing that this consumer lacks.
    """
    result = Sorted(cursors={})
    cursors = dict(known.cursors)
    seen: set[str] = set()
    early: list[Incoming] = []

    def next_of(message: Incoming) -> bool:
        if not message.sequence:
            return True
        at = max(cursors.get(message.aggregate, 0), confirmed.get(message.aggregate, 0))
        return predecessor(message) <= at

    def accept(message: Incoming) -> None:
        result.accepted.append(message)
        if message.sequence:
            cursors[message.aggregate] = max(cursors.get(message.aggregate, 0), message.sequence)
            result.cursors[message.aggregate] = cursors[message.aggregate]

    for message in messages:
        if message.id in seen:
            # The copy is acked with the first; if that one fails, the broker keeps its own copy of it.
            result.settled.append(message)
            continue
        seen.add(message.id)
        if message.id in known.settled:
            result.settled.append(message)
        elif (wait := known.waits.get(message.id, 0.0)) > 0:
            result.waiting.append((message, wait))
        elif message.sequence > known.failing.get(message.aggregate, message.sequence):
            early.append(message)
        elif next_of(message):
            accept(message)
        else:
            early.append(message)
    for message in sorted(early, key=lambda one: one.sequence):
        if message.sequence <= known.failing.get(message.aggregate, message.sequence) and next_of(message):
            accept(message)
        else:
            result.early.append(message)
    return result


async def settle(
    conn: Connection, consumer: str, messages: Sequence[Incoming], cursors: Mapping[Aggregate, int]
) -> frozenset[str]:
    """Write ids and cursors; gives the ids that were new. Another instance has settled the others since they
    were read.
    """
    aggregates = list(cursors)
    rows = await conn.fetch(
        _SETTLE,
        consumer,
        [message.id for message in messages],
        [a[0] for a in aggregates],
        [a[1] for a in aggregates],
        [a[2] for a in aggregates],
        [cursors[a] for a in aggregates],
    )
    return frozenset(row[0] for row in rows)


async def forget_attempts(conn: Connection, consumer: str, ids: Sequence[str]) -> None:
    """These messages fail no more."""
    await conn.execute(_FORGET_ATTEMPTS, consumer, ids)


async def record_attempt(
    conn: Connection,
    consumer: str,
    message: Incoming,
    attempts: int,
    error: BaseException,
    wait_seconds: float,
) -> None:
    """The handler failed on this message alone, for the `attempts`th time; it may be tried again after
    `wait_seconds`.
    """
    await conn.execute(
        _RECORD_ATTEMPT,
        consumer,
        message.id,
        *message.aggregate,
        message.sequence,
        attempts,
        describe(error),
        timedelta(seconds=wait_seconds),
    )


async def bury(
    conn: Connection,
    consumer: str,
    message: Incoming,
    headers: Mapping[str, str],
    attempts: int,
    error: BaseException,
) -> None:
    """Keep the message among the dead letters, and let those behind it pass: the dead letter now stands for
    it.
    """
    await settle(conn, consumer, [message], {message.aggregate: message.sequence} if message.sequence else {})
    await forget_attempts(conn, consumer, [message.id])
    await conn.execute(
        _BURY,
        new_id("dlt"),
        consumer,
        message.id,
        message.type,
        *message.aggregate,
        message.sequence,
        message.subject,
        message.time,
        message.payload,
        json.dumps(dict(headers)).replace("\\u0000", ""),
        message.traceparent,
        attempts,
        describe(error),
        "".join(traceback.format_exception(error))[-TRACEBACK_MAX_LENGTH:].replace("\0", ""),
    )


def describe(error: BaseException) -> str:
    """Class and text of an exception, at most `ERROR_MAX_LENGTH` characters."""
    return f"{type(error).__name__}: {error}"[:ERROR_MAX_LENGTH].replace("\0", "")


async def prune(conn: Connection, older_than: timedelta = INBOX_RETENTION) -> int:
    """Delete one chunk of ids received, and of cursors moved, longer ago; gives how many went.

    Both must outlast the outbox: a replay of what an id is gone of would take effect twice, and a cursor that
    is gone is asked about, where the source must have nothing left to send.
    """
    ids: str = await conn.execute(_PRUNE, older_than, PRUNE_CHUNK)
    cursors: str = await conn.execute(_PRUNE_CURSORS, older_than, PRUNE_CHUNK)
    return int(ids.rpartition(" ")[2]) + int(cursors.rpartition(" ")[2])
