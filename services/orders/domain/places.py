"""Places: addresses, locations and how far they are from each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import acos, cos, floor, radians, sin
from typing import NamedTuple

EARTH_RADIUS_KM = 6_371.0
CELL_DEGREES = 1.0
MAX_RANKED = 1 << 18
"""Ranks kept at once, over all cells."""

MAX_COLUMNS = 256
"""Sets of locations whose columns are kept."""

STORE = "STORE"
WAREHOUSE = "WAREHOUSE"
SHIP = "SHIP"
PICKUP = "PICKUP"
CARRY_OUT = "CARRY_OUT"


class Address(NamedTuple):
    """Where goods are sent."""

    country_code: str
    latitude: float
    longitude: float
    recipient: str = ""
    street_lines: tuple[str, ...] = ()
    city: str = ""
    region: str = ""
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """A store or warehouse as sourcing sees it. `hours` are (ISO weekday, open minute, close minute) in
    local time.
    """

    location_id: str
    kind: str
    latitude: float
    longitude: float
    country_code: str = "US"
    region: str = ""
    time_zone: str = "UTC"
    hours: tuple[tuple[int, int, int], ...] = ()
    capabilities: frozenset[str] = frozenset({SHIP})
    active: bool = True
    holidays: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = ()
    """(ISO date, ((open minute, close minute), …)): hours instead of the weekly ones; none: closed."""
    ship_cut_off_minute: int | None = None
    """Orders that come before this local minute are worked on that day; None: as the rules say."""
    preparation_minutes: int | None = None
    """Opening time it takes to make goods ready; None: for parcels none, for pickups as the rules say."""
    daily_capacity_units: int = 0
    """Units a local work day; 0: not stated, as many as come."""
    handover_days: tuple[int, ...] = ()
    """ISO weekdays on which carriers collect; none: every open day."""


def unit_vector(latitude: float, longitude: float) -> tuple[float, float, float]:
    """The place on a sphere of radius 1."""
    a, b = radians(latitude), radians(longitude)
    return cos(a) * cos(b), cos(a) * sin(b), sin(a)


def whole_km(a: tuple[float, float, float], b: tuple[float, float, float]) -> int:
    """Great-circle distance between two unit vectors on a sphere of 6,371 km, rounded to kilometres."""
    return km_of(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def km_between(location: Location, point: tuple[float, float]) -> int:
    """The same from a location to (latitude, longitude)."""
    return whole_km(unit_vector(location.latitude, location.longitude), unit_vector(*point))


def km_of(dot: float) -> int:
    """The same from the product of the two vectors."""
    return round(EARTH_RADIUS_KM * acos(1.0 if dot > 1.0 else -1.0 if dot < -1.0 else dot))


def kms_of(dots: Sequence[float]) -> list[int]:
    """The same of many."""
    try:
        return [round(EARTH_RADIUS_KM * angle) for angle in map(acos, dots)]
    except ValueError:
        # Rounding took one out of the range of cosines.
        return [km_of(dot) for dot in dots]


Ranked = tuple[float, str, tuple[float, float, float]]
"""Angle from the middle of a cell in radians, id, and place on the unit sphere."""


class Near(NamedTuple):
    """Shipping locations as seen from a cell of the map, nearest to its middle first."""

    stores: tuple[Ranked, ...]
    warehouses: tuple[Ranked, ...]
    slack: float
    """By how much the angle to a location may differ between the middle and any place of the cell."""

    def reach(self, cost: int, per_km: int) -> float:
        """The angle behind which no location is so near that its way costs `cost` at most."""
        return self.slack + (cost // per_km + 1.5) / EARTH_RADIUS_KM


@dataclass(frozen=True)
class Locations:
    """All locations at one moment, by id. `version` names the content, so that a stored decision can be
    replayed on it.
    """

    by_id: Mapping[str, Location] = field(default_factory=dict)

    @classmethod
    def of(cls, locations: Iterable[Location]) -> Locations:
        """Those given, in order of id."""
        return cls(
            {location.location_id: location for location in sorted(locations, key=lambda x: x.location_id)}
        )

    @cached_property
    def version(self) -> str:
        """Twenty hexadecimal digits of the SHA-256 of the content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:20]

    @cached_property
    def shipping(self) -> tuple[Location, ...]:
        """Active ones that send parcels, in order of id."""
        return tuple(x for x in self.by_id.values() if x.active and SHIP in x.capabilities)

    @cached_property
    def vectors(self) -> Mapping[str, tuple[float, float, float, bool]]:
        """Those of `shipping` as points of the unit sphere, and whether each is a warehouse: a distance
        is one arc cosine then.
        """
        return {
            x.location_id: (*unit_vector(x.latitude, x.longitude), x.kind == WAREHOUSE) for x in self.shipping
        }

    @cached_property
    def senders(self) -> tuple[str, ...]:
        """Ids of `shipping`, in order: what a decision knows of each stands in columns in this order."""
        return tuple(self.vectors)

    @cached_property
    def points(self) -> tuple[tuple[float, float, float, bool], ...]:
        """`vectors` of the `senders`."""
        return tuple(self.vectors.values())

    def column(self, location_ids: frozenset[str]) -> list[int]:
        """Whether each of the `senders` is among these, 1 or 0. Kept for a set that is asked for again, so
        nobody may change it.
        """
        known = self._columns.get(id(location_ids))
        if known is None:
            if len(self._columns) >= MAX_COLUMNS:
                self._columns.clear()
            found = [1 if at in location_ids else 0 for at in self.senders]
            # With the set, since its place in memory is its name here.
            known = self._columns[id(location_ids)] = location_ids, found
        return known[1]

    @cached_property
    def _columns(self) -> dict[int, tuple[frozenset[str], list[int]]]:
        return {}

    def near(self, latitude: float, longitude: float) -> Near:
        """The shipping locations in an order that fits this place: whoever looks for the nearest that has
        something looks at few of thousands. Kept per cell of `CELL_DEGREES`, since customers live in towns.
        """
        cell = floor(latitude / CELL_DEGREES), floor(longitude / CELL_DEGREES)
        found = self._cells.get(cell)
        if found is None:
            if len(self._cells) * len(self.vectors) >= MAX_RANKED:
                self._cells.clear()
            found = self._cells[cell] = self._seen_from(cell)
        return found

    @cached_property
    def _cells(self) -> dict[tuple[int, int], Near]:
        return {}

    def _seen_from(self, cell: tuple[int, int]) -> Near:
        x, y, z = unit_vector((cell[0] + 0.5) * CELL_DEGREES, (cell[1] + 0.5) * CELL_DEGREES)
        ranked = []
        for points in self._points:
            dots = [x * vx + y * vy + z * vz for _, (vx, vy, vz) in points]
            angles = [acos(1.0 if dot > 1.0 else -1.0 if dot < -1.0 else dot) for dot in dots]
            found = [(angle, *point) for angle, point in zip(angles, points, strict=True)]
            found.sort()
            ranked.append(tuple(found))
        # Nowhere in the cell is farther from its middle than half a side north and half a side east.
        return Near(ranked[0], ranked[1], radians(CELL_DEGREES) + 1e-9)

    @cached_property
    def _points(self) -> tuple[list[tuple[str, tuple[float, float, float]]], ...]:
        """Stores and warehouses that ship, as points of the unit sphere."""
        points: tuple[list[tuple[str, tuple[float, float, float]]], ...] = [], []
        for location_id, (vx, vy, vz, warehouse) in self.vectors.items():
            points[warehouse].append((location_id, (vx, vy, vz)))
        return points

    @cached_property
    def limited(self) -> bool:
        """Whether any states a capacity a day."""
        return any(x.daily_capacity_units for x in self.by_id.values())

    def zone_near(self, latitude: float, longitude: float) -> str:
        """The time zone of a place: that of the shipping location nearest to the middle of its cell."""
        near = self.near(latitude, longitude)
        nearest = min((*near.stores[:1], *near.warehouses[:1]), default=None)
        return "UTC" if nearest is None else self.by_id[nearest[1]].time_zone

    @cached_property
    def matches(self) -> dict[int, tuple[object, frozenset[str]]]:
        """Which locations the conditions of a rule mean: see `eligibility.Here`."""
        return {}

    @cached_property
    def timetables(self) -> dict[str, object]:
        """What was derived from these locations, by version of the rules: see `promise.Timetable.of`."""
        return {}

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Place of each location in the order of ids."""
        return {location_id: number for number, location_id in enumerate(self.by_id)}

    def to_json(self) -> str:
        """The content as text; `from_json` reads it back."""
        rows = [{**asdict(x), "capabilities": sorted(x.capabilities)} for x in self.by_id.values()]
        return json.dumps(rows, separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Locations:
        """What `to_json` wrote."""
        return cls.of(
            Location(
                **{
                    **row,
                    "hours": tuple(tuple(span) for span in row["hours"]),
                    "capabilities": frozenset(row["capabilities"]),
                    "holidays": tuple(
                        (day, tuple(tuple(span) for span in spans)) for day, spans in row.get("holidays", ())
                    ),
                    "handover_days": tuple(row.get("handover_days", ())),
                }
            )
            for row in json.loads(text)
        )
