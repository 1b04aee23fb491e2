"""Positions side by side."""

from __future__ import annotations

import pytest

from services.console.domain.positions import BAR_WIDTH, Place, Pool, bars, pool


def test_the_fullest_place_is_first_and_as_long_as_bars_get() -> None:
    found = bars([Place("b", "B", 5, 1, 1, 3), Place("a", "A", 10, 4, 1, 5)])

    assert [bar.place.location_id for bar in found] == ["a", "b"]
    assert found[0].reserved + found[0].safety + found[0].free == pytest.approx(BAR_WIDTH)
    assert found[1].free == pytest.approx(BAR_WIDTH * 3 / 10)


def test_safety_never_reaches_beyond_what_is_there_and_nothing_is_drawn_below_zero() -> None:
    (scarce, gone) = bars([Place("a", "A", 3, 2, 9, 0), Place("b", "B", -4, 0, 0, 0)])

    assert (scarce.reserved, scarce.safety, scarce.free) == pytest.approx(
        (BAR_WIDTH * 2 / 3, BAR_WIDTH / 3, 0)
    )
    assert (gone.reserved, gone.safety, gone.free) == (0, 0, 0)


def test_the_pool_is_the_sum_of_its_places() -> None:
    assert pool([Place("a", "A", 3, 1, 1, 1), Place("b", "B", 4, 0, 0, 4)]) == Pool(7, 1, 1, 5)
    assert pool([]) == Pool(0, 0, 0, 0)
