"""The book: the positions and reservations that one transaction has locked, and all that is to change in
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from services.inventory.domain.backorder import (
    BackorderArrived,
    BackorderCut,
    BackorderMoved,
    SupplyPick,
)
from services.inventory.domain.baskets import Baskets
from services.inventory.domain.control import ControlChanged, Opening, Sale
from services.inventory.domain.document import Document, DocumentKey, Kind
from services.inventory.domain.needs import Needs
from services.inventory.domain.pool import Hold, HoldDisplaced, HoldExpired, Pool
from services.inventory.domain.refusals import (
    DocumentUnknown,
    LocationUnknown,
    ReservationUnknown,
    StockOutOfRange,
)
from services.inventory.domain.stock import (
    MAX_STOCK_UNITS,
    Cause,
    Key,
    Line,
    Movement,
    Pick,
    Position,
    Reservation,
    ReservationExpired,
    ReservationLost,
    State,
    SupplyDateMoved,
    UnitsDisplaced,
    UnitsSold,
)

R_co = TypeVar("R_co", covariant=True)
D = TypeVar("D", bound=Document)

Event = (
    UnitsDisplaced
    | UnitsSold
    | ReservationExpired
    | ReservationLost
    | SupplyDateMoved
    | HoldDisplaced
    | HoldExpired
    | ControlChanged
    | BackorderArrived
    | BackorderMoved
    | BackorderCut
)


class Command(Protocol[R_co]):
    """Something to be done to the book: it refuses before it changes anything, so that a refused command
    leaves no trace.
    """

    def needs(self, needs: Needs) -> None:
        """Add what `apply` will look at."""

    def apply(self, book: Book) -> R_co:
        """Change the book and give the outcome.

        Raises:
            Refusal: nothing was changed.
        """


class PositionsNotLocked(Exception):
    """A reservation ended between the first look and its lock; the transaction begins again with its
    positions locked.
    """


class Book(Baskets):
    """Locked state and its changes. Commands are applied one after the other and see what those before them
    did.
    """

    def __init__(
        self,
        now: datetime,
        new_id: Callable[[str], str],
        positions: Iterable[Position] = (),
        reservations: Iterable[Reservation] = (),
        locations: Mapping[str, bool] | None = None,
        documents: Iterable[Document] = (),
        pools: Iterable[Pool] = (),
        holds: Iterable[Hold] = (),
    ) -> None:
        super().__init__(pools, holds)
        self.now = now
        self.new_id = new_id
        self.positions: dict[Key, Position] = {(p.sku, p.location_id): p for p in positions}
        self.locations: Mapping[str, bool] = locations or {}
        """Known locations among those asked for, and whether they are active. Those of `positions` need not
        be repeated.
        """
        self.reservations: dict[str, Reservation] = {}
        self.by_order: dict[tuple[str, int], Reservation] = {}
        for reservation in reservations:
            self.reservations[reservation.reservation_id] = reservation
            self.by_order[(reservation.order_id, reservation.attempt)] = reservation
        self.changed_positions: dict[Key, Position] = {}
        self.new_reservations: list[Reservation] = []
        self.changed_reservations: dict[str, Reservation] = {}
        self.grown: dict[str, Reservation] = {}
        """Of the changed: those that have lines, or units of lines, that they were not made with."""
        self.waiters: dict[str, Reservation] = {}
        """New or changed reservations whose backorders have changed."""
        self.movements: list[Movement] = []
        self.events: list[Event] = []
        self.documents: dict[DocumentKey, Document] = {one.key: one for one in documents}
        self.moved: Mapping[tuple[Key, timedelta], int] = {}
        """What moved at positions since a time before now, as far as it was asked for."""
        self.opening: Mapping[tuple[str, str], Opening] = {}
        """By SKU and channel, as far as it was asked for: with what a new control begins."""
        self.new_documents: dict[DocumentKey, Document] = {}
        self.changed_documents: dict[DocumentKey, Document] = {}

    def position(self, key: Key) -> Position:
        """The locked position.

        Raises:
            LocationUnknown: there is no such location.
        """
        found = self.positions.get(key)
        if found is None:
            if key[1] not in self.locations:
                raise LocationUnknown(key[1])
            raise PositionsNotLocked(key)
        return found

    def free_units(self, key: Key) -> int:
        """What may leave a position, or be promised there, without touching what anybody was promised.

        Raises:
            LocationUnknown: there is no such location.
        """
        available = self.position(key).available_units
        pool = self.pools.get(key[0])
        if pool is None or not pool.measured:
            return available
        return min(available, max(0, pool.room_units))

    def check_location(self, location_id: str) -> None:
        """Pass when the location exists.

        Raises:
            LocationUnknown: it does not.
        """
        if location_id not in self.locations:
            raise LocationUnknown(location_id)

    def reservation(self, reservation_id: str) -> Reservation:
        """The locked reservation.

        Raises:
            ReservationUnknown: there is none.
        """
        found = self.reservations.get(reservation_id)
        if found is None:
            raise ReservationUnknown(reservation_id)
        return found

    def document(self, kind: type[D], key: DocumentKey) -> D:
        """The locked document.

        Raises:
            DocumentUnknown: there is none.
        """
        found = self.documents.get(key)
        if found is None:
            raise DocumentUnknown(Kind(key[0]).name, key[1])
        assert isinstance(found, kind)
        return found

    def open(self, document: Document) -> None:
        """Put a new document into the book."""
        self.documents[document.key] = self.new_documents[document.key] = document

    def amend(self, document: Document) -> None:
        """Note that a document has changed."""
        if document.key not in self.new_documents:
            self.changed_documents[document.key] = document

    def check_room(self, key: Key, units: int) -> None:
        """Pass when on hand may change by `units`.

        Raises:
            StockOutOfRange: it would leave the range.
            LocationUnknown: there is no such location.
        """
        if abs(self.position(key).on_hand_units + units) > MAX_STOCK_UNITS:
            raise StockOutOfRange(key[0], key[1], MAX_STOCK_UNITS)

    def add(self, reservation: Reservation) -> None:
        """Put a new reservation into the book; its units are counted as reserved here."""
        positions, changed, pools = self.positions, self.changed_positions, self.pools
        for line in reservation.lines:
            key = (line.sku, line.location_id)
            position = positions[key]
            if pools:
                self._change(position, reserved_units=line.live_units)
                self._count_promised(reservation, line, line.live_units)
                continue
            position.reserved_units += line.live_units
            changed[key] = position
        self.new_reservations.append(reservation)
        self.reservations[reservation.reservation_id] = reservation
        self.by_order[(reservation.order_id, reservation.attempt)] = reservation

    def keep(self, reservation: Reservation, line: Line, units: int) -> None:
        """Change by `units` what a line keeps, and the position's reserved units with it."""
        self._keep(reservation, line, units)
        self._count_promised(reservation, line, units)

    def consume(self, reservation: Reservation, line: Line, units: int) -> None:
        """Kept units of a line leave: its channel has had them all the same."""
        self._keep(reservation, line, -units)
        line.consumed_units += units

    def sell(self, key: Key, units: int, channel_id: str, sale_key: str) -> None:
        """Note for channel controls that units left over a till, with no reservation."""
        pool = self.pools.get(key[0])
        if pool is not None and pool.controls:
            self.controls.sales.append(Sale(sale_key, key[0], channel_id, units))
            self._note_controls(pool.count_promised(channel_id, self.now, units))

    def _keep(self, reservation: Reservation, line: Line, units: int) -> None:
        position = self.position(line.key)
        line.live_units += units
        self._change(position, reserved_units=units)
        self.touch(reservation)

    def _count_promised(self, reservation: Reservation, line: Line, units: int) -> None:
        pool = self.pools.get(line.sku)
        if pool is not None and pool.controls:
            counted = pool.count_promised(reservation.channel_id, reservation.created_at, units)
            self._note_controls(counted)

    def _change(self, position: Position, *, on_hand_units: int = 0, reserved_units: int = 0) -> None:
        """Change counters of a position, and the sums of its pool with them."""
        pool = self.pools.get(position.sku)
        if pool is not None:
            pool.leave(position)
        position.on_hand_units += on_hand_units
        position.reserved_units += reserved_units
        if pool is not None:
            pool.enter(position)
        self.changed_positions[position.key] = position

    def set_safety(self, position: Position, units: int) -> None:
        """Change what is kept back from promises at a position."""
        pool = self.pools.get(position.sku)
        if pool is not None:
            pool.leave(position)
        position.safety_units = units
        if pool is not None:
            pool.enter(position)
        self.changed_positions[position.key] = position

    def touch(self, reservation: Reservation) -> None:
        """Note that a reservation has changed."""
        self.changed_reservations[reservation.reservation_id] = reservation

    def close_if_empty(self, reservation: Reservation) -> None:
        """End a live reservation that keeps nothing any more."""
        if reservation.state.live and reservation.live_units == 0:
            left = any(line.consumed_units for line in reservation.lines)
            reservation.state = State.CONSUMED if left else State.RELEASED
            self.touch(reservation)

    def move(self, key: Key, units: int, cause: Cause, origin: Origin, index: int = 0) -> int:
        """Book `units` (+ in, − out) at a position; promises that are not covered any more are displaced.

        Returns:
            Promised units that it took.
        """
        if units == 0:
            return 0
        position = self.position(key)
        self._change(position, on_hand_units=units)
        self.movements.append(
            Movement(
                sku=key[0],
                location_id=key[1],
                quantity_units=units,
                cause=cause,
                document_id=origin.document_id,
                actor=origin.actor,
                note=origin.note,
                idempotency_key=f"{origin.key}|{index}",
                on_hand_after_units=position.on_hand_units,
            )
        )
        if units > 0:
            return 0
        taken = 0
        if position.reserved_units > max(0, position.on_hand_units):
            taken = self._displace(position, cause, origin.document_id)
        pool = self.pools.get(key[0])
        if pool is not None and pool.uncovered_units:
            displaced = self.displace_holds(pool, cause, origin.document_id)
            if pool.uncovered_units:
                raise PositionsNotLocked(pool.sku)
            self.events += displaced
            taken += sum(one.quantity_units for one in displaced)
        return taken

    def _displace(self, position: Position, cause: Cause, document_id: str) -> int:
        """Break the promises that a fact left uncovered: youngest held first, then youngest committed
        (ADR-0003).
        """
        key = position.key
        missing = position.reserved_units - max(0, position.on_hand_units)
        taken = 0
        for reservation in self._youngest_first(key):
            line = reservation.line(key)
            if line is None or line.live_units == 0:
                continue
            units = min(line.live_units, missing - taken)
            self.keep(reservation, line, -units)
            line.displaced_units += units
            taken += units
            if reservation.accepted:
                self.events.append(
                    UnitsDisplaced(
                        reservation.reservation_id,
                        reservation.order_id,
                        reservation.next_sequence(),
                        key[0],
                        key[1],
                        units,
                        cause,
                        document_id,
                    )
                )
            self.close_if_empty(reservation)
            if taken == missing:
                return taken
        raise PositionsNotLocked(key)

    def _youngest_first(self, key: Key) -> list[Reservation]:
        live = [
            found for found in self.reservations.values() if found.state.live and found.line(key) is not None
        ]
        live.sort(key=lambda found: (found.created_at, found.reservation_id), reverse=True)
        live.sort(key=lambda found: found.state)
        return live

    def lose(
        self, reservation: Reservation, picks: Iterable[Pick], supply_picks: Iterable[SupplyPick] = ()
    ) -> None:
        """Tell that an accepted order's units are gone."""
        lost, cut = tuple(picks), tuple(supply_picks)
        if lost or cut:
            self.events.append(
                ReservationLost(
                    reservation.reservation_id, reservation.order_id, reservation.next_sequence(), lost, cut
                )
            )
            self.touch(reservation)


@dataclass(slots=True, frozen=True)
class Origin:
    """What stands behind a movement: document, who, why, and the key under which it is booked only once."""

    key: str
    document_id: str
    actor: str
    note: str = ""
