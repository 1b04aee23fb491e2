"""Holds of orders, as orders tells them."""

from __future__ import annotations

from datetime import timedelta

from chassis.postgres import Connection
from services.fulfillment.adapters.postgres.orders import queries
from services.fulfillment.domain.hold import WorkHold

_NO_TIME = timedelta(0)


async def note_hold(
    conn: Connection, order_id: str, hold: WorkHold, sequence: int, stood_still: timedelta | None = None
) -> None:
    """An order is on hold; or, with `stood_still`, it was for so long. Told again, or after something newer,
    nothing changes. The hold takes the locks that work takes, so what is being done right now is done first.
    """
    await conn.fetch(queries.lock_orders_of_order, order_id)
    news = await conn.fetch(
        queries.note_hold,
        order_id,
        stood_still is None,
        hold.reason,
        hold.actor,
        hold.hold_time,
        sequence,
    )
    if news:
        await conn.execute(queries.show_hold, order_id, stood_still or _NO_TIME)
