"""Why units come from where they come, and why not from elsewhere: a recorded decision made again, and every
location asked what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.orders.domain.candidates import Row
from services.orders.domain.costs import parcel_co2, way_cost
from services.orders.domain.eligibility import Eligible, eligible, in_one_parcel
from services.orders.domain.places import SHIP, Location, Locations, km_between
from services.orders.domain.plans import Plan, PlannedPart
from services.orders.domain.promise import Timetable
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sending import ways_of
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
TOO_LATE = "TOO_LATE"
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
        promise = record.wish.customer_promise
        self.record, self.locations = record, locations
        self.plan: Plan = record.replay(locations, rules)
        within_days = rules.within_days(promise, accepted=record.wish.accepted)
        self.rules = rules = rules.under(promise)
        self._view = record.view(locations)
        self._worth = record.worth(locations)
        self._serving = {part.location_id for part in self.plan.parts}
        self._serving |= {one.part.location_id for one in self.plan.later}
        timetable, to = Timetable.of(locations, rules), record.wish.destination
        moment = timetable.at(record.now, record.capacity_left(locations), to)
        latest = timetable.latest(record.now, to, within_days)
        ways = ways_of(
            record.wish, self._view, locations, rules, self._worth, moment, record.excluded, latest
        )
        self._here = ways.sources.here
        self._sent = {line.line_number for ship in (ways.shipped, *ways.lacking.values()) for line in ship}
        self._ships = ways.ships(record.wish, locations)
        self._rows: dict[str, tuple[Ship, Row]] = {}
        """By location the first decision that it could serve something of, or the one that it serves."""
        for ship in self._ships:
            candidates = ship.candidates()
            serving = {part.location_id for part in self._parts(ship)}
            for at, name in enumerate(candidates.ids):
                if name not in self._rows or name in serving:
                    self._rows[name] = ship, candidates.row(at)

    def _parts(self, ship: Ship) -> list[PlannedPart]:
        """What is sent by that decision."""
        store_id = ship.sources.store_id
        return [part for part in self.plan.parts if part.sent and part.pickup_location_id == store_id]

    @property
    def split_cost(self) -> int:
        """What the parcels beyond the first cost on top, in thousandths of a minor unit."""
        parcels = sum(1 for part in self.plan.parts if part.sent)
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
            if line.line_number in self._sent or (line.method is Method.PICKUP and line.location_id == name)
        ]
        coverable = sum(min(line.quantity_units, self._view.units(line.sku).get(name, 0)) for line in here)
        ship, row = self._rows.get(name, (None, None))
        km = 0 if row is None else row.km
        to = (ship or self._ships[-1]).sources.here.destination if self._ships else None
        if row is None and to is not None:
            km = km_between(location, to)
        code, rule = self._eliminated(location, coverable)
        return Candidate(
            name,
            km,
            coverable,
            code,
            {} if ship is None or row is None else self._terms(ship, row),
            rule,
            0 if row is None else row.late_days,
            0 if row is None else parcel_co2(row.km, self.rules),
        )

    def why_not(self, location: Location) -> Reason:
        """Why this location serves nothing, or less than it could."""
        candidate = self.candidate(location)
        ship, _ = self._rows.get(location.location_id, (None, None))
        if candidate.eliminated_by not in (NOT_CHEAPEST, LATER_GROUP) or ship is None:
            return Reason(candidate, None)
        costs = [one.cost_with(location.location_id) for one in self._ships]
        mine = [(one, cost) for one, cost in zip(self._ships, costs, strict=True) if cost is not None]
        extra = [cost - self._cost_of(one) for one, cost in mine]
        return Reason(candidate, max(0, min(extra)) if extra else None)

    def _cost_of(self, ship: Ship) -> int:
        """What is sent by that decision costs, without the other parcels of the order."""
        return self.plan.cost if len(self._ships) == 1 else ship.plan(self.record.partial).cost

    # ---- what became of a location

    def _eliminated(self, location: Location, coverable: int) -> tuple[str, str]:
        name, wish = location.location_id, self.record.wish
        if name in self._serving:
            return CHOSEN, ""
        if not location.active:
            return INACTIVE, ""
        if name in self.record.excluded:
            return FAILED_BEFORE, ""
        collects = any(line.method is not Method.SHIP and line.location_id == name for line in wish.lines)
        if not self._ships and not collects:
            return NOT_THE_PICKUP_STORE, ""
        if not collects and SHIP not in location.capabilities:
            return NO_CAPABILITY, ""
        if not coverable:
            return NO_STOCK, ""
        ship, row = self._rows.get(name, (None, None))
        if ship is None or row is None:
            return self._pickup_eliminated(location) if collects else self._barred(name)
        if self.plan.empty:
            return SHORT, ""
        return self._lost(ship, row)

    def _pickup_eliminated(self, location: Location) -> tuple[str, str]:
        name, wish = location.location_id, self.record.wish
        for line in wish.lines:
            if line.location_id == name:
                rule = eligible(wish, line, self.rules, self._here)
                if name in rule.banned:
                    return EXCLUDED_BY_RULE, rule.banned[name]
                if keeper := self._keeper(rule, line.sku, name):
                    return SAFETY_DAYS, keeper
        # What it has of a line would have come beside a parcel with the rest.
        return (NOT_CHEAPEST if self.plan.parts else SHORT), ""

    def _barred(self, name: str) -> tuple[str, str]:
        """Which rule lets a location that has something serve nothing."""
        for item in [item for ship in self._ships for item in ship.items]:
            if self._view.units(item.sku).get(name, 0) <= 0:
                continue
            if name in item.eligible.banned:
                return EXCLUDED_BY_RULE, item.eligible.banned[name]
            if item.eligible.ranks is not None and name not in item.eligible.ranks:
                return NOT_IN_A_GROUP, ""
            if keeper := self._keeper(item.eligible, item.sku, name):
                return SAFETY_DAYS, keeper
        return self._no_time(name)

    def _no_time(self, name: str) -> tuple[str, str]:
        """Whether a location that may serve is only too late for the promise, or cannot work on it at all."""
        for ship in self._ships:
            sources = ship.sources
            if sources.latest is not None and sources.here.destination is not None:
                km = km_between(self.locations.by_id[name], sources.here.destination)
                if sources.moment.arrival(name, km) is not None:
                    return TOO_LATE, self.record.wish.customer_promise
        return NO_CAPACITY, ""

    def _keeper(self, rule: Eligible, sku: str, name: str) -> str:
        """The rule whose safety days keep units of an article at a location; empty: none."""
        for one in rule.safety:
            if name in one.location_ids and self._worth.kept_back(sku, name, one.days):
                return one.name
        return ""

    def _lost(self, ship: Ship, row: Row) -> tuple[str, str]:
        """Why a location that might have served does not."""
        if not ship.in_time(ship.arrival(row)):
            return self._no_time(row.location_id)
        served = self._parts(ship)
        group = self._earlier_group(ship, row, served)
        if group:
            return LATER_GROUP, group
        whole = all(units >= item.quantity_units for units, item in zip(row.cover, ship.items, strict=True))
        if not whole and len(served) == 1:
            if in_one_parcel(self.record.wish, self.rules):
                return ONE_PARCEL, "no_split_below"
            if self.rules.most_parcels == 1 and not self.record.wish.accepted:
                return TOO_MANY_PARCELS, "most_parcels"
        brand = self._torn(ship, row)
        return (BRAND_TOGETHER, brand) if brand else (NOT_CHEAPEST, "")

    def _earlier_group(self, ship: Ship, row: Row, served: list[PlannedPart]) -> str:
        """The group that served all that the location could, when that comes before the location's own."""
        name = ""
        for number, item in enumerate(ship.items):
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

    def _torn(self, ship: Ship, row: Row) -> str:
        """The brand of which the location has something, but not all that is to stay together."""
        brands: dict[str, list[int]] = {}
        for number, item in enumerate(ship.items):
            brand = item.lines[0].brand
            if brand in self.rules.brands_together:
                brands.setdefault(brand, []).append(number)
        items = ship.items
        for brand, those in brands.items():
            some = any(row.cover[n] for n in those)
            only = all(n in those for n in range(len(items)) if row.cover[n])
            if some and only and any(row.cover[n] < items[n].quantity_units for n in those):
                return brand
        return ""

    def _terms(self, ship: Ship, row: Row) -> dict[str, int]:
        """What the parcel costs, or would cost with all that the location could give, term by term."""
        units: dict[str, int] = {}
        for part in self._parts(ship):
            if part.location_id == row.location_id:
                for line in part.lines:
                    units[line.sku] = units.get(line.sku, 0) + line.quantity_units
        if not units:
            units = {item.sku: row.cover[number] for number, item in enumerate(ship.items)}
        late = row.late_days * self.rules.late_per_day
        distance = way_cost(row.km, self.rules)
        price = credit = 0
        transfer = self.rules.transfer_per_unit * sum(units.values()) if ship.sources.store_id else 0
        for item in ship.items:
            dearer, cheaper = ship.stock_terms(row.location_id, item, units.get(item.sku, 0))
            price, credit = price + dearer, credit + cheaper
        terms = {
            "parcel": row.fixed - late - distance,
            "distance": distance,
            "units": sum(units.values()) * row.unit - transfer,
            "transfer": transfer,
            "stock_price": price,
            "lateness": late,
            "markdown_credit": -credit,
        }
        always = ("parcel", "distance", "units")
        return {name: cost for name, cost in terms.items() if cost or name in always}
