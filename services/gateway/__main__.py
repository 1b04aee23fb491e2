"""`python -m services.gateway serve`: the HTTP door.

`migrate` has nothing to do: the gateway owns no tables.
"""

from __future__ import annotations

import asyncio
import os
import sys
from types import FrameType

import uvicorn

from chassis import telemetry
from chassis.server import spare_the_collector
from chassis.settings import SettingsError, read, split_listen
from services.gateway.app import Gateway
from services.gateway.config import Settings


class _DrainingServer(uvicorn.Server):
    """Tells the gateway to end its event streams as soon as the process is asked to stop."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._gateway.drain()
        super().handle_exit(sig, frame)


async def _serve(settings: Settings) -> None:
    gateway = Gateway(settings)
    host, port = split_listen(settings.http_listen)
    config = uvicorn.Config(
        gateway.app,
        host=host,
        port=port,
        http=gateway.protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=4096,
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )
    spare_the_collector()
    try:
        await _DrainingServer(config, gateway).serve()
    finally:
        await gateway.close()


def main(arguments: list[str], environ: dict[str, str]) -> int:
    """The command line; exit code 2 for wrong use."""
    if arguments == ["migrate"]:
        return 0
    if arguments != ["serve"]:
        sys.stderr.write("usage: python -m services.gateway serve | migrate\n")
        return 2
    try:
        settings = read(Settings, environ)
        opened = telemetry.setup(settings)
    except SettingsError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 2
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(_serve(settings))
    finally:
        opened.close()
    return 0


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))
