"""Rules of sourcing with two processes of orders: both switch, at once and by date, while customers buy."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc, rules_pb2, rules_pb2_grpc
from cli.local.platform import Platform
from tests.integration.world import Refusal, World, eventually, request_id

NAMES = ("orders", "orders-2")
BUILT_IN = 0
DEAR_WAREHOUSE = {"pick_warehouse_per_unit": "50.00"}
LEAD = timedelta(seconds=4)

Doors = dict[str, tuple[Any, Any]]


@pytest_asyncio.fixture
async def switching(twins: tuple[Platform, World]) -> AsyncIterator[tuple[Platform, World, Doors]]:
    """The platform, and doors of both orders to orders and rules; at the end the built-in rules hold."""
    platform, world = twins
    channels = {name: grpc.aio.insecure_channel(platform.services[name].address) for name in NAMES}
    doors: Doors = {
        name: (orders_pb2_grpc.OrderServiceStub(channel), rules_pb2_grpc.SourcingRulesServiceStub(channel))
        for name, channel in channels.items()
    }
    try:
        yield platform, world, doors
    finally:
        back = rules_pb2.RollBackRulesRequest(request_id=request_id(), number=BUILT_IN)
        await doors["orders"][1].RollBackRules(back, metadata=_planner(world))
        for channel in channels.values():
            await channel.close()


def _planner(world: World) -> Any:
    return world.auth(world.token("planner"))


async def _draft(world: World, rules: Any, **parts: Any) -> Any:
    document = json.dumps({"name": "Autumn", "currency": "USD", **parts})
    request = rules_pb2.CreateRulesRequest(request_id=request_id(), document=document)
    return (await rules.CreateRules(request, metadata=_planner(world))).rules


async def _decided(world: World, door: Any, sku: str) -> tuple[str, str]:
    """Where an order is sent from, and the version of the rules it was decided with."""
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(),
        order=world.draft(sku),
        payment=orders_pb2.PaymentInput(token="tok_ok"),
    )
    order = (await door.PlaceOrder(request, metadata=world.auth(world.shop()), timeout=30)).order
    told = await door.ExplainSourcing(
        orders_pb2.ExplainSourcingRequest(order_id=order.order_id),
        metadata=world.auth(world.token("operator", channels=["*"], locations=["*"])),
    )
    return order.plan[0].location_id, told.decisions[-1].rules_version


async def test_both_instances_switch_at_once_by_date_and_after_a_restart(
    switching: tuple[Platform, World, Doors],
) -> None:
    """While customers buy at both doors: nobody is refused for it, and every decision can be replayed."""
    platform, world, doors = switching
    sku = await world.article(stock={"store-north": 2_000, "wh-1": 2_000})
    (first, rules), (second, other_rules) = doors["orders"], doors["orders-2"]
    for door in (first, second):
        await world.planned_from(sku, "wh-1", door)
    built_in = [await _decided(world, door, sku) for door in (first, second)]
    stores = await _draft(world, rules, costs=DEAR_WAREHOUSE)
    season = await _draft(world, rules, costs={"pick_store_per_unit": "50.00"})
    stop = asyncio.Event()
    seen: list[tuple[str, str]] = []

    async def shop(door: Any) -> None:
        while not stop.is_set():
            seen.append(await _decided(world, door, sku))

    async with asyncio.TaskGroup() as group:
        for door in (first, second):
            group.create_task(shop(door))
        # At once: asked of the one, heard by the other.
        activate = rules_pb2.ActivateRulesRequest(request_id=request_id(), number=stores.number)
        await rules.ActivateRules(activate, metadata=_planner(world))
        assert await _decided(world, first, sku) == ("store-north", stores.rules_version)

        async def both_switched() -> bool:
            return await _decided(world, second, sku) == ("store-north", stores.rules_version)

        await eventually(both_switched, "the other instance decides with the new rules")
        # By date: planned at the other, nobody acts when the time has come.
        begins = datetime.now(UTC) + LEAD
        at = Timestamp()
        at.FromDatetime(begins)
        planned = rules_pb2.ActivateRulesRequest(
            request_id=request_id(), number=season.number, effective_from=at
        )
        await other_rules.ActivateRules(planned, metadata=_planner(world))
        await asyncio.sleep(max(0.0, (begins - datetime.now(UTC)).total_seconds()) + 0.1)
        for door in (first, second):

            async def switched(door: Any = door) -> bool:
                return await _decided(world, door, sku) == ("wh-1", season.rules_version)

            await eventually(switched, "decision with the rules that were planned")
        stop.set()

    # A process that starts later knows what holds.
    await platform.kill("orders-2")
    await platform.healthy()
    assert await _decided(world, second, sku) == ("wh-1", season.rules_version)
    expected = {
        built_in[0][1]: "wh-1",
        stores.rules_version: "store-north",
        season.rules_version: "wh-1",
    }
    assert built_in[0] == built_in[1]
    assert len(Counter(seen)) >= 2
    assert all(expected[version] == where for where, version in seen)


async def test_two_planners_at_two_doors_are_one_after_the_other(
    switching: tuple[Platform, World, Doors],
) -> None:
    """Whoever comes second overwrites nothing that they have not read."""
    _, world, doors = switching
    draft = await _draft(world, doors["orders"][1])

    async def update(name: str, number: int) -> str:
        request = rules_pb2.UpdateRulesRequest(
            request_id=request_id(),
            number=draft.number,
            expected_revision=1,
            document=json.dumps({"name": f"by {name} {number}", "currency": "USD"}),
        )
        try:
            await doors[name][1].UpdateRules(request, metadata=_planner(world))
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    outcomes = Counter(await asyncio.gather(*(update(NAMES[n % 2], n) for n in range(10))))

    assert outcomes == {"OK": 1, "ABORTED": 9}
    history = await doors["orders-2"][1].ListRulesChanges(
        rules_pb2.ListRulesChangesRequest(number=draft.number), metadata=_planner(world)
    )
    assert [one.kind for one in history.changes] == [
        rules_pb2.RULES_CHANGE_KIND_UPDATED,
        rules_pb2.RULES_CHANGE_KIND_CREATED,
    ]


async def test_rules_are_written_over_http_too(switching: tuple[Platform, World, Doors]) -> None:
    """A planner's own tool: every error of a document by place, then a draft, read back and compared."""
    _, world, _ = switching
    planner = world.token("planner")
    bad = rules_pb2.CreateRulesRequest(
        request_id=request_id(), document=json.dumps({"name": "", "currency": "USD", "costs": {"spilt": "1"}})
    )
    good = rules_pb2.CreateRulesRequest(
        request_id=request_id(), document=json.dumps({"name": "By HTTP", "currency": "USD"})
    )

    with pytest.raises(Refusal) as refused:
        await world.post("/v1/sourcing-rules", bad, planner)
    draft = (await world.post("/v1/sourcing-rules", good, planner))["rules"]

    assert (refused.value.status, refused.value.reason) == (400, "RULES_INVALID")
    path = f"/v1/sourcing-rules/{draft['number']}"
    read = (await world.get(path, planner))["rules"]
    assert json.loads(read["document"])["name"] == "By HTTP"
    compared = await world.get(f"{path}:diff", planner, before_number="0")
    assert {one["path"] for one in compared["differences"]} == {"name", "currency"}
    with pytest.raises(Refusal) as denied:
        await world.get(path, world.shop())
    assert denied.value.status == 403
