"""What stock consists of: positions, ledger movements, reservations and their lines, and what they tell the
world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from services.inventory.domain.backorder import Backorder, SupplyPick

MAX_STOCK_UNITS = 2_000_000_000
"""On hand stays within ± this, so that no sum leaves 32 bits."""

Key = tuple[str, str]
"""SKU and location: what identifies a position; tuples sort in the order positions are locked in."""


class Cause(IntEnum):
    """Why stock moved; numbers are those of the contract."""

    UNSPECIFIED = 0
    OPENING = 1
    RECEIPT = 2
    SALE = 3
    SHIPMENT = 4
    HAND_OVER = 5
    RETURN = 6
    COUNT = 7
    ADJUSTMENT = 8
    DAMAGE = 9
    SHORT_PICK = 10
    TRANSFER_OUT = 11
    TRANSFER_IN = 12


class State(IntEnum):
    """Life of a reservation: held → committed → consumed, or released, or expired; numbers are those of the
    contract.
    """

    HELD = 1
    COMMITTED = 2
    CONSUMED = 3
    RELEASED = 4
    EXPIRED = 5

    @property
    def live(self) -> bool:
        """Whether units may still be kept."""
        return self <= State.COMMITTED


@dataclass(slots=True)
class Position:
    """One SKU at one location. `reserved_units` never exceeds `max(0, on_hand_units)`."""

    sku: str
    location_id: str
    on_hand_units: int = 0
    reserved_units: int = 0
    safety_units: int = 0
    version: int = 0
    active: bool = True
    """Whether the location takes orders."""
    guarded: bool = False
    """Whether its SKU's pool has a say in every promise, and must be locked first."""

    @property
    def key(self) -> Key:
        """SKU and location."""
        return (self.sku, self.location_id)

    @property
    def free_units(self) -> int:
        """on_hand − reserved − safety; below zero when safety stock is not covered."""
        return self.on_hand_units - self.reserved_units - self.safety_units

    @property
    def available_units(self) -> int:
        """What can be promised, never below zero."""
        return max(0, self.free_units)


@dataclass(slots=True, unsafe_hash=True)
class Pick:
    """Units to take at one place. Never changed once made; not frozen, for to make a frozen one costs three
    times as much, and orders are made of them.
    """

    sku: str
    location_id: str
    quantity_units: int

    @property
    def key(self) -> Key:
        """SKU and location."""
        return (self.sku, self.location_id)


@dataclass(slots=True, frozen=True)
class Movement:
    """One line of the ledger; `idempotency_key` stands in it once for ever."""

    sku: str
    location_id: str
    quantity_units: int
    cause: Cause
    document_id: str
    actor: str
    note: str
    idempotency_key: str
    on_hand_after_units: int


@dataclass(slots=True)
class Line:
    """What a reservation keeps at one position: quantity = live + consumed + released + displaced."""

    sku: str
    location_id: str
    quantity_units: int
    live_units: int
    consumed_units: int = 0
    released_units: int = 0
    displaced_units: int = 0
    revivable_units: int = 0
    """Of the released: given back by expiry alone, so that a commit that comes late may take them again."""

    @property
    def key(self) -> Key:
        """SKU and location."""
        return (self.sku, self.location_id)


@dataclass(slots=True)
class Reservation:
    """Units at locations kept for one sourcing attempt of an order."""

    reservation_id: str
    order_id: str
    attempt: int
    state: State
    channel_id: str
    created_at: datetime
    expire_time: datetime
    """When it ends unless committed; means nothing afterwards."""
    lines: list[Line] = field(default_factory=list)
    accepted: bool = False
    """Whether its order is known to be accepted; only then are displaced units told."""
    event_sequence: int = 0
    backorders: Sequence[Backorder] = ()
    """What it waits for."""

    @property
    def live_units(self) -> int:
        """Units still kept or waited for, over all lines."""
        live = sum(line.live_units for line in self.lines)
        return live + sum(one.live_units for one in self.backorders) if self.backorders else live

    def wanted(self) -> dict[str, int]:
        """Units per SKU as they were first reserved; what has come since was waited for."""
        found = totals(self.lines)
        for one in self.backorders:
            found[one.sku] = found.get(one.sku, 0) + one.quantity_units - one.arrived_units
        return found

    def backorder(self, sku: str, supply_id: str) -> Backorder | None:
        """What it waits for of a supply."""
        for one in self.backorders:
            if one.sku == sku and one.supply_id == supply_id:
                return one
        return None

    def line(self, key: Key) -> Line | None:
        """The line at a position."""
        for line in self.lines:
            if line.sku == key[0] and line.location_id == key[1]:
                return line
        return None

    def next_sequence(self) -> int:
        """The number of its next event, counting from 1."""
        self.event_sequence += 1
        return self.event_sequence


@dataclass(slots=True, frozen=True)
class UnitsDisplaced:
    """A fact took units from under an accepted order's promise."""

    reservation_id: str
    order_id: str
    sequence: int
    sku: str
    location_id: str
    quantity_units: int
    cause: Cause
    document_id: str


@dataclass(slots=True, frozen=True)
class UnitsSold:
    """Goods left over a till, outside any order."""

    sale_id: str
    location_id: str
    lines: tuple[tuple[str, int], ...]
    """(SKU, units)."""
    document_id: str
    channel_id: str
    sequence: int = 1


@dataclass(slots=True, frozen=True)
class ReservationExpired:
    """A held reservation ran out."""

    reservation_id: str
    order_id: str
    sequence: int


@dataclass(slots=True, frozen=True)
class ReservationLost:
    """An accepted order's units were gone before its reservation was committed."""

    reservation_id: str
    order_id: str
    sequence: int
    picks: tuple[Pick, ...]
    supply_picks: tuple[SupplyPick, ...] = ()
    """Of these: units that were waited for."""


@dataclass(slots=True, frozen=True)
class SupplyDateMoved:
    """Expected goods come earlier or later than was known."""

    supply_id: str
    sequence: int
    location_id: str
    previous_at: datetime
    expected_at: datetime
    lines: tuple[tuple[str, int, int], ...]
    """SKU, expected and received units of what is still to come."""


def totals(picks: Sequence[Pick | SupplyPick | Line]) -> dict[str, int]:
    """Units per SKU, over all locations."""
    result: dict[str, int] = {}
    for pick in picks:
        result[pick.sku] = result.get(pick.sku, 0) + pick.quantity_units
    return result
