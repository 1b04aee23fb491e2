"""What an earlier build was in the middle of is finished by this one, and its books stay right."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import (
    availability_pb2,
    availability_pb2_grpc,
    counts_pb2,
    counts_pb2_grpc,
    holds_pb2,
    holds_pb2_grpc,
    supply_pb2,
    supply_pb2_grpc,
    transfers_pb2,
    transfers_pb2_grpc,
)
from aljibe.orders.v1 import orders_pb2, rules_pb2, rules_pb2_grpc
from cli.local.figures import gauge, metrics
from cli.local.platform import Platform
from cli.local.postgres import LocalPostgres
from tests.integration.aftermath import no_dead_letters, settled, the_books_agree
from tests.integration.shopping import Crowd
from tests.integration.upgrade import restore
from tests.integration.upgrade.life import NORTH, SOUTH, WAREHOUSE, Begun
from tests.integration.world import (
    CARRY_OUT,
    Refusal,
    World,
    eventually,
    reason,
    request_id,
    retailer,
    units,
)
from tests.servers import open_folder

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module", params=restore.names())
def build(request: pytest.FixtureRequest) -> str:
    """A build whose data are kept."""
    return str(request.param)


@pytest.fixture(scope="module")
def begun(build: str) -> Begun:
    """What it had begun."""
    return restore.begun(build)


@pytest_asyncio.fixture(scope="module")
async def world(build: str) -> AsyncIterator[World]:
    """This build on that one's data; NATS has lost what it had."""
    with open_folder("aljibe-upgrade-") as folder:
        postgres = LocalPostgres(folder / "postgres")
        await postgres.start()
        try:
            await restore.restore(build, postgres)
        finally:
            await postgres.stop()
        environ = {**os.environ, "ALJIBE_STOCK_PRICES_SECONDS": "0"}
        async with Platform(folder, environ=environ) as platform, retailer(platform) as opened:
            yield opened


async def test_books_and_rules_are_as_they_were_left(world: World, begun: Begun) -> None:
    """Runs first: the ledger agrees with every counter, each order costs what it did, and no rule is lost."""
    assert (await world.audit()).difference_count == 0
    for order_id, total in begun.totals.items():
        order = await world.order(order_id)
        assert (order.total_minor, order.payment.authorized_minor) == (total, total)
    rules = rules_pb2_grpc.SourcingRulesServiceStub(world.grpc_channel("orders"))
    listed = await rules.ListRules(rules_pb2.ListRulesRequest(), metadata=world.auth(world.planner))
    states = {one.number: one.state for one in listed.rules}
    assert states.pop(begun.rules) == rules_pb2.RULES_STATE_ACTIVE
    assert rules_pb2.RULES_STATE_DRAFT in states.values()


async def test_decisions_of_then_are_explained_now(world: World, begun: Begun) -> None:
    """By the records of that build: what was chosen is in the plan, and why not the others is answered."""
    auth = world.auth(world.operator)
    for order_id in (begun.unpicked, begun.delivered, *list(begun.totals)[:20]):
        order = await world.order(order_id)
        explain = orders_pb2.ExplainSourcingRequest(order_id=order_id)
        first = (await world.orders.ExplainSourcing(explain, metadata=auth)).decisions[0]
        if len(order.plan) == 1:
            assert [part.location_id for part in first.chosen] == [order.plan[0].location_id]
        others = {one.location_id for one in first.candidates} - {part.location_id for part in first.chosen}
        for location in others:
            why = orders_pb2.WhyNotRequest(order_id=order_id, location_id=location, attempt=first.attempt)
            answer = await world.orders.WhyNot(why, metadata=auth)
            assert answer.sentence_en
            assert answer.sentence_es


async def test_a_basket_of_then_becomes_an_order(world: World, begun: Begun) -> None:
    channel = world.grpc_channel("inventory")
    get = holds_pb2.GetHoldRequest(hold_id=begun.hold_id)

    order = await world.buy({begun.held_sku: 2}, hold_id=begun.hold_id)

    assert [part.location_id for part in order.plan] == [WAREHOUSE]
    hold = await holds_pb2_grpc.HoldServiceStub(channel).GetHold(get, metadata=world.auth(world.shop()))
    assert hold.hold.state == holds_pb2.HOLD_STATE_USED
    position = await world.position(begun.held_sku, WAREHOUSE)
    assert (position.on_hand_units, position.reserved_units) == (5, 2)


async def test_shares_of_channels_and_limits_hold_on(world: World, begun: Begun) -> None:
    """Four of ten are the app's, so the web has six; a customer who had one of a scarce article gets one."""
    stub = availability_pb2_grpc.AvailabilityServiceStub(world.grpc_channel("inventory"))

    async def promised(channel: str) -> int:
        explain = availability_pb2.ExplainAvailabilityRequest(channel_id=channel, sku=begun.fenced_sku)
        answer = await stub.ExplainAvailability(explain, metadata=world.auth(world.operator))
        return int(answer.available_units)

    assert (await promised("web"), await promised("app")) == (6, 10)
    with pytest.raises(Refusal) as more:
        await world.buy({begun.limited_sku: 2})
    assert more.value.reason == "BUYER_LIMIT_EXCEEDED"
    assert (await world.buy({begun.limited_sku: 1})).total_minor == 990


async def test_goods_on_their_way_arrive(world: World, begun: Begun) -> None:
    """What is left of a transfer, of a count and of a supply."""
    auth = world.auth(world.planner)
    channel = world.grpc_channel("inventory")
    receive = transfers_pb2.ReceiveTransferRequest(
        request_id=request_id(), transfer_id=begun.transfer_id, destination_id=SOUTH
    )
    transfer = await transfers_pb2_grpc.TransferServiceStub(channel).ReceiveTransfer(receive, metadata=auth)
    assert transfer.transfer.state == transfers_pb2.TRANSFER_STATE_RECEIVED
    assert transfer.transfer.lines[0].received_units == 6

    complete = counts_pb2.CompleteCountRequest(
        request_id=request_id(), count_id=begun.count_id, location_id=SOUTH
    )
    await counts_pb2_grpc.CountServiceStub(channel).CompleteCount(complete, metadata=auth)
    # Six of ten were there when it began, and three were sold while it went on.
    assert (await world.position(begun.counted_sku, SOUTH)).on_hand_units == 3

    rest = supply_pb2.ReceiveSupplyRequest(
        request_id=request_id(),
        supply_id=begun.supply_id,
        location_id=WAREHOUSE,
        lines=[supply_pb2.SupplyUnits(sku=begun.supplied_sku, quantity_units=5)],
    )
    supply = await supply_pb2_grpc.SupplyServiceStub(channel).ReceiveSupply(rest, metadata=auth)
    assert supply.supply.state == supply_pb2.SUPPLY_STATE_RECEIVED
    assert (await world.position(begun.supplied_sku, WAREHOUSE)).on_hand_units == 8


async def test_work_is_taken_up_where_it_was_laid_down(world: World, begun: Begun) -> None:
    """Half picked, behind the counter, on hold, already sent: each goes on, and is paid once."""
    for order_id in (begun.unpicked, begun.picking):
        await world.ship(await world.work(order_id))
        await world.until(order_id, lambda order: order.payment.captured_minor == order.total_minor)

    await world.hand_over(await world.work(begun.ready), begun.code)
    await world.until(begun.ready, lambda order: order.payment.captured_minor == order.total_minor)

    held = await world.work(begun.held)
    with pytest.raises(grpc.aio.AioRpcError) as stopped:
        await world.pick(held)
    assert reason(stopped.value) == "ORDER_ON_HOLD"
    lift = orders_pb2.LiftHoldRequest(request_id=request_id(), order_id=begun.held, reason="cleared")
    await world.orders.LiftHold(lift, metadata=world.auth(world.operator))

    async def free() -> bool:
        return not (await world.work(begun.held)).HasField("hold")

    await eventually(free, "end of the hold")
    await world.ship(await world.work(begun.held))
    await world.until(begun.held, lambda order: order.payment.captured_minor == order.total_minor)

    for order_id in (begun.delivered, begun.carried_out):
        back = fulfillment_pb2.ReceiveReturnRequest(
            request_id=request_id(),
            location_id=SOUTH,
            order_id=order_id,
            lines=[
                fulfillment_pb2.ReturnedLine(
                    line_number=1, quantity_units=1, disposition=fulfillment_pb2.DISPOSITION_RESTOCK
                )
            ],
        )
        await world.fulfillment.ReceiveReturn(back, metadata=world.auth(world.staff(SOUTH)))

        async def refunded(order_id: str = order_id) -> bool:
            return (await world.order(order_id)).payment.refunded_minor == 2750

        await eventually(refunded, f"refund of {order_id}")
    assert units(await world.order(begun.delivered), orders_pb2.UNIT_STATE_RETURNED) == 1


async def test_new_orders_are_decided_by_the_rules_of_then(world: World, begun: Begun) -> None:
    """Stores send no parcels by them, and sell what they have."""
    sku = await world.article(1000, {NORTH: 2})

    with pytest.raises(Refusal) as nowhere:
        await world.buy({sku: 1})
    carried = await world.buy({sku: 1}, "pos", CARRY_OUT, NORTH, pay="cash")

    assert nowhere.value.reason == "INSUFFICIENT_STOCK"
    assert carried.plan[0].method == types_pb2.FULFILLMENT_METHOD_CARRY_OUT


async def test_everything_open_is_finished_and_the_books_agree(world: World, begun: Begun) -> None:
    """Runs last: customers who were asked choose, staff works off what lay there, every order is paid once,
    every unit is accounted for.
    """
    orders = {order_id: await world.order(order_id) for order_id in begun.totals}
    asked = [one for one in orders.values() if one.state == orders_pb2.ORDER_STATE_AWAITING_CUSTOMER]
    for order in asked:
        choice = orders_pb2.ResolveShortageRequest(request_id=request_id(), cancel=True)
        await world.post(f"/v1/orders/{order.order_id}:resolveShortage", choice, world.shop(order.channel_id))
    crowd = Crowd(world, [begun.stocked], seed=2)
    staff = asyncio.create_task(crowd.staff())
    try:
        await settled(world, orders)
    finally:
        staff.cancel()
    done = {order_id: await world.order(order_id) for order_id in orders}
    for order in done.values():
        captured = order.payment.captured_minor
        assert captured + order.payment.voided_minor == order.total_minor, order
    await the_books_agree(world, done, begun.received)
    await no_dead_letters(world)
    seen = gauge(metrics(world.platform, "orders"), "aljibe_orders_audit_differences")
    assert seen == 0
    assert (await world.audit()).difference_count == 0
