"""When prices, lists and promotions count: half-open intervals of timezone-aware time."""

from __future__ import annotations

from datetime import UTC, datetime

from pricing.refusals import ValidityEmpty

SINCE_EVER = datetime.min.replace(tzinfo=UTC)
NEVER_ENDS = datetime.max.replace(tzinfo=UTC)


def check_validity(subject: str, valid_from: datetime, valid_until: datetime) -> None:
    """Return when there is an instant at which `subject` is valid.

    Raises:
        ValidityEmpty: the end is not after the beginning.
    """
    if valid_until <= valid_from:
        raise ValidityEmpty(subject, valid_from, valid_until)


class Steady:
    """The longest interval around one instant in which nothing observed begins or ends; so what was found
    at the instant holds in it.
    """

    __slots__ = ("at", "since", "until")

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.since = SINCE_EVER
        self.until = NEVER_ENDS

    def observe(self, valid_from: datetime, valid_until: datetime) -> bool:
        """Whether `[valid_from, valid_until)` contains the instant; narrows the interval to where that
        answer stays the same.
        """
        at = self.at
        if at < valid_from:
            self.until = min(self.until, valid_from)
            return False
        if at >= valid_until:
            self.since = max(self.since, valid_until)
            return False
        self.since = max(self.since, valid_from)
        self.until = min(self.until, valid_until)
        return True
