"""Holding an order: nobody works on it until somebody lifts the hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.orders.domain.order import Order
from services.orders.usecases.cancel_order import Encode, known
from services.orders.usecases.place_order import Request
from services.orders.usecases.ports import Store, Tx


class HoldOrder:
    """Holds orders and lifts holds; fulfillment obeys from the event on, at its own locks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def hold(self, order_id: str, reason: str, actor: str, request: Request, encode: Encode) -> bytes:
        """The answer in wire form.

        Raises:
            OrderUnknown, OrderOnHold, NothingToHold: nothing is changed.
        """
        return await self._change(order_id, request, encode, lambda o, now: o.hold(reason, actor, now))

    async def lift(self, order_id: str, reason: str, actor: str, request: Request, encode: Encode) -> bytes:
        """The answer in wire form.

        Raises:
            OrderUnknown, NotOnHold: nothing is changed.
        """
        return await self._change(order_id, request, encode, lambda o, now: o.lift_hold(reason, actor, now))

    async def _change(
        self, order_id: str, request: Request, encode: Encode, verb: Callable[[Order, datetime], None]
    ) -> bytes:
        async def change(tx: Tx) -> Order | bytes:
            order = known(tx, order_id)
            stored = await tx.stored(request.key, request.fingerprint, request.request_id)
            if stored is not None:
                return stored
            verb(order, tx.now)
            tx.answer(request.key, request.fingerprint, lambda: encode(order))
            return order

        done = await self._store.change([order_id], change)
        return done if isinstance(done, bytes) else encode(done)
