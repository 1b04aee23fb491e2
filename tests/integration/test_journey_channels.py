"""Journeys about what each channel may have of the one pool."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from google.protobuf import json_format

from aljibe.inventory.v1 import controls_pb2, limits_pb2
from aljibe.orders.v1 import orders_pb2
from chassis.ids import new_id
from tests.integration.world import CARRY_OUT, Refusal, World, eventually, request_id, units

ALLOCATED = orders_pb2.UNIT_STATE_ALLOCATED


async def control(world: World, sku: str, channel: str, **amounts: int) -> None:
    """Set a channel's control at the HTTP door, in units."""
    fields = {name: controls_pb2.ControlAmount(units=number) for name, number in amounts.items()}
    request = controls_pb2.SetChannelControlsRequest(
        request_id=request_id(),
        controls=[controls_pb2.ChannelControl(channel_id=channel, sku=sku, **fields)],  # type: ignore[arg-type]
    )
    await world.post("/v1/channel-controls:set", request, world.planner)


async def available(world: World, sku: str, *channels: str) -> list[int]:
    """What each channel may promise, as its front end sees it."""
    found = []
    for channel in channels:
        body = await world.get("/v1/availability", world.shop(channel), channelId=channel, skus=sku)
        found.append(int(body["availabilities"][0].get("availableUnits", 0)))
    return found


async def state(world: World, sku: str, channel: str) -> controls_pb2.ChannelControlState:
    body = await world.get(f"/v1/channel-controls/{channel}/{sku}", world.planner)
    return json_format.ParseDict(body["control"], controls_pb2.ChannelControlState())


async def test_channels_share_a_pool_and_keep_to_their_parts(world: World) -> None:
    """Ring-fence, cap and buffer decide at the page and at the order alike; a till is refused by none."""
    sku = await world.article(stock={"wh-1": 4, "store-north": 4})
    await control(world, sku, "app", ring_fence=3)
    await control(world, sku, "call-center", cap=2)
    await control(world, sku, "web", buffer=1)

    async def shown() -> bool:
        return await available(world, sku, "app", "call-center", "web") == [8, 2, 4]

    await eventually(shown, "each channel's own figure")
    with pytest.raises(Refusal) as capped:
        await world.buy({sku: 3}, channel="call-center")
    await world.buy({sku: 2}, channel="call-center")
    with pytest.raises(Refusal) as full:
        await world.buy(sku, channel="call-center")
    web = await world.buy({sku: 2})
    with pytest.raises(Refusal) as fenced:
        await world.buy(sku)
    await world.buy(sku, channel="pos", method=CARRY_OUT, store="store-north", pay="cash")
    app = await world.buy({sku: 3}, channel="app")

    assert {one.value.reason for one in (capped, full, fenced)} == {"INSUFFICIENT_STOCK"}
    assert (units(web, ALLOCATED), units(app, ALLOCATED)) == (2, 3)
    assert (await state(world, sku, "call-center")).promised_units == 2
    assert (await state(world, sku, "app")).promised_units == 3
    assert (await world.audit()).difference_count == 0


async def test_a_cancelled_order_gives_its_channel_the_units_back(world: World) -> None:
    sku = await world.article(stock={"wh-1": 5})
    await control(world, sku, "call-center", cap=1)
    order = await world.buy(sku, channel="call-center")

    body = {"requestId": request_id()}
    await world.post(f"/v1/orders/{order.order_id}:cancel", body, world.shop("call-center"))

    async def given_back() -> bool:
        return (await state(world, sku, "call-center")).promised_units == 0

    await eventually(given_back, "the cancelled unit given back to the cap")
    await world.buy(sku, channel="call-center")


async def previewed(world: World, sku: str, units: int) -> dict[str, Any]:
    """A preview as the app's front end gets it."""
    request = orders_pb2.PreviewOrderRequest(order=world.draft({sku: units}, "app"))
    return await world.post("/v1/orders:preview", request, world.shop("app"))


async def limit_refusals(world: World, sku: str, units: int) -> list[dict[str, Any]]:
    """What a preview says that a limit would refuse."""
    refusals: list[dict[str, Any]] = (await previewed(world, sku, units)).get("limitRefusals", [])
    return refusals


async def test_a_preview_of_a_scarce_article_with_a_hold_nobody_knows_says_so(world: World) -> None:
    sku = await world.article(stock={"wh-1": 9})
    limits = limits_pb2.SetBuyerLimitsRequest(
        request_id=request_id(), limits=[limits_pb2.BuyerLimit(sku=sku, max_units=2)]
    )
    await world.post("/v1/buyer-limits:set", limits, world.planner)
    await eventually(partial(limit_refusals, world, sku, 3), "limit in a preview")
    order = world.draft({sku: 1}, "app")

    for hold_id in (new_id("hld"), "no hold at all"):
        request = orders_pb2.PreviewOrderRequest(order=order, hold_id=hold_id)
        with pytest.raises(Refusal) as refused:
            await world.post("/v1/orders:preview", request, world.shop("app"))
        assert (refused.value.status, refused.value.reason) == (404, "HOLD_UNKNOWN")


async def test_a_scarce_article_is_limited_for_each_customer_whatever_the_channel(world: World) -> None:
    """The refusal is clear at the HTTP door, and a cancelled unit may be bought again."""
    sku = await world.article(stock={"wh-1": 9})
    request = limits_pb2.SetBuyerLimitsRequest(
        request_id=request_id(), limits=[limits_pb2.BuyerLimit(sku=sku, max_units=2)]
    )
    await world.post("/v1/buyer-limits:set", request, world.planner)
    first = await world.buy(sku)
    before = await previewed(world, sku, 1)
    told = await eventually(partial(limit_refusals, world, sku, 2), "limit in a preview")

    with pytest.raises(Refusal) as refused:
        await world.buy({sku: 2}, channel="app")
    await world.buy(sku, channel="app")
    with pytest.raises(Refusal) as full:
        await world.buy(sku)
    body = {"requestId": request_id()}
    await world.post(f"/v1/orders/{first.order_id}:cancel", body, world.shop())

    async def given_back() -> bool:
        found = await world.get(f"/v1/buyer-limits/{sku}/allowance", world.shop(), customerId="cus-1")
        return int(found.get("leftUnits", 0)) == 1

    await eventually(given_back, "the cancelled unit given back to the customer")
    await world.buy(sku)
    assert {refused.value.reason, full.value.reason} == {"BUYER_LIMIT_EXCEEDED"}
    assert "limitRefusals" not in before
    facts = refused.value.problem["facts"]
    assert told == [
        {
            "reason": refused.value.reason,
            "sku": sku,
            "requestedUnits": int(facts["requested_units"]),
            "limitUnits": int(facts["limit_units"]),
            "leftUnits": int(facts["left_units"]),
        }
    ]
    assert (refused.value.status, full.value.problem["facts"]["left_units"]) == (409, "0")
