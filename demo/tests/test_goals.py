"""Goals that a run sets for its day."""

from __future__ import annotations

import pytest

from demo.goals import round_figure


@pytest.mark.parametrize(
    ("sold", "goal"), [(0, 1), (1, 1), (8, 10), (74, 92), (4_800, 6_000), (12_345, 15_000)]
)
def test_a_goal_is_a_quarter_above_what_is_sold_in_a_figure_that_people_would_set(
    sold: int, goal: int
) -> None:
    assert round_figure(sold) == goal
