"""An acceptance whose transaction has to be run again: nothing of it may be missing the second time."""

from __future__ import annotations

import asyncpg
import pytest

from services.orders.tests.conftest import Service
from services.orders.tests.test_door import place, wish


@pytest.mark.parametrize("trouble", ["40001", "40P01"])
async def test_an_acceptance_that_is_run_again_tells_of_its_orders(orders: Service, trouble: str) -> None:
    """PostgreSQL may take a whole group back, for others' sake or for one member's; whoever tries again must
    have everything still at hand, the events too.
    """
    await orders.stock(("a", "wh-1", 5))
    admin = await asyncpg.connect(orders.database_url, server_settings={"search_path": "orders"})
    # A sequence forgets nothing when a transaction is rolled back: it fails the first insert only.
    await admin.execute(
        f"""
        CREATE SEQUENCE first_try;
        CREATE FUNCTION fail_first() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('orders.first_try') = 1 THEN RAISE SQLSTATE '{trouble}'; END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER fail_first AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION fail_first();
        """
    )

    try:
        order = (await orders.stub().PlaceOrder(place(wish(("a", 1))))).order
        tries = await admin.fetchval("SELECT last_value FROM first_try")
    finally:
        await admin.execute("DROP FUNCTION fail_first CASCADE; DROP SEQUENCE first_try")
        await admin.close()

    told = await orders.fetch("SELECT type FROM outbox WHERE aggregate_id = $1", order.order_id)
    assert "aljibe.orders.v1.OrderAccepted" in [row["type"] for row in told]
    assert tries >= 2
