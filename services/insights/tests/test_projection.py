"""The projection is what the events say: whatever comes twice, late or across a restart."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from aljibe.common.v1 import types_pb2
from chassis import streams
from services.insights.tests.builders import (
    CARRY_OUT,
    NOW,
    PICKUP,
    SHIP,
    Told,
    a_part,
    accepted,
    cancelled,
    displaced,
    handed_over,
    ready,
    refused,
    released,
    resourced,
    shipped,
    short,
)
from services.insights.tests.conftest import SOURCES, Door

CHANNELS = ("web", "app", "pos")
PLACES = ("store-1", "store-2", "wh-1")
Key = tuple[Any, ...]


class History:
    """A day of orders as their events tell it, and what that comes to, counted the plain way."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.orders: list[Told] = []
        self.fulfillment: list[Told] = []
        self.inventory: list[Told] = []
        self.tallies: Counter[tuple[Key, str]] = Counter()
        self.open: Counter[str] = Counter()

    def play(self, orders: int) -> History:
        for number in range(orders):
            self._order(f"ord_{number}")
        self._add("orders", refused(refusals=3, at=NOW), "rfs_1", 1)
        self._count(NOW, "REFUSED", "web", "", 0, "INSUFFICIENT_STOCK", events=3)
        self._add("inventory", displaced(units=2, at=NOW), "rsv_1", 1)
        self._count(NOW, "DISPLACED", "", "store-1", 0, "SALE", events=1, units=2)
        return self

    def _order(self, order_id: str) -> None:
        pick = self._random
        at = NOW + timedelta(seconds=pick.randrange(7_200))
        channel, place = pick.choice(CHANNELS), pick.choice(PLACES)
        units = [pick.randint(1, 4) for _ in range(pick.randint(1, 3))]
        method: types_pb2.FulfillmentMethod.ValueType = pick.choice((SHIP, PICKUP, CARRY_OUT))
        name, due = f"ful_{order_id}", at + timedelta(minutes=pick.randint(10, 200))
        part = a_part(name, place, method, units, due)
        if method == SHIP and pick.random() < 0.2:
            part.supply_id = "PO-1"
        told = accepted(order_id, part, channel_id=channel, at=at, amount_minor=500)
        self._add("orders", told, order_id, 1)
        self._count(at, "ORDERED", channel, place, method, "USD", events=1, units=sum(units), amount=500)
        if method == CARRY_OUT:
            return
        if part.supply_id:
            # Nobody's work until it comes.
            if pick.random() < 0.5:
                came = a_part(f"{name}_came", place, method, units, due)
                self._add("orders", released(order_id, came, channel_id=channel, at=at), order_id, 2)
                self.open[place] += 1
            return
        fate = pick.choice(("open", "done", "short", "cancelled"))
        done = at + timedelta(minutes=pick.randint(5, 220))
        if fate == "open":
            self.open[place] += 1
        elif fate == "done":
            if method == SHIP:
                self._add("fulfillment", shipped(name, done), name, 1)
            else:
                self._add("fulfillment", ready(name, done), name, 1)
                self._add("fulfillment", handed_over(name, done + timedelta(hours=1)), name, 2)
            kind = "KEPT" if done <= due else "MISSED"
            self._count(done, kind, channel, place, method, "", events=1)
        elif fate == "short":
            again = f"{name}_again"
            self._add("fulfillment", short(name, sum(units), done), name, 1)
            part = a_part(again, "wh-1", SHIP, units, due)
            self._add("orders", resourced(order_id, part, channel_id=channel, at=done), order_id, 2)
            self._count(done, "RESOURCED", channel, "", 0, "SHORT_PICK", events=1, units=sum(units))
            self.open["wh-1"] += 1
        else:
            self._add("fulfillment", short(name, sum(units), done), name, 1)
            self._add(
                "orders", cancelled(order_id, sum(units), fulfillment_order_id=name, at=done), order_id, 2
            )
            self._count(done, "CANCELLED", channel, "", 0, "CUSTOMER", events=1, units=sum(units))

    def _add(self, service: str, message: Any, aggregate_id: str, sequence: int) -> None:
        into: list[Told] = getattr(self, service)
        into.append(Told(service, message, aggregate_id, sequence))

    def _count(
        self,
        at: datetime,
        kind: str,
        channel: str,
        place: str,
        method: int,
        label: str,
        *,
        events: int,
        units: int = 0,
        amount: int = 0,
    ) -> None:
        key = (at.replace(second=0, microsecond=0), kind, channel, place, method, label)
        self.tallies[key, "events"] += events
        self.tallies[key, "units"] += units
        self.tallies[key, "amount_minor"] += amount


async def _stored(door: Door, table: str) -> dict[tuple[Key, str], int]:
    async with door.db.connection() as conn:
        rows = await conn.fetch(f"SELECT * FROM {table}")  # noqa: S608 - one of two names
    return {
        (tuple(row)[:6], name): row[name]
        for row in rows
        for name in ("events", "units", "amount_minor")
        if row[name]
    }


async def _open(door: Door) -> dict[str, int]:
    async with door.db.connection() as conn:
        rows = await conn.fetch("SELECT location_id, count(*) FROM part WHERE is_open GROUP BY 1")
    return {row[0]: row[1] for row in rows}


def _by_hour(tallies: Counter[tuple[Key, str]]) -> dict[tuple[Key, str], int]:
    hours: Counter[tuple[Key, str]] = Counter()
    for (key, name), number in tallies.items():
        hours[(key[0].replace(minute=0), *key[1:]), name] += number
    return {key: number for key, number in hours.items() if number}


def _shuffled(told: Sequence[Told], seed: int) -> list[Told]:
    """As a broker may deliver: some twice."""
    pick = random.Random(seed)
    return [one for fact in told for one in ([fact, fact] if pick.random() < 0.2 else [fact])]


async def test_counts_are_what_the_events_say_after_redelivery_replay_and_restart(door: Door) -> None:
    """Work is told before the plan that it belongs to, messages come twice, and the service starts anew."""
    history = History(seed=7).play(300)

    await door.tell(*_shuffled(history.fulfillment, 1), *_shuffled(history.inventory, 2))
    half = len(history.orders) // 2
    await door.tell(*_shuffled(history.orders[:half], 3))
    await door.end()
    await door.start()
    await door.tell(*_shuffled(history.orders[half:], 4))
    await door.tell(*history.orders, *history.fulfillment, *history.inventory, again=1)
    await door.settled()

    expected = {key: number for key, number in history.tallies.items() if number}
    assert await _stored(door, "tally_minute") == expected
    assert await _stored(door, "tally_hour") == _by_hour(history.tallies)
    assert await _open(door) == dict(history.open)


async def test_everything_but_the_goals_is_made_again_from_the_streams(door: Door) -> None:
    """As the runbook says: empty tables, no consumers, and the service started."""
    history = History(seed=11).play(80)
    await door.tell(*history.orders, *history.fulfillment, *history.inventory)
    await door.settled()
    before = await _stored(door, "tally_minute"), await _stored(door, "tally_hour"), await _open(door)

    await door.end()
    async with door.db.connection() as conn:
        for table in ("tally_minute", "tally_hour", "part", "awaiting", "inbox", "inbox_cursor"):
            await conn.execute(f"DELETE FROM {table}")  # noqa: S608 - one of these names
    for source in SOURCES:
        await door.jetstream.delete_consumer(streams.stream_name(source), f"insights-{source}")
    await door.start()
    await door.settled()

    after = await _stored(door, "tally_minute"), await _stored(door, "tally_hour"), await _open(door)
    assert after == before
    assert after[0]
