"""``python -m tests.plants [name …]``: plant bugs and demand that their tests fail (``make plants``)."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.plants.garden import PLANTS

ROOT = Path(__file__).parents[2]


def command(names: Sequence[str], *, healthy_too: bool, tally: str = "") -> list[str]:
    """The pytest run that shows these plants being caught."""
    tests = sorted({test.partition("[")[0] for name in names for test in PLANTS[name].caught_by})
    chosen = [f"--plants={','.join(names)}", *(["--healthy-too"] if healthy_too else [])]
    chosen += [f"--tally={tally}"] if tally else []
    quiet = ["-q", "--no-header", "-r", "fEX", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return [sys.executable, "-m", "pytest", "-p", "tests.plants.plugin", *chosen, *quiet, *tests]


def main() -> None:
    """Run, and end as pytest does: 0 when every plant was caught."""
    parser = argparse.ArgumentParser(prog="make plants", description=__doc__)
    parser.add_argument("names", nargs="*", help="plants; all of them unless told")
    parser.add_argument("--fast", action="store_true", help="only those whose tests need a second or two")
    parser.add_argument("--tally", default="", metavar="FILE", help="add up several runs in a file")
    parser.add_argument("--list", action="store_true", help="name them, with their mistakes, and end")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - PLANTS.keys())
    if unknown:
        parser.error(f"no plant is named {', '.join(unknown)}; there are {', '.join(PLANTS)}")
    names = [name for name in given.names or PLANTS if PLANTS[name].fast or not given.fast]
    if given.list:
        for name in names:
            print(f"{name:36} {PLANTS[name].mistake}")  # noqa: T201
        return
    run = command(names, healthy_too=not given.fast, tally=given.tally)
    sys.exit(subprocess.run(run, cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
