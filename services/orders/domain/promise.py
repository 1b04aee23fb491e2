"""By when the customer has the goods. Times in, times out: UTC; a store's opening hours are in its own
zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.orders.domain.places import Location
from services.orders.domain.rules import SourcingRules

DAYS_LOOKED_AHEAD = 15
_DELIVERED_BY_HOUR = 20


def parcel_promise(now: datetime, km: int, rules: SourcingRules) -> datetime:
    """20:00 UTC on the day a parcel arrives: it leaves by the next cut-off, travels a day, and one more
    for each 500 km (as the rules say).
    """
    minute = now.hour * 60 + now.minute
    leaves = 0 if minute < rules.ship_cut_off_minute else 1
    transit = min(rules.transit_days_most, rules.transit_days + km // rules.transit_km_per_day)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=leaves + transit)
    return day + timedelta(hours=_DELIVERED_BY_HOUR)


def pickup_promise(now: datetime, store: Location, rules: SourcingRules) -> datetime:
    """When the store has been open for as long as it needs from `now`; a store without stated hours
    counts as always open.

    Hours that lie in the two gaps and overlaps of daylight saving are counted by the clock on the wall.
    """
    needed = timedelta(minutes=rules.pickup_open_minutes)
    if not store.hours:
        return now + needed
    zone = _zone(store.time_zone)
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    clock = local.replace(tzinfo=None)
    for _ in range(DAYS_LOOKED_AHEAD):
        for weekday, opens, closes in sorted(store.hours):
            if weekday != midnight.isoweekday():
                continue
            start = max(clock, midnight + timedelta(minutes=opens))
            end = midnight + timedelta(minutes=closes)
            if start >= end:
                continue
            if end - start >= needed:
                return (start + needed).replace(tzinfo=zone).astimezone(UTC)
            needed -= end - start
        midnight += timedelta(days=1)
    return now + timedelta(days=DAYS_LOOKED_AHEAD)


@lru_cache(maxsize=256)
def _zone(name: str) -> timezone | ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
