"""Settings of insights, each an `ALJIBE_…` variable."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chassis.settings import ChassisSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ChassisSettings):
    """What insights can be told beyond what every service can."""

    retailer_time_zone: str = ""
    """IANA zone whose midnight begins the day; empty: that of the first warehouse by id, UTC without one."""
    watch_seconds: float = 0.5
    """How often a watched day is looked at; what changed is told at most once a second. At least 0.05."""
    alarm_seconds: float = 5.0
    """How often the other services are asked how they are; at least 0.1."""
    minute_retention_days: int = 3
    """How long counts per minute are kept; at least 2, so that today and yesterday are whole in any zone."""
    hour_retention_days: int = 90
    """How long counts per hour are kept; at least 8, so that a weekday has one before it."""
    history_weeks: int = 4
    """Over how many weeks back the same weekday says what share of a day has passed by now; 1 to 12."""
    late_backlog_warning: int = 1
    """From how many late shares of orders a location has an alarm."""
    late_backlog_critical: int = 20
    """From how many the alarm is critical."""
    refusal_share_percent: int = 10
    """From which share of orders refused in 15 minutes there is an alarm; critical at three times that."""
    refusal_least: int = 10
    """Fewer refusals than this within 15 minutes are no alarm, whatever their share."""
    outbox_lag_seconds: float = 10.0
    """From which age of an event that is not published there is an alarm; critical at six times that."""
    consumer_lag_messages: int = 2_000
    """From how many messages that wait for a consumer there is an alarm; critical at ten times that."""
    replica_stale_seconds: float = 5.0
    """From which silence a copy of availability counts as stale; its authority is heard every second."""
    neighbours: tuple[str, ...] = ("catalog", "inventory", "orders", "fulfillment", "insights")
    """The services that are asked; those without an address are left out."""

    def __post_init__(self) -> None:
        """Refuse what would make a loop busy or a day incomplete."""
        if self.watch_seconds < 0.05 or self.alarm_seconds < 0.1:
            raise ValueError("ALJIBE_WATCH_SECONDS must be at least 0.05, ALJIBE_ALARM_SECONDS at least 0.1")
        if self.minute_retention_days < 2 or self.hour_retention_days < 8:
            raise ValueError(
                "ALJIBE_MINUTE_RETENTION_DAYS must be at least 2, ALJIBE_HOUR_RETENTION_DAYS at least 8"
            )
        if not 1 <= self.history_weeks <= 12:
            raise ValueError("ALJIBE_HISTORY_WEEKS must be from 1 to 12")
        if self.retailer_time_zone:
            try:
                ZoneInfo(self.retailer_time_zone)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError("ALJIBE_RETAILER_TIME_ZONE must be an IANA time zone") from error
