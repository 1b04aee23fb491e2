"""The loop that gives up on customers who did not come."""

from __future__ import annotations

import logging

from chassis.clock import Clock
from chassis.postgres import WAIT_OUT, Connection, Database
from chassis.set_aside import SetAside, sweep_for_ever
from services.fulfillment.adapters.postgres.orders import PostgresFulfillmentOrders, Wake, overdue_ids
from services.fulfillment.usecases.expire_overdue import EXPIRY_CHUNK, expire_one, expire_overdue
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
        self._aside = SetAside("fulfillment.expiry")

    @property
    def waiting(self) -> list[str]:
        """Those set aside whose next try has not come."""
        return self._aside.waiting

    async def run(self) -> None:
        """Sweep until cancelled; a database that is away is waited out."""

        async def full() -> bool:
            return await self.sweep() == EXPIRY_CHUNK

        await sweep_for_ever(full, self._every_seconds)

    async def sweep(self) -> int:
        """Expire one chunk; gives how many were looked at. A pickup that cannot be expired is set aside.

        Raises:
            Unavailable: the database cannot be reached.
        """
        try:
            count = await self._together()
        except WAIT_OUT:
            raise
        except Exception:
            log.exception("expiry.chunk.failed")
            return await self._one_by_one()
        if count:
            log.info("pickups.expired", extra={"pickups": count})
        return count

    async def _together(self) -> int:
        async def once(conn: Connection) -> int:
            orders = PostgresFulfillmentOrders(conn, self._wake)
            return await expire_overdue(orders, Work(ACTOR, self._clock()), without=self._aside.waiting)

        return await self._db.run(once)

    async def _one_by_one(self) -> int:
        work = Work(ACTOR, self._clock())
        async with self._db.connection() as conn:
            ids = await overdue_ids(conn, work.now, EXPIRY_CHUNK, self._aside.waiting)
        for id_ in ids:
            with self._aside.trying(id_):
                await self._alone(id_, work)
        return len(ids)

    async def _alone(self, id_: str, work: Work) -> None:
        async def once(conn: Connection) -> int:
            return await expire_one(PostgresFulfillmentOrders(conn, self._wake), id_, work)

        await self._db.run(once)
