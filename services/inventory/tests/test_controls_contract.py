"""The rules of channel controls, on the fake and on PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from aljibe.inventory.v1 import events_pb2 as facts
from services.inventory.domain import refusals as no
from services.inventory.domain.control import Control
from services.inventory.domain.controlling import RemoveControls
from services.inventory.domain.facts import Count
from services.inventory.domain.reserving import Commit, Consume, Release, Reserved
from services.inventory.domain.stock import Cause
from services.inventory.tests.builders import (
    NOW,
    OTHER_STORE,
    SKU,
    a_control,
    a_hold,
    a_pick,
    a_receipt,
    a_reserve,
    a_sale,
    an_origin,
    percent,
    units,
)
from services.inventory.tests.contract import Stock

WEEK = timedelta(days=7)


async def room(stock: Stock, channel_id: str) -> int:
    """What the channel could be promised now, as a refusal tells it."""
    (refused,) = await stock.post(a_hold(1_000, channel_id=channel_id))
    assert isinstance(refused, no.InsufficientStock)
    return refused.shortages[0].available_units


async def rooms(stock: Stock, *channels: str) -> list[int]:
    return [await room(stock, channel_id) for channel_id in channels]


async def set_alone(stock: Stock, *commands: Any) -> list[Control]:
    """Set controls, and let time go on as it does."""
    found = [control for command in commands for control in await stock.do(command)]
    stock.clock.now += timedelta(seconds=1)
    return found


async def ship(stock: Stock, reserved: Reserved) -> None:
    reservation_id = reserved.reservation.reservation_id
    await stock.do(Commit(reservation_id))
    await stock.do(Consume(reservation_id, (), Cause.SHIPMENT, an_origin(reservation_id)))


async def test_ring_fenced_units_go_to_nobody_else(stock: Stock) -> None:
    await stock.post(a_receipt(6), a_receipt(4, location_id=OTHER_STORE))
    await set_alone(stock, a_control("app", ring_fence=units(3)))

    outcomes = await stock.post(
        a_reserve(6), a_reserve(2, location_id=OTHER_STORE), a_reserve(1, location_id=OTHER_STORE)
    )

    assert [type(one) for one in outcomes] == [Reserved, no.InsufficientStock, Reserved]
    assert (outcomes[1].shortages[0].location_id, outcomes[1].shortages[0].available_units) == ("", 1)
    assert await rooms(stock, "web", "app", "") == [0, 3, 0]
    await stock.audit()


async def test_a_channel_uses_its_ring_fence_before_the_common_pool(stock: Stock) -> None:
    await stock.do(a_receipt(10))
    await set_alone(stock, a_control("app", ring_fence=units(4)))

    await stock.do(a_reserve(3, channel_id="app"))
    first = await rooms(stock, "web", "app")
    await stock.do(a_reserve(3, channel_id="app"))

    assert first == [6, 7]
    assert await rooms(stock, "web", "app") == [4, 4]
    await stock.audit()


async def test_without_fallback_a_channel_ends_with_its_ring_fence(stock: Stock) -> None:
    await stock.do(a_receipt(10))
    await set_alone(stock, a_control("app", ring_fence=units(4), fallback=False))

    (refused,) = await stock.post(a_reserve(5, channel_id="app"))
    await stock.do(a_reserve(4, channel_id="app"))

    assert isinstance(refused, no.InsufficientStock)
    assert await rooms(stock, "web", "app") == [6, 0]


async def test_a_buffer_keeps_a_channel_off_the_last_units(stock: Stock) -> None:
    await stock.do(a_receipt(10))
    await set_alone(stock, a_control("market", buffer=units(7)), a_control("app", buffer=percent(15)))

    assert await rooms(stock, "market", "app", "web") == [3, 8, 10]
    await stock.do(a_reserve(8))
    assert await rooms(stock, "market", "app", "web") == [0, 0, 2]


async def test_a_cap_counts_what_the_channel_keeps_and_had(stock: Stock) -> None:
    """A unit counts from its promise until it is given back: shipped ones still count."""
    await stock.do(a_receipt(10))
    await set_alone(stock, a_control("market", cap=units(5)))

    first = await stock.do(a_reserve(2, channel_id="market"))
    second = await stock.do(a_reserve(2, channel_id="market"))
    await ship(stock, first)
    after_shipping = await room(stock, "market")
    await stock.do(Release(second.reservation.reservation_id))

    assert after_shipping == 1
    assert await rooms(stock, "market", "web") == [3, 8]
    await stock.audit()


async def test_percentages_do_not_shrink_as_goods_leave(stock: Stock) -> None:
    """They are of what there was when counting began and what came since, whoever sold it."""
    await stock.do(a_receipt(20))
    await set_alone(stock, a_control("market", cap=percent(20)), a_control("app", ring_fence=percent(50)))

    await ship(stock, await stock.do(a_reserve(8)))
    before = await rooms(stock, "web", "app", "market")
    await stock.do(a_receipt(10))

    assert before == [2, 12, 2]
    assert await rooms(stock, "web", "app", "market") == [7, 22, 6]
    await stock.audit()


async def test_ring_fences_are_filled_by_priority(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    await set_alone(
        stock,
        a_control("app", ring_fence=units(4)),
        a_control("vip", ring_fence=units(3), priority=10),
    )

    assert await rooms(stock, "vip", "app", "web") == [3, 2, 0]


async def test_holds_count_like_orders_and_pass_into_them(stock: Stock) -> None:
    await stock.do(a_receipt(10))
    await set_alone(stock, a_control("market", cap=units(4)))

    hold = await stock.do(a_hold(3, channel_id="market"))
    (refused,) = await stock.post(a_reserve(2, channel_id="market"))
    await stock.do(a_reserve(4, channel_id="market", hold_id=hold.hold_id))

    assert isinstance(refused, no.InsufficientStock)
    assert await rooms(stock, "market", "web") == [0, 6]
    await stock.audit()


async def test_a_hold_is_honoured_in_another_channel(stock: Stock) -> None:
    """A basket begun in the app may be finished on the web: what it holds was promised."""
    await stock.do(a_receipt(3))
    await set_alone(stock, a_control("app", ring_fence=units(3)))
    hold = await stock.do(a_hold(2, channel_id="app"))

    await stock.do(a_reserve(2, channel_id="web", hold_id=hold.hold_id))

    assert await rooms(stock, "web", "app") == [0, 1]
    await stock.audit()


async def test_a_till_sale_is_refused_by_no_control_and_counts(stock: Stock) -> None:
    await stock.do(a_receipt(10))
    await set_alone(
        stock, a_control("tills", ring_fence=units(4), cap=units(5)), a_control("app", ring_fence=units(5))
    )

    await stock.do(a_sale(3, channel_id="tills"))
    after_three = await rooms(stock, "tills", "app", "web")
    await stock.do(a_sale(6, channel_id="tills"))

    assert after_three == [2, 6, 1]
    assert await rooms(stock, "tills", "app", "web") == [0, 1, 0]
    await stock.audit()


async def test_what_is_left_of_a_ring_fence_flows_back_at_its_release_and_at_its_end(stock: Stock) -> None:
    await stock.do(a_receipt(10))
    await set_alone(
        stock,
        a_control("app", ring_fence=units(4), release_time=NOW + WEEK / 2),
        a_control("vip", ring_fence=units(2), valid_until=NOW + WEEK, cap=units(3)),
    )
    await stock.do(a_reserve(1, channel_id="app", ttl_seconds=86_400))

    before = await rooms(stock, "web", "app", "vip")
    stock.clock.now = NOW + WEEK / 2
    released = await rooms(stock, "web", "app", "vip")
    stock.clock.now = NOW + WEEK

    assert before == [4, 7, 3]
    assert released == [7, 7, 3]
    assert await rooms(stock, "web", "app", "vip") == [9, 9, 9]


async def test_a_control_waits_for_its_time_and_counts_from_then(stock: Stock) -> None:
    await stock.do(a_receipt(10))
    begins = NOW + WEEK
    await set_alone(stock, a_control("market", cap=units(2), valid_from=begins))

    await stock.do(a_reserve(3, channel_id="market"))
    before = await room(stock, "market")
    stock.clock.now = begins

    assert before == 7
    assert await room(stock, "market") == 2
    await stock.audit()


async def test_a_new_amount_goes_on_counting_and_a_new_beginning_counts_anew(stock: Stock) -> None:
    await stock.do(a_receipt(10))
    await set_alone(stock, a_control("market", cap=units(2)))
    await stock.do(a_reserve(2, channel_id="market"))

    await set_alone(stock, a_control("market", cap=units(5)))
    same = await room(stock, "market")
    await set_alone(stock, a_control("market", cap=units(5), valid_from=stock.clock.now))

    assert same == 3
    assert await room(stock, "market") == 5
    await stock.audit()


async def test_a_removed_control_says_nothing_any_more(stock: Stock) -> None:
    await stock.do(a_receipt(10))
    await set_alone(stock, a_control("app", ring_fence=units(4)), a_control("market", cap=units(1)))

    await stock.do(RemoveControls(((SKU, "app"), (SKU, "market"))))
    (again,) = await stock.post(RemoveControls(((SKU, "app"),)))

    assert isinstance(again, no.ControlUnknown)
    assert await rooms(stock, "web", "app", "market") == [10, 10, 10]
    told = [(one.control.channel_id, one.removed) for one in stock.told(facts.ChannelControlChanged)]
    assert told == [("app", False), ("market", False), ("app", True), ("market", True)]
    await stock.audit()


async def test_promises_given_back_or_displaced_free_the_cap(stock: Stock) -> None:
    await stock.do(a_receipt(4))
    await set_alone(stock, a_control("market", cap=units(2)))
    await stock.do(a_reserve(2, channel_id="market", ttl_seconds=10))
    full = await room(stock, "market")

    await stock.expire(timedelta(seconds=20))
    expired = await room(stock, "market")
    await stock.do(a_reserve(2, channel_id="market"))
    await stock.do(Count((a_pick(1),), an_origin()))

    assert (full, expired) == (0, 2)
    assert await room(stock, "market") == 0
    await stock.do(a_receipt(5))
    assert await room(stock, "market") == 1
    await stock.audit()


async def test_a_late_commit_takes_again_only_what_its_channel_may_have(stock: Stock) -> None:
    await stock.do(a_receipt(3))
    late = await stock.do(a_reserve(3, ttl_seconds=10))
    await stock.expire(timedelta(seconds=20))
    await set_alone(stock, a_control("app", ring_fence=units(2)))

    found = await stock.do(Commit(late.reservation.reservation_id, tolerant=True))

    assert found.live_units == 1
    assert stock.told(facts.ReservationLost)[0].picks[0].quantity_units == 2
    await stock.audit()


async def test_what_was_promised_before_a_control_stays_and_does_not_count(stock: Stock) -> None:
    await stock.do(a_receipt(5))
    await stock.do(a_reserve(4, channel_id="market"))
    await stock.do(a_hold(1, channel_id="market"))
    stock.clock.now += timedelta(seconds=1)

    (control,) = await set_alone(stock, a_control("market", cap=units(2)))

    assert (control.promised_units, control.held_units) == (0, 1)
    await stock.do(a_receipt(5))
    assert await room(stock, "market") == 1
    await stock.audit()


async def test_a_control_must_say_something_in_order(stock: Stock) -> None:
    with pytest.raises(no.ControlEmpty):
        await stock.do(a_control())
    with pytest.raises(no.PeriodInvalid):
        await stock.do(a_control(cap=units(1), valid_from=NOW, valid_until=NOW))
    with pytest.raises(no.PeriodInvalid):
        await stock.do(a_control(ring_fence=units(1), release_time=NOW + WEEK, valid_until=NOW))
