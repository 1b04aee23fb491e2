"""What must be true after every run: backlog drained, nothing lost, nothing oversold, counters right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import grpc

from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from bench.shop import Shop

DRAIN_SECONDS = 5.0
_GIVE_UP_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.1
_AUDIT_SECONDS = 60.0
_OVERSOLD = "RESERVED_ABOVE_ON_HAND"
_CHUNK = 20_000

# An order that was answered with yes and is not there, or has no work although its backlog is drained.
_LOST = """
SELECT count(*) FROM unnest($1::text[]) AS told(order_id)
WHERE NOT EXISTS (SELECT FROM orders.customer_order o WHERE o.order_id = told.order_id)
   OR NOT EXISTS (SELECT FROM fulfillment.fulfillment_order f WHERE f.order_id = told.order_id)
   OR EXISTS (
        SELECT FROM orders.plan_part p JOIN inventory.reservation r USING (reservation_id)
        WHERE p.order_id = told.order_id AND r.state = 1)
"""


@dataclass
class Integrity:
    """Sums over all runs; every one of them has to be 0, and no run slow to drain."""

    oversold: int = 0
    lost: int = 0
    audit_differences: int = 0
    slowest_drain_seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the figures count."""
        return not (self.oversold or self.lost or self.audit_differences)


@dataclass(frozen=True)
class Audit:
    """What AuditStock said."""

    movements: int
    seconds: float
    differences: int
    oversold: int


class Auditor:
    """Asks the doors, and the database, for the sums come from what is stored."""

    def __init__(self, shop: Shop, admin_url: str) -> None:
        options = [("grpc.enable_http_proxy", 0)]
        self._channels = {
            name: grpc.aio.insecure_channel(address, options=options) for name, address in shop.grpc.items()
        }
        self._auth = (("authorization", f"Bearer {shop.office_token}"),)
        self._admin_url = admin_url

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels.values():
            await channel.close()

    async def drained(self) -> float:
        """Seconds until every event is published and consumed."""
        began = time.monotonic()
        while not await self._quiet():
            if time.monotonic() - began > _GIVE_UP_SECONDS:
                return float("inf")
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return time.monotonic() - began

    async def _quiet(self) -> bool:
        states = await asyncio.gather(
            *(
                bus_pb2_grpc.BusServiceStub(channel).GetBusState(
                    bus_pb2.GetBusStateRequest(), metadata=self._auth, timeout=_AUDIT_SECONDS
                )
                for channel in self._channels.values()
            )
        )
        return all(
            state.unpublished_events == 0
            and all(
                consumer.known and not consumer.pending_messages and not consumer.unsettled_messages
                for consumer in state.consumers
            )
            for state in states
        )

    async def lost(self, order_ids: Sequence[str]) -> int:
        """How many of these accepted orders are not stored, have no work, or no committed units."""
        connection = await asyncpg.connect(self._admin_url)
        try:
            found = 0
            for start in range(0, len(order_ids), _CHUNK):
                found += await connection.fetchval(_LOST, list(order_ids[start : start + _CHUNK]))
            return found
        finally:
            await connection.close()

    async def audit(self) -> Audit:
        """Every counter rebuilt from the ledger."""
        began = time.monotonic()
        answer: inventory_pb2.AuditStockResponse = await inventory_pb2_grpc.StockServiceStub(
            self._channels["inventory"]
        ).AuditStock(inventory_pb2.AuditStockRequest(limit=1000), metadata=self._auth, timeout=_AUDIT_SECONDS)
        oversold = sum(difference.rule == _OVERSOLD for difference in answer.differences)
        return Audit(answer.movements, time.monotonic() - began, answer.difference_count, oversold)
