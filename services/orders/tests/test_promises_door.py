"""Promises and capacity through the real door: the neighbours are in memory, all else is real."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import pytest

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import events_pb2 as fulfillment
from aljibe.inventory.v1 import events_pb2
from aljibe.orders.v1 import events_pb2 as orders_events
from aljibe.orders.v1 import orders_pb2
from chassis.errors import error_info_of, reason_of
from chassis.metrics import REGISTRY
from services.orders.tests.conftest import Service
from services.orders.tests.neighbours import location
from services.orders.tests.test_door import CARRY_OUT, PICKUP, place, refused, wish
from services.orders.tests.test_events import origin, placed, tell, units

NEW_YORK = ZoneInfo("America/New_York")
KEPT, MISSED = orders_pb2.PROMISE_OUTCOME_KEPT, orders_pb2.PROMISE_OUTCOME_MISSED


def warehouse(location_id: str, **works: Any) -> Any:
    """A warehouse that is open around the clock, with what is said of its work."""
    made = location(location_id, kind=types_pb2.LOCATION_KIND_WAREHOUSE, capabilities=(1,))
    for name, value in works.items():
        if name == "holidays":
            for day in value:
                made.holidays.add(date=day.isoformat())
        else:
            setattr(made, name, value)
    return made


async def open_location(orders: Service, made: Any) -> None:
    """Inventory tells of a location, and orders knows it."""
    orders.neighbours.inventory.locations.append(made)
    await orders.tell("inventory", events_pb2.LocationChanged(location=made), "location", made.location_id)
    await orders.until_rows(
        "SELECT 1 FROM sourcing_basis WHERE content::text LIKE $1", f'%"location_id":"{made.location_id}"%'
    )


async def taken(orders: Service, location_id: str) -> dict[date, int]:
    rows = await orders.fetch(
        "SELECT day, taken_units FROM location_work WHERE location_id = $1 AND taken_units > 0", location_id
    )
    return {row["day"]: row["taken_units"] for row in rows}


def local_today() -> date:
    return datetime.now(NEW_YORK).date()


def works_from(day: date) -> list[date]:
    """The first five days that a location without holidays works on, when its cut-off is midnight."""
    return [day + timedelta(days=n) for n in range(5)]


async def test_more_orders_than_a_day_takes_are_promised_for_the_days_after(orders: Service) -> None:
    """Twelve at once, five a day: nobody is refused, no day is overfull."""
    await open_location(orders, warehouse("wh-five", daily_capacity_units=5, ship_cut_off_minute=1440))
    await orders.stock(("five", "wh-five", 50))
    stub = orders.stub()

    answers = await asyncio.gather(*(stub.PlaceOrder(place(wish(("five", 1)))) for _ in range(12)))

    promised = Counter(answer.order.promise_time.ToDatetime(UTC).date() for answer in answers)
    assert sorted(promised.values(), reverse=True) == [5, 5, 2]
    assert list((await taken(orders, "wh-five")).values()) == [5, 5, 2]


async def test_a_preview_sees_the_capacity_that_others_took(orders: Service) -> None:
    await open_location(orders, warehouse("wh-two", daily_capacity_units=2, ship_cut_off_minute=1440))
    await orders.stock(("two", "wh-two", 50))
    stub = orders.stub()
    request = orders_pb2.PreviewOrderRequest(order=wish(("two", 2)))

    before = (await stub.PreviewOrder(request)).order.promise_time.ToDatetime(UTC)
    await stub.PlaceOrder(place(wish(("two", 2))))
    after = (await stub.PreviewOrder(request)).order.promise_time.ToDatetime(UTC)

    assert after - before == timedelta(days=1)


async def test_a_cancelled_order_gives_its_day_back(orders: Service) -> None:
    await open_location(orders, warehouse("wh-back", daily_capacity_units=3, ship_cut_off_minute=1440))
    await orders.stock(("back", "wh-back", 50))
    first = await placed(orders, wish(("back", 3)))
    stub = orders.stub()

    await stub.CancelOrder(orders_pb2.CancelOrderRequest(request_id=first.order_id, order_id=first.order_id))
    freed = await taken(orders, "wh-back")
    # The day that was freed is seen by the next orders within a second.
    async with asyncio.timeout(2):
        while True:
            preview = await stub.PreviewOrder(orders_pb2.PreviewOrderRequest(order=wish(("back", 3))))
            if preview.order.promise_time == first.promise_time:
                break

    assert freed == {}


async def test_nothing_is_worked_on_while_a_location_is_closed_for_holidays(orders: Service) -> None:
    today = local_today()
    await open_location(
        orders,
        warehouse("wh-holiday", holidays=works_from(today - timedelta(days=1)), daily_capacity_units=9),
    )
    await orders.stock(("holiday", "wh-holiday", 5))

    await placed(orders, wish(("holiday", 1)))

    assert list(await taken(orders, "wh-holiday")) == [today + timedelta(days=4)]


async def test_where_nothing_can_be_promised_the_order_is_refused_and_nothing_is_kept(
    orders: Service,
) -> None:
    closed = [local_today() + timedelta(days=n) for n in range(-1, 70)]
    await open_location(orders, warehouse("wh-closed", holidays=closed))
    await orders.stock(("closed", "wh-closed", 5))

    outcome = await refused(orders.stub().PlaceOrder(place(wish(("closed", 1)))))

    assert outcome[1] in ("NOTHING_PROMISED", "INSUFFICIENT_STOCK")
    assert orders.neighbours.inventory.stock["closed", "wh-closed"] == 5


async def test_another_location_serves_when_the_nearest_cannot_promise(orders: Service) -> None:
    closed = [local_today() + timedelta(days=n) for n in range(-1, 70)]
    await open_location(orders, warehouse("wh-shut", holidays=closed))
    await orders.stock(("shut", "wh-shut", 5), ("shut", "store-2", 5))

    order = await placed(orders, wish(("shut", 1)))

    assert [part.location_id for part in order.plan] == ["store-2"]


async def test_a_parcel_that_left_in_time_kept_its_promise_and_a_late_pickup_did_not(
    orders: Service,
) -> None:
    """Each part and the order say so, and metrics count it by way and by the promise that was chosen."""
    before = _counted("kept", "SHIP", "EXPRESS"), _counted("missed", "PICKUP", "STANDARD")
    orders_before = _orders_counted("kept", "EXPRESS"), _orders_counted("missed", "STANDARD")
    await orders.stock(("kept", "wh-1", 1), ("late", "store-1", 1))
    parcel = await placed(orders, wish(("kept", 1), customer_promise="EXPRESS"))
    late = await placed(orders, wish(("late", 1), method=PICKUP, store="store-1"))
    conn_rows = await orders.fetch(
        "UPDATE plan_part SET due_time = now() - interval '1 hour' WHERE order_id = $1 RETURNING 1",
        late.order_id,
    )

    await tell(orders, fulfillment.OrderShipped(origin=origin(parcel), units=units(parcel, 1)))
    await tell(orders, fulfillment.PickupReady(origin=origin(late), units=units(late, 1)))
    parcel = await orders.until(parcel.order_id, lambda o: o.plan[0].HasField("done_time"))
    late = await orders.until(late.order_id, lambda o: o.plan[0].HasField("done_time"))

    assert len(conn_rows) == 1
    assert (parcel.plan[0].promise_outcome, late.plan[0].promise_outcome) == (KEPT, MISSED)
    assert parcel.plan[0].due_time.ToDatetime(UTC) > datetime.now(UTC)
    assert (parcel.promise_outcome, late.promise_outcome) == (KEPT, MISSED)
    assert (_counted("kept", "SHIP", "EXPRESS"), _counted("missed", "PICKUP", "STANDARD")) == (
        before[0] + 1,
        before[1] + 1,
    )
    assert (_orders_counted("kept", "EXPRESS"), _orders_counted("missed", "STANDARD")) == (
        orders_before[0] + 1,
        orders_before[1] + 1,
    )


def _counted(outcome: str, way: str, promise: str) -> float:
    labels = {"outcome": outcome, "way": way, "channel": "web", "customer_promise": promise}
    return REGISTRY.get_sample_value("aljibe_orders_promise_total", labels) or 0.0


def _orders_counted(outcome: str, promise: str) -> float:
    labels = {"outcome": outcome, "channel": "web", "customer_promise": promise}
    return REGISTRY.get_sample_value("aljibe_orders_kept_total", labels) or 0.0


async def test_the_promise_that_was_chosen_stays_with_the_order_and_its_decision(orders: Service) -> None:
    """And is told to whoever hears of the order; who chose none has STANDARD."""
    await orders.stock(("express", "wh-1", 2))

    standard = await placed(orders, wish(("express", 1)))
    express = await placed(orders, wish(("express", 1), customer_promise="EXPRESS"))

    read = (await orders.stub().GetOrder(orders_pb2.GetOrderRequest(order_id=express.order_id))).order
    assert (standard.customer_promise, read.customer_promise) == ("STANDARD", "EXPRESS")
    staff = orders.stub("operator", channels=("*",))
    told = [
        (await staff.ExplainSourcing(orders_pb2.ExplainSourcingRequest(order_id=one.order_id))).decisions[0]
        for one in (standard, express)
    ]
    assert told[1].cost_minor - told[0].cost_minor > 500
    assert told[0].rules_version == told[1].rules_version
    assert [part.location_id for part in told[1].chosen] == ["wh-1"]
    (event,) = await orders.fetch(
        "SELECT payload FROM outbox WHERE aggregate_id = $1 AND type LIKE '%OrderAccepted'", express.order_id
    )
    assert orders_events.OrderAccepted.FromString(event["payload"]).customer_promise == "EXPRESS"


async def test_a_promise_that_cannot_be_kept_is_refused_with_the_next_best_and_previewed_by_it(
    orders: Service,
) -> None:
    """The goods are where nobody works for three days: not today's problem of stock."""
    today = local_today()
    await open_location(
        orders,
        warehouse("wh-rests", holidays=works_from(today - timedelta(days=1)), ship_cut_off_minute=1440),
    )
    await orders.stock(("rests", "wh-rests", 5))
    draft = wish(("rests", 1), customer_promise="EXPRESS")
    stub = orders.stub()

    preview = await stub.PreviewOrder(orders_pb2.PreviewOrderRequest(order=draft))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.PlaceOrder(place(draft), metadata=(("accept-language", "es"),))
    unknown = await refused(stub.PlaceOrder(place(wish(("rests", 1), customer_promise="DRONE"))))
    previewed = await refused(
        stub.PreviewOrder(orders_pb2.PreviewOrderRequest(order=wish(("rests", 1), customer_promise="DRONE")))
    )

    offered = {one.customer_promise: one for one in preview.promise_options}
    assert [(one.customer_promise, one.possible) for one in preview.promise_options] == [
        ("STANDARD", True),
        ("EXPRESS", False),
    ]
    assert (offered["EXPRESS"].name_en, offered["EXPRESS"].name_es) == ("Express delivery", "Entrega urgente")
    assert not offered["EXPRESS"].HasField("promise_time")
    assert preview.order.customer_promise == "STANDARD"
    assert preview.order.promise_time == offered["STANDARD"].promise_time
    assert not preview.shortages
    info = error_info_of(caught.value)
    assert info is not None
    assert (info.reason, info.metadata["next_customer_promise"]) == ("PROMISE_NOT_POSSIBLE", "STANDARD")
    assert datetime.fromisoformat(
        info.metadata["next_promise_time"]
    ) == preview.order.promise_time.ToDatetime(UTC)
    details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
    assert "La promesa EXPRESS no se puede cumplir" in bytes(details).decode("utf-8", "ignore")
    assert unknown == previewed == (grpc.StatusCode.FAILED_PRECONDITION, "PROMISE_NOT_OFFERED")
    assert orders.neighbours.inventory.stock["rests", "wh-rests"] == 5
    assert (await placed(orders, wish(("rests", 1)))).customer_promise == "STANDARD"


async def test_more_express_orders_than_the_days_left_take_are_refused_and_the_rest_kept(
    orders: Service,
) -> None:
    """At once, against one small capacity: whoever is told yes has it in time."""
    await open_location(orders, warehouse("wh-few", daily_capacity_units=2, ship_cut_off_minute=1440))
    await orders.stock(("few", "wh-few", 50))
    stub = orders.stub()
    draft = wish(("few", 1), customer_promise="EXPRESS")

    answers = await asyncio.gather(*(stub.PlaceOrder(place(draft)) for _ in range(9)), return_exceptions=True)

    accepted = [one.order for one in answers if not isinstance(one, BaseException)]
    reasons = {reason_of(one) for one in answers if isinstance(one, grpc.aio.AioRpcError)}
    # Today's parcels arrive on the next day, those of tomorrow on the last that EXPRESS allows.
    assert (len(accepted), reasons) == (4, {"PROMISE_NOT_POSSIBLE"})
    assert max(one.promise_time.ToDatetime(UTC).date() for one in accepted) <= local_today() + timedelta(
        days=3
    )
    assert sum((await taken(orders, "wh-few")).values()) == 4
    assert orders.neighbours.inventory.stock["few", "wh-few"] == 46


async def test_a_short_express_parcel_is_found_elsewhere_even_late_and_the_order_missed(
    orders: Service,
) -> None:
    """The customer was told yes: late is better than never, and counted as it is."""
    await orders.stock(("again", "wh-1", 1))
    order = await placed(orders, wish(("again", 1), customer_promise="EXPRESS"))
    today = local_today()
    await open_location(orders, warehouse("wh-late", holidays=works_from(today - timedelta(days=1))))
    await orders.stock(("again", "wh-late", 1))

    await tell(orders, fulfillment.UnitsShort(origin=origin(order), units=units(order, 1)))
    after = await orders.until(order.order_id, lambda o: len(o.plan) == 2)

    assert after.plan[1].location_id == "wh-late"
    assert after.promise_time.ToDatetime(UTC) > order.promise_time.ToDatetime(UTC)
    assert after.promise_outcome == MISSED
    assert after.messages[-1].kind == "RESOURCED"


async def test_what_is_carried_out_is_a_fact_whatever_promise_it_names(orders: Service) -> None:
    await orders.stock(("fact", "store-1", 1))

    sold = await placed(
        orders,
        wish(("fact", 1), method=CARRY_OUT, store="store-1", channel="app", customer_promise="DRONE"),
        token="cash",
    )

    assert sold.state == orders_pb2.ORDER_STATE_COMPLETED
