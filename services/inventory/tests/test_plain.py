"""Plain reservations are granted in one call, and nobody can tell: the outcome is the book's."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aljibe.inventory.v1 import events_pb2 as facts
from chassis.postgres import Database
from services.inventory.adapters.nats.events import encode
from services.inventory.adapters.postgres.store import PostgresStockStore
from services.inventory.domain.book import Command
from services.inventory.domain.plain import Granted, NotPlain, Plain, plain_of
from services.inventory.domain.refusals import InsufficientStock, ReservationUnknown
from services.inventory.domain.reserving import Commit, Release, Reserve, Reserved
from services.inventory.domain.stock import Pick, State
from services.inventory.tests.builders import (
    CLOSED_STORE,
    OTHER_STORE,
    SKU,
    STORE,
    a_hold,
    a_pick,
    a_receipt,
    a_reserve,
    a_sale,
)
from services.inventory.tests.contract import Stock, in_memory, in_postgres
from services.inventory.usecases.desk import StockDesk
from services.inventory.usecases.post import Posted, Submission, post_in
from services.inventory.usecases.reserve import PlainFirst

RACES = 6
SKUS = ("A", "B", "C")
PLACES = (STORE, OTHER_STORE, CLOSED_STORE, "nowhere")


def _told(outcome: Any) -> Any:
    """An outcome without what differs between two books: the ids that they made."""
    if isinstance(outcome, Reserved):
        found = outcome.reservation
        found = replace(found, reservation_id="", lines=sorted(found.lines, key=lambda line: line.key))
        return outcome.existed, found
    facts = {name: fact for name, fact in vars(outcome).items() if name != "reservation_id"}
    return type(outcome), facts


class Drawn:
    """Groups of reservations that are drawn: fresh ones and repeats, at few positions, some impossible."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._orders = 0

    def group(self) -> list[Reserve]:
        return [self._reserve() for _ in range(self._random.randint(1, 8))]

    def _reserve(self) -> Reserve:
        known = self._orders and self._random.random() < 0.15
        if not known:
            self._orders += 1
        number = self._random.randint(1, self._orders) if known else self._orders
        picks = [self._pick() for _ in range(self._random.choice((1, 1, 2, 2, 3)))]
        return a_reserve(picks=picks, order_id=f"ord-{number}", attempt=self._random.choice((1, 1, 1, 2)))

    def _pick(self) -> Pick:
        place = self._random.choices(PLACES, (12, 12, 1, 1))[0]
        return Pick(self._random.choice(SKUS), place, self._random.randint(1, 3))


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_comes_together_becomes_what_the_book_makes_of_it(stock: Stock, seed: int) -> None:
    """Shortages in the middle, repeats within a group and after it, picks named twice, closed and unknown
    places, a guarded SKU: each outcome and each counter is the same, member by member.
    """
    book = in_memory()
    book.by_the_book = True
    for one in (stock, book):
        for sku in SKUS:
            for place, units in ((STORE, 30), (OTHER_STORE, 12)):
                await one.do(a_receipt(units, sku=sku, location_id=place))
        if seed % 3 == 0:
            await one.do(a_hold(5, sku="C"))
    drawn = Drawn(seed)

    for _ in range(12):
        group = drawn.group()
        outcomes = await stock.post(*group)
        expected = await book.post(*group)
        assert [_told(one) for one in outcomes] == [_told(one) for one in expected]
        for moved in (stock, book):
            moved.clock.now += timedelta(seconds=1)

    for sku in SKUS:
        for place in (STORE, OTHER_STORE):
            assert await stock.position(sku, place) == await book.position(sku, place)
    await stock.audit()


async def test_a_group_at_one_position_changes_it_once(stock: Stock) -> None:
    """The hot article: sixty-four buyers, one new version of the row, each with a reservation."""
    await stock.do(a_receipt(100))
    before = await stock.look.position((SKU, STORE))
    assert before is not None
    version = before.version

    outcomes = await stock.post(*(a_reserve(1) for _ in range(64)))

    after = await stock.look.position((SKU, STORE))
    assert after is not None
    assert (after.reserved_units, after.version) == (64, version + 1)
    assert len({one.reservation.reservation_id for one in outcomes}) == 64
    await stock.audit()


async def test_what_was_granted_is_what_is_kept(stock: Stock) -> None:
    await stock.do(a_receipt(5))

    outcome: Reserved = await stock.do(a_reserve(picks=[a_pick(2)], ttl_seconds=60))

    assert await stock.reservation(outcome.reservation.reservation_id) == outcome.reservation
    assert outcome.reservation.expire_time == stock.clock.now + timedelta(seconds=60)


async def test_who_is_not_plain_is_named_and_nothing_is_written(stock: Stock) -> None:
    """Short, unknown, closed and guarded positions by their keys, attempts that stand by theirs."""
    await stock.post(a_receipt(5), a_receipt(5, sku="B"), a_receipt(5, sku="C"))
    await stock.do(a_reserve(1, order_id="stands", sku="C"))
    await stock.do(a_hold(1, sku="B"))

    async def tried(*commands: Reserve) -> NotPlain:
        found = await stock.store.grant(plain_of(commands))
        assert isinstance(found, NotPlain)
        return found

    assert (SKU, STORE) in (await tried(a_reserve(3), a_reserve(3))).positions
    assert ("B", STORE) in (await tried(a_reserve(1), a_reserve(1, sku="B"))).positions
    assert ("D", STORE) in (await tried(a_reserve(1), a_reserve(1, sku="D"))).positions
    assert (SKU, CLOSED_STORE) in (await tried(a_reserve(1, location_id=CLOSED_STORE))).positions
    assert ("stands", 1) in (await tried(a_reserve(1), a_reserve(1, order_id="stands", sku="C"))).orders
    assert await stock.position() == (5, 0)
    await stock.audit()


async def test_who_uses_a_hold_or_names_a_position_twice_is_not_plain() -> None:
    commands = (
        a_reserve(1, hold_id="hld"),
        a_reserve(picks=[a_pick(1), a_pick(2)]),
        a_reserve(1, order_id="twice"),
        a_reserve(1, order_id="twice"),
        a_reserve(1, sku="short"),
    )

    plain = plain_of(commands, {("short", STORE)})

    assert plain.places == [2]
    assert plain.taken == {(SKU, STORE): 1}
    assert plain.wanted == {(SKU, STORE): 6}


async def test_a_position_that_did_not_fit_is_not_tried_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten thousand buyers of one unit cost the book's work, not that and a try each."""
    stock = in_memory()
    await stock.do(a_receipt(1))
    told: list[Posted] = []
    poster = PlainFirst(stock.store, told.append)
    tries: list[int] = []
    grant = stock.store.grant

    async def counted(plain: Any) -> Granted | NotPlain:
        tries.append(len(plain.members))
        return await grant(plain)

    monkeypatch.setattr(stock.store, "grant", counted)

    outcomes = [
        outcome
        for _ in range(20)
        for outcome in (await poster.post([Submission(a_reserve(1)), Submission(a_reserve(1))])).outcomes
    ]

    assert sum(isinstance(one, Reserved) for one in outcomes) == 1
    assert sum(isinstance(one, InsufficientStock) for one in outcomes) == 39
    assert len(tries) == 1
    assert sum(len(one.changed) for one in told) == 1


async def test_a_group_with_any_other_command_goes_by_the_book_in_order(stock: Stock) -> None:
    """A sale before a reservation takes the unit first, as it came first."""
    await stock.do(a_receipt(1))

    sold, refused = await stock.post(a_sale(1), a_reserve(1))

    assert not isinstance(sold, Exception)
    assert isinstance(refused, InsufficientStock)
    await stock.audit()


async def test_reservations_of_a_busy_door_go_with_their_like(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else comes in the same moment: a release among them would send them all to the book."""
    stock = in_memory()
    await stock.do(a_receipt(10))
    kept: Reserved = await stock.do(a_reserve(1))
    tries: list[int] = []
    grant = stock.store.grant

    async def counted(reservations: Plain) -> Granted | NotPlain:
        tries.append(len(reservations.members))
        return await grant(reservations)

    monkeypatch.setattr(stock.store, "grant", counted)
    desk = StockDesk(stock.store, lambda _: None)
    commands: list[Command[Any]] = [
        a_reserve(1),
        Release(kept.reservation.reservation_id),
        a_reserve(1),
        a_sale(1),
        a_reserve(1),
    ]

    outcomes = await asyncio.gather(*(desk.submit(Submission(one)) for one in commands))
    await desk.close()

    assert sum(tries) == sum(isinstance(one, Reserved) for one in outcomes) == 3
    assert await stock.position() == (9, 3)
    await stock.audit()


async def test_texts_with_the_separator_and_empty_channels_are_kept(db: Database) -> None:
    stock = await in_postgres(db)
    odd = "sku\x1fwith\x1fseparators"
    await stock.do(a_receipt(3, sku=odd))

    (kept,) = await stock.post(Reserve("ord\x1f1", 1, (a_pick(1, sku=odd),)))

    assert await stock.reservation(kept.reservation.reservation_id) == kept.reservation
    assert kept.reservation.channel_id == ""


async def test_groups_race_at_the_last_units(db: Database) -> None:
    """As many groups as connections, over positions in any order: no deadlock, no unit twice. The first round
    only opens the connections: on new ones the groups would come one after the other.
    """
    stock = await in_postgres(db)
    choice = random.Random(7)
    for number in range(RACES):
        skus = [f"{sku}-{number}" for sku in SKUS]
        for sku in skus:
            await stock.do(a_receipt(40, sku=sku))
        groups = [
            [a_reserve(picks=[a_pick(1, sku=sku) for sku in choice.sample(skus, 2)]) for _ in range(5)]
            for _ in range(24)
        ]

        done = await asyncio.gather(*(stock.post(*group) for group in groups))

        granted = [one for group in done for one in group if isinstance(one, Reserved)]
        reserved = [(await stock.position(sku))[1] for sku in skus]
        assert sum(reserved) == 2 * len(granted)
        assert max(reserved) <= 40
        assert all(isinstance(one, Reserved | InsufficientStock) for group in done for one in group)
    await stock.audit()


async def _committed_at_once(stock: Stock, db: Database, *reservation_ids: str) -> bool:
    store = PostgresStockStore(db, stock.clock, encode)
    async with db.transaction() as conn:
        return await store.commit_plain(conn, reservation_ids)


async def test_held_reservations_are_committed_in_one_call_as_the_book_does_it(db: Database) -> None:
    stock = await in_postgres(db)
    await stock.do(a_receipt(9))
    made: list[Reserved] = await stock.post(*(a_reserve(2, order_id="ord", attempt=at) for at in (1, 2, 3)))
    first, second, third = (one.reservation.reservation_id for one in made)

    done = await _committed_at_once(stock, db, second, first)
    await stock.do(Commit(third, tolerant=True))

    assert done
    expected = replace(await stock.reservation(third), reservation_id="", attempt=0)
    for reservation_id in (first, second):
        found = await stock.reservation(reservation_id)
        assert replace(found, reservation_id="", attempt=0) == expected
    await stock.audit()


@pytest.mark.parametrize("kind", ["expired", "displaced", "committed", "released", "unknown"])
async def test_a_commit_that_is_not_plain_is_the_books(db: Database, kind: str) -> None:
    """The whole batch goes to the book then, whatever was committed already: to commit twice changes
    nothing, and who lost units is told of them.
    """
    stock = await in_postgres(db)
    await stock.post(a_receipt(5), a_receipt(5, sku="B"))
    odd: Reserved = await stock.do(a_reserve(5, ttl_seconds=10))
    odd_id = odd.reservation.reservation_id
    plain: Reserved = await stock.do(a_reserve(5, sku="B", ttl_seconds=900))
    plain_id = plain.reservation.reservation_id
    if kind == "expired":
        await stock.expire(timedelta(seconds=11))
        await stock.do(a_sale(2))
    elif kind == "displaced":
        await stock.do(a_sale(2))
    elif kind == "committed":
        await stock.do(Commit(odd_id, tolerant=True))
    elif kind == "released":
        await stock.do(Release(odd_id))
    else:
        odd_id = "rsv_unknown"

    done = await _committed_at_once(stock, db, odd_id, plain_id)
    outcomes = await stock.post(Commit(odd_id, tolerant=True), Commit(plain_id, tolerant=True))

    assert not done
    assert isinstance(outcomes[0], ReservationUnknown) == (kind == "unknown")
    assert (await stock.reservation(plain_id)).state is State.COMMITTED
    lost = [
        (pick.sku, pick.quantity_units) for one in stock.told(facts.ReservationLost) for pick in one.picks
    ]
    assert lost == ([(SKU, 2)] if kind in ("expired", "displaced") else [])
    await stock.audit()


async def test_a_commit_that_waits_for_a_sale_hears_what_the_sale_displaced(db: Database) -> None:
    """What a line lost while the commit waited for its lock is the book's, which tells of it."""
    stock = await in_postgres(db)
    await stock.do(a_receipt(5))
    made: Reserved = await stock.do(a_reserve(5))
    reservation_id = made.reservation.reservation_id
    store = PostgresStockStore(db, stock.clock, encode)

    async with db.transaction() as conn:
        await post_in(store.inside(conn), [Submission(a_sale(2))])
        committing = asyncio.create_task(_committed_at_once(stock, db, reservation_id))
        async with db.connection() as other:
            while not await other.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                await asyncio.sleep(0.01)
    done = await committing
    await stock.do(Commit(reservation_id, tolerant=True))

    assert not done
    assert [pick.quantity_units for one in stock.told(facts.ReservationLost) for pick in one.picks] == [2]
    await stock.audit()
