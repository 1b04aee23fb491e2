"""The rules of stock, on the fake and on PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aljibe.inventory.v1 import events_pb2 as facts
from chassis.refusals import RequestIdReused
from services.inventory.domain import refusals as no
from services.inventory.domain.facts import Count, SetSafety, ShortPick, adjust
from services.inventory.domain.reserving import Commit, Consume, Expire, Release, Reserved
from services.inventory.domain.stock import Cause, State
from services.inventory.tests.builders import (
    CLOSED_STORE,
    OTHER_STORE,
    SKU,
    STORE,
    a_pick,
    a_receipt,
    a_reserve,
    a_sale,
    an_origin,
    unique,
)
from services.inventory.tests.contract import Stock, marked


async def reserved(stock: Stock, quantity_units: int = 1, *, accepted: bool = False, sku: str = SKU) -> str:
    """The id of a new reservation at STORE."""
    outcome: Reserved = await stock.do(a_reserve(quantity_units, sku=sku))
    reservation_id = outcome.reservation.reservation_id
    if accepted:
        await stock.do(Commit(reservation_id))
    stock.clock.now += timedelta(seconds=1)
    return reservation_id


async def test_every_pick_or_none(stock: Stock) -> None:
    await stock.post(a_receipt(5), a_receipt(1, sku="B"))

    (refused,) = await stock.post(a_reserve(picks=[a_pick(2), a_pick(2, sku="B"), a_pick(1, sku="unknown")]))

    assert isinstance(refused, no.InsufficientStock)
    found = [(one.sku, one.requested_units, one.available_units) for one in refused.shortages]
    assert found == [("B", 2, 1), ("unknown", 1, 0)]
    assert await stock.position() == (5, 0)
    await stock.audit()


async def test_a_group_is_decided_in_order_of_arrival_and_a_refused_member_disturbs_nobody(
    stock: Stock,
) -> None:
    await stock.do(a_receipt(3))

    outcomes = await stock.post(a_reserve(2), a_reserve(2), a_reserve(1), a_reserve(1))

    assert [isinstance(one, Reserved) for one in outcomes] == [True, False, True, False]
    assert await stock.position() == (3, 3)
    await stock.audit()


async def test_safety_stock_is_not_promised(stock: Stock) -> None:
    await stock.post(a_receipt(3), SetSafety((a_pick(2),)))

    outcomes = await stock.post(a_reserve(2), a_reserve(1))

    assert isinstance(outcomes[0], no.InsufficientStock)
    assert outcomes[0].shortages[0].available_units == 1
    assert isinstance(outcomes[1], Reserved)


async def test_a_repeat_finds_what_stands_also_when_nothing_is_left(stock: Stock) -> None:
    """A crash between reserve and accept: the retry must get its own units, not be told they are gone."""
    await stock.post(a_receipt(1), a_receipt(1, location_id=OTHER_STORE))
    first: Reserved = await stock.do(a_reserve(1, order_id="ord"))
    stock.clock.now += timedelta(minutes=5)

    again = await stock.do(a_reserve(1, order_id="ord", location_id=OTHER_STORE))
    in_one_group = await stock.post(
        a_reserve(1, order_id="new", location_id=OTHER_STORE), a_reserve(1, order_id="new")
    )

    assert again.existed
    assert again.reservation.reservation_id == first.reservation.reservation_id
    assert [line.location_id for line in again.reservation.lines] == [STORE]
    assert again.reservation.expire_time == stock.clock.now + timedelta(seconds=900)
    assert [one.existed for one in in_one_group] == [False, True]
    await stock.audit()


async def test_a_repeat_with_other_quantities_or_after_the_end_is_refused(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    first: Reserved = await stock.do(a_reserve(1, order_id="ord"))

    (differs,) = await stock.post(a_reserve(2, order_id="ord"))
    await stock.do(Release(first.reservation.reservation_id))
    (ended,) = await stock.post(a_reserve(1, order_id="ord"))
    next_attempt = await stock.do(a_reserve(1, order_id="ord", attempt=2))

    assert isinstance(differs, no.ReservationDiffers)
    assert isinstance(ended, no.ReservationEnded)
    assert not next_attempt.existed


async def test_places_that_sell_nothing_and_doubled_picks_are_refused(stock: Stock) -> None:
    await stock.do(a_receipt(5, location_id=CLOSED_STORE))

    outcomes = await stock.post(
        a_reserve(1, location_id="nowhere"),
        a_reserve(1, location_id=CLOSED_STORE),
        a_reserve(1, location_id=CLOSED_STORE, sku="not stocked there"),
        a_reserve(picks=[a_pick(1), a_pick(1)]),
        a_sale(1, location_id="nowhere"),
    )

    assert [type(one) for one in outcomes] == [
        no.LocationUnknown,
        no.LocationInactive,
        no.LocationInactive,
        no.PickDuplicate,
        no.LocationUnknown,
    ]


async def test_units_end_once_consumed_or_released(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    reservation_id = await reserved(stock, 3, accepted=True)

    await stock.do(Consume(reservation_id, (a_pick(1),), Cause.SHIPMENT, an_origin()))
    await stock.do(Release(reservation_id, (a_pick(1),)))
    (too_much,) = await stock.post(Release(reservation_id, (a_pick(2),)))
    await stock.do(Consume(reservation_id, (), Cause.SHIPMENT, an_origin()))

    found = await stock.reservation(reservation_id)
    (line,) = found.lines
    assert (line.live_units, line.consumed_units, line.released_units) == (0, 2, 1)
    assert found.state is State.CONSUMED
    assert isinstance(too_much, no.QuantityTooHigh)
    assert too_much.live_units == 1
    assert await stock.position() == (3, 0)
    await stock.audit()


async def test_a_request_repeated_in_a_group_or_later_takes_effect_once(stock: Stock) -> None:
    sale = a_sale(1)
    first, again = await stock.submit(marked(sale, "k"), marked(sale, "k"))

    (later,) = await stock.submit(marked(sale, "k"))
    (other,) = await stock.submit(marked(sale, "k", b"2"))

    assert first == again == later
    assert isinstance(other, RequestIdReused)
    assert await stock.position() == (-1, 0)


async def test_an_expired_reservation_gives_its_units_back_once(stock: Stock) -> None:
    await stock.do(a_receipt(3))
    held = await reserved(stock, 1)
    committed = await reserved(stock, 1, accepted=True)

    assert await stock.expire(timedelta(seconds=890)) == []
    assert await stock.expire(timedelta(hours=1)) == [True]
    assert await stock.expire(timedelta(hours=1)) == []

    assert (await stock.reservation(held)).state is State.EXPIRED
    assert (await stock.reservation(committed)).state is State.COMMITTED
    assert await stock.position() == (3, 1)
    await stock.audit()


async def test_an_expiry_that_comes_after_the_commit_ends_nothing(stock: Stock) -> None:
    """It was found while it was held; whoever finds is not who decides."""
    await stock.do(a_receipt(2))
    committed = await reserved(stock, 1, accepted=True)
    held = await reserved(stock, 1)
    stock.clock.now += timedelta(hours=1)

    outcomes = await stock.post(Expire(committed), Expire(held), Expire(held), Expire("rsv_nobody"))

    assert outcomes == [False, True, False, False]
    assert (await stock.reservation(committed)).state is State.COMMITTED
    assert await stock.position() == (2, 1)
    await stock.audit()


async def test_a_commit_that_comes_late_takes_the_units_again(stock: Stock) -> None:
    """The order was accepted in time; its event was slow."""
    await stock.do(a_receipt(2))
    reservation_id = await reserved(stock, 2)
    await stock.expire(timedelta(hours=1))

    await stock.do(Commit(reservation_id, tolerant=True))

    assert (await stock.reservation(reservation_id)).state is State.COMMITTED
    assert await stock.position() == (2, 2)
    assert stock.told(facts.ReservationLost) == []
    await stock.audit()


async def test_a_commit_that_comes_too_late_tells_what_is_gone(stock: Stock) -> None:
    await stock.do(a_receipt(2))
    reservation_id = await reserved(stock, 2)
    await stock.expire(timedelta(hours=1))
    await reserved(stock, 1)

    (refused,) = await stock.post(Commit(reservation_id))
    await stock.do(Commit(reservation_id, tolerant=True))
    await stock.do(Commit(reservation_id, tolerant=True))

    assert isinstance(refused, no.ReservationEnded)
    (lost,) = stock.told(facts.ReservationLost)
    assert [(one.sku, one.location_id, one.quantity_units) for one in lost.picks] == [(SKU, STORE, 1)]
    assert (await stock.reservation(reservation_id)).live_units == 1
    await stock.audit()


async def test_units_cancelled_before_a_late_commit_are_not_taken_again(stock: Stock) -> None:
    """Events of one order may arrive in another order than they happened."""
    await stock.do(a_receipt(2))
    reservation_id = await reserved(stock, 2)
    await stock.expire(timedelta(hours=1))
    await stock.do(Release(reservation_id, (a_pick(1),), tolerant=True))

    await stock.do(Commit(reservation_id, tolerant=True))

    assert (await stock.reservation(reservation_id)).live_units == 1
    assert stock.told(facts.ReservationLost) == []
    await stock.audit()


async def test_a_sale_displaces_the_youngest_held_first_then_the_youngest_committed(stock: Stock) -> None:
    """See ADR-0003."""
    await stock.do(a_receipt(4))
    old_committed = await reserved(stock, accepted=True)
    old_held = await reserved(stock)
    young_committed = await reserved(stock, accepted=True)
    young_held = await reserved(stock)

    states = []
    for _ in range(4):
        moved = await stock.do(a_sale(1))
        assert moved.displaced_units == 1
        states.append(
            [
                (await stock.reservation(one)).live_units
                for one in (old_committed, old_held, young_committed, young_held)
            ]
        )

    assert states == [[1, 1, 1, 0], [1, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    told = stock.told(facts.UnitsDisplaced)
    assert [one.reservation_id for one in told] == [young_committed, old_committed]
    assert await stock.position() == (0, 0)
    await stock.audit()


async def test_a_promise_displaced_while_held_is_told_when_its_order_is_accepted(stock: Stock) -> None:
    """Before that, orders knows no order that could be sourced again."""
    await stock.post(a_receipt(2))
    reservation_id = await reserved(stock, 2)
    await stock.do(a_sale(1))
    assert stock.events == []

    await stock.do(Commit(reservation_id, tolerant=True))

    (lost,) = stock.told(facts.ReservationLost)
    assert [one.quantity_units for one in lost.picks] == [1]
    assert await stock.position() == (1, 1)
    await stock.audit()


async def test_a_sale_takes_free_units_before_promised_ones_and_may_leave_the_book_below_zero(
    stock: Stock,
) -> None:
    await stock.do(a_receipt(3))
    await reserved(stock, 2, accepted=True)

    first = await stock.do(a_sale(1))
    second = await stock.do(a_sale(4))

    assert (first.displaced_units, second.displaced_units) == (0, 2)
    assert await stock.position() == (-2, 0)
    (told,) = stock.told(facts.UnitsDisplaced)
    assert (told.quantity_units, told.document_id) == (2, "receipt-1")
    await stock.audit()


async def test_counts_and_corrections_displace_too(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    await reserved(stock, 4, accepted=True)

    counted = await stock.do(Count((a_pick(3),), an_origin()))
    await stock.do(adjust((SKU, STORE), -1, Cause.DAMAGE, an_origin()))

    assert (counted.difference_units, counted.displaced_units) == (2, 1)
    assert [one.quantity_units for one in stock.told(facts.UnitsDisplaced)] == [1, 1]
    assert await stock.position() == (2, 2)
    await stock.audit()


async def test_a_reservation_made_and_displaced_in_one_group_adds_up(stock: Stock) -> None:
    await stock.do(a_receipt(2))

    outcomes = await stock.post(a_reserve(2), a_sale(1), a_reserve(1), a_receipt(1), a_reserve(1))

    assert [type(one).__name__ for one in outcomes] == [
        "Reserved",
        "Moved",
        "InsufficientStock",
        "Moved",
        "Reserved",
    ]
    assert await stock.position() == (2, 2)
    await stock.audit()


async def test_goods_that_left_are_a_fact_whatever_the_reservation_says(stock: Stock) -> None:
    """A parcel may leave with units that a till's late receipt has displaced meanwhile."""
    await stock.do(a_receipt(2))
    reservation_id = await reserved(stock, 2, accepted=True)
    await stock.do(a_sale(1))

    await stock.do(Consume(reservation_id, (a_pick(2),), Cause.SHIPMENT, an_origin("ful-1"), tolerant=True))

    found = await stock.reservation(reservation_id)
    assert (found.state, found.lines[0].consumed_units, found.lines[0].displaced_units) == (
        State.CONSUMED,
        1,
        1,
    )
    assert await stock.position() == (-1, 0)
    await stock.audit()


async def test_a_shipment_before_the_commit_is_taken_as_it_comes(stock: Stock) -> None:
    await stock.do(a_receipt(1))
    reservation_id = await reserved(stock)

    await stock.do(Consume(reservation_id, (a_pick(1),), Cause.SHIPMENT, an_origin(), tolerant=True))
    await stock.do(Commit(reservation_id, tolerant=True))
    await stock.do(Release(reservation_id, (a_pick(1),), tolerant=True))

    assert (await stock.reservation(reservation_id)).state is State.CONSUMED
    assert await stock.position() == (0, 0)
    await stock.audit()


@pytest.mark.parametrize(
    ("cause", "on_hand", "displaced", "released"),
    [(Cause.SHORT_PICK, 2, 1, 0), (Cause.DAMAGE, 2, 1, 0), (None, 3, 0, 1)],
)
async def test_a_short_pick_ends_the_promise_and_its_reason_says_whether_the_book_loses(
    stock: Stock, cause: Cause | None, on_hand: int, displaced: int, released: int
) -> None:
    await stock.do(a_receipt(3))
    reservation_id = await reserved(stock, 2, accepted=True)

    await stock.do(ShortPick(reservation_id, (a_pick(1),), cause, an_origin()))

    (line,) = (await stock.reservation(reservation_id)).lines
    assert (line.live_units, line.displaced_units, line.released_units) == (1, displaced, released)
    assert await stock.position() == (on_hand, 1)
    assert stock.events == []
    await stock.audit()


async def test_units_not_found_that_a_sale_had_taken_leave_the_book_once(stock: Stock) -> None:
    """The till sold the unit; that the picker finds none is no second loss. A damaged one is."""
    await stock.do(a_receipt(1))
    reservation_id = await reserved(stock, accepted=True)
    await stock.do(a_sale(1))

    await stock.do(ShortPick(reservation_id, (a_pick(1),), Cause.SHORT_PICK, an_origin()))
    assert await stock.position() == (0, 0)
    await stock.do(ShortPick(reservation_id, (a_pick(1),), Cause.DAMAGE, an_origin()))

    assert await stock.position() == (-1, 0)
    await stock.audit()


async def test_a_sku_may_hold_any_character(stock: Stock) -> None:
    """Columns travel joined by a separator; a SKU that holds it must not shift the others."""
    strange = ["a\x1fb", "\x1f", "b", 'quote"{},\\', "ñ 😀"]
    await stock.post(*(a_receipt(2, sku=sku) for sku in strange))

    outcomes = await stock.post(a_reserve(picks=[a_pick(1, sku=sku) for sku in strange]), a_reserve(sku="a"))

    assert isinstance(outcomes[0], Reserved)
    assert isinstance(outcomes[1], no.InsufficientStock)
    assert [await stock.position(sku) for sku in strange] == [(2, 1)] * 5
    await stock.audit()


async def test_what_is_not_known_is_refused(stock: Stock) -> None:
    outcomes = await stock.post(
        Commit("rsv_none"),
        Release("rsv_none"),
        Consume("rsv_none", (), Cause.SHIPMENT, an_origin()),
        Consume("rsv_none", (), Cause.RECEIPT, an_origin()),
    )

    assert [type(one) for one in outcomes] == [no.ReservationUnknown] * 3 + [no.CauseNotPossible]


async def test_the_book_stays_within_its_range(stock: Stock) -> None:
    outcomes = await stock.post(*(a_receipt(1_000_000_000, sku=unique("X")) for _ in range(2)))
    more = await stock.post(*(a_receipt(1_000_000_000, sku="Y") for _ in range(3)))

    assert len(outcomes) == 2
    assert isinstance(more[2], no.StockOutOfRange)
