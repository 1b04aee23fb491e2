"""The page Today: what needs a person, how the day goes, and how far its goals are."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.catalog.v1 import catalog_pb2
from aljibe.insights.v1 import insights_pb2 as pb
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.menu import OPERATOR, roles_of
from services.console.adapters.page import Console, form_of
from services.console.adapters.session import Person
from services.console.adapters.texts import Texts, minor_digits, zone_of
from services.console.domain.bars import Chart, stacked

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WINDOW_MINUTES = 60
PACE_MINUTES = 5
"""Over how many minutes the present pace is taken."""
SHOWN_LOCATIONS = 12
NAMES_SECONDS = 60.0
HOUR_SPAN, DAY_SPAN = "hour", "day"
SHARE = 10_000

_CHANNEL_ORDER = ("web", "app", "pos", "call-centre", "marketplace")
_WAYS = (
    "WAY_CARRY_OUT",
    "WAY_PICKUP",
    "WAY_SHIP_FROM_STORE",
    "WAY_SHIP_FROM_WAREHOUSE",
    "WAY_UNSPECIFIED",
)
_TONES = {
    pb.GOAL_STATE_REACHED: "good",
    pb.GOAL_STATE_ON_TRACK: "good",
    pb.GOAL_STATE_CLOSE: "warn",
    pb.GOAL_STATE_BEHIND: "bad",
}
_SEVERITY_TONES = {
    pb.SEVERITY_CRITICAL: "bad",
    pb.SEVERITY_WARNING: "warn",
    pb.SEVERITY_NOTICE: "info",
}
_REGIONS = ("alarms", "figures", "by-channel", "by-way", "goals", "backlog", "channels", "refusals")


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """An alarm as a person reads it."""

    id: str
    severity: str
    tone: str
    text: str
    since: datetime | None
    link: str


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A goal as a person reads it; shares from 0 to 1 of the target."""

    channel: str
    measure: str
    actual: str
    target: str
    expected: str
    share: float
    expected_share: float
    state: str
    tone: str


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    page = _Page()
    roles = roles_of("today")
    return (
        console.page("/today", page.show, roles),
        console.live("/today/live", page.regions, roles),
        console.action("/today/goals", set_goal, (OPERATOR,)),
    )


async def set_goal(console: Console, request: Request, person: Person) -> Response:
    """Sets or ends a goal."""
    form = form_of(request)
    measure = form.get("measure", "")
    currency = form.get("currency", "") if measure == "REVENUE" else ""
    target = _target(form.get("target", ""), measure, currency)
    if target is None or measure not in _MEASURES:
        return console.refused(request, person, person.texts("today.target_invalid"), back="/today")
    goal = pb.Goal(
        channel_id=form.get("channel_id", ""),
        measure=pb.Measure.Value(f"MEASURE_{measure}"),
        target=target,
        currency_code=currency,
    )
    await console.doors.insights.SetGoals(
        pb.SetGoalsRequest(request_id=form.get("request_id", ""), goals=[goal]),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return console.done(request, person, "today.goal_saved" if target else "today.goal_ended", back="/today")


class _Page:
    def __init__(self) -> None:
        self._names: dict[str, catalog_pb2.Channel] = {}
        self._named_at = float("-inf")

    async def show(self, console: Console, request: Request, person: Person) -> Response:
        """The page."""
        span = _span(request)
        look = await console.doors.insights.GetToday(
            pb.GetTodayRequest(window_minutes=WINDOW_MINUTES),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        await self._name_channels(console, person)
        live = "/today/live" + ("?span=day" if span == DAY_SPAN else "")
        facts = self._facts(person, look.today, span)
        return console.render(request, person, "today/page.html", live=live, **facts)

    async def regions(
        self, console: Console, request: Request, person: Person
    ) -> AsyncIterator[Mapping[str, str]]:
        """Its news, told by insights itself: at most once a second, and only what changed."""
        span = _span(request)

        async def told() -> AsyncIterator[Mapping[str, str]]:
            stream = console.doors.insights.WatchToday(
                pb.WatchTodayRequest(window_minutes=WINDOW_MINUTES), metadata=person.metadata
            )
            async for look in stream:
                await self._name_channels(console, person)
                facts = self._facts(person, look.today, span)
                news = {name: console.fragment(person, f"today/{name}.html", **facts) for name in _REGIONS}
                yield {**news, "title": _title(person.texts, look.today)}

        async for news in console.hub.follow(("today", span, person.scope), told):
            yield news

    async def _name_channels(self, console: Console, person: Person) -> None:
        if time.monotonic() - self._named_at < NAMES_SECONDS:
            return
        self._named_at = time.monotonic()
        try:
            answer = await console.doors.catalog.ListChannels(
                catalog_pb2.ListChannelsRequest(page_size=100), metadata=person.metadata, timeout=CALL_SECONDS
            )
        except grpc.aio.AioRpcError:
            # The page goes without names rather than not at all.
            return
        self._names = {one.channel_id: one for one in answer.channels}

    def _channel(self, texts: Texts, channel_id: str) -> str:
        known = self._names.get(channel_id)
        if known is None:
            return channel_id or texts("today.pool")
        return (known.name.es if texts.language == "es" else known.name.en) or channel_id

    def _facts(self, person: Person, today: pb.Today, span: str) -> dict[str, Any]:
        texts = person.texts
        names = sorted({one.channel_id for one in today.channels} | set(self._names))
        order = [one for one in _CHANNEL_ORDER if one in names]
        order += [one for one in names if one not in order]
        counts = today.hours if span == DAY_SPAN else today.minutes
        by_channel = _chart(today, [(one, one.channel_id) for one in counts], order, span)
        by_way = _chart(today, [(one, pb.Way.Name(one.way)) for one in counts], _WAYS, span)
        currencies = [one.currency_code for one in today.channels if one.currency_code]
        return {
            "today": today,
            "span": span,
            "clock": _clock(texts, today, span),
            "other_zone": "" if today.time_zone == texts.zone.key else today.time_zone,
            "title_line": _title(texts, today),
            "day": texts.day(date.fromisoformat(today.day)),
            "totals": _totals(today),
            "pace": _pace(today),
            "alarms": [_alarm(texts, one) for one in today.alarms],
            "channel_chart": by_channel,
            "channel_names": [self._channel(texts, one) for one in by_channel.series],
            "way_chart": by_way,
            "way_names": [texts.word("today.way", one) for one in by_way.series],
            "goals": [self._goal(texts, one) for one in today.goals],
            "basis": next((int(one.basis) for one in today.goals if one.basis), 0),
            "backlog": [one for one in today.backlog if one.open or one.ready],
            "shown_locations": SHOWN_LOCATIONS,
            "channel_rows": [(one, self._channel(texts, one.channel_id)) for one in _rows(today)],
            "refusals": _refusals(texts, today),
            "channel_choices": [("", texts("today.pool"))]
            + [(one, self._channel(texts, one)) for one in order],
            "measures": [(one, texts.word("today.measure", one)) for one in _MEASURES],
            "currency": currencies[0] if currencies else "USD",
            "may_set": person.has_role(OPERATOR),
        }

    def _goal(self, texts: Texts, one: pb.GoalProgress) -> GoalLine:
        measure = pb.Measure.Name(one.goal.measure).removeprefix("MEASURE_")

        def said(value: int) -> str:
            if measure == "PROMISE_KEPT":
                return texts.percent(value / SHARE, 1)
            if measure == "REVENUE":
                return texts.money(value, one.goal.currency_code)
            return texts.number(value)

        unknown = one.state == pb.GOAL_STATE_UNSPECIFIED
        return GoalLine(
            self._channel(texts, one.goal.channel_id),
            texts.word("today.measure", measure),
            "–" if unknown else said(one.actual),
            said(one.goal.target),
            "" if measure == "PROMISE_KEPT" else said(one.expected_by_now),
            min(1.0, one.actual / one.goal.target),
            min(1.0, one.expected_by_now / one.goal.target),
            pb.GoalState.Name(one.state).removeprefix("GOAL_STATE_"),
            _TONES.get(one.state, ""),
        )


_MEASURES = ("ORDERS", "UNITS", "REVENUE", "PROMISE_KEPT")


@dataclass(frozen=True, slots=True)
class Row:
    """A channel's day."""

    channel_id: str
    orders: int = 0
    units: int = 0
    amount_minor: int = 0
    currency_code: str = ""
    kept: int = 0
    missed: int = 0
    overdue: int = 0


def _rows(today: pb.Today) -> list[Row]:
    promises = {one.channel_id: one for one in today.promises}
    rows: list[Row] = []
    for one in today.channels:
        promise = promises.pop(one.channel_id, pb.PromiseCount())
        rows.append(
            Row(
                one.channel_id,
                one.orders,
                one.units,
                one.amount_minor,
                one.currency_code,
                promise.kept,
                promise.missed,
                promise.overdue,
            )
        )
    rows += [
        Row(name, kept=one.kept, missed=one.missed, overdue=one.overdue) for name, one in promises.items()
    ]
    return sorted(rows, key=lambda row: (-row.orders, row.channel_id))


def _totals(today: pb.Today) -> dict[str, object]:
    orders = sum(one.orders for one in today.channels)
    refused = sum(one.refusals for one in today.refusals)
    kept = sum(one.kept for one in today.promises)
    due = kept + sum(one.missed + one.overdue for one in today.promises)
    revenue: dict[str, int] = {}
    for one in today.channels:
        if one.currency_code:
            revenue[one.currency_code] = revenue.get(one.currency_code, 0) + one.amount_minor
    return {
        "orders": orders,
        "revenue": revenue,
        "kept": kept,
        "due": due,
        "refused": refused,
        "refused_share": refused / (refused + orders) if refused else 0.0,
        "late": sum(one.late for one in today.backlog),
        "open": sum(one.open for one in today.backlog),
        "resourcings": sum(one.resourcings for one in today.resourced),
        "resourced_units": sum(one.units for one in today.resourced),
        "cancelled_units": sum(one.cancelled_units for one in today.channels),
    }


def _pace(today: pb.Today) -> float:
    """Orders a minute, over the last minutes and what has passed of the present one."""
    now = _moment(today.as_of)
    begin = now.replace(second=0, microsecond=0) - (PACE_MINUTES - 1) * MINUTE
    return sum(one.orders for one in today.minutes if begin <= _moment(one.time)) / ((now - begin) / MINUTE)


def _chart(
    today: pb.Today,
    counts: Sequence[tuple[pb.OrderCount, str]],
    order: Sequence[str],
    span: str,
) -> Chart:
    values = [(_moment(one.time), name, one.orders) for one, name in counts]
    if span == DAY_SPAN:
        zone = zone_of(today.time_zone)
        midnight = datetime.combine(date.fromisoformat(today.day), datetime.min.time(), zone)
        return stacked(values, first=midnight.astimezone(UTC), slots=24, slot=HOUR, order=order)
    last = _moment(today.as_of).replace(second=0, microsecond=0)
    return stacked(
        values,
        first=last - (WINDOW_MINUTES - 1) * MINUTE,
        slots=WINDOW_MINUTES,
        slot=MINUTE,
        order=order,
    )


def _clock(texts: Texts, today: pb.Today, span: str) -> Callable[[datetime], str]:
    """How moments of the charts are written: hours of the day are the retailer's, as the day is."""
    zone = zone_of(today.time_zone)
    return (lambda moment: f"{moment.astimezone(zone):%H:%M}") if span == DAY_SPAN else texts.clock


def _alarm(texts: Texts, one: pb.Alarm) -> AlarmLine:
    kind = pb.AlarmKind.Name(one.kind).removeprefix("ALARM_KIND_")
    facts: dict[str, object] = dict(one.facts)
    for name, value in one.facts.items():
        if value.isdecimal():
            facts[name] = texts.number(int(value))
    if "reason" in facts:
        facts["reason"] = texts.word("today.refusal", one.facts["reason"])
    if one.facts.get("oldest_due"):
        facts["oldest_due"] = texts.clock(datetime.fromisoformat(one.facts["oldest_due"]))
    key = f"today.alarm.{kind}"
    text = texts.filled(key, facts) if texts.has(key) else kind
    severity = pb.Severity.Name(one.severity).removeprefix("SEVERITY_")
    since = _moment(one.since_time) if one.HasField("since_time") else None
    return AlarmLine(one.alarm_id, severity, _SEVERITY_TONES.get(one.severity, "info"), text, since, one.link)


def _refusals(texts: Texts, today: pb.Today) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for one in today.refusals:
        found[one.reason] = found.get(one.reason, 0) + one.refusals
    return [
        (texts.word("today.refusal", reason), number)
        for reason, number in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]


def _title(texts: Texts, today: pb.Today) -> str:
    alarms = texts.count("today.title_alarms", len(today.alarms)) if today.alarms else ""
    return texts("today.title") + (f": {alarms}" if alarms else "")


def _target(text: str, measure: str, currency: str) -> int | None:
    """A target in the contract's unit: shares in ten-thousandths, revenue in minor units."""
    try:
        value = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    if not value.is_finite() or value < 0:
        return None
    factor = 1
    if measure == "PROMISE_KEPT":
        factor = SHARE // 100
    elif measure == "REVENUE":
        factor = 10 ** minor_digits(currency)
    return int(value * factor)


def _span(request: Request) -> str:
    return DAY_SPAN if request.query_params.get("span") == DAY_SPAN else HOUR_SPAN


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(UTC)
