"""A span: one piece of work within a trace, with times, attributes and links, and no object more than that.

The OpenTelemetry SDK's spans cost several times what our work between two of them costs; these are a few
fields, which `chassis/otlp_wire.py` writes in OTLP's form. Names, kinds and attributes follow OpenTelemetry's
semantic conventions (`chassis/conventions.py`).
"""

from __future__ import annotations

import random
import re
import time
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from enum import IntEnum

Attribute = str | int | float | bool

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = "13579bdf"
# Positions of the fixed-width fields of a version 00 traceparent (https://www.w3.org/TR/trace-context/).
TRACE_ID = slice(3, 35)
SPAN_ID = slice(36, 52)
_FLAG = 54
MAX_FRAMES = 30
ERROR_TYPE = "error.type"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_STACKTRACE = "exception.stacktrace"


active: ContextVar[str | None] = ContextVar("aljibe_traceparent", default=None)
"""The traceparent of the work being done in this task."""


class Kind(IntEnum):
    """What a span stands for. Numbers as in OTLP."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class State(IntEnum):
    """How the work ended, where that is known. Numbers as in OTLP."""

    UNSET = 0
    OK = 1
    ERROR = 2


class Event:
    """Something that happened at a moment within a span."""

    __slots__ = ("attributes", "name", "time_nanos")

    def __init__(self, name: str, time_nanos: int, attributes: Mapping[str, Attribute]) -> None:
        self.name = name
        self.time_nanos = time_nanos
        self.attributes = attributes


class Span:
    """Work that began at `start_nanos` (since 1970, UTC) and, once it has ended, ended at `end_nanos`."""

    __slots__ = (
        "attributes",
        "end_nanos",
        "events",
        "kind",
        "links",
        "name",
        "parent_id",
        "start_nanos",
        "state",
        "traceparent",
    )

    def __init__(
        self,
        name: str,
        kind: Kind,
        traceparent: str,
        parent_id: str,
        attributes: dict[str, Attribute],
        start_nanos: int,
    ) -> None:
        self.name = name
        self.kind = kind
        self.traceparent = traceparent
        """Of the span itself; what it causes has it for a parent."""
        self.parent_id = parent_id
        """Sixteen hexadecimal digits; empty where the trace begins."""
        self.attributes = attributes
        self.start_nanos = start_nanos
        self.end_nanos = 0
        self.state = State.UNSET
        self.links: list[str] = []
        """Traceparents of spans elsewhere that have to do with this one."""
        self.events: list[Event] = []

    @property
    def trace_id(self) -> str:
        """Thirty-two hexadecimal digits."""
        return self.traceparent[TRACE_ID]

    @property
    def span_id(self) -> str:
        """Sixteen hexadecimal digits."""
        return self.traceparent[SPAN_ID]

    def failed(self, error_type: str) -> None:
        """The work failed, and it is an error of ours or of what we rely on: not a refusal."""
        self.state = State.ERROR
        self.attributes[ERROR_TYPE] = error_type

    def raised(self, error: BaseException) -> None:
        """`error` left the work. Its class and place are kept and not its text, which may quote what a person
        typed; a refusal is no error, and names its class alone.
        """
        name = type(error).__name__
        if is_refusal(error):
            self.attributes[ERROR_TYPE] = name
            return
        self.failed(name)
        attributes: dict[str, Attribute] = {EXCEPTION_TYPE: name, EXCEPTION_STACKTRACE: frames_of(error)}
        self.events.append(Event("exception", time.time_ns(), attributes))


def is_refusal(error: BaseException) -> bool:
    """Whether `error` is an answer and no fault: each service names the base of its refusals `Refusal`. A
    caller that went away is no fault either.
    """
    if not isinstance(error, Exception):
        return True
    return any(base.__name__ == "Refusal" for base in type(error).__mro__)


def frames_of(error: BaseException) -> str:
    """Where it was raised, without its text and without the lines of source."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return "\n".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)


def is_sampled(traceparent: str) -> bool:
    """Whether the trace is recorded."""
    return traceparent[_FLAG] in _SAMPLED


def is_traceparent(text: str) -> bool:
    """Whether it has the form of version 00."""
    return _TRACEPARENT.fullmatch(text) is not None


def new_traceparent(*, sampled: bool) -> str:
    """The beginning of a trace."""
    digits = random.randbytes(24).hex()
    return f"00-{digits[:32]}-{digits[32:]}-{'01' if sampled else '00'}"


def child_of(parent: str) -> str:
    """The traceparent of a new span within `parent`'s trace."""
    return f"{parent[:36]}{random.randbytes(8).hex()}{parent[52:]}"
