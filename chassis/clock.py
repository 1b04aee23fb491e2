"""Time as a dependency: what needs the hour is handed a `Clock`, so that a test can choose it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present, timezone-aware in UTC."""
    return datetime.now(UTC)
