"""Orders that are refused are told, in sums."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import grpc

from aljibe.orders.v1 import events_pb2
from services.orders.tests.conftest import Service
from services.orders.tests.test_door import place, wish


async def test_refusals_are_told_once_a_second_by_channel_and_reason(orders: Service) -> None:
    """Each counts, and many are one event; what is accepted is none."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    listening = await orders.bus.subscribe("aljibe.orders.v1.orders-refused.*", cb=told.put)
    await orders.bus.flush()
    await orders.stock(("plenty", "wh-1", 5))

    calls = [orders.stub().PlaceOrder(place(wish(("nobody-has-it", 1)))) for _ in range(20)]
    calls.append(orders.stub().PlaceOrder(place(wish(("plenty", 1)))))
    answers = await asyncio.gather(*calls, return_exceptions=True)

    refused = [one for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    counted: Counter[tuple[str, str]] = Counter()
    events = 0
    async with asyncio.timeout(10):
        while sum(counted.values()) < len(refused):
            message = await told.get()
            events += 1
            for one in events_pb2.OrdersRefused.FromString(message.data).refusals:
                counted[one.channel_id, one.reason] += one.refusals
    await listening.unsubscribe()
    assert len(refused) == 20
    assert events < 10
    assert {channel for channel, _ in counted} == {"web"}
