"""What suppliers are expected to bring: the papers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from services.inventory.domain.document import DocumentKey, Kind
from services.inventory.domain.refusals import LocationDiffers, StateNotPossible


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
    promised_units: int = 0
    """Of those still to come: promised to orders."""

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
