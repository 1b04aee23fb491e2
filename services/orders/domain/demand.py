"""What each store and the online channel will still be asked for, learned from history and in season.

Walk-in units of a SKU at a store come at a rate that nobody knows: a Gamma variable, whose shape counts the
units seen and whose rate the weeks they were seen in, so that what is still to come is negative binomial (the
Gamma-Poisson pair; that early sales tell most is Fisher and Raman's, 1996). A position starts at the store's
share of its SKU (shrinkage), sees history with a half-life, the online orders of its neighbourhood at a part
of their weight, and its own season while it had stock: demand that met an empty shelf was not seen, so
neither units nor time count then. Walk-in customers take several units at once; so the variance is raised by
the SKU's mean of units² over its mean of units (compound Poisson).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

EARTH_RADIUS_KM = 6_371.0
NEIGHBOURHOOD_KM = 40.0
_FADE_KM = 12.0
_PART_ROWS = 20_000
_LUMP_UNITS = 20.0
"""Units of all SKUs together that a SKU's own lumpiness is shrunk with."""


@dataclass(frozen=True)
class Foresight:
    """How demand is learned and stock is priced; the defaults were chosen on weeks 1 to 39 of the benchmark's
    data. `closed_form` is what the benchmark compares with.
    """

    prior_units: float = 1.0
    """How much the store's share of the SKU counts, in units."""
    half_life_weeks: float = 12.0
    size_half_life_weeks: float = 8.0
    lumps: float = 0.7
    """Share of the extra variance of several units at once that is believed."""
    online_weight: float = 0.7
    """What an online unit of the neighbourhood says about a store, against one sold there."""
    online_prior_units: float = 2.0
    future_orders: bool = True
    """Whether units are also priced by what future online orders would pay to replace them."""
    distance_share: float = 0.5
    """Part of a parcel's way that one of its units is charged with."""

    @classmethod
    def closed_form(cls) -> Foresight:
        """Margin times the chance that the store sells all it has, with learning and nothing else."""
        return cls(1.0, inf, inf, 0.0, 0.0, 2.0, future_orders=False)


@dataclass(frozen=True)
class History:
    """Sold units: `location` is a row, or -1 for an online unit, which then has a destination."""

    week: Rows
    location: Rows
    sku: Rows
    units: Rows
    lat: Floats
    lon: Floats


def points(lat: Sequence[float] | Floats, lon: Sequence[float] | Floats) -> Floats:
    """Places on a sphere of radius 1, one row each."""
    a, b = np.radians(np.asarray(lat, dtype=np.float64)), np.radians(np.asarray(lon, dtype=np.float64))
    return np.stack([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)], axis=1)


def kilometres(a: Floats, b: Floats) -> Floats:
    """Great-circle distances of points; a row per point of `a`, a column per point of `b`."""
    result: Floats = EARTH_RADIUS_KM * np.arccos(np.clip(a @ b.T, -1.0, 1.0))
    return result


class Demand:
    """Learned demand; rows are SKUs, columns locations, time runs in weeks from the start of the season."""

    def __init__(
        self, history: History, skus: int, places: Floats, stores: Sequence[int], foresight: Foresight
    ) -> None:
        self._foresight = foresight
        self._places = places[list(stores)]
        self._stores = np.asarray(stores, dtype=np.int64)
        shape = (skus, len(places))
        walked = history.location >= 0
        weeks = int(history.week.max() - history.week.min()) + 1 if len(history.week) else 1
        age = history.week.max(initial=0) - history.week
        fade, size_fade = (
            0.5 ** (age / foresight.half_life_weeks),
            0.5 ** (age / foresight.size_half_life_weeks),
        )
        span = float((0.5 ** (np.arange(weeks) / foresight.half_life_weeks)).sum())
        seen = np.zeros(shape)
        faded = history.units * fade
        np.add.at(seen, (history.sku[walked], history.location[walked]), faded[walked])
        size = np.full(shape[1], 1e-9)
        size[self._stores] += 1e-3
        np.add.at(size, history.location[walked], (history.units * size_fade)[walked])
        expected = np.outer((seen.sum(axis=1) + 0.5) / span, size / size.sum())
        self._units = foresight.prior_units + seen
        self._weeks = foresight.prior_units / expected + span
        self.lumpiness = 1 + foresight.lumps * (_lumpiness(history, walked, skus) - 1)
        self._online_rate = 0.0
        if foresight.online_weight:
            self._see_online_history(history, ~walked, faded, span, seen.sum())
        weights = history.units[~walked].astype(np.float64)
        ordered: Floats = np.bincount(history.sku[~walked], weights=weights, minlength=skus).astype(
            np.float64
        )
        rate = (ordered + 0.2 * ordered.mean() + 1e-9) / weeks
        self._ordered: Floats = foresight.online_prior_units + ordered
        self._ordered_weeks: Floats = foresight.online_prior_units / rate + weeks
        self._sold = np.zeros(shape)
        self._emptied = np.full(shape, -1.0)

    def sell(self, sku: int, location: int, units: int) -> None:
        """A walk-in sale was seen."""
        self._sold[sku, location] += units

    def order(self, sku: int, near: Floats | None) -> None:
        """An online unit was ordered; `near` are the shares of the stores around, from `neighbours`."""
        self._ordered[sku] += 1
        if near is not None and self._foresight.online_weight:
            self._sold[sku, self._stores] += self._foresight.online_weight * near

    def empty(self, sku: int, location: int, week: float) -> None:
        """The position ran out: from now on its silence says nothing."""
        self._emptied[sku, location] = week

    def neighbours(self, destination: Floats) -> Floats | None:
        """How much each store is in the neighbourhood of a point; None when no store is near."""
        if not len(self._places):
            return None
        km = kilometres(destination.reshape(1, 3), self._places)[0]
        if km.min() >= NEIGHBOURHOOD_KM:
            return None
        weights: Floats = np.exp(-km / _FADE_KM)
        weights /= weights.sum()
        return weights

    def walk_in(self, week: float, left: float, skus: Rows | slice = slice(None)) -> tuple[Floats, Floats]:
        """Mean and shape of the negative binomial demand of each position in the `left` weeks; of some SKUs
        only, a row each, if they are given.
        """
        emptied = self._emptied[skus]
        exposed = np.where(emptied < 0, week, emptied)
        units = self._units[skus] + self._sold[skus]
        mean: Floats = units / (self._weeks[skus] + exposed + self._online_rate * week) * left + 1e-12
        extra = mean * (self.lumpiness[skus, None] - 1) + mean * mean / units
        shape: Floats = mean * mean / np.maximum(extra, 1e-12)
        return mean, shape

    def online(self, week: float, left: float) -> tuple[Floats, Floats]:
        """Mean and shape of the online demand of each SKU in the `left` weeks."""
        mean: Floats = self._ordered / (self._ordered_weeks + week) * left + 1e-12
        return mean, self._ordered

    def _see_online_history(
        self, history: History, online: NDArray[np.bool_], faded: Floats, span: float, seen: float
    ) -> None:
        weight = self._foresight.online_weight
        rows = np.flatnonzero(online)
        if not len(rows) or not len(self._places) or not seen:
            return
        near = np.zeros((len(self._units), len(self._stores)))
        # A part at a time: rows × stores of a whole history are hundreds of megabytes.
        for part in np.array_split(rows, 1 + len(rows) // _PART_ROWS):
            km = kilometres(points(history.lat[part], history.lon[part]), self._places)
            shares = np.exp(-km / _FADE_KM)
            total = np.maximum(shares.sum(axis=1), 1e-300)
            shares *= (km.min(axis=1) < NEIGHBOURHOOD_KM)[:, None] / total[:, None]
            np.add.at(near, history.sku[part], shares * faded[part][:, None])
        self._online_rate = weight * float(near.sum()) / seen
        self._units[:, self._stores] += weight * near
        self._weeks += self._online_rate * span


def _lumpiness(history: History, walked: NDArray[np.bool_], skus: int) -> Floats:
    """Mean of units² over mean of units of each SKU's walk-in sales."""
    sku, units = history.sku[walked], history.units[walked].astype(np.float64)
    if not len(units):
        return np.ones(skus)
    total: Floats = np.bincount(sku, weights=units, minlength=skus).astype(np.float64)
    squares: Floats = np.bincount(sku, weights=units * units, minlength=skus).astype(np.float64)
    return lumpiness(total, squares)


def lumpiness(total: Floats, squares: Floats) -> Floats:
    """Mean of units² over mean of units of each SKU's sales, shrunk to that of all together: from Σ units and
    Σ units² by SKU, of which some must be there.
    """
    common = float(squares.sum() / total.sum())
    result: Floats = (squares + _LUMP_UNITS * common) / (total + _LUMP_UNITS)
    return result
