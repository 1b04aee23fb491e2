"""Dead letters: found, handled again, or given up by a person. What is settled stays on record."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from chassis.envelope import Incoming
from chassis.inbox import TRACEBACK_MAX_LENGTH, describe
from chassis.postgres import Connection, is_unreachable
from chassis.refusals import DeadLetterSettled, NotFound, RedriveFailed

if TYPE_CHECKING:
    from chassis.consumer import Consumer

_COLUMNS = """id, consumer, message_id, type, source, aggregate_type, aggregate_id, sequence, subject,
  occurred_at, payload,
  traceparent, attempts, error, traceback, state, created_at, settled_at, settled_by, note"""
_PAGE = f"""
SELECT {_COLUMNS} FROM dead_letter
WHERE ($1::text IS NULL OR consumer = $1) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR id <
$3)
ORDER BY id DESC LIMIT $4
"""  # noqa: S608 - constants only
_LOCK = f"SELECT {_COLUMNS} FROM dead_letter WHERE id = $1 FOR UPDATE"  # noqa: S608
_SETTLE = f"""
UPDATE dead_letter SET state = $2, settled_at = now(), settled_by = $3, note = $4, attempts = attempts + $5
WHERE id = $1 RETURNING {_COLUMNS}
"""  # noqa: S608
_FAILED_AGAIN = """
UPDATE dead_letter SET attempts = attempts + 1, error = $2, traceback = $3 WHERE id = $1 AND state = 'OPEN'
"""
_COUNTS = """
SELECT (SELECT count(*) FROM dead_letter WHERE state = 'OPEN'), (SELECT count(*) FROM inbox_attempt)
"""

# `Database.run` tries the whole transaction again.
_RETRIED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled. `state` is OPEN, REDRIVEN or DISCARDED."""

    id: str
    consumer: str
    message: Incoming
    attempts: int
    error: str
    traceback: str
    state: str
    created_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    note: str


async def page(
    conn: Connection, consumer: str | None, state: str | None, before: str | None, limit: int
) -> list[DeadLetter]:
    """Dead letters, newest first, with ids below `before`."""
    rows = await conn.fetch(_PAGE, consumer, state, before, limit)
    return [_from(row) for row in rows]


async def redrive(
    conn: Connection, consumers: Mapping[str, Consumer], dead_letter_id: str, by: str
) -> DeadLetter:
    """Run the handler again and settle the letter, in one transaction; the row's lock lets nobody else do so
    meanwhile.

    Raises:
        NotFound: no such dead letter.
        DeadLetterSettled: it is not open.
        RedriveFailed: the handler failed, or this process has no such consumer.
        Unavailable: something the handler needs is away.
    """
    letter = await _open(conn, dead_letter_id)
    consumer = consumers.get(letter.consumer)
    if consumer is None:
        raise RedriveFailed(dead_letter_id, f"this release has no consumer {letter.consumer!r}")
    try:
        await consumer.redrive(conn, letter.message)
    except Exception as error:
        if is_unreachable(error) or isinstance(error, _RETRIED):
            raise
        text = "".join(traceback.format_exception(error))[-TRACEBACK_MAX_LENGTH:].replace("\0", "")
        raise RedriveFailed(dead_letter_id, describe(error), text) from error
    return _from(await conn.fetchrow(_SETTLE, dead_letter_id, "REDRIVEN", by, "", 1))


async def discard(conn: Connection, dead_letter_id: str, by: str, note: str) -> DeadLetter:
    """Settle the letter without handling it.

    Raises:
        NotFound: no such dead letter.
        DeadLetterSettled: it is not open.
    """
    await _open(conn, dead_letter_id)
    return _from(await conn.fetchrow(_SETTLE, dead_letter_id, "DISCARDED", by, note, 0))


async def counts(conn: Connection) -> tuple[int, int]:
    """Open dead letters, and messages that wait for their next try."""
    row = await conn.fetchrow(_COUNTS)
    assert row is not None
    return (row[0], row[1])


async def _open(conn: Connection, dead_letter_id: str) -> DeadLetter:
    row = await conn.fetchrow(_LOCK, dead_letter_id)
    if row is None:
        raise NotFound("dead letter", dead_letter_id)
    if row["state"] != "OPEN":
        raise DeadLetterSettled(dead_letter_id, row["state"])
    return _from(row)


def _from(row: Any) -> DeadLetter:
    message = Incoming(
        id=row["message_id"],
        type=row["type"],
        source=row["source"],
        subject=row["subject"],
        aggregate_type=row["aggregate_type"],
        aggregate_id=row["aggregate_id"],
        sequence=row["sequence"],
        time=row["occurred_at"],
        payload=row["payload"],
        traceparent=row["traceparent"],
        deliveries=row["attempts"],
    )
    return DeadLetter(
        id=row["id"],
        consumer=row["consumer"],
        message=message,
        attempts=row["attempts"],
        error=row["error"],
        traceback=row["traceback"],
        state=row["state"],
        created_at=row["created_at"],
        settled_at=row["settled_at"],
        settled_by=row["settled_by"],
        note=row["note"],
    )


async def record_failure(conn: Connection, failure: RedriveFailed) -> None:
    """Keep the new error of a failed redrive with the dead letter."""
    await conn.execute(_FAILED_AGAIN, failure.dead_letter_id, failure.error, failure.trace)
