"""Settings of the gateway."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.http_door import HttpSettings


@dataclass(frozen=True, kw_only=True)
class Settings(HttpSettings):
    """What the HTTP door can be told, besides what every service can."""

    service_name: str = "gateway"
    max_body_bytes: int = 1 << 20
    """Larger request bodies are refused with 413 before they are read whole."""
    cors_origins: tuple[str, ...] = ()
    """Origins that browsers may call from, comma-separated; `*` for any; empty: same origin only."""
    rate_limit_per_second: float = 5000.0
    """Requests a second per token (per address without one), in the mean; 0 switches the limit off."""
    rate_limit_burst: float = 10000.0
    """How many may come at once."""
    event_heartbeat_seconds: float = 15.0
    """A comment line on a silent event stream, so that proxies keep it open."""
    max_event_streams: int = 2000
    """Open server-sent event streams; one more is refused with 429."""
