"""Pickups whose goods another location sends to the store: its parcel, the arrival, what gets lost, and whose
work it is when.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from chassis.postgres import Database
from services.fulfillment.adapters.postgres.orders import read_page
from services.fulfillment.domain import facts, refusals
from services.fulfillment.domain.facts import Disposition, Units
from services.fulfillment.domain.fulfillment_order import LIVE, FulfillmentOrder, Method, State
from services.fulfillment.domain.pickup_code import PickupCode
from services.fulfillment.tests.builders import (
    ACTOR,
    CODE,
    NOW,
    a_parcel_to_a_store,
    a_picked_order,
    an_opening,
    an_order,
)
from services.fulfillment.tests.conftest import Door, Transaction
from services.fulfillment.tests.knocking import (
    PICKUP,
    a_hand_over,
    a_part,
    opened,
    refused,
    request_id,
    until,
)
from services.fulfillment.tests.test_port_contract import anybody, stored
from services.fulfillment.tests.test_port_contract import opened as kept
from services.fulfillment.tests.test_postgres import keep
from services.fulfillment.usecases.act import act


def ready(order: FulfillmentOrder) -> None:
    order.make_ready(PickupCode(CODE), NOW + timedelta(days=7), now=NOW, actor=ACTOR)


def test_goods_for_another_store_go_by_parcel_and_wait_there() -> None:
    order = a_parcel_to_a_store(2, 1)
    sent = order.told[-1].fact

    order.receive(now=NOW, actor=ACTOR)
    ready(order)
    order.hand_over(CODE, now=NOW, actor=ACTOR)

    assert sent == facts.SentToStore((Units(1, "sku-1", 2), Units(2, "sku-2", 1)), "Correos", "PK-1")
    assert [type(told.fact) for told in order.told[-3:]] == [
        facts.ReceivedAtStore,
        facts.Ready,
        facts.HandedOver,
    ]
    assert order.state is State.HANDED_OVER


def test_it_is_the_store_s_work_once_it_has_left() -> None:
    due, promise = NOW + timedelta(days=1), NOW + timedelta(days=3)
    opening = an_opening(Method.PICKUP, pickup_location_id="store-2", due_time=due, promise_time=promise)

    at_origin, on_its_way = an_order(1, opening=opening), a_parcel_to_a_store(1, opening=opening)

    assert (at_origin.work_location_id, at_origin.due_time) == ("store-1", due)
    assert (on_its_way.work_location_id, on_its_way.due_time) == ("store-2", promise)


def test_what_has_not_arrived_cannot_be_made_ready() -> None:
    order = a_parcel_to_a_store(1)

    with pytest.raises(refusals.WrongState):
        ready(order)

    assert order.state is State.IN_TRANSIT


def test_a_pickup_from_the_store_s_own_shelf_is_no_parcel() -> None:
    order = a_picked_order(1, method=Method.PICKUP)

    with pytest.raises(refusals.WrongMethod):
        order.pack(1, now=NOW, actor=ACTOR)
    with pytest.raises(refusals.WrongMethod):
        order.receive(now=NOW, actor=ACTOR)
    with pytest.raises(refusals.WrongMethod):
        order.lose({}, "", now=NOW, actor=ACTOR)

    assert order.state is State.PICKED


def test_only_a_pickup_is_sent_to_a_store() -> None:
    with pytest.raises(refusals.OpeningInvalid) as refused:
        an_order(1, opening=an_opening(Method.SHIP, pickup_location_id="store-2"))

    assert refused.value.field == "pickup_location_id"


def test_what_is_lost_on_the_way_leaves_and_the_rest_goes_on() -> None:
    order = a_parcel_to_a_store(2, 1)

    order.lose({1: 1}, "torn open", now=NOW, actor=ACTOR)
    order.receive(now=NOW, actor=ACTOR)
    ready(order)

    assert order.told[-3].fact == facts.LostInTransit((Units(1, "sku-1", 1),), "torn open")
    assert order.told[-1].fact == facts.Ready(
        (Units(1, "sku-1", 1), Units(2, "sku-2", 1)), NOW + timedelta(days=7)
    )


def test_no_more_is_lost_than_was_sent() -> None:
    order = a_parcel_to_a_store(2)
    order.lose({1: 1}, "", now=NOW, actor=ACTOR)

    with pytest.raises(refusals.QuantityTooHigh) as refused:
        order.lose({1: 2}, "", now=NOW, actor=ACTOR)

    assert (refused.value.left_units, order.lines[0].lost_units) == (1, 1)


def test_when_all_is_lost_nothing_is_left() -> None:
    order = a_parcel_to_a_store(2, 1)

    order.lose({}, "never came", now=NOW, actor=ACTOR)

    assert (order.state, order.picked()) == (State.CANCELLED, ())


def test_what_was_lost_cannot_come_back() -> None:
    order = a_parcel_to_a_store(2)
    order.lose({1: 1}, "", now=NOW, actor=ACTOR)
    order.receive(now=NOW, actor=ACTOR)
    ready(order)
    order.hand_over(CODE, now=NOW, actor=ACTOR)

    with pytest.raises(refusals.QuantityTooHigh):
        order.receive_back(
            {1: 2},
            Disposition.RESTOCK,
            "",
            return_id="ret_1",
            receiving_location_id="store-2",
            now=NOW,
            actor=ACTOR,
        )


async def test_every_keeper_keeps_where_it_goes_and_what_was_lost(transaction: Transaction) -> None:
    opening = await kept(transaction, an_opening(Method.PICKUP, pickup_location_id="store-2"), 2, 1)

    def work(order: FulfillmentOrder) -> None:
        order.pick({}, now=NOW, actor=ACTOR)
        order.pack(1, now=NOW, actor=ACTOR)
        order.ship("Correos", "PK-1", now=NOW, actor=ACTOR)
        order.lose({1: 1}, "", now=NOW, actor=ACTOR)
        order.receive(now=NOW, actor=ACTOR)

    async with transaction() as orders:
        await act(orders, opening.fulfillment_order_id, anybody, work)

    found = await stored(transaction, opening)
    assert (found.state, found.opening.pickup_location_id) == (State.ARRIVED, "store-2")
    assert [line.lost_units for line in found.lines] == [1, 0]


async def test_work_lists_show_each_parcel_to_those_whose_work_it_is(db: Database) -> None:
    """By due time, a page at a time, whichever list is asked for."""
    day = timedelta(days=1)
    here = an_order(1, opening=an_opening(Method.SHIP, location_id="store-2", promise_time=NOW + 2 * day))

    def sent(number: int) -> FulfillmentOrder:
        opening = an_opening(
            Method.PICKUP,
            pickup_location_id="store-2",
            promise_time=NOW + number * day,
            due_time=NOW,
        )
        return a_parcel_to_a_store(1, opening=opening)

    first, third = sent(1), sent(3)
    waiting = an_order(1, opening=an_opening(Method.PICKUP, pickup_location_id="store-2"))
    await keep(db, here, first, third, waiting)

    async with db.connection() as conn:
        for states in (LIVE, frozenset(State)):
            page = await read_page(conn, "store-2", "", states, None, 2)
            assert [one.id for one in page] == [first.id, here.id]
            after = page[-1].due_time, page[-1].id
            assert [one.id for one in await read_page(conn, "store-2", "", states, after, 2)] == [third.id]
            assert [one.id for one in await read_page(conn, "store-1", "", states, None, 9)] == [waiting.id]
        of_order = await read_page(conn, "store-1", first.opening.order_id, LIVE, None, 9)
        assert of_order == []
        assert len(await read_page(conn, "store-2", first.opening.order_id, LIVE, None, 9)) == 1


async def test_the_store_receives_what_another_sent_and_hands_it_over(door: Door) -> None:
    """Each location does its own part and no other's."""
    part = a_part(PICKUP, 2, 1)
    part.pickup_location_id = "store-2"
    await opened(door, part)
    which, store = part.fulfillment_order_id, door.token("associate", locations=("store-2",))

    def received() -> pb.ReceiveParcelRequest:
        return pb.ReceiveParcelRequest(request_id=request_id(), fulfillment_order_id=which)

    stub = door.stub
    pick = pb.PickUnitsRequest(request_id=request_id(), fulfillment_order_id=which)
    assert (await refused(stub.PickUnits(pick, metadata=store)))[0] is grpc.StatusCode.PERMISSION_DENIED
    await stub.PickUnits(pick, metadata=door.associate)
    await stub.PackOrder(
        pb.PackOrderRequest(request_id=request_id(), fulfillment_order_id=which), metadata=door.associate
    )
    assert await refused(stub.ReceiveParcel(received(), metadata=door.associate)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "WRONG_STATE",
    )
    await stub.ShipOrder(
        pb.ShipOrderRequest(
            request_id=request_id(), fulfillment_order_id=which, carrier="Correos", tracking_number="PK-1"
        ),
        metadata=door.associate,
    )
    sent = await until(door, "ParcelSentToStore", which)
    listed = await stub.ListFulfillmentOrders(
        pb.ListFulfillmentOrdersRequest(location_id="store-2", states=[pb.FULFILLMENT_STATE_IN_TRANSIT]),
        metadata=store,
    )
    denied = await refused(stub.ReceiveParcel(received(), metadata=door.associate))
    lost = await stub.ReportLostInTransit(
        pb.ReportLostInTransitRequest(
            request_id=request_id(),
            fulfillment_order_id=which,
            lines=[pb.LineQuantity(line_number=1, quantity_units=1)],
            note="torn open",
        ),
        metadata=store,
    )
    arrived = await stub.ReceiveParcel(received(), metadata=store)
    await stub.MarkReady(
        pb.MarkReadyRequest(request_id=request_id(), fulfillment_order_id=which), metadata=store
    )
    shown = await stub.GetPickupCode(pb.GetPickupCodeRequest(fulfillment_order_id=which), metadata=door.web)
    await stub.HandOver(a_hand_over(part, shown.code), metadata=store)

    assert (sent.origin.location_id, sent.origin.pickup_location_id) == ("store-1", "store-2")
    assert [one.fulfillment_order_id for one in listed.fulfillment_orders] == [which]
    assert listed.fulfillment_orders[0].pickup_location_id == "store-2"
    assert denied[0] is grpc.StatusCode.PERMISSION_DENIED
    assert lost.fulfillment_order.lines[0].lost_units == 1
    assert arrived.fulfillment_order.state == pb.FULFILLMENT_STATE_ARRIVED
    assert [
        (one.line_number, one.quantity_units) for one in (await until(door, "OrderHandedOver", which)).units
    ] == [
        (1, 1),
        (2, 1),
    ]
    # Who sent it may still see what became of it.
    seen = await stub.GetFulfillmentOrder(
        pb.GetFulfillmentOrderRequest(fulfillment_order_id=which), metadata=door.associate
    )
    assert seen.fulfillment_order.state == pb.FULFILLMENT_STATE_HANDED_OVER
    assert datetime.now(UTC) > seen.fulfillment_order.due_time.ToDatetime(UTC)
