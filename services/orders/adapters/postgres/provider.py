"""The built-in payment provider: says yes or no by its token, and writes down what it is asked to do.

It charges nobody. Table `test_provider_operation` has a unique key, so that money moved twice would show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chassis.groups import GroupCommit
from chassis.postgres import Database
from chassis.refusals import DeadlineExceeded, Overloaded, Unavailable
from services.orders.adapters.postgres.changes import sql
from services.orders.domain.refusals import PaymentTokenUnknown
from services.orders.usecases.ports import Authorized, Declined, MoneyMove, ProviderAway

SLOW_SECONDS = 2.0

_SLOW = "tok_slow"
_AWAY = "tok_unavailable"
_CASH = "cash"
_YES = frozenset({"tok_ok", _SLOW, _CASH})
_NO = {"tok_declined": "DECLINED", "tok_insufficient_funds": "INSUFFICIENT_FUNDS"}


class TestProvider:
    """See `usecases.ports.PaymentProvider`. An authorisation is decided by its token alone, so a repeat
    is the same.
    """

    __test__ = False

    def __init__(self, db: Database) -> None:
        self._db = db
        self._group = GroupCommit("orders.test_provider", self._record)

    def blocks(self, token: str) -> bool:
        """Cash is in the till."""
        return token != _CASH

    async def authorize(
        self, idempotency_key: str, amount_minor: int, currency_code: str, token: str
    ) -> Authorized | Declined:
        """Yes or no, by the token."""
        if token == _SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        if token == _AWAY:
            raise ProviderAway(token)
        if token in _NO:
            return Declined(_NO[token])
        if token not in _YES:
            raise PaymentTokenUnknown
        return Authorized()

    async def move(self, what: MoneyMove) -> None:
        """Write the operation down, once per key."""
        try:
            await self._group.submit(what)
        except (Unavailable, Overloaded, DeadlineExceeded) as error:
            raise ProviderAway(str(error)) from error

    async def close(self) -> None:
        """Finish what is under way."""
        await self._group.close()

    async def _record(self, moves: Sequence[MoneyMove]) -> Sequence[Exception | None]:
        async with self._db.transaction() as conn:
            await conn.execute(
                sql.record_operations,
                [move.idempotency_key for move in moves],
                [move.authorization_key for move in moves],
                [move.kind for move in moves],
                [move.amount_minor for move in moves],
                [move.currency_code for move in moves],
            )
        return [None] * len(moves)
