"""Settings of fulfillment, each an `ALJIBE_…` variable."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.settings import ChassisSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ChassisSettings):
    """What fulfillment can be told beyond what every service can."""

    expiry_sweep_seconds: float = 1.0
    """How often pickups past their time are looked for; at least 0.05."""
    collect_within_seconds: int = 604_800
    """How long a pickup waits when the associate does not say: 7 days."""
    least_collect_seconds: int = 60
    """The shortest wait that an associate may choose."""

    def __post_init__(self) -> None:
        """Refuse what would make the sweep a busy loop or a pickup expire at once."""
        if self.expiry_sweep_seconds < 0.05:
            raise ValueError("ALJIBE_EXPIRY_SWEEP_SECONDS must be at least 0.05")
        if not 1 <= self.least_collect_seconds <= self.collect_within_seconds:
            raise ValueError("ALJIBE_LEAST_COLLECT_SECONDS must be from 1 to ALJIBE_COLLECT_WITHIN_SECONDS")
