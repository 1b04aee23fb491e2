"""One mutation: its transaction, its stored answer, its events on their way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message

from chassis import requests
from chassis.auth import current_principal
from chassis.clock import Clock
from chassis.postgres import Connection, Database
from services.fulfillment.adapters.postgres.orders import PostgresFulfillmentOrders, Wake, queries
from services.fulfillment.domain.refusals import CodeWrong
from services.fulfillment.usecases.ports import Work

R = TypeVar("R", bound=Message)


class Transactions:
    """Runs mutations once for each request id, and hands their events to the relay after the commit."""

    def __init__(self, db: Database, wake: Wake, clock: Clock) -> None:
        self.db = db
        self._wake = wake
        self._clock = clock

    async def once(
        self,
        method: str,
        request: Message,
        answer: type[R],
        change: Callable[[PostgresFulfillmentOrders, Work], Awaitable[R]],
    ) -> R:
        """`change`'s answer, or the stored one when this request took effect before.

        Raises:
            RequestIdReused: the request id was first used with other content.
            Refusal: `change`'s own; nothing is stored then.
        """
        actor = current_principal().subject

        async def attempt(conn: Connection) -> R:
            return await change(PostgresFulfillmentOrders(conn, self._wake), Work(actor, self._clock()))

        return await requests.idempotent(self.db, method, request, answer, attempt, scope=actor)

    async def once_or_counted(
        self,
        method: str,
        request: Message,
        request_id: str,
        answer: type[R],
        change: Callable[[PostgresFulfillmentOrders, Work], Awaitable[R | CodeWrong]],
    ) -> R:
        """Like `once`, for a change whose refusal must leave a trace: it is raised after the commit.

        Raises:
            CodeWrong: as `change` returned it; a repeat is decided, and counted, anew.
        """
        actor = current_principal().subject
        key, content = requests.request_key(method, actor, request_id), requests.fingerprint(request)

        async def attempt(conn: Connection) -> R | CodeWrong:
            await conn.execute(queries.lock_request, key)
            stored = await requests.find(conn, key, content, request_id)
            if stored is not None:
                return answer.FromString(stored)
            outcome = await change(PostgresFulfillmentOrders(conn, self._wake), Work(actor, self._clock()))
            if not isinstance(outcome, CodeWrong):
                await requests.save(conn, key, content, outcome.SerializeToString())
            return outcome

        outcome = await self.db.run(attempt)
        if isinstance(outcome, CodeWrong):
            raise outcome
        return outcome
