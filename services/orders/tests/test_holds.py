"""Orders that nobody may work on, and units that others shall serve: the domain, and the service's door."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
import uuid_utils

from aljibe.fulfillment.v1 import events_pb2 as fulfillment
from aljibe.inventory.v1 import events_pb2 as inventory
from aljibe.orders.v1 import events_pb2, orders_pb2
from chassis.errors import error_info_of, reason_of
from services.orders.domain.facts import Held, HoldLifted, Released, Wanted
from services.orders.domain.moving import movable
from services.orders.domain.order import MOST_ATTEMPTS
from services.orders.domain.refusals import (
    FulfillmentOrderRequired,
    FulfillmentOrderUnknown,
    LineUnknown,
    NothingToHold,
    NothingToSourceAgain,
    NotOnHold,
    OrderOnHold,
    QuantityTooHigh,
    Refusal,
)
from services.orders.domain.states import Method
from services.orders.tests.builders import NOW, order
from services.orders.tests.conftest import Service
from services.orders.tests.neighbours import location
from services.orders.tests.test_door import PICKUP, refused, wish
from services.orders.tests.test_events import origin, placed, states, tell, units
from services.orders.usecases.cases import WORN_OUT


def staff(orders: Service) -> Any:
    return orders.stub("operator", channels=("*",), subject="olga")


def rid() -> str:
    return str(uuid_utils.uuid7())


def hold(order_id: str, reason: str = "fraud check", request_id: str = "") -> Any:
    return orders_pb2.HoldOrderRequest(request_id=request_id or rid(), order_id=order_id, reason=reason)


def lift(order_id: str) -> Any:
    return orders_pb2.LiftHoldRequest(request_id=rid(), order_id=order_id, reason="all is well")


def again(made: Any, **more: Any) -> Any:
    more.setdefault("fulfillment_order_id", made.plan[0].fulfillment_order_id)
    return orders_pb2.SourceAgainRequest(
        request_id=more.pop("request_id", rid()), order_id=made.order_id, reason="no hands today", **more
    )


async def told(orders: Service, order_id: str) -> list[str]:
    """Names of the order's events, in their order."""
    rows = await orders.fetch("SELECT type FROM outbox WHERE aggregate_id = $1 ORDER BY sequence", order_id)
    return [row["type"].rpartition(".")[2] for row in rows]


def test_a_hold_is_one_at_a_time_and_says_who_when_and_why() -> None:
    made = order(("a", 2, 100))

    made.hold("fraud check", "olga", NOW)
    with pytest.raises(OrderOnHold):
        made.hold("again", "otto", NOW)
    made.lift_hold("all is well", "otto", NOW)
    with pytest.raises(NotOnHold):
        made.lift_hold("", "otto", NOW)

    assert [tuple(one) for one in made.holds] == [("fraud check", "olga", NOW, "otto", NOW, "all is well")]
    assert [type(fact) for fact in made.facts] == [Held, HoldLifted]


def test_an_order_that_has_ended_is_not_held() -> None:
    made = order(("a", 1, 100))
    made.cancel(made.cancellable(None), "CUSTOMER", NOW)

    with pytest.raises(NothingToHold) as refusal:
        made.hold("late", "olga", NOW)

    assert refusal.value.state == "CANCELLED"


def test_only_what_nobody_picked_can_be_moved() -> None:
    """By the work, or by lines whose units are at one place."""
    made = order(("a", 3, 300), ("b", 1, 100))
    name = next(iter(made.parts))
    made.picked(name, [(1, 1)])

    part, all_of_it = movable(made, name, [])
    _, some = movable(made, "", [(1, 1)])
    refusals: list[type[Refusal]] = []
    for work, lines in ((name, [(1, 3)]), (name, [(7, 1)]), ("ful_other", [])):
        with pytest.raises(Refusal) as refusal:
            movable(made, work, lines)
        refusals.append(type(refusal.value))
    made.picked(name, [(1, 2), (2, 1)])
    with pytest.raises(NothingToSourceAgain) as nothing:
        movable(made, name, [])

    assert (part.fulfillment_order_id, all_of_it, some) == (name, [(1, 2), (2, 1)], [(1, 1)])
    assert refusals == [QuantityTooHigh, LineUnknown, FulfillmentOrderUnknown]
    assert nothing.value.states == {"PICKED": 4}


def test_lines_at_two_places_need_the_work_named() -> None:
    made = order(("a", 2, 200))
    first = next(iter(made.parts.values()))
    made.parts["ful_2"] = first._replace(fulfillment_order_id="ful_2", location_id="store-2")
    (spot,) = made.units
    made.units.move(spot, spot._replace(location_id="store-2", fulfillment_order_id="ful_2"), 1)

    with pytest.raises(FulfillmentOrderRequired):
        movable(made, "", [(1, 1)])


def test_units_that_could_have_stayed_are_given_back_at_their_location() -> None:
    """A lost unit is not: inventory took it itself."""
    made = order(("a", 2, 200), method=Method.SHIP)
    (part,) = made.parts.values()

    made.lost(part.fulfillment_order_id, [(1, 1)], NOW)
    made.lost(part.fulfillment_order_id, [(1, 1)], NOW, Wanted("OPERATOR", "olga", "why"))

    (released,) = [fact for fact in made.facts if isinstance(fact, Released)]
    assert [(u.quantity_units, u.location_id, u.reservation_id) for u in released.units] == [
        (1, part.location_id, part.reservation_id)
    ]


async def test_a_held_order_shows_its_hold_and_every_hold_it_had(orders: Service) -> None:
    await orders.stock(("h1", "wh-1", 2))
    made = await placed(orders, wish(("h1", 2)))
    request = hold(made.order_id)

    answers = [(await staff(orders).HoldOrder(request)).order for _ in range(2)]
    listed = await staff(orders).ListOrders(orders_pb2.ListOrdersRequest(on_hold=True, sku="h1"))
    held = await refused(staff(orders).HoldOrder(hold(made.order_id)))
    lifted = (await staff(orders).LiftHold(lift(made.order_id))).order
    without = await refused(staff(orders).LiftHold(lift(made.order_id)))

    assert answers[0] == answers[1]
    assert (answers[0].on_hold, answers[0].holds[0].reason) == (True, "fraud check")
    assert answers[0].holds[0].held_by.endswith("olga")
    assert [one.order_id for one in listed.orders] == [made.order_id]
    assert (held[1], without[1]) == ("ORDER_ON_HOLD", "NOT_ON_HOLD")
    assert (lifted.on_hold, len(lifted.holds), lifted.holds[0].lift_reason) == (False, 1, "all is well")
    assert lifted.holds[0].HasField("lift_time")
    assert (await told(orders, made.order_id))[-2:] == ["OrderHeld", "OrderHoldLifted"]


async def test_units_short_of_a_held_order_wait_and_go_on_when_it_is_lifted(orders: Service) -> None:
    """Nothing is sourced again and nothing given up meanwhile; cancelling stays possible."""
    await orders.stock(("h2", "wh-1", 2), ("h2", "store-1", 2), ("h2b", "wh-1", 1), ("h2b", "store-1", 1))
    made = await placed(orders, wish(("h2", 2)))
    await staff(orders).HoldOrder(hold(made.order_id))

    await tell(orders, fulfillment.UnitsShort(origin=origin(made), units=units(made, 2)))
    waiting = await orders.until(made.order_id, lambda o: "RESOURCING" in states(o))
    cancel = orders_pb2.CancelOrderRequest(
        request_id=rid(),
        order_id=made.order_id,
        lines=[orders_pb2.LineUnits(line_number=1, quantity_units=1)],
    )
    cancelled = (await orders.stub().CancelOrder(cancel)).order
    other = await placed(orders, wish(("h2b", 1)))
    await tell(orders, fulfillment.UnitsShort(origin=origin(other), units=units(other, 1)))
    await orders.until(other.order_id, lambda o: len(o.plan) == 2)
    still = (await orders.stub().GetOrder(orders_pb2.GetOrderRequest(order_id=made.order_id))).order
    await staff(orders).LiftHold(lift(made.order_id))
    after = await orders.until(made.order_id, lambda o: len(o.plan) == 2)

    assert states(waiting) == {"RESOURCING": 2}
    assert states(cancelled) == states(still) == {"RESOURCING": 1, "CANCELLED": 1}
    assert states(after) == {"ALLOCATED": 1, "CANCELLED": 1}


async def test_an_operator_has_others_serve_what_is_not_picked(orders: Service) -> None:
    """With a new promise, the customer told, and the units given back where they were; once per request."""
    await orders.stock(("m1", "wh-1", 2), ("m1", "store-1", 2))
    made = await placed(orders, wish(("m1", 2)))
    await tell(orders, fulfillment.UnitsPicked(origin=origin(made), units=units(made, 1)))
    await orders.until(made.order_id, lambda o: "PICKED" in states(o))
    request = again(made)

    answers = [(await staff(orders).SourceAgain(request)).order for _ in range(2)]

    after = answers[0]
    assert answers[1] == after
    assert [part.location_id for part in after.plan] == ["wh-1", "store-1"]
    assert states(after) == {"PICKED": 1, "ALLOCATED": 1}
    assert after.messages[-1].kind == "RESOURCED"
    assert len(orders.neighbours.fulfillment.asked) == 1
    rows = await orders.fetch(
        "SELECT type, payload FROM outbox WHERE aggregate_id = $1 ORDER BY sequence", made.order_id
    )
    (gone,) = [
        events_pb2.UnitsReleased.FromString(r["payload"]) for r in rows if r["type"].endswith("UnitsReleased")
    ]
    assert [(u.quantity_units, u.location_id, u.reservation_id) for u in gone.units] == [
        (1, "wh-1", made.plan[0].reservation_id)
    ]
    assert (gone.trigger, gone.reason) == ("OPERATOR", "no hands today")
    (moved,) = [
        events_pb2.OrderResourced.FromString(r["payload"])
        for r in rows
        if r["type"].endswith("OrderResourced")
    ]
    assert (moved.trigger, moved.reason, moved.plan[0].location_id) == (
        "OPERATOR",
        "no hands today",
        "store-1",
    )


async def test_a_move_that_cannot_be_changes_nothing(orders: Service) -> None:
    """No other stock, only excluded places, picked meanwhile, or on hold: a reason, and all is as it was."""
    await orders.stock(("m2", "wh-1", 2), ("m2", "store-1", 2))
    made = await placed(orders, wish(("m2", 2)))
    shop = staff(orders)

    excluded = await refused(
        shop.SourceAgain(again(made, excluded_location_ids=["store-1", "store-2", "store-3"]))
    )
    unknown = await refused(shop.SourceAgain(again(made, excluded_location_ids=["nowhere"])))
    nameless = await refused(shop.SourceAgain(again(made, fulfillment_order_id="")))
    orders.neighbours.fulfillment.picked = True
    late = again(made)
    picked = await refused(shop.SourceAgain(late))
    orders.neighbours.fulfillment.picked = False
    await shop.HoldOrder(hold(made.order_id))
    held = await refused(shop.SourceAgain(again(made)))
    await shop.LiftHold(lift(made.order_id))
    unchanged = (await shop.GetOrder(orders_pb2.GetOrderRequest(order_id=made.order_id))).order
    done = (await shop.SourceAgain(late)).order

    assert [one[1] for one in (unknown, nameless, picked, held)] == [
        "LOCATION_UNKNOWN",
        "FIELD_INVALID",
        "NOTHING_TO_SOURCE_AGAIN",
        "ORDER_ON_HOLD",
    ]
    assert excluded[1] in ("INSUFFICIENT_STOCK", "NO_PLAN")
    assert (list(unchanged.plan), states(unchanged)) == (list(made.plan), {"ALLOCATED": 2})
    assert (
        await orders.fetch("SELECT FROM sourcing_case WHERE order_id = $1 AND stage <> 'DONE'", made.order_id)
        == []
    )
    assert [part.location_id for part in done.plan] == ["wh-1", "store-1"]
    assert sum(q for (sku, _), q in orders.neighbours.inventory.stock.items() if sku == "m2") == 0


async def test_stock_that_nobody_else_has_is_told_with_its_figures(orders: Service) -> None:
    await orders.stock(("m3", "wh-1", 2), ("m3", "store-1", 1))
    made = await placed(orders, wish(("m3", 2)))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await staff(orders).SourceAgain(again(made))

    assert reason_of(caught.value) == "INSUFFICIENT_STOCK"
    assert error_info_of(caught.value) is not None
    after = (await orders.stub().GetOrder(orders_pb2.GetOrderRequest(order_id=made.order_id))).order
    assert (states(after), len(after.plan)) == ({"ALLOCATED": 2}, 1)


async def test_a_pickup_is_not_moved_but_asked_about(orders: Service) -> None:
    await orders.stock(("m4", "store-1", 1), ("m4", "store-2", 5))
    made = await placed(orders, wish(("m4", 1), method=PICKUP, store="store-1", channel="app"))

    after = (await staff(orders).SourceAgain(again(made))).order

    assert states(after) == {"AWAITING_CUSTOMER": 1}
    assert after.messages[-1].kind == "CHOICE_NEEDED"
    assert "UnitsReleased" in await told(orders, made.order_id)


async def worn_out(orders: Service, order_id: str) -> None:
    """As if it had been sourced as often as there is."""
    await orders.fetch("UPDATE customer_order SET attempts = $2 WHERE order_id = $1", order_id, MOST_ATTEMPTS)


async def test_an_order_sourced_too_often_is_moved_no_more_and_what_fails_is_cancelled(
    orders: Service,
) -> None:
    """Whether its location is short of units or a till took them; others that have them are not asked."""
    await orders.stock(("w1", "wh-1", 3), ("w1", "store-1", 3))
    made = await placed(orders, wish(("w1", 3)))
    await worn_out(orders, made.order_id)

    refusal = await refused(staff(orders).SourceAgain(again(made)))
    await tell(orders, fulfillment.UnitsShort(origin=origin(made), units=units(made, 1)))
    short = await orders.until(made.order_id, lambda o: "CANCELLED" in states(o))
    part = made.plan[0]
    broken = inventory.UnitsDisplaced(
        reservation_id=part.reservation_id,
        order_id=made.order_id,
        sku="w1",
        location_id=part.location_id,
        quantity_units=1,
    )
    await orders.tell("inventory", broken, "reservation", part.reservation_id)
    taken = await orders.until(made.order_id, lambda o: states(o).get("CANCELLED") == 2)

    assert refusal[1] == "ATTEMPTS_EXHAUSTED"
    assert states(short) == {"ALLOCATED": 2, "CANCELLED": 1}
    assert states(taken) == {"ALLOCATED": 1, "CANCELLED": 2}
    assert (len(taken.plan), taken.messages[-1].kind) == (1, "UNITS_CANCELLED")
    assert await orders.fetch(
        "SELECT FROM sourcing_case WHERE order_id = $1 AND stage = 'DONE' AND note = $2",
        made.order_id,
        WORN_OUT,
    )


async def test_a_customer_of_an_order_sourced_too_often_may_only_cancel(orders: Service) -> None:
    await orders.stock(("w2", "store-1", 1), ("w2", "store-2", 5))
    made = await placed(orders, wish(("w2", 1), method=PICKUP, store="store-1", channel="app"))
    await staff(orders).SourceAgain(again(made))
    await worn_out(orders, made.order_id)

    def choice(**chosen: Any) -> Any:
        return orders_pb2.ResolveShortageRequest(request_id=rid(), order_id=made.order_id, **chosen)

    elsewhere = await refused(orders.stub().ResolveShortage(choice(pickup_location_id="store-2")))
    done = (await orders.stub().ResolveShortage(choice(cancel=True))).order

    assert elsewhere[1] == "ATTEMPTS_EXHAUSTED"
    assert states(done) == {"CANCELLED": 1}


async def test_two_who_move_the_same_units_at_once_move_them_once(orders: Service) -> None:
    await orders.stock(("m5", "wh-1", 1), ("m5", "store-1", 1), ("m5", "store-2", 1))
    made = await placed(orders, wish(("m5", 1)))
    shop = staff(orders)

    answers = await asyncio.gather(
        shop.SourceAgain(again(made)), shop.SourceAgain(again(made)), return_exceptions=True
    )

    after = await orders.until(made.order_id, lambda o: len(o.plan) >= 2)
    assert states(after) == {"ALLOCATED": 1}
    assert any(not isinstance(answer, BaseException) for answer in answers)
    live = orders.neighbours.inventory.reservations.values()
    parts = {part.reservation_id for part in after.plan}
    kept = {one.reservation_id for one in live} - orders.neighbours.inventory.released
    assert kept <= parts


async def test_a_move_cut_off_by_a_crash_is_finished_by_the_background(orders: Service) -> None:
    """The row that was written before fulfillment was asked is enough."""
    await orders.stock(("m6", "wh-1", 1), ("m6", "store-1", 1))
    made = await placed(orders, wish(("m6", 1)))
    work = made.plan[0].fulfillment_order_id
    await orders.fetch(
        "WITH o AS (UPDATE customer_order SET attempts = 2 WHERE order_id = $1) INSERT INTO sourcing_case "
        "(order_id, case_id, trigger, stage, units, attempt, actor, reason) "
        "VALUES ($1, $2, 'OPERATOR', 'MOVE', $3, 2, 'olga', 'cut')",
        made.order_id,
        "cas_cut",
        f'[[1, 1, "{work}"]]',
    )

    after = await orders.until(made.order_id, lambda o: len(o.plan) == 2)

    assert (after.plan[1].location_id, states(after)) == ("store-1", {"ALLOCATED": 1})


async def close(orders: Service, location_id: str, active: bool = False) -> None:
    """Inventory tells that a location stops, or works again."""
    places = orders.neighbours.inventory.locations
    old = next(one for one in places if one.location_id == location_id)
    changed = location(location_id)
    changed.CopyFrom(old)
    changed.active = active
    places[places.index(old)] = changed
    await orders.tell("inventory", inventory.LocationChanged(location=changed), "location", location_id)


async def test_a_store_that_closes_gives_its_unpicked_work_to_others_and_asks_its_pickups(
    orders: Service,
) -> None:
    """By itself; what nobody else has stays where it is, since the goods are there."""
    await orders.stock(("c1", "store-2", 3))
    parcel = await placed(orders, wish(("c1", 1)))
    pickup = await placed(orders, wish(("c1", 1), method=PICKUP, store="store-2", channel="app"))
    stuck = await placed(orders, wish(("c1", 1)))
    await orders.stock(("c1", "store-1", 1))

    await close(orders, "store-2")
    asked = await orders.until(pickup.order_id, lambda o: "AWAITING_CUSTOMER" in states(o))
    async with asyncio.timeout(20):
        while True:
            looks = [
                (await orders.stub().GetOrder(orders_pb2.GetOrderRequest(order_id=one.order_id))).order
                for one in (parcel, stuck)
            ]
            if any(len(look.plan) == 2 for look in looks):
                break
            await asyncio.sleep(0.05)
    await orders.until_rows("SELECT FROM sourcing_case WHERE stage = 'MOVE' AND tries > 0")
    await close(orders, "store-2", active=True)
    await orders.fetch("UPDATE sourcing_case SET run_at = now() WHERE stage = 'MOVE'")
    await orders.until_rows("SELECT FROM sourcing_case WHERE note = 'the location works again'")

    assert states(asked) == {"AWAITING_CUSTOMER": 1}
    assert sorted(len(look.plan) for look in looks) == [1, 2]
    assert [states(look) for look in looks] == [{"ALLOCATED": 1}] * 2
    moved = next(look for look in looks if len(look.plan) == 2)
    assert moved.plan[1].location_id == "store-1"
