"""What locations can still take on, in memory: read at start, after this process's own commits, and twice a
second for those of the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from chassis.postgres import WAIT_OUT, Connection, Database
from services.orders.adapters.postgres.changes import sql
from services.orders.domain.order import Order
from services.orders.domain.places import Locations

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
OVERLAP = timedelta(seconds=10)
"""A change may be committed so much later than it says, and is read all the same."""
READ_WHOLE_SECONDS = 60.0

Days = Mapping[tuple[str, date], int]
"""Units by (location, local work day)."""
_AWAY: tuple[type[Exception], ...] = (*WAIT_OUT, OSError, TimeoutError)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


def work_of(orders: Iterable[Order]) -> dict[tuple[str, date], int]:
    """What the parts of new orders take."""
    wanted: dict[tuple[str, date], int] = {}
    for order in orders:
        for part in order.parts.values():
            for day, units in part.work:
                key = part.location_id, day
                wanted[key] = wanted.get(key, 0) + units
    return wanted


class CapacityBook:
    """See `usecases.ports.LiveCapacity`; the counters themselves are rows, which only a commit changes."""

    def __init__(self, db: Database, locations: Callable[[], Locations]) -> None:
        self._db = db
        self._locations = locations
        self._taken: dict[tuple[str, date], int] = {}
        self._under_way: dict[tuple[str, date], int] = {}
        self._read_at = _EVER
        self._whole_at = 0.0

    def left(self, location_id: str, day: date) -> int | None:
        """Units that the location still takes on for `day`, less what this process is about to commit."""
        capacity = self._stated(location_id)
        if not capacity:
            return None
        key = location_id, day
        return capacity - self._taken.get(key, 0) - self._under_way.get(key, 0)

    def columns(self, work: Days) -> list[Sequence[object]]:
        """The parameters of `take_capacity`. A location that states no capacity any more has no limit."""
        keys = sorted(work)
        return [
            [location_id for location_id, _ in keys],
            [day for _, day in keys],
            [self._stated(location_id) or 2**31 - 1 for location_id, _ in keys],
            [work[key] for key in keys],
        ]

    @contextmanager
    def taking(self, work: Days) -> Iterator[None]:
        """`work` is being committed: taken for good if the block ends without an error."""
        self._add(self._under_way, work, 1)
        try:
            yield
            self._add(self._taken, work, 1)
        finally:
            self._add(self._under_way, work, -1)

    def fits(self, work: Days) -> bool:
        """Whether there is room for `work` as far as is known, whatever is under way."""
        for (location_id, day), units in work.items():
            capacity = self._stated(location_id)
            if capacity and self._taken.get((location_id, day), 0) + units > capacity:
                return False
        return True

    def _stated(self, location_id: str) -> int:
        """Units a day; 0: no limit."""
        location = self._locations().by_id.get(location_id)
        return 0 if location is None else location.daily_capacity_units

    async def refresh(self) -> None:
        """Everything, as it is now."""
        async with self._db.connection() as conn:
            await self._read(conn, _EVER)

    async def run(self) -> None:
        """Hear of what others take, for ever."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not self._locations().limited and not self._taken:
                continue
            whole = asyncio.get_running_loop().time() - self._whole_at > READ_WHOLE_SECONDS
            try:
                async with self._db.connection() as conn:
                    await self._read(conn, _EVER if whole else self._read_at - OVERLAP)
            except _AWAY as error:
                log.warning("capacity.waiting", extra={"reason": repr(error)})

    async def forget(self) -> None:
        """Drop the counters of days that are long past."""
        async with self._db.connection() as conn:
            await conn.execute(sql.forget_capacity)

    async def _read(self, conn: Connection, since: datetime) -> None:
        now: datetime = await conn.fetchval("SELECT clock_timestamp()")
        rows = await conn.fetch(sql.read_capacity, since)
        found = {(row["location_id"], row["day"]): row["taken_units"] for row in rows}
        if since == _EVER:
            self._taken = found
            self._whole_at = asyncio.get_running_loop().time()
        else:
            self._taken.update(found)
        self._read_at = now

    @staticmethod
    def _add(to: dict[tuple[str, date], int], work: Days, sign: int) -> None:
        for key, units in work.items():
            left = to.get(key, 0) + sign * units
            if left:
                to[key] = left
            else:
                to.pop(key, None)
