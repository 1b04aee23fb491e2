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

    stock = await _stock_work(world)
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
        rules=rules,
        **stock,
    )


async def _stock_work(world: World) -> dict[str, str]:
    """A basket, shares of channels, a limit, a transfer on its way, a count half done, goods to come."""
    auth = world.auth(world.planner)
    channel = world.grpc_channel("inventory")
    held_sku = await world.article(900, {WAREHOUSE: 5})
    hold = holds_pb2.CreateHoldRequest(
        request_id=request_id(),
        channel_id="web",
        lines=[holds_pb2.HeldLine(sku=held_sku, quantity_units=2)],
        ttl_seconds=86_400,
    )
    held = await holds_pb2_grpc.HoldServiceStub(channel).CreateHold(hold, metadata=world.auth(world.shop()))

    fenced_sku = await world.article(900, {WAREHOUSE: 10})
    control = controls_pb2.ChannelControl(
        channel_id="app", sku=fenced_sku, ring_fence=controls_pb2.ControlAmount(units=4)
    )
    fence = controls_pb2.SetChannelControlsRequest(request_id=request_id(), controls=[control])
    await controls_pb2_grpc.ChannelControlServiceStub(channel).SetChannelControls(fence, metadata=auth)

    limited_sku = await world.article(900, {WAREHOUSE: 10})
    limit = limits_pb2.SetBuyerLimitsRequest(
        request_id=request_id(), limits=[limits_pb2.BuyerLimit(sku=limited_sku, max_units=2)]
    )
    await limits_pb2_grpc.BuyerLimitServiceStub(channel).SetBuyerLimits(limit, metadata=auth)
    await world.buy({limited_sku: 1})

    moved_sku = await world.article(900, {WAREHOUSE: 10})
    transfers = transfers_pb2_grpc.TransferServiceStub(channel)
    create = transfers_pb2.CreateTransferRequest(
        request_id=request_id(),
        source_id=WAREHOUSE,
        destination_id=SOUTH,
        lines=[transfers_pb2.TransferUnits(sku=moved_sku, quantity_units=6)],
    )
    transfer_id = (await transfers.CreateTransfer(create, metadata=auth)).transfer.transfer_id
    dispatch = transfers_pb2.DispatchTransferRequest(
        request_id=request_id(), transfer_id=transfer_id, source_id=WAREHOUSE
    )
    await transfers.DispatchTransfer(dispatch, metadata=auth)
    some = transfers_pb2.ReceiveTransferRequest(
        request_id=request_id(),
        transfer_id=transfer_id,
        destination_id=SOUTH,
        lines=[transfers_pb2.TransferUnits(sku=moved_sku, quantity_units=2)],
    )
    await transfers.ReceiveTransfer(some, metadata=auth)

    counted_sku = await world.article(900, {SOUTH: 10})
    counts = counts_pb2_grpc.CountServiceStub(channel)
    start = counts_pb2.StartCountRequest(request_id=request_id(), location_id=SOUTH, skus=[counted_sku])
    count_id = (await counts.StartCount(start, metadata=auth)).count.count_id
    await world.buy({counted_sku: 3}, "pos", CARRY_OUT, SOUTH, pay="cash")
    record = counts_pb2.RecordCountRequest(
        request_id=request_id(),
        count_id=count_id,
        location_id=SOUTH,
        lines=[counts_pb2.RecordedLine(sku=counted_sku, counted_units=6)],
    )
    await counts.RecordCount(record, metadata=auth)

    supplied_sku = await world.article(900)
    expected = Timestamp()
    expected.FromDatetime(datetime.now(UTC) + timedelta(days=30))
    supplies = supply_pb2_grpc.SupplyServiceStub(channel)
    supply = supply_pb2.UpsertSupplyRequest(
        request_id=request_id(),
        supply_id="asn-1",
        location_id=WAREHOUSE,
        expected_time=expected,
        lines=[supply_pb2.SupplyUnits(sku=supplied_sku, quantity_units=9)],
    )
    await supplies.UpsertSupply(supply, metadata=auth)
    part = supply_pb2.ReceiveSupplyRequest(
        request_id=request_id(),
        supply_id="asn-1",
        location_id=WAREHOUSE,
        lines=[supply_pb2.SupplyUnits(sku=supplied_sku, quantity_units=4)],
    )
    await supplies.ReceiveSupply(part, metadata=auth)
    broken = inventory_pb2.AdjustStockRequest(
        request_id=request_id(),
        location_id=WAREHOUSE,
        sku=supplied_sku,
        difference_units=-1,
        cause=inventory_pb2.MOVEMENT_CAUSE_DAMAGE,
        note="a broken box",
    )
    await world.stock.AdjustStock(broken, metadata=auth)
    return {
        "hold_id": held.hold.hold_id,
        "held_sku": held_sku,
        "fenced_sku": fenced_sku,
        "limited_sku": limited_sku,
        "transfer_id": transfer_id,
        "count_id": count_id,
        "counted_sku": counted_sku,
        "supply_id": "asn-1",
        "supplied_sku": supplied_sku,
    }


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
