"""What was counted, read back: a day, what happened lately, goals and alarms."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from chassis.postgres import Connection, Database
from services.insights.adapters.grpc.neighbours import Places
from services.insights.adapters.postgres.projection import DISPLACED, ORDERED, REFUSED, queries
from services.insights.domain.alarms import Alarm, Backlog, Kind, Recent, Severity
from services.insights.domain.day import Day
from services.insights.domain.goals import Goal, Measure

MAX_GOALS = 1_000


class Counted(NamedTuple):
    """What was ordered in a minute or an hour, in one channel and by one way (`insights.v1.Way`)."""

    time: datetime
    channel_id: str
    way: int
    currency_code: str
    orders: int
    units: int
    amount_minor: int


class Tally(NamedTuple):
    """Anything that was counted in an hour."""

    kind: str
    time: datetime
    channel_id: str
    way: int
    label: str
    events: int
    units: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class DayFacts:
    """A day as it was counted."""

    minutes: Sequence[Counted]
    tallies: Sequence[Tally]
    newest: datetime | None
    awaiting_orders: int
    backlog: Sequence[Backlog]
    overdue: Mapping[str, int]
    """Promises past their due time, by channel."""
    goals: Sequence[Goal]
    alarms: Sequence[Alarm]


@dataclass(slots=True)
class HourCounts:
    """Of one channel on one day, by hour of the day."""

    orders: dict[int, int] = field(default_factory=dict)
    units: dict[int, int] = field(default_factory=dict)
    revenue: dict[str, dict[int, int]] = field(default_factory=dict)
    """By currency."""


async def read_day(db: Database, day: Day, now: datetime, window: timedelta, places: Places) -> DayFacts:
    """A day, with its last `window` by minute. What is not done and what is wrong is told of the present day
    alone.
    """
    present = day.start <= now < day.end
    last = min(now, day.end)
    begin = max(day.start, _minute(last - window) + timedelta(minutes=1 if present else 0))
    from_hour, to_hour = day.whole_hours
    where = [list(places.stores), list(places.warehouses)]
    async with db.connection() as conn:
        minutes = await conn.fetch(queries.ordered_minutes, begin, day.end, *where)
        tallies = await conn.fetch(queries.day, day.start, day.end, *where, from_hour, to_hour)
        newest = await conn.fetchval(queries.newest, day.start, day.end)
        awaiting = await conn.fetchval(queries.awaiting_orders) if present else 0
        backlog = await read_backlog(conn, now, places) if present else []
        overdue = await conn.fetch(queries.overdue, now) if present else []
        goals = await read_goals(conn, MAX_GOALS)
        alarms = await read_alarms(conn) if present else []
    return DayFacts(
        [Counted(*row) for row in minutes],
        [Tally(*row) for row in tallies],
        newest,
        awaiting,
        backlog,
        dict([tuple(row) for row in overdue]),
        goals,
        alarms,
    )


async def read_backlog(conn: Connection, now: datetime, places: Places) -> list[Backlog]:
    """Work that is not done, by location: most late first, then most open."""
    found: dict[str, Backlog] = {}
    for row in await conn.fetch(queries.backlog, now):
        location_id, ready = row["location_id"], row["ready"]
        name = places.names.get(location_id, "")
        known = found.get(location_id)
        if known is not None:
            found[location_id] = Backlog(
                location_id, name, known.open, known.late, known.oldest_due_time, known.units, ready
            )
            continue
        found[location_id] = Backlog(
            location_id, name, row["open"], row["late"], row["oldest_due_time"], row["units"], ready
        )
    return sorted(found.values(), key=lambda one: (-one.late, -one.open, one.location_id))


async def read_recent(conn: Connection, since: datetime) -> Recent:
    """What was counted since then."""
    orders = displaced = displaced_units = 0
    refusals: dict[str, int] = {}
    displaced_since: datetime | None = None
    for row in await conn.fetch(queries.recently, _minute(since)):
        if row["kind"] == ORDERED:
            orders += row["events"]
        elif row["kind"] == REFUSED:
            refusals[row["label"]] = row["events"]
        elif row["kind"] == DISPLACED:
            displaced += row["events"]
            displaced_units += row["units"]
            first = row["first_time"]
            displaced_since = first if displaced_since is None else min(first, displaced_since)
    return Recent(orders, refusals, displaced, displaced_units, displaced_since)


async def read_goals(
    conn: Connection, limit: int, after: tuple[str, str] = ("", ""), channel_id: str = ""
) -> list[Goal]:
    """Goals after (channel, measure), the pool's first."""
    rows = await conn.fetch(queries.goals, *after, channel_id, limit)
    return [
        Goal(row["channel_id"], Measure(row["measure"]), row["target"], row["currency_code"]) for row in rows
    ]


async def set_goals(conn: Connection, goals: Sequence[Goal], now: datetime, actor: str) -> None:
    """Put goals in place of those of the same channel and measure; a target of 0 ends one."""
    standing = [goal for goal in goals if goal.target]
    ended = [goal for goal in goals if not goal.target]
    if standing:
        await conn.execute(
            queries.set_goals,
            [goal.channel_id for goal in standing],
            [goal.measure.value for goal in standing],
            [goal.target for goal in standing],
            [goal.currency_code for goal in standing],
            now,
            actor,
        )
    if ended:
        await conn.execute(
            queries.end_goals,
            [goal.channel_id for goal in ended],
            [goal.measure.value for goal in ended],
        )


async def read_alarms(conn: Connection) -> list[Alarm]:
    """What needs a person, worst first."""
    return [
        Alarm(
            Kind(row["kind"]),
            Severity(row["severity"]),
            row["link"],
            json.loads(row["facts"]),
            row["alarm_id"].partition(":")[2],
            row["since_time"],
        )
        for row in await conn.fetch(queries.alarms)
    ]


async def keep_alarms(conn: Connection, alarms: Sequence[Alarm], now: datetime) -> None:
    """These alarms stand, and no others."""
    await conn.execute(queries.settle_alarms, [alarm.alarm_id for alarm in alarms])
    if alarms:
        await conn.execute(
            queries.raise_alarms,
            [alarm.alarm_id for alarm in alarms],
            [alarm.kind.value for alarm in alarms],
            [int(alarm.severity) for alarm in alarms],
            [alarm.since or now for alarm in alarms],
            [json.dumps(dict(alarm.facts), sort_keys=True) for alarm in alarms],
            [alarm.link for alarm in alarms],
        )


async def read_profile(db: Database, day: Day, weeks: int) -> dict[str, list[HourCounts]]:
    """What each channel ordered by hour on the same weekday of the weeks before; '' is all of them."""
    dates = [day.before(week) for week in range(1, weeks + 1)]
    begin = datetime.combine(dates[-1], time(), day.zone).astimezone(UTC)
    days: defaultdict[str, defaultdict[str, HourCounts]] = defaultdict(lambda: defaultdict(HourCounts))
    async with db.connection() as conn:
        rows = await conn.fetch(
            queries.profile, begin, day.start, [date.isoformat() for date in dates], day.zone.key
        )
    for row in rows:
        for channel_id in ("", row["channel_id"]):
            counts, hour = days[channel_id][row["day"]], row["hour"]
            counts.orders[hour] = counts.orders.get(hour, 0) + row["events"]
            counts.units[hour] = counts.units.get(hour, 0) + row["units"]
            revenue = counts.revenue.setdefault(row["label"], {})
            revenue[hour] = revenue.get(hour, 0) + row["amount_minor"]
    return {channel_id: list(by_day.values()) for channel_id, by_day in days.items()}


def _minute(time_: datetime) -> datetime:
    return time_.replace(second=0, microsecond=0)
