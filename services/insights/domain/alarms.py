"""What needs a person: rules over what the services say of themselves and what the day has counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

WINDOW = timedelta(minutes=15)
"""Over which refusals and broken promises are looked at."""
OVERSELL_WARNING_UNITS = 10


class Severity(IntEnum):
    """The numbers are the contract's."""

    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


class Kind(StrEnum):
    """What an alarm is about, as the contract names it."""

    AUDIT_DIFFERENCE = "AUDIT_DIFFERENCE"
    OVERSELL = "OVERSELL"
    DEAD_LETTERS = "DEAD_LETTERS"
    OUTBOX_LAG = "OUTBOX_LAG"
    CONSUMER_LAG = "CONSUMER_LAG"
    REPLICA_STALE = "REPLICA_STALE"
    SERVICE_AWAY = "SERVICE_AWAY"
    LATE_BACKLOG = "LATE_BACKLOG"
    REFUSALS = "REFUSALS"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person should know or do."""

    kind: Kind
    severity: Severity
    link: str
    facts: Mapping[str, str]
    subject: str = ""
    """What tells it from others of its kind."""
    since: datetime | None = None
    """When it began, where that is known; else it began when it is first seen."""

    @property
    def alarm_id(self) -> str:
        """Names it as long as it lasts."""
        return f"{self.kind}:{self.subject}" if self.subject else str(self.kind)


@dataclass(frozen=True, slots=True)
class Limits:
    """From where something is an alarm; see the settings of the same names."""

    late_backlog_warning: int
    late_backlog_critical: int
    refusal_share_percent: int
    refusal_least: int
    outbox_lag_seconds: float
    consumer_lag_messages: int
    replica_stale_seconds: float


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What a service says of its bus; `away`: it says nothing."""

    service: str
    away: bool = False
    dead_letters: int = 0
    unpublished: int = 0
    oldest_unpublished_seconds: float = 0.0
    consumers: Mapping[str, int] = field(default_factory=dict)
    """Messages that wait, by consumer."""
    quiet_seconds: Mapping[str, float] = field(default_factory=dict)
    """Since its authority was last heard, by replica."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Work of one location that is not done."""

    location_id: str
    location_name: str
    open: int = 0
    late: int = 0
    oldest_due_time: datetime | None = None
    units: int = 0
    ready: int = 0


@dataclass(frozen=True, slots=True)
class Recent:
    """What was counted within the window."""

    orders: int = 0
    refusals: Mapping[str, int] = field(default_factory=dict)
    displaced: int = 0
    displaced_units: int = 0
    displaced_since: datetime | None = None


def alarms_of(
    limits: Limits,
    neighbours: Sequence[Neighbour],
    audit_differences: int,
    backlog: Iterable[Backlog],
    recent: Recent,
) -> list[Alarm]:
    """Everything that is an alarm now."""
    found = [alarm for one in neighbours for alarm in _of_neighbour(limits, one)]
    if audit_differences:
        facts = {"differences": str(audit_differences)}
        found.append(Alarm(Kind.AUDIT_DIFFERENCE, Severity.CRITICAL, "/stock", facts))
    found += (alarm for one in backlog if (alarm := _of_backlog(limits, one)) is not None)
    found += _of_recent(limits, recent)
    return found


def _of_neighbour(limits: Limits, one: Neighbour) -> Iterator[Alarm]:
    link, named = f"/bus?service={one.service}", {"service": one.service}
    if one.away:
        yield Alarm(Kind.SERVICE_AWAY, Severity.CRITICAL, link, named, one.service)
        return
    if one.dead_letters:
        facts = {**named, "messages": str(one.dead_letters)}
        yield Alarm(Kind.DEAD_LETTERS, Severity.WARNING, link, facts, one.service)
    if one.oldest_unpublished_seconds >= limits.outbox_lag_seconds:
        bad = one.oldest_unpublished_seconds >= 6 * limits.outbox_lag_seconds
        facts = {
            **named,
            "events": str(one.unpublished),
            "seconds": str(int(one.oldest_unpublished_seconds)),
        }
        yield Alarm(Kind.OUTBOX_LAG, _worse(bad), link, facts, one.service)
    for consumer, messages in one.consumers.items():
        if messages >= limits.consumer_lag_messages:
            facts = {**named, "consumer": consumer, "messages": str(messages)}
            bad = messages >= 10 * limits.consumer_lag_messages
            yield Alarm(Kind.CONSUMER_LAG, _worse(bad), link, facts, consumer)
    for replica, seconds in one.quiet_seconds.items():
        if seconds >= limits.replica_stale_seconds:
            facts = {**named, "seconds": str(int(seconds))}
            yield Alarm(Kind.REPLICA_STALE, Severity.WARNING, link, facts, f"{one.service}/{replica}")


def _of_backlog(limits: Limits, one: Backlog) -> Alarm | None:
    if one.late < max(1, limits.late_backlog_warning):
        return None
    facts = {
        "location_id": one.location_id,
        "location_name": one.location_name or one.location_id,
        "late": str(one.late),
        "oldest_due": one.oldest_due_time.isoformat() if one.oldest_due_time else "",
    }
    bad = one.late >= limits.late_backlog_critical
    link = f"/store?location={one.location_id}"
    return Alarm(Kind.LATE_BACKLOG, _worse(bad), link, facts, one.location_id, one.oldest_due_time)


def _of_recent(limits: Limits, recent: Recent) -> Iterator[Alarm]:
    minutes = str(int(WINDOW.total_seconds() // 60))
    if recent.displaced_units:
        facts = {
            "units": str(recent.displaced_units),
            "orders": str(recent.displaced),
            "window_minutes": minutes,
        }
        severity = Severity.WARNING if recent.displaced_units >= OVERSELL_WARNING_UNITS else Severity.NOTICE
        yield Alarm(Kind.OVERSELL, severity, "/stock", facts, since=recent.displaced_since)
    refused = sum(recent.refusals.values())
    if refused and refused >= limits.refusal_least:
        placed = refused + recent.orders
        percent = 100 * refused / placed
        if percent >= limits.refusal_share_percent:
            facts = {
                "share_percent": str(round(percent)),
                "refused": str(refused),
                "placed": str(placed),
                "reason": max(sorted(recent.refusals), key=lambda reason: recent.refusals[reason]),
                "window_minutes": minutes,
            }
            bad = percent >= 3 * limits.refusal_share_percent
            yield Alarm(Kind.REFUSALS, _worse(bad), "/today#refusals", facts)


def _worse(bad: bool) -> Severity:
    return Severity.CRITICAL if bad else Severity.WARNING
