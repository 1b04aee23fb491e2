"""By when: cut-offs, hours, holidays, daylight saving, preparation, capacity, transit, transfers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain import departures
from services.orders.domain.calendar import Calendar, instant_of, time_of
from services.orders.domain.capacity import CapacityLeft, Less, Seen
from services.orders.domain.places import CARRY_OUT, PICKUP, SHIP, Location, Locations
from services.orders.domain.promise import Promise, Timetable
from services.orders.domain.rules import SourcingRules, TariffStep
from services.orders.domain.states import Method
from services.orders.domain.views import UNLIMITED

MADRID = ZoneInfo("Europe/Madrid")
CHURROS = (40.4, -3.7)
RULES = SourcingRules()
ABLE = frozenset({SHIP, PICKUP, CARRY_OUT})
MON_TO_SAT = tuple((day, 9 * 60, 18 * 60) for day in range(1, 7))
SHOP = Location(
    "shop",
    "STORE",
    *CHURROS,
    "ES",
    time_zone="Europe/Madrid",
    hours=MON_TO_SAT,
    capabilities=ABLE,
    ship_cut_off_minute=14 * 60,
)
DEPOT = Location("depot", "WAREHOUSE", 41.4, 2.2, "ES", time_zone="Europe/Madrid")


def madrid(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    """That time of 2026 in Madrid, as UTC. The 2nd, 9th, 16th, 23rd and 30th of November are Mondays."""
    return datetime(2026, month, day, hour, minute, tzinfo=MADRID).astimezone(UTC)


def parcel(
    shop: Location,
    now: datetime,
    *,
    km: int = 10,
    units: int = 1,
    rules: SourcingRules = RULES,
    left: dict[int, int] | None = None,
) -> Promise | None:
    """A parcel from `shop`, of which so much capacity is `left` on days of November."""
    capacity = UNLIMITED if left is None else CapacityLeft(_november(left))
    moment = Timetable.of(Locations.of([shop, DEPOT]), rules).at(now, capacity, CHURROS)
    promised = moment.promise(Method.SHIP, "shop", units, km=km)
    arrival = moment.arrival("shop", km, units)
    assert (promised is None) == (arrival is None)
    if promised is not None and arrival is not None:
        assert promised.time.astimezone(MADRID).toordinal() == arrival
    return promised


def pickup(
    shop: Location, now: datetime, *, units: int = 1, left: dict[int, int] | None = None, source: str = ""
) -> Promise | None:
    """A pickup at `shop`."""
    capacity = UNLIMITED if left is None else CapacityLeft(_november(left))
    moment = Timetable.of(Locations.of([shop, DEPOT]), RULES).at(now, capacity)
    return moment.promise(Method.PICKUP, "shop", units, from_location_id=source)


def _november(left: dict[int, int]) -> dict[tuple[str, date], int]:
    return {("shop", date(2026, 11, day)): units for day, units in left.items()}


def _time(promised: Promise | None) -> datetime:
    assert promised is not None
    return promised.time


# ---- parcels


@pytest.mark.parametrize(("hour", "km", "day"), [(10, 10, 22), (17, 10, 23), (10, 700, 23), (10, 40_000, 28)])
def test_a_parcel_leaves_by_the_cut_off_and_travels_by_distance(hour: int, km: int, day: int) -> None:
    """A location that states nothing works every day by the cut-off of the rules, in its own zone."""
    always = Location("shop", "STORE", *CHURROS, time_zone="UTC")

    promised = parcel(always, datetime(2026, 11, 21, hour, tzinfo=UTC), km=km)

    assert _time(promised).astimezone(MADRID).date() == date(2026, 11, day)


@pytest.mark.parametrize(
    ("now", "leaves"), [(madrid(9, 13, 59), 9), (madrid(9, 14), 10), (madrid(14, 14), 16), (madrid(9, 3), 9)]
)
def test_the_cut_off_is_of_the_local_clock_and_belongs_to_the_next_day_from_its_minute_on(
    now: datetime, leaves: int
) -> None:
    promised = parcel(SHOP, now)

    assert promised is not None
    assert promised.ships_on == date(2026, 11, leaves)
    assert promised.work == ((date(2026, 11, leaves), 1),)


def test_a_location_that_closes_before_its_cut_off_takes_no_more_that_day() -> None:
    late = replace(SHOP, ship_cut_off_minute=23 * 60)

    assert _time(parcel(late, madrid(9, 18))) == madrid(11, 20)


def test_a_parcel_is_there_by_the_evening_of_the_place_it_goes_to() -> None:
    """Madrid is an hour ahead of UTC in November, two in July."""
    assert _time(parcel(SHOP, madrid(9, 10))) == datetime(2026, 11, 10, 19, tzinfo=UTC)
    assert _time(parcel(SHOP, madrid(13, 10, month=7))) == datetime(2026, 7, 14, 18, tzinfo=UTC)


def test_nothing_leaves_on_a_holiday_and_on_one_with_special_hours_until_they_end() -> None:
    closed = replace(SHOP, holidays=(("2026-11-09", ()),))
    short = replace(SHOP, holidays=(("2026-11-09", ((600, 720),)),))

    assert _time(parcel(closed, madrid(9, 10))) == madrid(11, 20)
    assert _time(parcel(short, madrid(9, 11, 59))) == madrid(10, 20)
    assert _time(parcel(short, madrid(9, 12))) == madrid(11, 20)


def test_a_holiday_can_open_a_day_that_is_closed_every_week() -> None:
    sunday = replace(SHOP, holidays=(("2026-11-15", ((540, 1080),)),))

    assert _time(parcel(SHOP, madrid(15, 10))) == madrid(17, 20)
    assert _time(parcel(sunday, madrid(15, 10))) == madrid(16, 20)


def test_parcels_leave_on_handover_days_only() -> None:
    tue_and_fri = replace(SHOP, handover_days=(2, 5))
    holiday = replace(tue_and_fri, holidays=(("2026-11-13", ()),))

    assert parcel(tue_and_fri, madrid(9, 10)).ships_on == date(2026, 11, 10)  # type: ignore[union-attr]
    assert parcel(tue_and_fri, madrid(11, 10)).ships_on == date(2026, 11, 13)  # type: ignore[union-attr]
    assert parcel(holiday, madrid(11, 10)).ships_on == date(2026, 11, 17)  # type: ignore[union-attr]


def test_work_is_done_when_it_is_taken_on_though_the_parcel_leaves_later() -> None:
    promised = parcel(replace(SHOP, handover_days=(5,)), madrid(9, 10))

    assert promised is not None
    assert promised.work == ((date(2026, 11, 9), 1),)


def test_preparation_counts_in_opening_time() -> None:
    """Three hours from 13:00 end at 16:00 the same day; eight at 12:00 of the next, when it leaves."""
    three, eight = replace(SHOP, preparation_minutes=180), replace(SHOP, preparation_minutes=480)

    same, next_day = parcel(three, madrid(9, 13)), parcel(eight, madrid(9, 13))

    assert same is not None
    assert (same.ready, same.ships_on) == (madrid(9, 16), date(2026, 11, 9))
    assert next_day is not None
    assert next_day.ready == madrid(10, 12)
    assert next_day.ships_on == date(2026, 11, 10)
    assert parcel(eight, madrid(9, 10)).ships_on == date(2026, 11, 9)  # type: ignore[union-attr]
    assert parcel(eight, madrid(9, 10, 1)).ships_on == date(2026, 11, 10)  # type: ignore[union-attr]


def test_a_parcel_travels_as_many_days_as_the_tariff_says_and_beyond_it_by_distance() -> None:
    rules = replace(RULES, tariff=(TariffStep(50, 0, 0, 0), TariffStep(400, 0, 0, 3)))

    assert _time(parcel(SHOP, madrid(9, 10), km=50, rules=rules)) == madrid(9, 20)
    assert _time(parcel(SHOP, madrid(9, 10), km=51, rules=rules)) == madrid(12, 20)
    assert _time(parcel(SHOP, madrid(9, 10), km=1001, rules=rules)) == madrid(12, 20)


def test_without_weekend_delivery_a_parcel_of_friday_comes_on_monday() -> None:
    weekdays = replace(RULES, delivery_weekdays=(1, 2, 3, 4, 5))

    assert _time(parcel(SHOP, madrid(13, 10))) == madrid(14, 20)
    assert _time(parcel(SHOP, madrid(13, 10), rules=weekdays)) == madrid(16, 20)
    assert _time(parcel(SHOP, madrid(14, 10), rules=weekdays)) == madrid(16, 20)
    assert _time(parcel(SHOP, madrid(12, 10), km=700, rules=weekdays)) == madrid(16, 20)


def test_a_location_that_is_closed_for_good_promises_nothing() -> None:
    closed = replace(
        SHOP,
        hours=((1, 540, 1080),),
        holidays=tuple(((date(2026, 11, 9) + timedelta(weeks=week)).isoformat(), ()) for week in range(12)),
    )

    assert parcel(closed, madrid(9, 10)) is None
    assert pickup(closed, madrid(9, 10)) is None


# ---- daylight saving


def test_the_cut_off_stays_at_its_hour_when_the_clocks_change() -> None:
    """On 25 October 2026 the clocks of Madrid go back: 14:00 is 12:00 UTC before and 13:00 after."""
    sundays = replace(SHOP, hours=tuple((day, 540, 1080) for day in range(1, 8)))

    before, after = datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 13, tzinfo=UTC)
    for cut_off in (before, after):
        today = parcel(sundays, cut_off - timedelta(microseconds=1))
        tomorrow = parcel(sundays, cut_off)
        assert today is not None
        assert tomorrow is not None
        assert today.ships_on == cut_off.date()
        assert tomorrow.ships_on == cut_off.date() + timedelta(days=1)


def test_preparation_over_the_night_of_the_change_takes_as_long_as_ever() -> None:
    always = replace(SHOP, hours=(), preparation_minutes=120)

    spring = pickup(always, datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    autumn = pickup(always, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))

    assert _time(spring) == datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
    assert _time(autumn) == datetime(2026, 10, 25, 2, 30, tzinfo=UTC)


def test_an_hour_that_is_left_out_does_not_open_and_one_that_comes_twice_opens_once() -> None:
    night = Calendar(replace(SHOP, hours=tuple((day, 150, 180) for day in range(1, 8))))

    spring, autumn = date(2026, 3, 29).toordinal(), date(2026, 10, 25).toordinal()

    assert night.spans(spring) == ()
    assert [time_of(at) for at in night.spans(autumn)[0]] == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 2, 0, tzinfo=UTC),
    ]


# ---- pickups and transfers


def test_a_pickup_is_ready_after_two_opening_hours() -> None:
    hours = tuple((day, 540, 1080) for day in range(1, 7))
    shop = Location("shop", "STORE", 0, 0, time_zone="America/New_York", hours=hours)

    open_now = pickup(shop, datetime(2026, 11, 20, 15, 0, tzinfo=UTC))
    over_night = pickup(shop, datetime(2026, 11, 20, 22, 0, tzinfo=UTC))
    over_sunday = pickup(shop, datetime(2026, 11, 21, 22, 30, tzinfo=UTC))

    assert _time(open_now) == datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
    assert _time(over_night) == datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
    assert _time(over_sunday) == datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


def test_a_pickup_knows_no_cut_off_but_the_closing() -> None:
    quick = replace(SHOP, preparation_minutes=30)

    assert _time(pickup(quick, madrid(9, 17, 30))) == madrid(9, 18)
    assert _time(pickup(quick, madrid(9, 17, 45))) == madrid(10, 9, 15)


def test_a_pickup_with_transfer_is_ready_when_the_goods_have_come_and_the_store_has_prepared_them() -> None:
    """Ordered on Thursday after the depot's cut-off: leaves on Friday, comes on Sunday to a closed shop."""
    promised = pickup(SHOP, madrid(12, 17), source="depot")

    assert promised is not None
    assert promised.ships_on == date(2026, 11, 13)
    assert promised.time == madrid(16, 11)


def test_what_is_carried_out_is_promised_now_and_takes_no_capacity() -> None:
    moment = Timetable.of(Locations.of([SHOP]), RULES).at(madrid(9, 10))

    assert moment.promise(Method.CARRY_OUT, "shop", 5) == Promise(
        madrid(9, 10), madrid(9, 10), madrid(9, 10), None, ()
    )


# ---- capacity


LIMITED = replace(SHOP, daily_capacity_units=10)


def test_a_full_day_moves_the_work_to_the_next_day_with_capacity() -> None:
    promised = parcel(LIMITED, madrid(13, 10), units=3, left={13: 2, 14: 0, 16: 3})

    assert promised is not None
    assert promised.work == ((date(2026, 11, 16), 3),)
    assert promised.ships_on == date(2026, 11, 16)
    assert _time(pickup(LIMITED, madrid(13, 10), units=3, left={13: 2, 14: 0, 16: 3})) == madrid(16, 11)


def test_capacity_of_a_day_counts_only_where_it_is_stated() -> None:
    assert _time(parcel(SHOP, madrid(13, 10), units=3, left={13: 0})) == madrid(14, 20)


def test_a_part_larger_than_a_day_is_spread_over_days() -> None:
    promised = parcel(LIMITED, madrid(12, 10), units=25, left={12: 4, 13: 10, 14: 0, 16: 20})

    assert promised is not None
    assert promised.work == ((date(2026, 11, 12), 4), (date(2026, 11, 13), 10), (date(2026, 11, 16), 11))


def test_without_capacity_within_the_horizon_nothing_is_promised() -> None:
    nothing = {("shop", date(2026, 11, 9) + timedelta(days=day)): 0 for day in range(70)}
    moment = Timetable.of(Locations.of([LIMITED]), RULES).at(madrid(9, 10), CapacityLeft(nothing), CHURROS)

    assert moment.promise(Method.SHIP, "shop", 1) is None
    assert moment.promise(Method.PICKUP, "shop", 1) is None
    assert moment.arrival("shop", 10) is None


def test_the_parts_of_an_order_share_the_capacity_of_a_day() -> None:
    left = Less(CapacityLeft(_november({9: 5})))
    left.take("shop", ((date(2026, 11, 9), 4),))

    assert left.left("shop", date(2026, 11, 9)) == 1
    assert left.left("shop", date(2026, 11, 10)) is None


def test_what_a_decision_saw_of_capacity_decides_the_same_again() -> None:
    seen = Seen(CapacityLeft(_november({9: 0, 10: 5})))
    table = Timetable.of(Locations.of([LIMITED]), RULES)
    promised = table.at(madrid(9, 10), seen, CHURROS).promise(Method.SHIP, "shop", 2)

    again = table.at(madrid(9, 10), CapacityLeft(seen.by_day), CHURROS).promise(Method.SHIP, "shop", 2)

    assert again == promised
    assert seen.by_day == _november({9: 0, 10: 5})


# ---- always


_spans = st.lists(st.integers(0, 1440), min_size=2, max_size=4, unique=True).map(
    lambda at: [(a, b) for a, b in zip(sorted(at)[::2], sorted(at)[1::2], strict=False)]
)
_shops = st.builds(
    lambda zone, weekly, holidays, cut_off, preparation, capacity, handover: Location(
        "shop",
        "STORE",
        *CHURROS,
        time_zone=zone,
        hours=tuple((day, a, b) for day, spans in weekly.items() for a, b in spans),
        capabilities=ABLE,
        holidays=tuple(
            ((date(2026, 10, 20) + timedelta(days=day)).isoformat(), tuple(spans))
            for day, spans in holidays.items()
        ),
        ship_cut_off_minute=cut_off,
        preparation_minutes=preparation,
        daily_capacity_units=capacity,
        handover_days=handover,
    ),
    st.sampled_from(["UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.dictionaries(st.integers(1, 7), _spans, max_size=7),
    st.dictionaries(st.integers(0, 20), st.just([]) | _spans, max_size=4),
    st.none() | st.integers(0, 1440),
    st.none() | st.integers(0, 3000),
    st.sampled_from([0, 3, 10]),
    st.just(()) | st.frozensets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days))),
)
_times = st.integers(0, 33 * 86_400_000).map(
    lambda milliseconds: datetime(2026, 10, 18, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
)
_rules = st.builds(
    lambda days: replace(RULES, delivery_weekdays=tuple(sorted(days))),
    st.frozensets(st.integers(1, 7), min_size=1),
)
_left = st.dictionaries(st.integers(1, 30), st.integers(0, 10), max_size=10).map(_november)


@settings(deadline=None)
@given(_shops, _times, _times, _rules, _left, st.integers(1, 25))
def test_a_later_order_is_never_promised_earlier(
    shop: Location,
    one: datetime,
    other: datetime,
    rules: SourcingRules,
    left: dict[tuple[str, date], int],
    units: int,
) -> None:
    table = Timetable.of(Locations.of([shop]), rules)

    for method in (Method.SHIP, Method.PICKUP):
        earlier, later = [
            table.at(now, CapacityLeft(left), CHURROS).promise(method, "shop", units)
            for now in sorted((one, other))
        ]
        if earlier is not None and later is not None:
            assert earlier.time <= later.time
            assert earlier.ready <= later.ready


@settings(deadline=None)
@given(_shops, st.lists(_times, min_size=1, max_size=6), _rules, _left, st.integers(1, 25))
def test_what_is_kept_from_earlier_questions_changes_no_answer(
    shop: Location, times: list[datetime], rules: SourcingRules, left: dict[tuple[str, date], int], units: int
) -> None:
    """A timetable keeps segments of time; one that was never asked gives the same."""
    kept = Timetable(Locations.of([shop]), rules)

    for now in times:
        departures.ships_of.cache_clear()
        departures.calendar_of.cache_clear()
        fresh = Timetable(Locations.of([shop]), rules).at(now, CapacityLeft(left), CHURROS)
        used = kept.at(now, CapacityLeft(left), CHURROS)
        assert used.promise(Method.SHIP, "shop", units) == fresh.promise(Method.SHIP, "shop", units)
        assert used.arrival("shop", 10, units) == fresh.arrival("shop", 10, units)


@settings(deadline=None)
@given(_shops, _times, _left, st.integers(1, 25))
def test_work_and_departure_lie_on_open_days_and_take_what_is_there(
    shop: Location, now: datetime, left: dict[tuple[str, date], int], units: int
) -> None:
    calendar = Calendar(shop)
    promised = (
        Timetable(Locations.of([shop]), RULES)
        .at(now, CapacityLeft(left), CHURROS)
        .promise(Method.SHIP, "shop", units)
    )

    if promised is None or promised.ships_on is None:
        return
    assert sum(taken for _, taken in promised.work) == units
    assert calendar.hands_over(promised.ships_on.toordinal())
    assert now <= promised.ready <= promised.time
    for day, taken in promised.work:
        assert calendar.spans(day.toordinal())
        if shop.daily_capacity_units:
            assert taken <= left.get(("shop", day), taken)


@settings(deadline=None, max_examples=30)
@given(_shops, _times)
def test_ready_is_when_it_has_been_open_for_the_preparation(shop: Location, now: datetime) -> None:
    """Counted by the minute, the slow way."""
    calendar = Calendar(replace(shop, holidays=()))
    now = now.replace(second=0, microsecond=0)
    ready = calendar.after(instant_of(now), 45 * 60_000_000)
    at, left = now, 45
    for _ in range(8 * 1440):
        if not left:
            break
        local = at.astimezone(calendar.zone)
        minute = instant_of(at)
        if any(a <= minute < b for a, b in calendar.spans(local.toordinal())):
            left -= 1
        at += timedelta(minutes=1)
    else:
        return

    assert ready is not None
    assert time_of(ready) == at


def test_a_thousand_candidates_are_asked_for_their_day_in_a_few_milliseconds() -> None:
    shops = [replace(SHOP, location_id=f"s-{n:04}", longitude=n / 50) for n in range(1000)]
    table = Timetable(Locations.of(shops), RULES)
    ids = [shop.location_id for shop in shops]
    for location_id in ids:
        table.at(madrid(9, 10), UNLIMITED, CHURROS).arrival(location_id, 10)

    best = 1.0
    for minute in range(20):
        began = perf_counter()
        moment = table.at(madrid(9, 10, minute), UNLIMITED, CHURROS)
        days = {moment.arrival(location_id, 300) for location_id in ids}
        best = min(best, perf_counter() - began)
        assert days == {date(2026, 11, 10).toordinal()}

    assert best < 0.005
