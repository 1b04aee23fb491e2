"""`python -m services.console serve`: the pages for people. `migrate` has nothing to do: no tables.

`python -m services.console password` reads a password from standard input and prints its hash for the
accounts file.
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
from services.console.app import ConsoleApp
from services.console.config import Settings

_USAGE = "usage: python -m services.console serve | migrate | password\n"


class _DrainingServer(uvicorn.Server):
    """Tells the console to end its live streams as soon as the process is asked to stop."""

    def __init__(self, config: uvicorn.Config, console: ConsoleApp) -> None:
        super().__init__(config)
        self._console = console

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._console.drain()
        super().handle_exit(sig, frame)


async def _serve(settings: Settings) -> None:
    console = ConsoleApp(settings)
    host, port = split_listen(settings.http_listen)
    config = uvicorn.Config(
        console.app,
        host=host,
        port=port,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )
    spare_the_collector()
    try:
        await _DrainingServer(config, console).serve()
    finally:
        await console.close()


def main(arguments: list[str], environ: dict[str, str]) -> int:
    """The command line; exit code 2 for wrong use."""
    if arguments == ["migrate"]:
        return 0
    if arguments == ["password"]:
        sys.stdout.write(ConsoleApp.hash_password(sys.stdin.readline().rstrip("\n")) + "\n")
        return 0
    if arguments != ["serve"]:
        sys.stderr.write(_USAGE)
        return 2
    try:
        settings = read(Settings, environ)
        opened = telemetry.setup(settings)
    except SettingsError as error:
        sys.stderr.write(f"console: {error}\n")
        return 2
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(_serve(settings))
    except SettingsError as error:
        sys.stderr.write(f"console: {error}\n")
        return 2
    finally:
        opened.close()
    return 0


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))
