"""Journeys about who may be promised what: baskets that hold units."""

from __future__ import annotations

import pytest

from aljibe.inventory.v1 import holds_pb2
from aljibe.orders.v1 import orders_pb2
from tests.integration.world import CARRY_OUT, Refusal, World, eventually, request_id, units

ALLOCATED = orders_pb2.UNIT_STATE_ALLOCATED


async def hold(world: World, sku: str, quantity_units: int, channel: str = "web") -> str:
    """The id of a basket's hold, made at the HTTP door."""
    request = holds_pb2.CreateHoldRequest(
        request_id=request_id(),
        channel_id=channel,
        lines=[holds_pb2.HeldLine(sku=sku, quantity_units=quantity_units)],
    )
    body = await world.post("/v1/holds", request, world.shop(channel))
    return str(body["hold"]["holdId"])


async def available(world: World, sku: str, channel: str = "web") -> int:
    """What a channel may promise, as its front end sees it."""
    body = await world.get("/v1/availability", world.shop(channel), channelId=channel, skus=sku)
    return int(body["availabilities"][0].get("availableUnits", 0))


async def test_a_basket_wins_over_a_later_buyer_of_another_channel(world: World) -> None:
    """The unit in the basket is nobody else's, wherever it stands; the basket's order gets it."""
    sku = await world.article(stock={"wh-1": 1, "store-north": 1})
    hold_id = await hold(world, sku, 2)

    async def gone() -> bool:
        return await available(world, sku, "app") == 0

    await eventually(gone, "held units unavailable to the app")
    with pytest.raises(Refusal) as refused:
        await world.buy(sku, channel="app")
    order = await world.buy({sku: 2}, hold_id=hold_id)

    kept = await world.get(f"/v1/holds/{hold_id}", world.shop())
    assert refused.value.reason == "INSUFFICIENT_STOCK"
    assert units(order, ALLOCATED) == 2
    assert (kept["hold"]["state"], kept["hold"]["lines"][0]["usedUnits"]) == ("HOLD_STATE_USED", 2)


async def test_what_is_promised_is_explained_and_the_explanation_sums_up(world: World) -> None:
    """Staff see why a shop shows what it shows."""
    sku = await world.article(stock={"wh-1": 3, "store-north": 2})
    await world.buy(sku)
    await hold(world, sku, 2)

    body = await world.get("/v1/availability:explain", world.operator, channelId="web", sku=sku)

    terms = {
        term["kind"].removeprefix("AVAILABILITY_TERM_KIND_"): int(term["units"]) for term in body["terms"]
    }
    assert terms == {"ON_HAND": 5, "RESERVED": -1, "HELD": -2}
    assert int(body["availableUnits"]) == sum(terms.values()) == await available(world, sku)


async def test_a_till_takes_what_a_basket_holds_and_the_basket_learns_it(world: World) -> None:
    """Goods in a customer's hands are a fact; the basket keeps the rest."""
    sku = await world.article(stock={"store-north": 2})
    hold_id = await hold(world, sku, 2)

    await world.buy(sku, channel="pos", method=CARRY_OUT, store="store-north", pay="cash")

    async def displaced() -> bool:
        kept = await world.get(f"/v1/holds/{hold_id}", world.shop())
        return bool(kept["hold"]["lines"][0].get("displacedUnits") == 1)

    await eventually(displaced, "hold displaced by the till's sale")
    order = await world.buy(sku, hold_id=hold_id)
    assert units(order, ALLOCATED) == 1


async def test_a_basket_that_is_let_go_is_for_everybody_again(world: World) -> None:
    sku = await world.article(stock={"wh-1": 1})
    hold_id = await hold(world, sku, 1)

    await world.post(
        f"/v1/holds/{hold_id}:release", holds_pb2.ReleaseHoldRequest(hold_id=hold_id), world.shop()
    )
    order = await world.buy(sku, channel="app")

    assert units(order, ALLOCATED) == 1
