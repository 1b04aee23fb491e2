"""Channel controls through the door: access, answers, repeats, replicas, explanation."""

from __future__ import annotations

import time

import grpc
import pytest
import pytest_asyncio

from aljibe.inventory.v1 import availability_pb2, availability_pb2_grpc, controls_pb2_grpc
from aljibe.inventory.v1 import controls_pb2 as pb
from aljibe.inventory.v1 import inventory_pb2 as stock_pb
from chassis.errors import reason_of
from services.inventory.tests.builders import OTHER_STORE, STORE, unique
from services.inventory.tests.conftest import Door, Metadata
from services.inventory.tests.test_events import eventually


class Case:
    """A SKU with 6 units at STORE and 4 at OTHER_STORE."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.sku = unique("SKU")
        self.service = controls_pb2_grpc.ChannelControlServiceStub(door.processes[0].channel)
        self.planner = door.token("planner")

    async def set(
        self, *controls: pb.ChannelControl, key: str = "", metadata: Metadata | None = None
    ) -> pb.SetChannelControlsResponse:
        request = pb.SetChannelControlsRequest(request_id=key or unique("set"), controls=controls)
        return await self.service.SetChannelControls(request, metadata=metadata or self.planner)

    def control(self, channel_id: str, **fields: object) -> pb.ChannelControl:
        return pb.ChannelControl(channel_id=channel_id, sku=self.sku, **fields)  # type: ignore[arg-type]

    async def available(self, channel_id: str, process: int = 0) -> tuple[int, list[int]]:
        answer = await self.door.processes[process].stock.GetAvailability(
            stock_pb.GetAvailabilityRequest(channel_id=channel_id, skus=[self.sku], per_location=True),
            metadata=self.door.service,
        )
        found = answer.availabilities[0]
        return found.available_units, [one.available_units for one in found.locations]

    async def explained(
        self, channel_id: str, location_id: str = ""
    ) -> availability_pb2.ExplainAvailabilityResponse:
        service = availability_pb2_grpc.AvailabilityServiceStub(self.door.processes[0].channel)
        request = availability_pb2.ExplainAvailabilityRequest(
            channel_id=channel_id, sku=self.sku, location_id=location_id
        )
        return await service.ExplainAvailability(request, metadata=self.door.service)


@pytest_asyncio.fixture
async def case(door: Door) -> Case:
    found = Case(door)
    await door.receive(6, sku=found.sku)
    await door.receive(4, sku=found.sku, location_id=OTHER_STORE)
    return found


def units(number: int) -> pb.ControlAmount:
    return pb.ControlAmount(units=number)


async def test_controls_are_set_found_listed_and_removed(case: Case) -> None:
    app = case.control("app", ring_fence=units(3), priority=5, only_ring_fence=True)
    market = case.control("market", cap=pb.ControlAmount(percent=25), buffer=units(0))

    first = await case.set(app, market, key="k")
    again = await case.set(app, market, key="k")
    with pytest.raises(grpc.aio.AioRpcError) as reused:
        await case.set(market, key="k")
    found = await case.service.GetChannelControl(
        pb.GetChannelControlRequest(channel_id="app", sku=case.sku), metadata=case.planner
    )
    page = await case.service.ListChannelControls(
        pb.ListChannelControlsRequest(sku=case.sku, page_size=1), metadata=case.planner
    )
    rest = await case.service.ListChannelControls(
        pb.ListChannelControlsRequest(sku=case.sku, page_size=1, page_token=page.next_page_token),
        metadata=case.planner,
    )

    assert first == again
    assert [one.control for one in first.controls] == [app, market]
    assert reason_of(reused.value) == "REQUEST_ID_REUSED"
    assert found.control == first.controls[0]
    assert [one.control for one in (*page.controls, *rest.controls)] == [app, market]
    assert not rest.next_page_token
    named = [pb.ChannelControlName(channel_id="app", sku=case.sku)]
    removed = await case.service.RemoveChannelControls(
        pb.RemoveChannelControlsRequest(request_id=unique("remove"), controls=named), metadata=case.planner
    )
    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await case.service.GetChannelControl(
            pb.GetChannelControlRequest(channel_id="app", sku=case.sku), metadata=case.planner
        )
    assert removed.controls == 1
    assert reason_of(gone.value) == "CONTROL_UNKNOWN"


async def test_only_planners_of_the_channel_set_its_controls(case: Case) -> None:
    control = case.control("app", cap=units(1))

    for metadata in (
        case.door.token("channel", channels=("app",)),
        case.door.token("associate"),
        case.door.token("planner", channels=("web",)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await case.set(control, metadata=metadata)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    await case.set(control, metadata=case.door.token("planner", channels=("app",)))


async def test_a_control_without_an_amount_is_refused(case: Case) -> None:
    for control in (case.control("app"), case.control("app", cap=pb.ControlAmount())):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await case.set(control)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_every_process_tells_each_channel_its_own_figures(case: Case) -> None:
    """Of all locations together, and at each: no place promises more than all of them may."""
    await case.door.start()
    await case.set(case.control("app", ring_fence=units(7)), case.control("market", cap=units(2)))

    async def seen() -> list[tuple[int, list[int]]]:
        return [await case.available(channel, 1) for channel in ("web", "app", "market")]

    expected = [(3, [3, 3]), (10, [6, 4]), (2, [2, 2])]
    assert [await case.available(channel) for channel in ("web", "app", "market")] == expected
    await eventually(seen, expected)
    snapshot = case.door.stock.SnapshotAvailability(
        stock_pb.SnapshotAvailabilityRequest(skus=[case.sku]), metadata=case.door.service
    )
    rows = {one.location_id: one.available_units async for chunk in snapshot for one in chunk.positions}
    assert {place: units for place, units in rows.items() if place[:1] == "@"} == {
        "@*": -7,
        "@app": 0,
        "@market": -7,
    }
    assert (rows["<market"], rows[STORE], rows[""]) == (2, 6, 0)


async def test_replicas_hear_when_time_alone_changes_a_control(case: Case) -> None:
    """It is seen to count while its end is an hour off, and then ends soon: however slow the machine is, the
    end does not come before the look.
    """
    control = case.control("app", ring_fence=units(7))
    control.valid_until.FromNanoseconds(time.time_ns() + 3_600_000_000_000)
    await case.door.start()
    await case.set(control)

    async def web() -> list[tuple[int, list[int]]]:
        return [await case.available("web", process) for process in (0, 1)]

    await eventually(web, [(3, [3, 3])] * 2)
    control.valid_until.FromNanoseconds(time.time_ns() + 500_000_000)
    await case.set(control)
    await eventually(web, [(10, [6, 4])] * 2)


async def test_every_term_of_a_channels_promise_is_told(case: Case) -> None:
    await case.set(
        case.control("app", ring_fence=units(3)),
        case.control("market", cap=units(4), buffer=units(2)),
        case.control("kiosk", ring_fence=units(1), only_ring_fence=True),
    )

    market = await case.explained("market")
    kiosk = await case.explained("kiosk")
    here = await case.explained("market", OTHER_STORE)

    kinds = availability_pb2.AvailabilityTermKind.Name
    prefix = "AVAILABILITY_TERM_KIND_"
    terms = [
        {kinds(x.kind).removeprefix(prefix): x.units for x in one.terms} for one in (market, kiosk, here)
    ]
    assert terms == [
        {"ON_HAND": 10, "RING_FENCED": -4, "BUFFER": -2},
        {"ON_HAND": 10, "RING_FENCED": -3, "NO_FALLBACK": -6},
        {"ON_HAND": 4},
    ]
    assert [one.available_units for one in (market, kiosk, here)] == [4, 1, 4]
    assert (await case.explained("web")).available_units == (await case.available("web"))[0] == 6


async def test_a_refused_reservation_carries_the_channels_true_figures(case: Case) -> None:
    """So that the replica of whoever planned it learns them at once."""
    await case.set(case.control("market", cap=units(2)))
    pick = stock_pb.Pick(sku=case.sku, location_id=STORE, quantity_units=3)
    request = stock_pb.ReserveStockRequest(
        order_id=unique("ord"), attempt=1, picks=[pick], channel_id="market"
    )

    answer = await case.door.reservations.BatchReserveStock(
        stock_pb.BatchReserveStockRequest(requests=[request]), metadata=case.door.service
    )

    refused = answer.outcomes[0].refused
    assert refused.reason == "INSUFFICIENT_STOCK"
    figures = {one.location_id: one.available_units for one in refused.positions}
    assert (figures["@market"], figures["<market"], figures["<*"]) == (0, 2, 2_000_000_000)


async def test_a_till_sale_counts_for_its_channel_and_is_never_refused(case: Case) -> None:
    await case.set(case.control("tills", cap=units(2)))
    request = stock_pb.SellStockRequest(
        request_id=unique("sell"),
        location_id=STORE,
        lines=[stock_pb.StockLine(sku=case.sku, quantity_units=5)],
        channel_id="tills",
    )

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await case.door.stock.SellStock(request, metadata=case.door.token("till", channels=("other",)))
    await case.door.stock.SellStock(request, metadata=case.door.token("till", channels=("tills",)))

    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    found = await case.service.GetChannelControl(
        pb.GetChannelControlRequest(channel_id="tills", sku=case.sku), metadata=case.planner
    )
    assert found.control.promised_units == 5
    assert await case.available("tills") == (0, [])
    assert (await case.door.audit()).difference_count == 0


async def test_a_counter_changed_by_hand_is_found(case: Case) -> None:
    await case.set(case.control("app", cap=units(2)))
    await case.door.db.pool.execute(
        "UPDATE inventory.channel_control SET promised_units = 1, taken_units = 2, held_units = 3 "
        "WHERE channel_id = 'app'"
    )

    found = await case.door.audit()

    assert [(one.rule, one.document_id) for one in found.differences] == [
        ("CHANNEL_PROMISED", "app"),
        ("CHANNEL_HELD", "app"),
    ]
