"""Give up on customers who did not come."""

from __future__ import annotations

from collections.abc import Sequence

from services.fulfillment.domain.fulfillment_order import State
from services.fulfillment.usecases.ports import FulfillmentOrders, Work

EXPIRY_CHUNK = 100


async def expire_overdue(
    orders: FulfillmentOrders, work: Work, limit: int = EXPIRY_CHUNK, *, without: Sequence[str] = ()
) -> int:
    """How many pickups past their time went back to the shelf now; `limit` of them may mean that more wait.

    A pickup that somebody is handing over at this moment is left to them: whoever holds the lock decides.
    """
    overdue = await orders.lock_overdue(work.now, limit, without)
    # A hold that came while the lock was waited for: the time to collect stands still.
    ended = [order for order in overdue if order.hold is None]
    for order in ended:
        order.expire(now=work.now, actor=work.actor)
    await orders.save(ended)
    return len(overdue)


async def expire_one(orders: FulfillmentOrders, fulfillment_order_id: str, work: Work) -> int:
    """The same for one pickup; 0 when it is not overdue any more."""
    overdue = [
        order
        for order in await orders.lock([fulfillment_order_id])
        if order.state is State.READY
        and order.hold is None
        and order.collect_until is not None
        and order.collect_until <= work.now
    ]
    for order in overdue:
        order.expire(now=work.now, actor=work.actor)
    await orders.save(overdue)
    return len(overdue)
