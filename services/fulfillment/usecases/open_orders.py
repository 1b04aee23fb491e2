"""Open the work that orders planned, once for each plan part, however often it is told."""

from __future__ import annotations

from collections.abc import Sequence

from services.fulfillment.domain.fulfillment_order import FulfillmentOrder, Line, Opening
from services.fulfillment.usecases.ports import FulfillmentOrders, Work


async def open_orders(
    orders: FulfillmentOrders, parts: Sequence[tuple[Opening, Sequence[Line]]], work: Work
) -> frozenset[str]:
    """The ids that were opened now; what is open already stays as it is.

    Raises:
        OpeningInvalid: a part lacks what it must have; nothing is opened.
    """
    by_id = {opening.fulfillment_order_id: (opening, lines) for opening, lines in parts}
    fresh = [
        FulfillmentOrder.open(opening, lines, now=work.now, actor=work.actor)
        # One order of locks for everybody, so that two who open the same parts wait for each other instead
        # of deadlocking.
        for _, (opening, lines) in sorted(by_id.items())
    ]
    return await orders.open(fresh)
