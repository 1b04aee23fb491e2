"""What orders and fulfillment tell, over the real bus: each fact once, in whatever order it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import events_pb2 as fulfillment
from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import events_pb2 as facts
from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.orders.v1 import events_pb2 as orders
from aljibe.orders.v1 import orders_pb2
from chassis import envelope
from chassis.clock import utc_now
from services.inventory.tests.builders import OTHER_STORE, STORE, unique
from services.inventory.tests.conftest import Door

SHIP = types_pb2.FULFILLMENT_METHOD_SHIP
CARRY_OUT = types_pb2.FULFILLMENT_METHOD_CARRY_OUT
WAIT_SECONDS = 20.0


async def tell(
    door: Door, service: str, message: Message, aggregate_id: str, sequence: int, times: int = 1
) -> None:
    """Put an event on the bus, `times` over, as another service's relay would."""
    event = envelope.event(
        service,
        message,
        aggregate_type="order" if service == "orders" else "fulfillment_order",
        aggregate_id=aggregate_id,
        sequence=sequence,
        occurred_at=utc_now(),
    )
    for publication in range(times):
        headers = envelope.headers(event, envelope.source_of(service), publication)
        await door.nats.jetstream().publish(event.subject, event.payload, headers=headers)


async def eventually(look: Callable[[], Awaitable[Any]], wanted: object) -> None:
    """Return when `look` sees `wanted`; the test fails when it does not come."""
    found: object = None
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while (found := await look()) != wanted:
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"{found!r} and not {wanted!r}")


class Case:
    """One order of two units at STORE, reserved."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.sku = unique("SKU")
        self.order_id = unique("ord")
        self.fulfillment_order_id = unique("ful")
        self.reservation_id = ""

    async def reserve(self, on_hand: int = 5, units: int = 2) -> None:
        await self.door.receive(on_hand, sku=self.sku)
        answer = await self.door.reservations.ReserveStock(
            pb.ReserveStockRequest(
                order_id=self.order_id,
                attempt=1,
                picks=[pb.Pick(sku=self.sku, location_id=STORE, quantity_units=units)],
            ),
            metadata=self.door.service,
        )
        self.reservation_id = answer.reservation.reservation_id

    def accepted(self, units: int = 2) -> orders.OrderAccepted:
        part = orders_pb2.PlanPart(
            fulfillment_order_id=self.fulfillment_order_id,
            location_id=STORE,
            method=SHIP,
            reservation_id=self.reservation_id,
            lines=[orders_pb2.PlanLine(line_number=1, sku=self.sku, quantity_units=units)],
        )
        return orders.OrderAccepted(order_id=self.order_id, plan=[part])

    def origin(self) -> fulfillment.Origin:
        return fulfillment.Origin(
            fulfillment_order_id=self.fulfillment_order_id,
            order_id=self.order_id,
            location_id=STORE,
            reservation_id=self.reservation_id,
            method=SHIP,
            actor="ana",
        )

    def units(self, quantity_units: int = 2) -> list[fulfillment.Units]:
        return [fulfillment.Units(line_number=1, sku=self.sku, quantity_units=quantity_units)]

    async def state(self) -> int:
        answer = await self.door.reservations.GetReservation(
            pb.GetReservationRequest(reservation_id=self.reservation_id), metadata=self.door.service
        )
        return answer.reservation.state

    async def book(self, location_id: str = STORE) -> tuple[int, int]:
        """On hand and reserved."""
        answer = await self.door.stock.ListPositions(
            pb.ListPositionsRequest(sku=self.sku, location_id=location_id), metadata=self.door.service
        )
        found = answer.positions[0] if answer.positions else pb.Position()
        return (found.on_hand_units, found.reserved_units)

    async def available(self) -> int:
        """By the replica."""
        answer = await self.door.stock.GetAvailability(
            pb.GetAvailabilityRequest(channel_id="web", skus=[self.sku]), metadata=self.door.service
        )
        return answer.availabilities[0].available_units


async def test_an_order_is_accepted_and_shipped_however_often_it_is_told(door: Door) -> None:
    case = Case(door)
    await case.reserve()

    await tell(door, "orders", case.accepted(), case.order_id, 1, times=3)
    await eventually(case.state, pb.RESERVATION_STATE_COMMITTED)
    shipped = fulfillment.OrderShipped(origin=case.origin(), units=case.units())
    await tell(door, "fulfillment", shipped, case.fulfillment_order_id, 1, times=3)
    await eventually(case.book, (3, 0))

    assert await case.state() == pb.RESERVATION_STATE_CONSUMED
    await eventually(case.available, 3)
    ledger = await door.stock.ListMovements(
        pb.ListMovementsRequest(document_id=case.fulfillment_order_id), metadata=door.service
    )
    (movement,) = ledger.movements
    assert (movement.cause, movement.quantity_units, movement.actor) == (
        pb.MOVEMENT_CAUSE_SHIPMENT,
        -2,
        "ana",
    )
    assert (await door.audit()).difference_count == 0


async def test_a_shipment_may_overtake_the_acceptance(door: Door) -> None:
    """The two travel on streams of their own."""
    case = Case(door)
    await case.reserve()

    shipped = fulfillment.OrderShipped(origin=case.origin(), units=case.units())
    await tell(door, "fulfillment", shipped, case.fulfillment_order_id, 1)
    await eventually(case.book, (3, 0))
    await tell(door, "orders", case.accepted(), case.order_id, 1)
    cancelled = orders.UnitsCancelled(
        order_id=case.order_id,
        units=[
            orders.CancelledUnits(
                sku=case.sku, quantity_units=1, location_id=STORE, reservation_id=case.reservation_id
            )
        ],
    )
    await tell(door, "orders", cancelled, case.order_id, 2)
    other = Case(door)
    await other.reserve()
    await tell(door, "orders", other.accepted(), other.order_id, 1)
    await eventually(other.state, pb.RESERVATION_STATE_COMMITTED)

    assert await case.state() == pb.RESERVATION_STATE_CONSUMED
    assert await case.book() == (3, 0)
    assert (await door.audit()).difference_count == 0


async def test_cancelled_units_return_and_uncollected_ones_too(door: Door) -> None:
    case = Case(door)
    await case.reserve()
    await tell(door, "orders", case.accepted(), case.order_id, 1)
    cancelled = orders.UnitsCancelled(
        order_id=case.order_id,
        units=[
            orders.CancelledUnits(
                sku=case.sku, quantity_units=1, location_id=STORE, reservation_id=case.reservation_id
            ),
            orders.CancelledUnits(sku=case.sku, quantity_units=1),
        ],
    )

    await tell(door, "orders", cancelled, case.order_id, 2)
    await eventually(case.book, (5, 1))
    uncollected = fulfillment.PickupExpired(origin=case.origin(), units=case.units(1))
    await tell(door, "fulfillment", uncollected, case.fulfillment_order_id, 1)
    await eventually(case.book, (5, 0))

    assert await case.state() == pb.RESERVATION_STATE_RELEASED


async def test_goods_sent_to_a_store_are_no_stock_there_until_nobody_collects_them(door: Door) -> None:
    """They belong to an order: who walks into that store must not be sold them."""
    case = Case(door)
    await case.reserve()
    await tell(door, "orders", case.accepted(), case.order_id, 1)
    origin = case.origin()
    origin.pickup_location_id = OTHER_STORE

    sent = fulfillment.ParcelSentToStore(origin=origin, units=case.units())
    await tell(door, "fulfillment", sent, case.fulfillment_order_id, 1, times=3)
    await eventually(case.book, (3, 0))
    there = await case.book(OTHER_STORE)
    handed_over = fulfillment.OrderHandedOver(origin=origin, units=case.units(1))
    await tell(door, "fulfillment", handed_over, case.fulfillment_order_id, 2)
    uncollected = fulfillment.PickupExpired(origin=origin, units=case.units(1))
    await tell(door, "fulfillment", uncollected, case.fulfillment_order_id, 3, times=3)

    async def in_the_other_store() -> tuple[int, int]:
        return await case.book(OTHER_STORE)

    await eventually(in_the_other_store, (1, 0))
    assert there == (0, 0)
    assert await case.book() == (3, 0)
    assert await case.state() == pb.RESERVATION_STATE_CONSUMED
    ledger = await door.stock.ListMovements(
        pb.ListMovementsRequest(document_id=case.fulfillment_order_id), metadata=door.service
    )
    assert {(one.location_id, one.cause, one.quantity_units) for one in ledger.movements} == {
        (STORE, pb.MOVEMENT_CAUSE_SHIPMENT, -2),
        (OTHER_STORE, pb.MOVEMENT_CAUSE_RETURN, 1),
    }
    assert (await door.audit()).difference_count == 0


async def test_a_carry_out_is_a_sale_and_its_hand_over_no_second_one(door: Door) -> None:
    case = Case(door)
    part = orders_pb2.PlanPart(
        fulfillment_order_id=case.fulfillment_order_id,
        location_id=STORE,
        method=CARRY_OUT,
        lines=[orders_pb2.PlanLine(line_number=1, sku=case.sku, quantity_units=2)],
    )
    origin = case.origin()
    origin.method = CARRY_OUT
    handed_over = fulfillment.OrderHandedOver(origin=origin, units=case.units())

    await tell(door, "fulfillment", handed_over, case.fulfillment_order_id, 1)
    await tell(door, "orders", orders.OrderAccepted(order_id=case.order_id, plan=[part]), case.order_id, 1)
    await eventually(case.book, (-2, 0))

    ledger = await door.stock.ListMovements(
        pb.ListMovementsRequest(document_id=case.order_id), metadata=door.service
    )
    assert [one.cause for one in ledger.movements] == [pb.MOVEMENT_CAUSE_SALE]


async def test_a_till_takes_a_promised_unit_and_orders_hears_of_it(door: Door) -> None:
    case = Case(door)
    await case.reserve(on_hand=2)
    await tell(door, "orders", case.accepted(), case.order_id, 1)
    await eventually(case.state, pb.RESERVATION_STATE_COMMITTED)
    heard = await door.nats.jetstream().subscribe(
        "aljibe.inventory.v1.units-displaced.>", ordered_consumer=True
    )

    sold = await door.stock.SellStock(
        pb.SellStockRequest(
            request_id=unique("sell"),
            location_id=STORE,
            lines=[pb.StockLine(sku=case.sku, quantity_units=1)],
            document_id="receipt-9",
        ),
        metadata=door.token("till", locations=(STORE,)),
    )

    assert sold.displaced_units == 1
    message = await heard.next_msg(timeout=WAIT_SECONDS)
    told = facts.UnitsDisplaced.FromString(message.data)
    assert (told.order_id, told.quantity_units, told.document_id) == (case.order_id, 1, "receipt-9")
    assert (message.headers or {})["ce-sequence"] == "1"
    await heard.unsubscribe()


async def test_a_sale_without_an_order_is_told_once_and_a_till_order_is_not(door: Door) -> None:
    """Whoever learns demand hears of every sale; an order's sale is told by orders already."""
    case = Case(door)
    part = orders_pb2.PlanPart(
        fulfillment_order_id=case.fulfillment_order_id,
        location_id=STORE,
        method=CARRY_OUT,
        lines=[orders_pb2.PlanLine(line_number=1, sku=case.sku, quantity_units=1)],
    )
    heard = await door.nats.jetstream().subscribe("aljibe.inventory.v1.units-sold.>", ordered_consumer=True)
    sale = pb.SellStockRequest(
        request_id=unique("sell"),
        location_id=STORE,
        lines=[pb.StockLine(sku=case.sku, quantity_units=2), pb.StockLine(sku=unique("s"), quantity_units=1)],
        document_id="receipt-7",
    )
    token = door.token("till", locations=(STORE,))

    await tell(door, "orders", orders.OrderAccepted(order_id=case.order_id, plan=[part]), case.order_id, 1)
    await eventually(case.book, (-1, 0))
    await door.stock.SellStock(sale, metadata=token)
    await door.stock.SellStock(sale, metadata=token)

    message = await heard.next_msg(timeout=WAIT_SECONDS)
    told = facts.UnitsSold.FromString(message.data)
    assert (told.location_id, told.document_id) == (STORE, "receipt-7")
    assert list(told.lines) == list(sale.lines)
    with pytest.raises(TimeoutError):
        await heard.next_msg(timeout=0.5)
    await heard.unsubscribe()


async def test_a_short_pick_loses_goods_and_a_return_brings_them_back_elsewhere(door: Door) -> None:
    case = Case(door)
    await case.reserve()
    await tell(door, "orders", case.accepted(), case.order_id, 1)
    short = fulfillment.UnitsShort(
        origin=case.origin(), units=case.units(1), reason=fulfillment_pb2.SHORT_PICK_REASON_NOT_FOUND
    )
    back = fulfillment.ReturnReceived(
        origin=case.origin(),
        return_id=unique("ret"),
        receiving_location_id=OTHER_STORE,
        units=case.units(1),
        disposition=fulfillment_pb2.DISPOSITION_RESTOCK,
    )
    scrap = fulfillment.ReturnReceived()
    scrap.CopyFrom(back)
    scrap.disposition = fulfillment_pb2.DISPOSITION_SCRAP

    await tell(door, "fulfillment", short, case.fulfillment_order_id, 1)
    await tell(door, "fulfillment", scrap, case.fulfillment_order_id, 2)
    await tell(door, "fulfillment", back, case.fulfillment_order_id, 3)

    await eventually(lambda: case.book(OTHER_STORE), (1, 0))
    assert await case.book() == (4, 1)
    assert (await door.audit()).difference_count == 0


async def test_a_fact_about_an_unknown_reservation_goes_to_the_dead_letters_and_others_pass(
    door: Door,
) -> None:
    lost, case = Case(door), Case(door)
    lost.reservation_id = "rsv_unknown"
    await case.reserve()

    await tell(door, "orders", lost.accepted(), lost.order_id, 1)
    await tell(door, "orders", case.accepted(), case.order_id, 1)
    await eventually(case.state, pb.RESERVATION_STATE_COMMITTED)

    async def dead() -> int:
        async with door.db.connection() as conn:
            return int(
                await conn.fetchval("SELECT count(*) FROM dead_letter WHERE error LIKE '%rsv_unknown%'")
            )

    await eventually(dead, 1)
