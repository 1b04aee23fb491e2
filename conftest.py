"""Fixtures for every test of the repository, wherever it lives, and the order of the longest files."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["tests.servers"]

ROOT = Path(__file__).parent
LONGEST = (
    "services/inventory/tests/test_state_machine.py",
    "tests/test_plants.py",
    "cli/tests/test_platform.py",
    "cli/tests/test_up.py",
    "services/inventory/tests/test_races.py",
    "cli/tests/test_local_servers.py",
    "chassis/tests/test_bus.py",
    "tests/test_telemetry_page.py",
    "services/orders/tests/test_network.py",
    "services/orders/tests/test_door.py",
    "chassis/tests/test_bus_crashes.py",
    "demo/tests/test_data.py",
)
"""Begun late, one of them would keep one worker busy when the other has nothing left. The longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first; everything else stays in its order."""
    rank = {ROOT / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))
