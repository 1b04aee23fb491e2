"""Chooses which Python makes the virtual environment: the one asked for, or one that is clearly faster.

A Python built without profile-guided optimisation, as pyenv does by default, serves a tenth to a sixth fewer
orders than a distribution's (`docs/performance.md`). How one was built is not to be read off it (Debian's
says nothing of that), so each runs the same loop.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

OLDEST = (3, 11)
NEWEST = (3, 13)  # the newest that the locks were installed and run with
NAMES = ("python3", *(f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)))
USUAL_FOLDERS = ("/usr/local/bin", "/usr/bin")
# What packages and services import, and a Python that was built or packaged in parts may lack.
NEEDED = ("venv", "ensurepip", "_ctypes", "_sqlite3", "_ssl", "zlib")

TIMES_AS_FAST = 1.15  # a smaller gain is not worth another Python than the one asked for
TURNS = 5
TURNS_SECONDS = 1.0  # no further turn of all begins after that
ANSWER_SECONDS = 3.0

LOOP = Path(__file__).with_name("interpreter_loop.py")
# Without syntax or modules that an old Python lacks: it is to say how old it is.
FACTS = """
import importlib.util, json, sys
print(json.dumps({
    "executable": getattr(sys, "_base_executable", sys.executable),
    "version": sys.version_info[:3],
    "implementation": sys.implementation.name,
    "abiflags": getattr(sys, "abiflags", ""),
    "virtual": sys.prefix != sys.base_prefix,
    "missing": [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None],
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that answered, by its own words.

    ``executable`` is what starts it, without a shim or a virtual environment. ``common`` is false for those
    that the locks were not tried with: a virtual environment's, another implementation, no global lock.
    """

    name: str
    executable: str
    version: tuple[int, ...]
    common: bool
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({'.'.join(map(str, self.version))})"

    @property
    def binary(self) -> str:
        """One for all names of one Python."""
        return os.path.realpath(self.executable)


@dataclass(frozen=True)
class Choice:
    """What runs instead of the Python asked for (None: it stays), and a line that says why, or nothing."""

    executable: str | None
    reason: str


def choose(asked_name: str, folders: Iterable[str]) -> Choice:
    """Choose between the Python ``asked_name`` and those in ``folders``.

    Another is taken where the one asked for cannot serve, or is ``TIMES_AS_FAST`` slower. Nothing is timed
    where there is no choice.
    """
    asked = ask(asked_name)
    lack = _lack(asked, asked_name)
    rivals = others_in(folders, () if asked is None else (asked,))
    if asked is not None and not lack:
        rivals.insert(0, asked)
    least = least_seconds(rivals) if len(rivals) > 1 else dict.fromkeys(rivals, 0.0)
    if not least:
        return Choice(None, "")

    fastest = min(least, key=least.__getitem__)
    if asked is None or lack:
        return Choice(fastest.executable, f"{lack}; {fastest} is used")
    if asked not in least or len(least) == 1:
        return Choice(None, "")
    if least[asked] < TIMES_AS_FAST * least[fastest]:
        others = " and ".join(str(rival) for rival in least if rival != asked)
        return Choice(None, f"{asked} is used; {others} would not be {TIMES_AS_FAST} times as fast")
    ratio = least[asked] / least[fastest]
    return Choice(
        fastest.executable,
        f"{fastest} runs the same loop {ratio:.2f} times as fast as {asked} and is used; "
        f"`make clean setup PYTHON={asked_name}` takes that one",
    )


def search_path() -> list[str]:
    """The folders of PATH, and where a system keeps its own Python."""
    return [*filter(os.path.isabs, os.get_exec_path()), *USUAL_FOLDERS]


def ask(name: str) -> Interpreter | None:
    """What the Python ``name`` says of itself; None when it is not there, fails, or says nothing in time."""
    try:
        facts = json.loads(_answer(name, "-I", "-c", FACTS, *NEEDED))
        return Interpreter(
            name=name,
            executable=facts["executable"] or name,
            version=tuple(facts["version"]),
            common=facts["implementation"] == "cpython"
            and not facts["virtual"]
            and "t" not in facts["abiflags"],
            missing=tuple(facts["missing"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def others_in(folders: Iterable[str], known: Iterable[Interpreter] = ()) -> list[Interpreter]:
    """Each Python in ``folders`` that could serve, once whatever its names, without those ``known``."""
    paths = [Path(folder, name) for folder in dict.fromkeys(folders) for name in NAMES]
    # The first path of each file: `/bin` is often a link to `/usr/bin`, and each question starts a process.
    files = {os.path.realpath(path): str(path) for path in reversed(paths) if os.access(path, os.X_OK)}
    with ThreadPoolExecutor(max_workers=4) as pool:
        answered = [found for found in pool.map(ask, reversed(files.values())) if found is not None]
    seen = {interpreter.binary for interpreter in known}
    found = []
    for interpreter in answered:
        fits = interpreter.common and OLDEST <= interpreter.version[:2] <= NEWEST and not interpreter.missing
        if fits and interpreter.binary not in seen:
            seen.add(interpreter.binary)
            # What a shim starts depends on the shell, so the binary is named.
            found.append(replace(interpreter, name=interpreter.executable))
    return found


def least_seconds(interpreters: Sequence[Interpreter]) -> dict[Interpreter, float]:
    """The least time that each took for the loop, in seconds; one that fails is left out.

    They take turns, and the least time counts, since others use the machine too.
    """
    least = dict.fromkeys(interpreters, float("inf"))
    ends = time.monotonic() + TURNS_SECONDS
    for _ in range(TURNS):
        for interpreter in tuple(least):
            try:
                seconds = float(_answer(interpreter.executable, "-I", str(LOOP)))
            except ValueError:
                del least[interpreter]
            else:
                least[interpreter] = min(least[interpreter], seconds)
        if time.monotonic() > ends:
            break
    return least


def _lack(asked: Interpreter | None, name: str) -> str:
    """Why the Python asked for cannot serve; empty when it can."""
    if asked is None:
        return f"{name} is not there or does not run"
    if asked.version[:2] < OLDEST:
        return f"{asked} is too old"
    if asked.missing:
        return f"{asked} has no {asked.missing[0].lstrip('_')}"
    return ""


def _answer(*command: str) -> str:
    """What ``command`` prints; nothing where it cannot be started, fails, or takes too long."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
            timeout=ANSWER_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
