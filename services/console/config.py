"""Settings of the console."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chassis.http_door import HttpSettings


@dataclass(frozen=True, kw_only=True)
class Settings(HttpSettings):
    """What the pages for people can be told, besides what every service can."""

    service_name: str = "console"
    http_listen: str = "127.0.0.1:8081"
    telemetry_address: str = ""
    """gRPC address of the trace store; empty: pages say that there are no traces here."""
    insights_address: str = ""
    token_key_file: Path | None = None
    """JWK with the private key that people's tokens are signed with. Needed."""
    development_accounts: bool = False
    """One account per role, without passwords: for a platform on one's own machine only."""
    accounts_file: Path | None = None
    """JSON with the accounts and the scrypt hashes of their passwords; re-read when it changes."""
    reports_folder: Path | None = None
    """Where `aljibe simulate` keeps its reports; empty: the pages show none."""
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Names that the pages answer to, without port; `*` for any (never with development accounts)."""
    trusted_proxies: str = "127.0.0.1"
    """Addresses whose X-Forwarded-For and X-Forwarded-Proto count, comma-separated."""
    session_idle_seconds: int = 2 * 3600
    """A session without a request or an open page for so long has ended."""
    session_max_seconds: int = 12 * 3600
    """And any session after so long."""
    sign_in_attempts_per_minute: int = 10
    """Wrong passwords per address; more are refused with 429 until the minute is over."""
    max_body_bytes: int = 1 << 20
    max_event_streams: int = 1000
    """Open live pages; one more shows its page without live news."""
    event_heartbeat_seconds: float = 10.0
    event_stream_seconds: float = 900.0
    """A live stream is ended after so long; the page opens the next one by itself."""
