"""Refusals that any service may answer with. A domain package has a base class of its own and does not
import this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class Refusal(Exception):
    """A clear no to a caller: `str()` is for a person, the public fields become `ErrorInfo.metadata`."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that is wrong."""

    field: str
    """Dotted path with indexes, `lines[3].quantity_units`."""
    reason: str
    """UPPER_SNAKE, for programs."""
    description: str
    """English, for people."""


class InvalidRequest(Refusal):
    """Fields of the request have values they may not have; lists every one found."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{found.field}: {found.description}" for found in self.violations))


class InvalidArgument(InvalidRequest):
    """One field is wrong for a reason that only the adapter can see, such as a forged page token."""

    def __init__(self, field: str, description: str, reason: str = "INVALID") -> None:
        super().__init__([Violation(field, reason, description)])


class PageTokenInvalid(InvalidArgument):
    """The page token was not made here for this query."""

    def __init__(self, field: str = "page_token") -> None:
        super().__init__(field, "was not made here for this query", "PAGE_TOKEN_INVALID")


class RequestIdReused(Refusal):
    """The request id was used before for a request with other content."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        super().__init__(f"request_id {request_id!r} was used before with other arguments")


class NotFound(Refusal):
    """There is no such thing, or the caller may not know of it."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind = kind
        self.key = key
        super().__init__(f"no {kind} {key!r}")


class Unauthenticated(Refusal):
    """Who calls is not known. `reason` is TOKEN_MISSING, TOKEN_INVALID or TOKEN_EXPIRED."""

    def __init__(self, reason: str, description: str) -> None:
        self.reason = reason
        super().__init__(description)


class PermissionDenied(Refusal):
    """Who calls is known and may not do this."""

    def __init__(self, description: str) -> None:
        super().__init__(description)


class Overloaded(Refusal):
    """A bounded queue is full; the call did nothing and may be made again later."""

    def __init__(self, queue: str, limit: int) -> None:
        self.queue = queue
        self.limit = limit
        super().__init__(f"{queue} is at its limit of {limit}")


class TooLarge(Refusal):
    """More was sent than is taken in one go."""

    def __init__(self, what: str, limit: int) -> None:
        self.what = what
        self.limit = limit
        super().__init__(f"{what} is over the limit of {limit}")


class Unavailable(Refusal):
    """Something this service needs does not answer right now; the caller may retry."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what} is not available right now")


class DeadlineExceeded(Refusal):
    """The caller's time ran out before the work was done."""

    def __init__(self, what: str = "the call") -> None:
        self.what = what
        super().__init__(f"{what} did not end in time")


class DeadLetterSettled(Refusal):
    """The dead letter was redriven or discarded before."""

    def __init__(self, dead_letter_id: str, state: str) -> None:
        self.dead_letter_id = dead_letter_id
        self.state = state
        super().__init__(f"dead letter {dead_letter_id} is settled: {state}")


class RedriveFailed(Refusal):
    """The handler failed again on a dead letter, which stays open."""

    def __init__(self, dead_letter_id: str, error: str, trace: str = "") -> None:
        self.dead_letter_id = dead_letter_id
        self.error = error
        self._trace = trace
        super().__init__(f"dead letter {dead_letter_id} failed again: {error}")

    @property
    def trace(self) -> str:
        """The traceback; for the record, not for the caller."""
        return self._trace


class PassedOn(Refusal):
    """A refusal of another service that the caller is to see as it is. `status` is its google.rpc.Status."""

    def __init__(self, status: bytes, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"another service refused: {reason}")
