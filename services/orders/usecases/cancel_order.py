"""Cancelling: fulfillment is asked first, because only it knows what is in somebody's hands.

What is to be cancelled is written down before fulfillment is asked. So a crash in between leaves a note
with which a retry, or fulfillment's own event, finishes exactly that.
"""

from __future__ import annotations

from collections.abc import Callable

from services.orders.domain.lines import Spot
from services.orders.domain.order import Order
from services.orders.domain.refusals import OrderUnknown, TooLateToCancel
from services.orders.domain.standing import Units
from services.orders.domain.states import UnitState
from services.orders.usecases.place_order import Request
from services.orders.usecases.ports import Store, Taken, Tx

Guard = Callable[[Order], None]
"""Raises when the caller may not touch this order."""
Encode = Callable[[Order], bytes]


class CancelOrder:
    """Cancels units that nobody has picked; all that is asked for, or nothing."""

    def __init__(self, store: Store, taken: Taken) -> None:
        self._store = store
        self._taken = taken

    async def __call__(
        self,
        order_id: str,
        cancellation_id: str,
        lines: Units | None,
        request: Request,
        *,
        guard: Guard,
        encode: Encode,
    ) -> bytes:
        """The answer in wire form.

        Raises:
            OrderUnknown, LineUnknown, QuantityTooHigh, TooLateToCancel: nothing is cancelled.
        """
        asked: dict[Spot, int] = {}
        told: list[Order] = []

        async def begin(tx: Tx) -> bytes | None:
            asked.clear()
            told.clear()
            order = known(tx, order_id)
            guard(order)
            stored = await tx.stored(request.key, request.fingerprint, request.request_id)
            if stored is not None:
                return stored
            noted = await tx.cancellation(order_id, cancellation_id)
            chosen = noted.units if noted is not None else order.cancellable(lines)
            asked.update({s: q for s, q in chosen.items() if s.state is UnitState.ALLOCATED})
            if noted is not None and noted.done:
                asked.clear()
            elif asked:
                if noted is None:
                    await tx.open_cancellation(order_id, cancellation_id, chosen)
                told.append(order)
                return None
            else:
                order.cancel(chosen, "CUSTOMER", tx.now)
            tx.answer(request.key, request.fingerprint, lambda: encode(order))
            told.append(order)
            return None

        stored = await self._store.change([order_id], begin)
        if stored is not None:
            return stored
        if not asked:
            return encode(told[0])
        reason = await self._taken.take_out(told[0], cancellation_id, asked)
        if reason:
            await self._give_up(order_id, cancellation_id, asked)
        return await self._finish(order_id, cancellation_id, request, encode)

    async def _finish(self, order_id: str, cancellation_id: str, request: Request, encode: Encode) -> bytes:
        async def finish(tx: Tx) -> Order | bytes:
            order = known(tx, order_id)
            stored = await tx.stored(request.key, request.fingerprint, request.request_id)
            if stored is not None:
                return stored
            await finish_cancellation(tx, order, cancellation_id)
            tx.answer(request.key, request.fingerprint, lambda: encode(order))
            return order

        done = await self._store.change([order_id], finish)
        return done if isinstance(done, bytes) else encode(done)

    async def _give_up(self, order_id: str, cancellation_id: str, asked: dict[Spot, int]) -> None:
        async def drop(tx: Tx) -> Order:
            await tx.drop_cancellation(order_id, cancellation_id)
            return known(tx, order_id)

        order = await self._store.change([order_id], drop)
        states: dict[str, int] = {}
        touched = {spot.line_number for spot in asked}
        for spot, quantity in order.units.items():
            if spot.line_number in touched and spot.state is not UnitState.CANCELLED:
                # Fulfillment says they are picked; our own view may be a moment behind.
                state = UnitState.PICKED if spot in asked else spot.state
                states[state.name] = states.get(state.name, 0) + quantity
        raise TooLateToCancel(order_id, states)


async def finish_cancellation(tx: Tx, order: Order, cancellation_id: str) -> bool:
    """Carry out a noted cancellation that fulfillment agreed to, once; False when no such note stands."""
    noted = await tx.cancellation(order.order_id, cancellation_id)
    if noted is None:
        return False
    if not noted.done:
        order.cancel(noted.units, "CUSTOMER", tx.now)
        await tx.finish_cancellation(order.order_id, cancellation_id)
    return True


def known(tx: Tx, order_id: str) -> Order:
    """The order, locked.

    Raises:
        OrderUnknown: there is none.
    """
    order = tx.orders.get(order_id)
    if order is None:
        raise OrderUnknown(order_id)
    return order
