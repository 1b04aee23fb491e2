"""Setup takes another Python only where it is clearly faster, or where the one asked for cannot serve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools import interpreters, setup
from tools.interpreters import OLDEST, Interpreter, ask, choose, least_seconds, others_in

ROOT = Path(__file__).parents[2]


def python(
    path: Path,
    *,
    executable: Path | None = None,
    version: tuple[int, int, int] = (3, 11, 4),
    implementation: str = "cpython",
    abiflags: str = "",
    virtual: bool = False,
    missing: tuple[str, ...] = (),
    seconds: str = "0.010",
    exit_code: int = 0,
) -> Path:
    """A script at ``path`` that says this of itself and of the loop; being timed leaves a file beside it."""
    facts = {
        "executable": str(executable or path),
        "version": version,
        "implementation": implementation,
        "abiflags": abiflags,
        "virtual": virtual,
        "missing": missing,
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"""#!/bin/sh
        if [ "$2" = -c ]; then echo '{json.dumps(facts)}'; else touch '{path}.timed'; echo {seconds}; fi
        exit {exit_code}
        """
    )
    path.chmod(0o755)
    return path


def names(found: list[Interpreter]) -> list[str]:
    return [Path(interpreter.name).name for interpreter in found]


def test_two_names_of_one_binary_are_one(tmp_path: Path) -> None:
    """Debian's `python3` is a link to `python3.11`, and `/bin` may be a link to `/usr/bin`."""
    python(tmp_path / "usr" / "python3.11", executable=tmp_path / "usr" / "python3")
    (tmp_path / "usr" / "python3").symlink_to("python3.11")
    (tmp_path / "bin").symlink_to("usr")

    found = others_in([str(tmp_path / "usr"), str(tmp_path / "bin")])

    assert names(found) == ["python3"]


def test_a_shim_is_the_python_that_it_starts(tmp_path: Path) -> None:
    """pyenv's `python3` and `python3.11` are two scripts, and neither is the binary."""
    real = python(tmp_path / "versions" / "python3.11")
    python(tmp_path / "shims" / "python3", executable=real)
    python(tmp_path / "shims" / "python3.11", executable=real)
    folders = [str(tmp_path / "shims"), str(tmp_path / "versions")]

    found = others_in(folders)
    asked = ask(str(tmp_path / "shims" / "python3"))

    assert [interpreter.name for interpreter in found] == [str(real)]
    assert asked is not None
    assert others_in(folders, [asked]) == []


@pytest.mark.parametrize(
    "facts",
    [
        {"version": (3, 10, 13)},
        {"version": (3, 14, 0)},
        {"missing": ("ensurepip",)},
        {"virtual": True},
        {"implementation": "pypy"},
        {"abiflags": "t"},
        {"exit_code": 1},
    ],
    ids=str,
)
def test_who_cannot_serve_is_left_out(tmp_path: Path, facts: dict[str, object]) -> None:
    """The locks were not tried with it, or it makes no environment."""
    python(tmp_path / "python3", **facts)  # type: ignore[arg-type]
    python(tmp_path / "python3.12", version=(3, 12, 1))

    assert names(others_in([str(tmp_path)])) == ["python3.12"]


@pytest.mark.parametrize("answer", ["", "Python 3.11.4", "[]", '{"version": [3, 11, 4]}'])
def test_who_says_something_else_is_left_out(tmp_path: Path, answer: str) -> None:
    """A file of that name may be anything."""
    script = tmp_path / "python3"
    script.write_text(f"#!/bin/sh\necho '{answer}'\n")
    script.chmod(0o755)

    assert ask(str(script)) is None
    assert others_in([str(tmp_path)]) == []


def test_who_does_not_answer_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setup would wait for it for ever."""
    script = python(tmp_path / "python3")
    os.mkfifo(tmp_path / "nobody-writes")
    script.write_text(script.read_text().replace("if [", f"read line < '{tmp_path}/nobody-writes'\nif [", 1))
    monkeypatch.setattr(interpreters, "ANSWER_SECONDS", 0.2)

    assert others_in([str(tmp_path)]) == []


def test_a_clearly_faster_python_is_taken(tmp_path: Path) -> None:
    """The line names both and how to have the one asked for."""
    asked = python(tmp_path / "asked" / "python3", seconds="0.0120")
    fast = python(tmp_path / "other" / "python3", version=(3, 12, 2), seconds="0.0100")
    python(tmp_path / "other" / "python3.13", version=(3, 13, 0), seconds="0.0110")

    choice = choose(str(asked), [str(asked.parent), str(fast.parent)])

    assert choice.executable == str(fast)
    assert choice.reason == (
        f"{fast} (3.12.2) runs the same loop 1.20 times as fast as {asked} (3.11.4) and is used; "
        f"`make clean setup PYTHON={asked}` takes that one"
    )


def test_a_slightly_faster_python_is_not_taken(tmp_path: Path) -> None:
    """A person who installs a Python expects that one."""
    asked = python(tmp_path / "asked" / "python3", seconds="0.0114")
    other = python(tmp_path / "other" / "python3", version=(3, 12, 2), seconds="0.0100")

    choice = choose(str(asked), [str(other.parent)])

    assert choice.executable is None
    assert choice.reason == f"{asked} (3.11.4) is used; {other} (3.12.2) would not be 1.15 times as fast"


def test_where_there_is_no_choice_nothing_is_timed(tmp_path: Path) -> None:
    """Nobody waits for a figure that decides nothing."""
    asked = python(tmp_path / "python3")
    python(tmp_path / "python3.12", version=(3, 10, 1))

    choice = choose(str(asked), [str(tmp_path)])

    assert (choice.executable, choice.reason) == (None, "")
    assert not list(tmp_path.glob("*.timed"))


@pytest.mark.parametrize(
    ("facts", "lack"),
    [
        ({"version": (3, 9, 2)}, "{} (3.9.2) is too old"),
        ({"missing": ("_ssl", "zlib")}, "{} (3.11.4) has no ssl"),
        ({"exit_code": 1}, "{} is not there or does not run"),
    ],
    ids=str,
)
def test_another_serves_where_the_one_asked_for_cannot(
    tmp_path: Path, facts: dict[str, object], lack: str
) -> None:
    """However fast it is; with one other nothing needs to be timed."""
    asked = python(tmp_path / "asked" / "python3", seconds="0.001", **facts)  # type: ignore[arg-type]
    other = python(tmp_path / "other" / "python3.12", version=(3, 12, 1))

    choice = choose(str(asked), [str(asked.parent), str(other.parent)])

    assert choice.executable == str(other)
    assert choice.reason == f"{lack.format(asked)}; {other} (3.12.1) is used"
    assert not list(tmp_path.glob("*/*.timed"))


def test_the_least_time_of_each_counts(tmp_path: Path) -> None:
    """The machine's other work makes a turn longer, never shorter."""
    script = python(tmp_path / "python3")
    script.write_text(
        script.read_text().replace(
            "echo 0.010", f"echo x >> '{tmp_path}/turns'; echo 0.02$(wc -l < '{tmp_path}/turns')"
        )
    )
    steady = python(tmp_path / "python3.12", seconds="0.025")
    both = [ask(str(script)), ask(str(steady))]

    least = least_seconds([interpreter for interpreter in both if interpreter is not None])

    assert list(least.values()) == [0.021, 0.025]


def test_who_fails_while_timed_is_left_out(tmp_path: Path) -> None:
    """What cannot run a loop cannot run a service."""
    asked = python(tmp_path / "asked" / "python3", seconds="0.020")
    python(tmp_path / "other" / "python3", seconds="Segmentation")
    fast = python(tmp_path / "other" / "python3.12", version=(3, 12, 1), seconds="0.010")

    assert choose(str(asked), [str(fast.parent)]).executable == str(fast)


def test_a_real_python_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests would not notice a question that no Python understands."""
    monkeypatch.setattr(interpreters, "NEEDED", ("venv", "no_such_module"))

    found = ask(sys.executable)

    assert found is not None
    assert found.version == sys.version_info[:3]
    assert found.binary == os.path.realpath(sys.executable)
    assert found.common is (sys.prefix == sys.base_prefix)
    assert found.missing == ("no_such_module",)
    assert least_seconds([found])[found] > 0


def test_the_oldest_python_is_the_project_s() -> None:
    """pip refuses the project on an older one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["requires-python"] == f">={OLDEST[0]}.{OLDEST[1]}"


def test_an_environment_that_is_there_keeps_its_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New locks are installed into it; nobody asked for another."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").touch()
    monkeypatch.setattr(setup, "install", lambda folder: folder == tmp_path)
    monkeypatch.setattr(interpreters, "choose", lambda *_: pytest.fail("it chose"))
    monkeypatch.setattr(sys, "argv", ["setup", str(tmp_path), "--or-faster-than", "python3"])

    assert setup.main() == 0


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Make the environment in ``folder``, whose `bin` comes first on PATH, with no settings of this run."""
    for name in ("requirements/dev.lock", "requirements/installer.lock", "pyproject.toml", "tools/setup.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / ".venv").mkdir()
    command = ["make", "-f", str(ROOT / "Makefile"), ".venv/.aljibe-setup", *arguments]
    environment = {"PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def starter(path: Path, *, supported: bool) -> Path:
    """A Python for the Makefile, which asks for its version and then starts setup."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"""#!/bin/sh
        case $1 in
          -V) echo Python 3.9.2;;
          -c) exit {0 if supported else 1};;
          *) echo "${{0##*/}} $*";;
        esac
        """
    )
    path.chmod(0o755)
    return path


def test_setup_chooses_only_where_nobody_says_which_python(tmp_path: Path) -> None:
    """PYTHON=… is used as it is given."""
    starter(tmp_path / "bin" / "python3", supported=True)

    assert make(tmp_path, "PYTHON=python3").stdout == "python3 -m tools.setup .venv\n"
    (tmp_path / ".venv" / ".aljibe-setup").unlink()
    (tmp_path / ".venv").rmdir()
    assert make(tmp_path).stdout == "python3 -m tools.setup .venv --or-faster-than python3\n"


def test_a_python_of_another_name_starts_setup_where_python3_is_too_old(tmp_path: Path) -> None:
    """Setup then says which it takes."""
    starter(tmp_path / "bin" / "python3", supported=False)
    starter(tmp_path / "bin" / "python3.13", supported=True)

    assert make(tmp_path).stdout == "python3.13 -m tools.setup .venv --or-faster-than python3\n"


def test_a_python_that_was_asked_for_and_cannot_serve_is_named(tmp_path: Path) -> None:
    """One line says what is wrong, and nothing else is used in its place."""
    old = starter(tmp_path / "bin" / "old", supported=False)

    too_old = make(tmp_path, f"PYTHON={old}")
    (tmp_path / ".venv").rmdir()
    absent = make(tmp_path, "PYTHON=absent")

    assert too_old.returncode
    assert too_old.stdout == "setup: Python 3.9.2 is too old; Aljibe needs Python >= 3.11 (set PYTHON=…)\n"
    assert absent.returncode
    assert absent.stdout == "setup: absent is not there; install Python >= 3.11 or set PYTHON=…\n"
