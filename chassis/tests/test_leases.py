"""How often background work runs."""

from __future__ import annotations

import pytest

from chassis.leases import rest_seconds


@pytest.mark.parametrize(
    ("worked", "share", "rest"),
    [(0.01, 1.0, 5.0), (60.0, 1.0, 5.0), (0.01, 0.02, 5.0), (1.0, 0.02, 49.0), (20.0, 0.5, 20.0)],
)
def test_work_that_takes_long_comes_less_often(worked: float, share: float, rest: float) -> None:
    """So that what grows with the business never takes a processor from it."""
    assert rest_seconds(worked, 5.0, share) == pytest.approx(rest)
