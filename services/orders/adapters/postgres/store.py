"""Orders in PostgreSQL: changed one transaction at a time, read in groups, listed by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

import asyncpg

from chassis.clock import Clock
from chassis.groups import GroupCommit
from chassis.postgres import Connection, Database
from services.orders.adapters.postgres.capacity import CapacityBook
from services.orders.adapters.postgres.changes import Announce, OrderTx, case_of, read_whole, sql
from services.orders.adapters.postgres.search import PLAN_BY_VALUES, SNAPSHOT, Filter, ways_to
from services.orders.domain.order import Order
from services.orders.domain.places import Locations
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import SourcingRules
from services.orders.usecases.ports import CapacityTaken, Case, Goods, PaymentTask, Tx

R = TypeVar("R")

READ_LANES = 2


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision with what it takes to replay it; locations and rules are None only if they were never
    kept.
    """

    attempt: int
    time: datetime
    trigger: str
    record: DecisionRecord
    cost: int
    locations: Locations | None
    rules: SourcingRules | None


class PostgresStore:
    """See `usecases.ports.Store`."""

    def __init__(self, db: Database, announce: Announce, clock: Clock, capacity: CapacityBook) -> None:
        self._capacity = capacity
        self._db = db
        self._announce = announce
        self._clock = clock
        self._reads = GroupCommit(
            "orders.read",
            self._read_group,
            lanes=READ_LANES,
            # An order whose rows make no sense fails alone.
            retry_alone=lambda error: isinstance(error, (LookupError, TypeError, ValueError)),
        )

    async def change(
        self,
        order_ids: Sequence[str],
        work: Callable[[Tx], Awaitable[R]],
        traceparents: Mapping[str, str | None] = MappingProxyType({}),
    ) -> R:
        """One transaction around `work`, with these orders locked in order of id."""

        async def once(conn: Connection) -> R:
            return await self.change_in(conn, order_ids, work, traceparents)

        try:
            return await self._db.run(once)
        except asyncpg.CheckViolationError as error:
            if error.constraint_name == "capacity_left":
                raise CapacityTaken from error
            raise

    async def change_in(
        self,
        conn: Connection,
        order_ids: Sequence[str],
        work: Callable[[Tx], Awaitable[R]],
        traceparents: Mapping[str, str | None] = MappingProxyType({}),
    ) -> R:
        """The same inside the caller's transaction."""
        tx = OrderTx(conn, self._clock(), self._capacity, traceparents)
        await tx.lock(order_ids)
        result = await work(tx)
        await tx.save(self._announce)
        return result

    async def read(self, order_id: str) -> Order | None:
        """An order as it is; concurrent reads share their statements."""
        return await self._reads.submit(order_id)

    async def page(self, by: Filter, after: tuple[datetime, str] | None, size: int) -> list[Order]:
        """At most `size` orders, newest first, after a place."""
        async with self._db.transaction() as conn:
            await conn.execute(SNAPSHOT)
            await conn.execute(PLAN_BY_VALUES)
            rows: list[asyncpg.Record] = []
            for statement, values in ways_to(by, after, size):
                rows = await conn.fetch(statement, *values)
                if len(rows) == size:
                    break
            ids = [row["order_id"] for row in rows]
            orders = await read_whole(conn, ids, lock=False)
        return [orders[order_id] for order_id in ids]

    async def decisions(self, order_id: str) -> list[StoredDecision]:
        """Every decision about an order, oldest first."""
        async with self._db.connection() as conn:
            rows = await conn.fetch(sql.read_decisions, order_id)
        return [
            StoredDecision(
                row["attempt"],
                row["time"],
                row["trigger"],
                DecisionRecord.from_json(row["record"]),
                row["cost"],
                Locations.from_json(row["locations"]) if row["locations"] is not None else None,
                SourcingRules.from_json(row["rules"]) if row["rules"] is not None else None,
            )
            for row in rows
        ]

    async def goods(self, order_id: str) -> Goods:
        """What its decisions knew of its goods."""
        async with self._db.connection() as conn:
            rows = await conn.fetch(sql.read_records, order_id)
        return {
            line.line_number: (line.brand, line.attributes)
            for row in rows
            for line in DecisionRecord.from_json(row["record"]).wish.lines
            if line.brand or line.attributes
        }

    async def save_basis(self, version: str, content: str) -> None:
        """Keep locations or rules, so that decisions made with them can be replayed."""
        async with self._db.connection() as conn:
            await conn.execute(sql.save_basis, version, content)

    async def claim_cases(self, most: int, seconds: float) -> list[Case]:
        """Due cases, set aside from other instances for a while."""
        async with self._db.connection() as conn:
            rows = await conn.fetch(sql.claim_cases, most, timedelta(seconds=seconds))
        return [replace(case_of(row), traceparent=row["traceparent"]) for row in rows]

    async def postpone_case(self, case: Case, wait_seconds: float, note: str) -> None:
        """A case that failed waits."""
        async with self._db.connection() as conn:
            await conn.execute(
                sql.postpone_case, case.order_id, case.case_id, timedelta(seconds=wait_seconds), note
            )

    async def claim_tasks(self, most: int, seconds: float) -> list[PaymentTask]:
        """Due payment tasks, set aside for a while; of an order only the oldest."""
        async with self._db.connection() as conn:
            rows = await conn.fetch(sql.claim_payment_tasks, most, timedelta(seconds=seconds))
        return [
            PaymentTask(
                row["order_id"],
                row["task_id"],
                row["kind"],
                row["authorization_key"],
                row["amount_minor"],
                row["currency_code"],
                row["tries"],
                row["traceparent"],
            )
            for row in rows
        ]

    async def postpone_task(self, task: PaymentTask, wait_seconds: float, note: str) -> None:
        """A task that failed waits."""
        async with self._db.connection() as conn:
            await conn.execute(
                sql.postpone_payment_task, task.order_id, task.task_id, timedelta(seconds=wait_seconds), note
            )

    async def waiting(self) -> tuple[int, int]:
        """Open sourcing cases and payment tasks."""
        async with self._db.connection() as conn:
            row = await conn.fetchrow(sql.count_waiting)
        assert row is not None
        return row["cases"], row["payments"]

    async def close(self) -> None:
        """Finish the reads under way."""
        await self._reads.close()

    async def _read_group(self, order_ids: Sequence[str]) -> list[Order | Exception | None]:
        # One snapshot, so that an order's rows are of one moment.
        async with self._db.transaction() as conn:
            await conn.execute(SNAPSHOT)
            found = await read_whole(conn, order_ids, lock=False)
        return [found.get(order_id) for order_id in order_ids]
