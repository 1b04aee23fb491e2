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

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import NamedTuple

from services.orders.domain.calendar import (
    HORIZON_DAYS,
    MINUTE,
    instant_of,
    time_of,
    wall,
    weekday_of,
    zone_of,
)
from services.orders.domain.capacity import Work
from services.orders.domain.departures import Place
from services.orders.domain.places import Locations
from services.orders.domain.rules import SourcingRules
from services.orders.domain.states import Method
from services.orders.domain.views import UNLIMITED, Capacity

DELIVERED_BY_MINUTE = 20 * 60
MAX_KEPT_WALLS = 4096
MAX_KEPT_ARRIVALS = 4096
MAX_INSTANT = 1 << 62


class Promise(NamedTuple):
    """What a location can keep. Times are UTC, days are those of the location's own zone."""

    time: datetime
    """By when the customer has it, or can collect it."""
    ready: datetime
    """When the goods are ready at the location."""
    due: datetime
    """By when it has to be on its way to the customer, or ready to be collected, for that."""
    ships_on: date | None
    """When a parcel leaves, to the customer or to the store; None when nothing does."""
    work: Work
    """Which days' capacity it takes, in units."""


class _Transit(dict[int, int]):
    """`Timetable.transit_days` by kilometres, worked out once for each."""

    def __init__(self, days: Callable[[int], int]) -> None:
        self._days = days

    def __missing__(self, km: int) -> int:
        found = self[km] = self._days(km)
        return found


class Timetable:
    """When the locations work, of one state of locations and rules. One that stands `apart` keeps its times
    to itself: for distant days, which would drive out what every order asks.
    """

    def __init__(self, locations: Locations, rules: SourcingRules, *, apart: bool = False) -> None:
        self.locations = locations
        self.rules = rules
        self._apart = apart
        self.places: dict[str, Place] = {}
        self._walls: dict[tuple[int, int, tzinfo], datetime] = {}
        self._leaving: tuple[int, int, Mapping[str, tuple[int, date | None]]] = (0, 0, {})
        self._open: tuple[int, int, frozenset[str]] = (0, 0, frozenset())
        self._arrives: dict[tuple[int, int], int] = {}
        self._collected: dict[tuple[str, int], int | None] = {}
        self.transit = _Transit(self.transit_days)
        self.always_delivers = len(set(rules.delivery_weekdays)) == 7

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

    def open_at(self, now: datetime) -> frozenset[str]:
        """The locations that are open by their hours and holidays. Kept until the first opens or closes."""
        instant = instant_of(now)
        since, until, found = self._open
        if not since <= instant < until:
            standing: dict[int, tuple[bool, int, int]] = {}
            ids = []
            for location_id in self.locations.by_id:
                calendar = self.place(location_id).calendar
                one = standing.get(id(calendar))
                if one is None:
                    one = standing[id(calendar)] = calendar.standing(instant)
                if one[0]:
                    ids.append(location_id)
            since = max([one[1] for one in standing.values()], default=instant)
            until = min([one[2] for one in standing.values()], default=instant)
            found = frozenset(ids)
            self._open = since, until, found
        return found

    def leaving(self, instant: int) -> Mapping[str, tuple[int, date | None]]:
        """When a parcel ordered at `instant` leaves the locations that send any, and the day whose capacity
        it takes where one is stated. Kept for as long as that is so; who has no opening is left out.
        """
        since, until, found = self._leaving
        if not since <= instant < until:
            since, until = 0, MAX_INSTANT
            made: dict[str, tuple[int, date | None]] = {}
            for location_id in self.locations.vectors:
                place = self.place(location_id)
                number = place.segment(instant)
                if number is not None:
                    segment = place.ships.segments[number]
                    made[location_id] = segment.ships, segment.work_date if place.limited else None
                    since, until = max(since, place.since), min(until, place.until)
            found = made
            self._leaving = since, until, found
        return found

    def arrives(self, ships: int, transit_days: int) -> int:
        """As `delivered`, worked out once."""
        if self.always_delivers:
            return ships + transit_days
        found = self._arrives.get((ships, transit_days))
        if found is None:
            if len(self._arrives) >= MAX_KEPT_ARRIVALS:
                self._arrives.clear()
            found = self._arrives[ships, transit_days] = self.delivered(ships, transit_days)
        return found

    def collected(self, store_id: str, ships: int) -> int | None:
        """From which instant on goods that leave for a store on day `ships` can be collected there; None: the
        store has no opening within 60 days. Kept.
        """
        key = store_id, ships
        if key not in self._collected:
            if len(self._collected) >= MAX_KEPT_ARRIVALS:
                self._collected.clear()
            store = self.place(store_id)
            arrives = wall(ships + self.rules.transfer_days, 0, store.calendar.zone)
            self._collected[key] = store.calendar.after(arrives, store.preparation)
        return self._collected[key]

    def latest(self, now: datetime, destination: tuple[float, float] | None, within_days: int) -> int | None:
        """The last day on which a parcel ordered `now` keeps a promise of so many days of delivery; None: any
        day does.
        """
        if not within_days or destination is None:
            return None
        zone = zone_of(self.locations.zone_near(*destination))
        return self.delivered(now.astimezone(zone).toordinal(), within_days)

    def place(self, location_id: str) -> Place:
        """A known location's times."""
        found = self.places.get(location_id)
        if found is None:
            location = self.locations.by_id[location_id]
            found = self.places[location_id] = Place(location, self.rules, apart=self._apart)
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
        if self.always_delivers:
            return ships + transit_days
        days = self.rules.delivery_weekdays
        day, left = ships, transit_days
        while left > 0 or weekday_of(day) not in days:
            day += 1
            if weekday_of(day) in days:
                left -= 1
        return day

    def by_wall(self, day: int, minute: int, zone: tzinfo) -> datetime:
        """When a clock in `zone` shows `minute` of `day`, in UTC."""
        key = day, minute, zone
        found = self._walls.get(key)
        if found is None:
            if len(self._walls) > MAX_KEPT_WALLS:
                self._walls.clear()
            found = self._walls[key] = time_of(wall(day, minute, zone))
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
        ships = self._ships(location_id, units)
        return None if ships is None else self._timetable.delivered(ships, self._timetable.transit_days(km))

    def collections(
        self, store_id: str, location_ids: Sequence[str], parcels: Sequence[int]
    ) -> list[int | None]:
        """The days (`date.toordinal`) from which on parcels of so many units from these locations can be
        collected at a store; None as in `arrival`, or since the store has no opening.
        """
        timetable = self._timetable
        day_of = timetable.place(store_id).calendar.day_of
        found: list[int | None] = []
        for location_id, units in zip(location_ids, parcels, strict=True):
            ships = self._ships(location_id, units)
            instant = None if ships is None else timetable.collected(store_id, ships)
            found.append(None if instant is None else day_of(instant))
        return found

    def _ships(self, location_id: str, units: int) -> int | None:
        """The day on which a parcel of `units` leaves."""
        timetable = self._timetable
        place = timetable.places.get(location_id) or timetable.place(location_id)
        number = place.segment(self._instant)
        if number is None:
            return None
        segment = place.ships.segments[number]
        if place.limited:
            left = self._capacity.left(location_id, segment.work_date)
            if left is not None and left < units:
                found = self._ship_work(place, number, units)
                return None if found is None else place.ships.segments[found[0]].ships
        return segment.ships

    def arrivals(
        self, location_ids: Sequence[str], kms: Sequence[int], parcels: Sequence[int]
    ) -> list[int | None]:
        """`arrival` of many: `parcels` are units."""
        timetable, left_at = self._timetable, self._capacity.left
        leaving, arrives = timetable.leaving(self._instant), timetable.arrives
        transit, always = timetable.transit, timetable.always_delivers
        found: list[int | None] = []
        add = found.append
        for location_id, km, units in zip(location_ids, kms, parcels, strict=True):
            leaves = leaving.get(location_id)
            if leaves is None:
                add(self.arrival(location_id, km, units))
                continue
            ships, day = leaves
            if day is not None:
                left = left_at(location_id, day)
                if left is not None and left < units:
                    add(self.arrival(location_id, km, units))
                    continue
            add(ships + transit[km] if always else arrives(ships, transit[km]))
        return found

    def soonest(self, location_ids: Sequence[str], kms: Sequence[int]) -> list[int | None]:
        """`arrivals` where every location has room for all that it is asked for: nobody's is earlier."""
        timetable = self._timetable
        leaving, arrives, transit = timetable.leaving(self._instant), timetable.arrives, timetable.transit
        if timetable.always_delivers:
            return [
                leaving[at][0] + transit[km] if at in leaving else None
                for at, km in zip(location_ids, kms, strict=True)
            ]
        return [
            arrives(leaving[at][0], transit[km]) if at in leaving else None
            for at, km in zip(location_ids, kms, strict=True)
        ]

    def evening(self, day: int | None) -> datetime | None:
        """By when what arrives on `day` is at the destination; of no day nothing."""
        return None if day is None else self._timetable.by_wall(day, DELIVERED_BY_MINUTE, self._zone)

    def in_time(self, location_id: str, km: int, units: int, latest: int) -> int:
        """How many of `units` in one parcel from there are at their destination by day `latest`."""
        arrives = self.arrival(location_id, km, units)
        if arrives is not None and arrives <= latest:
            return units
        timetable = self._timetable
        place = timetable.place(location_id)
        at = place.segment(self._instant)
        last = place.calendar.day_of(self._instant) + HORIZON_DAYS
        most = 0
        while place.limited and at is not None:
            segment = place.ships.segments[at]
            if timetable.arrives(segment.ships, timetable.transit[km]) > latest:
                break
            left = self._capacity.left(location_id, segment.work_date)
            most = units if left is None else max(most, left)
            at = place.ships.later(at, last)
        return min(units, most)

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
        zone = self._timetable.place(location_id).calendar.zone
        return Promise(
            self._timetable.by_wall(arrives, DELIVERED_BY_MINUTE, self._zone),
            time_of(ready),
            self._timetable.by_wall(ships + 1, 0, zone),
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

    def _ship_work(self, place: Place, number: int, units: int) -> tuple[int, Work] | None:
        """The segment in which the location has done `units`, and what it takes of each day."""
        segments = place.ships.segments
        location = place.location
        if not place.limited:
            return number, ((segments[number].work_date, units),)
        last = place.calendar.day_of(self._instant) + HORIZON_DAYS
        spread = units > location.daily_capacity_units
        work: list[tuple[date, int]] = []
        at: int | None = number
        while at is not None:
            day = segments[at].work_date
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
        packed, ships, work = leaves
        ready = self._timetable.collected(store_id, ships)
        if ready is None:
            return None
        # Whoever sends them has to have them on their way by the end of that day, as any parcel.
        due = self._timetable.by_wall(ships + 1, 0, self._timetable.place(source_id).calendar.zone)
        return Promise(time_of(ready), time_of(packed), due, date.fromordinal(ships), work)
