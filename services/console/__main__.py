"""`python -m services.console serve`: the pages for people. `migrate` has nothing to do: no tables.

`python -m services.console password` reads a password from standard input and prints its hash for the
accounts file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from chassis import http_door
from services.console.app import ConsoleApp
from services.console.config import Settings

_USAGE = "usage: python -m services.console serve | migrate | password\n"


def _options(settings: Settings, console: ConsoleApp) -> Mapping[str, Any]:
    return {"proxy_headers": True, "forwarded_allow_ips": settings.trusted_proxies}


def main(arguments: list[str], environ: dict[str, str]) -> int:
    """The command line; exit code 2 for wrong use."""
    if arguments == ["password"]:
        sys.stdout.write(ConsoleApp.hash_password(sys.stdin.readline().rstrip("\n")) + "\n")
        return 0
    return http_door.main(Settings, ConsoleApp, _options, arguments, environ, _USAGE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))
