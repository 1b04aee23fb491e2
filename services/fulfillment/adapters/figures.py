"""What fulfillment counts for those who watch it: steps of the work, short picks, and what waits where."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from chassis import metrics
from chassis.envelope import kebab
from chassis.leases import rest_seconds
from chassis.postgres import WAIT_OUT, Database
from chassis.sql import load
from services.fulfillment.domain import facts
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder

queries = load("services.fulfillment.adapters.postgres")

MEASURE_EVERY_SECONDS = 10.0
MEASURE_SHARE = 0.01
"""Of the time, at most: it counts all that waits."""

_STEPS = metrics.counter("fulfillment_steps_total", "steps", "Steps taken", ("step", "way"))
_SHORT = metrics.Series(
    metrics.counter(
        "fulfillment_short_units_total", "units", "Units that could not be picked", ("location", "reason")
    )
)
_BACKLOG = metrics.Series(
    metrics.gauge(
        "fulfillment_backlog_orders", "orders", "Fulfillment orders not finished", ("location", "state")
    )
)
_LATE = metrics.Series(
    metrics.gauge(
        "fulfillment_late_orders", "orders", "Those of them whose promise has passed", ("location",)
    )
)


def steps_of(orders: Iterable[FulfillmentOrder]) -> partial[None]:
    """What is to be counted of `orders` once it is committed."""
    told = [(order, told.fact) for order in orders for told in order.told]
    return partial(
        _count,
        [(kebab(type(fact).__name__), order.opening.method.value) for order, fact in told],
        [
            (order.opening.location_id, fact.reason.value, sum(one.quantity_units for one in fact.units))
            for order, fact in told
            if isinstance(fact, facts.Short)
        ],
    )


def _count(steps: list[tuple[str, str]], short: list[tuple[str, str, int]]) -> None:
    for step, way in steps:
        _STEPS.labels(step, way).inc()
    for location_id, reason, units in short:
        _SHORT.of(location_id, reason).inc(units)


async def measure(db: Database) -> None:
    """Note what waits where, from the database: each instance says the same."""
    async with db.connection() as conn:
        rows = await conn.fetch(queries.backlog)
    _BACKLOG.clear()
    _LATE.clear()
    for row in rows:
        _BACKLOG.of(row["location_id"], row["state"]).inc(row["orders"])
        _LATE.of(row["location_id"]).inc(row["late"])


async def measure_for_ever(db: Database) -> None:
    """Measure every `MEASURE_EVERY_SECONDS`, less often where it takes long, until cancelled."""
    while True:
        began = time.monotonic()
        with suppress(*WAIT_OUT):
            await measure(db)
        await asyncio.sleep(rest_seconds(time.monotonic() - began, MEASURE_EVERY_SECONDS, MEASURE_SHARE))
