"""The projection: what a batch of events adds, one statement for all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from chassis import sql
from chassis.postgres import Connection

queries = sql.load("services.insights.adapters.postgres")

ORDERED, REFUSED, RESOURCED = "ORDERED", "REFUSED", "RESOURCED"
CANCELLED, DISPLACED, KEPT, MISSED = "CANCELLED", "DISPLACED", "KEPT", "MISSED"


class Cell(NamedTuple):
    """What is counted together: everything but the numbers."""

    time: datetime
    kind: str
    channel_id: str = ""
    location_id: str = ""
    method: int = 0
    label: str = ""


class Planned(NamedTuple):
    """A location's share of an order, as promised."""

    fulfillment_order_id: str
    order_id: str
    channel_id: str
    location_id: str
    method: int
    units: int
    due_time: datetime | None
    time: datetime


class Moved(NamedTuple):
    """What an event of a fulfillment order changes of its part."""

    fulfillment_order_id: str
    left_units: int
    done_time: datetime | None
    end_time: datetime | None
    time: datetime


class Counts:
    """What a batch adds, summed up per cell before the database sees it."""

    def __init__(self) -> None:
        self._cells: dict[Cell, list[int]] = {}

    def add(self, cell: Cell, events: int, units: int = 0, amount_minor: int = 0) -> None:
        """Add to a cell; its time is cut to the minute."""
        key = cell._replace(time=cell.time.replace(second=0, microsecond=0))
        known = self._cells.get(key)
        if known is None:
            self._cells[key] = [events, units, amount_minor]
            return
        known[0] += events
        known[1] += units
        known[2] += amount_minor

    def columns(self) -> list[list[object]]:
        """The last nine parameters of `plan`."""
        cells: list[list[object]] = [[cell[column] for cell in self._cells] for column in range(6)]
        return cells + [[numbers[column] for numbers in self._cells.values()] for column in range(3)]


async def add_plans(conn: Connection, planned: Sequence[Planned], counts: Counts) -> None:
    """Note parts and counts of a batch."""
    await conn.execute(queries.gate)
    parts = [[part[column] for part in planned] for column in range(8)]
    await conn.execute(queries.plan, *parts, *counts.columns())


async def add_progress(conn: Connection, moved: Sequence[Moved]) -> None:
    """Note what came of parts."""
    await conn.execute(queries.gate)
    await conn.execute(queries.progress, *([one[column] for one in moved] for column in range(5)))


async def channels_of(conn: Connection, order_ids: Iterable[str]) -> dict[str, str]:
    """Channels by order, of those that promised anything."""
    rows = await conn.fetch(queries.channels_of, list(set(order_ids)))
    return {row[0]: row[1] for row in rows}


async def await_choice(conn: Connection, lines: Sequence[tuple[str, int, int, datetime]]) -> None:
    """Units of (order, line) wait for their customer since then."""
    await conn.execute(queries.await_choice, *([line[column] for line in lines] for column in range(4)))


async def end_wait(conn: Connection, lines: Sequence[tuple[str, int, int]]) -> None:
    """Units of (order, line) wait no more."""
    if lines:
        await conn.execute(queries.end_wait, *([line[column] for line in lines] for column in range(3)))
