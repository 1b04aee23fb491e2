"""Which fulfillment orders returned goods had left by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.fulfillment.domain.facts import Disposition
from services.fulfillment.domain.fulfillment_order import DELIVERED, FulfillmentOrder
from services.fulfillment.domain.refusals import NotDelivered, QuantityTooHigh


@dataclass(frozen=True, slots=True)
class ReturnedUnits:
    """Units (each, >= 1) of a line that a customer brought back."""

    line_number: int
    quantity_units: int
    disposition: Disposition
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What of a return goes back on one fulfillment order's account, for one disposition."""

    order: FulfillmentOrder
    disposition: Disposition
    quantities: Mapping[int, int]
    reason: str


def share_out(
    order_id: str, returned: Sequence[ReturnedUnits], orders: Sequence[FulfillmentOrder]
) -> tuple[Share, ...]:
    """Spread returned units over the order's deliveries, earliest id first; one share per fulfillment order
    and disposition.

    Raises:
        NotDelivered: nothing of a line was delivered.
        QuantityTooHigh: more of a line than was delivered and is not back yet; counted over all entries for
        the line.
    """
    delivered = sorted((order for order in orders if order.state in DELIVERED), key=lambda order: order.id)
    back: defaultdict[tuple[str, int], int] = defaultdict(int)
    for order in delivered:
        for line in order.lines:
            back[order.id, line.line_number] = line.picked_units - line.returned_units
    _check(order_id, returned, delivered)
    by_id = {order.id: order for order in delivered}
    quantities: defaultdict[tuple[str, Disposition], dict[int, int]] = defaultdict(dict)
    reasons: defaultdict[tuple[str, Disposition], dict[str, None]] = defaultdict(dict)
    for entry in returned:
        missing = entry.quantity_units
        for order in delivered:
            taken = min(missing, back[order.id, entry.line_number])
            if taken:
                key = (order.id, entry.disposition)
                back[order.id, entry.line_number] -= taken
                quantities[key][entry.line_number] = quantities[key].get(entry.line_number, 0) + taken
                if entry.reason:
                    reasons[key][entry.reason] = None
                missing -= taken
    return tuple(
        Share(by_id[id_], disposition, lines, "; ".join(reasons[id_, disposition]))
        for (id_, disposition), lines in sorted(quantities.items())
    )


def _check(order_id: str, returned: Sequence[ReturnedUnits], delivered: Sequence[FulfillmentOrder]) -> None:
    wanted: defaultdict[int, int] = defaultdict(int)
    for entry in returned:
        wanted[entry.line_number] += entry.quantity_units
    for number, quantity in wanted.items():
        lines = [
            line
            for order in delivered
            for line in order.lines
            if line.line_number == number and line.picked_units
        ]
        if not lines:
            raise NotDelivered(order_id, number)
        left = sum(line.picked_units - line.returned_units for line in lines)
        if quantity > left:
            raise QuantityTooHigh(order_id, number, quantity, left)
