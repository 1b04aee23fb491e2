"""Why nobody works on an order's fulfillment orders for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WorkHold:
    """An operator holds the order."""

    reason: str
    actor: str
    hold_time: datetime
