"""Pickups whose goods another location sends: journeys over real NATS and PostgreSQL, neighbours faked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
import uuid_utils

from aljibe.fulfillment.v1 import events_pb2 as fulfillment
from aljibe.inventory.v1 import events_pb2 as inventory
from aljibe.orders.v1 import orders_pb2
from aljibe.orders.v1 import rules_pb2 as rules_pb
from services.orders.tests.conftest import Service
from services.orders.tests.test_door import PICKUP, address, refused, wish
from services.orders.tests.test_events import origin, placed, settled, states, tell, units
from services.orders.tests.test_holds import close, told
from services.orders.tests.test_rules_door import activated, created, door, key

IN_TRANSIT = "IN_TRANSIT"


@pytest_asyncio.fixture
async def allowed(orders: Service) -> AsyncIterator[Service]:
    """The service under rules that allow it; afterwards the built-in ones hold again."""
    draft = await created(orders, ship_to_store={"allowed": True, "transfer_days": 1})
    await activated(orders, draft.number)
    yield orders
    await door(orders).RollBackRules(rules_pb.RollBackRulesRequest(request_id=key(), number=0))


def pickup(*lines: tuple[str, int]) -> Any:
    return wish(*lines, method=PICKUP, store="store-1")


def to_store(order: Any, part: int = 0) -> Any:
    found = origin(order, part)
    found.pickup_location_id = order.plan[part].pickup_location_id
    return found


def at(order: Any, state: str) -> set[str]:
    """Locations of the units in a state."""
    number = orders_pb2.UnitState.Value(f"UNIT_STATE_{state}")
    return {group.location_id for line in order.lines for group in line.units if group.state == number}


async def test_from_the_preview_to_the_hand_over(allowed: Service) -> None:
    """What comes from elsewhere is said from the beginning, told on its way, and paid for when it is had."""
    await allowed.stock(("e1", "wh-1", 3))
    draft = pickup(("e1", 2))

    preview = (await allowed.stub().PreviewOrder(orders_pb2.PreviewOrderRequest(order=draft))).order
    order = await placed(allowed, draft)
    work = {"origin": to_store(order), "units": units(order, 2)}
    staff = allowed.stub("operator", channels=("*",))
    concerned = [
        [one.order_id for one in (await staff.ListOrders(asked)).orders]
        for asked in (
            orders_pb2.ListOrdersRequest(sku="e1", location_id=place)
            for place in ("wh-1", "store-1", "store-2")
        )
    ]
    await tell(allowed, fulfillment.UnitsPicked(**work))
    await tell(allowed, fulfillment.ParcelSentToStore(**work, carrier="UPS", tracking_number="1Z"))
    going = await allowed.until(order.order_id, lambda o: IN_TRANSIT in states(o))
    await tell(allowed, fulfillment.PickupReady(**work))
    ready = await allowed.until(order.order_id, lambda o: "READY" in states(o))
    await tell(allowed, fulfillment.OrderHandedOver(**work))
    done = await allowed.until(order.order_id, lambda o: o.state == orders_pb2.ORDER_STATE_COMPLETED)

    for seen in (preview, order):
        (part,) = seen.plan
        assert (part.location_id, part.pickup_location_id, part.method) == ("wh-1", "store-1", PICKUP)
    assert concerned == [[order.order_id], [order.order_id], []]
    assert order.plan[0].due_time.seconds < order.plan[0].promise_time.seconds
    assert (going.messages[-1].kind, at(going, IN_TRANSIT)) == ("SENT_TO_STORE", {"store-1"})
    assert "store-1" in going.messages[-1].text
    assert going.payment.captured_minor == 0
    assert (ready.messages[-1].kind, at(ready, "READY")) == ("READY_FOR_PICKUP", {"store-1"})
    assert "store-1" in ready.messages[-1].text
    assert done.plan[0].promise_outcome == orders_pb2.PROMISE_OUTCOME_KEPT
    await settled(allowed, order.order_id, "captured_minor", 2_000)


async def test_why_it_comes_from_there_and_why_not_from_elsewhere(allowed: Service) -> None:
    await allowed.stock(("e2", "wh-1", 3), ("e2", "store-2", 1))
    order = await placed(allowed, pickup(("e2", 1)))
    stub = allowed.stub("operator", channels=("*",))

    told = await stub.ExplainSourcing(orders_pb2.ExplainSourcingRequest(order_id=order.order_id))
    other = "wh-1" if order.plan[0].location_id == "store-2" else "store-2"
    why = await stub.WhyNot(orders_pb2.WhyNotRequest(order_id=order.order_id, location_id=other))

    (chosen,) = told.decisions[0].chosen
    assert (chosen.location_id, chosen.pickup_location_id) == (order.plan[0].location_id, "store-1")
    assert chosen.cost_terms_minor["transfer"] == 20
    assert "the cheapest plan with it would have cost" in why.sentence_en


async def test_a_short_pick_is_sourced_again_for_the_same_store(allowed: Service) -> None:
    """Nobody is asked while another can send it: the customer was promised this store, and gets it there."""
    await allowed.stock(("e3", "wh-1", 1))
    order = await placed(allowed, pickup(("e3", 1)))
    await allowed.stock(("e3", "store-2", 1))

    await tell(allowed, fulfillment.UnitsShort(origin=to_store(order), units=units(order, 1)))
    again = await allowed.until(order.order_id, lambda o: len(o.plan) == 2)

    assert (again.plan[1].location_id, again.plan[1].pickup_location_id) == ("store-2", "store-1")
    assert states(again) == {"ALLOCATED": 1}
    assert again.messages[-1].kind == "RESOURCED"
    assert again.lines[0].pickup_location_id == "store-1"


async def test_where_nobody_can_send_it_the_customer_is_asked(allowed: Service) -> None:
    await allowed.stock(("e4", "wh-1", 1))
    order = await placed(allowed, pickup(("e4", 1)))

    await tell(allowed, fulfillment.UnitsShort(origin=to_store(order), units=units(order, 1)))
    asked = await allowed.until(order.order_id, lambda o: o.state == orders_pb2.ORDER_STATE_AWAITING_CUSTOMER)
    cancel = orders_pb2.ResolveShortageRequest(
        request_id=str(uuid_utils.uuid7()), order_id=order.order_id, cancel=True
    )
    gone = (await allowed.stub().ResolveShortage(cancel)).order

    assert (asked.messages[-1].kind, len(asked.plan)) == ("CHOICE_NEEDED", 1)
    assert "store-1" in asked.messages[-1].text
    assert gone.state == orders_pb2.ORDER_STATE_CANCELLED
    await settled(allowed, order.order_id, "voided_minor", 1_000)


async def test_what_the_store_itself_could_not_find_is_sent_there_when_the_customer_wants_that(
    allowed: Service,
) -> None:
    """The store was to hand it out itself, so its customer decides; another location sends it there then."""
    await allowed.stock(("e9", "store-1", 1))
    order = await placed(allowed, pickup(("e9", 1)))
    await allowed.stock(("e9", "wh-1", 1), ("e9", "store-1", 0))
    await tell(allowed, fulfillment.UnitsShort(origin=origin(order), units=units(order, 1)))
    await allowed.until(order.order_id, lambda o: o.state == orders_pb2.ORDER_STATE_AWAITING_CUSTOMER)

    same = orders_pb2.ResolveShortageRequest(
        request_id=str(uuid_utils.uuid7()), order_id=order.order_id, pickup_location_id="store-1"
    )
    resolved = (await allowed.stub().ResolveShortage(same)).order

    assert (order.plan[0].location_id, order.plan[0].pickup_location_id) == ("store-1", "")
    assert (resolved.plan[1].location_id, resolved.plan[1].pickup_location_id) == ("wh-1", "store-1")
    assert states(resolved) == {"ALLOCATED": 1}


async def test_what_is_lost_on_the_way_is_sent_again(allowed: Service) -> None:
    """One of two; the other goes on, and money follows each."""
    await allowed.stock(("e5", "wh-1", 3))
    order = await placed(allowed, pickup(("e5", 2)))
    work = {"origin": to_store(order), "units": units(order, 2)}
    await tell(allowed, fulfillment.ParcelSentToStore(**work))

    await tell(allowed, fulfillment.UnitsLostInTransit(origin=work["origin"], units=units(order, 1)))
    again = await allowed.until(order.order_id, lambda o: len(o.plan) == 2)

    assert states(again) == {IN_TRANSIT: 1, "ALLOCATED": 1}
    assert again.plan[1].pickup_location_id == "store-1"


async def test_a_displaced_unit_is_taken_out_and_sourced_again_for_the_store(allowed: Service) -> None:
    await allowed.stock(("e6", "wh-1", 1))
    order = await placed(allowed, pickup(("e6", 1)))
    await allowed.stock(("e6", "store-2", 1))
    part = order.plan[0]

    await allowed.tell(
        "inventory",
        inventory.UnitsDisplaced(
            order_id=order.order_id,
            reservation_id=part.reservation_id,
            sku="e6",
            location_id="wh-1",
            quantity_units=1,
        ),
        "reservation",
        part.reservation_id,
    )
    again = await allowed.until(order.order_id, lambda o: len(o.plan) == 2)

    assert allowed.neighbours.fulfillment.asked[-1].parts[0].opening.pickup_location_id == "store-1"
    assert (again.plan[1].location_id, again.plan[1].pickup_location_id) == ("store-2", "store-1")


async def test_what_can_be_cancelled_and_what_is_too_late(allowed: Service) -> None:
    """Until it is picked; whoever does not want what is on its way does not collect it."""
    await allowed.stock(("e7", "wh-1", 2))
    first, second = await placed(allowed, pickup(("e7", 1))), await placed(allowed, pickup(("e7", 1)))
    stub = allowed.stub()

    def cancel(order: Any) -> Any:
        return stub.CancelOrder(orders_pb2.CancelOrderRequest(request_id=key(), order_id=order.order_id))

    cancelled = (await cancel(first)).order
    work = {"origin": to_store(second), "units": units(second, 1)}
    await tell(allowed, fulfillment.ParcelSentToStore(**work))
    await allowed.until(second.order_id, lambda o: IN_TRANSIT in states(o))
    on_its_way = await refused(cancel(second))
    await tell(allowed, fulfillment.PickupReady(**work))
    await allowed.until(second.order_id, lambda o: "READY" in states(o))
    waiting = await refused(cancel(second))
    await tell(allowed, fulfillment.PickupExpired(**work))
    after = await allowed.until(second.order_id, lambda o: o.state == orders_pb2.ORDER_STATE_CANCELLED)

    assert cancelled.state == orders_pb2.ORDER_STATE_CANCELLED
    assert on_its_way[1] == waiting[1] == "TOO_LATE_TO_CANCEL"
    assert after.messages[-1].kind == "NOT_COLLECTED"
    await settled(allowed, second.order_id, "voided_minor", 1_000)


async def test_an_operator_moves_it_to_another_sender_without_asking(allowed: Service) -> None:
    await allowed.stock(("e8", "wh-1", 1))
    order = await placed(allowed, pickup(("e8", 1)))
    await allowed.stock(("e8", "store-2", 1))

    moved = (
        await allowed.stub("operator", channels=("*",)).SourceAgain(
            orders_pb2.SourceAgainRequest(
                request_id=key(),
                order_id=order.order_id,
                fulfillment_order_id=order.plan[0].fulfillment_order_id,
                reason="flooded",
            )
        )
    ).order

    assert (moved.plan[1].location_id, moved.plan[1].pickup_location_id) == ("store-2", "store-1")
    assert states(moved) == {"ALLOCATED": 1}


async def test_where_the_store_closes_its_customer_is_asked_unless_it_was_picked(allowed: Service) -> None:
    """Who sends has not failed, so that it may send to the customer instead; what is on its way goes on."""
    await allowed.stock(("e10", "wh-1", 2))
    picked, waits = [await placed(allowed, pickup(("e10", 1))) for _ in range(2)]
    await tell(allowed, fulfillment.UnitsPicked(origin=to_store(picked), units=units(picked, 1)))
    await allowed.until(picked.order_id, lambda o: states(o) == {"PICKED": 1})

    await close(allowed, "store-1")
    asked = await allowed.until(waits.order_id, lambda o: "AWAITING_CUSTOMER" in states(o))
    await close(allowed, "store-1", active=True)
    await allowed.stock(("e10", "wh-1", 1))
    send = orders_pb2.ResolveShortageRequest(
        request_id=str(uuid_utils.uuid7()), order_id=waits.order_id, ship_to=address()
    )
    sent = (await allowed.stub().ResolveShortage(send)).order
    going = (await allowed.stub().GetOrder(orders_pb2.GetOrderRequest(order_id=picked.order_id))).order

    assert asked.messages[-1].kind == "CHOICE_NEEDED"
    assert asked.messages[-1].text.startswith("store-1 ")
    assert "UnitsReleased" in await told(allowed, waits.order_id)
    assert (sent.plan[1].location_id, sent.plan[1].pickup_location_id, states(sent)) == (
        "wh-1",
        "",
        {"ALLOCATED": 1},
    )
    assert (len(going.plan), states(going)) == (1, {"PICKED": 1})


async def test_no_unit_was_made_or_lost(allowed: Service) -> None:
    """After everything above: the units of each line are what was ordered."""
    rows = await allowed.fetch(
        "SELECT l.order_id FROM order_line l JOIN unit_group g USING (order_id, line_number) "
        "GROUP BY 1, l.line_number, l.quantity_units HAVING sum(g.quantity_units) <> l.quantity_units"
    )
    assert rows == []
