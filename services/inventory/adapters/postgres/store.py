"""The stock in PostgreSQL: locks in one order, set-based statements, one transaction a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import asyncpg

from chassis import ids, outbox, requests
from chassis.clock import Clock
from chassis.envelope import OutboxEvent
from chassis.postgres import Connection, Database
from services.inventory.adapters.postgres import backorders, controls, counts, documents, limits, plain, pools
from services.inventory.adapters.postgres.joined import joined
from services.inventory.adapters.postgres.rows import line_of, position_of, reservation_of
from services.inventory.adapters.postgres.statements import pools_sql, sql
from services.inventory.domain.book import Book, Event, PositionsNotLocked
from services.inventory.domain.document import Kind
from services.inventory.domain.needs import Needs
from services.inventory.domain.plain import Granted, NotPlain, Plain
from services.inventory.domain.pool import Hold
from services.inventory.domain.stock import Key, Position, Reservation, State
from services.inventory.usecases.ports import Answer, Transaction

T = TypeVar("T")

EncodeEvents = Callable[[Sequence[Event], Sequence[str | None], datetime], Sequence[OutboxEvent]]


class AnsweredMeanwhile(Exception):
    """Another process answered the same request at the same time; the transaction begins again and finds that
    answer.
    """


# A unique violation is a reservation of the same attempt, or a movement, that another process has just
# written: a second look sees it.
RETRIED = (asyncpg.UniqueViolationError, AnsweredMeanwhile, PositionsNotLocked)
AGAIN = (asyncpg.UniqueViolationError, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class PostgresStockStore:
    """Runs transactions over the stock."""

    def __init__(self, db: Database, clock: Clock, encode: EncodeEvents) -> None:
        self._db = db
        self._clock = clock
        self._encode = encode
        self._guarded: set[str] = set()

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """See `StockStore.run`."""

        async def once(conn: Connection) -> T:
            return await work(PostgresTransaction(conn, self._clock, self._encode, self._guarded))

        return await self._db.run(once, retry_on=RETRIED)

    async def grant(self, reservations: Plain) -> Granted | NotPlain:
        """See `StockStore.grant`."""
        try:
            async with self._db.connection() as conn:
                return await plain.grant(conn, reservations, self._clock())
        except AGAIN:
            # Somebody wrote the same attempt at the same time, say: the book looks again.
            return NotPlain(orders=frozenset((one.order_id, one.attempt) for one in reservations.members))

    async def commit_plain(self, conn: Connection, reservation_ids: Collection[str]) -> bool:
        """Commit reservations of accepted orders in somebody else's transaction, when each is held and
        keeps all it was granted; False when any is not, and the book must go over all of them.
        """
        done: bool = await conn.fetchval(sql.commit_plain, sorted(reservation_ids))
        return done

    def inside(self, conn: Connection) -> PostgresTransaction:
        """The same over a transaction that somebody else has opened, such as a consumer's."""
        return PostgresTransaction(conn, self._clock, self._encode, self._guarded, careful=True)

    async def find_expired(self, now: datetime, limit: int, without: Sequence[str] = ()) -> Sequence[str]:
        """Held reservations whose time is over, none of them in `without`."""
        async with self._db.connection() as conn:
            return [row[0] for row in await conn.fetch(sql.find_expired, now, limit, list(without))]

    async def find_expired_holds(
        self, now: datetime, limit: int, without: Sequence[str] = ()
    ) -> Sequence[str]:
        """Holds whose time is over, none of them in `without`."""
        async with self._db.connection() as conn:
            found = await conn.fetch(pools_sql.find_expired_holds, now, limit, list(without))
        return [row[0] for row in found]

    async def find_due_controls(
        self, now: datetime, limit: int, without: Sequence[str] = ()
    ) -> Sequence[str]:
        """SKUs of which time alone has changed what a channel control means, and replicas do not know."""
        async with self._db.connection() as conn:
            return await controls.find_due(conn, now, limit, without)


class PostgresTransaction:
    """See `Transaction`."""

    def __init__(
        self,
        conn: Connection,
        clock: Clock,
        encode: EncodeEvents,
        guarded: set[str],
        *,
        careful: bool = False,
    ) -> None:
        self._conn = conn
        self._clock = clock
        self._encode = encode
        self._guarded = guarded
        self._careful = careful

    async def answers(self, keys: Sequence[str]) -> Mapping[str, Answer]:
        """See `Transaction.answers`."""
        found = await requests.find_many(self._conn, keys)
        return {key: Answer(key, one.fingerprint, one.response) for key, one in found.items()}

    async def keep(self, answers: Sequence[Answer]) -> None:
        """See `Transaction.keep`."""
        rows = [requests.StoredRequest(one.key, one.fingerprint, one.response) for one in answers]
        if len(await requests.insert_many(self._conn, rows)) != len(rows):
            raise AnsweredMeanwhile

    async def load(self, needs: Needs, *, skip_locked: bool = False) -> Book:
        """See `Transaction.load`; the order of the steps is the lock order."""
        conn = self._conn
        if needs.looks:
            needs.see(await documents.find(conn, {key for key, _ in needs.looks}))
        wanted = set(needs.reservations)
        if needs.orders:
            wanted.update(await self._standing(needs.orders))
        keys = needs.positions | needs.facts.keys()
        whole = needs.whole
        if needs.commits:
            whole = whole | {row[0] for row in await conn.fetch(sql.find_not_held, list(needs.commits))}
        if whole:
            for sku, place, supply_id in await conn.fetch(sql.find_line_positions, list(whole)):
                keys.add((sku, place))
                if supply_id:
                    needs.documents.add((Kind.SUPPLY, supply_id))
        absent: list[Key] = []
        if needs.facts:
            found = await conn.fetch(sql.find_missing_positions, *_columns(sorted(needs.facts), 2))
            absent = [(row[0], row[1]) for row in found]
        locks = pools.PoolLocks(conn, self._guarded)
        if needs.guards or needs.held_pools or self._guarded or absent or self._careful:
            await locks.before_positions(needs, keys, absent, careful=self._careful)
        if absent:
            await conn.execute(sql.make_positions, *_columns(absent, 2))
        rows = await self._lock_positions(sorted(keys)) if keys else ()
        positions = [position_of(row) for row in rows]
        if locks.locked or any(position.guarded for position in positions):
            await locks.after_positions(needs, positions)
        risky = [position.key for position in positions if needs.may_displace(position)]
        if risky:
            wanted.update(row[0] for row in await conn.fetch(sql.find_promises, *_columns(risky, 2)))
        if needs.waiting:
            wanted.update(await backorders.waiting(conn, needs.waiting))
        locations = {position.location_id: position.active for position in positions}
        missing = {location_id for _, location_id in keys} | needs.locations
        missing.difference_update(locations)
        if missing:
            found = await conn.fetch(sql.find_locations, list(missing))
            locations.update((row[0], row[1]) for row in found)
        reservations = await self._lock(wanted, skip_locked=skip_locked) if wanted else ()
        papers = await documents.lock(conn, needs) if needs.documents else ()
        holds: Iterable[Hold] = ()
        if needs.holds or locks.locked:
            holds = await locks.holds(needs, positions, skip_locked=skip_locked)
        book = Book(
            self._clock(), ids.new_id, positions, reservations, locations, papers, locks.locked, holds
        )
        if needs.controls:
            book.opening = await controls.opening(conn, needs.controls, book.now)
        limited = [pool.limit for pool in book.pools.values() if pool.limit is not None]
        if limited and needs.customers:
            book.claims.standing = await limits.standing(conn, limited, needs.customers, book.now)
        if needs.moved:
            book.moved = await counts.moved(conn, needs.moved)
        return book

    async def save(self, book: Book, traces: Sequence[str | None]) -> Sequence[OutboxEvent]:
        """See `Transaction.save`."""
        for position in book.changed_positions.values():
            position.version += 1
        if book.changed_documents:
            await documents.save(self._conn, book.changed_documents.values(), new=False)
        if book.new_documents:
            await documents.save(self._conn, book.new_documents.values(), new=True)
        if book.pools or book.changed_holds:
            book.tell_controls(book.now)
            for pool in book.changed_pools.values():
                pool.version += 1
            await pools.save(self._conn, book)
        if not book.movements and not book.changed_reservations:
            if book.new_reservations:
                await self._save_reserved(book, list(book.changed_positions.values()))
                if book.waiters:
                    await backorders.save(self._conn, book)
                return await self._tell(book, traces)
        elif book.new_reservations:
            await self._save_reserved(book, ())
        if book.waiters:
            # What came first: lines that grew are written whole.
            await backorders.save(self._conn, book)
        await self._save_rest(book)
        return await self._tell(book, traces)

    async def _tell(self, book: Book, traces: Sequence[str | None]) -> Sequence[OutboxEvent]:
        if not book.events:
            return ()
        events = self._encode(book.events, traces, book.now)
        await outbox.append(self._conn, events)
        return events

    async def _standing(self, orders: Iterable[tuple[str, int]]) -> list[str]:
        pairs = list(orders)
        separator, (order_ids,) = joined([order_id for order_id, _ in pairs])
        attempts = [attempt for _, attempt in pairs]
        rows = await self._conn.fetch(sql.find_reservations_of_orders, separator, order_ids, attempts)
        return [row[0] for row in rows]

    async def _lock_positions(self, keys: Sequence[Key]) -> Sequence[asyncpg.Record]:
        separator, (skus, places) = joined([sku for sku, _ in keys], [place for _, place in keys])
        return await self._conn.fetch(sql.lock_positions, separator, skus, places)

    async def _lock(self, wanted: Iterable[str], *, skip_locked: bool) -> Iterable[Reservation]:
        statement = sql.lock_reservations_free if skip_locked else sql.lock_reservations
        rows = await self._conn.fetch(statement, list(wanted))
        found = {row["reservation_id"]: reservation_of(row) for row in rows}
        for row in await self._conn.fetch(sql.lines_of, list(found)):
            found[row["reservation_id"]].lines.append(line_of(row))
        waiting = [found[row["reservation_id"]] for row in rows if row["on_supply"]]
        if waiting:
            await backorders.fill(self._conn, waiting)
        return found.values()

    async def _save_reserved(self, book: Book, changed: Sequence[Position]) -> None:
        """The hot path: new reservations, and the counters of `changed`, in one statement.

        In a mixed group reservations go in as they were made; what befell them later in the group is written
        over it.
        """
        made = book.new_reservations
        lines = [(one.reservation_id, line) for one in made for line in one.lines]
        separator, (skus, places, reservation_ids, order_ids, channels, of, line_skus, line_places) = joined(
            [one.sku for one in changed],
            [one.location_id for one in changed],
            [one.reservation_id for one in made],
            [one.order_id for one in made],
            [one.channel_id for one in made],
            [reservation_id for reservation_id, _ in lines],
            [line.sku for _, line in lines],
            [line.location_id for _, line in lines],
        )
        await self._conn.execute(
            sql.save_reserved,
            separator,
            skus,
            places,
            [one.reserved_units for one in changed],
            [one.version for one in changed],
            book.now,
            reservation_ids,
            order_ids,
            [one.attempt for one in made],
            [State.HELD for _ in made],
            channels,
            [one.expire_time for one in made],
            of,
            line_skus,
            line_places,
            [line.quantity_units for _, line in lines],
        )

    async def _save_rest(self, book: Book) -> None:
        conn = self._conn
        if book.changed_positions:
            changed = book.changed_positions.values()
            await conn.execute(
                sql.save_positions,
                [one.sku for one in changed],
                [one.location_id for one in changed],
                [one.on_hand_units for one in changed],
                [one.reserved_units for one in changed],
                [one.safety_units for one in changed],
                [one.version for one in changed],
            )
        if book.changed_reservations:
            await self._save_reservations(list(book.changed_reservations.values()))
        if book.movements:
            moved = book.movements
            await conn.execute(
                sql.insert_movements,
                [ids.new_id("mov") for _ in moved],
                [one.sku for one in moved],
                [one.location_id for one in moved],
                [one.quantity_units for one in moved],
                [one.cause for one in moved],
                [one.document_id for one in moved],
                [one.actor for one in moved],
                [one.note for one in moved],
                [one.idempotency_key for one in moved],
                [one.on_hand_after_units for one in moved],
            )

    async def _save_reservations(self, changed: Sequence[Reservation]) -> None:
        await self._conn.execute(
            sql.save_reservations,
            [one.reservation_id for one in changed],
            [one.state for one in changed],
            [one.expire_time for one in changed],
            [one.accepted for one in changed],
            [one.event_sequence for one in changed],
        )
        lines = [(one.reservation_id, line) for one in changed for line in one.lines]
        await self._conn.execute(
            sql.save_lines,
            [reservation_id for reservation_id, _ in lines],
            [line.sku for _, line in lines],
            [line.location_id for _, line in lines],
            [line.live_units for _, line in lines],
            [line.consumed_units for _, line in lines],
            [line.released_units for _, line in lines],
            [line.displaced_units for _, line in lines],
            [line.revivable_units for _, line in lines],
        )


def _columns(rows: Sequence[Key] | Sequence[tuple[str, int]], width: int) -> list[list[object]]:
    """Rows as the column arrays that `unnest` takes."""
    return [[row[index] for row in rows] for index in range(width)]
