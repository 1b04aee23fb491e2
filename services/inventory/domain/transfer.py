"""Transfers: goods on their way from one location to another, each step as a command to the book.

Units that left the source and have not come in stand at no position, so nothing can promise them; they are
counted on the transfer's lines instead: dispatched = received + in transit + lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from services.inventory.domain.book import Book, Origin
from services.inventory.domain.document import DocumentKey, Kind
from services.inventory.domain.needs import Needs
from services.inventory.domain.refusals import (
    MAX_SHORTAGES,
    InsufficientStock,
    LocationDiffers,
    LocationsEqual,
    Shortage,
    StateNotPossible,
    UnitsTooMany,
)
from services.inventory.domain.stock import Cause

Units = tuple[str, int]
"""SKU and a positive number of units."""


class TransferState(IntEnum):
    """Life of a transfer; numbers are those of the contract."""

    DRAFT = 1
    IN_TRANSIT = 2
    PARTLY_RECEIVED = 3
    RECEIVED = 4
    CANCELLED = 5


ON_THE_WAY = (TransferState.IN_TRANSIT, TransferState.PARTLY_RECEIVED)


@dataclass(slots=True)
class TransferLine:
    """Units of one SKU. dispatched = received + in transit + lost."""

    sku: str
    quantity_units: int
    dispatched_units: int = 0
    received_units: int = 0
    lost_units: int = 0

    @property
    def in_transit_units(self) -> int:
        """Units on the way."""
        return self.dispatched_units - self.received_units - self.lost_units


@dataclass(slots=True)
class Transfer:
    """Its lines' SKUs and planned units never change, so they are looked at without a lock."""

    transfer_id: str
    source_id: str
    destination_id: str
    state: TransferState
    note: str
    actor: str
    created_at: datetime
    loss_note: str = ""
    dispatched_at: datetime | None = None
    ended_at: datetime | None = None
    lines: list[TransferLine] = field(default_factory=list)

    @property
    def key(self) -> DocumentKey:
        """What identifies it."""
        return (Kind.TRANSFER, self.transfer_id)

    def check(self, state: Sequence[TransferState], location_id: str, wanted_id: str) -> None:
        """Pass when it is in one of these states and the request means the right place.

        Raises:
            LocationDiffers, StateNotPossible.
        """
        if location_id != wanted_id:
            raise LocationDiffers(self.transfer_id, location_id)
        if self.state not in state:
            raise StateNotPossible(self.transfer_id, self.state.name, " or ".join(one.name for one in state))

    def chosen(self, units: Sequence[Units], limit_of: str) -> list[tuple[TransferLine, int]]:
        """Lines and units that are meant: those named, or up to each line's limit when none is.

        Raises:
            UnitsTooMany: more than the line's limit.
        """
        limits = {line.sku: (line, getattr(line, limit_of)) for line in self.lines}
        for sku, wanted in units:
            limit = limits[sku][1] if sku in limits else 0
            if wanted > limit:
                raise UnitsTooMany(self.transfer_id, sku, wanted, limit)
        named = [(limits[sku][0], wanted) for sku, wanted in units]
        return named or [(line, limit) for line, limit in limits.values() if limit]

    def settle(self, now: datetime) -> None:
        """Move the state to where its units say it is."""
        if any(line.in_transit_units for line in self.lines):
            self.state = TransferState.PARTLY_RECEIVED
        else:
            self.state = TransferState.RECEIVED
            self.ended_at = now


@dataclass(slots=True, frozen=True)
class Transferred:
    """The transfer as it is now, and what the step took."""

    transfer: Transfer
    displaced_units: int = 0
    lost_units: int = 0


@dataclass(slots=True, frozen=True)
class CreateTransfer:
    """Plan a transfer; stock does not move and is not kept."""

    source_id: str
    destination_id: str
    units: tuple[Units, ...]
    note: str
    actor: str

    def needs(self, needs: Needs) -> None:
        """Both places."""
        needs.locations.update((self.source_id, self.destination_id))

    def apply(self, book: Book) -> Transferred:
        """Write it down.

        Raises:
            LocationUnknown, LocationsEqual.
        """
        book.check_location(self.source_id)
        book.check_location(self.destination_id)
        if self.source_id == self.destination_id:
            raise LocationsEqual(self.source_id)
        transfer = Transfer(
            book.new_id("trf"),
            self.source_id,
            self.destination_id,
            TransferState.DRAFT,
            self.note,
            self.actor,
            book.now,
            lines=[TransferLine(sku, units) for sku, units in self.units],
        )
        book.open(transfer)
        return Transferred(transfer)


@dataclass(slots=True, frozen=True)
class Dispatch:
    """The goods leave the source. More than is available there is refused, unless it is forced: then it is a
    fact like any other, and displaces promises (ADR-0003).
    """

    transfer_id: str
    source_id: str
    units: tuple[Units, ...]
    origin: Origin
    forced: bool = False

    def needs(self, needs: Needs) -> None:
        """The transfer, and the positions that its goods leave."""
        needs.look((Kind.TRANSFER, self.transfer_id), self._positions)

    def _positions(self, transfer: Transfer, needs: Needs) -> None:
        for line in transfer.lines:
            needs.take((line.sku, transfer.source_id), line.quantity_units)

    def apply(self, book: Book) -> Transferred:
        """Book the movements.

        Raises:
            DocumentUnknown, LocationDiffers, StateNotPossible, UnitsTooMany, InsufficientStock,
            StockOutOfRange.
        """
        transfer = book.document(Transfer, (Kind.TRANSFER, self.transfer_id))
        transfer.check((TransferState.DRAFT,), self.source_id, transfer.source_id)
        chosen = transfer.chosen(self.units, "quantity_units")
        shortages: list[Shortage] = []
        for line, units in chosen:
            key = (line.sku, transfer.source_id)
            available = book.free_units(key)
            if units > available and not self.forced:
                shortages.append(Shortage(*key, units, available))
            book.check_room(key, -units)
        if shortages:
            raise InsufficientStock(tuple(shortages[:MAX_SHORTAGES]), len(shortages))
        displaced = 0
        for index, (line, units) in enumerate(chosen):
            line.dispatched_units = units
            key = (line.sku, transfer.source_id)
            displaced += book.move(key, -units, Cause.TRANSFER_OUT, self.origin, index)
        transfer.state = TransferState.IN_TRANSIT
        transfer.dispatched_at = book.now
        book.amend(transfer)
        return Transferred(transfer, displaced_units=displaced)


@dataclass(slots=True, frozen=True)
class ReceiveTransfer:
    """Goods come in at the destination: those named, or all that are on the way."""

    transfer_id: str
    destination_id: str
    units: tuple[Units, ...]
    origin: Origin

    def needs(self, needs: Needs) -> None:
        """The transfer, and the positions that its goods reach, made when missing."""
        needs.look((Kind.TRANSFER, self.transfer_id), self._positions)

    def _positions(self, transfer: Transfer, needs: Needs) -> None:
        for line in transfer.lines:
            needs.take((line.sku, transfer.destination_id), 0)

    def apply(self, book: Book) -> Transferred:
        """Book the movements.

        Raises:
            DocumentUnknown, LocationDiffers, StateNotPossible, UnitsTooMany, StockOutOfRange.
        """
        transfer = book.document(Transfer, (Kind.TRANSFER, self.transfer_id))
        transfer.check(ON_THE_WAY, self.destination_id, transfer.destination_id)
        chosen = transfer.chosen(self.units, "in_transit_units")
        for line, units in chosen:
            book.check_room((line.sku, transfer.destination_id), units)
        for index, (line, units) in enumerate(chosen):
            line.received_units += units
            book.move((line.sku, transfer.destination_id), units, Cause.TRANSFER_IN, self.origin, index)
        transfer.settle(book.now)
        book.amend(transfer)
        return Transferred(transfer)


@dataclass(slots=True, frozen=True)
class CloseTransfer:
    """Nothing more will come: what is still on the way is lost."""

    transfer_id: str
    destination_id: str
    note: str

    def needs(self, needs: Needs) -> None:
        """The transfer; no position changes."""
        needs.documents.add((Kind.TRANSFER, self.transfer_id))

    def apply(self, book: Book) -> Transferred:
        """Record the loss.

        Raises:
            DocumentUnknown, LocationDiffers, StateNotPossible.
        """
        transfer = book.document(Transfer, (Kind.TRANSFER, self.transfer_id))
        transfer.check(ON_THE_WAY, self.destination_id, transfer.destination_id)
        lost = 0
        for line in transfer.lines:
            units = line.in_transit_units
            line.lost_units += units
            lost += units
        transfer.loss_note = self.note
        transfer.settle(book.now)
        book.amend(transfer)
        return Transferred(transfer, lost_units=lost)


@dataclass(slots=True, frozen=True)
class CancelTransfer:
    """Drop a draft."""

    transfer_id: str
    source_id: str

    def needs(self, needs: Needs) -> None:
        """The transfer."""
        needs.documents.add((Kind.TRANSFER, self.transfer_id))

    def apply(self, book: Book) -> Transferred:
        """Drop it.

        Raises:
            DocumentUnknown, LocationDiffers, StateNotPossible.
        """
        transfer = book.document(Transfer, (Kind.TRANSFER, self.transfer_id))
        transfer.check((TransferState.DRAFT,), self.source_id, transfer.source_id)
        transfer.state = TransferState.CANCELLED
        transfer.ended_at = book.now
        book.amend(transfer)
        return Transferred(transfer)
