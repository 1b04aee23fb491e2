"""Facts that move stock: what came in, what left, what was counted. None is refused for lack of stock.

A fact that leaves less than is promised displaces promises in the same breath (`Book.move`, ADR-0003).
"""

from __future__ import annotations

from dataclasses import dataclass

from services.inventory.domain.book import Book, Origin
from services.inventory.domain.needs import Needs
from services.inventory.domain.refusals import CauseNotPossible, QuantityZero
from services.inventory.domain.reserving import Commit
from services.inventory.domain.stock import Cause, Key, Pick, Position, Reservation, UnitsSold

ADJUSTMENT_CAUSES = frozenset({Cause.ADJUSTMENT, Cause.DAMAGE})


@dataclass(slots=True, frozen=True)
class Moved:
    """The positions afterwards, in the order of the command's lines, and what the fact took or found."""

    positions: tuple[Position, ...]
    displaced_units: int = 0
    difference_units: int = 0


@dataclass(slots=True, frozen=True)
class Move:
    """Units into (+) or out of (−) positions, for one cause: receipts, till sales, returns, corrections."""

    lines: tuple[Pick, ...]
    """`quantity_units` may be negative here; each position once."""
    cause: Cause
    origin: Origin
    channel_id: str = ""
    """Of a till sale: the channel whose controls count it; it is refused by none."""
    told: bool = False
    """Of a till sale, at one location: whether others hear of it; what an order sold is told by orders."""

    def needs(self, needs: Needs) -> None:
        """The positions, made when missing."""
        for line in self.lines:
            needs.take(line.key, -line.quantity_units)

    def apply(self, book: Book) -> Moved:
        """Book the movements.

        Raises:
            LocationUnknown, StockOutOfRange.
        """
        for line in self.lines:
            book.check_room(line.key, line.quantity_units)
        displaced = 0
        for index, line in enumerate(self.lines):
            displaced += book.move(line.key, line.quantity_units, self.cause, self.origin, index)
            if self.cause is Cause.SALE:
                book.sell(line.key, -line.quantity_units, self.channel_id, f"{self.origin.key}|{index}")
        if self.told:
            origin = self.origin
            lines = tuple((line.sku, -line.quantity_units) for line in self.lines)
            at = self.lines[0].location_id
            book.events.append(UnitsSold(origin.key, at, lines, origin.document_id, self.channel_id))
        return Moved(tuple(_copy(book, line.key) for line in self.lines), displaced_units=displaced)


def adjust(key: Key, difference_units: int, cause: Cause, origin: Origin) -> Move:
    """A correction by hand.

    Raises:
        QuantityZero: it corrects nothing.
        CauseNotPossible: neither ADJUSTMENT nor DAMAGE.
    """
    if difference_units == 0:
        raise QuantityZero(key[0])
    if cause not in ADJUSTMENT_CAUSES:
        raise CauseNotPossible(cause.name)
    return Move((Pick(*key, difference_units),), cause, origin)


@dataclass(slots=True, frozen=True)
class Count:
    """What a person counted; the difference to the book becomes a movement."""

    lines: tuple[Pick, ...]
    origin: Origin

    def needs(self, needs: Needs) -> None:
        """The positions, made when missing."""
        for line in self.lines:
            needs.count(line.key, line.quantity_units)

    def apply(self, book: Book) -> Moved:
        """Bring the book to the count.

        Raises:
            LocationUnknown.
        """
        for line in self.lines:
            book.position(line.key)
        displaced = found = 0
        for index, line in enumerate(self.lines):
            difference = line.quantity_units - book.position(line.key).on_hand_units
            displaced += book.move(line.key, difference, Cause.COUNT, self.origin, index)
            found += abs(difference)
        return Moved(tuple(_copy(book, line.key) for line in self.lines), displaced, found)


@dataclass(slots=True, frozen=True)
class SetSafety:
    """Units that are kept back from promises; what is promised already stays promised."""

    lines: tuple[Pick, ...]

    def needs(self, needs: Needs) -> None:
        """The positions, made when missing."""
        for line in self.lines:
            needs.take(line.key, 0)

    def apply(self, book: Book) -> Moved:
        """Set it.

        Raises:
            LocationUnknown.
        """
        for line in self.lines:
            book.position(line.key)
        for line in self.lines:
            position = book.position(line.key)
            if position.safety_units != line.quantity_units:
                book.set_safety(position, line.quantity_units)
        return Moved(tuple(_copy(book, line.key) for line in self.lines))


@dataclass(slots=True, frozen=True)
class ShortPick:
    """A picker did not get units of a reservation.

    What the reservation still keeps of them ends: displaced when the goods are gone (`cause` SHORT_PICK or
    DAMAGE, which the book loses), else released (`cause` None). Of units that the reservation keeps no
    longer, damaged ones leave the book as well; ones not found leave it only as far as it has any and as no
    displacement explained their absence before.
    """

    reservation_id: str
    lines: tuple[Pick, ...]
    cause: Cause | None
    origin: Origin

    def needs(self, needs: Needs) -> None:
        """The reservation and the positions."""
        Commit(self.reservation_id, tolerant=True).needs(needs)
        for line in self.lines:
            needs.take(line.key, line.quantity_units if self.cause else 0)

    def apply(self, book: Book) -> Reservation:
        """Book it.

        Raises:
            ReservationUnknown, LocationUnknown.
        """
        found = book.reservation(self.reservation_id)
        for pick in self.lines:
            book.check_room(pick.key, -pick.quantity_units)
        # Only an accepted order is picked; its commit may still be on the way.
        Commit(self.reservation_id, tolerant=True).apply(book)
        losses: list[tuple[Key, int]] = []
        for pick in self.lines:
            line = found.line(pick.key)
            live = min(pick.quantity_units, line.live_units) if line else 0
            explained = min(pick.quantity_units - live, line.displaced_units) if line else 0
            if line and live:
                book.keep(found, line, -live)
                if self.cause:
                    line.displaced_units += live
                else:
                    line.released_units += live
            if line and line.revivable_units:
                line.revivable_units -= min(line.revivable_units, pick.quantity_units - live)
                book.touch(found)
            if self.cause is Cause.SHORT_PICK:
                unexplained = pick.quantity_units - live - explained
                on_shelf = max(0, book.position(pick.key).on_hand_units - live)
                losses.append((pick.key, live + min(unexplained, on_shelf)))
            elif self.cause:
                losses.append((pick.key, pick.quantity_units))
        book.close_if_empty(found)
        for index, (key, units) in enumerate(losses):
            if self.cause:
                book.move(key, -units, self.cause, self.origin, index)
        return found


def _copy(book: Book, key: Key) -> Position:
    """The position as this command left it; later commands of the group go on changing the original."""
    found = book.position(key)
    return Position(
        found.sku,
        found.location_id,
        found.on_hand_units,
        found.reserved_units,
        found.safety_units,
        found.version + (key in book.changed_positions),
        found.active,
    )
