"""Locations: what makes sense of hours, holidays and handovers."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

import pytest

from services.inventory.domain.location import Capability, Holiday, Hours
from services.inventory.domain.refusals import HandoverNotPossible, HolidayInvalid, HoursInvalid
from services.inventory.tests.builders import a_location

ZONES = available_timezones()


@pytest.mark.parametrize(
    "holiday",
    [
        Holiday("2026-02-30"),
        Holiday("2026-13-01", ((540, 600),)),
        Holiday("2026-12-24", ((600, 600),)),
        Holiday("2026-12-24", ((540, 720), (700, 900))),
    ],
)
def test_a_holiday_is_a_date_whose_hours_follow_each_other(holiday: Holiday) -> None:
    with pytest.raises(HolidayInvalid) as caught:
        replace(a_location(), holidays=(Holiday("2026-01-01"), holiday)).check(ZONES)

    assert caught.value.date == holiday.date


def test_hours_that_touch_do_not_overlap() -> None:
    replace(a_location(), holidays=(Holiday("2028-02-29", ((540, 720), (720, 900))),)).check(ZONES)

    with pytest.raises(HoursInvalid):
        replace(a_location(), hours=(Hours(1, 540, 720), Hours(1, 719, 900))).check(ZONES)


def test_who_sends_parcels_is_open_on_a_day_on_which_they_are_collected() -> None:
    """Otherwise no parcel could ever leave; the location is open on Mondays."""
    with pytest.raises(HandoverNotPossible):
        replace(a_location(), handover_days=(2, 7)).check(ZONES)

    replace(a_location(), handover_days=(1, 7)).check(ZONES)
    replace(a_location(), handover_days=(7,), capabilities=(Capability.PICKUP,)).check(ZONES)
    replace(a_location(), handover_days=(7,), hours=()).check(ZONES)
