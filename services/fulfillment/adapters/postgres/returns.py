"""Goods that customers brought back, as PostgreSQL keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.postgres import Connection
from services.fulfillment.adapters.postgres.orders import queries
from services.fulfillment.domain.facts import Disposition

Key = tuple[str, str, int, str]
"""Return, fulfillment order, line, disposition: how entries are sorted."""
FIRST: Key = ("", "", 0, "")


@dataclass(frozen=True, slots=True)
class Returned:
    """Units (each, >= 1) of a line that came back together."""

    return_id: str
    order_id: str
    fulfillment_order_id: str
    line_number: int
    sku: str
    quantity_units: int
    disposition: Disposition
    location_id: str
    reason: str
    actor: str
    time: datetime

    @property
    def key(self) -> Key:
        """Its place in the order of entries."""
        return self.return_id, self.fulfillment_order_id, self.line_number, self.disposition


async def read_page(
    conn: Connection, order_id: str, return_id: str, after: Key, limit: int
) -> Sequence[Returned]:
    """At most `limit` entries of an order, of a return, or of both ("" leaves one open), behind `after`."""
    query = queries.returns_of_order if order_id else queries.one_return
    rows = await conn.fetch(query, order_id, return_id, *after, limit)
    return [
        Returned(
            return_id=row["return_id"],
            order_id=row["order_id"],
            fulfillment_order_id=row["fulfillment_order_id"],
            line_number=row["line_number"],
            sku=row["sku"],
            quantity_units=row["quantity_units"],
            disposition=Disposition(row["disposition"]),
            location_id=row["receiving_location_id"],
            reason=row["reason"],
            actor=row["actor"],
            time=row["return_time"],
        )
        for row in rows
    ]
