"""`aljibe up`: the whole platform on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import typer
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.doors import minter_of
from cli.local.happening import Happening
from cli.session import INTERRUPTED, Session, command
from cli.token import duration

if TYPE_CHECKING:
    from cli.local.platform import Platform

SAMPLE_CHANNEL = "web"
SAMPLE_TTL = "8h"
_SAMPLES = (
    "aljibe order list",
    "aljibe audit",
    "aljibe bus",
    f"export TOKEN=$(aljibe token --role channel --channel {SAMPLE_CHANNEL})",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "up", remote=False)(_up)


async def _up(session: Session) -> int:
    # Imported here: what starts servers is heavy, and every other command can do without.
    from cli.local.platform import Platform
    from cli.local.signals import EndSignals

    began = time.monotonic()
    texts = session.texts

    def say(happening: Happening) -> None:
        session.note(f"  {texts(f'up.{happening.kind}', **happening.facts)}")

    session.note(texts("up.starting", data=session.wanted_data))
    platform = Platform(session.wanted_data, fixed_ports=True, gives_way=True, say=say)
    with EndSignals() as signals:
        try:
            with signals.cancelling():
                await platform.start()
        except asyncio.CancelledError:
            session.note(texts("up.interrupted"))
            return INTERRUPTED
        _tell_ready(session, platform, time.monotonic() - began)
        await platform.run_until(signals)
    session.note(texts("up.stopped"))
    return 0


def _tell_ready(session: Session, platform: Platform, seconds: float) -> None:
    session.document(
        {
            "readySeconds": round(seconds, 3),
            "data": str(platform.data),
            "http": platform.addresses.http,
            "docs": f"{platform.addresses.http}/docs",
            "grpc": dict(platform.addresses.grpc),
            "metrics": dict(platform.addresses.metrics),
            "otlp": dict(platform.addresses.otlp),
            "console": platform.addresses.console,
        }
    )
    session.show(*_welcome(session, platform, seconds))


def _welcome(session: Session, platform: Platform, seconds: float) -> list[RenderableType]:
    texts, http = session.texts, platform.addresses.http
    doors = Table.grid(padding=(0, 2))
    doors.add_column(style="bold")
    doors.add_column(style="cyan", no_wrap=True)
    if platform.addresses.console:
        doors.add_row(texts("up.pages"), platform.addresses.console)
    doors.add_row(texts("up.docs"), f"{http}/docs")
    doors.add_row("REST", f"{http}/v1/…")
    doors.add_row("OpenAPI", f"{http}/openapi.json")
    for name, address in platform.addresses.grpc.items():
        doors.add_row(f"gRPC {name}", address)
    doors.add_row(
        texts("up.metrics"),
        "\n".join(
            f"http://{address}/metrics  ({name})" for name, address in platform.addresses.metrics.items()
        ),
    )
    for form, address in platform.addresses.otlp.items():
        doors.add_row(f"OTLP {form}", address)
    doors.add_row("NATS", platform.nats_url.rpartition("@")[2])
    doors.add_row(texts("up.logs"), str(platform.data / "log"))
    token = minter_of(session).mint("developer", ["channel"], [SAMPLE_CHANNEL], ["*"], duration(SAMPLE_TTL))
    lines = [
        *_SAMPLES,
        f'curl -H "Authorization: Bearer $TOKEN" "{http}/v1/orders?channelId={SAMPLE_CHANNEL}"',
    ]
    if str(session.wanted_data) != "var":
        lines.insert(0, f"export ALJIBE_DATA={session.wanted_data}")
    return [
        Panel(doors, title=texts("up.ready", seconds=f"{seconds:.1f}"), border_style="green", expand=False),
        Text(texts("up.try"), style="bold"),
        *(f"  {line}" for line in lines),
        Text(texts("up.token", channel=SAMPLE_CHANNEL, ttl=SAMPLE_TTL), style="bold"),
        token,
        texts("up.stop"),
    ]
