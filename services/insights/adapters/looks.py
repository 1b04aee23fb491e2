"""Looks at the day: read from the database once, however many watch it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from zoneinfo import ZoneInfo

from aljibe.insights.v1 import insights_pb2 as pb
from chassis.clock import Clock
from chassis.postgres import Database
from services.insights.adapters import wire
from services.insights.adapters.grpc.neighbours import Directory
from services.insights.adapters.postgres.reading import HourCounts, read_day, read_profile
from services.insights.domain.day import Day, day_of, zone_of

PROFILE_SECONDS = 60.0
"""How old a profile of the weekday may be; it changes once a day."""
MAX_KEPT = 64


class Looks:
    """Reads days. Those who watch the same one share a look."""

    def __init__(
        self, db: Database, directory: Directory, clock: Clock, *, time_zone: str, history_weeks: int
    ) -> None:
        self._db = db
        self._directory = directory
        self._clock = clock
        self._time_zone = time_zone
        self._history_weeks = history_weeks
        self._profiles: dict[tuple[str, str], tuple[float, dict[str, list[HourCounts]]]] = {}
        self._latest: dict[tuple[str, int], tuple[float, pb.Today]] = {}
        self._reading: dict[tuple[str, int], asyncio.Lock] = {}

    async def read(self, day: str, time_zone: str, window_minutes: int) -> pb.Today:
        """A day; an empty one is today.

        Raises:
            TimeZoneUnknown, DayInvalid: there is no such zone or day.
        """
        now, places = self._clock(), self._directory.places
        wanted = day_of(day, now, self._zone(time_zone))
        facts = await read_day(self._db, wanted, now, timedelta(minutes=window_minutes), places)
        profile = await self._profile(wanted) if facts.goals else {}
        return wire.today(wanted, facts, now, profile, places.openings)

    async def latest(self, time_zone: str, window_minutes: int, at_most_seconds: float) -> pb.Today:
        """Today as it was at most `at_most_seconds` ago."""
        key = (time_zone, window_minutes)
        if len(self._reading) > MAX_KEPT:
            self._reading.clear()
            self._latest.clear()
        async with self._reading.setdefault(key, asyncio.Lock()):
            kept = self._latest.get(key)
            # Those who wake together share a look; one that is due is not put off by what others just saw.
            if kept is not None and time.monotonic() - kept[0] < at_most_seconds / 2:
                return kept[1]
            began = time.monotonic()
            look = await self.read("", time_zone, window_minutes)
            self._latest[key] = (began, look)
            return look

    def _zone(self, name: str) -> ZoneInfo:
        return zone_of(name or self._time_zone or self._directory.places.time_zone)

    async def _profile(self, day: Day) -> dict[str, list[HourCounts]]:
        key = (day.date.isoformat(), day.zone.key)
        kept = self._profiles.get(key)
        if kept is not None and time.monotonic() - kept[0] < PROFILE_SECONDS:
            return kept[1]
        profile = await read_profile(self._db, day, self._history_weeks)
        if len(self._profiles) > MAX_KEPT:
            self._profiles.clear()
        self._profiles[key] = (time.monotonic(), profile)
        return profile
