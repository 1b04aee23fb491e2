"""Plants that only the whole platform, or its machine, can show."""

from __future__ import annotations

import pytest

from tests.plants.planting import plant


@plant(
    "PostgreSQL answers before a commit is on the disk",
    "tests/integration/test_power_cut.py::test_what_was_acknowledged_survives_a_power_cut",
    fast=False,
)
def commit_not_on_disk(patch: pytest.MonkeyPatch) -> None:
    from cli.local import postgres

    assert postgres._SETTINGS["synchronous_commit"] == "on"
    patch.setitem(postgres._SETTINGS, "synchronous_commit", "off")
