"""Races on PostgreSQL: several connections and several processes at the same rows."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import asyncpg
import pytest

from chassis.clock import utc_now
from chassis.postgres import Database
from services.inventory.adapters.nats.events import encode
from services.inventory.adapters.postgres.audit import audit
from services.inventory.adapters.postgres.store import PostgresStockStore
from services.inventory.domain.backorder import Mode, Terms
from services.inventory.domain.refusals import InsufficientStock
from services.inventory.domain.reserving import Commit, Expire, Release, Reserved
from services.inventory.domain.stock import Pick
from services.inventory.domain.terms import SetTerms
from services.inventory.tests import storm
from services.inventory.tests.builders import OTHER_STORE, SKU, STORE, a_hold, a_receipt, a_reserve
from services.inventory.tests.contract import Stock, in_postgres, marked
from services.inventory.usecases.post import Submission, post

ROOT = Path(__file__).parents[3]
STORM_GROUPS = 600
BUYERS = 60
LAST_UNITS = 4
PATIENCE_SECONDS = 10
SOMEBODY_WAITS = """
SELECT EXISTS (
  SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')
"""


@pytest.mark.parametrize("way", ["plain", "book"])
async def test_the_last_unit_is_sold_once(db: Database, way: str) -> None:
    """Each buyer comes on its own, so that as many transactions race as there are connections; with a command
    of another kind beside it the book decides. The first article only opens the connections: on new ones the
    buyers would come one after the other.
    """
    stock = await in_postgres(db)
    beside = [Release("rsv_nobody")] if way == "book" else []

    for sku in ("first", *(f"SKU-{number}" for number in range(LAST_UNITS))):
        await stock.do(a_receipt(1, sku=sku))
        outcomes = await asyncio.gather(*(stock.post(a_reserve(1, sku=sku), *beside) for _ in range(BUYERS)))

        kinds = Counter(type(outcome) for outcome, *_ in outcomes)
        assert kinds == {Reserved: 1, InsufficientStock: BUYERS - 1}
        assert await stock.position(sku) == (1, 1)
    await stock.audit()


@pytest.mark.parametrize("way", ["plain", "book"])
async def test_positions_are_locked_in_one_order_whatever_order_they_are_asked_in(
    db: Database, way: str
) -> None:
    """Two groups that lock the same positions the other way round wait for each other for ever. So who waits
    for the first position must not hold the second yet.
    """
    stock = await in_postgres(db)
    for sku in ("A", "B"):
        await stock.do(a_receipt(1, sku=sku))
    asked = a_reserve(picks=[Pick("B", STORE, 1), Pick("A", STORE, 1)])
    beside = [Release("rsv_nobody")] if way == "book" else []
    lock = "SELECT FROM position WHERE sku = $1 FOR UPDATE NOWAIT"

    async with db.connection() as other, other.transaction():
        await other.execute(lock, "A")
        group = asyncio.create_task(stock.post(asked, *beside))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await other.fetchval(SOMEBODY_WAITS):
                await asyncio.sleep(0.01)
        await other.execute(lock, "B")

    assert isinstance((await group)[0], Reserved)


async def test_one_attempt_reserved_from_all_sides_is_one_reservation(db: Database) -> None:
    """A retry may overtake the call that it repeats."""
    stock = await in_postgres(db)
    await stock.do(a_receipt(100))

    outcomes = await asyncio.gather(*(stock.post(a_reserve(1, order_id="ord")) for _ in range(40)))

    assert len({outcome.reservation.reservation_id for (outcome,) in outcomes}) == 1
    assert sum(not outcome.existed for (outcome,) in outcomes) == 1
    assert await stock.position() == (100, 1)


async def test_one_request_from_all_sides_takes_effect_once(db: Database) -> None:
    """A caller that is unsure asks again, perhaps another process, while the first is still at work."""
    stock = await in_postgres(db)
    hold = a_hold(1)
    await stock.do(a_receipt(100))

    answers = await asyncio.gather(*(stock.submit(marked(hold, "the request")) for _ in range(20)))

    async with db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM hold") == 1
    assert len({answer for (answer,) in answers}) == 1
    await stock.audit()


async def test_the_end_of_a_reservation_comes_once_whoever_brings_it(db: Database) -> None:
    """Commit, release and expiry meet at the same reservation; one of them wins, and the units add up."""
    stock = await in_postgres(db)
    await stock.do(a_receipt(40))
    store = PostgresStockStore(db, utc_now, encode)
    for number in range(40):
        made = await stock.do(a_reserve(1, order_id=f"ord-{number}"))
        reservation_id = made.reservation.reservation_id

        await asyncio.gather(
            post(store, [Submission(Commit(reservation_id, tolerant=True))]),
            post(store, [Submission(Release(reservation_id))]),
            post(store, [Submission(Expire(reservation_id))]),
        )

    assert (await stock.position())[0] == 40
    await stock.audit()


async def test_a_failed_transaction_leaves_nothing(db: Database) -> None:
    """The CHECK stands behind the arithmetic: whatever breaks it takes the whole group back."""
    stock = await in_postgres(db)
    await stock.do(a_receipt(1))

    async with db.connection() as conn:
        with pytest.raises(asyncpg.CheckViolationError):
            await conn.execute("UPDATE position SET reserved_units = 2 WHERE sku = $1", SKU)
    group = [Submission(a_reserve(1)), Submission(a_receipt(1)), Submission(_Broken())]
    with pytest.raises(ZeroDivisionError):
        await post(stock.store, group)

    assert await stock.position() == (1, 0)
    await stock.audit()


async def test_a_hold_and_its_order_win_against_a_crowd_that_knows_nothing_of_it(db: Database) -> None:
    """The first hold of an article guards it while others, with their own connections, are buying."""
    stock = await in_postgres(db)
    await stock.post(a_receipt(30), a_receipt(30, location_id=OTHER_STORE))
    crowd = [stock.post(a_reserve(1, location_id=place)) for _ in range(60) for place in (STORE, OTHER_STORE)]
    buyers = asyncio.gather(*crowd)

    hold = await stock.do(a_hold(20))
    sold = await buyers
    mine = await stock.do(a_reserve(picks=await _free_picks(stock, 20), hold_id=hold.hold_id))

    assert sum(isinstance(outcome, Reserved) for (outcome,) in sold) == 40
    assert mine.reservation.live_units == 20
    await stock.audit()


async def _free_picks(stock: Stock, quantity_units: int) -> list[Pick]:
    picks: list[Pick] = []
    for place in (STORE, OTHER_STORE):
        on_hand, reserved = await stock.position(SKU, place)
        units = min(quantity_units, on_hand - reserved)
        quantity_units -= units
        if units:
            picks.append(Pick(SKU, place, units))
    return picks


async def test_processes_at_the_same_few_positions_neither_oversell_nor_deadlock(
    admin_url: str, database_url: str, db: Database
) -> None:
    """Thousands of random commands from two processes and a dozen connections, at six positions."""
    stock = await in_postgres(db)
    connection = await asyncpg.connect(admin_url)
    # Sooner than a wait for a lock is given up: what deadlocks must not pass for a machine that is busy.
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '100ms'")
    for sku in storm.SKUS:
        await stock.do(SetTerms((Terms(sku, "*", Mode.BACKORDER),)))
        for place in storm.PLACES:
            await stock.do(a_receipt(20, sku=sku, location_id=place))

    sides = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.inventory.tests.storm",
            database_url,
            str(seed),
            str(STORM_GROUPS),
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for seed in (1, 2)
    ]
    done: Counter[str] = Counter()
    for side in sides:
        out, err = await side.communicate()
        assert side.returncode == 0, err.decode()[-2000:]
        done.update(json.loads(out))

    found = await audit(db, 20)
    assert found.differences == []
    assert min(done["Reserved"], done["InsufficientStock"], done["Moved"], done["Reservation"]) > 50
    assert min(done["Hold"], done["bool"]) > 20
    assert done["Supply"] > 50
    waited = "SELECT count(*) FILTER (WHERE {} > 0) FROM inventory.backorder"
    for units in ("arrived_units", "released_units", "displaced_units"):
        assert await connection.fetchval(waited.format(units)) > 5, units
    assert done["ReservationUnknown"] == 0
    deadlocks = await connection.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    await connection.close()
    assert deadlocks == 0


async def test_the_ledger_cannot_be_changed(db: Database, admin_url: str) -> None:
    """Neither by the service, which has no right to, nor by whoever has: a trigger refuses."""
    stock = await in_postgres(db)
    await stock.do(a_receipt(1))

    async with db.connection() as conn:
        for statement in ("UPDATE movement SET note = 'x'", "DELETE FROM movement", "TRUNCATE movement"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement)
    admin = await asyncpg.connect(admin_url, server_settings={"search_path": "inventory"})
    for statement in ("UPDATE movement SET note = 'x'", "DELETE FROM movement", "TRUNCATE movement"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await admin.execute(statement)
    assert await admin.fetchval("SELECT count(*) FROM movement") == 1
    await admin.close()


@pytest.mark.parametrize(
    ("drift", "rule"),
    [
        ("UPDATE position SET on_hand_units = on_hand_units + 1", "ON_HAND"),
        ("UPDATE position SET reserved_units = reserved_units - 1", "RESERVED"),
        ("UPDATE reservation_line SET live_units = 1, released_units = 1", "RESERVED"),
        ("UPDATE reservation SET state = 4", "RESERVATION_LINE"),
        ("UPDATE reservation SET state = 3", "RESERVATION_STATE"),
        ("DELETE FROM reservation_line", "RESERVATION_STATE"),
        ("DELETE FROM reservation", "RESERVATION_LINE"),
        ("UPDATE pool SET held_units = 2", "HELD"),
        ("UPDATE pool SET held_units = 9", "HELD_ABOVE_STOCK"),
        ("UPDATE hold SET state = 3", "HOLD_STATE"),
        ("DELETE FROM hold", "HOLD_STATE"),
        ("UPDATE position SET guarded = false", "GUARD"),
    ],
)
async def test_the_audit_finds_a_planted_drift(db: Database, drift: str, rule: str) -> None:
    """An audit that cannot see is worse than none."""
    stock = await in_postgres(db)
    await stock.post(a_receipt(5), a_reserve(2), a_hold(1))
    before = await audit(db, 10)

    async with db.connection() as conn:
        await conn.execute(drift)
    found = await audit(db, 10)

    assert before.difference_count == 0
    assert (before.movements, before.positions, before.live_reservation_lines) == (1, 1, 1)
    assert rule in {one.rule for one in found.differences}
    assert found.difference_count == len(found.differences)


class _Broken:
    """A command with a bug of ours in it."""

    def needs(self, needs: object) -> None:
        """Nothing."""

    def apply(self, book: object) -> float:
        return 1 / 0
