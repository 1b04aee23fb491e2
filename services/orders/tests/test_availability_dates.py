"""By when it could be with the customer: what pages say is what the basket says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import grpc
import pytest

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import dates_pb2, dates_pb2_grpc, orders_pb2
from chassis.client import channel
from chassis.refusals import PassedOn
from services.orders.domain.capacity import CapacityLeft
from services.orders.domain.draft import Channel, Draft, DraftLine
from services.orders.domain.places import PICKUP, SHIP, Address, Location, Locations
from services.orders.domain.prices import PricedLine, Quote
from services.orders.domain.refusals import ChannelUnknown, LocationUnknown, PromiseNotOffered
from services.orders.domain.rules import (
    EXPRESS,
    CustomerPromise,
    Exclusion,
    Group,
    Matcher,
    SafetyDays,
    Scope,
    SourcingRules,
)
from services.orders.domain.states import Method, UnitState
from services.orders.domain.supplies import BACKORDER, NONE, Coming, SaleTerms, Supply, SupplyBoard
from services.orders.tests.builders import NOW, Shelf
from services.orders.tests.conftest import Service
from services.orders.tests.test_door import refused, wish
from services.orders.usecases.availability_dates import Ask, AvailabilityDates, Dates
from services.orders.usecases.preview_order import Preview, PreviewOrder
from services.orders.usecases.terms import Terms

HERE = (40.0, -80.0)


@dataclass
class World:
    """What both views are asked of: stock, articles, places, rules, capacity and a clock, all of which may
    change between two questions.
    """

    locations: Locations
    rules: SourcingRules = field(default_factory=SourcingRules)
    levels: dict[tuple[str, str], int] = field(default_factory=dict)
    left: dict[tuple[str, date], int] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=lambda: {"web": Channel("web", "USD")})
    now: datetime = NOW
    marks: dict[str, object] = field(default_factory=dict)
    asked: int = 0
    board: SupplyBoard = field(default_factory=SupplyBoard)

    def __post_init__(self) -> None:
        self.dates = AvailabilityDates(self, self, self, self.terms, lambda: self.now, self)
        self.preview = PreviewOrder(self, self, self, self, self.terms, lambda: self.now, self)

    def terms(self, now: datetime) -> Terms:
        return Terms(now, self.rules, capacity=CapacityLeft(self.left))

    def put(self, sku: str, location_id: str, units: int) -> None:
        self.levels[sku, location_id] = units
        self.marks.pop(sku, None)

    # ---- stock

    def view(self, channel_id: str, *, holding: bool = False) -> Shelf:
        return Shelf(dict(self.levels))

    bare = view

    def taking(self, picks: Mapping[tuple[str, str], int]) -> Any:
        raise AssertionError("pages reserve nothing")

    def kept(self, skus: Iterable[str]) -> list[str]:
        return []

    def mark(self, sku: str) -> object | None:
        return self.marks.setdefault(sku, object())

    async def refresh(self, skus: Sequence[str]) -> None:
        return

    async def exceeded(self, customer_id: str, hold_id: str, units: Mapping[str, int]) -> Sequence[Any]:
        return ()

    # ---- what is to come

    def may(self, sku: str, channel_id: str, *, asked: bool) -> bool:
        return self.board.may(sku, channel_id, asked=asked)

    def release_time(self, sku: str, channel_id: str) -> datetime | None:
        terms = self.board.terms(sku, channel_id)
        return terms.release_time if terms is not None else None

    def coming(self, sku: str, channel_id: str, now: datetime, receiving_days: int) -> list[Coming]:
        return self.board.coming(sku, channel_id, now, receiving_days)

    # ---- places and prices

    async def learn(self, location_ids: set[str], channel_id: str) -> None:
        return

    async def quote(self, draft: Draft, tax_country: str, tax_region: str) -> Quote:
        self.asked += 1
        lines = []
        for line in draft.lines:
            if line.sku == "none":
                raise PassedOn(b"", "SKU_UNKNOWN")
            price = 1_000 * (ord(line.sku[0]) - 96)
            size = (("size", "ML"[ord(line.sku[0]) % 2]),)
            lines.append(PricedLine(price, 0, 0, price, "", "", "PQ"[ord(line.sku[0]) % 2], size))
        return Quote("USD", tuple(lines), sum(one.total_minor for one in lines), 0, 0, "", None)


def place(location_id: str, at: tuple[float, float] = HERE, **more: Any) -> Location:
    return Location(location_id, "STORE", *at, capabilities=frozenset({SHIP, PICKUP}), **more)


async def of(world: World, sku: str, **more: Any) -> Dates:
    (found,) = await world.dates(Ask("web", [sku], destination=HERE, **more))
    return found


@pytest.mark.parametrize("seed", range(12))
async def test_the_page_and_the_basket_say_the_same(seed: int) -> None:
    """Random networks, rules, promises, capacity, stock and times, asked twice and after every change: a date
    on the page is the date of the preview, none where the preview lacks units or moves to another promise.
    """
    draw = Random(seed)
    world = World(_places(draw))
    ids = list(world.locations.by_id)
    dated = waiting = 0
    for _ in range(25):
        _change(draw, world)
        sku, units = draw.choice("abcd"), draw.choice((1, 1, 2, 4))
        stores = draw.sample(ids, 2)
        found = [await of(world, sku, quantity_units=units, pickup_location_ids=stores) for _ in range(2)]
        assert found[0] == found[1]
        many = Ask("web", list("dcba"), units, HERE, stores)
        assert found[0] in await world.dates(many)
        assert [one.customer_promise for one in found[0].deliveries] == list(world.rules.promises)
        for one in found[0].deliveries:
            line = DraftLine(sku, units, Method.SHIP, accept_later=True)
            draft = Draft("web", (line,), Address("US", *HERE), customer_promise=one.customer_promise)
            shown = await world.preview(draft)
            kept = not shown.shortages and shown.order.customer_promise == one.customer_promise
            assert one.promise_time == (shown.order.promise_time if kept else None)
            assert one.waits == (kept and _waits(shown))
            dated += one.promise_time is not None
            waiting += one.waits
        for store_id, time, waits in found[0].pickups:
            line = DraftLine(sku, units, Method.PICKUP, store_id, accept_later=True)
            shown = await world.preview(Draft("web", (line,), Address("US", *HERE)))
            assert time == (None if shown.shortages else shown.order.promise_time)
            assert waits == (time is not None and _waits(shown))
            dated += time is not None
            waiting += waits
    assert dated > 20
    assert waiting > 0


def _waits(shown: Preview) -> bool:
    return bool(shown.order.units_in(UnitState.BACKORDERED))


def _places(draw: Random) -> Locations:
    return Locations.of(
        place(
            f"s-{n}",
            (draw.uniform(35, 45), draw.uniform(-95, -75)),
            time_zone=draw.choice(("UTC", "America/New_York", "Asia/Tokyo")),
            daily_capacity_units=draw.choice((0, 0, 4)),
            hours=draw.choice(((), tuple((day, 540, 1200) for day in range(1, 7)))),
            handover_days=draw.choice(((), (1, 3, 5))),
        )
        for n in range(7)
    )


def _change(draw: Random, world: World) -> None:
    for _ in range(draw.randint(0, 6)):
        world.put(draw.choice("abcd"), draw.choice(list(world.locations.by_id)), draw.randint(0, 5))
    for _ in range(2):
        sku = draw.choice("abcd")
        terms = SaleTerms(
            sku,
            draw.choice(("web", "*")),
            draw.choice((NONE, BACKORDER, BACKORDER)),
            version=draw.randint(1, 99),
        )
        world.board.put_terms(terms)
    for _ in range(2):
        comes = world.now + timedelta(hours=draw.randint(1, 400))
        units = {draw.choice("abcd"): draw.randint(0, 6) for _ in range(2)}
        at = draw.choice(list(world.locations.by_id))
        world.board.put(Supply(f"po-{draw.randint(1, 4)}", at, comes, draw.randint(1, 99), units))
    if draw.random() < 0.3:
        world.now += timedelta(minutes=draw.choice((1, 60, 700, 3_000)))
    if draw.random() < 0.3:
        day = world.now.date() + timedelta(days=draw.randint(0, 2))
        world.left = {**world.left, (draw.choice(list(world.locations.by_id)), day): draw.randint(0, 4)}
    if draw.random() < 0.2:
        world.rules = _rules(draw)
    if draw.random() < 0.1:
        world.locations = _places(draw)


def _rules(draw: Random) -> SourcingRules:
    scope = draw.choice(
        (
            Scope(),
            Scope(brands=("P",)),
            Scope(attributes=(("size", "M"),)),
            Scope(least_value_minor=3_000),
            Scope(customer_promises=("EXPRESS",)),
        )
    )
    matcher = draw.choice((Matcher(("s-1", "s-2", "s-3")), Matcher(within_km=900), Matcher(open_now=True)))
    return SourcingRules(
        currency_code="USD",
        exclusions=draw.choice(((), (Exclusion("no", scope, matcher),))),
        groups=draw.choice(((), (Group("first", matcher, scope), Group("rest", scope=scope)))),
        safety_days=draw.choice(((), (SafetyDays("keep", matcher, scope, 2),))),
        late_per_day=draw.choice((0, 90_000)),
        customer_promises=draw.choice(
            ((EXPRESS,), (EXPRESS, CustomerPromise("NEXT", deliver_within_days=1)), ())
        ),
    )


async def test_nobody_is_asked_about_articles_unless_rules_are() -> None:
    """And then once a minute, whoever looks."""
    world = World(Locations.of([place("s-1")]), levels={("a", "s-1"): 1})
    scope = Scope(brands=("P",))

    await of(world, "a")
    before = world.asked
    world.rules = SourcingRules(exclusions=(Exclusion("no", scope, Matcher(("s-1",))),))
    shut = [await of(world, "b") for _ in range(3)]
    sold = await of(world, "none")

    assert (before, world.asked) == (0, 2)
    assert all(one.promise_time is None for found in shut for one in found.deliveries)
    assert sold == Dates("none")


async def test_what_is_kept_gives_way_to_news() -> None:
    """Of stock, of rules, of the time, and of days that filled up."""
    limited = place("s-1", daily_capacity_units=5, ship_cut_off_minute=1_440)
    world = World(Locations.of([limited]), levels={("a", "s-1"): 3})
    world.left = {("s-1", NOW.date() + timedelta(days=n)): 5 for n in range(70)}

    async def standard() -> datetime | None:
        return (await of(world, "a", customer_promises=["STANDARD"])).deliveries[0].promise_time

    first = await standard()
    world.left[("s-1", NOW.date())] = 0
    full = await standard()
    world.now += timedelta(days=3)
    later = await standard()
    world.rules = replace(world.rules, transit_days=4)
    slower = await standard()
    world.put("a", "s-1", 0)
    gone = await standard()

    assert first is not None
    assert (full, later, slower, gone) == (
        first + timedelta(days=1),
        first + timedelta(days=3),
        first + timedelta(days=6),
        None,
    )


async def test_what_is_to_come_is_dated_where_it_is_sold_so() -> None:
    """Not without terms, not within so many days, and not where customers cannot collect."""
    shut = replace(place("s-2"), active=False)
    world = World(Locations.of([place("s-1"), shut]), levels={("a", "s-1"): 1})
    world.board.put(Supply("po-1", "s-1", NOW + timedelta(days=10), 1, {"a": 5}))
    stores = ["s-1", "s-2"]

    unsold = await of(world, "a", quantity_units=3, pickup_location_ids=stores)
    world.board.put_terms(SaleTerms("a", "*", BACKORDER, version=1))
    enough = await of(world, "a")
    waits = await of(world, "a", quantity_units=3, pickup_location_ids=stores)
    too_many = await of(world, "a", quantity_units=7, pickup_location_ids=stores)

    assert _undated(unsold)
    assert not any(one.waits for one in enough.deliveries)
    assert [(one.customer_promise, one.waits) for one in waits.deliveries] == [
        ("STANDARD", True),
        ("EXPRESS", False),
    ]
    assert [(one.location_id, one.waits) for one in waits.pickups] == [("s-1", True), ("s-2", False)]
    times = [one.promise_time for one in (waits.deliveries[0], waits.pickups[0])]
    assert all(time is not None and time > NOW + timedelta(days=10) for time in times)
    assert waits.deliveries[1].promise_time is None
    assert _undated(too_many)


def _undated(found: Dates) -> bool:
    times = [one.promise_time for one in found.deliveries] + [one.promise_time for one in found.pickups]
    return not any(times)


async def test_a_channel_is_told_of_the_ways_that_it_offers() -> None:
    world = World(Locations.of([place("s-1")]), levels={("a", "s-1"): 1})
    world.channels["web"] = Channel("web", "USD", frozenset({Method.PICKUP}))

    collected = await of(world, "a", pickup_location_ids=["s-1"])
    world.channels["web"] = Channel("web", "USD", frozenset({Method.SHIP}))
    sent = await of(world, "a", pickup_location_ids=["s-1"])

    assert (collected.deliveries, [one.location_id for one in collected.pickups]) == ((), ["s-1"])
    assert ([one.customer_promise for one in sent.deliveries], sent.pickups) == (["STANDARD", "EXPRESS"], [])


async def test_where_nobody_collects_now_there_is_no_date() -> None:
    closed = replace(place("s-2"), active=False)
    world = World(Locations.of([place("s-1"), closed]), levels={("a", "s-1"): 1, ("a", "s-2"): 1})

    found = await of(world, "a", pickup_location_ids=["s-2", "s-1"])

    assert [(at, time is not None) for at, time, _ in found.pickups] == [("s-2", False), ("s-1", True)]


async def test_others_have_their_turns_while_a_page_is_dated(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each article and store here, where no turn is short enough."""
    monkeypatch.setattr("services.orders.usecases.availability_dates.TURN_SECONDS", 0.0)
    stores = [f"store-{n}" for n in range(5)]
    world = World(Locations.of(place(name) for name in stores), SourcingRules(ship_to_store=True))
    skus = [f"s{n}" for n in range(4)]
    for sku in skus:
        world.put(sku, "store-0", 1)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(others())
        found = await world.dates(Ask("web", skus, pickup_location_ids=stores))
        waiting.cancel()

    assert turns >= len(skus) * len(stores)
    assert [len(one.pickups) for one in found] == [5] * 4
    assert all(pickup.promise_time for one in found for pickup in one.pickups)


async def test_unknown_names_are_refused() -> None:
    world = World(Locations.of([place("s-1")]))

    with pytest.raises(ChannelUnknown):
        await world.dates(Ask("shop", ["a"]))
    with pytest.raises(LocationUnknown):
        await of(world, "a", pickup_location_ids=["nowhere"])
    with pytest.raises(PromiseNotOffered):
        await of(world, "a", customer_promises=["DRONE"])


async def test_pages_ask_the_service_for_dates_and_get_those_of_the_preview(orders: Service) -> None:
    """Through the real door: two articles, one of which is only at a store."""
    await orders.stock(("d1", "wh-1", 2), ("d1", "store-1", 1), ("d2", "store-2", 1))
    token = orders.minter.mint("shop", ["channel"], ["web"], ["*"])
    stub = dates_pb2_grpc.AvailabilityDateServiceStub(channel(orders.address, _Token(token)))  # type: ignore[arg-type]
    request = dates_pb2.GetAvailabilityDatesRequest(
        channel_id="web",
        skus=["d1", "d2", "d3"],
        destination=types_pb2.GeoPoint(latitude=40.1, longitude=-80.1),
        pickup_location_ids=["store-1", "store-2"],
    )

    answer = await stub.GetAvailabilityDates(request)

    previewed = []
    for promise in ("STANDARD", "EXPRESS"):
        draft = wish(("d1", 1), customer_promise=promise)
        shown = await orders.stub().PreviewOrder(orders_pb2.PreviewOrderRequest(order=draft))
        previewed.append((promise, shown.order.promise_time))
    first, second, third = answer.dates
    assert [(one.customer_promise, one.promise_time) for one in first.deliveries] == previewed
    assert [one.HasField("promise_time") for one in first.pickups] == [True, False]
    assert [one.HasField("promise_time") for one in second.pickups] == [False, True]
    assert not any(one.HasField("promise_time") for one in (*third.deliveries, *third.pickups))
    request.customer_promises.append("DRONE")
    unknown = await refused(stub.GetAvailabilityDates(request))
    other = dates_pb2.GetAvailabilityDatesRequest(channel_id="app", skus=["d1"])
    assert unknown == (grpc.StatusCode.FAILED_PRECONDITION, "PROMISE_NOT_OFFERED")
    assert (await refused(stub.GetAvailabilityDates(other)))[0] is grpc.StatusCode.PERMISSION_DENIED


class _Token:
    def __init__(self, token: str) -> None:
        self._authorization = f"Bearer {token}"

    def authorization(self) -> str:
        return self._authorization
