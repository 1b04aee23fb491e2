"""What a unit at a location is worth to the customers still to come.

A unit that leaves a store costs it a walk-in sale when the store would have sold all it had: margin times the
chance of that, P(demand ≥ units), which is the price of the plain closed form. But stock serves two kinds of
customers: online orders may take any location's units, and must be served while anybody has one. So what a
location's unit is worth is found by letting the network go on without a plan: the online units that are
likely still to come, with destinations as in history, each take the unit that is then cheapest (cost there,
way, and the margin the store is expected to lose by it). A unit that they would take is worth what taking the
next best instead would cost more; one that they would leave is worth what its store is expected to lose. The
figure is the mean over quantiles of the number of online units and over sequences of destinations.

It is the dual price of a unit in a transportation problem (Acimovic and Graves 2015 price stock so, by a
linear program of expected demand), but with stochastic store demand inside: a linear program of fractional
means prices a store that holds one unit and expects half a customer at nothing.
"""

from __future__ import annotations

from math import exp, log1p, sqrt
from typing import NamedTuple

import numpy as np

from services.orders.domain.closed_form import MOST_TAIL
from services.orders.domain.demand import Floats, Rows

QUANTILES = 5
SEQUENCES = 2
STEPS = 16
"""Expected online units are simulated in about so many takes, of several units when there are more."""
MOST_STEPS = 64
BATCH_CELLS = 400_000
DESTINATIONS = 64
"""Places that stand for those of the online orders to come."""
PARCEL_PRIOR_UNITS = 50.0
"""Units whose share of a parcel is assumed before any was seen."""
_FAR = 1e15


class Costs(NamedTuple):
    """Money per unit: what is lost by SKU, and what serving costs by location and destination."""

    margin: Floats
    unmet: Floats
    unit: Floats
    """Cost of an online unit by location, its usual share of a parcel included."""
    way: Floats
    """Rows are destinations seen in history, columns locations: a unit's share of the parcel's way."""


def strewn(evenly: Rows) -> Rows:
    """`DESTINATIONS` rows in the order of place, so that neighbours in the row lie far apart."""
    result: Rows = evenly[(np.arange(DESTINATIONS) * 27) % DESTINATIONS]
    return result


def tails(mean: Floats, shape: Floats, most: int) -> Floats:
    """P(demand ≥ n) for n from 0 to `most`, along a new first axis."""
    result = np.empty((most + 1, *mean.shape))
    ratio = mean / (shape + mean)
    term = np.exp(shape * np.log1p(-ratio))
    below = np.zeros_like(mean)
    for count in range(most):
        np.subtract(1.0, below, out=result[count])
        below += term
        term *= (shape + count) / (count + 1) * ratio
    np.subtract(1.0, below, out=result[most])
    np.maximum(result, 0.0, out=result)
    return result


def network_prices(
    stock: Rows, walk_in: tuple[Floats, Floats], online: tuple[Floats, Floats], stores: Floats, costs: Costs
) -> Floats:
    """The value of the next unit of each position, never below what its store expects to lose by it.

    `stock` has a row per SKU and a column per location, as have the mean and shape in `walk_in`; `stores` is
    1 for a store and 0 for a warehouse, which has no walk-in customers.
    """
    result = np.zeros(stock.shape)
    wanted = _quantiles(*online)
    step = (1 + online[0] // STEPS).astype(np.int64)
    takes = np.minimum(MOST_STEPS, np.ceil(wanted / step[:, None])).astype(np.int64)
    most = np.minimum(stock.max(axis=1), MOST_TAIL)
    depth = np.frexp(most)[1]
    order = np.lexsort((takes[:, -1], depth))
    bounds = np.flatnonzero(np.diff(depth[order])) + 1
    for rows in np.split(order, bounds):
        # Of like depth, so that no shallow SKU pays for the tails of a deep one.
        cells = stock.shape[1] * (int(most[rows].max(initial=0)) + 1)
        for part in np.array_split(rows, 1 + len(rows) * cells // BATCH_CELLS):
            result[part] = _batch(part, stock, walk_in, takes, step, stores, costs)
    return result


def _quantiles(mean: Floats, shape: Floats) -> Floats:
    """Five numbers of online units of equal chance per SKU."""
    result = np.zeros((len(mean), QUANTILES))
    for row, (expected, units) in enumerate(zip(mean.tolist(), shape.tolist(), strict=True)):
        if expected > 300:
            deviation = sqrt(expected * (1 + expected / units))
            result[row] = np.maximum(0, expected + deviation * np.asarray([-1.28, -0.52, 0.0, 0.52, 1.28]))
            continue
        ratio = expected / (units + expected)
        term, below, count = exp(units * log1p(-ratio)), 0.0, 0
        for number in range(QUANTILES):
            while below + term < (number + 0.5) / QUANTILES and count < 5_000:
                below += term
                term *= (units + count) / (count + 1) * ratio
                count += 1
            result[row, number] = count
    return result


class _Take(NamedTuple):
    """One step of a sequence, for each SKU of a batch: which location served (-1: none), the row of the
    destination, and the cost of that way without the store's loss.
    """

    location: Rows
    destination: Rows
    cost: Floats


def _batch(
    rows: Rows,
    stock: Rows,
    walk_in: tuple[Floats, Floats],
    takes: Rows,
    step: Rows,
    stores: Floats,
    costs: Costs,
) -> Floats:
    held = np.minimum(stock[rows], MOST_TAIL)
    # What the store expects to lose when the last of so many units leaves: by units, SKU and location.
    loss = tails(walk_in[0][rows], walk_in[1][rows], int(held.max())) * stores
    loss *= costs.margin[rows][:, None]
    own = loss[held, np.arange(len(rows))[:, None], np.arange(held.shape[1])]
    own[held == 0] = 0.0
    # All sequences at once: a row for each SKU in each.
    of = np.tile(np.arange(len(rows)), SEQUENCES)
    start = rows[of] * 37 + np.repeat(np.arange(SEQUENCES), len(rows)) * 101
    unmet, goals, size, before = costs.unmet[rows][of], takes[rows][of], step[rows][of], held[of]
    every = np.arange(len(of))
    used = np.zeros_like(before)
    now = np.where(before > 0, costs.unit + own[of], _FAR)
    ends_used = np.zeros((QUANTILES, *before.shape), dtype=np.int64)
    ends_now = np.zeros((QUANTILES, *before.shape))
    taken: list[_Take] = []
    for done in range(int(goals.max()) + 1):
        for target in range(QUANTILES):
            reached = goals[:, target] == done
            ends_used[target][reached], ends_now[target][reached] = used[reached], now[reached]
        to = (start + done) % len(costs.way)
        offers = now + costs.way[to]
        at = offers.argmin(axis=1)
        serves = offers[every, at] < unmet
        served = np.flatnonzero(serves)
        where = at[served]
        there = before[served, where] - used[served, where]
        there -= np.minimum(size[served], there)
        used[served, where] = before[served, where] - there
        now[served, where] = np.where(there > 0, costs.unit[where] + loss[there, of[served], where], _FAR)
        taken.append(_Take(np.where(serves, at, -1), to, costs.unit[at] + costs.way[to, at]))
    worth = np.zeros(before.shape)
    for target in range(QUANTILES):
        left = before - ends_used[target]
        worth += _worth(ends_now[target], left, goals[:, target], taken, loss, of, costs, unmet)
    mean = worth.reshape(SEQUENCES, *held.shape).sum(axis=0) / (QUANTILES * SEQUENCES)
    result: Floats = np.where(held > 0, np.clip(mean, own, costs.unmet[rows][:, None]), 0.0)
    return result


def _worth(
    now: Floats,
    left: Rows,
    goals: Rows,
    taken: list[_Take],
    loss: Floats,
    of: Rows,
    costs: Costs,
    unmet: Floats,
) -> Floats:
    """What each position's unit is worth when so many takes have left it with `left` units."""
    worth: Floats = loss[left, of[:, None], np.arange(left.shape[1])]
    gone = left <= 0
    worth[gone] = np.broadcast_to(unmet[:, None], worth.shape)[gone]
    for number in range(int(goals.max(initial=0))):
        take = taken[number]
        rows = np.flatnonzero((goals > number) & (take.location >= 0))
        if not len(rows):
            continue
        instead = (now[rows] + costs.way[take.destination[rows]]).min(axis=1)
        at = take.location[rows]
        saved = np.minimum(instead, unmet[rows]) - take.cost[rows]
        worth[rows, at] = np.minimum(worth[rows, at], saved)
    return worth
