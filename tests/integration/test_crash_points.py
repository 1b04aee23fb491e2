"""Inventory, orders and fulfillment die at each step of their work, while customers and staff go on.

``ALJIBE_FAULT_SEED`` replays a run's choices; ``make crashes ROUNDS=100`` does it a hundred times.
"""

from __future__ import annotations

import os
import random

import pytest

from chassis.crashpoint import CRASHPOINTS
from tests.integration.crashes import POINTS, crash, never


@pytest.mark.timeout(600)
async def test_a_crash_at_any_step_loses_and_doubles_nothing() -> None:
    """SIGKILL before a transaction, after its commit, before and after publishing, before the mark, before
    and after a consumer's commit, in all three at once; what was not answered is asked again with the same
    id.
    """
    seed = int(os.environ.get("ALJIBE_FAULT_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"ALJIBE_FAULT_SEED={seed}")  # noqa: T201 (shown with a failure: it replays the run)

    strikes = await crash(1, seed)

    assert never(strikes.struck) == []
    assert {point for points in POINTS.values() for point in points} == CRASHPOINTS
