"""What the platform says about the run's orders at the end, as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from aljibe.common.v1 import types_pb2 as types
from aljibe.orders.v1 import orders_pb2 as orders

_METHOD_PREFIX = "FULFILLMENT_METHOD_"
_UNIT_PREFIX = "UNIT_STATE_"
_ORDER_PREFIX = "ORDER_STATE_"
FINAL_STATES = frozenset({"COMPLETED", "CANCELLED", "RETURNED"})


@dataclass(frozen=True, slots=True)
class PartFacts:
    """One location's share of an order; ``attempt`` is the sourcing attempt that made it."""

    location_id: str
    method: str
    attempt: int
    lines: int
    units: int


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """One order; ``units`` counts units by (method, state), money is in minor units."""

    order_id: str
    reference: str
    channel_id: str
    state: str
    lines: int
    units: Mapping[tuple[str, str], int]
    parts: tuple[PartFacts, ...]
    total_minor: int
    tax_minor: int
    discount_minor: int
    authorized_minor: int
    captured_minor: int
    refunded_minor: int
    voided_minor: int

    @property
    def methods(self) -> frozenset[str]:
        """How its units were to reach the customer."""
        return frozenset(method for method, _ in self.units)

    def units_in(self, state: str) -> int:
        """Units in one state, over all methods."""
        return sum(count for (_, found), count in self.units.items() if found == state)

    @property
    def settled(self) -> bool:
        """Nothing is left to do, and every authorised cent was taken or released; what came back was paid
        back.
        """
        if self.state not in FINAL_STATES:
            return False
        if self.authorized_minor != self.captured_minor + self.voided_minor:
            return False
        return not self.units_in("RETURNED") or not self.captured_minor or self.refunded_minor > 0


def order_facts(order: orders.Order) -> OrderFacts:
    """The facts of one order."""
    units: Counter[tuple[str, str]] = Counter()
    for line in order.lines:
        method = types.FulfillmentMethod.Name(line.method).removeprefix(_METHOD_PREFIX)
        for group in line.units:
            state = orders.UnitState.Name(group.state).removeprefix(_UNIT_PREFIX)
            units[method, state] += group.quantity_units
    return OrderFacts(
        order_id=order.order_id,
        reference=order.customer_reference,
        channel_id=order.channel_id,
        state=orders.OrderState.Name(order.state).removeprefix(_ORDER_PREFIX),
        lines=len(order.lines),
        units=dict(units),
        parts=tuple(
            PartFacts(
                location_id=part.location_id,
                method=types.FulfillmentMethod.Name(part.method).removeprefix(_METHOD_PREFIX),
                attempt=part.attempt,
                lines=len(part.lines),
                units=sum(line.quantity_units for line in part.lines),
            )
            for part in order.plan
        ),
        total_minor=order.total_minor,
        tax_minor=order.tax_minor,
        discount_minor=order.discount_minor,
        authorized_minor=order.payment.authorized_minor,
        captured_minor=order.payment.captured_minor,
        refunded_minor=order.payment.refunded_minor,
        voided_minor=order.payment.voided_minor,
    )
