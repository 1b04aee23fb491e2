"""Places on a map without land: degrees to pixels, a graticule of round degrees, and what of it is shown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH, HEIGHT = 720, 360
"""Of the drawing, in its own units."""
NEAREST_SHOWN = 6
"""Candidates beside the chosen ones that the near view makes room for."""

_PADDING = 34
_LEAST_SPAN_DEGREES = 0.35
_MOST_LINES = 7
_STEPS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0)
_LEAST_RADIUS, _MOST_RADIUS = 3.5, 10.0
_LABEL_HEIGHT, _LABEL_WIDTH = 13, 120


@dataclass(frozen=True, slots=True)
class Place:
    """A location, or where goods go. Degrees north and east (WGS 84); `units` it could give; `state`: how it
    is drawn, for example `chosen`, `other`, `none`.
    """

    name: str
    latitude: float
    longitude: float
    state: str
    units: int = 0
    note: str = ""


class Dot(NamedTuple):
    """A place on the drawing; `label` is drawn beside it, `anchor` as SVG's text-anchor has it."""

    place: Place
    x: float
    y: float
    radius: float
    label: str
    anchor: str
    label_x: float


class Way(NamedTuple):
    """A line from a place that serves to where its goods go, bent a little, as SVG's path has it."""

    path: str
    name: str


class Line(NamedTuple):
    """A line of the graticule with its degrees in words, such as 40° N."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything to draw; `outside` counts places that lie beyond it."""

    width: int
    height: int
    graticule: tuple[Line, ...]
    ways: tuple[Way, ...]
    dots: tuple[Dot, ...]
    target: Dot | None
    outside: int


def draw(places: Sequence[Place], target: Place | None, *, whole: bool = False) -> Drawing | None:
    """The map of ``places`` and of where the goods go; None without a place.

    Unless the ``whole`` is asked for, it shows what serves, the target and the `NEAREST_SHOWN` places around
    them; what lies beyond is counted. Equirectangular, true to scale at the middle latitude: at the size of a
    country good enough to see what is near.
    """
    if not places and target is None:
        return None
    centre = target or next((one for one in places if one.state == "chosen"), places[0])
    frame = _Frame(_shown(places, centre) if not whole else [*places, centre])
    dots, outside = [], 0
    most = max((one.units for one in places), default=0)
    # What serves is drawn last, above the others.
    for place in sorted(places, key=lambda one: (one.state == "chosen", one.units)):
        x, y = frame.point(place)
        if not frame.holds(x, y):
            outside += 1
            continue
        label = place.name if place.state == "chosen" else ""
        dots.append(_dot(place, x, y, _radius(place.units, most), label))
    spot = _dot(target, *frame.point(target), _LEAST_RADIUS, target.name) if target is not None else None
    ways = [_way(dot, spot) for dot in dots if spot is not None and dot.place.state == "chosen"]
    return Drawing(
        WIDTH,
        HEIGHT,
        tuple(frame.graticule()),
        tuple(ways),
        tuple(_legible(dots, spot)),
        spot,
        outside,
    )


def kilometres(one: Place, other: Place) -> float:
    """Great-circle distance (haversine, mean radius of the earth 6,371 km)."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    half = math.sin((south - north) / 2) ** 2
    east = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(half + math.cos(north) * math.cos(south) * east)))


def _shown(places: Sequence[Place], centre: Place) -> list[Place]:
    near = sorted((one for one in places if one.state != "chosen"), key=lambda one: kilometres(one, centre))
    return [centre, *(one for one in places if one.state == "chosen"), *near[:NEAREST_SHOWN]]


class _Frame:
    """The piece of the earth that is shown, and its scale."""

    def __init__(self, places: Iterable[Place]) -> None:
        shown = list(places)
        south, north = min(one.latitude for one in shown), max(one.latitude for one in shown)
        west, east = min(one.longitude for one in shown), max(one.longitude for one in shown)
        self._latitude, self._longitude = (south + north) / 2, (west + east) / 2
        # Near the poles a degree of longitude has no length left.
        self._narrow = max(0.05, math.cos(math.radians(self._latitude)))
        tall = max(north - south, _LEAST_SPAN_DEGREES)
        wide = max((east - west) * self._narrow, _LEAST_SPAN_DEGREES)
        self._scale = min((HEIGHT - 2 * _PADDING) / tall, (WIDTH - 2 * _PADDING) / wide)

    def point(self, place: Place) -> tuple[float, float]:
        """Pixels to the right and downwards."""
        return self._x(place.longitude), self._y(place.latitude)

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies on the drawing."""
        return 0 <= x <= WIDTH and 0 <= y <= HEIGHT

    def graticule(self) -> Iterable[Line]:
        """Parallels and meridians at round degrees."""
        tall, wide = HEIGHT / self._scale, WIDTH / self._scale / self._narrow
        for latitude in _round_degrees(self._latitude - tall / 2, self._latitude + tall / 2):
            if abs(latitude) <= 90:
                y = self._y(latitude)
                yield Line(0, y, WIDTH, y, _degrees(latitude, "N", "S"))
        for longitude in _round_degrees(self._longitude - wide / 2, self._longitude + wide / 2):
            x = self._x(longitude)
            yield Line(x, 0, x, HEIGHT, _degrees((longitude + 180) % 360 - 180, "E", "W"))

    def _x(self, longitude: float) -> float:
        return round(WIDTH / 2 + (longitude - self._longitude) * self._narrow * self._scale, 1)

    def _y(self, latitude: float) -> float:
        return round(HEIGHT / 2 - (latitude - self._latitude) * self._scale, 1)


def _round_degrees(low: float, high: float) -> list[float]:
    step = next((one for one in _STEPS if (high - low) / one <= _MOST_LINES), _STEPS[-1])
    first = math.ceil(low / step)
    return [round(number * step, 2) for number in range(first, math.floor(high / step) + 1)]


def _degrees(value: float, positive: str, negative: str) -> str:
    number = f"{abs(value):.2f}".rstrip("0").rstrip(".")
    return f"{number}°" if not value else f"{number}° {positive if value > 0 else negative}"


def _radius(units: int, most: int) -> float:
    if not units or not most:
        return _LEAST_RADIUS
    # The area tells the units.
    return round(_LEAST_RADIUS + (_MOST_RADIUS - _LEAST_RADIUS) * math.sqrt(units / most), 1)


def _dot(place: Place, x: float, y: float, radius: float, label: str) -> Dot:
    left = x > WIDTH * 0.75
    gap = radius + 4
    return Dot(place, x, y, radius, label, "end" if left else "start", round(x - gap if left else x + gap, 1))


def _legible(dots: Sequence[Dot], target: Dot | None) -> list[Dot]:
    """Labels that would lie on one another are left to the table below the map."""
    taken = [(target.x, target.y)] if target is not None else []
    found = []
    for dot in reversed(dots):
        if any(abs(dot.y - y) < _LABEL_HEIGHT and abs(dot.x - x) < _LABEL_WIDTH for x, y in taken):
            found.append(dot._replace(label=""))
        else:
            found.append(dot)
            if dot.label:
                taken.append((dot.x, dot.y))
    return found[::-1]


def _way(dot: Dot, target: Dot) -> Way:
    middle_x, middle_y = (dot.x + target.x) / 2, (dot.y + target.y) / 2
    bend_x, bend_y = (target.y - dot.y) * 0.12, (dot.x - target.x) * 0.12
    path = f"M{dot.x} {dot.y}Q{middle_x + bend_x:.1f} {middle_y + bend_y:.1f} {target.x} {target.y}"
    return Way(path, dot.place.name)
