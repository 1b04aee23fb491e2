"""By when the customer has the goods: the one date engine of previews, orders, sourcing and availability.

`Timetable.of(locations, rules).at(now, capacity, destination)` gives a `Moment`, which answers for any number
of locations: `promise` the whole of it, `arrival` only the day, quick enough to be asked for every candidate.

How a promise comes about, in the local time of the location:
1. Work begins on the first open day whose cut-off has not passed (parcels) or that has not closed
   (pickups), and on which the location has capacity left for the part's units. A part that is larger than the
   capacity of any whole day is spread over days, each with what it has left.
2. The goods are ready when the location has been open for its preparation minutes.
3. Parcels leave on the first handover day from then on, travel the days of the tariff (or one more per so
   many kilometres), counted in days on which the carrier delivers, and are there by 20:00 of the day of
   arrival in the zone of the location nearest to the destination.
4. A pickup is promised for when it is ready; one with goods from elsewhere is ready when those have come
   by transfer and the store has been open for its own preparation.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, tzinfo
from typing import NamedTuple

from services.orders.domain.calendar import (
    HORIZON_DAYS,
    MINUTE,
    Calendar,
    instant_of,
    time_of,
    wall,
    weekday_of,
    zone_of,
)
from services.orders.domain.capacity import Work
from services.orders.domain.places import Location, Locations
from services.orders.domain.rules import SourcingRules
from services.orders.domain.states import Method
from services.orders.domain.views import UNLIMITED, Capacity

DELIVERED_BY_MINUTE = 20 * 60
MAX_SEGMENTS = 256
_DAY = 86_400_000_000


class Promise(NamedTuple):
    """What a location can keep. Times are UTC, days are those of the location's own zone."""

    time: datetime
    """By when the customer has it, or can collect it."""
    ready: datetime
    """When the goods are ready at the location."""
    due: datetime
    """By when it has to be on its way to the customer, or ready to be collected, for that."""
    ships_on: date | None
    """When a parcel (or the transfer to a store) leaves; None when nothing does."""
    work: Work
    """Which days' capacity it takes, in units."""


class _Segment(NamedTuple):
    opens: int
    """Work begins then, or when the order comes if that is later."""
    work_day: int
    ships: int


class _Ships:
    """When parcels of one location leave, as segments of time: every order that comes before `untils[i]`, but
    not before `untils[i - 1]`, is worked on and leaves as `segments[i]` says. Made as far as is asked for.
    """

    __slots__ = ("_base", "_cut_off", "_next", "_preparation", "calendar", "segments", "untils")

    def __init__(self, calendar: Calendar, location: Location, rules: SourcingRules) -> None:
        self.calendar = calendar
        stated = location.ship_cut_off_minute
        self._cut_off = rules.ship_cut_off_minute if stated is None else stated
        self._preparation = (location.preparation_minutes or 0) * MINUTE
        self._forget(0)

    def _forget(self, base: int) -> None:
        self.untils: list[int] = []
        self.segments: list[_Segment] = []
        self._base = self._next = base

    def find(self, instant: int) -> int | None:
        """Number of the segment of an order that comes at `instant`; None: not within the horizon."""
        if not self.untils or instant < self.untils[0] or len(self.untils) > MAX_SEGMENTS:
            day = self.calendar.day_of(instant)
            if day < self._base or not self.untils or len(self.untils) > MAX_SEGMENTS:
                self._forget(day)
        number = bisect_right(self.untils, instant)
        if number == len(self.untils):
            last = self.calendar.day_of(instant) + HORIZON_DAYS
            while not self.untils or self.untils[-1] <= instant:
                if not self._extend(last):
                    return None
            number = bisect_right(self.untils, instant)
        return number

    def later(self, number: int, last: int) -> int | None:
        """Number of the first segment of the next work day behind `number`; None: none up to day `last`."""
        day = self.segments[number].work_day
        while True:
            number += 1
            while number >= len(self.segments):
                if not self._extend(last):
                    return None
            if self.segments[number].work_day > last:
                return None
            if self.segments[number].work_day != day:
                return number

    def _extend(self, last: int) -> bool:
        """Add the segments of one more day; False when that would be behind `last`."""
        day = self._next
        if day > last:
            return False
        self._next += 1
        calendar = self.calendar
        spans = calendar.spans(day)
        if not spans:
            return True
        limit = min(wall(day, self._cut_off, calendar.zone), spans[-1][1])
        opens = begins = spans[0][0]
        while True:
            ready = calendar.after(begins, self._preparation)
            ships = None if ready is None else self._handover(calendar.day_of(ready))
            if ready is None or ships is None:
                return True
            # Whoever comes later by less than the time that is left to the end of the day of departure still
            # makes it.
            latest = calendar.after(begins, calendar.open_between(ready, ships))
            until = limit if latest is None else min(limit, latest + 1)
            if not self.untils or until > self.untils[-1]:
                self.untils.append(until)
                self.segments.append(_Segment(opens, day, ships))
            if until >= limit:
                return True
            begins = until

    def _handover(self, day: int) -> int | None:
        for at in range(day, day + HORIZON_DAYS + 1):
            if self.calendar.hands_over(at):
                return at
        return None


class _Place:
    """One location's times, and the segment that was asked for last: nearly always the one that is asked for
    next.
    """

    __slots__ = ("calendar", "limited", "location", "number", "preparation", "ships", "since", "until")

    def __init__(self, location: Location, rules: SourcingRules) -> None:
        self.location = location
        self.calendar = Calendar(location)
        self.ships = _Ships(self.calendar, location, rules)
        self.limited = location.daily_capacity_units > 0
        stated = location.preparation_minutes
        self.preparation = (rules.pickup_open_minutes if stated is None else stated) * MINUTE
        self.since, self.until, self.number = 0, 0, 0

    def segment(self, instant: int) -> int | None:
        """As `_Ships.find`."""
        if self.since <= instant < self.until:
            return self.number
        number = self.ships.find(instant)
        if number is not None:
            untils = self.ships.untils
            self.since = untils[number - 1] if number else instant
            self.until, self.number = untils[number], number
        return number


class Timetable:
    """When the locations work, of one state of locations and rules."""

    def __init__(self, locations: Locations, rules: SourcingRules) -> None:
        self.locations = locations
        self.rules = rules
        self.places: dict[str, _Place] = {}
        self._arrivals: dict[tuple[int, tzinfo], datetime] = {}
        self._always_delivers = len(set(rules.delivery_weekdays)) == 7

    @classmethod
    def of(cls, locations: Locations, rules: SourcingRules) -> Timetable:
        """That of these locations and rules, made once."""
        kept = locations.timetables
        found = kept.get(rules.version)
        if not isinstance(found, cls):
            found = kept[rules.version] = cls(locations, rules)
        return found

    def at(
        self,
        now: datetime,
        capacity: Capacity = UNLIMITED,
        destination: tuple[float, float] | None = None,
    ) -> Moment:
        """What can be promised of an order that comes `now`; `destination` is the (latitude, longitude) that
        parcels go to, whose evening is that of UTC when it is not given.
        """
        zone = UTC if destination is None else zone_of(self.locations.zone_near(*destination))
        return Moment(self, now, capacity, zone)

    def is_open(self, location_id: str, now: datetime) -> bool:
        """Whether a known location is open, by its hours and holidays."""
        calendar, instant = self.place(location_id).calendar, instant_of(now)
        return any(opens <= instant < closes for opens, closes in calendar.spans(calendar.day_of(instant)))

    def place(self, location_id: str) -> _Place:
        """A known location's times."""
        found = self.places.get(location_id)
        if found is None:
            location = self.locations.by_id[location_id]
            found = self.places[location_id] = _Place(location, self.rules)
        return found

    def transit_days(self, km: int) -> int:
        """How long a parcel travels: by the first step of the tariff that reaches so far, else as long as any
        parcel and a day more for each so many kilometres.
        """
        rules = self.rules
        for step in rules.tariff:
            if km <= step.up_to_km:
                return step.transit_days
        return min(rules.transit_days_most, rules.transit_days + km // rules.transit_km_per_day)

    def delivered(self, ships: int, transit_days: int) -> int:
        """The day of arrival: the so-manieth day behind `ships` on which the carrier delivers; with no days
        of travel the same day, if it delivers on it.
        """
        if self._always_delivers:
            return ships + transit_days
        days = self.rules.delivery_weekdays
        day, left = ships, transit_days
        while left > 0 or weekday_of(day) not in days:
            day += 1
            if weekday_of(day) in days:
                left -= 1
        return day

    def by_evening(self, day: int, zone: tzinfo) -> datetime:
        """20:00 of `day` in `zone`, in UTC."""
        found = self._arrivals.get((day, zone))
        if found is None:
            if len(self._arrivals) > 4096:
                self._arrivals.clear()
            found = self._arrivals[day, zone] = time_of(wall(day, DELIVERED_BY_MINUTE, zone))
        return found


class Moment:
    """What can be promised of one order at one time."""

    __slots__ = ("_capacity", "_instant", "_timetable", "_zone", "now")

    def __init__(self, timetable: Timetable, now: datetime, capacity: Capacity, zone: tzinfo) -> None:
        self.now = now
        self._timetable = timetable
        self._instant = instant_of(now)
        self._capacity = capacity
        self._zone = zone

    def arrival(self, location_id: str, km: int, units: int = 1) -> int | None:
        """The day (`date.toordinal`) on which a parcel of `units` from there arrives over `km`. None: the
        location has no opening or no capacity within 60 days.
        """
        timetable = self._timetable
        place = timetable.places.get(location_id) or timetable.place(location_id)
        number = place.segment(self._instant)
        if number is None:
            return None
        ships = place.ships.segments[number].ships
        if place.limited:
            found = self._ship_work(place, number, units)
            if found is None:
                return None
            ships = place.ships.segments[found[0]].ships
        return timetable.delivered(ships, timetable.transit_days(km))

    def promise(
        self,
        method: Method,
        location_id: str,
        units: int,
        *,
        km: int = 0,
        from_location_id: str = "",
    ) -> Promise | None:
        """What `location_id` can promise of `units`: a parcel over `km`, a pickup there (of goods that
        come from `from_location_id` by transfer, when that is given), or what is carried out now. None: no
        opening or no capacity within 60 days.
        """
        if method is Method.CARRY_OUT:
            return Promise(self.now, self.now, self.now, None, ())
        if method is Method.SHIP:
            return self._parcel(location_id, km, units)
        if from_location_id and from_location_id != location_id:
            return self._transferred(from_location_id, location_id, units)
        return self._pickup(location_id, units)

    def _parcel(self, location_id: str, km: int, units: int) -> Promise | None:
        leaves = self._leaves(location_id, units)
        if leaves is None:
            return None
        ready, ships, work = leaves
        arrives = self._timetable.delivered(ships, self._timetable.transit_days(km))
        due = wall(ships + 1, 0, self._timetable.place(location_id).calendar.zone)
        return Promise(
            self._timetable.by_evening(arrives, self._zone),
            time_of(ready),
            time_of(due),
            date.fromordinal(ships),
            work,
        )

    def _leaves(self, location_id: str, units: int) -> tuple[int, int, Work] | None:
        place = self._timetable.place(location_id)
        number = place.segment(self._instant)
        if number is None:
            return None
        found = self._ship_work(place, number, units)
        if found is None:
            return None
        number, work = found
        segment = place.ships.segments[number]
        begins = max(self._instant, segment.opens)
        ready = place.calendar.after(begins, (place.location.preparation_minutes or 0) * MINUTE)
        return None if ready is None else (ready, segment.ships, work)

    def _ship_work(self, place: _Place, number: int, units: int) -> tuple[int, Work] | None:
        """The segment in which the location has done `units`, and what it takes of each day."""
        segments = place.ships.segments
        location = place.location
        if not place.limited:
            return number, ((date.fromordinal(segments[number].work_day), units),)
        last = place.calendar.day_of(self._instant) + HORIZON_DAYS
        spread = units > location.daily_capacity_units
        work: list[tuple[date, int]] = []
        at: int | None = number
        while at is not None:
            day = date.fromordinal(segments[at].work_day)
            left = self._capacity.left(location.location_id, day)
            if left is None or left >= units:
                return at, (*work, (day, units))
            if spread and left > 0:
                work.append((day, left))
                units -= left
            at = place.ships.later(at, last)
        return None

    def _pickup(self, location_id: str, units: int) -> Promise | None:
        place = self._timetable.place(location_id)
        calendar, limited = place.calendar, place.limited
        today = calendar.day_of(self._instant)
        spread = limited and units > place.location.daily_capacity_units
        work: list[tuple[date, int]] = []
        for day in range(today, today + HORIZON_DAYS + 1):
            spans = calendar.spans(day)
            if not spans or spans[-1][1] <= self._instant:
                continue
            at = date.fromordinal(day)
            left = self._capacity.left(location_id, at) if limited else None
            if left is None or left >= units:
                ready = calendar.after(max(self._instant, spans[0][0]), place.preparation)
                if ready is None:
                    return None
                when = time_of(ready)
                return Promise(when, when, when, None, (*work, (at, units)))
            if spread and left > 0:
                work.append((at, left))
                units -= left
        return None

    def _transferred(self, source_id: str, store_id: str, units: int) -> Promise | None:
        leaves = self._leaves(source_id, units)
        if leaves is None:
            return None
        _, ships, work = leaves
        store = self._timetable.place(store_id)
        arrives = ships + self._timetable.rules.transfer_days
        ready = store.calendar.after(wall(arrives, 0, store.calendar.zone), store.preparation)
        if ready is None:
            return None
        when = time_of(ready)
        return Promise(when, when, when, date.fromordinal(ships), work)
