"""Prices of stock in a played past: the production book, made anew each day from what was seen so far."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from datetime import datetime

import numpy as np

from services.orders.domain.demand import Rows
from services.orders.domain.price_book import EMPTY, PriceBook
from services.orders.domain.pricing import Bound, Sent, Task, make_book
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Plan, Wish
from services.orders.domain.states import Method
from simulation.shelves import Shelves
from simulation.world import World

PARCEL_DAYS = 28
"""How long parcels tell what a unit's share of a parcel costs."""
_PLACE_DIGITS = 1
"""Destinations are kept to a tenth of a degree: neighbourhoods, not addresses."""


class Seen:
    """Units asked for, as columns that grow: at locations (day, location, SKU, units), and to be sent (day,
    SKU, units; latitude, longitude).
    """

    def __init__(self, world: World) -> None:
        self.skus = tuple(sorted(world.prices_minor))
        self.sites = tuple(world.locations.by_id.values())
        self.column = {site.location_id: number for number, site in enumerate(self.sites)}
        self._row = {sku: number for number, sku in enumerate(self.skus)}
        self._bound = array("q")
        self._sent = array("q")
        self._to = array("d")
        self.first_day = world.begins.toordinal()

    @classmethod
    def past_of(cls, world: World) -> Seen:
        """What was known when the world began."""
        seen = cls(world)
        for sale in world.past:
            if sale.location_id:
                seen.at(sale.at, sale.sku, sale.location_id, sale.quantity_units)
            else:
                seen.to(sale.at, sale.sku, sale.quantity_units, sale.destination)
            seen.first_day = min(seen.first_day, sale.at.toordinal())
        return seen

    def copy(self) -> Seen:
        """One that grows by itself."""
        other = object.__new__(Seen)
        other.__dict__.update(self.__dict__)
        other._bound, other._sent, other._to = self._bound[:], self._sent[:], self._to[:]
        return other

    def at(self, at: datetime, sku: str, location_id: str, quantity_units: int) -> None:
        """Units were sold over a till, or asked for to be collected."""
        row, column = self._row.get(sku), self.column.get(location_id)
        if row is not None and column is not None and quantity_units > 0:
            self._bound.extend((at.toordinal(), column, row, quantity_units))

    def to(self, at: datetime, sku: str, quantity_units: int, destination: tuple[float, float]) -> None:
        """Units were asked for to be sent."""
        row = self._row.get(sku)
        if row is not None and quantity_units > 0:
            self._sent.extend((at.toordinal(), row, quantity_units))
            self._to.extend(round(degrees, _PLACE_DIGITS) for degrees in destination)

    def rows(self, today: int) -> tuple[Bound, Sent]:
        """Everything, as books are made of it; ages count from the day before `today`, which begins now."""
        bound = np.array(self._bound, dtype=np.int64).reshape(-1, 4)
        sent = np.array(self._sent, dtype=np.int64).reshape(-1, 3)
        to = np.array(self._to, dtype=np.float64).reshape(-1, 2)
        units = bound[:, 3]
        return (
            Bound(_ages(bound[:, 0], today), bound[:, 1], bound[:, 2], units, units * units),
            Sent(_ages(sent[:, 0], today), sent[:, 1], sent[:, 2], to[:, 0], to[:, 1]),
        )


class Learner:
    """What one played past has shown of demand, and what stock is worth by it. It sees what was sold, never
    what was missed, and nothing that comes later.
    """

    def __init__(self, world: World, past: Seen, rules: SourcingRules, horizon_days: int) -> None:
        self._world, self._rules, self._horizon = world, rules, horizon_days
        self._seen = past.copy()
        self._prices_minor = tuple(world.prices_minor[sku] for sku in past.skus)
        self._parcels: deque[tuple[int, int, int]] = deque()

    def sold(self, at: datetime, sku: str, location_id: str, quantity_units: int) -> None:
        """A store sold units over a till."""
        self._seen.at(at, sku, location_id, quantity_units)

    def ordered(self, at: datetime, wish: Wish, plan: Plan) -> None:
        """An order was placed, and served as planned."""
        for line in wish.lines:
            if line.method is not Method.SHIP:
                self._seen.at(at, line.sku, line.location_id, line.quantity_units)
            elif wish.destination is not None:
                self._seen.to(at, line.sku, line.quantity_units, wish.destination)
        for part in plan.parts:
            if part.sent:
                units = sum(line.quantity_units for line in part.lines)
                self._parcels.append((at.toordinal(), self._seen.column[part.location_id], units))

    def book(self, at: datetime, shelves: Shelves) -> PriceBook:
        """What stock is worth at `at`; without SKUs an empty book."""
        seen = self._seen
        if not seen.skus:
            return EMPTY
        today = at.toordinal()
        while self._parcels and self._parcels[0][0] <= today - PARCEL_DAYS:
            self._parcels.popleft()
        bound, sent = seen.rows(today)
        return make_book(
            Task(
                made_at=at,
                horizon_days=float(self._horizon or max(1, (self._world.ends - at).days)),
                seen_days=max(1, today - seen.first_day),
                rules=self._rules,
                locations=seen.sites,
                skus=seen.skus,
                prices_minor=self._prices_minor,
                currency_code=self._world.currency_code,
                stock=self._stock(shelves),
                bound=bound,
                sent=sent,
                parcels=_tally(self._parcels),
            )
        )

    def _stock(self, shelves: Shelves) -> Rows:
        seen = self._seen
        stock = np.zeros((len(seen.skus), len(seen.sites)), dtype=np.int64)
        for row, sku in enumerate(seen.skus):
            for location_id, units in shelves.units(sku).items():
                stock[row, seen.column[location_id]] = units
        return stock


def _ages(days: Rows, today: int) -> Rows:
    result: Rows = np.maximum(0, today - 1 - days)
    return result


def _tally(parcels: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """(location, parcels, units) of each location."""
    found: dict[int, list[int]] = {}
    for _, location, units in parcels:
        entry = found.setdefault(location, [0, 0])
        entry[0] += 1
        entry[1] += units
    return [(location, entry[0], entry[1]) for location, entry in sorted(found.items())]
