"""What a retailer is in the middle of when a build is replaced by the next: work of every kind, none done.

Only what the public calls of the first kept build know is asked for, so that the same life can be led on any.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.inventory.v1 import (
    controls_pb2,
    controls_pb2_grpc,
    counts_pb2,
    counts_pb2_grpc,
    holds_pb2,
    holds_pb2_grpc,
    inventory_pb2,
    limits_pb2,
    limits_pb2_grpc,
    supply_pb2,
    supply_pb2_grpc,
    transfers_pb2,
    transfers_pb2_grpc,
)
from aljibe.orders.v1 import orders_pb2, rules_pb2, rules_pb2_grpc
from tests.integration.shopping import Crowd
from tests.integration.world import CARRY_OUT, PICKUP, World, request_id

NORTH, SOUTH, WAREHOUSE = "store-north", "store-south", "wh-1"
SUPPLY = "asn-1"
KEPT_SECONDS = 7 * 86_400
"""How long what is ready waits for its customer."""
RULES = {
    "name": "Online only from the warehouse",
    "currency": "USD",
    "exclusions": [
        {
            "name": "No parcels from stores",
            "applies_to": {"methods": ["SHIP"]},
            "locations": {"kinds": ["STORE"]},
        }
    ],
}


@dataclass
class Begun:
    """What the life has begun: ids that those who go on with it need."""

    taken_at: str
    """When it was kept: ISO 8601, UTC."""
    received: dict[str, int]
    """Units that came in, by SKU, of those that the crowd buys."""
    totals: dict[str, int]
    """Of each accepted order of the crowd, by order id, in minor units."""
    unpicked: str
    picking: str
    ready: str
    code: str
    """What the customer of `ready` shows at the counter."""
    held: str
    delivered: str
    carried_out: str
    stocked: str
    """SKU of the orders above."""
    hold_id: str
    held_sku: str
    fenced_sku: str
    limited_sku: str
    transfer_id: str
    count_id: str
    counted_sku: str
    supply_id: str
    supplied_sku: str
    rules: int
    """Number of the active rules."""


async def begin(world: World, crowd_seconds: float) -> Begun:
    """Live for a while, and leave everything as it stands."""
    goods = [await world.article(1000 + 100 * n, {NORTH: 30, SOUTH: 30, WAREHOUSE: 60}) for n in range(3)]
    crowd = Crowd(world, goods, seed=1)
    staff = asyncio.create_task(crowd.staff())
    customers = asyncio.create_task(crowd.shop(3))
    await asyncio.sleep(crowd_seconds)
    staff.cancel()  # the last orders stay where they are
    await asyncio.sleep(1.0)
    crowd.closing.set()
    await customers

    sku = await world.article(2500, {NORTH: 20, WAREHOUSE: 20})
    unpicked = await world.buy({sku: 2})
    picking = await world.buy({sku: 3})
    await world.pick(await world.work(picking), {1: 1})
    ready = await world.buy({sku: 1}, "app", PICKUP, NORTH)
    code = await world.make_ready(await world.work(ready), KEPT_SECONDS)
    held = await world.buy({sku: 1})
    hold = orders_pb2.HoldOrderRequest(request_id=request_id(), order_id=held.order_id, reason="a doubt")
    await world.orders.HoldOrder(hold, metadata=world.auth(world.operator))
    delivered = await world.buy({sku: 2})
    await world.ship(await world.work(delivered))
    await world.until(delivered, lambda order: order.payment.captured_minor == order.total_minor)
    carried = await world.buy({sku: 1}, "pos", CARRY_OUT, NORTH, pay="cash")

    hold_id, held_sku = await _basket(world)
    fenced_sku, limited_sku = await _fenced(world), await _limited(world)
    transfer_id = await _transfer(world)
    count_id, counted_sku = await _count(world)
    supplied_sku = await _supply(world)
    rules = await _rules(world)
    accepted = list(crowd.diary.accepted.values())
    return Begun(
        taken_at=datetime.now(UTC).isoformat(),
        received=dict.fromkeys(goods, 120),
        totals={order.order_id: order.total_minor for order in accepted},
        unpicked=unpicked.order_id,
        picking=picking.order_id,
        ready=ready.order_id,
        code=code,
        held=held.order_id,
        delivered=delivered.order_id,
        carried_out=carried.order_id,
        stocked=sku,
        hold_id=hold_id,
        held_sku=held_sku,
        fenced_sku=fenced_sku,
        limited_sku=limited_sku,
        transfer_id=transfer_id,
        count_id=count_id,
        counted_sku=counted_sku,
        supply_id=SUPPLY,
        supplied_sku=supplied_sku,
        rules=rules,
    )


async def _basket(world: World) -> tuple[str, str]:
    """A basket that keeps two of five units: its id and its SKU."""
    sku = await world.article(900, {WAREHOUSE: 5})
    hold = holds_pb2.CreateHoldRequest(
        request_id=request_id(),
        channel_id="web",
        lines=[holds_pb2.HeldLine(sku=sku, quantity_units=2)],
        ttl_seconds=86_400,
    )
    stub = holds_pb2_grpc.HoldServiceStub(world.grpc_channel("inventory"))
    made = await stub.CreateHold(hold, metadata=world.auth(world.shop()))
    return made.hold.hold_id, sku


async def _fenced(world: World) -> str:
    """An article of which four of ten units are the app's."""
    sku = await world.article(900, {WAREHOUSE: 10})
    control = controls_pb2.ChannelControl(
        channel_id="app", sku=sku, ring_fence=controls_pb2.ControlAmount(units=4)
    )
    fence = controls_pb2.SetChannelControlsRequest(request_id=request_id(), controls=[control])
    stub = controls_pb2_grpc.ChannelControlServiceStub(world.grpc_channel("inventory"))
    await stub.SetChannelControls(fence, metadata=world.auth(world.planner))
    return sku


async def _limited(world: World) -> str:
    """An article of which nobody gets more than two, and somebody has one."""
    sku = await world.article(900, {WAREHOUSE: 10})
    limits = [limits_pb2.BuyerLimit(sku=sku, max_units=2)]
    stub = limits_pb2_grpc.BuyerLimitServiceStub(world.grpc_channel("inventory"))
    await stub.SetBuyerLimits(
        limits_pb2.SetBuyerLimitsRequest(request_id=request_id(), limits=limits),
        metadata=world.auth(world.planner),
    )
    await world.buy({sku: 1})
    return sku


async def _transfer(world: World) -> str:
    """A transfer of six units, two of which have arrived."""
    auth = world.auth(world.planner)
    sku = await world.article(900, {WAREHOUSE: 10})
    stub = transfers_pb2_grpc.TransferServiceStub(world.grpc_channel("inventory"))
    create = transfers_pb2.CreateTransferRequest(
        request_id=request_id(),
        source_id=WAREHOUSE,
        destination_id=SOUTH,
        lines=[transfers_pb2.TransferUnits(sku=sku, quantity_units=6)],
    )
    transfer_id = (await stub.CreateTransfer(create, metadata=auth)).transfer.transfer_id
    dispatch = transfers_pb2.DispatchTransferRequest(
        request_id=request_id(), transfer_id=transfer_id, source_id=WAREHOUSE
    )
    await stub.DispatchTransfer(dispatch, metadata=auth)
    some = transfers_pb2.ReceiveTransferRequest(
        request_id=request_id(),
        transfer_id=transfer_id,
        destination_id=SOUTH,
        lines=[transfers_pb2.TransferUnits(sku=sku, quantity_units=2)],
    )
    await stub.ReceiveTransfer(some, metadata=auth)
    return str(transfer_id)


async def _count(world: World) -> tuple[str, str]:
    """A count that is recorded and not completed, three of ten sold meanwhile: its id and its SKU."""
    auth = world.auth(world.planner)
    sku = await world.article(900, {SOUTH: 10})
    stub = counts_pb2_grpc.CountServiceStub(world.grpc_channel("inventory"))
    start = counts_pb2.StartCountRequest(request_id=request_id(), location_id=SOUTH, skus=[sku])
    count_id = (await stub.StartCount(start, metadata=auth)).count.count_id
    await world.buy({sku: 3}, "pos", CARRY_OUT, SOUTH, pay="cash")
    record = counts_pb2.RecordCountRequest(
        request_id=request_id(),
        count_id=count_id,
        location_id=SOUTH,
        lines=[counts_pb2.RecordedLine(sku=sku, counted_units=6)],
    )
    await stub.RecordCount(record, metadata=auth)
    return count_id, sku


async def _supply(world: World) -> str:
    """Nine units to come, four of which came and one of those broke: their SKU."""
    auth = world.auth(world.planner)
    sku = await world.article(900)
    expected = Timestamp()
    expected.FromDatetime(datetime.now(UTC) + timedelta(days=30))
    stub = supply_pb2_grpc.SupplyServiceStub(world.grpc_channel("inventory"))
    supply = supply_pb2.UpsertSupplyRequest(
        request_id=request_id(),
        supply_id=SUPPLY,
        location_id=WAREHOUSE,
        expected_time=expected,
        lines=[supply_pb2.SupplyUnits(sku=sku, quantity_units=9)],
    )
    await stub.UpsertSupply(supply, metadata=auth)
    part = supply_pb2.ReceiveSupplyRequest(
        request_id=request_id(),
        supply_id=SUPPLY,
        location_id=WAREHOUSE,
        lines=[supply_pb2.SupplyUnits(sku=sku, quantity_units=4)],
    )
    await stub.ReceiveSupply(part, metadata=auth)
    broken = inventory_pb2.AdjustStockRequest(
        request_id=request_id(),
        location_id=WAREHOUSE,
        sku=sku,
        difference_units=-1,
        cause=inventory_pb2.MOVEMENT_CAUSE_DAMAGE,
        note="a broken box",
    )
    await world.stock.AdjustStock(broken, metadata=auth)
    return sku


async def _rules(world: World) -> int:
    """Rules that are in force, and a draft beside them."""
    auth = world.auth(world.planner)
    stub = rules_pb2_grpc.SourcingRulesServiceStub(world.grpc_channel("orders"))
    create = rules_pb2.CreateRulesRequest(request_id=request_id(), document=json.dumps(RULES))
    number = (await stub.CreateRules(create, metadata=auth)).rules.number
    activate = rules_pb2.ActivateRulesRequest(request_id=request_id(), number=number)
    await stub.ActivateRules(activate, metadata=auth)
    await stub.CreateRules(
        rules_pb2.CreateRulesRequest(
            request_id=request_id(), document=json.dumps({**RULES, "name": "A draft"})
        ),
        metadata=auth,
    )
    return int(number)


def as_json(begun: Begun) -> str:
    """As it is kept beside the data."""
    return json.dumps(asdict(begun), indent=1, sort_keys=True) + "\n"
