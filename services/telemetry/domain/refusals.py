"""Every no that the trace store says to those who read."""

from __future__ import annotations

from dataclasses import dataclass


class Refusal(Exception):
    """Base of all refusals of the trace store."""


@dataclass(eq=False)
class TraceNotFound(Refusal):
    """Never stored, or gone because newer ones needed the room."""

    trace_id: str

    def __str__(self) -> str:
        return f"no trace {self.trace_id!r} is stored"


@dataclass(eq=False)
class WindowOutOfRange(Refusal):
    """The window of a service map is too short or too long."""

    least_seconds: float
    most_seconds: float

    def __str__(self) -> str:
        return f"the window must be from {self.least_seconds:g} to {self.most_seconds:g} seconds"
