"""Fulfillment orders for tests, so that a test mentions only what matters to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chassis.ids import new_id
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder, Line, Method, Opening
from services.fulfillment.domain.pickup_code import PickupCode
from services.fulfillment.usecases.ports import Work

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACTOR = "ana"
CODE = "042137"
WRONG_CODE = "999999"
WORK = Work(ACTOR, NOW)


def an_opening(
    method: Method = Method.SHIP,
    *,
    fulfillment_order_id: str = "",
    order_id: str = "",
    location_id: str = "store-1",
    channel_id: str = "web",
    promise_time: datetime = NOW + timedelta(days=2),
    due_time: datetime | None = None,
    pickup_location_id: str = "",
) -> Opening:
    return Opening(
        fulfillment_order_id=fulfillment_order_id or new_id("ful"),
        order_id=order_id or new_id("ord"),
        location_id=location_id,
        method=method,
        promise_time=promise_time,
        reservation_id="" if method is Method.CARRY_OUT else "rsv_1",
        channel_id=channel_id,
        due_time=due_time,
        pickup_location_id=pickup_location_id,
    )


def lines_of(*quantities: int) -> list[Line]:
    return [
        Line(number, f"sku-{number}", quantity, f"Article {number}", f"Artículo {number}")
        for number, quantity in enumerate(quantities, start=1)
    ]


def an_order(
    *quantities: int, method: Method = Method.SHIP, opening: Opening | None = None
) -> FulfillmentOrder:
    return FulfillmentOrder.open(
        opening or an_opening(method), lines_of(*(quantities or (2,))), now=NOW, actor=ACTOR
    )


def a_picked_order(*quantities: int, method: Method = Method.SHIP) -> FulfillmentOrder:
    order = an_order(*quantities, method=method)
    order.pick({}, now=NOW, actor=ACTOR)
    return order


def a_ready_pickup(*quantities: int, opening: Opening | None = None) -> FulfillmentOrder:
    order = an_order(*quantities, opening=opening or an_opening(Method.PICKUP))
    order.pick({}, now=NOW, actor=ACTOR)
    order.make_ready(PickupCode(CODE), NOW + timedelta(days=7), now=NOW, actor=ACTOR)
    return order


def a_parcel_to_a_store(*quantities: int, opening: Opening | None = None) -> FulfillmentOrder:
    """On its way from store-1 to store-2, where it is collected."""
    order = an_order(*quantities, opening=opening or an_opening(Method.PICKUP, pickup_location_id="store-2"))
    order.pick({}, now=NOW, actor=ACTOR)
    order.pack(1, now=NOW, actor=ACTOR)
    order.ship("Correos", "PK-1", now=NOW, actor=ACTOR)
    return order


def a_shipped_order(*quantities: int, opening: Opening | None = None) -> FulfillmentOrder:
    order = an_order(*quantities, opening=opening or an_opening(Method.SHIP))
    order.pick({}, now=NOW, actor=ACTOR)
    order.pack(1, now=NOW, actor=ACTOR)
    order.ship("Correos", "PK-1", now=NOW, actor=ACTOR)
    return order
