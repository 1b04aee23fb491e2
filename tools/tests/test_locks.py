"""The locks hold what the project says it needs, and name no registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def _locked(lock: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["runtime", "build", "servers", "dev"])
def test_every_lock_of_ours_has_all_that_a_service_needs(name: str) -> None:
    """A package that only the tests bring along is missing where a service runs: zone files, say."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[\[;<>= ]", text)[0] for text in project["dependencies"]}

    assert "tzdata" in needed
    assert needed <= _locked(ROOT / "requirements" / f"{name}.lock")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_lock_names_a_registry(lock: Path) -> None:
    """Where packages come from is the business of the machine that installs them."""
    assert _locked(lock)
    assert "://" not in lock.read_text()
    assert "index-url" not in lock.read_text()
