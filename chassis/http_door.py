"""Runs a service whose door is HTTP and that owns no tables: settings, telemetry, uvicorn, drain."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol, TypeVar

import uvicorn
import uvloop

from chassis import telemetry
from chassis.server import spare_the_collector
from chassis.settings import ChassisSettings, SettingsError, read, split_listen


@dataclass(frozen=True, kw_only=True)
class HttpSettings(ChassisSettings):
    """What such a service can be told, besides what every service can."""

    http_listen: str = "127.0.0.1:8080"


class HttpDoor(Protocol):
    """What answers."""

    @property
    def app(self) -> Any:
        """The ASGI application."""

    def drain(self) -> None:
        """End the open event streams; their clients connect again elsewhere."""

    async def close(self) -> None:
        """Close the channels to other services."""


S = TypeVar("S", bound=HttpSettings)
D = TypeVar("D", bound=HttpDoor)


class _DrainingServer(uvicorn.Server):
    """Ends the door's event streams as soon as the process is asked to stop."""

    def __init__(self, config: uvicorn.Config, door: HttpDoor) -> None:
        super().__init__(config)
        self._door = door

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._door.drain()
        super().handle_exit(sig, frame)


def main(
    settings: type[S],
    build: Callable[[S], D],
    options: Callable[[S, D], Mapping[str, Any]],
    arguments: Sequence[str],
    environ: Mapping[str, str],
    usage: str,
) -> int:
    """Run `serve` or `migrate`, which has nothing to do here. `options` are uvicorn's own for the door. Gives
    the exit code: 2 for wrong use and for settings that make no sense.
    """
    if list(arguments) == ["migrate"]:
        return 0
    if list(arguments) != ["serve"]:
        sys.stderr.write(usage)
        return 2
    name = settings.service_name
    try:
        told = read(settings, environ)
        opened = telemetry.setup(told)
    except SettingsError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(told, build, options))
    except SettingsError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2
    finally:
        opened.close()
    return 0


async def _serve(settings: S, build: Callable[[S], D], options: Callable[[S, D], Mapping[str, Any]]) -> None:
    door = build(settings)
    host, port = split_listen(settings.http_listen)
    config = uvicorn.Config(
        door.app,
        host=host,
        port=port,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        **options(settings, door),
    )
    spare_the_collector()
    try:
        await _DrainingServer(config, door).serve()
    finally:
        await door.close()
