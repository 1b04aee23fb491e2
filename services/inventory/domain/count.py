"""Counts that take a while: what people find is compared with the book at the moment of counting, and the
difference is booked on the book as it is in the end (ADR-0010).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from services.inventory.domain.book import Book, Origin, PositionsNotLocked
from services.inventory.domain.document import DocumentKey, Kind
from services.inventory.domain.needs import Needs
from services.inventory.domain.refusals import LocationDiffers, StateNotPossible
from services.inventory.domain.stock import Cause


class CountState(IntEnum):
    """Life of a count; numbers are those of the contract."""

    OPEN = 1
    COMPLETING = 2
    COMPLETED = 3
    CANCELLED = 4


@dataclass(slots=True)
class CountLine:
    """One SKU of a sheet."""

    sku: str
    snapshot_units: int
    """The book when the count began."""
    counted_units: int | None = None
    book_units: int = 0
    """The book at the moment of counting."""
    booked: bool = False

    @property
    def difference_units(self) -> int:
        """What is to be booked; 0 unless it was counted."""
        return 0 if self.counted_units is None else self.counted_units - self.book_units


@dataclass(slots=True)
class CountSheet:
    """A count at one location. `lines` holds only those that a transaction asked for."""

    count_id: str
    location_id: str
    state: CountState
    note: str
    actor: str
    started_at: datetime
    ended_at: datetime | None = None
    difference_units: int = 0
    displaced_units: int = 0
    lines: dict[str, CountLine] = field(default_factory=dict)
    wanted: tuple[str, ...] | None = None
    """Of a new sheet: the SKUs whose book is to be taken, empty for all of the location."""

    @property
    def key(self) -> DocumentKey:
        """What identifies it."""
        return (Kind.COUNT, self.count_id)

    def check(self, states: Sequence[CountState], location_id: str) -> None:
        """Pass when it is in one of these states and the request means its place.

        Raises:
            LocationDiffers, StateNotPossible.
        """
        if location_id != self.location_id:
            raise LocationDiffers(self.count_id, location_id)
        if self.state not in states:
            raise StateNotPossible(self.count_id, self.state.name, " or ".join(one.name for one in states))


@dataclass(slots=True, frozen=True)
class StartCount:
    """Open a sheet; the book is taken as it is committed then, without a lock: what is under way counts as a
    change since.
    """

    location_id: str
    skus: tuple[str, ...]
    note: str
    actor: str

    def needs(self, needs: Needs) -> None:
        """The place."""
        needs.locations.add(self.location_id)

    def apply(self, book: Book) -> CountSheet:
        """Open it.

        Raises:
            LocationUnknown.
        """
        book.check_location(self.location_id)
        sheet = CountSheet(
            book.new_id("cnt"),
            self.location_id,
            CountState.OPEN,
            self.note,
            self.actor,
            book.now,
            wanted=self.skus,
        )
        book.open(sheet)
        return sheet


@dataclass(slots=True, frozen=True)
class Counted:
    """What was counted of a SKU, and how long ago; None: the shelf as it was when the count began."""

    sku: str
    counted_units: int
    ago: timedelta | None = None


@dataclass(slots=True, frozen=True)
class RecordCount:
    """Write down what was counted; stock does not change yet."""

    count_id: str
    location_id: str
    counted: tuple[Counted, ...]

    def needs(self, needs: Needs) -> None:
        """The sheet with these lines, the positions, and what moved there since they were counted."""
        needs.documents.add((Kind.COUNT, self.count_id))
        needs.sheet_lines.setdefault(self.count_id, set()).update(one.sku for one in self.counted)
        for one in self.counted:
            key = (one.sku, self.location_id)
            needs.positions.add(key)
            needs.locations.add(self.location_id)
            if one.ago:
                needs.moved.add((key, one.ago))

    def apply(self, book: Book) -> tuple[CountLine, ...]:
        """Record it.

        Raises:
            DocumentUnknown, LocationDiffers, StateNotPossible.
        """
        sheet = book.document(CountSheet, (Kind.COUNT, self.count_id))
        sheet.check((CountState.OPEN,), self.location_id)
        recorded: list[CountLine] = []
        for one in self.counted:
            now_units = self._now(book, one.sku)
            line = sheet.lines.setdefault(one.sku, CountLine(one.sku, now_units))
            line.counted_units = one.counted_units
            line.book_units = line.snapshot_units
            if one.ago is not None:
                line.book_units = now_units - book.moved.get(((one.sku, self.location_id), one.ago), 0)
            recorded.append(line)
        book.amend(sheet)
        return tuple(recorded)

    def _now(self, book: Book, sku: str) -> int:
        found = book.positions.get((sku, self.location_id))
        return found.on_hand_units if found is not None else 0


@dataclass(slots=True, frozen=True)
class BeginCompletion:
    """Nothing more is recorded from now on; harmless when that is so already."""

    count_id: str
    location_id: str

    def needs(self, needs: Needs) -> None:
        """The sheet."""
        needs.documents.add((Kind.COUNT, self.count_id))

    def apply(self, book: Book) -> CountSheet:
        """Close it for recording.

        Raises:
            DocumentUnknown, LocationDiffers, StateNotPossible: it was cancelled.
        """
        sheet = book.document(CountSheet, (Kind.COUNT, self.count_id))
        sheet.check((CountState.OPEN, CountState.COMPLETING, CountState.COMPLETED), self.location_id)
        if sheet.state is CountState.OPEN:
            sheet.state = CountState.COMPLETING
            book.amend(sheet)
        return sheet


@dataclass(slots=True, frozen=True)
class BookCount:
    """Book some differences of a count; each line once, whoever comes again."""

    count_id: str
    location_id: str
    expected: Mapping[str, int]
    """SKUs, and how many units their differences take (0 or less: bring), as far as is known."""
    actor: str
    missing_are_zero: bool = False

    def needs(self, needs: Needs) -> None:
        """The sheet with these lines, and their positions, made when missing."""
        needs.documents.add((Kind.COUNT, self.count_id))
        needs.sheet_lines.setdefault(self.count_id, set()).update(self.expected)
        for sku, units in self.expected.items():
            needs.take((sku, self.location_id), units)

    def apply(self, book: Book) -> int:
        """Book them; gives how many lines were booked, 0 when somebody else has done so.

        Raises:
            DocumentUnknown, LocationDiffers, StateNotPossible, StockOutOfRange.
        """
        sheet = book.document(CountSheet, (Kind.COUNT, self.count_id))
        sheet.check((CountState.COMPLETING, CountState.COMPLETED), self.location_id)
        if sheet.state is CountState.COMPLETED:
            return 0
        lines = [line for sku in self.expected if not (line := sheet.lines[sku]).booked]
        for line in lines:
            if line.counted_units is None and self.missing_are_zero:
                line.counted_units, line.book_units = 0, line.snapshot_units
            if -line.difference_units > self.expected[line.sku]:
                raise PositionsNotLocked(line.sku)
            book.check_room((line.sku, self.location_id), line.difference_units)
        for line in lines:
            origin = Origin(f"{self.count_id}|{line.sku}", self.count_id, self.actor, sheet.note)
            key = (line.sku, self.location_id)
            sheet.displaced_units += book.move(key, line.difference_units, Cause.COUNT, origin)
            sheet.difference_units += abs(line.difference_units)
            line.booked = True
        book.amend(sheet)
        return len(lines)


@dataclass(slots=True, frozen=True)
class EndCount:
    """Every difference is booked."""

    count_id: str
    location_id: str

    def needs(self, needs: Needs) -> None:
        """The sheet."""
        needs.documents.add((Kind.COUNT, self.count_id))

    def apply(self, book: Book) -> CountSheet:
        """End it.

        Raises:
            DocumentUnknown, LocationDiffers, StateNotPossible.
        """
        sheet = book.document(CountSheet, (Kind.COUNT, self.count_id))
        sheet.check((CountState.COMPLETING, CountState.COMPLETED), self.location_id)
        if sheet.state is CountState.COMPLETING:
            sheet.state = CountState.COMPLETED
            sheet.ended_at = book.now
            book.amend(sheet)
        return sheet


@dataclass(slots=True, frozen=True)
class CancelCount:
    """Drop an open count."""

    count_id: str
    location_id: str

    def needs(self, needs: Needs) -> None:
        """The sheet."""
        needs.documents.add((Kind.COUNT, self.count_id))

    def apply(self, book: Book) -> CountSheet:
        """Drop it.

        Raises:
            DocumentUnknown, LocationDiffers, StateNotPossible.
        """
        sheet = book.document(CountSheet, (Kind.COUNT, self.count_id))
        sheet.check((CountState.OPEN,), self.location_id)
        sheet.state = CountState.CANCELLED
        sheet.ended_at = book.now
        book.amend(sheet)
        return sheet
