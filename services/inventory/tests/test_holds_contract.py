"""The rules of baskets' holds, on the fake and on PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta

from aljibe.inventory.v1 import events_pb2 as facts
from services.inventory.domain import refusals as no
from services.inventory.domain.facts import Count, SetSafety
from services.inventory.domain.holding import ExpireHold, ReleaseHold, RenewHold
from services.inventory.domain.pool import Hold, HoldState
from services.inventory.domain.reserving import Commit, Release, Reserved
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
    an_origin,
)
from services.inventory.tests.contract import Stock


async def held(stock: Stock, quantity_units: int = 1, *, sku: str = SKU) -> str:
    """The id of a new hold."""
    hold: Hold = await stock.do(a_hold(quantity_units, sku=sku))
    stock.clock.now += timedelta(seconds=1)
    return hold.hold_id


async def test_every_line_is_held_or_none(stock: Stock) -> None:
    await stock.post(a_receipt(5), a_receipt(1, sku="B"))

    (refused,) = await stock.post(a_hold(2, more={"B": 2, "unknown": 1}))
    granted = await stock.do(a_hold(5, more={"B": 1}))

    assert isinstance(refused, no.InsufficientStock)
    found = [
        (one.sku, one.location_id, one.requested_units, one.available_units) for one in refused.shortages
    ]
    assert found == [("B", "", 2, 1), ("unknown", "", 1, 0)]
    assert granted.live_units == 6
    await stock.audit()


async def test_nobody_else_is_promised_what_a_basket_holds(stock: Stock) -> None:
    """The hold is on the pool: any location may be emptied, all of them together may not."""
    await stock.post(a_receipt(3), a_receipt(2, location_id=OTHER_STORE))
    await held(stock, 3)

    outcomes = await stock.post(a_reserve(2), a_reserve(1), a_reserve(1, location_id=OTHER_STORE), a_hold(1))

    assert [isinstance(one, Reserved) for one in outcomes] == [True, False, False, False]
    (short,) = outcomes[1].shortages
    assert (short.sku, short.location_id, short.available_units) == (SKU, "", 0)
    await stock.audit()


async def test_a_hold_becomes_a_reservation_that_nobody_can_outrun(stock: Stock) -> None:
    await stock.do(a_receipt(2))
    hold_id = await held(stock, 2)

    others = await stock.post(a_reserve(1), a_reserve(1))
    mine = await stock.do(a_reserve(2, hold_id=hold_id, order_id="mine"))
    again = await stock.do(a_reserve(2, hold_id=hold_id, order_id="mine"))

    assert [type(one) for one in others] == [no.InsufficientStock] * 2
    assert (mine.existed, again.existed) == (False, True)
    found = await stock.hold(hold_id)
    assert (found.state, found.lines[0].used_units) == (HoldState.USED, 2)
    assert await stock.position() == (2, 2)
    await stock.audit()


async def test_an_order_may_take_more_or_less_than_its_basket_holds(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    hold_id = await held(stock, 2)
    await held(stock, 2)

    (too_much,) = await stock.post(a_reserve(4, hold_id=hold_id))
    more = await stock.do(a_reserve(3, hold_id=hold_id))
    other = await held_after_release(stock, more)

    assert too_much.shortages[0].available_units == 3
    less = await stock.do(a_reserve(1, hold_id=other))
    assert not less.existed
    left = await stock.hold(other)
    assert (left.state, left.lines[0].live_units, left.lines[0].used_units) == (HoldState.HELD, 1, 1)
    await stock.audit()


async def held_after_release(stock: Stock, reserved: Reserved) -> str:
    await stock.do(Release(reserved.reservation.reservation_id))
    return await held(stock, 2)


async def test_a_refused_order_leaves_the_hold_as_it_was(stock: Stock) -> None:
    await stock.post(a_receipt(1), a_receipt(1, location_id=OTHER_STORE))
    hold_id = await held(stock, 2)

    (refused,) = await stock.post(a_reserve(2, hold_id=hold_id))
    both = [a_pick(1), a_pick(1, location_id=OTHER_STORE)]
    granted = await stock.do(a_reserve(picks=both, hold_id=hold_id))

    assert isinstance(refused, no.InsufficientStock)
    assert granted.reservation.live_units == 2
    await stock.audit()


async def test_a_hold_expires_once_unless_it_is_renewed(stock: Stock) -> None:
    await stock.do(a_receipt(2))
    renewed = await held(stock)
    forgotten = await held(stock)
    stock.clock.now += timedelta(minutes=10)
    await stock.do(RenewHold(renewed))

    assert await stock.expire_holds(timedelta(minutes=6)) == [True]
    assert await stock.expire_holds(timedelta()) == []
    outcomes = await stock.post(ExpireHold(forgotten), RenewHold(forgotten), a_reserve(1), a_reserve(1))

    assert outcomes[0] is False
    assert isinstance(outcomes[1], no.HoldEnded)
    assert [isinstance(one, Reserved) for one in outcomes[2:]] == [True, False]
    assert (await stock.hold(forgotten)).state is HoldState.EXPIRED
    assert [one.hold_id for one in stock.told(facts.HoldExpired)] == [forgotten]
    await stock.audit()


async def test_an_ended_hold_gives_nothing_and_refuses_nothing(stock: Stock) -> None:
    await stock.do(a_receipt(1))
    hold_id = await held(stock)
    released = await stock.do(ReleaseHold(hold_id))
    again = await stock.do(ReleaseHold(hold_id))

    outcomes = await stock.post(
        a_reserve(1, hold_id=hold_id), a_reserve(1, hold_id=hold_id), a_reserve(1, hold_id="hld_none")
    )

    assert released.state is again.state is HoldState.RELEASED
    assert [type(one) for one in outcomes] == [Reserved, no.InsufficientStock, no.HoldUnknown]
    await stock.audit()


async def test_a_fact_takes_free_units_first_and_then_displaces_the_youngest_hold(stock: Stock) -> None:
    await stock.post(a_receipt(4), a_receipt(1, location_id=OTHER_STORE))
    old = await held(stock, 2)
    young = await held(stock, 2)

    free = await stock.do(a_sale(1))
    taken = await stock.do(a_sale(3))
    counted = await stock.do(Count((a_pick(0, location_id=OTHER_STORE),), an_origin("count-1")))

    assert (free.displaced_units, taken.displaced_units, counted.displaced_units) == (0, 3, 1)
    found = [(one.hold_id, one.quantity_units, one.document_id) for one in stock.told(facts.HoldDisplaced)]
    assert found == [(young, 2, "receipt-1"), (old, 1, "receipt-1"), (old, 1, "count-1")]
    assert (await stock.hold(young)).state is (await stock.hold(old)).state is HoldState.DISPLACED
    await stock.audit()


async def test_a_fact_in_the_group_of_a_hold_or_a_promise_adds_up(stock: Stock) -> None:
    await stock.do(a_receipt(4))
    old = await held(stock, 2)

    outcomes = await stock.post(a_hold(1), a_reserve(1), a_sale(2), a_reserve(1), a_receipt(1), a_reserve(1))

    kinds = [type(one).__name__ for one in outcomes]
    assert kinds == ["Hold", "Reserved", "Moved", "InsufficientStock", "Moved", "Reserved"]
    assert (await stock.hold(old)).live_units == 1
    assert await stock.position() == (3, 2)
    await stock.audit()


async def test_a_promise_on_goods_that_a_count_of_the_same_group_does_not_find_costs_the_basket(
    stock: Stock,
) -> None:
    """The receipt gave room to a promise elsewhere; the count takes that room, and the hold is what gives."""
    await stock.post(a_receipt(2), a_receipt(1, location_id=OTHER_STORE))
    hold_id = await held(stock, 3)

    outcomes = await stock.post(
        a_receipt(2, location_id=OTHER_STORE),
        a_reserve(2),
        Count((a_pick(1, location_id=OTHER_STORE),), an_origin()),
    )

    assert isinstance(outcomes[1], Reserved)
    assert (await stock.hold(hold_id)).live_units == 1
    await stock.audit()


async def test_a_new_place_of_a_held_article_keeps_its_rules(stock: Stock) -> None:
    await stock.do(a_receipt(2))
    await held(stock, 2)
    await stock.do(a_receipt(1, location_id=OTHER_STORE))
    await stock.do(a_sale(2))

    (refused,) = await stock.post(a_reserve(1, location_id=OTHER_STORE))

    assert isinstance(refused, no.InsufficientStock)
    assert [one.quantity_units for one in stock.told(facts.HoldDisplaced)] == [1]
    await stock.audit()


async def test_safety_stock_and_closed_places_are_not_held(stock: Stock) -> None:
    await stock.post(a_receipt(3), a_receipt(5, location_id=CLOSED_STORE), SetSafety((a_pick(1),)))

    (refused,) = await stock.post(a_hold(3))
    await held(stock, 2)
    await stock.do(SetSafety((a_pick(3),)))
    (short,) = await stock.post(a_hold(1))

    assert refused.shortages[0].available_units == 2
    assert short.shortages[0].available_units == 0
    assert stock.told(facts.HoldDisplaced) == []
    await stock.audit()


async def test_a_late_commit_does_not_take_what_is_held_now(stock: Stock) -> None:
    await stock.do(a_receipt(2))
    made = await stock.do(a_reserve(2, location_id=STORE))
    await stock.expire(timedelta(hours=1))
    await held(stock, 1)

    await stock.do(Commit(made.reservation.reservation_id, tolerant=True))

    (lost,) = stock.told(facts.ReservationLost)
    assert [one.quantity_units for one in lost.picks] == [1]
    await stock.audit()
