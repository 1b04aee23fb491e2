"""The life of a reservation: reserve, commit, release, consume, expire, each as a command to the book.

The `tolerant` forms serve events: what they tell has happened, so they do what is left to do instead of
refusing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.inventory.domain.backorder import EVERY_CHANNEL, Backorder, SupplyPick, terms_key
from services.inventory.domain.book import Book, Origin, PositionsNotLocked
from services.inventory.domain.document import Kind
from services.inventory.domain.needs import Needs
from services.inventory.domain.pool import POOL, Hold
from services.inventory.domain.refusals import (
    MAX_SHORTAGES,
    CauseNotPossible,
    InsufficientStock,
    LocationInactive,
    LocationUnknown,
    PickDuplicate,
    PicksMissing,
    QuantityTooHigh,
    ReservationDiffers,
    ReservationEnded,
    Shortage,
)
from services.inventory.domain.stock import (
    Cause,
    Key,
    Line,
    Pick,
    Reservation,
    ReservationExpired,
    State,
    totals,
)
from services.inventory.domain.waiting import give_back, promise, room_units, tell_accepted

DEFAULT_TTL_SECONDS = 900
MIN_TTL_SECONDS = 10
OUTGOING = frozenset({Cause.SHIPMENT, Cause.HAND_OVER, Cause.SALE})


@dataclass(slots=True)
class Reserved:
    """The reservation, and whether it stood already."""

    reservation: Reservation
    existed: bool


@dataclass(slots=True)
class Reserve:
    """Every pick or none, for (order_id, attempt); a repeat finds what stands, with its expiry renewed."""

    order_id: str
    attempt: int
    picks: tuple[Pick, ...]
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    channel_id: str = ""
    hold_id: str = ""
    """A basket's hold, whose units are used first; one that ended gives nothing and refuses nothing."""
    customer_id: str = ""
    accepted: bool = False
    """Whether the order was accepted before: a limit per buyer counts its units, and refuses none."""
    supply_picks: tuple[SupplyPick, ...] = ()
    """Units that it waits for."""

    def needs(self, needs: Needs) -> None:
        """The picked positions, the reservation that may stand, and the hold."""
        needs.orders.add((self.order_id, self.attempt))
        if self.customer_id:
            needs.customers.add(self.customer_id)
        if self.hold_id:
            needs.holds.add(self.hold_id)
            needs.held_pools.add(self.hold_id)
        for pick in self.picks:
            needs.positions.add((pick.sku, pick.location_id))
        for waited in self.supply_picks:
            # The position is where the units will be reserved, and its lock is that of who waits.
            needs.take((waited.sku, waited.location_id), 0)
            needs.documents.add((Kind.SUPPLY, waited.supply_id))
            needs.documents.add(terms_key(waited.sku, self.channel_id))
            needs.documents.add(terms_key(waited.sku, EVERY_CHANNEL))

    def apply(self, book: Book) -> Reserved:
        """Reserve.

        Raises:
            InsufficientStock, LocationUnknown, LocationInactive, PickDuplicate, PicksMissing,
            ReservationEnded, ReservationDiffers, HoldUnknown, BuyerLimitExceeded.
        """
        standing = book.by_order.get((self.order_id, self.attempt))
        if standing is not None:
            return self._repeat(book, standing)
        hold = book.hold(self.hold_id) if self.hold_id else None
        if book.pools and not self.accepted:
            book.check_buyer(self.customer_id, self._wanted(), book.now, hold)
        positions = book.positions
        shortages: list[Shortage] = []
        lines: list[Line] = []
        seen: set[Key] = set()
        for pick in self.picks:
            key = (pick.sku, pick.location_id)
            if key in seen:
                raise PickDuplicate(pick.sku, pick.location_id)
            seen.add(key)
            position = positions.get(key)
            if position is None:
                self._check_location(book, pick.location_id)
                shortages.append(Shortage(pick.sku, pick.location_id, pick.quantity_units, 0))
                continue
            if not position.active:
                raise LocationInactive(pick.location_id)
            free = position.on_hand_units - position.reserved_units - position.safety_units
            if free < pick.quantity_units:
                shortages.append(Shortage(pick.sku, pick.location_id, pick.quantity_units, max(0, free)))
            else:
                lines.append(Line(pick.sku, pick.location_id, pick.quantity_units, pick.quantity_units))
        used = self._from_pools(book, hold, shortages) if book.pools else {}
        if self.supply_picks:
            self._check_supplies(book, shortages)
        elif not self.picks:
            raise PicksMissing(self.order_id, self.attempt)
        if shortages:
            raise InsufficientStock(tuple(shortages[:MAX_SHORTAGES]), len(shortages))
        reservation = Reservation(
            book.new_id("rsv"),
            self.order_id,
            self.attempt,
            State.HELD,
            self.channel_id,
            book.now,
            self._expire_time(book),
            lines,
        )
        if self.supply_picks:
            self._wait(book, reservation)
        book.add(reservation)
        if book.pools:
            book.claim(self.customer_id, reservation.reservation_id, self._wanted(), book.now)
        if hold is not None and used:
            book.use_hold(hold, used)
            for sku, units in used.items():
                book.claims.use((sku, self.customer_id), hold.hold_id, units)
        return Reserved(reservation, existed=False)

    def _from_pools(self, book: Book, hold: Hold | None, shortages: list[Shortage]) -> dict[str, int]:
        """Units by SKU that the hold gives; what it does not give must not eat what others hold."""
        used: dict[str, int] = {}
        for sku, units in totals(self.picks).items():
            pool = book.pools.get(sku)
            if pool is None or not pool.measured:
                continue
            kept = min(units, hold.kept_units(sku)) if hold is not None else 0
            room = pool.room_of(self.channel_id, book.now)
            if units - kept > room:
                shortages.append(Shortage(sku, POOL, units, kept + room))
            elif kept:
                used[sku] = kept
        return used

    def _wanted(self) -> dict[str, int]:
        """Units by SKU, those that it waits for included."""
        return totals([*self.picks, *self.supply_picks])

    def _check_supplies(self, book: Book, shortages: list[Shortage]) -> None:
        seen: set[tuple[str, str]] = set()
        for pick in self.supply_picks:
            if (pick.supply_id, pick.sku) in seen:
                raise PickDuplicate(pick.sku, pick.location_id)
            seen.add((pick.supply_id, pick.sku))
            self._check_location(book, pick.location_id)
            units = room_units(book, pick, self.channel_id)
            if units < pick.quantity_units:
                shortages.append(Shortage(pick.sku, pick.location_id, pick.quantity_units, units))

    def _wait(self, book: Book, reservation: Reservation) -> None:
        reservation.backorders = [promise(book, pick) for pick in self.supply_picks]
        book.waiters[reservation.reservation_id] = reservation

    @property
    def kept_seconds(self) -> int:
        """How long it is kept unless committed."""
        return self.ttl_seconds or DEFAULT_TTL_SECONDS

    def _expire_time(self, book: Book) -> datetime:
        return book.now + timedelta(seconds=self.kept_seconds)

    def _repeat(self, book: Book, standing: Reservation) -> Reserved:
        if self._wanted() != standing.wanted():
            raise ReservationDiffers(standing.reservation_id, self.order_id, self.attempt)
        if not standing.state.live:
            raise ReservationEnded(standing.reservation_id, self.order_id, self.attempt, standing.state.name)
        renewed = self._expire_time(book)
        if standing.state is State.HELD and renewed > standing.expire_time:
            standing.expire_time = renewed
            book.touch(standing)
        return Reserved(standing, existed=True)

    def _check_location(self, book: Book, location_id: str) -> None:
        active = book.locations.get(location_id)
        if active is None:
            raise LocationUnknown(location_id)
        if not active:
            raise LocationInactive(location_id)


@dataclass(slots=True, frozen=True)
class Commit:
    """The order is accepted: no expiry any more.

    A commit that comes after the expiry takes the units again as far as they can be promised, and tells
    orders of the others; so does one that finds units displaced while the reservation was held. Not tolerant,
    it is refused instead when nothing is kept any more.
    """

    reservation_id: str
    tolerant: bool = False

    def needs(self, needs: Needs) -> None:
        """The reservation, and its positions unless it is held."""
        needs.reservations.add(self.reservation_id)
        needs.commits.add(self.reservation_id)

    def apply(self, book: Book) -> Reservation:
        """Commit.

        Raises:
            ReservationUnknown, ReservationEnded.
        """
        found = book.reservation(self.reservation_id)
        if found.accepted:
            if not self.tolerant and found.state in (State.RELEASED, State.EXPIRED):
                raise _ended(found)
            return found
        if not self.tolerant and not found.state.live and found.state is not State.CONSUMED:
            raise _ended(found)
        if found.state is State.EXPIRED and any(line.key not in book.positions for line in found.lines):
            raise PositionsNotLocked(found.reservation_id)
        found.accepted = True
        book.touch(found)
        lost = [
            Pick(line.sku, line.location_id, line.displaced_units)
            for line in found.lines
            if line.displaced_units
        ]
        cut = {index: one.displaced_units for index, one in enumerate(found.backorders)}
        if found.state is State.HELD:
            found.state = State.COMMITTED
            tell_accepted(book, found)
        elif found.state is State.EXPIRED:
            for index, one in enumerate(found.backorders):
                cut[index] += _forget(found, one)
            lost += _revive(book, found)
        waited = [
            SupplyPick(one.sku, one.location_id, one.supply_id, cut[index])
            for index, one in enumerate(found.backorders)
            if cut[index]
        ]
        book.lose(found, lost, waited)
        return found


def _forget(expired: Reservation, backorder: Backorder) -> int:
    """Units that an expired reservation waited for, or that came for it before it expired: others may have
    them by now, so its order looks for them anew.
    """
    came = 0
    line = expired.line(backorder.key)
    if line is not None:
        came = min(line.revivable_units, backorder.arrived_units)
        line.revivable_units -= came
    return came + backorder.released_units


def _revive(book: Book, expired: Reservation) -> list[Pick]:
    """Take an expired reservation's units again where they can be promised; gives those that cannot."""
    lost: list[Pick] = []
    for line in expired.lines:
        wanted, line.revivable_units = line.revivable_units, 0
        position = book.positions[line.key]
        again = min(wanted, position.available_units) if position.active else 0
        pool = book.pools.get(line.sku)
        if pool is not None and pool.measured:
            again = min(again, pool.room_of(expired.channel_id, book.now))
        if again:
            line.released_units -= again
            book.keep(expired, line, again)
        if again < wanted:
            lost.append(Pick(line.sku, line.location_id, wanted - again))
    if expired.live_units:
        expired.state = State.COMMITTED
    return lost


@dataclass(slots=True, frozen=True)
class Release:
    """Give units back to the pool: those named, or all that are kept and waited for. Of units that are named
    with a supply, what has come meanwhile stays reserved.
    """

    reservation_id: str
    picks: tuple[Pick, ...] = ()
    tolerant: bool = False
    supply_picks: tuple[SupplyPick, ...] = ()

    def needs(self, needs: Needs) -> None:
        """The reservation and the positions concerned."""
        if self.picks or not self.supply_picks:
            _needs_of(needs, self.reservation_id, self.picks)
        needs.reservations.add(self.reservation_id)
        for waited in self.supply_picks:
            needs.positions.add((waited.sku, waited.location_id))
            needs.locations.add(waited.location_id)
            needs.documents.add((Kind.SUPPLY, waited.supply_id))

    def apply(self, book: Book) -> Reservation:
        """Release.

        Raises:
            ReservationUnknown, QuantityTooHigh.
        """
        found = book.reservation(self.reservation_id)
        waited = self._waited(found)
        chosen = (
            _chosen(book, found, self.picks, tolerant=self.tolerant)
            if self.picks or not self.supply_picks
            else ()
        )
        for backorder, units in waited:
            give_back(book, found, backorder, min(units, backorder.live_units))
        for line, units in chosen:
            live = min(units, line.live_units)
            if live:
                book.keep(found, line, -live)
                line.released_units += live
            _forgo(book, found, line, units - live)
        book.close_if_empty(found)
        return found

    def _waited(self, found: Reservation) -> list[tuple[Backorder, int]]:
        if not self.picks and not self.supply_picks:
            return [(one, one.live_units) for one in found.backorders]
        chosen: list[tuple[Backorder, int]] = []
        for pick in self.supply_picks:
            one = found.backorder(pick.sku, pick.supply_id)
            live = one.live_units if one is not None else 0
            if pick.quantity_units > live and not self.tolerant:
                raise QuantityTooHigh(
                    found.reservation_id, pick.sku, pick.location_id, pick.quantity_units, live
                )
            if one is not None:
                chosen.append((one, pick.quantity_units))
        return chosen


@dataclass(slots=True, frozen=True)
class Consume:
    """The goods left: kept units become an outgoing movement. Tolerant, units kept no longer leave the book
    all the same: it is a fact.
    """

    reservation_id: str
    picks: tuple[Pick, ...]
    cause: Cause
    origin: Origin
    tolerant: bool = False

    def needs(self, needs: Needs) -> None:
        """The reservation and the positions concerned."""
        _needs_of(needs, self.reservation_id, self.picks)
        for pick in self.picks:
            if self.tolerant:
                needs.take(pick.key, pick.quantity_units)

    def apply(self, book: Book) -> Reservation:
        """Consume.

        Raises:
            ReservationUnknown, QuantityTooHigh, CauseNotPossible; LocationUnknown when tolerant.
        """
        if self.cause not in OUTGOING:
            raise CauseNotPossible(self.cause.name)
        found = book.reservation(self.reservation_id)
        wanted = {pick.key: pick.quantity_units for pick in _merged(self.picks)}
        chosen = _chosen(book, found, self.picks, tolerant=self.tolerant)
        for key in wanted:
            book.check_room(key, -wanted[key])
        gone: dict[Key, int] = dict(wanted)
        for line, units in chosen:
            live = min(units, line.live_units)
            if live:
                book.consume(found, line, live)
            _forgo(book, found, line, units - live)
            gone[line.key] = wanted.get(line.key, units)
        book.close_if_empty(found)
        for index, key in enumerate(sorted(gone)):
            book.move(key, -gone[key], self.cause, self.origin, index)
        return found


@dataclass(slots=True, frozen=True)
class Expire:
    """End a held reservation whose time is over; any other is left as it is."""

    reservation_id: str

    def needs(self, needs: Needs) -> None:
        """The reservation and all its positions."""
        needs.whole.add(self.reservation_id)
        needs.reservations.add(self.reservation_id)

    def apply(self, book: Book) -> bool:
        """Whether it expired now."""
        found = book.reservations.get(self.reservation_id)
        if found is None or found.state is not State.HELD or found.expire_time > book.now:
            return False
        for line in found.lines:
            units = line.live_units
            if units:
                book.keep(found, line, -units)
                line.released_units += units
                line.revivable_units += units
        for one in found.backorders:
            give_back(book, found, one, one.live_units)
        found.state = State.EXPIRED
        book.touch(found)
        book.events.append(ReservationExpired(found.reservation_id, found.order_id, found.next_sequence()))
        return True


def _ended(found: Reservation) -> ReservationEnded:
    return ReservationEnded(found.reservation_id, found.order_id, found.attempt, found.state.name)


def _needs_of(needs: Needs, reservation_id: str, picks: tuple[Pick, ...]) -> None:
    needs.reservations.add(reservation_id)
    if not picks:
        needs.whole.add(reservation_id)
    for pick in picks:
        needs.positions.add(pick.key)
        needs.locations.add(pick.location_id)


def _merged(picks: tuple[Pick, ...]) -> list[Pick]:
    units: dict[Key, int] = {}
    for pick in picks:
        units[pick.key] = units.get(pick.key, 0) + pick.quantity_units
    return [Pick(sku, location_id, quantity) for (sku, location_id), quantity in units.items()]


def _chosen(
    book: Book, found: Reservation, picks: tuple[Pick, ...], *, tolerant: bool
) -> list[tuple[Line, int]]:
    """Which lines are meant, with how many units; everything kept when no pick is named.

    Raises:
        QuantityTooHigh: more than a line keeps, unless tolerant.
    """
    if not picks:
        return [(line, line.live_units) for line in found.lines if line.live_units]
    result: list[tuple[Line, int]] = []
    for pick in _merged(picks):
        line = found.line(pick.key)
        live = line.live_units if line is not None else 0
        if pick.quantity_units > live and not tolerant:
            raise QuantityTooHigh(found.reservation_id, pick.sku, pick.location_id, pick.quantity_units, live)
        if line is not None:
            book.position(pick.key)
            result.append((line, pick.quantity_units))
    return result


def _forgo(book: Book, found: Reservation, line: Line, units: int) -> None:
    """Units that expiry gave back are spoken for now: a commit that comes late must not take them again."""
    forgone = min(units, line.revivable_units)
    if forgone:
        line.revivable_units -= forgone
        book.touch(found)
