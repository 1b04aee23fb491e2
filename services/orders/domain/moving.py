"""Which units of an order others can be asked to serve instead: those that nobody has picked."""

from __future__ import annotations

from services.orders.domain.facts import Part
from services.orders.domain.lines import Spot
from services.orders.domain.order import Order
from services.orders.domain.refusals import (
    FulfillmentOrderRequired,
    FulfillmentOrderUnknown,
    LineUnknown,
    NothingToSourceAgain,
    QuantityTooHigh,
)
from services.orders.domain.standing import Units
from services.orders.domain.states import UnitState


def movable(order: Order, fulfillment_order_id: str, lines: Units) -> tuple[Part, list[tuple[int, int]]]:
    """The part and its units (line number, units) that are not picked: those of `lines`, or all when there
    are none. Without a fulfillment order, the one that has units of the lines.

    Raises:
        FulfillmentOrderUnknown, FulfillmentOrderRequired, LineUnknown, QuantityTooHigh,
        NothingToSourceAgain.
    """
    for number, _ in lines:
        if number not in order.lines:
            raise LineUnknown(order.order_id, number)
    name = fulfillment_order_id or _only_work(order, [number for number, _ in lines])
    part = order.parts.get(name)
    if part is None:
        raise FulfillmentOrderUnknown(order.order_id, name)
    there = unpicked(order, part)
    if not lines:
        if not there:
            raise NothingToSourceAgain(order.order_id, _states(order, name))
        return part, sorted(there.items())
    for number, quantity in lines:
        left = there.get(number, 0)
        if not left:
            raise NothingToSourceAgain(order.order_id, _states(order, name))
        if quantity > left:
            raise QuantityTooHigh(number, quantity, left)
    return part, sorted(lines)


def unpicked(order: Order, part: Part) -> dict[int, int]:
    """Units by line number that stand reserved at the part's location, as far as orders knows."""
    return {
        spot.line_number: quantity
        for spot, quantity in order.units.items()
        if spot.state is UnitState.ALLOCATED and spot.fulfillment_order_id == part.fulfillment_order_id
    }


def spots(part: Part, units: Units) -> dict[Spot, int]:
    """Where these units of a part stand while they are not picked."""
    return {
        Spot(number, UnitState.ALLOCATED, part.location_id, part.fulfillment_order_id): quantity
        for number, quantity in units
    }


def _only_work(order: Order, numbers: list[int]) -> str:
    works = {
        spot.fulfillment_order_id
        for spot in order.units
        if spot.state is UnitState.ALLOCATED and spot.line_number in numbers
    }
    if not works:
        raise NothingToSourceAgain(order.order_id, _states(order, ""))
    if len(works) > 1:
        raise FulfillmentOrderRequired(order.order_id, tuple(sorted(works)))
    return works.pop()


def _states(order: Order, fulfillment_order_id: str) -> dict[str, int]:
    states: dict[str, int] = {}
    for spot, quantity in order.units.items():
        if fulfillment_order_id in ("", spot.fulfillment_order_id):
            states[spot.state.name] = states.get(spot.state.name, 0) + quantity
    return states
