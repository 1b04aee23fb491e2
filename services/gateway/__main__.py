"""`python -m services.gateway serve`: the HTTP door.

`migrate` has nothing to do: the gateway owns no tables.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from chassis import http_door
from services.gateway.app import Gateway
from services.gateway.config import Settings

_USAGE = "usage: python -m services.gateway serve | migrate\n"


def _options(settings: Settings, gateway: Gateway) -> Mapping[str, Any]:
    return {"http": gateway.protocol, "date_header": False, "backlog": 4096}


def main(arguments: list[str], environ: dict[str, str]) -> int:
    """The command line; exit code 2 for wrong use."""
    return http_door.main(Settings, Gateway, _options, arguments, environ, _USAGE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))
