"""Lines of an order and the groups their units stand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from services.orders.domain.states import Method, UnitState


class Spot(NamedTuple):
    """Where units of a line stand; location and fulfillment order are empty while no location serves them."""

    line_number: int
    state: UnitState
    location_id: str
    fulfillment_order_id: str


@dataclass(slots=True)
class Line:
    """A line as it was bought, and what of its money is settled."""

    line_number: int
    sku: str
    name_en: str
    name_es: str
    quantity_units: int
    method: Method
    pickup_location_id: str
    unit_price_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    captured_minor: int = 0
    voided_minor: int = 0
    refunded_minor: int = 0
