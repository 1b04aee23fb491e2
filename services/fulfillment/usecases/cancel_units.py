"""Take units out of fulfillment orders before they are picked; all of them or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.fulfillment.domain.fulfillment_order import FulfillmentOrder, Line, Opening
from services.fulfillment.usecases.open_orders import open_orders
from services.fulfillment.usecases.ports import FulfillmentOrders, Work


@dataclass(frozen=True, slots=True)
class Part:
    """What to take out of one fulfillment order, and what to open it from should that still be needed."""

    opening: Opening
    lines: Sequence[Line]
    quantities: Mapping[int, int]


async def cancel_units(
    orders: FulfillmentOrders, parts: Sequence[Part], request_id: str, work: Work
) -> list[FulfillmentOrder]:
    """The fulfillment orders afterwards, by id.

    A cancellation may overtake the event that opens the work. It then opens the work itself, in the same
    transaction, so that the event finds it open with the units already out.

    Raises:
        AlreadyPicked: some units are in hand, short or gone; nothing was taken out anywhere.
        LineUnknown, OpeningInvalid: likewise.
    """
    await open_orders(orders, [(part.opening, part.lines) for part in parts], work)
    found = await orders.lock([part.opening.fulfillment_order_id for part in parts])
    by_id = {order.id: order for order in found}
    for part in parts:
        by_id[part.opening.fulfillment_order_id].take_out(
            part.quantities, request_id, now=work.now, actor=work.actor
        )
    await orders.save(found)
    return found
