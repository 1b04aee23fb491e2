"""A day's facts as the contract has them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.insights.v1 import insights_pb2 as pb
from services.insights.adapters.postgres import projection
from services.insights.adapters.postgres.reading import Counted, DayFacts, HourCounts, Tally
from services.insights.domain.alarms import Alarm, Backlog
from services.insights.domain.day import Day, Opening, opening_share
from services.insights.domain.goals import (
    WHOLE_SHARE,
    Basis,
    Goal,
    Measure,
    Progress,
    passed_share,
    progress,
)

MEASURES = {
    pb.MEASURE_ORDERS: Measure.ORDERS,
    pb.MEASURE_UNITS: Measure.UNITS,
    pb.MEASURE_REVENUE: Measure.REVENUE,
    pb.MEASURE_PROMISE_KEPT: Measure.PROMISE_KEPT,
}
_MEASURE_NUMBERS = {measure: number for number, measure in MEASURES.items()}

Profile = Mapping[str, Sequence[HourCounts]]


def today(
    day: Day, facts: DayFacts, now: datetime, profile: Profile, openings: Sequence[Opening]
) -> pb.Today:
    """The day as a message."""
    answer = pb.Today(
        day=day.date.isoformat(),
        time_zone=day.zone.key,
        as_of=_stamp(now),
        minutes=[_counted(one) for one in facts.minutes],
        hours=[_counted(one) for one in _hours(facts.tallies)],
        channels=_channels(facts.tallies),
        promises=_promises(facts),
        refusals=_refusals(facts.tallies),
        resourced=_resourced(facts.tallies),
        awaiting_customer_orders=facts.awaiting_orders,
        backlog=[_backlog(one) for one in facts.backlog],
        alarms=[_alarm(one) for one in facts.alarms],
        goals=[_progress(_stands(goal, day, facts, now, profile, openings)) for goal in facts.goals],
    )
    if facts.newest is not None:
        answer.newest_event_time.CopyFrom(_stamp(facts.newest))
    return answer


def goal_of(wire: pb.Goal) -> Goal:
    """A goal of the contract."""
    return Goal(wire.channel_id, MEASURES[wire.measure], wire.target, wire.currency_code)


def goal_wire(goal: Goal) -> pb.Goal:
    """A goal as a message."""
    return pb.Goal(
        channel_id=goal.channel_id,
        measure=_MEASURE_NUMBERS[goal.measure],
        target=goal.target,
        currency_code=goal.currency_code,
    )


def _stands(
    goal: Goal,
    day: Day,
    facts: DayFacts,
    now: datetime,
    profile: Profile,
    openings: Sequence[Opening],
) -> Progress:
    minute = day.minute_of(now)
    if now >= day.end:
        return progress(goal, _actual(goal, facts), 1.0, Basis.NONE)
    share = passed_share([_measured(goal, one) for one in profile.get(goal.channel_id, ())], minute)
    basis = Basis.SAME_WEEKDAY
    if share is None:
        share, basis = opening_share(openings, day.date.isoweekday(), minute), Basis.OPENING_HOURS
    return progress(goal, _actual(goal, facts), share, basis)


def _measured(goal: Goal, counts: HourCounts) -> Mapping[int, int]:
    if goal.measure is Measure.UNITS:
        return counts.units
    if goal.measure is Measure.REVENUE:
        return counts.revenue.get(goal.currency_code, {})
    return counts.orders


def _actual(goal: Goal, facts: DayFacts) -> int | None:
    mine = [one for one in facts.tallies if goal.channel_id in ("", one.channel_id)]
    if goal.measure is Measure.PROMISE_KEPT:
        kept = sum(one.events for one in mine if one.kind == projection.KEPT)
        due = kept + sum(one.events for one in mine if one.kind == projection.MISSED)
        due += sum(n for channel_id, n in facts.overdue.items() if goal.channel_id in ("", channel_id))
        return WHOLE_SHARE * kept // due if due else None
    ordered = [one for one in mine if one.kind == projection.ORDERED]
    if goal.measure is Measure.REVENUE:
        return sum(one.amount_minor for one in ordered if one.label == goal.currency_code)
    return sum(one.units if goal.measure is Measure.UNITS else one.events for one in ordered)


def _hours(tallies: Iterable[Tally]) -> list[Counted]:
    return [
        Counted(one.time, one.channel_id, one.way, one.label, one.events, one.units, one.amount_minor)
        for one in tallies
        if one.kind == projection.ORDERED
    ]


def _channels(tallies: Sequence[Tally]) -> list[pb.ChannelTotal]:
    totals: dict[tuple[str, str], pb.ChannelTotal] = {}
    for one in tallies:
        if one.kind == projection.ORDERED:
            total = totals.setdefault(
                (one.channel_id, one.label),
                pb.ChannelTotal(channel_id=one.channel_id, currency_code=one.label),
            )
            total.orders += one.events
            total.units += one.units
            total.amount_minor += one.amount_minor
    cancelled: Counter[str] = Counter()
    for one in tallies:
        if one.kind == projection.CANCELLED:
            cancelled[one.channel_id] += one.units
    for channel_id, units in sorted(cancelled.items()):
        mine = [key for key in totals if key[0] == channel_id]
        key = min(mine, default=(channel_id, ""))
        totals.setdefault(key, pb.ChannelTotal(channel_id=channel_id)).cancelled_units = units
    return [totals[key] for key in sorted(totals)]


def _promises(facts: DayFacts) -> list[pb.PromiseCount]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in facts.tallies:
        if one.kind in (projection.KEPT, projection.MISSED):
            found[one.channel_id][one.kind] += one.events
    for channel_id, overdue in facts.overdue.items():
        found[channel_id]["overdue"] = overdue
    return [
        pb.PromiseCount(
            channel_id=channel_id,
            kept=counts[projection.KEPT],
            missed=counts[projection.MISSED],
            overdue=counts["overdue"],
        )
        for channel_id, counts in sorted(found.items())
    ]


def _refusals(tallies: Iterable[Tally]) -> list[pb.RefusalCount]:
    found: Counter[tuple[str, str]] = Counter()
    for one in tallies:
        if one.kind == projection.REFUSED:
            found[one.label, one.channel_id] += one.events
    return [
        pb.RefusalCount(reason=reason, channel_id=channel_id, refusals=count)
        for (reason, channel_id), count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]


def _resourced(tallies: Iterable[Tally]) -> list[pb.ResourcedCount]:
    found: dict[str, pb.ResourcedCount] = {}
    for one in tallies:
        if one.kind == projection.RESOURCED:
            count = found.setdefault(one.label, pb.ResourcedCount(trigger=one.label))
            count.resourcings += one.events
            count.units += one.units
    return [found[trigger] for trigger in sorted(found)]


def _counted(one: Counted) -> pb.OrderCount:
    return pb.OrderCount(
        time=_stamp(one.time),
        channel_id=one.channel_id,
        way=one.way,  # type: ignore[arg-type]  # numbers of the contract, from a query
        orders=one.orders,
        units=one.units,
        amount_minor=one.amount_minor,
        currency_code=one.currency_code,
    )


def _backlog(one: Backlog) -> pb.LocationBacklog:
    answer = pb.LocationBacklog(
        location_id=one.location_id,
        location_name=one.location_name,
        open=one.open,
        late=one.late,
        open_units=one.units,
        ready=one.ready,
    )
    if one.oldest_due_time is not None:
        answer.oldest_due_time.CopyFrom(_stamp(one.oldest_due_time))
    return answer


def _alarm(one: Alarm) -> pb.Alarm:
    answer = pb.Alarm(
        alarm_id=one.alarm_id,
        kind=pb.AlarmKind.Value(f"ALARM_KIND_{one.kind.value}"),
        severity=int(one.severity),  # type: ignore[arg-type]  # the numbers are the contract's
        facts=one.facts,
        link=one.link,
    )
    if one.since is not None:
        answer.since_time.CopyFrom(_stamp(one.since))
    return answer


def _progress(one: Progress) -> pb.GoalProgress:
    return pb.GoalProgress(
        goal=goal_wire(one.goal),
        actual=one.actual,
        expected_by_now=one.expected_by_now,
        basis=int(one.basis),  # type: ignore[arg-type]  # the numbers are the contract's
        state=int(one.state),  # type: ignore[arg-type]
    )


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
