"""Pools and holds in PostgreSQL: which to lock before positions, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from chassis.postgres import Connection
from services.inventory.adapters.postgres import controls, limits
from services.inventory.adapters.postgres.rows import hold_line_of, hold_of, pool_of
from services.inventory.adapters.postgres.statements import pools_sql
from services.inventory.domain.book import Book, PositionsNotLocked
from services.inventory.domain.needs import Needs
from services.inventory.domain.pool import Hold, Pool
from services.inventory.domain.stock import Key, Position

if TYPE_CHECKING:
    import asyncpg


class PoolLocks:
    """The pools of one transaction. `hints` has SKUs that were guarded when somebody of this process last
    looked: with a true hint the pool is locked at its place in the lock order; without one the locked
    position tells, and the pool is taken late if that needs no waiting.
    """

    def __init__(self, conn: Connection, hints: set[str]) -> None:
        self._conn = conn
        self._hints = hints
        self._pools: dict[str, Pool] = {}

    async def before_positions(
        self, needs: Needs, keys: set[Key], missing: Sequence[Key], *, careful: bool
    ) -> None:
        """Lock the pools that are known to matter; adds to `keys` the positions that are to be guarded.

        `careful` asks the database instead of trusting the hints alone, for who cannot begin again.
        """
        conn, hints = self._conn, self._hints
        wanted = set(needs.guards)
        if needs.held_pools:
            held = await conn.fetch(pools_sql.skus_of_holds, list(needs.held_pools))
            wanted.update(row[0] for row in held)
        if hints:
            wanted.update(hints.intersection([sku for sku, _ in keys]))
        if careful:
            at = await conn.fetch(pools_sql.guarded_skus, list({sku for sku, _ in keys} - wanted))
            wanted.update(row[0] for row in at)
        unguarded: set[str] = set()
        if needs.guards:
            known = await conn.fetch(pools_sql.guarded_skus, list(needs.guards))
            unguarded = needs.guards.difference([row[0] for row in known])
        if unguarded:
            await conn.execute(pools_sql.guard_lock)
            await conn.execute(pools_sql.make_pools, list(unguarded))
        elif missing:
            await conn.execute(pools_sql.make_positions_lock)
        if wanted:
            self._note(await conn.fetch(pools_sql.lock_pools, list(wanted)))
        unguarded = {sku for sku in unguarded if not self._pools[sku].guarded}
        if unguarded:
            rows = await conn.fetch(pools_sql.positions_of_skus, list(unguarded))
            keys.update((row[0], row[1]) for row in rows)

    async def after_positions(self, needs: Needs, positions: Sequence[Position]) -> None:
        """Lock the pools of guarded positions that nobody foresaw, and measure those that matter.

        Raises:
            PositionsNotLocked: somebody else holds such a pool; the transaction begins again with a hint.
        """
        late = {
            position.sku for position in positions if position.guarded and position.sku not in self._pools
        }
        if late:
            self._hints.update(late)
            self._note(await self._conn.fetch(pools_sql.lock_pools_free, list(late)))
            if not late <= self._pools.keys():
                raise PositionsNotLocked(late)
        controlled = [pool for pool in self._pools.values() if pool.controlled]
        await controls.find(self._conn, controlled)
        await limits.find(self._conn, controlled)
        measured = [
            pool
            for pool in self._pools.values()
            if pool.held_units or pool.controlled or pool.sku in needs.guards
        ]
        if measured:
            rows = await self._conn.fetch(pools_sql.measure_pools, [pool.sku for pool in measured])
            sums = {row["sku"]: row for row in rows}
            for pool in measured:
                pool.measured = True
                found = sums.get(pool.sku)
                if found is not None:
                    pool.there_units, pool.promisable_units = found["there_units"], found["promisable_units"]

    async def holds(
        self, needs: Needs, positions: Sequence[Position], *, skip_locked: bool
    ) -> Iterable[Hold]:
        """Lock the holds that are asked for, and those that the facts may displace."""
        wanted = set(needs.holds)
        if needs.facts:
            risky = [pool.sku for pool in self._pools.values() if needs.may_displace_holds(pool, positions)]
            if risky:
                rows = await self._conn.fetch(pools_sql.find_live_holds, risky)
                wanted.update(row[0] for row in rows)
        if not wanted:
            return ()
        statement = pools_sql.lock_holds_free if skip_locked else pools_sql.lock_holds
        found = {row["hold_id"]: hold_of(row) for row in await self._conn.fetch(statement, list(wanted))}
        for row in await self._conn.fetch(pools_sql.hold_lines_of, list(found)):
            found[row["hold_id"]].lines.append(hold_line_of(row))
        return found.values()

    @property
    def locked(self) -> Iterable[Pool]:
        """Every pool that is locked."""
        return self._pools.values()

    def _note(self, rows: Iterable[asyncpg.Record]) -> None:
        for row in rows:
            pool = pool_of(row)
            self._pools[pool.sku] = pool
            if pool.guarded:
                self._hints.add(pool.sku)
            else:
                self._hints.discard(pool.sku)


async def save(conn: Connection, book: Book) -> None:
    """Write what changed in pools and holds."""
    pools = list(book.changed_pools.values())
    if pools:
        await conn.execute(
            pools_sql.save_pools,
            [one.sku for one in pools],
            [one.held_units for one in pools],
            [one.guarded for one in pools],
            [one.version for one in pools],
            [one.controlled for one in pools],
        )
        fresh = [
            one.sku
            for one in pools
            if any(not at.guarded for at in book.positions.values() if at.sku == one.sku)
        ]
        if fresh:
            await conn.execute(pools_sql.guard_positions, fresh)
    if book.changed_limits or book.claims.new:
        await limits.save(conn, book)
    if book.controls.changed:
        await controls.save(conn, book)
    if book.new_holds:
        await _insert(conn, book.new_holds)
    changed = list(book.changed_holds.values())
    if changed:
        await conn.execute(
            pools_sql.save_holds,
            [one.hold_id for one in changed],
            [one.state for one in changed],
            [one.expire_time for one in changed],
            [one.event_sequence for one in changed],
        )
        lines = [(one.hold_id, line) for one in changed for line in one.lines]
        await conn.execute(
            pools_sql.save_hold_lines,
            [hold_id for hold_id, _ in lines],
            [line.sku for _, line in lines],
            [line.live_units for _, line in lines],
            [line.used_units for _, line in lines],
            [line.released_units for _, line in lines],
            [line.displaced_units for _, line in lines],
        )


async def _insert(conn: Connection, made: Sequence[Hold]) -> None:
    await conn.execute(
        pools_sql.insert_holds,
        [one.hold_id for one in made],
        [one.channel_id for one in made],
        [one.state for one in made],
        [one.created_at for one in made],
        [one.expire_time for one in made],
        [one.ttl_seconds for one in made],
        [one.event_sequence for one in made],
    )
    lines = [(one.hold_id, line) for one in made for line in one.lines]
    await conn.execute(
        pools_sql.insert_hold_lines,
        [hold_id for hold_id, _ in lines],
        [line.sku for _, line in lines],
        [line.quantity_units for _, line in lines],
        [line.live_units for _, line in lines],
        [line.used_units for _, line in lines],
        [line.released_units for _, line in lines],
        [line.displaced_units for _, line in lines],
    )
