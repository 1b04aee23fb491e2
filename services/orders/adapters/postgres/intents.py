"""Money about to be authorised for orders without a reservation, noted so that a crash blocks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from chassis.groups import GroupCommit
from chassis.ids import new_id
from chassis.postgres import Connection, Database
from services.orders.adapters.postgres.changes import sql
from services.orders.usecases.ports import Backing

INTENT_LASTS = timedelta(minutes=15)
VOIDED_AT_ONCE = 200


class _Intent(NamedTuple):
    order_id: str
    amount_minor: int
    currency_code: str


class PostgresIntents:
    """See `usecases.ports.Intents`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._group = GroupCommit("orders.intents", self._note_group)

    async def note(self, order_id: str, amount_minor: int, currency_code: str) -> Backing:
        """What the authorisation is to live and die with; the same again while the order's stands."""
        return await self._group.submit(_Intent(order_id, amount_minor, currency_code))

    async def void(self, order_id: str) -> None:
        """The order is not accepted with it: whatever was authorised is voided."""
        async with self._db.connection() as conn:
            await conn.execute(sql.void_intents, [order_id])

    async def void_expired(self) -> None:
        """The same for orders that were not accepted in time, some at a time."""

        async def once(conn: Connection) -> bool:
            ids = [row["order_id"] for row in await conn.fetch(sql.expired_intents, VOIDED_AT_ONCE)]
            if ids:
                await conn.execute(sql.void_intents, ids)
            return len(ids) == VOIDED_AT_ONCE

        while await self._db.run(once):
            continue

    async def close(self) -> None:
        """Finish what is under way."""
        await self._group.close()

    async def _note_group(self, intents: Sequence[_Intent]) -> list[Backing | Exception]:
        async with self._db.connection() as conn:
            rows = await conn.fetch(
                sql.note_intents,
                [one.order_id for one in intents],
                [new_id("aut") for _ in intents],
                [one.amount_minor for one in intents],
                [one.currency_code for one in intents],
                INTENT_LASTS,
            )
        noted = {
            row["order_id"]: Backing(row["authorization_key"], row["void_at"], intended=True) for row in rows
        }
        return [noted[one.order_id] for one in intents]
