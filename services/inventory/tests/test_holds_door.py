"""Holds through the door: access, answers, replicas, expiry."""

from __future__ import annotations

import grpc
import pytest

from aljibe.inventory.v1 import holds_pb2 as holds
from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis.errors import reason_of
from services.inventory.tests.builders import OTHER_STORE, STORE, unique
from services.inventory.tests.conftest import Door, Metadata
from services.inventory.tests.test_events import eventually


async def create(
    door: Door, sku: str, quantity_units: int, *, ttl_seconds: int = 0, key: str = ""
) -> holds.Hold:
    answer = await door.processes[0].holds.CreateHold(
        holds.CreateHoldRequest(
            request_id=key or unique("hold"),
            channel_id="web",
            lines=[holds.HeldLine(sku=sku, quantity_units=quantity_units)],
            ttl_seconds=ttl_seconds,
        ),
        metadata=web(door),
    )
    return answer.hold


def web(door: Door) -> Metadata:
    return door.token("channel", channels=("web",))


async def available(door: Door, sku: str, process: int = 0) -> tuple[int, list[int]]:
    answer = await door.processes[process].stock.GetAvailability(
        pb.GetAvailabilityRequest(channel_id="web", skus=[sku], per_location=True), metadata=web(door)
    )
    found = answer.availabilities[0]
    return found.available_units, [one.available_units for one in found.locations]


async def test_a_repeat_finds_the_first_hold(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(3, sku=sku)

    first = await create(door, sku, 2, key="k")
    again = await create(door, sku, 2, key="k")

    assert first == again
    assert first.state == holds.HOLD_STATE_HELD
    assert (await available(door, sku))[0] == 1


async def test_what_is_held_is_available_to_nobody_in_any_process(door: Door) -> None:
    """Held units are nowhere in particular: each place is limited by what all together may promise."""
    sku = unique("SKU")
    await door.start()
    await door.receive(3, sku=sku)
    await door.receive(1, sku=sku, location_id=OTHER_STORE)
    hold = await create(door, sku, 2)

    async def seen() -> bool:
        return await available(door, sku, 1) == (2, [2, 1])

    assert await available(door, sku) == (2, [2, 1])
    await eventually(seen, True)
    snapshot = door.stock.SnapshotAvailability(
        pb.SnapshotAvailabilityRequest(skus=[sku]), metadata=door.service
    )
    rows = {one.location_id: one.available_units async for chunk in snapshot for one in chunk.positions}
    assert rows == {"": -2, STORE: 3, OTHER_STORE: 1}
    await door.processes[0].holds.ReleaseHold(
        holds.ReleaseHoldRequest(hold_id=hold.hold_id), metadata=web(door)
    )
    assert await available(door, sku) == (4, [3, 1])


async def test_a_hold_belongs_to_its_channel(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(1, sku=sku)
    hold = await create(door, sku, 1)
    service = door.processes[0].holds
    app = door.token("channel", channels=("app",))

    with pytest.raises(grpc.aio.AioRpcError) as renewed:
        await service.RenewHold(holds.RenewHoldRequest(hold_id=hold.hold_id), metadata=app)
    with pytest.raises(grpc.aio.AioRpcError) as released:
        await service.ReleaseHold(holds.ReleaseHoldRequest(hold_id=hold.hold_id), metadata=app)
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await service.GetHold(holds.GetHoldRequest(hold_id="hld_none"), metadata=app)

    assert renewed.value.code() == released.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(unknown.value) == "HOLD_UNKNOWN"


async def test_a_forgotten_hold_ends_by_itself_and_cannot_be_renewed(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(1, sku=sku)
    hold = await create(door, sku, 1, ttl_seconds=1)
    service = door.processes[0].holds

    async def expired() -> bool:
        found = await service.GetHold(holds.GetHoldRequest(hold_id=hold.hold_id), metadata=web(door))
        return bool(found.hold.state == holds.HOLD_STATE_EXPIRED)

    await eventually(expired, True)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await service.RenewHold(holds.RenewHoldRequest(hold_id=hold.hold_id), metadata=web(door))

    assert reason_of(refused.value) == "HOLD_ENDED"
    assert (await available(door, sku))[0] == 1


async def test_a_reservation_of_others_is_refused_with_the_pools_figure(door: Door) -> None:
    """So that the replica of whoever planned it learns of the hold at once."""
    sku = unique("SKU")
    await door.receive(2, sku=sku)
    hold = await create(door, sku, 2)

    def request(hold_id: str) -> pb.ReserveStockRequest:
        pick = pb.Pick(sku=sku, location_id=STORE, quantity_units=2)
        return pb.ReserveStockRequest(order_id=unique("ord"), attempt=1, picks=[pick], hold_id=hold_id)

    answer = await door.reservations.BatchReserveStock(
        pb.BatchReserveStockRequest(requests=[request(""), request(hold.hold_id)]), metadata=door.service
    )

    refused, granted = answer.outcomes
    assert refused.refused.reason == "INSUFFICIENT_STOCK"
    assert [one.location_id for one in refused.refused.positions] == [STORE, ""]
    assert granted.granted.reservation.lines[0].live_units == 2
    assert (await door.audit()).difference_count == 0
