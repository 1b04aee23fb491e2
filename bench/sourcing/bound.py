"""The hindsight bound: no policy can cost less, not even one that knows the future.

The stock constraints (of each position no more units leave than there were) are relaxed with a price
each. At given prices every walk-in unit is served if its margin is above the price, and every order is an
assignment of its own, solved exactly over all locations; what that costs, less the prices of all the stock,
is below the cost of every feasible plan. A subgradient method looks for the prices that give the highest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.sourcing.instances import MINOR, Sale
from bench.sourcing.simulate import World

Reals = NDArray[np.float32]
Rows = NDArray[np.int64]

_FAR = 1e6
_CELLS = 20_000
_PATIENCE = 3
_SHRINK = 0.7


class Bound(NamedTuple):
    """The bound in currency units, and the prices that prove it (a row per location, a column per SKU)."""

    value: float
    prices: Reals


@dataclass(frozen=True)
class _Group:
    """Orders with the same number of lines."""

    lines: int
    parcels: Reals
    skus: Rows


def hindsight_bound(world: World, known_cost: float, iterations: int = 45) -> Bound:
    """The best bound found; `known_cost` is what some policy reached, to scale the steps by."""
    instance = world.instance
    stock = np.asarray(instance.stock, dtype=np.float32)
    margin: Reals = np.asarray(instance.margin, dtype=np.float32) / np.float32(MINOR)
    wanted = np.zeros_like(stock)
    for event in instance.events:
        if isinstance(event, Sale):
            wanted[event.location, event.sku] += event.units
    problem = _Problem(world, stock, margin, wanted)
    # Hindsight's first guess: a unit is worth its margin where the store will sell out, nothing elsewhere.
    prices = np.where(wanted >= stock, margin, 0).astype(np.float32)
    best, best_prices = -np.inf, prices
    target = 0.98 * known_cost
    weight = (margin / margin.mean())[None, :]
    pace, stuck, direction = 1.0, 0.0, np.zeros_like(prices)
    ceiling = 40 + margin[None, :]
    for _ in range(iterations):
        value, used = problem.evaluate(prices)
        if value > best:
            stuck = stuck + 0.5 if value - best < 3e-4 * abs(value) else 0.0
            best, best_prices = value, prices.copy()
        else:
            stuck += 1
        if stuck >= _PATIENCE:
            pace, stuck, prices = pace * _SHRINK, 0.0, best_prices.copy()
            direction[:] = 0
        slope = used - stock
        slope[(prices <= 0) & (slope < 0)] = 0
        direction = slope + 0.5 * direction
        norm = float((direction * direction * weight).sum())
        if not norm:
            break
        step = pace * max(target - value, 1e-3 * abs(best)) / norm
        moved = np.clip(prices + step * weight * direction, 0, ceiling)
        # Land on the kink at the margin rather than jump over it.
        crossed = (prices - margin) * (moved - margin) < 0
        prices = np.where(crossed, margin, moved).astype(np.float32)
    return Bound(best, best_prices)


class _Problem:
    def __init__(self, world: World, stock: Reals, margin: Reals, wanted: Reals) -> None:
        instance = world.instance
        self._stock, self._margin, self._wanted = stock, margin, wanted
        self._unmet = np.asarray(instance.unmet, dtype=np.float32) / MINOR
        self._unit = np.asarray([place.unit_cost for place in instance.places], dtype=np.float32) / MINOR
        by_lines: dict[int, list[int]] = {}
        for row, order in enumerate(world.orders):
            by_lines.setdefault(len(order.skus), []).append(row)
        self._groups: list[_Group] = []
        for lines, numbers in sorted(by_lines.items()):
            size = max(1, _CELLS >> lines)
            for begin in range(0, len(numbers), size):
                rows = numbers[begin : begin + size]
                parcels = (world.parcels[rows] / MINOR).astype(np.float32)
                skus = np.asarray([world.orders[row].skus for row in rows])
                self._groups.append(_Group(lines, parcels, skus))

    def evaluate(self, prices: Reals) -> tuple[float, Reals]:
        """The bound at `prices`, and the units that would leave each position."""
        used = np.zeros_like(prices)
        value = float((self._wanted * np.minimum(prices, self._margin)).sum(dtype=np.float64))
        value -= float((prices * self._stock).sum(dtype=np.float64))
        for group in self._groups:
            value += self._orders(group, prices, used)
        # At a tie any part of the walk-in units may be served: take what makes the slope small.
        tie = np.abs(prices - self._margin) < 1e-4 * self._margin
        served = np.where(prices < self._margin, self._wanted, 0)
        spare = np.clip(self._stock - used, 0, self._wanted)
        return value, used + np.where(tie, spare, served)

    def _orders(self, group: _Group, prices: Reals, used: Reals) -> float:
        count, full = len(group.skus), (1 << group.lines) - 1
        there = self._stock[:, group.skus].transpose(1, 2, 0) > 0
        units = np.where(there, prices[:, group.skus].transpose(1, 2, 0) + self._unit, np.float32(_FAR))
        sums = np.empty((full + 1, *group.parcels.shape), dtype=np.float32)
        sums[0] = group.parcels
        for lines in range(1, full + 1):
            low = (lines & -lines).bit_length() - 1
            np.add(sums[lines & (lines - 1)], units[:, low], out=sums[lines])
        single = sums.min(axis=2)
        unmet = self._unmet[group.skus]
        given_up = np.zeros(single.shape, dtype=np.bool_)
        for line in range(group.lines):
            given_up[1 << line] = unmet[:, line] < single[1 << line]
            single[1 << line] = np.minimum(single[1 << line], unmet[:, line])
        best, first = _partitions(single)
        left, active = np.full(count, full), np.arange(count)
        while len(active):
            part = first[left[active], active]
            at = sums[part, active].argmin(axis=1)
            served = ~given_up[part, active]
            for line in range(group.lines):
                here = (part >> line & 1 == 1) & served
                np.add.at(used, (at[here], group.skus[active[here], line]), 1)
            left[active] ^= part
            active = active[left[active] != 0]
        return float(best[full].sum(dtype=np.float64))


def _partitions(single: Reals) -> tuple[Reals, Rows]:
    """The cheapest partition of every set of lines, and its first part, for each order."""
    best = single.copy()
    best[0] = 0
    first = np.repeat(np.arange(len(single))[:, None], single.shape[1], axis=1)
    for lines in range(1, len(single)):
        low = lines & -lines
        rest = part = lines ^ low
        while part:
            part = (part - 1) & rest
            cost = single[low | part] + best[rest ^ part]
            better = cost < best[lines]
            best[lines][better] = cost[better]
            first[lines][better] = low | part
    return best, first
