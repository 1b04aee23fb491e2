"""Insights through its real door: gRPC, PostgreSQL and NATS are real, inventory is in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from aljibe.insights.v1 import insights_pb2 as pb
from chassis.errors import reason_of
from services.insights.adapters.grpc.servicer import TELL_AT_MOST_EVERY_SECONDS
from services.insights.config import Settings
from services.insights.tests.builders import (
    CARRY_OUT,
    NOW,
    PICKUP,
    SHIP,
    Told,
    a_part,
    accepted,
    cancelled,
    choice_needed,
    ready,
    refused,
    resourced,
    shipped,
    short,
)
from services.insights.tests.conftest import Door, until


async def _today(door: Door, **asked: Any) -> pb.Today:
    await door.settled()
    answer = await door.stub.GetToday(pb.GetTodayRequest(**asked), metadata=door.operator)
    return answer.today


async def _set(door: Door, *goals: pb.Goal, request_id: str = "one") -> None:
    await door.stub.SetGoals(pb.SetGoalsRequest(request_id=request_id, goals=goals), metadata=door.operator)


async def _reason(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    return reason_of(caught.value)


async def _located(door: Door) -> None:
    """Until the locations are known, so that parcels have their way."""
    await door.tell(Told("orders", accepted("ord_0", a_part("ful_0", "wh-1")), "ord_0", 1))

    async def look() -> pb.Today:
        return await _today(door)

    await until(look, lambda today: any(one.way == pb.WAY_SHIP_FROM_WAREHOUSE for one in today.minutes))


async def test_orders_count_per_minute_by_channel_and_way(door: Door) -> None:
    """An order that goes several ways counts where most of its units go; units count where they go."""
    await _located(door)
    mixed = accepted(
        "ord_1", a_part("ful_1", "store-1", SHIP, [1]), a_part("ful_2", "store-2", PICKUP, [2, 3])
    )
    sold = accepted("ord_2", a_part("", "store-1", CARRY_OUT, [4]), channel_id="pos", amount_minor=250)

    await door.tell(Told("orders", mixed, "ord_1", 1), Told("orders", sold, "ord_2", 1))

    today = await _today(door)
    counted = {(one.channel_id, one.way): (one.orders, one.units) for one in today.minutes}
    assert counted == {
        ("web", pb.WAY_SHIP_FROM_WAREHOUSE): (1, 2),
        ("web", pb.WAY_SHIP_FROM_STORE): (0, 1),
        ("web", pb.WAY_PICKUP): (1, 5),
        ("pos", pb.WAY_CARRY_OUT): (1, 4),
    }
    totals = {one.channel_id: (one.orders, one.units, one.amount_minor) for one in today.channels}
    assert totals == {"web": (2, 8, 2_000), "pos": (1, 4, 250)}


async def test_a_promise_is_kept_missed_or_overdue(door: Door) -> None:
    """By the due time of the part; what went elsewhere is nobody's promise any more."""
    due = NOW - timedelta(minutes=1)
    for name in ("kept", "missed", "overdue", "gone"):
        part = a_part(f"ful_{name}", "store-1", units=[1], due=due)
        await door.tell(Told("orders", accepted(f"ord_{name}", part), f"ord_{name}", 1))

    await door.tell(
        Told("fulfillment", shipped("ful_kept", due), "ful_kept", 1),
        Told("fulfillment", ready("ful_missed", NOW), "ful_missed", 1),
        Told("fulfillment", short("ful_gone", 1), "ful_gone", 1),
    )

    today = await _today(door)
    assert [(one.kept, one.missed, one.overdue) for one in today.promises] == [(1, 1, 1)]
    backlog = {one.location_id: (one.open, one.late, one.ready) for one in today.backlog}
    assert backlog == {"store-1": (1, 1, 1)}
    assert today.backlog[0].oldest_due_time.ToDatetime(UTC) == due


async def test_what_customers_are_asked_waits_until_they_have_chosen(door: Door) -> None:
    """By another location, or by cancelling; two lines of one order are one order."""
    part = a_part("ful_1", "store-1", PICKUP, [3])
    await door.tell(
        Told("orders", accepted("ord_1", part), "ord_1", 1),
        Told("orders", choice_needed(units=3), "ord_1", 2),
    )
    assert (await _today(door)).awaiting_customer_orders == 1

    other = resourced("ord_1", a_part("ful_2", "wh-1", SHIP, [2]), trigger="CUSTOMER_CHOICE")
    gone = cancelled("ord_1", 1, fulfillment_order_id="")
    await door.tell(Told("orders", other, "ord_1", 3), Told("orders", gone, "ord_1", 4))

    today = await _today(door)
    assert today.awaiting_customer_orders == 0
    assert [(one.trigger, one.units) for one in today.resourced] == [("CUSTOMER_CHOICE", 2)]
    assert today.channels[0].cancelled_units == 1


async def test_refusals_are_told_by_reason_most_frequent_first(door: Door) -> None:
    await door.tell(
        Told("orders", refused("NO_PLAN", 2), "rfs_1", 1),
        Told("orders", refused("INSUFFICIENT_STOCK", 5), "rfs_1", 2),
    )

    today = await _today(door)

    told = [(one.reason, one.channel_id, one.refusals) for one in today.refusals]
    assert told == [("INSUFFICIENT_STOCK", "web", 5), ("NO_PLAN", "web", 2)]


async def test_a_day_begins_at_midnight_of_its_zone(door: Door) -> None:
    """Also in zones whose midnight lies within an hour of UTC."""
    midnight = datetime(2026, 3, 3, 18, 30, tzinfo=UTC)
    for number, at in enumerate((midnight - timedelta(minutes=1), midnight)):
        order = f"ord_{number}"
        await door.tell(Told("orders", accepted(order, a_part(f"ful_{number}"), at=at), order, 1))

    today = await _today(door, time_zone="Asia/Kolkata")
    before = await _today(door, time_zone="Asia/Kolkata", day="2026-03-03")
    in_utc = await _today(door, day="2026-03-03")

    assert [today.day, today.channels[0].orders] == ["2026-03-04", 1]
    assert [one.orders for one in before.channels] == [1]
    assert [one.orders for one in in_utc.channels] == [2]
    assert not before.backlog


async def test_a_zone_or_a_day_that_does_not_exist_is_refused(door: Door) -> None:
    ask = door.stub.GetToday

    assert await _reason(ask(pb.GetTodayRequest(time_zone="Mars/Base"), metadata=door.operator)) == (
        "TIME_ZONE_UNKNOWN"
    )
    assert await _reason(ask(pb.GetTodayRequest(day="2026-02-30"), metadata=door.operator)) == "FIELD_INVALID"


async def test_goals_are_measured_for_channels_and_for_the_pool(door: Door) -> None:
    """Without history by opening hours: at noon a third of 8 to 20 o'clock has passed."""
    await _set(
        door,
        pb.Goal(measure=pb.MEASURE_ORDERS, target=6),
        pb.Goal(channel_id="web", measure=pb.MEASURE_REVENUE, target=900, currency_code="USD"),
        pb.Goal(channel_id="web", measure=pb.MEASURE_PROMISE_KEPT, target=9_500),
    )
    await _located(door)
    await door.tell(
        Told("orders", accepted("ord_1", a_part("", "store-1", CARRY_OUT), channel_id="pos"), "ord_1", 1)
    )

    today = await _today(door)

    stands = [
        (one.goal.channel_id, one.actual, one.expected_by_now, one.basis, one.state) for one in today.goals
    ]
    assert stands == [
        ("", 2, 2, pb.EXPECTATION_BASIS_OPENING_HOURS, pb.GOAL_STATE_ON_TRACK),
        ("web", 0, 9_500, pb.EXPECTATION_BASIS_UNSPECIFIED, pb.GOAL_STATE_UNSPECIFIED),
        ("web", 1_000, 300, pb.EXPECTATION_BASIS_OPENING_HOURS, pb.GOAL_STATE_REACHED),
    ]


async def test_history_of_the_weekday_says_what_should_be_reached_by_now(door: Door) -> None:
    """Two Wednesdays with a quarter of their orders before noon make a quarter of the goal."""
    number = 0
    for weeks in (1, 2):
        for hour, orders in ((9, 1), (15, 3)):
            for _ in range(orders):
                number += 1
                at = NOW.replace(hour=hour) - timedelta(weeks=weeks)
                order = accepted(f"ord_{number}", a_part("", "store-1", CARRY_OUT), at=at)
                await door.tell(Told("orders", order, f"ord_{number}", 1))
    await _set(door, pb.Goal(channel_id="web", measure=pb.MEASURE_ORDERS, target=100))

    goal = (await _today(door)).goals[0]

    assert (goal.expected_by_now, goal.basis) == (25, pb.EXPECTATION_BASIS_SAME_WEEKDAY)
    assert goal.state == pb.GOAL_STATE_BEHIND


async def test_a_goal_is_set_once_replaced_and_ended(door: Door) -> None:
    """A repeat of the request answers as the first time; with other content it is refused."""
    goal = pb.Goal(measure=pb.MEASURE_ORDERS, target=5)
    await _set(door, goal, pb.Goal(channel_id="web", measure=pb.MEASURE_UNITS, target=7))
    await _set(door, pb.Goal(measure=pb.MEASURE_ORDERS, target=9), request_id="two")

    await _set(door, goal, pb.Goal(channel_id="web", measure=pb.MEASURE_UNITS, target=7))
    await _set(door, pb.Goal(channel_id="web", measure=pb.MEASURE_UNITS, target=0), request_id="three")
    reused = await _reason(
        door.stub.SetGoals(pb.SetGoalsRequest(request_id="two", goals=[goal]), metadata=door.operator)
    )

    listed = await door.stub.ListGoals(pb.ListGoalsRequest(page_size=1), metadata=door.operator)
    assert reused == "REQUEST_ID_REUSED"
    assert [one.target for one in listed.goals] == [9]
    assert not listed.next_page_token


async def test_goals_are_listed_page_by_page_the_pool_first(door: Door) -> None:
    await _set(
        door,
        pb.Goal(channel_id="web", measure=pb.MEASURE_ORDERS, target=1),
        pb.Goal(measure=pb.MEASURE_UNITS, target=2),
        pb.Goal(channel_id="app", measure=pb.MEASURE_ORDERS, target=3),
    )

    seen: list[str] = []
    token = ""
    while True:
        page = await door.stub.ListGoals(
            pb.ListGoalsRequest(page_size=2, page_token=token), metadata=door.operator
        )
        seen += [one.channel_id for one in page.goals]
        token = page.next_page_token
        if not token:
            break

    assert seen == ["", "app", "web"]


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (pb.Goal(measure=pb.MEASURE_REVENUE, target=5), "CURRENCY_REQUIRED"),
        (pb.Goal(measure=pb.MEASURE_UNITS, target=5, currency_code="USD"), "CURRENCY_REQUIRED"),
        (pb.Goal(measure=pb.MEASURE_PROMISE_KEPT, target=10_001), "TARGET_TOO_HIGH"),
    ],
)
async def test_a_goal_that_means_nothing_is_refused(door: Door, goal: pb.Goal, expected: str) -> None:
    request = pb.SetGoalsRequest(request_id="one", goals=[goal])

    assert await _reason(door.stub.SetGoals(request, metadata=door.operator)) == expected


async def test_a_watcher_hears_of_a_change_within_two_seconds_and_of_nothing_else(door: Door) -> None:
    """The first look at once; then silence until something happens."""
    looks: AsyncIterator[Any] = aiter(door.stub.WatchToday(pb.WatchTodayRequest(), metadata=door.operator))
    await anext(looks)
    coming = asyncio.ensure_future(anext(looks))
    await asyncio.wait([coming], timeout=1.5)
    assert not coming.done()

    await door.tell(Told("orders", refused(), "rfs_1", 1))

    # The two seconds are in its pauses; how long the machine takes on top is not the service's.
    assert Settings().watch_seconds + TELL_AT_MOST_EVERY_SECONDS < 2.0
    async with asyncio.timeout(10):
        told = await coming
        while not told.today.refusals:  # an alarm may come first
            told = await anext(looks)
    assert told.today.refusals[0].refusals == 1


async def test_late_work_and_a_difference_of_the_audit_raise_alarms_that_end_with_their_cause(
    door: Door,
) -> None:
    """An alarm keeps the time since when; worst first."""
    late = a_part("ful_1", "store-1", due=NOW - timedelta(minutes=5))
    await door.tell(Told("orders", accepted("ord_1", late), "ord_1", 1))
    door.inventory.differences = 2

    async def kinds() -> list[int]:
        return [one.kind for one in (await _today(door)).alarms]

    await until(kinds, lambda found: len(found) == 2)
    alarms = (await _today(door)).alarms
    assert [one.kind for one in alarms] == [pb.ALARM_KIND_AUDIT_DIFFERENCE, pb.ALARM_KIND_LATE_BACKLOG]
    assert alarms[1].since_time.ToDatetime(UTC) == NOW - timedelta(minutes=5)
    assert alarms[1].facts["location_name"] == "Name of store-1"
    assert alarms[1].link == "/store?location=store-1"

    door.inventory.differences = 0
    await door.tell(Told("fulfillment", shipped("ful_1"), "ful_1", 1))

    await until(kinds, lambda found: not found)


async def test_only_the_past_is_forgotten(door: Door) -> None:
    """Minutes go after days, hours after months; what was counted in the hour stays until then."""
    await door.tell(
        Told("orders", accepted("ord_1", a_part("", "store-1", CARRY_OUT)), "ord_1", 1),
        Told("orders", refused(), "rfs_1", 1),
    )
    await door.settled()
    door.now[0] = NOW + timedelta(days=4)

    async def rows() -> tuple[int, int]:
        async with door.db.connection() as conn:
            minutes = await conn.fetchval("SELECT count(*) FROM tally_minute")
            return minutes, await conn.fetchval("SELECT count(*) FROM tally_hour")

    await door.end()
    await door.start()

    assert await until(rows, lambda found: found[0] == 0) == (0, 2)
