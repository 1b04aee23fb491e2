"""Reports of simulations in the data folder, where the operations pages show them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cli.local.machine import make_folder

FOLDER = "reports"
_MAX_NAME_LENGTH = 80
_UNSAFE = re.compile(r"[^a-z0-9]+")


def keep(data: Path, names: Sequence[str], text: str) -> Path:
    """Write ``text`` into the ``reports`` of the data folder and return the new file: its name begins with
    the moment (UTC) and goes on with the ``names`` of what was compared. Raises OSError.
    """
    folder = data / FOLDER
    make_folder(folder)
    told = _UNSAFE.sub("-", "-".join(names).lower()).strip("-")[:_MAX_NAME_LENGTH].strip("-")
    file = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{told or 'simulation'}.html"
    file.write_text(text, encoding="utf-8")
    return file
