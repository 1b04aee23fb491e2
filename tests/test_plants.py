"""Planted bugs are caught by the tests that claim to, and cannot get into production.

The quick ones run here; ``make plants`` runs all of them, and the same tests without a plant.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.plants.__main__ import command
from tests.plants.garden import PLANTS
from tests.plants.planting import DoesNotFit, edit, with_plant

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(600)
def test_every_quick_plant_is_caught() -> None:
    """A suite that passes with a bug in the code has a hole; each plant must turn its tests red."""
    quick = [name for name, plant in PLANTS.items() if plant.fast]

    shown = subprocess.run(
        command(quick, healthy_too=False), cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert shown.returncode == 0, shown.stdout[-6000:] + shown.stderr[-2000:]
    assert f"{len(quick)} of {len(quick)} caught" in shown.stdout


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_every_plant_fits_the_code_and_leaves_it_as_it_was(name: str) -> None:
    """A plant whose line has changed would show nothing: it says so."""
    with pytest.MonkeyPatch.context() as patch:
        PLANTS[name].install(patch)
    with pytest.MonkeyPatch.context() as patch:
        PLANTS[name].install(patch)


def test_a_plant_that_does_not_fit_says_so() -> None:
    with pytest.MonkeyPatch.context() as patch:
        with pytest.raises(DoesNotFit, match="0 times"):
            edit(patch, command, ("no such line", "at all"))


def test_every_test_that_a_plant_names_is_there() -> None:
    for plant in PLANTS.values():
        for test in plant.caught_by:
            file, _, name = test.partition("[")[0].partition("::")
            assert f"def {name}(" in (ROOT / file).read_text(), test


def test_the_page_about_testing_lists_every_plant() -> None:
    page = (ROOT / "docs" / "testing.md").read_text()

    for plant in PLANTS.values():
        assert f"| {plant.name}{'' if plant.fast else ' (slow)'} | {plant.mistake} |" in page


def test_a_planted_process_has_to_be_asked_for_on_the_command_line() -> None:
    """No variable of the environment turns a service into a planted one; only a command of the tests does."""
    command = [sys.executable, "-m", "services.orders", "serve"]

    assert with_plant(["guard.py", *command], "dropped-lock") == [
        "guard.py",
        *command[:2],
        "tests.plants.child",
        "dropped-lock",
        *command[2:],
    ]
    assert with_plant(["initdb", "-D", "data"], "dropped-lock") == ["initdb", "-D", "data"]
    look = (
        "import sys, services.inventory.app, services.orders.app, services.fulfillment.app;"
        "print([m for m in sys.modules if m.startswith('tests')])"
    )
    environ = {**os.environ, **dict.fromkeys(("PLANT", "PLANTS", "ALJIBE_PLANT"), "dropped-lock")}
    loaded = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


def test_what_is_delivered_holds_no_plants() -> None:
    """Neither the wheel nor, with it, an image."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]

    copied = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    assert not any(package.startswith("tests") for package in wheel["packages"])
    assert not any(word in (".", "tests", "tests/plants") for line in copied for word in line.split())
