"""Settings of inventory."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.settings import ChassisSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ChassisSettings):
    """What inventory can be told beside what every service can."""

    expiry_interval_seconds: float = 1.0
    """How often held reservations whose time is over are looked for."""
    location_refresh_seconds: float = 2.0
    """How soon this process notices that another one opened or closed a location."""
