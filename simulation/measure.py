"""What a plan costs and promises, measured the same way whoever made it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from services.orders.domain.calendar import HORIZON_DAYS
from services.orders.domain.capacity import Less, Work
from services.orders.domain.costs import parcel_co2, tariff, way_cost
from services.orders.domain.places import STORE, Locations
from services.orders.domain.promise import Timetable
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Plan, PlannedPart, Wish
from services.orders.domain.views import Capacity

DAY_SECONDS = 86_400.0


class Served(NamedTuple):
    """What happened to one order. Money in thousandths of a minor unit."""

    parcel: int
    """Fixed cost of its parcels, packing included."""
    distance: int
    """Cost of their ways."""
    units: int
    """Picking, and the parcels' cost per unit."""
    unmet_margin: int
    """Margin of units that nobody could serve."""
    unmet_units: int
    parcels: int
    splits: int
    """Parcels beyond the first."""
    km: int
    """Of all its parcels together."""
    promise_days: float
    """From the order to the time by when the customer has the last unit."""
    co2_grams: int
    store_units: int
    """Sent by stores."""
    warehouse_units: int
    """Sent by warehouses."""

    @property
    def cost(self) -> int:
        """What serving it costs."""
        return self.parcel + self.distance + self.units

    @property
    def burden(self) -> int:
        """What serving it costs, and the margin of what nobody could serve."""
        return self.cost + self.unmet_margin


class Workload:
    """Capacity as it is used up: what the engine sees of it."""

    def __init__(self, locations: Locations) -> None:
        self._most = {
            location.location_id: location.daily_capacity_units
            for location in locations.by_id.values()
            if location.daily_capacity_units
        }
        self._used: dict[tuple[str, date], int] = {}

    def left(self, location_id: str, day: date) -> int | None:
        """See `views.Capacity`."""
        most = self._most.get(location_id)
        return None if most is None else most - self._used.get((location_id, day), 0)

    def take(self, location_id: str, work: Work) -> None:
        """An order was accepted that needs `work`."""
        if location_id in self._most:
            for day, units in work:
                key = location_id, day
                self._used[key] = self._used.get(key, 0) + units


class Promised(NamedTuple):
    """By when, and what work that is, by location."""

    time: datetime
    work: tuple[tuple[str, Work], ...]


def promised(
    plan: Plan, wish: Wish, now: datetime, locations: Locations, rules: SourcingRules, capacity: Capacity
) -> Promised:
    """The promise of the whole plan, as an order that it becomes has it."""
    left = Less(capacity)
    timetable = Timetable.of(locations, rules.under(wish.customer_promise))
    moment = timetable.at(now, left, wish.destination)
    last = now
    work: list[tuple[str, Work]] = []
    for part in plan.parts:
        found = moment.promise(
            part.method,
            part.pickup_location_id or part.location_id,
            _units(part),
            km=part.distance_km,
            from_location_id=part.location_id if part.pickup_location_id else "",
        )
        if found is None:
            last = max(last, now + timedelta(days=HORIZON_DAYS))
            continue
        last = max(last, found.time)
        left.take(part.location_id, found.work)
        work.append((part.location_id, found.work))
    return Promised(last, tuple(work))


def margin(price_minor: int, rules: SourcingRules) -> int:
    """Of one unit, in thousandths of a minor unit."""
    return price_minor * 10 * rules.margin_percent


def served(
    plan: Plan,
    now: datetime,
    promise: datetime,
    locations: Locations,
    rules: SourcingRules,
    prices_minor: Mapping[str, int],
) -> Served:
    """What `plan` comes to by the costs of `rules`, whichever rules made it."""
    parcel = distance = units = km = co2 = from_stores = from_warehouses = parcels = 0
    for part in plan.parts:
        if not part.sent:
            continue
        location = locations.by_id[part.location_id]
        count = _units(part)
        fixed, unit = tariff(part.distance_km, location.kind != STORE, rules)
        way = way_cost(part.distance_km, rules)
        parcel, distance = parcel + fixed - way, distance + way
        units += count * (unit + (rules.transfer_per_unit if part.pickup_location_id else 0))
        parcels, km = parcels + 1, km + part.distance_km
        co2 += parcel_co2(part.distance_km, rules)
        if location.kind == STORE:
            from_stores += count
        else:
            from_warehouses += count
    unmet = [(short.sku, short.requested_units - short.available_units) for short in plan.shortages]
    return Served(
        parcel=parcel,
        distance=distance,
        units=units,
        unmet_margin=sum(count * margin(prices_minor.get(sku, 0), rules) for sku, count in unmet),
        unmet_units=sum(count for _, count in unmet),
        parcels=parcels,
        splits=max(0, parcels - 1),
        km=km,
        promise_days=(promise - now).total_seconds() / DAY_SECONDS,
        co2_grams=co2,
        store_units=from_stores,
        warehouse_units=from_warehouses,
    )


def _units(part: PlannedPart) -> int:
    return sum(line.quantity_units for line in part.lines)
