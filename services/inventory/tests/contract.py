"""What the contract suite drives: the use cases over one implementation of the port, with a clock that a test
sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from google.protobuf.message import Message

from aljibe.inventory.v1 import events_pb2 as facts
from chassis.envelope import OutboxEvent
from chassis.postgres import Database
from services.inventory.adapters.nats.events import encode
from services.inventory.adapters.postgres import audit, counts, locations, reads
from services.inventory.adapters.postgres.store import PostgresStockStore
from services.inventory.domain.book import Command
from services.inventory.domain.count import BeginCompletion, CountSheet, EndCount
from services.inventory.domain.expected import Supply
from services.inventory.domain.holding import ExpireHold
from services.inventory.domain.pool import Hold, HoldState
from services.inventory.domain.refusals import Refusal
from services.inventory.domain.stock import Cause, Key, Position, Reservation
from services.inventory.domain.transfer import ON_THE_WAY, Transfer
from services.inventory.tests.builders import (
    CLOSED_STORE,
    NOW,
    OTHER_STORE,
    SKU,
    STORE,
    a_location,
)
from services.inventory.tests.fakes import InMemoryStockStore
from services.inventory.usecases.complete_count import book_differences
from services.inventory.usecases.expire import expire_some
from services.inventory.usecases.ports import StockStore
from services.inventory.usecases.post import Mark, Submission, post
from services.inventory.usecases.reserve import PlainFirst

PLACES = {STORE: True, OTHER_STORE: True, CLOSED_STORE: False}


@dataclass
class TestClock:
    """A clock that stands until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


class Looked(Protocol):
    """What a test may look at behind the port."""

    async def position(self, key: Key) -> Position | None: ...
    async def reservation(self, reservation_id: str) -> Reservation: ...
    async def hold(self, hold_id: str) -> Hold: ...
    async def find_holds(self, now: datetime, limit: int) -> Sequence[str]: ...
    async def expire(self, now: datetime) -> Sequence[bool]: ...
    async def check(self) -> None: ...
    async def waiting(self, count_id: str, missing_are_zero: bool, limit: int) -> Mapping[str, int]: ...


@dataclass
class Stock:
    """The stock as a test sees it."""

    store: StockStore
    look: Looked
    clock: TestClock
    events: list[Message] = field(default_factory=list)
    by_the_book: bool = False
    """Whether plain reservations go by the book too."""

    async def post(self, *commands: Command[Any]) -> list[Any]:
        """Post commands as one group; refusals are outcomes."""
        return await self.submit(*(Submission(command) for command in commands))

    async def submit(self, *submissions: Submission) -> list[Any]:
        if self.by_the_book:
            posted = await post(self.store, submissions)
        else:
            posted = await PlainFirst(self.store, lambda _: None).post(submissions)
        self._note(posted.events)
        return posted.outcomes

    async def do(self, command: Command[Any]) -> Any:
        """Post one command; its refusal is raised."""
        (outcome,) = await self.post(command)
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    async def position(self, sku: str = SKU, location_id: str = STORE) -> tuple[int, int]:
        """On hand and reserved units."""
        found = await self.look.position((sku, location_id))
        return (0, 0) if found is None else (found.on_hand_units, found.reserved_units)

    async def reservation(self, reservation_id: str) -> Reservation:
        return await self.look.reservation(reservation_id)

    async def hold(self, hold_id: str) -> Hold:
        return await self.look.hold(hold_id)

    async def expire_holds(self, after: timedelta) -> list[bool]:
        """Let time pass, then expire the holds that ran out."""
        self.clock.now += after
        posted = await expire_some(self.store, self.look.find_holds, self.clock.now, ExpireHold)
        self._note(posted.events)
        return list(posted.outcomes)

    async def expire(self, after: timedelta) -> list[bool]:
        """Let time pass, then expire what ran out."""
        self.clock.now += after
        return list(await self.look.expire(self.clock.now))

    async def complete(
        self, count_id: str, location_id: str, *, missing_are_zero: bool = False
    ) -> CountSheet:
        """Complete a count."""
        begin = BeginCompletion(count_id, location_id)
        await book_differences(
            self.do, self.look.waiting, begin, actor="ana", missing_are_zero=missing_are_zero
        )
        sheet: CountSheet = await self.do(EndCount(count_id, location_id))
        return sheet

    async def audit(self) -> None:
        """Fail on any counter that does not agree with ledger and reservations."""
        await self.look.check()

    def told(self, kind: type[Message]) -> list[Any]:
        """Events of a kind, in the order they were told."""
        return [one for one in self.events if isinstance(one, kind)]

    def _note(self, events: Sequence[Any]) -> None:
        for one in events:
            encoded = one if isinstance(one, OutboxEvent) else encode([one], [None], self.clock.now)[0]
            kind = getattr(facts, encoded.type.rpartition(".")[2])
            self.events.append(kind.FromString(encoded.payload))


def marked(command: Command[Any], key: str, content: bytes = b"1") -> Submission:
    """A command that serves a request."""
    return Submission(command, Mark(key, content, key, lambda outcome: repr(outcome).encode()))


class LookInMemory:
    """See `Looked`."""

    def __init__(self, store: InMemoryStockStore) -> None:
        self._store = store

    async def position(self, key: Key) -> Position | None:
        return self._store.shelves.positions.get(key)

    async def reservation(self, reservation_id: str) -> Reservation:
        return self._store.shelves.reservations[reservation_id]

    async def hold(self, hold_id: str) -> Hold:
        return self._store.shelves.holds[hold_id]

    async def find_holds(self, now: datetime, limit: int) -> Sequence[str]:
        return await self._store.find_expired_holds(now, limit)

    async def expire(self, now: datetime) -> Sequence[bool]:
        return (await expire_some(self._store, self._store.find_expired, now)).outcomes

    async def waiting(self, count_id: str, missing_are_zero: bool, limit: int) -> Mapping[str, int]:
        return await self._store.waiting(count_id, missing_are_zero, limit)

    async def check(self) -> None:
        shelves = self._store.shelves
        for key, position in shelves.positions.items():
            moved = sum(
                one.quantity_units for one in shelves.movements.values() if (one.sku, one.location_id) == key
            )
            lines = [line for one in shelves.reservations.values() for line in one.lines if line.key == key]
            assert position.on_hand_units == moved
            assert position.reserved_units == sum(line.live_units for line in lines)
        for one in shelves.reservations.values():
            assert one.state.live == (one.live_units > 0)
        for pool in shelves.pools.values():
            assert pool.held_units == sum(hold.kept_units(pool.sku) for hold in shelves.holds.values())
            assert pool.held_units <= sum(
                max(0, at.on_hand_units - at.reserved_units)
                for at in shelves.positions.values()
                if at.sku == pool.sku
            )
        for hold in shelves.holds.values():
            assert (hold.state is HoldState.HELD) == (hold.live_units > 0)
        self._check_transfers()
        self._check_controls()
        self._check_supplies()

    def _check_supplies(self) -> None:
        shelves = self._store.shelves
        waiting = [
            (one, each) for one in shelves.reservations.values() for each in one.backorders if each.live_units
        ]
        for supply in [one for one in shelves.documents.values() if isinstance(one, Supply)]:
            for line in supply.lines.values():
                promised = sum(
                    each.live_units
                    for _, each in waiting
                    if (each.supply_id, each.sku) == (supply.supply_id, line.sku)
                )
                assert line.promised_units == promised <= supply.open_units(line)
        for one, each in waiting:
            assert one.state.live
            units = each.live_units + each.arrived_units + each.released_units + each.displaced_units
            assert each.quantity_units == units

    def _check_controls(self) -> None:
        shelves = self._store.shelves
        for control in [one for pool in shelves.pools.values() for one in pool.controls.values()]:
            promised = [
                (found.channel_id, line.live_units + line.consumed_units)
                for found in shelves.reservations.values()
                for line in found.lines
                if line.sku == control.sku and found.created_at >= control.counted_from
            ] + [
                (sale.channel_id, sale.quantity_units)
                for sale, sold_at in shelves.sales
                if sale.sku == control.sku and sold_at >= control.counted_from
            ]
            held = [
                found.kept_units(control.sku)
                for found in shelves.holds.values()
                if found.channel_id == control.channel_id
            ]
            assert control.taken_units == sum(units for _, units in promised)
            assert control.promised_units == sum(
                units for channel, units in promised if channel == control.channel_id
            )
            assert control.held_units == sum(held)

    def _check_transfers(self) -> None:
        moved = self._store.shelves.movements.values()
        for one in self._store.shelves.documents.values():
            if not isinstance(one, Transfer):
                continue
            for line in one.lines:
                units = {
                    cause: sum(
                        each.quantity_units
                        for each in moved
                        if (each.document_id, each.sku, each.cause) == (one.transfer_id, line.sku, cause)
                    )
                    for cause in (Cause.TRANSFER_OUT, Cause.TRANSFER_IN)
                }
                assert line.dispatched_units == -units[Cause.TRANSFER_OUT]
                assert line.received_units == units[Cause.TRANSFER_IN]
                assert (line.in_transit_units > 0) <= (one.state in ON_THE_WAY)


class LookInPostgres:
    """See `Looked`."""

    def __init__(self, db: Database, store: PostgresStockStore) -> None:
        self._db = db
        self._store = store

    async def position(self, key: Key) -> Position | None:
        found = await reads.committed(self._db, [key])
        return found[0] if found else None

    async def reservation(self, reservation_id: str) -> Reservation:
        return await reads.reservation(self._db, reservation_id)

    async def hold(self, hold_id: str) -> Hold:
        return await reads.hold(self._db, hold_id)

    async def find_holds(self, now: datetime, limit: int) -> Sequence[str]:
        return await self._store.find_expired_holds(now, limit)

    async def expire(self, now: datetime) -> Sequence[bool]:
        return (await expire_some(self._store, self._store.find_expired, now)).outcomes

    async def waiting(self, count_id: str, missing_are_zero: bool, limit: int) -> Mapping[str, int]:
        return await counts.waiting(self._db, count_id, missing_are_zero, limit)

    async def check(self) -> None:
        found = await audit.audit(self._db, 10)
        assert found.differences == []


def in_memory() -> Stock:
    """The stock on the fake."""
    clock = TestClock()
    store = InMemoryStockStore(clock, PLACES)
    return Stock(store, LookInMemory(store), clock)


async def in_postgres(db: Database) -> Stock:
    """The stock on PostgreSQL."""
    clock = TestClock()
    async with db.transaction() as conn:
        await locations.upsert(conn, [a_location(place, active=active) for place, active in PLACES.items()])
    store = PostgresStockStore(db, clock, encode)
    return Stock(store, LookInPostgres(db, store), clock)
