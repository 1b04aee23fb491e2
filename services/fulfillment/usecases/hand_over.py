"""Give a pickup to whoever shows its code."""

from __future__ import annotations

from services.fulfillment.domain.fulfillment_order import FulfillmentOrder
from services.fulfillment.domain.refusals import CodeWrong
from services.fulfillment.usecases.act import locked
from services.fulfillment.usecases.ports import Authorize, FulfillmentOrders, Work


async def hand_over(
    orders: FulfillmentOrders, fulfillment_order_id: str, authorize: Authorize, code: str, work: Work
) -> FulfillmentOrder | CodeWrong:
    """The fulfillment order, HANDED_OVER; or the refusal of a wrong code, returned and not raised.

    The try is counted under the same lock that it was checked under, and the caller must commit it before
    it raises the refusal: were the count lost with the call, or taken later, somebody could try a million
    codes at once.
    """
    order = await locked(orders, fulfillment_order_id, authorize)
    try:
        order.hand_over(code, now=work.now, actor=work.actor)
    except CodeWrong as refusal:
        await orders.save([order])
        return refusal
    await orders.save([order])
    return order
