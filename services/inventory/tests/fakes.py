"""The stock in memory: the port's other implementation, held to the same contract suite as PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from chassis.clock import Clock
from chassis.ids import new_id
from services.inventory.domain.backorder import Terms
from services.inventory.domain.book import Book, Event
from services.inventory.domain.control import Opening, Sale
from services.inventory.domain.count import CountLine, CountSheet
from services.inventory.domain.document import Document, DocumentKey, Kind
from services.inventory.domain.expected import Supply
from services.inventory.domain.limit import BuyerLimit, Claim
from services.inventory.domain.needs import Needs
from services.inventory.domain.plain import Granted, NotPlain, Plain
from services.inventory.domain.pool import Hold, Pool
from services.inventory.domain.reserving import Reserved
from services.inventory.domain.stock import Key, Movement, Position, Reservation
from services.inventory.usecases.ports import Answer, Transaction

T = TypeVar("T")


@dataclass
class Shelves:
    """All that is kept."""

    positions: dict[Key, Position] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    movements: dict[str, Movement] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    documents: dict[DocumentKey, Document] = field(default_factory=dict)
    moved_at: dict[str, datetime] = field(default_factory=dict)
    claims: list[tuple[Claim, datetime]] = field(default_factory=list)
    sales: list[tuple[Sale, datetime]] = field(default_factory=list)


class InMemoryStockStore:
    """One transaction after the other, each on a copy that replaces the original when it ends well."""

    def __init__(self, clock: Clock, locations: Mapping[str, bool]) -> None:
        self.shelves = Shelves()
        self.locations = locations
        self._clock = clock
        self._lock = asyncio.Lock()

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        async with self._lock:
            copy = deepcopy(self.shelves)
            result = await work(_InMemoryTransaction(copy, self._clock, self.locations))
            self.shelves = copy
            return result

    async def grant(self, reservations: Plain) -> Granted | NotPlain:
        """By the book, which must not refuse any: this is what granting at once is held to."""
        async with self._lock:
            copy = deepcopy(self.shelves)
            needs = Needs()
            for one in reservations.members:
                one.needs(needs)
            transaction = _InMemoryTransaction(copy, self._clock, self.locations)
            book = await transaction.load(needs)
            unfit = {
                key
                for key, units in reservations.wanted.items()
                if key[0] in copy.pools
                or (at := copy.positions.get(key)) is None
                or not at.active
                or at.available_units < units
            }
            if unfit:
                return NotPlain(positions=frozenset(unfit))
            standing = {(one.order_id, one.attempt) for one in reservations.members} & book.by_order.keys()
            if standing:
                return NotPlain(orders=frozenset(standing))
            granted: list[Reserved] = []
            for one in reservations.members:
                outcome = one.apply(book)
                granted.append(outcome)
            await transaction.save(book, [])
            self.shelves = copy
            return Granted(granted, {key: copy.positions[key] for key in sorted(reservations.taken)})

    async def find_expired_holds(self, now: datetime, limit: int) -> Sequence[str]:
        return [
            one.hold_id for one in self.shelves.holds.values() if one.state == 1 and one.expire_time <= now
        ][:limit]

    async def find_expired(self, now: datetime, limit: int) -> Sequence[str]:
        return [
            one.reservation_id
            for one in self.shelves.reservations.values()
            if one.state == 1 and one.expire_time <= now
        ][:limit]

    async def waiting(self, count_id: str, missing_are_zero: bool, limit: int) -> Mapping[str, int]:
        sheet = self.shelves.documents[(Kind.COUNT, count_id)]
        assert isinstance(sheet, CountSheet)
        return {
            line.sku: line.snapshot_units if line.counted_units is None else -line.difference_units
            for line in sheet.lines.values()
            if not line.booked and (line.counted_units is not None or missing_are_zero)
        }


class _InMemoryTransaction:
    def __init__(self, shelves: Shelves, clock: Clock, locations: Mapping[str, bool]) -> None:
        self._shelves = shelves
        self._clock = clock
        self._locations = locations

    async def answers(self, keys: Sequence[str]) -> Mapping[str, Answer]:
        return {key: self._shelves.answers[key] for key in keys if key in self._shelves.answers}

    async def keep(self, answers: Sequence[Answer]) -> None:
        self._shelves.answers.update((one.key, one) for one in answers)

    async def load(self, needs: Needs, *, skip_locked: bool = False) -> Book:
        needs.see(self._shelves.documents)
        for key in needs.facts:
            if key[1] in self._locations:
                self._shelves.positions.setdefault(key, Position(*key, active=self._locations[key[1]]))
        for sku in needs.guards:
            self._shelves.pools.setdefault(sku, Pool(sku))
        for pool in self._shelves.pools.values():
            pool.measured, pool.there_units, pool.promisable_units = True, 0, 0
        for position in self._shelves.positions.values():
            if position.sku in self._shelves.pools:
                self._shelves.pools[position.sku].enter(position)
        book = Book(
            self._clock(),
            new_id,
            self._shelves.positions.values(),
            self._shelves.reservations.values(),
            self._locations,
            self._shelves.documents.values(),
            self._shelves.pools.values(),
            self._shelves.holds.values(),
        )
        book.opening = {named: self._opening(named, book.now) for named in needs.controls}
        limits = [pool.limit for pool in book.pools.values() if pool.limit is not None]
        book.claims.standing = {
            (limit.sku, customer): self._claims(limit, customer, book.now)
            for limit in limits
            for customer in needs.customers
        }
        book.moved = {
            (key, ago): sum(
                one.quantity_units
                for one in self._shelves.movements.values()
                if (one.sku, one.location_id) == key
                and self._shelves.moved_at[one.idempotency_key] > book.now - ago
            )
            for key, ago in needs.moved
        }
        return book

    def _claims(self, limit: BuyerLimit, customer_id: str, now: datetime) -> dict[str, int]:
        mine = [
            claim.document_id
            for claim, claimed_at in self._shelves.claims
            if (claim.sku, claim.customer_id) == (limit.sku, customer_id)
            and claimed_at >= limit.counts_since(now)
        ]
        reservations, holds = self._shelves.reservations, self._shelves.holds
        return {
            one: holds[one].kept_units(limit.sku)
            if one in holds
            else sum(
                line.live_units + line.consumed_units
                for line in reservations[one].lines
                if line.sku == limit.sku
            )
            + sum(each.live_units for each in reservations[one].backorders if each.sku == limit.sku)
            for one in mine
        }

    def _opening(self, named: tuple[str, str], now: datetime) -> Opening:
        sku, channel_id = named
        since = [one for one in self._shelves.reservations.values() if one.created_at >= now]
        promised = [
            (one.channel_id, line.live_units) for one in since for line in one.lines if line.sku == sku
        ]
        holds = [one for one in self._shelves.holds.values() if one.channel_id == channel_id]
        return Opening(
            sum(one.kept_units(sku) for one in holds),
            sum(units for channel, units in promised if channel == channel_id),
            sum(units for _, units in promised),
        )

    async def save(self, book: Book, traces: Sequence[str | None]) -> Sequence[Any]:
        book.tell_controls(book.now)
        self._shelves.claims += [(claim, book.now) for claim in book.claims.new]
        self._shelves.sales += [(sale, book.now) for sale in book.controls.sales]
        for position in book.changed_positions.values():
            position.version += 1
            if not 0 <= position.reserved_units <= max(0, position.on_hand_units):
                raise AssertionError(f"{position} breaks the CHECK that PostgreSQL has")
        for pool in book.changed_pools.values():
            pool.version += 1
        for hold in book.new_holds:
            self._shelves.holds[hold.hold_id] = hold
        for reservation in book.new_reservations:
            self._shelves.reservations[reservation.reservation_id] = reservation
        for movement in book.movements:
            if movement.idempotency_key in self._shelves.movements:
                raise AssertionError(f"{movement.idempotency_key} stands in the ledger already")
            self._shelves.movements[movement.idempotency_key] = movement
            self._shelves.moved_at[movement.idempotency_key] = book.now
        for document in book.new_documents.values():
            if isinstance(document, CountSheet):
                self._take_book(document, book)
        for document in (*book.new_documents.values(), *book.changed_documents.values()):
            if isinstance(document, Supply):
                document.version += 1
                for line in document.lines.values():
                    if not 0 <= line.promised_units <= line.open_units:
                        raise AssertionError(f"{line} breaks the CHECK that PostgreSQL has")
            if isinstance(document, Terms):
                document.version += 1
        self._shelves.documents.update(book.new_documents)
        self._shelves.events += book.events
        return book.events

    def _take_book(self, sheet: CountSheet, book: Book) -> None:
        """The book as it was before this transaction, as PostgreSQL sees it from the statement's snapshot."""
        for key, position in self._shelves.positions.items():
            if key[1] == sheet.location_id and not sheet.wanted:
                units = position.on_hand_units - _moved(book, key)
                sheet.lines[key[0]] = CountLine(key[0], units)
        for sku in sheet.wanted or ():
            found = self._shelves.positions.get((sku, sheet.location_id))
            units = found.on_hand_units - _moved(book, found.key) if found else 0
            sheet.lines[sku] = CountLine(sku, units)


def _moved(book: Book, key: Key) -> int:
    return sum(one.quantity_units for one in book.movements if (one.sku, one.location_id) == key)
