"""From what happened to figures that versions of rules are compared by, with how sure the difference is.

Differences are paired: the same order, or the same day, under the one and the other rules. The interval is
Student's at 95 % for the mean of the paired differences (with more than 30 of them the normal one). Orders
and days of one past are not independent of each other, since they share stock; so an interval says how much
the figures scatter within this past, not what another past would bring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import fmean, stdev

from services.orders.domain.states import Method
from simulation.measure import Served
from simulation.play import DayFigures, Outcome
from simulation.world import World

_STUDENT = (
    *(12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13),
    *(2.12, 2.11, 2.10, 2.09, 2.09, 2.08, 2.07, 2.07, 2.06, 2.06, 2.06, 2.05, 2.05, 2.05, 2.04),
)
"""Two-sided 95 % quantiles of Student's t by degrees of freedom, from 1."""
_NORMAL = 1.96


class Basis(StrEnum):
    """What a figure has one value for, and what differences are paired by."""

    ORDER = "ORDER"
    PARCELS = "PARCELS"
    """Orders of which a line is sent."""
    DAY = "DAY"


class Unit(StrEnum):
    """What a figure is in."""

    MONEY = "MONEY"
    """Thousandths of a minor unit."""
    COUNT = "COUNT"
    KM = "KM"
    DAYS = "DAYS"
    GRAMS = "GRAMS"
    SHARE = "SHARE"
    """From 0 to 1."""


@dataclass(frozen=True)
class Metric:
    """A figure: a total over its basis, or with `mean` the mean. Less is better, except where `neutral`."""

    key: str
    basis: Basis
    unit: Unit
    mean: bool = False
    neutral: bool = False
    part: bool = False
    """A term of the figure before."""


METRICS: tuple[Metric, ...] = (
    Metric("total", Basis.DAY, Unit.MONEY),
    Metric("serving", Basis.ORDER, Unit.MONEY),
    Metric("parcel", Basis.ORDER, Unit.MONEY, part=True),
    Metric("distance", Basis.ORDER, Unit.MONEY, part=True),
    Metric("units", Basis.ORDER, Unit.MONEY, part=True),
    Metric("lost_margin", Basis.DAY, Unit.MONEY),
    Metric("lost_units", Basis.DAY, Unit.COUNT),
    Metric("unmet_margin", Basis.ORDER, Unit.MONEY),
    Metric("unmet_units", Basis.ORDER, Unit.COUNT),
    Metric("parcels", Basis.PARCELS, Unit.COUNT, mean=True),
    Metric("split_orders", Basis.PARCELS, Unit.COUNT),
    Metric("km", Basis.PARCELS, Unit.KM, mean=True),
    Metric("promise_days", Basis.ORDER, Unit.DAYS, mean=True),
    Metric("co2_grams", Basis.ORDER, Unit.GRAMS),
    Metric("store_share", Basis.PARCELS, Unit.SHARE, mean=True, neutral=True),
)
_BY_ORDER: Mapping[str, Callable[[Served], float]] = {
    "serving": lambda one: one.cost,
    "parcel": lambda one: one.parcel,
    "distance": lambda one: one.distance,
    "units": lambda one: one.units,
    "unmet_margin": lambda one: one.unmet_margin,
    "unmet_units": lambda one: one.unmet_units,
    "parcels": lambda one: one.parcels,
    "split_orders": lambda one: one.splits > 0,
    "km": lambda one: one.km,
    "promise_days": lambda one: one.promise_days,
    "co2_grams": lambda one: one.co2_grams,
    "store_share": lambda one: one.store_units,
}
_BY_DAY: Mapping[str, Callable[[DayFigures], float]] = {
    "lost_margin": lambda day: day.lost_margin,
    "lost_units": lambda day: day.lost_units,
}


@dataclass(frozen=True)
class Difference:
    """Against the first version, in the figure's unit; `half_width` is half the 95 % interval, None for a
    single pair.
    """

    value: float
    half_width: float | None

    @property
    def sure(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.half_width is not None and abs(self.value) > self.half_width


@dataclass(frozen=True)
class Row:
    """One figure for every version, and the differences of all but the first."""

    metric: Metric
    values: tuple[float, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Comparison:
    """All figures of a simulation. Money in thousandths of a minor unit."""

    world: World
    outcomes: tuple[Outcome, ...]
    rows: tuple[Row, ...]
    daily_total: tuple[tuple[float, ...], ...]
    """By version and day: cost of serving, margin lost in stores, margin of unmet units."""
    parcels: tuple[tuple[int, ...], ...]
    """By version: orders by number of parcels, from 0."""

    def row(self, key: str) -> Row:
        """The figure of that key."""
        return next(row for row in self.rows if row.metric.key == key)


def compare(world: World, outcomes: Sequence[Outcome]) -> Comparison:
    """The figures of `outcomes`, which came of `world`; the first is what others are compared with."""
    sent = [any(line.method is Method.SHIP for line in order.wish.lines) for order in world.orders]
    rows = []
    for metric in METRICS:
        series = [_series(metric, world, outcome, sent) for outcome in outcomes]
        count = max(1, len(series[0]))
        if metric.key == "store_share":
            rows.append(_shares(metric, outcomes))
            continue
        values = tuple(sum(one) / (count if metric.mean else 1) for one in series)
        factor = 1 if metric.mean else count
        rows.append(Row(metric, values, tuple(_difference(one, series[0], factor) for one in series[1:])))
    return Comparison(
        world,
        tuple(outcomes),
        tuple(rows),
        tuple(tuple(_totals(world, outcome)) for outcome in outcomes),
        _parcel_counts(outcomes, sent),
    )


def _series(metric: Metric, world: World, outcome: Outcome, sent: Sequence[bool]) -> list[float]:
    if metric.key == "total":
        return _totals(world, outcome)
    if metric.basis is Basis.DAY:
        day_of = _BY_DAY[metric.key]
        return [day_of(outcome.days[day]) for day in world.days]
    of = _BY_ORDER[metric.key]
    every = metric.basis is Basis.ORDER
    return [of(one) for one, is_sent in zip(outcome.orders, sent, strict=True) if every or is_sent]


def _totals(world: World, outcome: Outcome) -> list[float]:
    """By day: cost of serving its orders, margin lost in stores, margin of unmet units."""
    found = {day: float(figures.lost_margin) for day, figures in outcome.days.items()}
    for order, one in zip(world.orders, outcome.orders, strict=True):
        found[order.at.date()] += one.burden
    return [found[day] for day in world.days]


def _shares(metric: Metric, outcomes: Sequence[Outcome]) -> Row:
    """The share of sent units that stores sent; orders are of different size, so its scatter is not told."""
    values = []
    for outcome in outcomes:
        stores = sum(one.store_units for one in outcome.orders)
        values.append(stores / max(1, stores + sum(one.warehouse_units for one in outcome.orders)))
    return Row(metric, tuple(values), tuple(Difference(one - values[0], None) for one in values[1:]))


def _parcel_counts(outcomes: Sequence[Outcome], sent: Sequence[bool]) -> tuple[tuple[int, ...], ...]:
    found = [
        [one.parcels for one, is_sent in zip(outcome.orders, sent, strict=True) if is_sent]
        for outcome in outcomes
    ]
    most = max((max(counts, default=0) for counts in found), default=0)
    return tuple(tuple(counts.count(number) for number in range(most + 1)) for counts in found)


def _difference(series: Sequence[float], first: Sequence[float], factor: float) -> Difference:
    apart = [mine - its for mine, its in zip(series, first, strict=True)]
    if not apart:
        return Difference(0.0, None)
    mean = fmean(apart)
    if len(apart) == 1:
        return Difference(mean * factor, None)
    degrees = len(apart) - 1
    quantile = _STUDENT[degrees - 1] if degrees <= len(_STUDENT) else _NORMAL
    return Difference(mean * factor, quantile * stdev(apart) / sqrt(len(apart)) * factor)
