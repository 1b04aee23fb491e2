"""What is known about the RPC being served, for whoever needs it further in."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chassis.auth import Principal


@dataclass(slots=True)
class Call:
    """The RPC being served in this task."""

    method: str
    """Full name, `/aljibe.orders.v1.OrderService/PlaceOrder`."""
    principal: Principal | None
    """None only where the method is open to callers without a token."""
    deadline: float
    """When the caller's time runs out, on the clock of `time.monotonic()`."""
    languages: str
    """The caller's `accept-language`."""

    def remaining_seconds(self) -> float:
        """Time left, never negative."""
        return max(0.0, self.deadline - time.monotonic())


_current: ContextVar[Call | None] = ContextVar("aljibe_call", default=None)

set_call = _current.set


def current_call() -> Call | None:
    """The RPC being served in this task; None in background work."""
    return _current.get()
