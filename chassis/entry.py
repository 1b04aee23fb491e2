"""The command line of a service with a database: `python -m services.<service> serve | migrate`.

It loads only what its command needs: a migration starts in a fraction of the time of a service, and all
services migrate whenever the platform starts.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Mapping, Sequence

from chassis.settings import ChassisSettings, SettingsError, read

EXIT_SETTINGS = 2


def main(
    name: str,
    *,
    app: str,
    migrations: str,
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Run `serve` or `migrate` of the service `name`, and exit: 0 when all went well, 2 for settings, 1 for a
    crash. `app` is the module that has its `definition`, `migrations` the package of its `NNNN_name.sql`.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{name}", description=f"The {name} service of Aljibe."
    )
    parser.add_argument(
        "command",
        choices=["serve", "migrate"],
        help="serve until SIGTERM, or bring the schema up to date and end",
    )
    command = parser.parse_args(arguments).command
    given = os.environ if environ is None else environ
    if command == "serve":
        from chassis import run

        run.main(importlib.import_module(app).definition, ["serve"], given)
        return
    try:
        _migrate(name, migrations, given)
    except SettingsError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(EXIT_SETTINGS)


def _migrate(name: str, package: str, environ: Mapping[str, str]) -> None:
    from chassis import migrations, telemetry

    settings = read(ChassisSettings, {"ALJIBE_SERVICE_NAME": name, **environ})
    telemetry.setup_logs(name, settings.log_level)
    asyncio.run(migrations.migrate_service(settings, name, package))
