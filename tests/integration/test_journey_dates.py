"""How soon the customer has it: told on the page, chosen in the basket, kept with the order, and measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from tests.integration.world import HOME, WAREHOUSES, Refusal, World, eventually, request_id

KEPT = orders_pb2.PROMISE_OUTCOME_KEPT


async def page(world: World, *skus: str, **more: str) -> list[dict[str, Any]]:
    """What an article's page is told, by the shop's front end."""
    query = {"channelId": "web", "skus": ",".join(skus), **more}
    query |= {"destination.latitude": str(HOME[0]), "destination.longitude": str(HOME[1])}
    body = await world.get("/v1/availability:dates", world.shop(), **query)
    return list(body["dates"])


def by_promise(dates: dict[str, Any]) -> dict[str, str]:
    return {one["customerPromise"]: one.get("promiseTime", "") for one in dates["deliveries"]}


async def resting_warehouse(world: World) -> str:
    """A warehouse on which nobody works today and on the next four days."""
    place = world.location("wh-rests", WAREHOUSES["wh-1"], types_pb2.LOCATION_KIND_WAREHOUSE)
    today = datetime.now(UTC).date()
    for days in range(-1, 5):
        place.holidays.add(date=(today + timedelta(days=days)).isoformat())
    await world.locations.UpsertLocations(
        inventory_pb2.UpsertLocationsRequest(request_id=request_id(), locations=[place]),
        metadata=world.auth(world.planner),
    )
    return place.location_id


async def test_the_page_the_basket_and_the_order_tell_the_same_and_it_is_measured(world: World) -> None:
    """From the article's page over the preview to the parcel that left."""
    sku = await world.article(stock={"wh-1": 3, "store-north": 1})

    async def dated() -> bool:
        (found,) = await page(world, sku)
        return all(by_promise(found).values())

    await eventually(dated, "dates on the page")
    (shown,) = await page(world, sku, pickupLocationIds="store-north")
    draft = world.draft(sku, customer_promise="EXPRESS")
    request = orders_pb2.PreviewOrderRequest(order=draft)
    preview = await world.post("/v1/orders:preview", request, world.shop())
    order = await world.buy_draft(draft)

    times = by_promise(shown)
    assert datetime.fromisoformat(times["EXPRESS"]) <= datetime.fromisoformat(times["STANDARD"])
    assert preview["order"]["promiseTime"] == times["EXPRESS"]
    assert {one["customerPromise"]: one.get("promiseTime", "") for one in preview["promiseOptions"]} == times
    assert shown["pickups"][0]["promiseTime"]
    assert order.customer_promise == "EXPRESS"
    assert order.promise_time.ToJsonString()[:16] == times["EXPRESS"][:16]
    work = await world.work(order)
    await world.ship(work)

    async def kept() -> bool:
        return (await world.order(order)).promise_outcome == KEPT

    await eventually(kept, "the promise was kept")


async def test_a_promise_that_nobody_can_keep_is_refused_and_the_next_best_is_offered(world: World) -> None:
    """The warehouse rests for days: its goods can be had, but not by express."""
    sku = await world.article(stock={await resting_warehouse(world): 2})
    draft = world.draft(sku, customer_promise="EXPRESS")

    with pytest.raises(Refusal) as refused:
        await world.buy_draft(draft)
    preview = await world.post(
        "/v1/orders:preview", orders_pb2.PreviewOrderRequest(order=draft), world.shop()
    )
    order = await world.buy(sku)

    assert (refused.value.status, refused.value.reason) == (409, "PROMISE_NOT_POSSIBLE")
    assert preview["order"]["customerPromise"] == order.customer_promise == "STANDARD"
