"""The port in memory, held to the same contract as PostgreSQL's."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime

from services.fulfillment.domain.facts import Told
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder, State
from services.fulfillment.usecases.ports import ReturnRecord, Work


class InMemoryFulfillmentOrders:
    def __init__(self) -> None:
        self.stored: dict[str, FulfillmentOrder] = {}
        self.told: list[tuple[str, Told]] = []
        self.returns: list[ReturnRecord] = []

    async def lock(self, ids: Sequence[str]) -> list[FulfillmentOrder]:
        return [deepcopy(self.stored[id_]) for id_ in sorted(set(ids)) if id_ in self.stored]

    async def lock_of_order(self, order_id: str) -> list[FulfillmentOrder]:
        return await self.lock(
            [id_ for id_, order in self.stored.items() if order.opening.order_id == order_id]
        )

    async def lock_overdue(
        self, now: datetime, limit: int, without: Sequence[str] = ()
    ) -> list[FulfillmentOrder]:
        overdue = [
            order.id
            for order in self.stored.values()
            if order.id not in without
            and order.state is State.READY
            and order.collect_until is not None
            and order.collect_until <= now
        ]
        return (await self.lock(overdue))[:limit]

    async def open(self, orders: Sequence[FulfillmentOrder]) -> frozenset[str]:
        fresh = [order for order in orders if order.id not in self.stored]
        await self.save(fresh)
        return frozenset(order.id for order in fresh)

    async def save(self, orders: Sequence[FulfillmentOrder]) -> None:
        for order in orders:
            self.told += [(order.id, told) for told in order.told]
            order.told.clear()
            self.stored[order.id] = deepcopy(order)

    async def record_returns(self, returns: Sequence[ReturnRecord], work: Work) -> None:
        self.returns += returns
