"""What is not there now, from what is to come: decided by the same engine, supply after supply.

Stock that is there goes first. What it leaves is decided wave by wave: supplies that are ready on the same
day are a wave, whose units are to the engine what stock is now, at the time they are ready. So the soonest
serve first, and among those of a day the cheapest, splits and exclusions included. Units that are not there
yet have no price: nobody can walk in and buy them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import NamedTuple

from services.orders.domain.places import Locations
from services.orders.domain.plans import LaterPart, Plan, PlannedLine, PlannedPart, Wish
from services.orders.domain.promise import Timetable
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import decide_by
from services.orders.domain.states import Method
from services.orders.domain.supplies import Coming, soonest_first
from services.orders.domain.views import NO_PRICES, UNLIMITED
from services.orders.domain.worth import Live


class Later(NamedTuple):
    """What is served from what is to come, and at what cost in thousandths of a minor unit."""

    parts: tuple[LaterPart, ...] = ()
    cost: int = 0
    co2_grams: int = 0

    def units_by_sku(self) -> dict[str, int]:
        """Units that are served, by SKU."""
        found: dict[str, int] = {}
        for one in self.parts:
            for line in one.part.lines:
                found[line.sku] = found.get(line.sku, 0) + line.quantity_units
        return found


def decide_later(
    wish: Wish,
    coming: Sequence[Coming],
    locations: Locations,
    rules: SourcingRules,
    excluded: frozenset[str] = frozenset(),
) -> Later:
    """Serve as much of `wish` as possible from what is `coming`, the soonest first."""
    left = {line.line_number: line.quantity_units for line in wish.lines}
    parts: list[LaterPart] = []
    cost = co2 = 0
    # Apart from the timetable of now: what is asked of a distant day is not what is asked next.
    timetable = Timetable(locations, rules.under(wish.customer_promise), apart=True)
    for wave in _waves(coming):
        lines = tuple(
            [
                line._replace(quantity_units=left[line.line_number])
                for line in wish.lines
                if left[line.line_number] and line.method is not Method.CARRY_OUT
            ]
        )
        if not lines:
            break
        plan = decide_by(
            wish._replace(lines=lines),
            _Wave.of(wave, wish),
            locations,
            rules,
            Live(NO_PRICES),
            max(one.ready_at for one in wave),
            UNLIMITED,
            excluded,
            True,
            timetable,
        )
        cost += plan.cost
        co2 += plan.co2_grams
        for part in plan.parts:
            for line in part.lines:
                left[line.line_number] -= line.quantity_units
            parts += _by_supply(part, wave)
    return Later(tuple(parts), cost, co2)


def with_later(
    wish: Wish,
    plan: Plan,
    coming: Sequence[Coming],
    locations: Locations,
    rules: SourcingRules,
    excluded: frozenset[str] = frozenset(),
) -> Plan:
    """`plan`, made of what is there and for as much as there is, with the rest from what is `coming`."""
    served: dict[int, int] = {}
    for part in plan.parts:
        for line in part.lines:
            served[line.line_number] = served.get(line.line_number, 0) + line.quantity_units
    of_what = {one.sku for one in coming}
    rest = tuple(
        [
            line._replace(quantity_units=line.quantity_units - served.get(line.line_number, 0))
            for line in wish.lines
            if line.sku in of_what and line.quantity_units > served.get(line.line_number, 0)
        ]
    )
    later = decide_later(wish._replace(lines=rest), coming, locations, rules, excluded)
    promised = later.units_by_sku()
    return plan._replace(
        shortages=tuple(
            [
                short
                for short in plan.shortages
                if short.available_units + promised.get(short.sku, 0) < short.requested_units
            ]
        ),
        cost=plan.cost + later.cost,
        co2_grams=plan.co2_grams + later.co2_grams,
        later=later.parts,
    )


def _waves(coming: Sequence[Coming]) -> list[list[Coming]]:
    """By the day on which they are ready; of one article at one location one supply each."""
    waves: list[list[Coming]] = []
    for one in soonest_first(coming):
        day = one.ready_at.astimezone(UTC).date()
        wave = waves[-1] if waves else None
        if (
            wave is None
            or wave[0].ready_at.astimezone(UTC).date() != day
            or any((each.sku, each.location_id) == (one.sku, one.location_id) for each in wave)
        ):
            waves.append([one])
        else:
            wave.append(one)
    return waves


def _by_supply(part: PlannedPart, wave: Sequence[Coming]) -> list[LaterPart]:
    """A location's share, supply by supply: each comes, and is received, by itself."""
    supplies = {one.sku: one for one in wave if one.location_id == part.location_id}
    lines: dict[str, list[PlannedLine]] = {}
    for line in part.lines:
        lines.setdefault(supplies[line.sku].supply_id, []).append(line)
    by_id = {one.supply_id: one for one in supplies.values()}
    return [
        LaterPart(
            part._replace(lines=tuple(some)),
            supply_id,
            by_id[supply_id].expected_at,
            max(supplies[line.sku].ready_at for line in some),
        )
        for supply_id, some in lines.items()
    ]


@dataclass(frozen=True, slots=True)
class _Wave:
    """A wave's units as stock."""

    by_sku: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, wave: Sequence[Coming], wish: Wish) -> _Wave:
        # What is collected comes to the store where it is collected.
        stores = {line.sku: line.location_id for line in wish.lines if line.method is Method.PICKUP}
        found: dict[str, dict[str, int]] = {}
        for one in wave:
            if stores.get(one.sku, one.location_id) == one.location_id:
                found.setdefault(one.sku, {})[one.location_id] = one.quantity_units
        return cls(found)

    def units(self, sku: str) -> Mapping[str, int]:
        return self.by_sku.get(sku, {})

    def version(self, sku: str, location_id: str) -> int:
        return 0
