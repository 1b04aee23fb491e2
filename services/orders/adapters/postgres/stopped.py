"""Locations that stopped, as they were told, and what waits there to be picked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from chassis.postgres import Connection, Database
from services.orders.adapters.postgres.changes import sql
from services.orders.domain.states import Method

_STOPPED = [int(Method.SHIP), int(Method.PICKUP)]
_LONGEST_OVERDUE = timedelta(days=90)
"""What should have been in a store for longer than this is not looked for there any more."""


class Told(NamedTuple):
    """A location as it is now; `sequence` grows with each change of it."""

    location_id: str
    active: bool
    time: datetime
    sequence: int


class StoppedLocations:
    """See `usecases.stopped_locations.Unpicked`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @staticmethod
    async def note(conn: Connection, told: Sequence[Told]) -> None:
        """Keep the newest that is known of each."""
        for one in told:
            methods = [] if one.active else _STOPPED
            await conn.execute(sql.note_location, one.location_id, methods, one.time, one.sequence)

    async def unpicked(self, most: int) -> list[tuple[str, str, bool]]:
        """At most `most` parts (order id, fulfillment order id) at stopped locations with units that nobody
        has picked and nobody sources again yet, and (True) such as are to be sent to a stopped store; orders
        on hold are left out.
        """
        async with self._db.connection() as conn:
            rows = await conn.fetch(sql.unpicked_at_stopped, most, _LONGEST_OVERDUE)
        return [(row["order_id"], row["fulfillment_order_id"], row["at_store"]) for row in rows]
