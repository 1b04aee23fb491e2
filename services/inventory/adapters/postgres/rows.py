"""From rows to what the domain speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.inventory.domain.pool import Hold, HoldLine, HoldState, Pool
from services.inventory.domain.stock import Line, Position, Reservation, State

if TYPE_CHECKING:
    import asyncpg


def position_of(row: asyncpg.Record) -> Position:
    """A position; of a row with `active` also whether its location takes orders."""
    return Position(*row.values())


def reservation_of(row: asyncpg.Record) -> Reservation:
    """A reservation without its lines."""
    return Reservation(
        row["reservation_id"],
        row["order_id"],
        row["attempt"],
        State(row["state"]),
        row["channel_id"],
        row["created_at"],
        row["expire_time"],
        [],
        row["accepted"],
        row["event_sequence"],
    )


def line_of(row: asyncpg.Record) -> Line:
    """A line; its first column is the reservation's id."""
    _, *values = row.values()
    return Line(*values)


def pool_of(row: asyncpg.Record) -> Pool:
    """A pool, not measured."""
    return Pool(*row.values())


def hold_of(row: asyncpg.Record) -> Hold:
    """A hold without its lines."""
    return Hold(
        row["hold_id"],
        row["channel_id"],
        HoldState(row["state"]),
        row["created_at"],
        row["expire_time"],
        row["ttl_seconds"],
        [],
        row["event_sequence"],
    )


def hold_line_of(row: asyncpg.Record) -> HoldLine:
    """A line; its first column is the hold's id."""
    _, *values = row.values()
    return HoldLine(*values)
