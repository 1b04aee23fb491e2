"""The rules of limits per buyer, on the fake and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from chassis.clock import utc_now
from chassis.postgres import Database
from services.inventory.adapters.nats.events import encode
from services.inventory.adapters.postgres import limits
from services.inventory.adapters.postgres.store import PostgresStockStore
from services.inventory.domain import refusals as no
from services.inventory.domain.holding import ReleaseHold
from services.inventory.domain.limiting import RemoveLimits
from services.inventory.domain.pool import Hold
from services.inventory.domain.reserving import Commit, Consume, Release, Reserved
from services.inventory.domain.stock import Cause
from services.inventory.tests.builders import (
    NOW,
    OTHER_STORE,
    SKU,
    STORE,
    a_hold,
    a_limit,
    a_receipt,
    a_reserve,
    a_sale,
    an_origin,
)
from services.inventory.tests.contract import Stock, in_postgres
from services.inventory.usecases.post import Submission, post

DAY = timedelta(days=1)


async def left(stock: Stock, customer_id: str) -> int:
    """What the customer may still have, as a refusal tells it."""
    (refused,) = await stock.post(a_hold(1_000, customer_id=customer_id))
    assert isinstance(refused, no.BuyerLimitExceeded)
    return refused.left_units


async def test_a_customer_has_at_most_so_many_over_all_orders_and_channels(stock: Stock) -> None:
    await stock.post(a_receipt(20), a_receipt(20, location_id=OTHER_STORE))
    await stock.do(a_limit(3))

    await stock.do(a_reserve(2, customer_id="ana"))
    (refused, other) = await stock.post(
        a_reserve(2, customer_id="ana", channel_id="app", location_id=OTHER_STORE),
        a_reserve(3, customer_id="eva"),
    )

    assert isinstance(refused, no.BuyerLimitExceeded)
    assert (refused.limit_units, refused.left_units, refused.requested_units) == (3, 1, 2)
    assert isinstance(other, Reserved)
    assert [await left(stock, "ana"), await left(stock, "eva")] == [1, 0]
    await stock.audit()


async def test_two_orders_of_one_group_do_not_pass_a_limit_together(stock: Stock) -> None:
    await stock.do(a_receipt(20))
    await stock.do(a_limit(2))

    outcomes = await stock.post(*(a_reserve(1, customer_id="ana") for _ in range(4)))

    assert [type(one) for one in outcomes] == [Reserved, Reserved, *[no.BuyerLimitExceeded] * 2]


async def test_what_is_given_back_may_be_had_again_and_what_left_may_not(stock: Stock) -> None:
    await stock.do(a_receipt(20))
    await stock.do(a_limit(2))
    released = await stock.do(a_reserve(2, customer_id="ana"))
    await stock.do(Release(released.reservation.reservation_id))
    hold: Hold = await stock.do(a_hold(2, customer_id="ana"))
    await stock.do(ReleaseHold(hold.hold_id))
    await stock.do(a_reserve(2, customer_id="ana", ttl_seconds=10))
    await stock.expire(timedelta(seconds=20))

    bought = await stock.do(a_reserve(2, customer_id="ana"))
    reservation_id = bought.reservation.reservation_id
    await stock.do(Commit(reservation_id))
    await stock.do(Consume(reservation_id, (), Cause.SHIPMENT, an_origin()))

    assert await left(stock, "ana") == 0
    await stock.audit()


async def test_a_basket_counts_and_its_order_does_not_count_twice(stock: Stock) -> None:
    await stock.do(a_receipt(20))
    await stock.do(a_limit(3))
    hold = await stock.do(a_hold(2, customer_id="ana"))
    held = await left(stock, "ana")

    (too_many,) = await stock.post(a_reserve(4, customer_id="ana", hold_id=hold.hold_id))
    await stock.do(a_reserve(3, customer_id="ana", hold_id=hold.hold_id))

    assert held == 1
    assert isinstance(too_many, no.BuyerLimitExceeded)
    assert too_many.left_units == 3
    assert await left(stock, "ana") == 0


async def test_a_window_forgets_and_a_validity_ends(stock: Stock) -> None:
    await stock.do(a_receipt(20))
    await stock.do(a_limit(2, window_seconds=86_400, valid_until=NOW + 10 * DAY))
    await stock.do(a_reserve(2, customer_id="ana", ttl_seconds=86_400))
    full = await left(stock, "ana")

    stock.clock.now = NOW + DAY + timedelta(seconds=1)
    again = await left(stock, "ana")
    stock.clock.now = NOW + 10 * DAY
    await stock.do(a_reserve(5, customer_id="ana"))

    assert (full, again) == (0, 2)


async def test_a_new_amount_goes_on_counting_and_a_removed_limit_refuses_nothing(stock: Stock) -> None:
    await stock.do(a_receipt(20))
    await stock.do(a_limit(2))
    await stock.do(a_reserve(2, customer_id="ana"))
    stock.clock.now += DAY

    await stock.do(a_limit(3))
    more = await left(stock, "ana")
    await stock.do(a_limit(3, valid_from=stock.clock.now))
    anew = await left(stock, "ana")
    await stock.do(RemoveLimits((SKU,)))
    await stock.do(a_reserve(9, customer_id="ana"))

    assert (more, anew) == (1, 3)
    with pytest.raises(no.LimitUnknown):
        await stock.do(RemoveLimits((SKU,)))
    with pytest.raises(no.LimitPeriodInvalid):
        await stock.do(a_limit(1, valid_from=NOW, valid_until=NOW))


async def test_who_gives_no_name_is_limited_order_by_order_or_refused(stock: Stock) -> None:
    await stock.post(a_receipt(20), a_receipt(20, sku="named"))
    await stock.do(a_limit(2))
    await stock.do(a_limit(2, sku="named", named_only=True))

    outcomes = await stock.post(a_reserve(2), a_reserve(2), a_reserve(3), a_reserve(1, sku="named"))

    assert [type(one) for one in outcomes] == [Reserved] * 2 + [no.BuyerLimitExceeded] * 2
    assert outcomes[3].left_units == 0


async def test_an_accepted_order_is_sourced_again_and_counted_whatever_the_limit(stock: Stock) -> None:
    """Its customer was told yes; what they bought since does not break that."""
    await stock.do(a_receipt(20))
    await stock.do(a_limit(2))
    await stock.do(a_reserve(2, customer_id="ana"))

    await stock.do(a_reserve(1, customer_id="ana", accepted=True))
    await stock.do(a_limit(5))

    assert await left(stock, "ana") == 2


async def test_a_till_sale_is_neither_refused_nor_counted(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    await stock.do(a_limit(1))

    await stock.do(a_sale(3))

    assert await left(stock, "ana") == 1


async def test_a_repeat_of_a_reservation_is_not_refused_by_what_it_has_itself(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    await stock.do(a_limit(2))

    first = await stock.do(a_reserve(2, customer_id="ana", order_id="same"))
    again = await stock.do(a_reserve(2, customer_id="ana", order_id="same"))

    assert (first.existed, again.existed) == (False, True)


async def test_parallel_orders_and_baskets_of_one_customer_do_not_pass_it(db: Database) -> None:
    """Two processes, every wish a transaction of its own, at two locations."""
    stock = await in_postgres(db)
    await stock.post(a_receipt(100), a_receipt(100, location_id=OTHER_STORE))
    await stock.do(a_limit(3))
    processes = [PostgresStockStore(db, utc_now, encode) for _ in range(2)]
    wishes = [
        a_hold(1, customer_id="ana")
        if number % 3 == 0
        else a_reserve(1, customer_id="ana", location_id=place)
        for number in range(20)
        for place in (STORE, OTHER_STORE)
    ]

    done = await asyncio.gather(
        *(post(processes[number % 2], [Submission(wish)]) for number, wish in enumerate(wishes))
    )

    kinds = Counter(type(one.outcomes[0]) for one in done)
    assert kinds[Reserved] + kinds[Hold] == 3
    assert kinds[no.BuyerLimitExceeded] == 37
    await stock.audit()


@pytest.mark.parametrize("customer_id", ["ana", "eva", ""])
@pytest.mark.parametrize("held", [False, True])
async def test_what_is_told_before_is_what_is_refused_then(
    db: Database, customer_id: str, held: bool
) -> None:
    """A preview asks without a lock and writes nothing; the reservation must then say the same."""
    stock = await in_postgres(db)
    units = {SKU: 3, "named": 1, "over": 2, "soon": 9, "free": 9}
    for sku in units:
        await stock.do(a_receipt(50, sku=sku))
    await stock.post(
        a_limit(4),
        a_limit(5, sku="named", named_only=True),
        a_limit(1, sku="over", window_seconds=60),
        a_limit(1, sku="soon", valid_from=NOW + DAY),
    )
    await stock.do(a_reserve(1, customer_id="ana", sku="over"))
    hold: Hold = await stock.do(a_hold(2, customer_id=customer_id))
    if customer_id == "ana":
        await stock.do(a_reserve(1, customer_id="ana"))
    hold_id = hold.hold_id if held else ""

    async def told(wanted: dict[str, int]) -> list[tuple[str, int, int, int]]:
        found = await limits.exceeded(db, customer_id, hold_id, wanted, stock.clock.now)
        return [(one.sku, one.requested_units, one.limit_units, one.left_units) for one in found]

    before = {sku: await told({sku: wanted}) for sku, wanted in units.items()}
    everything = await told(units)
    refused = {}
    for sku, wanted in units.items():
        (outcome,) = await stock.post(
            a_reserve(wanted, sku=sku, customer_id=customer_id, hold_id=hold_id if sku == SKU else "")
        )
        refused[sku] = (
            [(outcome.sku, outcome.requested_units, outcome.limit_units, outcome.left_units)]
            if isinstance(outcome, no.BuyerLimitExceeded)
            else []
        )

    assert before == refused
    assert everything == [one for told_of in before.values() for one in told_of]
    assert bool(refused["over"]), "two of an article of which each may have one"
    assert (not refused["soon"], not refused["free"]) == (True, True)
    assert bool(refused["named"]) == (not customer_id)


async def test_a_hold_that_nobody_made_is_told_as_it_is_refused(db: Database) -> None:
    await in_postgres(db)

    with pytest.raises(no.HoldUnknown):
        await limits.exceeded(db, "ana", "hld_never", {SKU: 1}, NOW)
