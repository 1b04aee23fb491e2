"""What fulfillment orders have told, read again from the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aljibe.fulfillment.v1 import events_pb2
from chassis.postgres import Connection
from services.fulfillment.adapters.postgres.orders import queries

FIRST = ("", 0)
"""Before every event."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event: its name, its place among those of its fulfillment order, and what all events begin with."""

    event: str
    sequence: int
    origin: events_pb2.Origin


async def read_page(conn: Connection, order_id: str, after: tuple[str, int], limit: int) -> Sequence[Told]:
    """At most `limit` events of an order's work, by fulfillment order and sequence, behind `after`."""
    rows = await conn.fetch(queries.steps_of_order, order_id, *after, limit)
    return [
        Told(
            row["type"].rpartition(".")[2],
            row["sequence"],
            # Every event of a fulfillment order has its origin as field 1, and no other is looked at.
            events_pb2.FulfillmentOrderOpened.FromString(row["payload"]).origin,
        )
        for row in rows
    ]
