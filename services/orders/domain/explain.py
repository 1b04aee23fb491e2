"""Why units come from where they come, and why not from elsewhere: a recorded decision made again, and every
location asked what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.orders.domain.candidates import Row, Sources
from services.orders.domain.costs import parcel_co2, way_cost
from services.orders.domain.eligibility import Eligible, Here, eligible, in_one_parcel
from services.orders.domain.places import SHIP, Location, Locations, unit_vector, whole_km
from services.orders.domain.plans import Plan, PlannedPart
from services.orders.domain.promise import Timetable
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import SourcingRules
from services.orders.domain.shipping import Ship
from services.orders.domain.states import Method

CHOSEN = ""
INACTIVE = "INACTIVE"
FAILED_BEFORE = "EXCLUDED"
NOT_THE_PICKUP_STORE = "NOT_THE_PICKUP_STORE"
NO_CAPABILITY = "NO_CAPABILITY"
EXCLUDED_BY_RULE = "EXCLUDED_BY_RULE"
NOT_IN_A_GROUP = "NOT_IN_A_GROUP"
LATER_GROUP = "LATER_GROUP"
SAFETY_DAYS = "SAFETY_DAYS"
NO_CAPACITY = "NO_CAPACITY"
NO_STOCK = "NO_STOCK"
ONE_PARCEL = "ONE_PARCEL"
TOO_MANY_PARCELS = "TOO_MANY_PARCELS"
BRAND_TOGETHER = "BRAND_TOGETHER"
NOT_CHEAPEST = "NOT_CHEAPEST"
SHORT = "SHORT"
"""The location had units, but the whole order was refused because others were missing."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A location that was looked at. `eliminated_by` is empty when it was chosen; `rule` names the rule or
    group that decided. Costs in thousandths of a minor unit.
    """

    location_id: str
    distance_km: int
    coverable_units: int
    eliminated_by: str
    cost_terms: Mapping[str, int]
    rule: str = ""
    late_days: int = 0
    co2_grams: int = 0


class Reason(NamedTuple):
    """Why a location does not serve an order. `extra` is how much more, in thousandths of a minor unit, the
    cheapest plan with the location would have cost, at least; None where there is none.
    """

    candidate: Candidate
    extra: int | None


class Explained:
    """A decision made again."""

    def __init__(self, record: DecisionRecord, locations: Locations, rules: SourcingRules) -> None:
        self.record, self.locations, self.rules = record, locations, rules
        self.plan: Plan = record.replay(locations, rules)
        self._view = record.view(locations)
        self._worth = record.worth(locations)
        self._parts = {(part.location_id, part.method): part for part in self.plan.parts}
        self._shipped = [line for line in record.wish.lines if line.method is Method.SHIP]
        self._ship: Ship | None = None
        self._rows: dict[str, Row] = {}
        timetable = Timetable.of(locations, rules)
        self._here = Here(locations, record.wish.destination, lambda: timetable.open_at(record.now))
        if self._shipped and record.wish.destination is not None:
            capacity = record.capacity_left(locations)
            moment = timetable.at(record.now, capacity, record.wish.destination)
            taken: dict[tuple[str, str], int] = {}
            for part in self.plan.parts:
                if part.method is Method.PICKUP:
                    for line in part.lines:
                        key = line.sku, part.location_id
                        taken[key] = taken.get(key, 0) + line.quantity_units
            sources = Sources(self._view, rules, self._worth, moment, record.excluded, taken, self._here)
            self._ship = Ship(record.wish, self._shipped, sources)
            candidates = self._ship.candidates()
            self._rows = {name: candidates.row(at) for at, name in enumerate(candidates.ids)}

    @property
    def split_cost(self) -> int:
        """What the parcels beyond the first cost on top, in thousandths of a minor unit."""
        parcels = sum(1 for part in self.plan.parts if part.method is Method.SHIP)
        return self.rules.split * max(0, parcels - 1)

    def candidates(self) -> list[Candidate]:
        """Every location and what ruled it out, in order of id."""
        return [self.candidate(location) for location in self.locations.by_id.values()]

    def candidate(self, location: Location) -> Candidate:
        """One of them."""
        name = location.location_id
        here = [
            line
            for line in self.record.wish.lines
            if line.method is Method.SHIP or (line.method is Method.PICKUP and line.location_id == name)
        ]
        coverable = sum(min(line.quantity_units, self._view.units(line.sku).get(name, 0)) for line in here)
        km = 0
        if self._shipped and self.record.wish.destination is not None:
            km = whole_km(
                unit_vector(*self.record.wish.destination), unit_vector(location.latitude, location.longitude)
            )
        row = self._rows.get(name)
        code, rule = self._eliminated(location, coverable)
        return Candidate(
            name,
            km,
            coverable,
            code,
            {} if row is None else self._terms(row),
            rule,
            0 if row is None else row.late_days,
            0 if row is None else parcel_co2(row.km, self.rules),
        )

    def why_not(self, location: Location) -> Reason:
        """Why this location serves nothing, or less than it could."""
        candidate = self.candidate(location)
        row = self._rows.get(location.location_id)
        if candidate.eliminated_by not in (NOT_CHEAPEST, LATER_GROUP) or row is None or self._ship is None:
            return Reason(candidate, None)
        cost = self._ship.cost_with(location.location_id)
        return Reason(candidate, None if cost is None else max(0, cost - self.plan.cost))

    # ---- what became of a location

    def _eliminated(self, location: Location, coverable: int) -> tuple[str, str]:
        name, wish = location.location_id, self.record.wish
        if any(at == name for at, _ in self._parts):
            return CHOSEN, ""
        if not location.active:
            return INACTIVE, ""
        if name in self.record.excluded:
            return FAILED_BEFORE, ""
        if not self._shipped and all(line.location_id != name for line in wish.lines):
            return NOT_THE_PICKUP_STORE, ""
        if self._ship is not None and SHIP not in location.capabilities:
            return NO_CAPABILITY, ""
        if not coverable:
            return NO_STOCK, ""
        if self._ship is None:
            return self._pickup_eliminated(location)
        row = self._rows.get(name)
        if row is None:
            return self._barred(name)
        if not self.plan.parts:
            return SHORT, ""
        return self._lost(row)

    def _pickup_eliminated(self, location: Location) -> tuple[str, str]:
        name, wish = location.location_id, self.record.wish
        for line in wish.lines:
            if line.location_id == name:
                rule = eligible(wish, line, self.rules, self._here)
                if name in rule.banned:
                    return EXCLUDED_BY_RULE, rule.banned[name]
                if keeper := self._keeper(rule, line.sku, name):
                    return SAFETY_DAYS, keeper
        return SHORT, ""

    def _barred(self, name: str) -> tuple[str, str]:
        """Which rule lets a location that has something serve nothing."""
        assert self._ship is not None
        for item in self._ship.items:
            if self._view.units(item.sku).get(name, 0) <= 0:
                continue
            if name in item.eligible.banned:
                return EXCLUDED_BY_RULE, item.eligible.banned[name]
            if item.eligible.ranks is not None and name not in item.eligible.ranks:
                return NOT_IN_A_GROUP, ""
            if keeper := self._keeper(item.eligible, item.sku, name):
                return SAFETY_DAYS, keeper
        return NO_CAPACITY, ""

    def _keeper(self, rule: Eligible, sku: str, name: str) -> str:
        """The rule whose safety days keep units of an article at a location; empty: none."""
        for one in rule.safety:
            if name in one.location_ids and self._worth.kept_back(sku, name, one.days):
                return one.name
        return ""

    def _lost(self, row: Row) -> tuple[str, str]:
        """Why a location that might have served does not."""
        assert self._ship is not None
        if self._ship.arrival(row) is None:
            return NO_CAPACITY, ""
        served = [part for part in self.plan.parts if part.method is Method.SHIP]
        group = self._earlier_group(row, served)
        if group:
            return LATER_GROUP, group
        whole = all(
            units >= item.quantity_units for units, item in zip(row.cover, self._ship.items, strict=True)
        )
        if not whole and len(served) == 1:
            if in_one_parcel(self.record.wish, self.rules):
                return ONE_PARCEL, "no_split_below"
            if self.rules.most_parcels == 1 and not self.record.wish.accepted:
                return TOO_MANY_PARCELS, "most_parcels"
        brand = self._torn(row)
        return (BRAND_TOGETHER, brand) if brand else (NOT_CHEAPEST, "")

    def _earlier_group(self, row: Row, served: list[PlannedPart]) -> str:
        """The group that served all that the location could, when that comes before the location's own."""
        assert self._ship is not None
        name = ""
        for number, item in enumerate(self._ship.items):
            ranks = item.eligible.ranks
            if not row.cover[number]:
                continue
            if ranks is None:
                return ""
            serving = [
                ranks.get(part.location_id, 0)
                for part in served
                for line in part.lines
                if line.sku == item.sku
            ]
            if not serving or max(serving) >= ranks[row.location_id]:
                return ""
            name = item.eligible.groups[max(serving)]
        return name

    def _torn(self, row: Row) -> str:
        """The brand of which the location has something, but not all that is to stay together."""
        assert self._ship is not None
        brands: dict[str, list[int]] = {}
        for number, item in enumerate(self._ship.items):
            brand = item.lines[0].brand
            if brand in self.rules.brands_together:
                brands.setdefault(brand, []).append(number)
        items = self._ship.items
        for brand, those in brands.items():
            some = any(row.cover[n] for n in those)
            only = all(n in those for n in range(len(items)) if row.cover[n])
            if some and only and any(row.cover[n] < items[n].quantity_units for n in those):
                return brand
        return ""

    def _terms(self, row: Row) -> dict[str, int]:
        """What the parcel costs, or would cost with all that the location could give, term by term."""
        assert self._ship is not None
        part = self._parts.get((row.location_id, Method.SHIP))
        units: dict[str, int] = {}
        if part is not None:
            for line in part.lines:
                units[line.sku] = units.get(line.sku, 0) + line.quantity_units
        else:
            for number, item in enumerate(self._ship.items):
                units[item.sku] = row.cover[number]
        late = row.late_days * self.rules.late_per_day
        distance = way_cost(row.km, self.rules)
        price = credit = 0
        for item in self._ship.items:
            dearer, cheaper = self._ship.stock_terms(row.location_id, item, units.get(item.sku, 0))
            price, credit = price + dearer, credit + cheaper
        terms = {
            "parcel": row.fixed - late - distance,
            "distance": distance,
            "units": sum(units.values()) * row.unit,
            "stock_price": price,
            "lateness": late,
            "markdown_credit": -credit,
        }
        always = ("parcel", "distance", "units")
        return {name: cost for name, cost in terms.items() if cost or name in always}
