"""Inbound supply: what suppliers are expected to bring, where and when; it stands at no position until it is
received.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.inventory.domain.book import Book, Origin
from services.inventory.domain.document import Kind
from services.inventory.domain.expected import Supply, SupplyLine, SupplyState
from services.inventory.domain.needs import Needs
from services.inventory.domain.stock import Cause, SupplyDateMoved
from services.inventory.domain.waiting import arrive, cut, move_time

Units = tuple[str, int]
"""SKU and a positive number of units."""


@dataclass(slots=True, frozen=True)
class UpsertSupply:
    """State what is expected now; a moved time is told as long as something is to come."""

    supply_id: str
    location_id: str
    expected_at: datetime
    units: tuple[Units, ...]

    def needs(self, needs: Needs) -> None:
        """The supply if there is one, the place, and who waits for it."""
        needs.look((Kind.SUPPLY, self.supply_id), _waited_for)
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
        for line in supply.lines.values():
            cut(book, supply, line)
        before, supply.expected_at = supply.expected_at, self.expected_at
        still = tuple(
            (line.sku, line.expected_units, line.received_units)
            for line in supply.lines.values()
            if line.open_units
        )
        if before != self.expected_at and still:
            move_time(book, supply)
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
        """The supply, the positions, made when missing, and who waits for these goods."""
        needs.documents.add((Kind.SUPPLY, self.supply_id))
        for sku, _ in self.units:
            needs.waiting.add((self.supply_id, sku))
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
            line = supply.lines.setdefault(sku, SupplyLine(sku))
            line.received_units += units
            book.move((sku, self.location_id), units, Cause.RECEIPT, self.origin, index)
            arrive(book, supply, line, units)
            cut(book, supply, line)
        supply.settle()
        book.amend(supply)
        return supply


@dataclass(slots=True, frozen=True)
class CloseSupply:
    """Nothing more will come."""

    supply_id: str
    location_id: str

    def needs(self, needs: Needs) -> None:
        """The supply, and who waits for it."""
        needs.look((Kind.SUPPLY, self.supply_id), _waited_for)

    def apply(self, book: Book) -> Supply:
        """Close it; harmless when it is closed.

        Raises:
            DocumentUnknown, LocationDiffers.
        """
        supply = book.document(Supply, (Kind.SUPPLY, self.supply_id))
        if supply.state is not SupplyState.CLOSED or supply.location_id != self.location_id:
            supply.check(self.location_id)
            supply.state = SupplyState.CLOSED
            for line in supply.lines.values():
                cut(book, supply, line)
            book.amend(supply)
        return supply


def _waited_for(supply: Supply, needs: Needs) -> None:
    for line in supply.lines.values():
        if line.promised_units:
            needs.positions.add((line.sku, supply.location_id))
            needs.waiting.add((supply.supply_id, line.sku))
