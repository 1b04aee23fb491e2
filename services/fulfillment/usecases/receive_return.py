"""Take goods back from a customer, at any location."""

from __future__ import annotations

from collections.abc import Sequence

from services.fulfillment.domain.fulfillment_order import FulfillmentOrder
from services.fulfillment.domain.refusals import OrderUnknown
from services.fulfillment.domain.returns import ReturnedUnits, share_out
from services.fulfillment.usecases.ports import FulfillmentOrders, ReturnRecord, Work


async def receive_return(
    orders: FulfillmentOrders,
    order_id: str,
    returned: Sequence[ReturnedUnits],
    *,
    return_id: str,
    receiving_location_id: str,
    work: Work,
) -> list[FulfillmentOrder]:
    """The fulfillment orders by which the goods had left, afterwards.

    All of the order's are locked, so that two returns at once cannot bring back more than was delivered.

    Raises:
        OrderUnknown: nothing was opened for this order, or not yet.
        NotDelivered, QuantityTooHigh: nothing was taken back.
    """
    found = await orders.lock_of_order(order_id)
    if not found:
        raise OrderUnknown(order_id)
    shares = share_out(order_id, returned, found)
    records: list[ReturnRecord] = []
    for share in shares:
        share.order.receive_back(
            share.quantities,
            share.disposition,
            share.reason,
            return_id=return_id,
            receiving_location_id=receiving_location_id,
            now=work.now,
            actor=work.actor,
        )
        lines = {line.line_number: line for line in share.order.lines}
        records += [
            ReturnRecord(
                return_id,
                share.order.id,
                lines[number].units(quantity),
                share.disposition,
                receiving_location_id,
                share.reason,
            )
            for number, quantity in share.quantities.items()
        ]
    touched = sorted({share.order.id: share.order for share in shares}.values(), key=lambda order: order.id)
    await orders.save(touched)
    await orders.record_returns(records, work)
    return touched
