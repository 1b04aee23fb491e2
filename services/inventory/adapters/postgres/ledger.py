"""The months of the ledger: partitions are made ahead, by one instance at a time; ids by time."""

from __future__ import annotations

import logging
from datetime import datetime

from chassis.leases import while_leased
from chassis.postgres import Database

log = logging.getLogger(__name__)

MONTHS_AHEAD = 3
CHECK_EVERY_SECONDS = 3_600.0
LEASE = "inventory.ledger.months"
END = "mov_~"
"""Sorts behind the id of every movement."""
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def movement_id_at(moment: datetime) -> str:
    """Where ids of movements made at `moment` (timezone-aware, to the millisecond) begin; the same as the
    function of the database (migration 0013).
    """
    number = max(0, int(moment.timestamp() * 1000))
    return "mov_" + "".join(_LETTERS[number >> 5 * (9 - place) & 31] for place in range(10))


async def make_months(db: Database, ahead: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of this month and the next `ahead`; gives the names of those that were missing."""
    async with db.transaction() as conn:
        made = [row[0] for row in await conn.fetch("SELECT make_ledger_months($1)", ahead)]
    if made:
        log.info("ledger.months.made", extra={"partitions": made})
    return made


async def keep_making_months(db: Database) -> None:
    """Make months ahead for ever; ends only when cancelled. A month that is late costs nothing but order:
    what it would hold goes to the partition for the rest.
    """

    async def work() -> None:
        await make_months(db)

    await while_leased(db, LEASE, work, every_seconds=CHECK_EVERY_SECONDS)
