"""Idempotency on PostgreSQL: one effect however often and however fast a call is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from aljibe.ops.v1.bus_pb2 import DiscardDeadLetterRequest, ReplayOutboxResponse
from chassis.migrations import migrate
from chassis.postgres import Connection, Database, open_database
from chassis.refusals import RequestIdReused
from chassis.requests import (
    REQUEST_RETENTION,
    StoredRequest,
    find_many,
    fingerprint,
    idempotent,
    insert_many,
    prune,
    prune_for_ever,
    request_key,
)
from chassis.tests.bus_kit import PASSWORD, url_as


@pytest_asyncio.fixture
async def db(fresh_database: str) -> AsyncIterator[Database]:
    await migrate(fresh_database, "req", "aljibe_req", PASSWORD)
    opened = await open_database(url_as(fresh_database, "aljibe_req"), "req")
    yield opened
    await opened.close()


class Counting:
    """An effect that shows how often it was had: a lease row per run that committed."""

    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self, conn: Connection) -> ReplayOutboxResponse:
        self.runs += 1
        await conn.execute(
            "INSERT INTO lease (name, holder, held_until) VALUES (gen_random_uuid()::text, 'x', now())"
        )
        return ReplayOutboxResponse(events=self.runs)


def call(note: str = "n", request_id: str = "r-1") -> DiscardDeadLetterRequest:
    return DiscardDeadLetterRequest(dead_letter_id="dlt", note=note, request_id=request_id)


async def effects(db: Database) -> int:
    async with db.connection() as conn:
        count: int = await conn.fetchval("SELECT count(*) FROM lease")
    return count


async def test_ten_identical_calls_at_once_have_one_effect_and_one_answer(db: Database) -> None:
    """A nervous front end repeats before the first answer is there."""
    effect = Counting()

    answers = await asyncio.gather(
        *(idempotent(db, "M", call(), ReplayOutboxResponse, effect, scope="me") for _ in range(10))
    )

    assert [answer.events for answer in answers] == [1] * 10
    assert (effect.runs, await effects(db)) == (1, 1)


async def test_reuse_with_other_content_is_refused(db: Database) -> None:
    """Answering it with the first call's answer would tell a lie about the second."""
    effect = Counting()
    await idempotent(db, "M", call("a"), ReplayOutboxResponse, effect, scope="me")

    with pytest.raises(RequestIdReused):
        await idempotent(db, "M", call("b"), ReplayOutboxResponse, effect, scope="me")

    assert await effects(db) == 1


async def test_another_callers_request_id_is_another(db: Database) -> None:
    """Ids are the callers' own; one must neither block nor read another's answers."""
    effect = Counting()

    first = await idempotent(db, "M", call("a"), ReplayOutboxResponse, effect, scope="me")
    second = await idempotent(db, "M", call("b"), ReplayOutboxResponse, effect, scope="you")

    assert (first.events, second.events) == (1, 2)


async def test_a_failure_is_not_stored(db: Database) -> None:
    """A refusal that was replayed for ever would outlive its cause."""

    async def refuse(conn: Connection) -> ReplayOutboxResponse:
        await Counting()(conn)
        raise KeyError("not now")

    with pytest.raises(KeyError):
        await idempotent(db, "M", call(), ReplayOutboxResponse, refuse, scope="me")
    assert await effects(db) == 0

    answer = await idempotent(db, "M", call(), ReplayOutboxResponse, Counting(), scope="me")
    assert answer.events == 1


async def test_a_group_learns_which_of_its_keys_were_new(db: Database) -> None:
    """A grouped mutation must undo the members that another group answered first."""
    rows = [StoredRequest(request_key("M", "me", str(n)), b"f", b"r") for n in range(4)]
    async with db.transaction() as conn:
        await insert_many(conn, rows[:2])

    async with db.transaction() as conn:
        new = await insert_many(conn, rows)
        found = await find_many(conn, [row.request_key for row in rows[:3]])

    assert new == {row.request_key for row in rows[2:]}
    assert set(found) == {row.request_key for row in rows[:3]}


async def test_old_answers_are_pruned(db: Database) -> None:
    """The table would otherwise grow for ever."""
    async with db.connection() as conn:
        await insert_many(conn, [StoredRequest("k", b"f", b"r")])
        await conn.execute("UPDATE request SET created_at = now() - interval '31 days'")

    assert (await prune(db), await prune(db)) == (1, 0)


def test_the_fingerprint_ignores_the_request_id_only() -> None:
    """Two ids with the same content are the same content."""
    assert fingerprint(call(request_id="a")) == fingerprint(call(request_id="b"))
    assert fingerprint(call("x")) != fingerprint(call("y"))


async def test_old_answers_are_pruned_for_as_long_as_the_service_runs(db: Database) -> None:
    """Nobody calls for it; young answers stay, for their callers may still repeat."""
    async with db.connection() as conn:
        await insert_many(conn, [StoredRequest(key, b"f", b"r") for key in ("old", "young")])
        await conn.execute(
            "UPDATE request SET created_at = now() - $1::interval * 1.01 WHERE request_key = 'old'",
            REQUEST_RETENTION,
        )

    pruning = asyncio.create_task(prune_for_ever(db, every_seconds=0.01))
    async with asyncio.timeout(10):
        while len(left := await stored_keys(db)) == 2:
            await asyncio.sleep(0.01)
    pruning.cancel()
    await asyncio.wait([pruning])

    assert left == ["young"]


async def stored_keys(db: Database) -> list[str]:
    async with db.connection() as conn:
        return [row[0] for row in await conn.fetch("SELECT request_key FROM request ORDER BY 1")]
