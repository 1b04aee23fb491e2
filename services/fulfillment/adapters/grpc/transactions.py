"""One mutation: its transaction, its stored answer, its events on their way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message

from chassis import requests
from chassis.auth import current_principal
from chassis.clock import Clock
from chassis.outbox import Relay
from chassis.postgres import Connection, Database
from services.fulfillment.adapters.postgres.orders import PostgresFulfillmentOrders, queries
from services.fulfillment.domain.refusals import CodeWrong
from services.fulfillment.usecases.ports import Work

R = TypeVar("R", bound=Message)


class Transactions:
    """Runs mutations once for each request id, and hands their events to the relay after the commit."""

    def __init__(self, db: Database, relay: Relay, clock: Clock) -> None:
        self.db = db
        self._relay = relay
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
        orders: PostgresFulfillmentOrders | None = None

        async def attempt(conn: Connection) -> R:
            nonlocal orders
            orders = PostgresFulfillmentOrders(conn)
            return await change(orders, Work(actor, self._clock()))

        response = await requests.idempotent(self.db, method, request, answer, attempt, scope=actor)
        if orders is not None:
            self._relay.wake(orders.events)
        return response

    async def once_or_counted(
        self,
        method: str,
        request: Message,
        request_id: str,
        answer: type[R],
        change: Callable[[PostgresFulfillmentOrders, Work], Awaitable[R | CodeWrong]],
    ) -> R:
        """Like `once`, for a change whose refusal leaves a trace that must be committed: the refusal is
        raised after the commit.

        Raises:
            CodeWrong: as `change` returned it; a repeat is decided, and counted, anew.
        """
        actor = current_principal().subject
        key, content = requests.request_key(method, actor, request_id), requests.fingerprint(request)

        async def attempt(conn: Connection) -> tuple[R | CodeWrong, PostgresFulfillmentOrders]:
            orders = PostgresFulfillmentOrders(conn)
            await conn.execute(queries.lock_request, key)
            stored = await requests.find(conn, key, content, request_id)
            if stored is not None:
                return answer.FromString(stored), orders
            outcome = await change(orders, Work(actor, self._clock()))
            if not isinstance(outcome, CodeWrong):
                await requests.save(conn, key, content, outcome.SerializeToString())
            return outcome, orders

        outcome, orders = await self.db.run(attempt)
        self._relay.wake(orders.events)
        if isinstance(outcome, CodeWrong):
            raise outcome
        return outcome
