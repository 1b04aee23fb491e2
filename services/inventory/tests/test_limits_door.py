"""Limits per buyer through the door: access, answers, repeats, the refusal in both languages."""

from __future__ import annotations

import grpc
import pytest

from aljibe.inventory.v1 import inventory_pb2, limits_pb2_grpc
from aljibe.inventory.v1 import limits_pb2 as pb
from chassis.errors import reason_of
from services.inventory.tests.builders import STORE, unique
from services.inventory.tests.conftest import Door, Metadata


async def reserve(door: Door, sku: str, units: int, metadata: Metadata | None = None) -> None:
    pick = inventory_pb2.Pick(sku=sku, location_id=STORE, quantity_units=units)
    request = inventory_pb2.ReserveStockRequest(
        order_id=unique("ord"), attempt=1, picks=[pick], channel_id="web", customer_id="ana"
    )
    await door.reservations.ReserveStock(request, metadata=metadata or door.service)


async def test_a_limit_is_set_obeyed_told_and_removed(door: Door) -> None:
    sku, planner = unique("SKU"), door.token("planner")
    service = limits_pb2_grpc.BuyerLimitServiceStub(door.processes[0].channel)
    await door.receive(9, sku=sku)
    limit = pb.BuyerLimit(sku=sku, max_units=2, window_seconds=3600)
    request = pb.SetBuyerLimitsRequest(request_id=unique("set"), limits=[limit])

    first = await service.SetBuyerLimits(request, metadata=planner)
    again = await service.SetBuyerLimits(request, metadata=planner)
    await reserve(door, sku, 1)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await reserve(door, sku, 2, door.token("service", subject="service:orders", language="es"))
    allowance = await service.GetBuyerAllowance(
        pb.GetBuyerAllowanceRequest(sku=sku, customer_id="ana"), metadata=door.token("channel")
    )
    listed = await service.ListBuyerLimits(pb.ListBuyerLimitsRequest(), metadata=planner)

    assert first == again
    assert list(first.limits) == list(listed.limits) == [limit]
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "BUYER_LIMIT_EXCEEDED"
    assert (allowance.had_units, allowance.left_units) == (1, 1)
    removal = pb.RemoveBuyerLimitsRequest(request_id=unique("remove"), skus=[sku])
    assert (await service.RemoveBuyerLimits(removal, metadata=planner)).limits == 1
    await reserve(door, sku, 5)
    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await service.GetBuyerAllowance(
            pb.GetBuyerAllowanceRequest(sku=sku, customer_id="ana"), metadata=planner
        )
    assert reason_of(gone.value) == "LIMIT_UNKNOWN"
    assert (await door.audit()).difference_count == 0


async def test_a_channel_sets_no_limits(door: Door) -> None:
    service = limits_pb2_grpc.BuyerLimitServiceStub(door.processes[0].channel)
    limits = [pb.BuyerLimit(sku="x", max_units=1)]

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await service.SetBuyerLimits(
            pb.SetBuyerLimitsRequest(request_id=unique("set"), limits=limits), metadata=door.token("channel")
        )

    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
