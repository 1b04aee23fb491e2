"""When parcels leave a location: made as segments of time, kept, and shared by locations that work alike, so
that asking for every candidate of an order costs next to nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from services.orders.domain.calendar import HORIZON_DAYS, MINUTE, Calendar, wall
from services.orders.domain.places import Location
from services.orders.domain.rules import SourcingRules

MAX_SEGMENTS = 256


class Segment(NamedTuple):
    """Orders of a segment are worked on, and leave, on the same days."""

    opens: int
    """Work begins then, or when the order comes if that is later."""
    work_day: int
    ships: int
    work_date: date
    """`work_day`, ready to be asked for."""


class Ships:
    """When parcels of one location leave, as segments of time: every order that comes before `untils[i]`, but
    not before `untils[i - 1]`, is worked on and leaves as `segments[i]` says. Made as far as is asked for.
    """

    __slots__ = ("_base", "_cut_off", "_next", "_preparation", "calendar", "generation", "segments", "untils")

    def __init__(self, calendar: Calendar, cut_off_minute: int, preparation_minutes: int) -> None:
        self.calendar = calendar
        self._cut_off = cut_off_minute
        self._preparation = preparation_minutes * MINUTE
        self.generation = 0
        self._forget(0)

    def _forget(self, base: int) -> None:
        self.untils: list[int] = []
        self.segments: list[Segment] = []
        self._base = self._next = base
        self.generation += 1
        """Numbers of segments mean nothing in another."""

    def find(self, instant: int) -> int | None:
        """Number of the segment of an order that comes at `instant`; None: not within the horizon."""
        if not self.untils or instant < self.untils[0] or len(self.untils) > MAX_SEGMENTS:
            day = self.calendar.day_of(instant)
            if day < self._base or not self.untils or len(self.untils) > MAX_SEGMENTS:
                self._forget(day)
        number = bisect_right(self.untils, instant)
        if number == len(self.untils):
            last = self.calendar.day_of(instant) + HORIZON_DAYS
            while not self.untils or self.untils[-1] <= instant:
                if not self._extend(last):
                    return None
            number = bisect_right(self.untils, instant)
        return number

    def later(self, number: int, last: int) -> int | None:
        """Number of the first segment of the next work day behind `number`; None: none up to day `last`."""
        day = self.segments[number].work_day
        while True:
            number += 1
            while number >= len(self.segments):
                if not self._extend(last):
                    return None
            if self.segments[number].work_day > last:
                return None
            if self.segments[number].work_day != day:
                return number

    def _extend(self, last: int) -> bool:
        """Add the segments of one more day; False when that would be behind `last`."""
        day = self._next
        if day > last:
            return False
        self._next += 1
        calendar = self.calendar
        spans = calendar.spans(day)
        if not spans:
            return True
        limit = min(wall(day, self._cut_off, calendar.zone), spans[-1][1])
        opens = begins = spans[0][0]
        while True:
            ready = calendar.after(begins, self._preparation)
            ships = None if ready is None else self._handover(calendar.day_of(ready))
            if ready is None or ships is None:
                return True
            # Whoever comes later by less than the time that is left to the end of the day of departure still
            # makes it.
            latest = calendar.after(begins, calendar.open_between(ready, ships))
            until = limit if latest is None else min(limit, latest + 1)
            if not self.untils or until > self.untils[-1]:
                self.untils.append(until)
                self.segments.append(Segment(opens, day, ships, date.fromordinal(day)))
            if until >= limit:
                return True
            begins = until

    def _handover(self, day: int) -> int | None:
        for at in range(day, day + HORIZON_DAYS + 1):
            if self.calendar.hands_over(at):
                return at
        return None


@lru_cache(maxsize=4096)
def calendar_of(location: Location) -> Calendar:
    """Its calendar, made once."""
    return Calendar(location)


@lru_cache(maxsize=4096)
def ships_of(location: Location, cut_off_minute: int, preparation_minutes: int) -> Ships:
    """Its departures, made once."""
    return Ships(calendar_of(location), cut_off_minute, preparation_minutes)


def _works(location: Location) -> Location:
    """What the times of a location depend on, so that those that work alike share them, and keep them when
    something else changes.
    """
    return Location(
        "",
        "",
        0,
        0,
        time_zone=location.time_zone,
        hours=location.hours,
        holidays=location.holidays,
        handover_days=location.handover_days,
    )


class Place:
    """One location's times, and the segment that was asked for last: nearly always the one that is asked for
    next.
    """

    __slots__ = (
        "calendar",
        "generation",
        "limited",
        "location",
        "number",
        "preparation",
        "ships",
        "since",
        "until",
    )

    def __init__(self, location: Location, rules: SourcingRules, *, apart: bool = False) -> None:
        self.location = location
        works = _works(location)
        self.calendar = calendar_of(works)
        cut_off = location.ship_cut_off_minute
        cut_off_minute = rules.ship_cut_off_minute if cut_off is None else cut_off
        preparation = location.preparation_minutes or 0
        self.ships = (
            Ships(self.calendar, cut_off_minute, preparation)
            if apart
            else ships_of(works, cut_off_minute, preparation)
        )
        self.limited = location.daily_capacity_units > 0
        stated = location.preparation_minutes
        self.preparation = (rules.pickup_open_minutes if stated is None else stated) * MINUTE
        self.since, self.until, self.number, self.generation = 0, 0, 0, 0

    def segment(self, instant: int) -> int | None:
        """As `Ships.find`."""
        if self.since <= instant < self.until and self.generation == self.ships.generation:
            return self.number
        number = self.ships.find(instant)
        if number is not None:
            untils = self.ships.untils
            self.since = untils[number - 1] if number else instant
            self.until, self.number, self.generation = untils[number], number, self.ships.generation
        return number
