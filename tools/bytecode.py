"""Compiles what the platform's processes import, so that their first start is as quick as the later ones.

Nine processes start at once and would each compile the same thousand files. What only the tests and linters
use is left to them.
"""

from __future__ import annotations

import compileall
import importlib.metadata
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("chassis", "pricing", "services", "simulation", "cli", "demo", "gen")
LOCAL = ("httpcore", "httpx", "psutil", "rich", "typer")
"""What the `aljibe` command needs besides."""


def packages() -> list[str]:
    """The names of the packages that services and the command run on."""
    lock = (ROOT / "requirements" / "runtime.lock").read_text()
    return [*re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE), *LOCAL]


def folders(name: str) -> set[Path]:
    """The top folders of an installed package; none for one that this machine does not need."""
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return set()
    tops = {file.parts[0] for file in found.files or () if file.suffix == ".py" and len(file.parts) > 1}
    return {Path(str(found.locate_file(top))) for top in tops if top != ".."}


def main() -> int:
    """Compile everything that is not compiled yet; 0, since a file that cannot be compiled is skipped."""
    wanted = [ROOT / name for name in OURS]
    wanted += sorted({folder for name in packages() for folder in folders(name)})
    for folder in wanted:
        compileall.compile_dir(folder, quiet=2, workers=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
