"""A location that stopped gives up what it has not picked: others serve it, a pickup's customer is asked.
So is the customer of a pickup that others are to send to a store that stopped, unless it was picked already.

Found by looking, a batch at a time, so that also an order that was given to the location while it stopped is
found, and no flood of moves takes the stock and capacity of the others at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from services.orders.domain.facts import Wanted
from services.orders.domain.moving import unpicked
from services.orders.domain.placing import NewId
from services.orders.usecases.cases import LOCATION_CLOSED, STORE_CLOSED, new_move
from services.orders.usecases.ports import Store, Tx

BATCH = 50
"""Parts per round."""


class Unpicked(Protocol):
    """What waits at stopped locations."""

    async def unpicked(self, most: int) -> list[tuple[str, str, bool]]:
        """At most `most` parts (order id, fulfillment order id) that nobody sources again yet; True: it is
        the store that stopped to which they are to be sent.
        """
        ...


class SweepStopped:
    """Opens a case for each part that a stopped location has not picked."""

    def __init__(self, store: Store, there: Unpicked, new_id: NewId, on_work: Callable[[], None]) -> None:
        self._store = store
        self._there = there
        self._new_id = new_id
        self._on_work = on_work

    async def __call__(self) -> None:
        """One round."""
        found = await self._there.unpicked(BATCH)
        for order_id, name, at_store in found:
            wanted = Wanted(STORE_CLOSED if at_store else LOCATION_CLOSED)

            async def begin(
                tx: Tx, order_id: str = order_id, name: str = name, wanted: Wanted = wanted
            ) -> None:
                order = tx.orders[order_id]
                part = order.parts[name]
                units = sorted(unpicked(order, part).items())
                if units and not order.on_hold:
                    case = new_move(order, self._new_id("cas"), part, units, wanted, tx)
                    await tx.open_move(case)

            await self._store.change([order_id], begin)
        if found:
            self._on_work()
