"""The running audit of orders: over those accepted lately, round after round, a slice at a time.

It takes at most `SHARE` of one connection, however many orders there are: after a slice it rests forty-nine
times as long as the slice took, so that a busy hour makes its rounds longer and nobody's order.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

from chassis import metrics
from chassis.clock import Clock
from chassis.leases import next_slice, rest_seconds, while_leased
from chassis.postgres import Database
from services.orders.adapters.postgres.changes import sql

log = logging.getLogger(__name__)

LEASE = "orders.audit"
WINDOW = timedelta(minutes=10)
"""How long ago the orders of a round were accepted at most, when it begins."""
SHARE = 0.02
ROUND_REST_SECONDS = 30.0
BURST_SECONDS = 5.0
"""How long one holder of the lease goes on before it renews it."""
REST_SECONDS = 1.0
SLICE_SECONDS = 0.02
FIRST_SLICE_ORDERS = 50
MOST_SLICE_ORDERS = 1_000

_DIFFERENCES = metrics.gauge(
    "orders_audit_differences",
    "orders",
    "Recent orders whose units or money do not add up, and days whose capacity is not what orders take",
)


class OrderAuditor:
    """One instance's part in the audit that never ends."""

    def __init__(self, db: Database, clock: Clock, *, slice_orders: int = FIRST_SLICE_ORDERS) -> None:
        self._db = db
        self._clock = clock
        self._slice_orders = slice_orders
        self._place = (clock() - WINDOW, "")
        self._found = 0
        self._last = 0
        self._rest_until = 0.0

    @property
    def differences(self) -> int:
        """Found in the last full round, or in this one if that is more."""
        return max(self._found, self._last)

    async def run(self) -> None:
        """Audit for ever, in one instance at a time; ends only when cancelled."""
        await while_leased(self._db, LEASE, self._burst, every_seconds=REST_SECONDS)

    async def slice(self) -> bool:
        """Audit the next orders; whether a round ended with them."""
        started = time.monotonic()
        async with self._db.connection() as conn:
            row = await conn.fetchrow(sql.audit_orders, *self._place, self._slice_orders)
            assert row is not None
            ended: bool = row["orders"] < self._slice_orders
        for order_id in row["differing"]:
            log.error("audit.order.differs", extra={"order_id": order_id})
        self._found += len(row["differing"]) + (await capacity_differences(self._db) if ended else 0)
        if ended:
            self._last, self._found = self._found, 0
            self._place = (self._clock() - WINDOW, "")
        else:
            self._place = (row["accept_time"], row["order_id"])
        _DIFFERENCES.set(self.differences)
        self._rest(time.monotonic() - started, ended=ended)
        return ended

    async def _burst(self) -> None:
        until = time.monotonic() + BURST_SECONDS
        while (now := time.monotonic()) < until:
            if now >= self._rest_until:
                await self.slice()
            await asyncio.sleep(max(0.0, min(until, self._rest_until) - time.monotonic()))

    def _rest(self, worked: float, *, ended: bool) -> None:
        rest = rest_seconds(worked, ROUND_REST_SECONDS if ended else 0.0, SHARE)
        self._rest_until = time.monotonic() + rest
        # The last slice of a round is short, and says nothing of larger ones.
        most = self._slice_orders if ended else MOST_SLICE_ORDERS
        self._slice_orders = next_slice(self._slice_orders, worked, SLICE_SECONDS, most)


async def capacity_differences(db: Database) -> int:
    """How many days' counters of capacity are not what the parts of orders take."""
    async with db.connection() as conn:
        return int(await conn.fetchval(sql.count_capacity_differences))
