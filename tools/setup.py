"""Makes the virtual environment: locked packages, checked by their hashes, and this project, editable.

The Python that makes it is the one that runs this, or a faster one (`tools.interpreters`).

uv installs the set in a sixth of pip's time, so pip first fetches uv (its hash is locked too). uv does not
read pip's settings; where it cannot reach the registry (a private mirror in pip.conf) pip does all of it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

from tools import interpreters

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "dev.lock"
INSTALLER_LOCK = ROOT / "requirements" / "installer.lock"
LOCKED = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]


def say(text: str) -> None:
    """Tell the person what happens now."""
    print(f"setup: {text}", flush=True)


def succeeds(*command: str | Path) -> bool:
    """Run ``command``; its output is shown only when it fails."""
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print("\n".join((done.stdout + done.stderr).strip().splitlines()[-15:]), file=sys.stderr)
    return done.returncode == 0


def install(folder: Path) -> bool:
    """Install the locked packages and the project into the environment ``folder``."""
    python = folder / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "install", "-q", "--no-compile"]
    uv: list[str | Path] = [folder / "bin" / "uv", "pip", "install", "-q", "--no-config", "--python", python]
    editable = ["--no-build-isolation", "--no-deps", "--editable", str(ROOT)]
    count = sum("==" in line for line in LOCK.read_text().splitlines())

    if succeeds(*pip, *LOCKED, "-r", INSTALLER_LOCK):
        say(f"installing {count} packages with uv; a first download takes about 15 s")
        if succeeds(*uv, *LOCKED, "-r", LOCK):
            return succeeds(*uv, *editable)
    say(f"installing {count} packages with pip; this takes a minute or two")
    return succeeds(*pip, *LOCKED, "-r", LOCK) and succeeds(*pip, *editable)


def main() -> int:
    """Make or refresh the environment; 0 when all is installed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.setup", description="Make the virtual environment."
    )
    parser.add_argument("folder", nargs="?", default=".venv")
    parser.add_argument("--or-faster-than", metavar="PYTHON", help="make it with a faster Python than this")
    arguments = parser.parse_args()
    folder = ROOT / arguments.folder
    started = time.monotonic()
    if not (folder / "bin" / "pip").exists():
        if arguments.or_faster_than:
            choice = interpreters.choose(arguments.or_faster_than, interpreters.search_path())
            if choice.reason:
                say(choice.reason)
            if choice.executable:
                os.chdir(ROOT)
                os.execv(choice.executable, [choice.executable, "-m", "tools.setup", arguments.folder])  # noqa: S606  (no shell)
        if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
            say("this Python has no venv module; install it (Debian and Ubuntu: apt install python3-venv)")
            return 1
        say(f"making {folder.name} with Python {sys.version.split()[0]}")
        venv.create(folder, with_pip=True, clear=folder.exists(), symlinks=os.name != "nt")
    if not install(folder):
        say("the packages could not be installed; the lines above say why")
        return 1
    say(f"ready in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
