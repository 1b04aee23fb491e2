"""Versions of the rules in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg

from chassis import outbox
from chassis.envelope import OutboxEvent
from chassis.postgres import Connection, Database
from chassis.sql import load
from services.orders.adapters.nats.rules_events import changed_event
from services.orders.adapters.postgres.changes import sql as shared
from services.orders.domain.rules import SourcingRules
from services.orders.domain.rules_refusals import RulesUnknown
from services.orders.domain.rules_timeline import BUILT_IN, Period, number_at
from services.orders.domain.rules_version import Change, ChangeKind, State, Version

sql = load("services.orders.adapters.postgres", "rules.sql")

ANY_NUMBER = -1
_ALWAYS = datetime.min.replace(tzinfo=UTC)
_MOST = 2**31 - 1


class PostgresRulesTables:
    """See `usecases.change_rules.RulesTables`. `events` are those to be relayed after the commit."""

    def __init__(self, conn: Connection, built_in: SourcingRules) -> None:
        self._conn = conn
        self._built_in = built_in
        self.events: list[OutboxEvent] = []

    async def begin(self) -> None:
        """Wait until nobody else changes rules."""
        await self._conn.execute(sql.lock_timeline)

    async def version(self, number: int) -> Version:
        """One version; 0: the built-in rules.

        Raises:
            RulesUnknown: there is none.
        """
        return await _version(self._conn, number, self._built_in)

    async def next_numbers(self) -> tuple[int, int]:
        """The next number of a version, and of a change."""
        row = await self._conn.fetchrow(sql.next_numbers)
        assert row is not None
        return row["number"], row["change_number"]

    async def save(self, version: Version) -> None:
        """Write a version, and keep its content for the decisions to come."""
        content = version.rules.to_json()
        if version.number != BUILT_IN:
            await self._conn.execute(
                sql.save_version,
                version.number,
                version.rules.name,
                content,
                version.rules.version,
                version.revision,
                version.note,
                version.created_by,
                version.created_at,
                version.updated_by,
                version.updated_at,
                version.activated_by,
                version.activated_at,
            )
        if version.activated_at is not None:
            await self._conn.execute(shared.save_basis, version.rules.version, content)

    async def periods(self) -> tuple[Period, ...]:
        """The whole timeline, oldest first."""
        return _periods(await self._conn.fetch(sql.read_periods, _ALWAYS))

    async def plan(self, before: Sequence[Period], after: Sequence[Period]) -> None:
        """Write the timeline where it differs."""
        old = {(one.starts, one.ends, one.number) for one in before}
        new = {(one.starts, one.ends, one.number) for one in after}
        await self._conn.execute(sql.drop_periods, [starts for starts, _, _ in old - new])
        added = sorted(new - old, key=lambda row: row[0])
        await self._conn.execute(
            sql.insert_periods,
            [starts for starts, _, _ in added],
            [ends for _, ends, _ in added],
            [number for _, _, number in added],
        )

    async def tell(self, change: Change) -> None:
        """Add to the history, and to the outbox."""
        await self._conn.execute(
            sql.insert_change,
            change.change_number,
            change.number,
            change.kind.value,
            change.actor,
            change.time,
            change.note,
            change.revision,
            change.rules_version,
            json.dumps(change.differences),
            change.period.starts if change.period is not None else None,
            change.period.ends if change.period is not None else None,
        )
        event = changed_event(change)
        await outbox.append(self._conn, [event])
        self.events.append(event)


class RulesReader:
    """Reads versions, timeline and history."""

    def __init__(self, db: Database, built_in: SourcingRules) -> None:
        self._db = db
        self._built_in = built_in

    async def version(self, number: int) -> Version:
        """One version; 0: the built-in rules.

        Raises:
            RulesUnknown: there is none.
        """
        async with self._db.connection() as conn:
            return await _version(conn, number, self._built_in)

    async def page(self, state: State | None, before: int, size: int, now: datetime) -> list[Version]:
        """At most `size` versions below a number (0: all), newest first."""
        async with self._db.connection() as conn:
            rows = await conn.fetch(sql.page_versions, before or _MOST, size, state or "", now)
            return await _with_periods(conn, rows)

    async def changes(self, number: int, before: int, size: int) -> list[Change]:
        """The history below a change number (0: all) of one version, or of `ANY_NUMBER`, newest first."""
        async with self._db.connection() as conn:
            rows = await conn.fetch(sql.page_changes, before or 2**63 - 1, size, number)
        return [_change(row) for row in rows]

    async def number_at(self, now: datetime) -> int:
        """Which version holds."""
        async with self._db.connection() as conn:
            return number_at(_periods(await conn.fetch(sql.read_periods, now)), now)

    async def timeline(self, since: datetime) -> tuple[tuple[Period, ...], dict[int, SourcingRules]]:
        """The periods from a moment on, and the rules they name; the built-in ones are not read."""
        async with self._db.transaction() as conn:
            await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            periods = _periods(await conn.fetch(sql.read_periods, since))
            rows = await conn.fetch(sql.read_versions, sorted({one.number for one in periods}))
        return periods, {row["number"]: SourcingRules.from_json(row["content"]) for row in rows}


async def _version(conn: Connection, number: int, built_in: SourcingRules) -> Version:
    if number == BUILT_IN:
        return Version(
            BUILT_IN, built_in, periods=_periods(await conn.fetch(sql.read_periods_of, [BUILT_IN]))
        )
    found = await _with_periods(conn, await conn.fetch(sql.read_versions, [number]))
    if not found:
        raise RulesUnknown(number)
    return found[0]


async def _with_periods(conn: Connection, rows: Sequence[asyncpg.Record]) -> list[Version]:
    by_number: dict[int, list[Period]] = {row["number"]: [] for row in rows}
    for one in _periods(await conn.fetch(sql.read_periods_of, list(by_number))):
        by_number[one.number].append(one)
    return [
        Version(
            row["number"],
            SourcingRules.from_json(row["content"]),
            row["revision"],
            row["note"],
            row["created_by"],
            row["created_at"],
            row["updated_by"],
            row["updated_at"],
            row["activated_by"],
            row["activated_at"],
            tuple(by_number[row["number"]]),
        )
        for row in rows
    ]


def _periods(rows: Sequence[asyncpg.Record]) -> tuple[Period, ...]:
    return tuple(Period(row["starts_at"], row["ends_at"], row["number"]) for row in rows)


def _change(row: asyncpg.Record) -> Change:
    period = None
    if row["starts_at"] is not None:
        period = Period(row["starts_at"], row["ends_at"], row["number"])
    return Change(
        row["change_number"],
        row["number"],
        ChangeKind(row["kind"]),
        row["actor"],
        row["time"],
        row["note"],
        row["revision"],
        row["rules_version"],
        tuple((path, before, after) for path, before, after in json.loads(row["differences"])),
        period,
    )
