"""``python -m tests.plants.child <plant> <module> …`` is ``python -m <module> …`` with a bug in it.

The only way to a planted process: it has to be asked for on the command line, with the tests at hand. No
variable of the environment and no setting of a service leads here.
"""

from __future__ import annotations

import runpy
import sys

import pytest

from tests.plants.garden import PLANTS


def main() -> None:
    """Plant, then become the module."""
    name, module, *arguments = sys.argv[1:]
    PLANTS[name].install(pytest.MonkeyPatch())
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
