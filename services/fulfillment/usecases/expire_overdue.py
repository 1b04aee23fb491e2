"""Give up on customers who did not come."""

from __future__ import annotations

from services.fulfillment.usecases.ports import FulfillmentOrders, Work

EXPIRY_CHUNK = 100


async def expire_overdue(orders: FulfillmentOrders, work: Work, limit: int = EXPIRY_CHUNK) -> int:
    """How many pickups past their time went back to the shelf now; `limit` of them may mean that more wait.

    A pickup that somebody is handing over at this moment is left to them: whoever holds the lock decides.
    """
    overdue = await orders.lock_overdue(work.now, limit)
    for order in overdue:
        order.expire(now=work.now, actor=work.actor)
    await orders.save(overdue)
    return len(overdue)
