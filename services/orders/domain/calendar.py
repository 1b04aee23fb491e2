"""When a location is open: weekly hours, holidays and daylight saving, as instants.

Instants are whole microseconds since 1970 UTC and days are proleptic ordinals (`datetime.date.toordinal`),
so that whoever plans compares integers. Times of the wall that a change of the clock leaves out count as if
the clock had not been changed yet, and of those that come twice the first counts (`fold=0`, PEP 495); how
long a location is open is counted as it passes, not by the wall.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.orders.domain.places import Location

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MINUTE = 60_000_000
HORIZON_DAYS = 60
"""No promise is made for later than this many days ahead."""
MAX_KEPT_DAYS = 512

_WHOLE_DAY = ((0, 1440),)


def instant_of(time: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (time - EPOCH) // MICROSECOND


def time_of(instant: int) -> datetime:
    """The time of `instant`, in UTC."""
    return EPOCH + timedelta(microseconds=instant)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """The IANA zone of that name; UTC for one that is not known here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def wall(day: int, minute: int, zone: tzinfo) -> int:
    """The instant at which a clock in `zone` shows `minute` (0 to 1,440) of `day`."""
    whole, rest = divmod(minute, 1440)
    midnight = datetime.combine(date.fromordinal(day + whole), datetime.min.time(), zone)
    return instant_of(midnight + timedelta(minutes=rest))


class Calendar:
    """One location's open hours, day by day. Without stated hours it is always open but on holidays."""

    __slots__ = ("_holidays", "_kept", "_weekly", "handover", "zone")

    def __init__(self, location: Location) -> None:
        self.zone = zone_of(location.time_zone)
        self.handover = frozenset(location.handover_days)
        self._weekly: dict[int, tuple[tuple[int, int], ...]] = {
            weekday: tuple(sorted((opens, closes) for at, opens, closes in location.hours if at == weekday))
            if location.hours
            else _WHOLE_DAY
            for weekday in range(1, 8)
        }
        self._holidays = {date.fromisoformat(day).toordinal(): spans for day, spans in location.holidays}
        self._kept: dict[int, tuple[tuple[int, int], ...]] = {}

    def spans(self, day: int) -> tuple[tuple[int, int], ...]:
        """The intervals from opening to closing on `day`, in order; none when closed."""
        found = self._kept.get(day)
        if found is None:
            if len(self._kept) >= MAX_KEPT_DAYS:
                self._kept.clear()
            minutes = self._holidays.get(day)
            if minutes is None:
                minutes = self._weekly[weekday_of(day)]
            instants = [
                (wall(day, opens, self.zone), wall(day, closes, self.zone)) for opens, closes in minutes
            ]
            found = self._kept[day] = tuple((opens, closes) for opens, closes in instants if opens < closes)
        return found

    def standing(self, instant: int) -> tuple[bool, int, int]:
        """Whether it is open at `instant`, since when at the latest and until when at least that is so."""
        day = self.day_of(instant)
        since, until = wall(day, 0, self.zone), wall(day + 1, 0, self.zone)
        for opens, closes in self.spans(day):
            if opens <= instant < closes:
                return True, opens, closes
            if closes <= instant:
                since = max(since, closes)
            else:
                until = min(until, opens)
        return False, since, until

    def day_of(self, instant: int) -> int:
        """The local day in which `instant` lies."""
        return time_of(instant).astimezone(self.zone).toordinal()

    def hands_over(self, day: int) -> bool:
        """Whether a carrier collects on `day`: one of the handover days, if any are stated, and open."""
        return (not self.handover or weekday_of(day) in self.handover) and bool(self.spans(day))

    def after(self, instant: int, open_time: int) -> int | None:
        """The instant at which the location has been open for `open_time` microseconds since `instant`; the
        next opening at the earliest. None: not within `HORIZON_DAYS`.
        """
        today = self.day_of(instant)
        for day in range(today, today + HORIZON_DAYS + 1):
            for opens, closes in self.spans(day):
                start = max(instant, opens)
                # Exactly at closing nothing can begin, but what began can be ready.
                if start < closes and closes - start >= open_time:
                    return start + open_time
                open_time -= max(0, closes - start)
        return None

    def open_between(self, since: int, day: int) -> int:
        """For how long it is open from `since` to the end of `day`."""
        total = 0
        for at in range(self.day_of(since), day + 1):
            for opens, closes in self.spans(at):
                total += max(0, closes - max(since, opens))
        return total


def weekday_of(day: int) -> int:
    """ISO weekday of an ordinal, 1 for Monday, which day 1 was."""
    return (day - 1) % 7 + 1
