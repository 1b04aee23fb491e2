"""Journeys on goods that are still to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from google.protobuf import json_format

from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.orders.v1 import orders_pb2
from tests.integration.world import Refusal, World, becomes, eventually, request_id, units

BACKORDERED = orders_pb2.UNIT_STATE_BACKORDERED
ALLOCATED = orders_pb2.UNIT_STATE_ALLOCATED
CANCELLED = orders_pb2.UNIT_STATE_CANCELLED
SHIPPED = orders_pb2.UNIT_STATE_SHIPPED


async def sell_ahead(world: World, sku: str, **terms: Any) -> None:
    """Every channel may sell the article before it is there."""
    body = {
        "requestId": request_id(),
        "terms": [{"sku": sku, "channelId": "*", "mode": "BACKORDER_MODE_BACKORDER", **terms}],
    }
    await world.post("/v1/backorder-terms:set", body, world.planner)


async def expect(world: World, supply: str, sku: str, count: int, days: int, at: str = "wh-1") -> datetime:
    """A supplier is to bring so many in so many days."""
    time = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    body = {
        "requestId": request_id(),
        "locationId": at,
        "expectedTime": time.isoformat().replace("+00:00", "Z"),
        "lines": [{"sku": sku, "quantityUnits": count}],
    }
    answer = await world.http.put(
        f"/v1/supplies/{supply}", json=body, headers={"Authorization": f"Bearer {world.planner}"}
    )
    assert answer.status_code == 200, answer.text
    return time


async def come(world: World, supply: str, sku: str, count: int, at: str = "wh-1") -> None:
    body = {
        "requestId": request_id(),
        "locationId": at,
        "lines": [{"sku": sku, "quantityUnits": count}],
    }
    await world.post(f"/v1/supplies/{supply}:receive", body, world.staff(at))


async def next_work(world: World, order: orders_pb2.Order) -> fulfillment_pb2.FulfillmentOrder:
    """The order's work that nobody has begun, as soon as it is there."""

    async def look() -> fulfillment_pb2.FulfillmentOrder | None:
        found = await world.work_of(order.order_id)
        return next((one for one in found if one.state == fulfillment_pb2.FULFILLMENT_STATE_OPEN), None)

    found: fulfillment_pb2.FulfillmentOrder = await eventually(look, f"open work of {order.order_id}")
    return found


def later(world: World, sku: str, count: int, language: str = "en") -> orders_pb2.OrderDraft:
    draft = world.draft({sku: count}, language=language)
    draft.lines[0].accept_later = True
    return draft


async def known(world: World, sku: str, count: int) -> None:
    """The planners of orders have heard of what is to come."""

    async def previewed() -> bool:
        body = await world.post(
            "/v1/orders:preview", {"order": _plain(later(world, sku, count))}, world.shop()
        )
        return not body.get("shortages")

    await eventually(previewed, "a preview of what is to come")


def _plain(draft: orders_pb2.OrderDraft) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(draft)
    return found


async def test_an_order_on_what_is_to_come_lives_through_a_new_date_part_of_the_goods_and_their_end(
    world: World,
) -> None:
    """Two customers wait; the goods come later than said, and less of them; the last one gets money back."""
    sku = await world.article(stock={"wh-1": 1})
    supply = f"PO-{sku}"
    await sell_ahead(world, sku)
    await expect(world, supply, sku, 5, days=3)
    await known(world, sku, 3)

    first = await world.buy_draft(later(world, sku, 3))
    second = await world.buy_draft(later(world, sku, 3, language="es"))
    with pytest.raises(Refusal) as full:
        await world.buy_draft(later(world, sku, 1))
    with pytest.raises(Refusal) as unwilling:
        await world.buy(sku)
    promised = first.promise_time.ToDatetime(UTC)
    moved_to = await expect(world, supply, sku, 5, days=9)
    told = await world.until(second, lambda one: one.messages[-1].kind == "BACKORDER_MOVED")

    assert {one.value.reason for one in (full, unwilling)} == {"INSUFFICIENT_STOCK"}
    assert [(units(one, ALLOCATED), units(one, BACKORDERED)) for one in (first, second)] == [(1, 2), (0, 3)]
    assert promised > datetime.now(UTC) + timedelta(days=3)
    assert told.promise_time.ToDatetime(UTC) > moved_to
    assert "ha cambiado" in told.messages[-1].text

    await world.ship(await next_work(world, first))
    await come(world, supply, sku, 3)
    first = await world.until(first, lambda one: units(one, ALLOCATED) == 2)
    second = await world.until(second, lambda one: units(one, ALLOCATED) == 1)
    with pytest.raises(Refusal) as nothing_left:
        await world.buy(sku)
    body = {"requestId": request_id(), "locationId": "wh-1"}
    await world.post(f"/v1/supplies/{supply}:close", body, world.planner)
    second = await world.until(second, lambda one: units(one, CANCELLED) == 2)

    assert nothing_left.value.reason == "INSUFFICIENT_STOCK"
    await world.ship(await next_work(world, first))
    await world.ship(await next_work(world, second))
    first = await world.until(first, lambda one: one.payment.captured_minor == 3_300)
    second = await world.until(
        second, lambda one: one.payment.captured_minor == 1_100 and one.payment.voided_minor == 2_200
    )
    assert (units(first, SHIPPED), units(second, SHIPPED)) == (3, 1)
    assert [one.kind for one in second.messages] == [
        "ORDER_ACCEPTED",
        "BACKORDERED",
        "BACKORDER_MOVED",
        "BACKORDER_ARRIVED",
        "UNITS_CANCELLED",
        "SHIPPED",
    ]
    await becomes(partial(world.on_hand, sku, "wh-1"), 0)
    assert (await world.audit()).difference_count == 0


async def test_what_is_cut_comes_from_elsewhere_and_what_is_cancelled_is_for_others(world: World) -> None:
    sku = await world.article()
    supply = f"PO-{sku}"
    await sell_ahead(world, sku)
    await expect(world, supply, sku, 2, days=3)
    await known(world, sku, 2)
    order = await world.buy_draft(later(world, sku, 2))

    body = {"requestId": request_id(), "lines": [{"lineNumber": 1, "quantityUnits": 1}]}
    await world.post(f"/v1/orders/{order.order_id}:cancel", body, world.shop())
    await known(world, sku, 1)
    other = await world.buy_draft(later(world, sku, 1))
    await world.receive(sku, "store-north", 1)
    await world.planned_from(sku, "store-north")
    await expect(world, supply, sku, 1, days=3)
    other = await world.until(other, lambda one: units(one, ALLOCATED) == 1)
    order = await world.order(order)

    assert (units(order, BACKORDERED), units(order, CANCELLED)) == (1, 1)
    assert [part.location_id for part in other.plan if not part.supply_id] == ["store-north"]
    assert (await world.audit()).difference_count == 0
