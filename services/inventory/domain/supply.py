"""Inbound supply: what suppliers are expected to bring, where and when; it stands at no position until it is
received.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from services.inventory.domain.book import Book, Origin
from services.inventory.domain.document import DocumentKey, Kind
from services.inventory.domain.needs import Needs
from services.inventory.domain.refusals import LocationDiffers, StateNotPossible
from services.inventory.domain.stock import Cause, SupplyDateMoved

Units = tuple[str, int]
"""SKU and a positive number of units."""


class SupplyState(IntEnum):
    """Life of a supply; numbers are those of the contract."""

    EXPECTED = 1
    PARTLY_RECEIVED = 2
    RECEIVED = 3
    CLOSED = 4


@dataclass(slots=True)
class SupplyLine:
    """Units of one SKU."""

    sku: str
    expected_units: int = 0
    received_units: int = 0

    @property
    def open_units(self) -> int:
        """Units still to come."""
        return max(0, self.expected_units - self.received_units)


@dataclass(slots=True)
class Supply:
    """One purchase order, under the id that its writer gave it."""

    supply_id: str
    location_id: str
    state: SupplyState
    expected_at: datetime
    event_sequence: int = 0
    version: int = 0
    """Grows with every change that is kept."""
    lines: dict[str, SupplyLine] = field(default_factory=dict)

    @property
    def key(self) -> DocumentKey:
        """What identifies it."""
        return (Kind.SUPPLY, self.supply_id)

    def open_units(self, line: SupplyLine) -> int:
        """Units of a line that are still to come; none once the supply is closed."""
        return 0 if self.state is SupplyState.CLOSED else line.open_units

    def check(self, location_id: str) -> None:
        """Pass when it is not closed and the request means its place.

        Raises:
            LocationDiffers, StateNotPossible.
        """
        if location_id != self.location_id:
            raise LocationDiffers(self.supply_id, location_id)
        if self.state is SupplyState.CLOSED:
            wanted = "EXPECTED, PARTLY_RECEIVED or RECEIVED"
            raise StateNotPossible(self.supply_id, self.state.name, wanted)

    def settle(self) -> None:
        """Move the state to where its units say it is."""
        if not any(line.received_units for line in self.lines.values()):
            self.state = SupplyState.EXPECTED
        elif any(line.open_units for line in self.lines.values()):
            self.state = SupplyState.PARTLY_RECEIVED
        else:
            self.state = SupplyState.RECEIVED


@dataclass(slots=True, frozen=True)
class UpsertSupply:
    """State what is expected now; a moved time is told as long as something is to come."""

    supply_id: str
    location_id: str
    expected_at: datetime
    units: tuple[Units, ...]

    def needs(self, needs: Needs) -> None:
        """The supply if there is one, and the place."""
        needs.documents.add((Kind.SUPPLY, self.supply_id))
        needs.locations.add(self.location_id)

    def apply(self, book: Book) -> Supply:
        """Write it down.

        Raises:
            LocationUnknown, LocationDiffers, StateNotPossible.
        """
        book.check_location(self.location_id)
        found = book.documents.get((Kind.SUPPLY, self.supply_id))
        if found is None:
            supply = Supply(self.supply_id, self.location_id, SupplyState.EXPECTED, self.expected_at)
            book.open(supply)
        else:
            supply = book.document(Supply, found.key)
            supply.check(self.location_id)
            book.amend(supply)
        for line in supply.lines.values():
            line.expected_units = 0
        for sku, units in self.units:
            supply.lines.setdefault(sku, SupplyLine(sku)).expected_units = units
        supply.settle()
        before, supply.expected_at = supply.expected_at, self.expected_at
        still = tuple(
            (line.sku, line.expected_units, line.received_units)
            for line in supply.lines.values()
            if line.open_units
        )
        if before != self.expected_at and still:
            supply.event_sequence += 1
            book.events.append(
                SupplyDateMoved(
                    supply.supply_id,
                    supply.event_sequence,
                    supply.location_id,
                    before,
                    self.expected_at,
                    still,
                )
            )
        return supply


@dataclass(slots=True, frozen=True)
class ReceiveSupply:
    """Goods of it came in; more than expected is a fact too."""

    supply_id: str
    location_id: str
    units: tuple[Units, ...]
    origin: Origin

    def needs(self, needs: Needs) -> None:
        """The supply, and the positions, made when missing."""
        needs.documents.add((Kind.SUPPLY, self.supply_id))
        for sku, _ in self.units:
            needs.take((sku, self.location_id), 0)

    def apply(self, book: Book) -> Supply:
        """Book the movements.

        Raises:
            DocumentUnknown, LocationUnknown, LocationDiffers, StateNotPossible, StockOutOfRange.
        """
        supply = book.document(Supply, (Kind.SUPPLY, self.supply_id))
        supply.check(self.location_id)
        for sku, units in self.units:
            book.check_room((sku, self.location_id), units)
        for index, (sku, units) in enumerate(self.units):
            supply.lines.setdefault(sku, SupplyLine(sku)).received_units += units
            book.move((sku, self.location_id), units, Cause.RECEIPT, self.origin, index)
        supply.settle()
        book.amend(supply)
        return supply


@dataclass(slots=True, frozen=True)
class CloseSupply:
    """Nothing more will come."""

    supply_id: str
    location_id: str

    def needs(self, needs: Needs) -> None:
        """The supply."""
        needs.documents.add((Kind.SUPPLY, self.supply_id))

    def apply(self, book: Book) -> Supply:
        """Close it; harmless when it is closed.

        Raises:
            DocumentUnknown, LocationDiffers.
        """
        supply = book.document(Supply, (Kind.SUPPLY, self.supply_id))
        if supply.state is not SupplyState.CLOSED or supply.location_id != self.location_id:
            supply.check(self.location_id)
            supply.state = SupplyState.CLOSED
            book.amend(supply)
        return supply
