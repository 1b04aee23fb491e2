"""From rows to what the domain speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
