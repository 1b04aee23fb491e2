"""Who waits for a supply, in the book of one transaction: promise, arrival, another time, and what will not
come.

A backorder changes only under the lock of its position and of its reservation, and with it the supply's line.
"""

from __future__ import annotations

from services.inventory.domain.backorder import (
    EVERY_CHANNEL,
    Backorder,
    BackorderArrived,
    BackorderCut,
    BackorderMoved,
    Mode,
    SupplyPick,
    Terms,
    terms_key,
)
from services.inventory.domain.book import Book, PositionsNotLocked
from services.inventory.domain.document import Kind
from services.inventory.domain.expected import Supply, SupplyLine
from services.inventory.domain.stock import Line, Reservation


def room_units(book: Book, pick: SupplyPick, channel_id: str) -> int:
    """What of the picked SKU a channel may still be promised from the supply."""
    supply = book.documents.get((Kind.SUPPLY, pick.supply_id))
    terms = _terms(book, pick.sku, channel_id) or _terms(book, pick.sku, EVERY_CHANNEL)
    if not isinstance(supply, Supply) or terms is None:
        return 0
    line = supply.lines.get(pick.sku)
    if line is None or supply.location_id != pick.location_id:
        return 0
    if not terms.allow(supply.expected_at, book.now):
        return 0
    return terms.room_units(supply.open_units(line), line.promised_units)


def promise(book: Book, pick: SupplyPick) -> Backorder:
    """Promise units of a supply that has room for them."""
    supply = _supply(book, pick.supply_id)
    supply.lines[pick.sku].promised_units += pick.quantity_units
    book.amend(supply)
    units = pick.quantity_units
    return Backorder(pick.sku, pick.location_id, pick.supply_id, units, units, supply.expected_at)


def give_back(book: Book, reservation: Reservation, backorder: Backorder, units: int) -> None:
    """Units are not waited for any more: the supply brings them for others."""
    if not units:
        return
    supply = _supply(book, backorder.supply_id)
    supply.lines[backorder.sku].promised_units -= units
    book.amend(supply)
    backorder.live_units -= units
    backorder.released_units += units
    _changed(book, reservation)


def arrive(book: Book, supply: Supply, line: SupplyLine, came_units: int) -> None:
    """Units of a supply have come in: who waits for them has them reserved, first come first served, before
    anybody else can be promised them.
    """
    if not line.promised_units:
        return
    position = book.position((line.sku, supply.location_id))
    left = min(came_units, max(0, position.on_hand_units) - position.reserved_units)
    for reservation, backorder in _waiting(book, supply, line):
        units = min(backorder.live_units, left)
        if not units:
            break
        left -= units
        line.promised_units -= units
        backorder.live_units -= units
        backorder.arrived_units += units
        kept = reservation.line(position.key)
        if kept is None:
            kept = Line(line.sku, supply.location_id, 0, 0)
            reservation.lines.append(kept)
        kept.quantity_units += units
        book.keep(reservation, kept, units)
        book.grown[reservation.reservation_id] = reservation
        _changed(book, reservation)
        if reservation.accepted:
            book.events.append(_arrived(reservation, backorder, units))


def cut(book: Book, supply: Supply, line: SupplyLine) -> None:
    """What is promised of a supply and will not come any more is taken back: youngest held first, then
    youngest committed, as facts displace promises (ADR-0003).
    """
    excess = line.promised_units - supply.open_units(line)
    if excess <= 0:
        return
    waiting = _waiting(book, supply, line)[::-1]
    waiting.sort(key=lambda one: one[0].state)
    for reservation, backorder in waiting:
        units = min(backorder.live_units, excess)
        if not units:
            break
        excess -= units
        line.promised_units -= units
        backorder.live_units -= units
        backorder.displaced_units += units
        _changed(book, reservation)
        if reservation.accepted:
            book.events.append(BackorderCut(*_told(reservation, backorder), units))
        book.close_if_empty(reservation)


def move_time(book: Book, supply: Supply) -> None:
    """The supply comes at another time: everybody who waits for it is told."""
    for line in supply.lines.values():
        for reservation, backorder in _waiting(book, supply, line) if line.promised_units else ():
            backorder.expected_at = supply.expected_at
            _changed(book, reservation)
            if reservation.accepted:
                book.events.append(_moved(reservation, backorder))
            else:
                backorder.moved = True


def tell_accepted(book: Book, reservation: Reservation) -> None:
    """The order is known to be accepted now: tell it what befell its backorders meanwhile."""
    for backorder in reservation.backorders:
        if backorder.arrived_units:
            book.events.append(_arrived(reservation, backorder, backorder.arrived_units))
        if backorder.moved and backorder.live_units:
            book.events.append(_moved(reservation, backorder))


def _told(reservation: Reservation, backorder: Backorder) -> tuple[str, str, int, str, str, str]:
    """What the events of a backorder begin with."""
    return (
        reservation.reservation_id,
        reservation.order_id,
        reservation.next_sequence(),
        backorder.sku,
        backorder.location_id,
        backorder.supply_id,
    )


def _arrived(reservation: Reservation, backorder: Backorder, units: int) -> BackorderArrived:
    return BackorderArrived(*_told(reservation, backorder), units)


def _moved(reservation: Reservation, backorder: Backorder) -> BackorderMoved:
    return BackorderMoved(*_told(reservation, backorder), backorder.live_units, backorder.expected_at)


def _terms(book: Book, sku: str, channel_id: str) -> Terms | None:
    """Those that stand; a removed row says nothing."""
    found = book.documents.get(terms_key(sku, channel_id))
    return found if isinstance(found, Terms) and found.mode is not Mode.NONE else None


def _supply(book: Book, supply_id: str) -> Supply:
    supply = book.documents.get((Kind.SUPPLY, supply_id))
    if not isinstance(supply, Supply):
        raise PositionsNotLocked(supply_id)
    return supply


def _waiting(book: Book, supply: Supply, line: SupplyLine) -> list[tuple[Reservation, Backorder]]:
    """Who waits for the line's units, in order of arrival; all of them are locked, or the transaction begins
    again.
    """
    found = [
        (reservation, backorder)
        for reservation in book.reservations.values()
        for backorder in reservation.backorders
        if backorder.live_units and backorder.supply_id == supply.supply_id and backorder.sku == line.sku
    ]
    if sum(backorder.live_units for _, backorder in found) != line.promised_units:
        raise PositionsNotLocked(supply.supply_id)
    found.sort(key=lambda one: (one[0].created_at, one[0].reservation_id))
    return found


def _changed(book: Book, reservation: Reservation) -> None:
    book.touch(reservation)
    book.waiters[reservation.reservation_id] = reservation
