"""W3C baggage (https://www.w3.org/TR/baggage/): what a caller sends along with its trace.

It is taken within limits, handed on from call to call, and never looked at. It ends where calls end: an event
carries none, for events are kept for weeks and baggage may speak of a person; nor does a call that serves
many callers at once, a span or a log line.
"""

from __future__ import annotations

from contextvars import ContextVar

MAX_MEMBERS = 64
MAX_BYTES = 8192
"""The limits that W3C asks everybody to pass on at least; what is over either is dropped whole."""

_carried: ContextVar[str] = ContextVar("aljibe_baggage", default="")


def carry(text: str) -> None:
    """From now on this task's calls carry `text`, if it is within the limits and one printable ASCII line."""
    if len(text) > MAX_BYTES or text.count(",") >= MAX_MEMBERS or not (text.isascii() and text.isprintable()):
        text = ""
    _carried.set(text)


def carried() -> str:
    """What the calls of this task carry; empty for nothing."""
    return _carried.get()
