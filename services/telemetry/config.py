"""Settings of the telemetry service."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from chassis.settings import ChassisSettings, SettingsError, split_listen


@dataclass(frozen=True, kw_only=True)
class Settings(ChassisSettings):
    """What every service can be told, where OTLP comes in, and how much is kept."""

    otlp_endpoint: str = field(default="", metadata={"env": "ALJIBE_TELEMETRY_OTLP_ENDPOINT"})
    """Where this service's own traces go. Not OTEL_EXPORTER_OTLP_ENDPOINT: that may be this service itself,
    and each span it stored would make another.
    """
    otlp_grpc_listen: str = "127.0.0.1:4317"
    otlp_http_listen: str = "127.0.0.1:4318"
    otlp_open: bool = False
    """Take OTLP without a token also on an address that other machines can reach."""
    trace_store: Path = Path("var/telemetry/traces.db")
    """The store's file; it is made when it is not there."""
    trace_max_spans: int = 500_000
    """Above so many the oldest traces go."""
    trace_max_bytes: int = 1 << 30
    """Above so many bytes in the file the oldest traces go."""
    ingest_queue_bytes: int = 16 << 20
    """Exports that wait to be stored; one more is refused with RESOURCE_EXHAUSTED or 429."""


def needs_token(settings: Settings, listen: str) -> bool:
    """Whether an OTLP port on `listen` asks for a token: when not only this machine's processes can reach it.

    Raises:
        SettingsError: `listen` is not `host:port`.
    """
    if settings.otlp_open:
        return False
    host, _ = split_listen(listen)
    return host != "localhost" and not _is_loopback(host)


def check(settings: Settings) -> None:
    """Refuse limits that leave no room.

    Raises:
        SettingsError: a limit is below what one export may bring.
    """
    if settings.trace_max_spans < 1:
        raise SettingsError("ALJIBE_TRACE_MAX_SPANS must be at least 1")
    if settings.trace_max_bytes < 1 << 20:
        raise SettingsError("ALJIBE_TRACE_MAX_BYTES must be at least 1048576")
    if settings.ingest_queue_bytes < settings.max_message_bytes:
        raise SettingsError("ALJIBE_INGEST_QUEUE_BYTES must be at least ALJIBE_MAX_MESSAGE_BYTES")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
