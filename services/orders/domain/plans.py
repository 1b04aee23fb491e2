"""What is wanted of sourcing, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from services.orders.domain.refusals import ShortLine
from services.orders.domain.states import Method


class WishLine(NamedTuple):
    """A wanted article. `location_id` is the pickup store, or the till's store. What comes behind it is
    there for rules that ask for it.
    """

    line_number: int
    sku: str
    quantity_units: int
    method: Method
    location_id: str = ""
    brand: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    """Of the product: (name, value)."""
    unit_price_minor: int = 0


class Wish(NamedTuple):
    """What is wanted, and where to: `destination` is (latitude, longitude), needed when a line is shipped."""

    lines: tuple[WishLine, ...]
    destination: tuple[float, float] | None = None
    channel_id: str = ""
    customer_promise: str = ""
    value_minor: int = 0
    """Of the order's goods."""
    currency_code: str = ""
    sold_at: str = ""
    """The store whose till sells the order."""
    accepted: bool = False
    """The customer has been told yes: no cap on parcels leaves units behind that any location has."""

    def from_stock(self) -> dict[str, int]:
        """Units by SKU that have to be reserved: all but what is carried out."""
        units: dict[str, int] = {}
        for line in self.lines:
            if line.method is not Method.CARRY_OUT:
                units[line.sku] = units.get(line.sku, 0) + line.quantity_units
        return units

    def names(self, location_id: str) -> bool:
        """Whether the customer chose this very location for a line."""
        return any(line.location_id == location_id for line in self.lines)


class PlannedLine(NamedTuple):
    """Units of a line in a part."""

    line_number: int
    sku: str
    quantity_units: int


class PlannedPart(NamedTuple):
    """A location's share."""

    location_id: str
    method: Method
    lines: tuple[PlannedLine, ...]
    distance_km: int = 0
    pickup_location_id: str = ""
    """The store that the goods are sent to, to be collected; empty where a pickup's goods are there."""

    @property
    def sent(self) -> bool:
        """Whether it is a parcel: to the customer, or to the store where the goods are collected."""
        return self.method is Method.SHIP or bool(self.pickup_location_id)


class LaterPart(NamedTuple):
    """A location's share of one supply that has not come."""

    part: PlannedPart
    supply_id: str
    expected_at: datetime
    ready_at: datetime
    """From when on the location can work on it."""


class Seen(NamedTuple):
    """What a decision looked at beyond stock, as far as it matters: what its record keeps."""

    prices_version: str = ""
    """Of the prices of stock; empty when there were none."""
    prices: Mapping[tuple[str, str], tuple[int, ...]] = {}
    """By (SKU, location): the price of the first unit given away, the second, … where any is above 0."""
    kept_back: Mapping[tuple[str, str, int], int] = {}
    """By (SKU, location, days of safety): units that these keep out of the plan, where any."""
    capacity: Mapping[tuple[str, date], int] = {}
    """By (location, local day): units that it still takes on."""


NOTHING_SEEN = Seen()


class Plan(NamedTuple):
    """Who serves what. With shortages and no leave to be partial, nobody serves anything."""

    parts: tuple[PlannedPart, ...]
    shortages: tuple[ShortLine, ...]
    cost: int
    """Thousandths of a minor unit, prices of stock included."""
    co2_grams: int = 0
    """Of the parcels; no part of the cost."""
    gap: int = 0
    """By how many thousandths of a minor unit another plan may be cheaper; 0: it is proven that none is."""
    seen: Seen = NOTHING_SEEN
    later: tuple[LaterPart, ...] = ()
    """What is served from what is to come."""

    @property
    def empty(self) -> bool:
        """Whether nobody serves anything."""
        return not self.parts and not self.later

    def supply_picks(self) -> dict[tuple[str, str, str], int]:
        """What has to be reserved of what is to come, by (SKU, location, supply)."""
        result: dict[tuple[str, str, str], int] = {}
        for one in self.later:
            for line in one.part.lines:
                key = (line.sku, one.part.location_id, one.supply_id)
                result[key] = result.get(key, 0) + line.quantity_units
        return result

    def picks(self) -> dict[tuple[str, str], int]:
        """What has to be reserved, by (SKU, location): all but what is carried out."""
        result: dict[tuple[str, str], int] = {}
        for part in self.parts:
            if part.method is not Method.CARRY_OUT:
                for line in part.lines:
                    key = (line.sku, part.location_id)
                    result[key] = result.get(key, 0) + line.quantity_units
        return result
