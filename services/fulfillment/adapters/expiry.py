"""The loop that gives up on customers who did not come."""

from __future__ import annotations

import asyncio
import logging

from chassis.clock import Clock
from chassis.postgres import Connection, Database
from chassis.refusals import Unavailable
from services.fulfillment.adapters.postgres.orders import PostgresFulfillmentOrders, Wake
from services.fulfillment.usecases.expire_overdue import EXPIRY_CHUNK, expire_overdue
from services.fulfillment.usecases.ports import Work

log = logging.getLogger(__name__)

ACTOR = "service:fulfillment"


class ExpiryLoop:
    """Looks for overdue pickups every `every_seconds`, for ever.

    Any number of instances share the work: each takes what no other has locked.
    """

    def __init__(self, db: Database, wake: Wake, clock: Clock, every_seconds: float) -> None:
        self._db = db
        self._wake = wake
        self._clock = clock
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Sweep until cancelled; a database that is away is waited out."""
        while True:
            try:
                while await self.sweep() == EXPIRY_CHUNK:
                    pass
            except Unavailable as error:
                log.warning("expiry.waiting", extra={"reason": str(error)})
            await asyncio.sleep(self._every_seconds)

    async def sweep(self) -> int:
        """Expire one chunk; gives how many.

        Raises:
            Unavailable: the database cannot be reached.
        """

        async def once(conn: Connection) -> int:
            orders = PostgresFulfillmentOrders(conn, self._wake)
            return await expire_overdue(orders, Work(ACTOR, self._clock()))

        count = await self._db.run(once)
        if count:
            log.info("pickups.expired", extra={"pickups": count})
        return count
