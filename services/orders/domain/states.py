"""The words of an order's life: how goods reach the customer, where units stand, where the whole order
stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Method(IntEnum):
    """How the goods of a line reach the customer. Numbers as in the contract."""

    SHIP = 1
    PICKUP = 2
    CARRY_OUT = 3


class UnitState(IntEnum):
    """Where units of a line stand. Numbers as in the contract."""

    ALLOCATED = 1
    PICKED = 2
    READY = 3
    SHIPPED = 4
    HANDED_OVER = 5
    RESOURCING = 6
    AWAITING_CUSTOMER = 7
    CANCELLED = 8
    RETURNED = 9
    IN_TRANSIT = 10
    BACKORDERED = 11


class OrderState(IntEnum):
    """Where an order stands, derived from its units. Numbers as in the contract."""

    ACCEPTED = 1
    IN_PROGRESS = 2
    AWAITING_CUSTOMER = 3
    COMPLETED = 4
    CANCELLED = 5
    RETURNED = 6


FINAL_ORDER_STATES = frozenset({OrderState.COMPLETED, OrderState.CANCELLED, OrderState.RETURNED})

# A fact that arrives after a later one has been applied must find its units beyond it.
BEYOND: dict[UnitState, frozenset[UnitState]] = {
    UnitState.PICKED: frozenset(
        {
            UnitState.PICKED,
            UnitState.IN_TRANSIT,
            UnitState.READY,
            UnitState.SHIPPED,
            UnitState.HANDED_OVER,
            UnitState.RETURNED,
            UnitState.CANCELLED,
        }
    ),
    UnitState.IN_TRANSIT: frozenset(
        {
            UnitState.IN_TRANSIT,
            UnitState.READY,
            UnitState.HANDED_OVER,
            UnitState.RETURNED,
            UnitState.CANCELLED,
        }
    ),
    UnitState.READY: frozenset(
        {UnitState.READY, UnitState.HANDED_OVER, UnitState.RETURNED, UnitState.CANCELLED}
    ),
    UnitState.SHIPPED: frozenset({UnitState.SHIPPED, UnitState.RETURNED}),
    UnitState.HANDED_OVER: frozenset({UnitState.HANDED_OVER, UnitState.RETURNED}),
    UnitState.CANCELLED: frozenset({UnitState.CANCELLED}),
    UnitState.RETURNED: frozenset(),
}

AT_STORE = frozenset({UnitState.IN_TRANSIT, UnitState.READY, UnitState.HANDED_OVER, UnitState.RETURNED})
"""Where goods that are sent to a store stand with the store."""

_OPEN = frozenset(
    {
        UnitState.ALLOCATED,
        UnitState.PICKED,
        UnitState.IN_TRANSIT,
        UnitState.READY,
        UnitState.RESOURCING,
        UnitState.AWAITING_CUSTOMER,
        UnitState.BACKORDERED,
    }
)
_UNTOUCHED = frozenset(
    {UnitState.ALLOCATED, UnitState.RESOURCING, UnitState.BACKORDERED, UnitState.CANCELLED}
)
_DELIVERED = frozenset({UnitState.SHIPPED, UnitState.HANDED_OVER})


def order_state(units: Iterable[UnitState]) -> OrderState:
    """The state of an order whose units stand in `units` (each state that at least one unit is in)."""
    present = frozenset(units)
    if UnitState.AWAITING_CUSTOMER in present:
        return OrderState.AWAITING_CUSTOMER
    if present & _OPEN:
        return OrderState.ACCEPTED if present <= _UNTOUCHED else OrderState.IN_PROGRESS
    if present & _DELIVERED:
        return OrderState.COMPLETED
    return OrderState.RETURNED if UnitState.RETURNED in present else OrderState.CANCELLED
