"""Times during which nobody works on an order, because somebody wanted it so."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

MOST_HOLDS = 50
"""How many an order shows; of more, the oldest are in its events only."""


class Hold(NamedTuple):
    """Who held the order, since when and why; and who lifted it, once somebody has."""

    reason: str
    held_by: str
    hold_time: datetime
    lifted_by: str = ""
    lift_time: datetime | None = None
    lift_reason: str = ""
