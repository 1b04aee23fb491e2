"""The running audit of orders: finds what does not add up, and costs the same however many there are."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from chassis.ids import new_id
from chassis.metrics import REGISTRY
from chassis.postgres import Database
from services.orders.adapters.postgres.auditor import WINDOW, OrderAuditor
from services.orders.adapters.postgres.changes import sql
from services.orders.tests.test_accept import Instance, acceptance, db

__all__ = ["db"]

PAGES_AN_ORDER = 15


async def placed(db: Database, count: int) -> list[str]:
    made = [acceptance(new_id("req")) for _ in range(count)]
    await Instance(db).accept(*made)
    return [one.order.order_id for one in made]


async def whole_round(auditor: OrderAuditor) -> int:
    """Slices that it took."""
    slices = 1
    while not await auditor.slice():
        slices += 1
    return slices


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE unit_group SET quantity_units = quantity_units + 1 WHERE order_id = $1",
        "UPDATE customer_order SET total_minor = total_minor + 1 WHERE order_id = $1",
        "DELETE FROM unit_group WHERE order_id = $1",
    ],
)
async def test_an_order_that_does_not_add_up_is_found_and_named(
    db: Database, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever in the round it comes, and only as long as it is so."""
    orders = await placed(db, 7)
    auditor = OrderAuditor(db, lambda: datetime.now(UTC), slice_orders=2)

    sound = await whole_round(auditor), auditor.differences
    async with db.connection() as conn:
        await conn.execute(damage, orders[3])
    await whole_round(auditor)

    assert sound[0] > 1
    assert sound[1] == 0
    assert auditor.differences == 1
    assert [record.order_id for record in caplog.records if record.msg == "audit.order.differs"] == [  # type: ignore[attr-defined]
        orders[3]
    ]


async def test_orders_of_before_the_window_are_left_alone(db: Database) -> None:
    (order_id,) = await placed(db, 1)
    async with db.connection() as conn:
        await conn.execute("UPDATE customer_order SET total_minor = 7 WHERE order_id = $1", order_id)

    later = OrderAuditor(db, lambda: datetime.now(UTC) + WINDOW + timedelta(minutes=1))
    await whole_round(later)

    assert later.differences == 0


async def test_a_slice_looks_at_its_own_orders_only(db: Database) -> None:
    """Any number of others may stand beside them."""
    await placed(db, 300)
    asked = (datetime.now(UTC) - WINDOW, "", 10)

    async with db.connection() as conn:
        plan = await conn.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql.audit_orders}", *asked
        )

    top = json.loads(plan)[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] <= 10 * PAGES_AN_ORDER


async def test_it_goes_round_by_itself_and_shows_what_it_found(db: Database) -> None:
    orders = await placed(db, 3)
    async with db.connection() as conn:
        await conn.execute("UPDATE customer_order SET total_minor = 7 WHERE order_id = $1", orders[0])
    auditor = OrderAuditor(db, lambda: datetime.now(UTC))

    running = asyncio.create_task(auditor.run())
    async with asyncio.timeout(15):
        while not auditor.differences:
            await asyncio.sleep(0.05)
    running.cancel()

    assert REGISTRY.get_sample_value("aljibe_orders_audit_differences") == 1
