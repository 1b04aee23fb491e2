"""What settings change: spans go to a collector, quotes hold for a while."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC

import grpc
import pytest

from aljibe.orders.v1 import orders_pb2
from tests.integration.collector import Collector
from tests.integration.world import Refusal, World, eventually, reason, request_id

TRACE = "8bf92f3577b34da6a3ce929d0e0e4736"


async def test_one_trace_runs_through_every_service_that_an_order_needs(
    observed: tuple[World, Collector],
) -> None:
    """From the browser: its trace id is on the order and in the spans of all services that it needs."""
    world, found = observed
    sku = await world.article(stock={"wh-1": 1})
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(), order=world.draft(sku), payment=orders_pb2.PaymentInput(token="tok_ok")
    )

    answer = await world.post(
        "/v1/orders", request, world.shop(), traceparent=f"00-{TRACE}-00f067aa0ba902b7-01"
    )

    names = ("gateway", "inventory", "orders", "fulfillment")
    everyone = {f"aljibe-{name}" for name in names}

    async def seen() -> bool:
        return everyone <= {one.service for one in found.of_trace(TRACE)}

    await eventually(seen, "span of every service")
    assert answer["order"]["traceId"] == TRACE


async def test_an_expired_quote_is_refused_at_both_doors(observed: tuple[World, Collector]) -> None:
    """Its price was promised for a while only; nothing is reserved on it."""
    world, _ = observed
    sku = await world.article(stock={"wh-1": 1})
    preview = await world.orders.PreviewOrder(
        orders_pb2.PreviewOrderRequest(order=world.draft(sku)), metadata=world.auth(world.shop())
    )
    draft = world.draft(sku, quote_token=preview.quote_token)
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(), order=draft, payment=orders_pb2.PaymentInput(token="tok_ok")
    )
    # What is awaited here is the clock itself.
    await asyncio.sleep(max(0.0, preview.expire_time.ToDatetime(UTC).timestamp() - time.time()) + 0.1)

    with pytest.raises(Refusal) as over_http:
        await world.post("/v1/orders", request, world.shop())
    with pytest.raises(grpc.aio.AioRpcError) as over_grpc:
        await world.orders.PlaceOrder(request, metadata=world.auth(world.shop()))

    assert (over_http.value.status, over_http.value.reason) == (409, "QUOTE_EXPIRED")
    assert reason(over_grpc.value) == "QUOTE_EXPIRED"
    assert (await world.position(sku, "wh-1")).reserved_units == 0
