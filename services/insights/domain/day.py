"""A retailer's day: where it begins and ends, and what share of its opening hours has passed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HOUR = timedelta(hours=1)
DAY_MINUTES = 1_440


class TimeZoneUnknown(Exception):
    """No IANA time zone has that name."""

    def __init__(self, time_zone: str) -> None:
        super().__init__(f"{time_zone!r} is no IANA time zone")
        self.time_zone = time_zone


class DayInvalid(Exception):
    """No such day."""

    def __init__(self, day: str) -> None:
        super().__init__(f"{day!r} is no day")
        self.day = day


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening interval of a weekday (1 = Monday), in minutes after local midnight."""

    weekday: int
    open_minute: int
    close_minute: int


@dataclass(frozen=True, slots=True)
class Day:
    """A local day and the instants (UTC) between which it lies."""

    date: dt.date
    zone: ZoneInfo
    start: datetime
    end: datetime

    @property
    def whole_hours(self) -> tuple[datetime, datetime]:
        """From the first full hour (UTC) in it until the last; in most zones that is all of it."""
        start = self.start.replace(minute=0, second=0, microsecond=0)
        return (start if start == self.start else start + HOUR), self.end.replace(
            minute=0, second=0, microsecond=0
        )

    def minute_of(self, now: datetime) -> int:
        """Minutes after local midnight by the clock on the wall; 0 before the day, 1,440 after it."""
        if now < self.start:
            return 0
        if now >= self.end:
            return DAY_MINUTES
        local = now.astimezone(self.zone)
        return local.hour * 60 + local.minute

    def before(self, weeks: int) -> dt.date:
        """The same weekday, some weeks earlier."""
        return self.date - timedelta(weeks=weeks)


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name.

    Raises:
        TimeZoneUnknown: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeZoneUnknown(name) from error


def day_of(text: str, now: datetime, zone: ZoneInfo) -> Day:
    """The day YYYY-MM-DD in a zone; empty: the one that `now` is in.

    Raises:
        DayInvalid: there is no such day.
    """
    try:
        day = dt.date.fromisoformat(text) if text else now.astimezone(zone).date()
        following = day + timedelta(days=1)
        start, end = (datetime.combine(one, time(), zone).astimezone(UTC) for one in (day, following))
    except (ValueError, OverflowError) as error:
        raise DayInvalid(text) from error
    return Day(day, zone, start, end)


def opening_share(openings: Iterable[Opening], weekday: int, minute: int) -> float:
    """What share of a weekday's opening hours has passed at a minute of it, 0 to 1.

    The hours are from the earliest opening to the latest closing of all stores; where none is open that day
    they are the whole day, since a web shop never closes.
    """
    todays = [one for one in openings if one.weekday == weekday]
    begin = min((one.open_minute for one in todays), default=0)
    end = max((one.close_minute for one in todays), default=DAY_MINUTES)
    return min(1.0, max(0.0, (minute - begin) / (end - begin))) if end > begin else 1.0
