"""Idempotency of mutations: the first answer to a request id is stored with its effect, and given again to
every repeat.

Only answers are stored. A refusal rolls its transaction back, so a repeat after a refusal is decided anew.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from google.protobuf.message import Message

from chassis.crashpoint import crashpoint
from chassis.leases import while_leased
from chassis.postgres import Connection, Database
from chassis.refusals import RequestIdReused

R = TypeVar("R", bound=Message)

REQUEST_RETENTION = timedelta(days=30)
PRUNE_CHUNK = 5_000
PRUNE_EVERY_SECONDS = 300.0
PRUNE_PAUSE_SECONDS = 0.1

_REQUEST_ID = "request_id"
_FIND = "SELECT fingerprint, response FROM request WHERE request_key = $1"
_SAVE = "INSERT INTO request (request_key, fingerprint, response) VALUES ($1, $2, $3)"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_FIND_MANY = "SELECT request_key, fingerprint, response FROM request WHERE request_key = ANY($1::text[])"
# Sorted, so that two groups with the same keys wait for each other instead of deadlocking.
_INSERT_MANY = """
INSERT INTO request (request_key, fingerprint, response)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS r(request_key, fingerprint, response) ORDER BY 1
ON CONFLICT DO NOTHING RETURNING request_key
"""
INSERT = """
INSERT INTO request (request_key, fingerprint, response)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS r(request_key, fingerprint, response) ORDER BY 1
"""
"""Stores a group's answers, `columns` of them, or fails: for a statement that must not take effect where
somebody was faster."""
_PRUNE = """
DELETE FROM request WHERE request_key IN (
  SELECT request_key FROM request WHERE created_at < now() - $1::interval LIMIT $2 FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A mutation that took effect, and its answer in wire form."""

    request_key: str
    fingerprint: bytes
    response: bytes

    def check(self, fingerprint: bytes, request_id: str) -> bytes:
        """The stored answer.

        Raises:
            RequestIdReused: the request id was first used for a request with other content.
        """
        if self.fingerprint != fingerprint:
            raise RequestIdReused(request_id)
        return self.response


def request_key(method: str, scope: str, request_id: str) -> str:
    """The key of a call; `scope` keeps one caller's request ids apart from another's."""
    return f"{method}|{scope}|{request_id}"


def fingerprint(request: Message) -> bytes:
    """SHA-256 over the request's content without its `request_id`; equal content gives equal bytes within one
    release.
    """
    request_id = getattr(request, _REQUEST_ID)
    # Lent, not copied: a copy costs more than the hash.
    request.ClearField(_REQUEST_ID)
    try:
        return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
    finally:
        setattr(request, _REQUEST_ID, request_id)


async def find(conn: Connection, key: str, content: bytes, request_id: str) -> bytes | None:
    """The stored answer for `key`, or None when the call is new.

    Raises:
        RequestIdReused: stored with another fingerprint than `content`.
    """
    row = await conn.fetchrow(_FIND, key)
    return StoredRequest(key, row["fingerprint"], row["response"]).check(content, request_id) if row else None


async def save(conn: Connection, key: str, content: bytes, response: bytes) -> None:
    """Store the answer in the transaction of its effect.

    Raises:
        asyncpg.UniqueViolationError: somebody else stored an answer meanwhile; nothing of this
        transaction may stand.
    """
    await conn.execute(_SAVE, key, content, response)


async def find_many(conn: Connection, keys: Sequence[str]) -> dict[str, StoredRequest]:
    """Those of `keys` that are stored."""
    rows = await conn.fetch(_FIND_MANY, keys)
    return {
        row["request_key"]: StoredRequest(row["request_key"], row["fingerprint"], row["response"])
        for row in rows
    }


def columns(rows: Sequence[StoredRequest]) -> list[list[str] | list[bytes]]:
    """The parameters of `INSERT`."""
    return [
        [row.request_key for row in rows],
        [row.fingerprint for row in rows],
        [row.response for row in rows],
    ]


async def insert_many(conn: Connection, rows: Sequence[StoredRequest]) -> frozenset[str]:
    """Store a group's answers; gives the keys that were new. For the others somebody was faster, and this
    group's effect on them must not stand.
    """
    stored = await conn.fetch(_INSERT_MANY, *columns(rows))
    return frozenset(row["request_key"] for row in stored)


async def idempotent(
    db: Database,
    method: str,
    request: Message,
    answer: type[R],
    fn: Callable[[Connection], Awaitable[R]],
    *,
    scope: str = "",
) -> R:
    """The answer to an ungrouped mutation: `fn`'s, or the stored one when this request took effect before.

    One transaction: lock the key, look it up, run `fn`, store the answer. Concurrent repeats wait for the
    first. `fn` may run again when the
    transaction is retried. `request` has a field `request_id`; `scope` is normally the caller's subject.

    Raises:
        RequestIdReused: the request id was first used with other content.
        Exception: whatever `fn` raises; nothing is stored then.
    """
    request_id: str = getattr(request, "request_id")  # noqa: B009 - a field of the generated message, unknown to the type checker
    key = request_key(method, scope, request_id)
    content = fingerprint(request)

    async def once(conn: Connection) -> R:
        await conn.execute(_LOCK, key)
        stored = await find(conn, key, content, request_id)
        if stored is not None:
            return answer.FromString(stored)
        response = await fn(conn)
        await save(conn, key, content, response.SerializeToString())
        return response

    crashpoint("request.before_transaction")
    response = await db.run(once)
    crashpoint("request.after_commit")
    return response


async def prune(db: Database, *, older_than: timedelta = REQUEST_RETENTION) -> int:
    """Delete one chunk of answers older than `older_than`; gives how many went."""
    async with db.transaction() as conn:
        result: str = await conn.execute(_PRUNE, older_than, PRUNE_CHUNK)
    return int(result.rpartition(" ")[2])


async def prune_for_ever(db: Database, *, every_seconds: float = PRUNE_EVERY_SECONDS) -> None:
    """Keep the table at `REQUEST_RETENTION`, one instance at a time, chunk by chunk; ends only when
    cancelled.
    """

    async def work() -> None:
        while await prune(db) == PRUNE_CHUNK:  # noqa: ASYNC110 - the pause lets others at the table
            await asyncio.sleep(PRUNE_PAUSE_SECONDS)

    await while_leased(db, "chassis.requests.prune", work, every_seconds=every_seconds)
