"""A price book from what was asked for: what the service has learned of demand, put into the words of
`demand` and `stock_prices`.

Time runs in days here, and the season has no end: every refresh looks `horizon_days` ahead, which is how
long a location must live on what it has.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from services.orders.domain.demand import Demand, Floats, Foresight, History, Rows, lumpiness, points
from services.orders.domain.places import STORE, Location, unit_vector, whole_km
from services.orders.domain.price_book import Columns, PriceBook
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import parcel_cost, unit_cost
from services.orders.domain.stock_prices import (
    DESTINATIONS,
    PARCEL_PRIOR_UNITS,
    Costs,
    network_prices,
    strewn,
)

DAYS = 7.0
"""Of a week, in which `Foresight` counts."""
UNMET_EXTRA = 2_000_000
"""What an online unit that nobody serves costs beyond its margin, in thousandths of a minor unit: 20.00, as
in the sourcing benchmark.
"""
DESTINATION_DAYS = 91
"""Destinations of so many days stand for those to come."""
_FAR_DEVIATIONS = 6.0


class Bound(NamedTuple):
    """Units that were asked for at a location, at its tills or to collect; one row per day and position."""

    age: Rows
    """Days ago, 0 today."""
    location: Rows
    sku: Rows
    units: Rows
    squares: Rows
    """Σ units² of the lines: how many units one customer takes."""


class Sent(NamedTuple):
    """Units that were asked for to be sent; one row per day, SKU and neighbourhood of the destination."""

    age: Rows
    sku: Rows
    units: Rows
    lat: Floats
    lon: Floats


@dataclass(frozen=True)
class Task:
    """What a book is to be made of. Rows and columns of `stock`, and numbers elsewhere, follow `skus` and
    `locations`; `prices_minor` are what a customer pays for a unit, net of tax.
    """

    made_at: datetime
    horizon_days: float
    seen_days: int
    """How long demand has been watched: from the first day on record, at least 1."""
    rules: SourcingRules
    locations: tuple[Location, ...]
    skus: tuple[str, ...]
    prices_minor: tuple[int, ...]
    currency_code: str
    stock: Rows
    bound: Bound
    sent: Sent
    parcels: Sequence[tuple[int, int, int]] = ()
    """(location, parcels, units in them) of late."""


def make_book(task: Task, foresight: Foresight | None = None) -> PriceBook:
    """The prices of all positions of the task. Deterministic; seconds for a hundred thousand positions."""
    foresight = _by_day(foresight or Foresight())
    sites = task.locations
    count, width = len(task.skus), len(sites)
    stores = [number for number, site in enumerate(sites) if site.kind == STORE]
    places = points([site.latitude for site in sites], [site.longitude for site in sites])
    demand = Demand(_history(task), count, places, stores, foresight)
    demand.lumpiness = _lumps(task, foresight)
    left = task.horizon_days
    mean, shape = demand.walk_in(0.0, left)
    online = demand.online(0.0, left)
    if not foresight.future_orders:
        online = (np.full_like(online[0], 1e-12), online[1])
    is_store = np.zeros(width)
    is_store[stores] = 1.0
    margin = np.asarray(task.prices_minor, dtype=np.float64) * 10.0 * task.rules.margin_percent
    # Who sends nothing has no part in what is sent, and keeps what it has for those who come.
    sends = np.asarray([site.active and "SHIP" in site.capabilities for site in sites], dtype=bool)
    stock = np.where(sends, np.maximum(task.stock, 0), 0)
    figures = network_prices(
        np.minimum(stock, _wanted_at_most((mean * is_store, shape), online)[:, None]),
        (mean, shape),
        online,
        is_store,
        Costs(margin, margin + UNMET_EXTRA, _unit_shares(task), _ways(task, foresight)),
    )
    mean = mean * is_store
    columns = Columns(
        _array("i", np.minimum(stock, 2**31 - 1)),
        _array("q", np.rint(figures)),
        _array("f", mean),
        _array("f", shape),
    )
    margins = [int(one) for one in np.rint(margin)]
    return PriceBook(
        task.made_at,
        version=_version(task, margins, columns),
        horizon_days=left,
        currency_code=task.currency_code,
        skus=task.skus,
        location_ids=[site.location_id for site in sites],
        margins=margins,
        columns=columns,
    )


def _wanted_at_most(walk_in: tuple[Floats, Floats], online: tuple[Floats, Floats]) -> Rows:
    """Units by SKU beyond which a location's next one is worth nothing: more than its own customers and all
    online ones together will ask for. Pricing takes time for every unit of the deepest shelf.
    """
    mean, shape = walk_in
    own = (mean + _FAR_DEVIATIONS * np.sqrt(mean + mean * mean / shape)).max(axis=1)
    mean, shape = online
    result: Rows = np.ceil(own + mean + _FAR_DEVIATIONS * np.sqrt(mean + mean * mean / shape)).astype(
        np.int64
    )
    return result + 1


def _by_day(foresight: Foresight) -> Foresight:
    return replace(
        foresight,
        half_life_weeks=foresight.half_life_weeks * DAYS,
        size_half_life_weeks=foresight.size_half_life_weeks * DAYS,
    )


def _history(task: Task) -> History:
    bound, sent = task.bound, task.sent
    # Two rows of no units at the ends of the time that was watched: a quiet week counts too.
    ends = np.asarray([0, max(0, task.seen_days - 1)], dtype=np.int64)
    age = np.concatenate([bound.age, sent.age, ends])
    none = np.zeros(len(bound.age))
    return History(
        -np.minimum(age, ends[1]),
        np.concatenate([bound.location, np.full(len(sent.age) + 2, -1, dtype=np.int64)]),
        np.concatenate([bound.sku, sent.sku, np.zeros(2, dtype=np.int64)]),
        np.concatenate([bound.units, sent.units, np.zeros(2, dtype=np.int64)]),
        np.concatenate([none, sent.lat, np.zeros(2)]),
        np.concatenate([none, sent.lon, np.zeros(2)]),
    )


def _lumps(task: Task, foresight: Foresight) -> Floats:
    """As `Demand` has it, but of single lines: its rows are whole days."""
    count = len(task.skus)
    units: Floats = np.bincount(task.bound.sku, task.bound.units, minlength=count).astype(np.float64)
    squares: Floats = np.bincount(task.bound.sku, task.bound.squares, minlength=count).astype(np.float64)
    if not units.sum():
        return np.ones(count)
    result: Floats = 1 + foresight.lumps * (lumpiness(units, squares) - 1)
    return result


def _unit_shares(task: Task) -> Floats:
    """What an online unit costs by location, with the share of a parcel that its kind had of late."""
    fixed = [parcel_cost(site, 0, task.rules) for site in task.locations]
    unit = np.asarray([unit_cost(site, task.rules) for site in task.locations], dtype=np.float64)
    prior = float(np.mean(fixed)) / 2 if fixed else 0.0
    seen = {kind: [prior * PARCEL_PRIOR_UNITS, PARCEL_PRIOR_UNITS] for kind in (True, False)}
    for number, parcels, units in task.parcels:
        kind = seen[task.locations[number].kind == STORE]
        kind[0] += parcels * fixed[number]
        kind[1] += units
    share = {kind: cost / units for kind, (cost, units) in seen.items()}
    more = np.asarray([share[site.kind == STORE] - share[False] for site in task.locations])
    unit = unit + more
    result: Floats = unit - unit.min() if len(unit) else unit
    return result


def _ways(task: Task, foresight: Foresight) -> Floats:
    """What the way to destinations of recent online orders costs a unit, from each location."""
    sent = task.sent
    rows = np.flatnonzero(sent.age < DESTINATION_DAYS)
    if not len(rows):
        rows = np.arange(len(sent.age))
    if not len(rows):
        return np.zeros((1, len(task.locations)))
    # Evenly spaced among the units in the order of place, then strewn: neighbours in the row lie far apart.
    ordered = rows[np.lexsort((sent.lat[rows], sent.lon[rows]))]
    upto = np.cumsum(sent.units[ordered])
    evenly = ordered[np.searchsorted(upto, (np.arange(DESTINATIONS) + 0.5) * upto[-1] / DESTINATIONS)]
    chosen = strewn(evenly)
    sites = [(site, unit_vector(site.latitude, site.longitude)) for site in task.locations]
    near = [parcel_cost(site, 0, task.rules) for site, _ in sites]
    ways = np.empty((DESTINATIONS, len(sites)))
    for row, number in enumerate(chosen.tolist()):
        to = unit_vector(float(sent.lat[number]), float(sent.lon[number]))
        for column, (site, place) in enumerate(sites):
            ways[row, column] = parcel_cost(site, whole_km(to, place), task.rules) - near[column]
    result: Floats = ways * foresight.distance_share
    return result


def _array(code: str, figures: Floats | Rows) -> array[Any]:
    kind = {"i": np.int32, "q": np.int64, "f": np.float32}[code]
    result: array[Any] = array(code)
    result.frombytes(np.ascontiguousarray(figures, dtype=kind).tobytes())
    return result


def _version(task: Task, margins: Sequence[int], columns: Columns) -> str:
    """The moment, and a hash of the content."""
    content = hashlib.sha256("\n".join(task.skus).encode())
    content.update("\n".join(site.location_id for site in task.locations).encode())
    content.update(array("q", margins).tobytes())
    for figures in (columns.units, columns.prices, columns.mean, columns.shape):
        content.update(figures.tobytes())
    return f"{task.made_at:%Y%m%dT%H%M%S}-{content.hexdigest()[:12]}"
