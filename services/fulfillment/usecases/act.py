"""One verb on one fulfillment order."""

from __future__ import annotations

from collections.abc import Callable

from services.fulfillment.domain.fulfillment_order import FulfillmentOrder
from services.fulfillment.domain.refusals import FulfillmentOrderUnknown
from services.fulfillment.usecases.ports import Authorize, FulfillmentOrders


async def locked(
    orders: FulfillmentOrders, fulfillment_order_id: str, authorize: Authorize
) -> FulfillmentOrder:
    """The fulfillment order, locked until the end of the transaction.

    Raises:
        FulfillmentOrderUnknown: there is none.
    """
    found = await orders.lock([fulfillment_order_id])
    if not found:
        raise FulfillmentOrderUnknown(fulfillment_order_id)
    authorize(found[0])
    return found[0]


async def act(
    orders: FulfillmentOrders,
    fulfillment_order_id: str,
    authorize: Authorize,
    verb: Callable[[FulfillmentOrder], None],
) -> FulfillmentOrder:
    """The fulfillment order after `verb`: lock, ask whether the caller may, act, store.

    Raises:
        FulfillmentOrderUnknown: there is none.
        Refusal: the verb's own; nothing is stored.
    """
    order = await locked(orders, fulfillment_order_id, authorize)
    verb(order)
    await orders.save([order])
    return order
