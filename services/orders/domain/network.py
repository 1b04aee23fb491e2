"""A network of locations that decides online orders as they come: stock, learned demand, prices of stock and
the cheapest assignment, in one object that sees nothing but what happened.

It knows no clock and no chance: the same calls in the same order give the same picks. Money is in thousandths
of a minor unit, time from 0 (start of the season) to 1 (its end).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.orders.domain.assignment import EXACT_LINES, FAR, cheapest, cheapest_units
from services.orders.domain.closed_form import tail
from services.orders.domain.demand import Demand, Floats, Foresight, History, kilometres, points
from services.orders.domain.places import STORE
from services.orders.domain.stock_prices import (
    DESTINATIONS,
    PARCEL_PRIOR_UNITS,
    Costs,
    network_prices,
    strewn,
)

RECENT_WEEKS = 13
PRICED_POSITIONS = 65_000
"""Positions that a tick prices; of a larger network the SKUs take turns, by number, never by the clock."""
LARGE_SUMS = 300_000
"""Sets of lines times locations up to which an order is planned as a whole, and exactly; beyond, it is a few
lines at a time.
"""
PART_LINES = 8
LARGE_UNITS = 500
"""Units times locations up to which that goes for several units of a SKU."""


@dataclass(frozen=True, slots=True)
class Site:
    """A location and what serving from it costs: per unit (pick and parcel), and per parcel."""

    kind: str
    latitude: float
    longitude: float
    unit_cost: int
    parcel_fixed: int


@dataclass(frozen=True, slots=True)
class Article:
    """What a SKU's unit earns in a store, and what an online unit costs that nobody serves."""

    margin: int
    unmet_cost: int


class Network:
    """Locations and SKUs by row number. `stock[sku][location]` are units."""

    def __init__(
        self,
        sites: Sequence[Site],
        articles: Sequence[Article],
        stock: Sequence[Sequence[int]],
        history: History,
        *,
        parcel_per_km: float,
        horizon_weeks: float,
        foresight: Foresight | None = None,
    ) -> None:
        self._foresight = foresight or Foresight()
        self._sites, self._articles = tuple(sites), tuple(articles)
        self._stock = [list(row) for row in stock]
        self._weeks, self._per_km = horizon_weeks, parcel_per_km
        self._places = points([site.latitude for site in sites], [site.longitude for site in sites])
        self._fixed = np.asarray([site.parcel_fixed for site in sites], dtype=np.float64)
        self._unit = [site.unit_cost for site in sites]
        self._is_store = [site.kind == STORE for site in sites]
        stores = [row for row, is_store in enumerate(self._is_store) if is_store]
        self._demand = Demand(history, len(articles), self._places, stores, self._foresight)
        self._way = self._ways(history)
        self._next = 0
        # Parcels' cost and units by kind, as seen so far: what one more unit's share of a parcel is likely
        # to be. The prior is a unit a parcel costs about as much more from a store as its packing.
        prior = float(self._fixed.mean()) / 2
        self._parcels = {kind: [prior * PARCEL_PRIOR_UNITS, PARCEL_PRIOR_UNITS] for kind in (True, False)}
        shape = (len(articles), len(sites))
        self._network = np.zeros(shape)
        self._mean, self._shape = np.zeros(shape), np.ones(shape)
        self._rows = [[FAR] * len(sites) for _ in articles]
        for row, have in enumerate(self._stock):
            for location, units in enumerate(have):
                if units == 0:
                    self._demand.empty(row, location, 0.0)
        self._price(0.0, range(len(articles)))

    def units(self, sku: int, location: int) -> int:
        """What is there now."""
        return self._stock[sku][location]

    def price(self, sku: int, location: int) -> int:
        """What the next unit of a position with stock is worth to the customers still to come."""
        return self._rows[sku][location] - self._unit[location]

    def sale(self, t: float, location: int, sku: int, units: int) -> None:
        """A walk-in sale happened; a fact, so it may take more than was known of."""
        self._demand.sell(sku, location, units)
        self._take(t, sku, location, min(units, self._stock[sku][location]))

    def order(self, t: float, latitude: float, longitude: float, skus: Sequence[int]) -> list[int | None]:
        """The location of each single unit, None where nobody has it; the units leave the stock."""
        to = points([latitude], [longitude])[0]
        picks = self._decide(to, skus)
        near = self._demand.neighbours(to) if self._foresight.online_weight else None
        for sku, location in zip(skus, picks, strict=True):
            self._demand.order(sku, near)
            if location is not None:
                self._take(t, sku, location, 1)
        return picks

    def tick(self, t: float) -> None:
        """Price stock again; of a network too large for one tick the next SKUs in turn."""
        count = len(self._articles)
        turn = min(count, max(1, PRICED_POSITIONS // max(1, len(self._sites))))
        first = self._next
        self._next = (first + turn) % count if count else 0
        self._price(t, [(first + number) % count for number in range(turn)])

    def _decide(self, to: Floats, skus: Sequence[int]) -> list[int | None]:
        there = [number for number, sku in enumerate(skus) if any(self._stock[sku])]
        picks: list[int | None] = [None] * len(skus)
        if not there:
            return picks
        km = kilometres(to.reshape(1, 3), self._places)[0]
        fixed = np.rint(self._fixed + km * self._per_km).astype(np.int64).tolist()
        most = min(EXACT_LINES, max(1, (LARGE_SUMS // len(fixed)).bit_length() - 1))
        if len({skus[number] for number in there}) == len(there) <= most:
            found, _ = cheapest_units(fixed, [self._rows[skus[number]] for number in there])
            for number, location in zip(there, found, strict=True):
                picks[number] = location
        elif len(there) * len(fixed) <= LARGE_UNITS:
            self._decide_quantities(fixed, skus, there, picks)
        else:
            self._decide_in_parts(fixed, skus, there, picks, min(most, PART_LINES))
        self._see_parcels(fixed, [at for at in picks if at is not None])
        return picks

    def _decide_quantities(
        self, fixed: list[int], skus: Sequence[int], there: Sequence[int], picks: list[int | None]
    ) -> None:
        """Several units of a SKU."""
        numbers: dict[int, list[int]] = {}
        for number in there:
            numbers.setdefault(skus[number], []).append(number)
        wanted = [min(len(those), sum(self._stock[sku])) for sku, those in numbers.items()]
        found = cheapest(
            fixed, [self._rows[sku] for sku in numbers], [self._stock[sku] for sku in numbers], wanted
        )
        assert found is not None
        lines = list(numbers.values())
        for line, location, units in found.shares:
            for _ in range(units):
                picks[lines[line].pop(0)] = location

    def _decide_in_parts(
        self,
        fixed: Sequence[int],
        skus: Sequence[int],
        there: Sequence[int],
        picks: list[int | None],
        most: int,
    ) -> None:
        """An order too large to be planned as a whole: a few SKUs at a time, each part exact, in parcels that
        are open already or in new ones.
        """
        parcels = list(fixed)
        left = {sku: list(self._stock[sku]) for sku in skus}
        parts: list[dict[int, int]] = [{}]
        for number in there:
            if skus[number] in parts[-1] or len(parts[-1]) == most:
                parts.append({})
            parts[-1][skus[number]] = number
        for part in parts:
            chosen = [sku for sku in part if any(left[sku])]
            if not chosen:
                continue
            rows = [
                [cost if units else FAR for cost, units in zip(self._rows[sku], left[sku], strict=True)]
                for sku in chosen
            ]
            for sku, location in zip(chosen, cheapest_units(parcels, rows)[0], strict=True):
                picks[part[sku]] = location
                left[sku][location] -= 1
                parcels[location] = 0

    def _see_parcels(self, fixed: Sequence[int], locations: Sequence[int]) -> None:
        for location in set(locations):
            self._parcels[self._is_store[location]][0] += fixed[location]
        for location in locations:
            self._parcels[self._is_store[location]][1] += 1

    def _take(self, t: float, sku: int, location: int, units: int) -> None:
        left = self._stock[sku][location] - units
        assert left >= 0
        self._stock[sku][location] = left
        if left == 0:
            self._demand.empty(sku, location, t * self._weeks)
            self._rows[sku][location] = FAR
            return
        price = float(self._network[sku, location])
        if self._is_store[location]:
            loss = tail(float(self._mean[sku, location]), float(self._shape[sku, location]), left)
            price = max(price, loss * self._articles[sku].margin)
        self._rows[sku][location] = self._unit[location] + round(price)

    def _price(self, t: float, skus: Sequence[int]) -> None:
        """Learn, and price the positions of `skus`."""
        week, left = t * self._weeks, (1 - t) * self._weeks + 1e-9
        chosen = np.asarray(skus, dtype=np.int64)
        walk_in = self._demand.walk_in(week, left, chosen)
        self._mean[chosen], self._shape[chosen] = walk_in
        stock = np.asarray([self._stock[sku] for sku in skus], dtype=np.int64).reshape(len(skus), -1)
        mean, shape = self._demand.online(week, left)
        if not self._foresight.future_orders:
            mean = np.full_like(mean, 1e-12)
        margin = np.asarray([self._articles[sku].margin for sku in skus], dtype=np.float64)
        unmet = np.asarray([self._articles[sku].unmet_cost for sku in skus], dtype=np.float64)
        stores = np.asarray(self._is_store, dtype=np.float64)
        prices = network_prices(
            stock,
            walk_in,
            (mean[chosen], shape[chosen]),
            stores,
            Costs(margin, unmet, self._unit_shares(), self._way),
        )
        self._network[chosen] = prices
        whole = np.rint(prices).astype(np.int64) + np.asarray(self._unit, dtype=np.int64)
        for sku, row in zip(skus, np.where(stock > 0, whole, FAR).tolist(), strict=True):
            self._rows[sku] = row

    def _unit_shares(self) -> Floats:
        """What a unit costs by location, with the share of a parcel that its kind was seen to have."""
        (store_cost, store_units), (other_cost, other_units) = self._parcels[True], self._parcels[False]
        more = store_cost / store_units - other_cost / other_units
        unit: Floats = np.asarray(self._unit, dtype=np.float64)
        unit = unit + more * np.asarray(self._is_store, dtype=np.float64)
        unit -= unit.min()
        return unit

    def _ways(self, history: History) -> Floats:
        """What the way to destinations of recent online orders costs a unit, from each location."""
        online = np.flatnonzero(
            (history.location < 0) & (history.week > history.week.max(initial=0) - RECENT_WEEKS)
        )
        if not len(online):
            return np.zeros((1, len(self._sites)))
        # Evenly spaced in the order of place, then strewn, so that neighbours in the row lie far apart.
        ordered = online[np.lexsort((history.lat[online], history.lon[online]))]
        evenly = ordered[(np.arange(DESTINATIONS) * len(ordered)) // DESTINATIONS]
        chosen = strewn(evenly)
        km = kilometres(points(history.lat[chosen], history.lon[chosen]), self._places)
        ways: Floats = km * self._per_km * self._foresight.distance_share
        return ways
