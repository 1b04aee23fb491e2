"""Decision records: what a decision was made from, so small that every order keeps one, so whole that
replaying it gives the same plan.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.orders.domain.places import Location, Locations, unit_vector, whole_km
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import (
    Plan,
    PlannedPart,
    Wish,
    WishLine,
    decide,
    parcel_cost,
    unit_cost,
)
from services.orders.domain.states import Method
from services.orders.domain.views import Stock

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A location that was looked at. `eliminated_by` is empty when it was chosen; costs in thousandths of
    a minor unit.
    """

    location_id: str
    distance_km: int
    coverable_units: int
    eliminated_by: str
    cost_terms: Mapping[str, int]


class DecisionRecord(NamedTuple):
    """A decision's input. Locations and rules are kept once per version; stock is cut to what was wanted,
    for more does not matter.

    `stock` maps each SKU to {units: numbers of the locations that had (at least) so many}; numbers count
    the locations in order of id.
    """

    locations_version: str
    rules_version: str
    wish: Wish
    excluded: frozenset[str]
    partial: bool
    stock: Mapping[str, Mapping[int, tuple[int, ...]]]
    versions: Mapping[str, int]
    """Versions of the chosen positions, by `sku@location`."""
    now: datetime = _LONG_AGO
    """When it was decided; records of a time when that did not matter do not say."""

    @classmethod
    def of(
        cls,
        wish: Wish,
        stock: Stock,
        locations: Locations,
        rules: SourcingRules,
        plan: Plan,
        *,
        now: datetime,
        excluded: frozenset[str] = frozenset(),
        partial: bool = False,
    ) -> DecisionRecord:
        """The record of `plan`, which `decide` made from the same arguments."""
        numbers = locations.numbers
        seen: dict[str, dict[int, tuple[int, ...]]] = {}
        for line in wish.lines:
            if line.method is Method.CARRY_OUT:
                continue
            wanted = line.quantity_units
            there = stock.units(line.sku)
            # Nearly all have all that is wanted, or nothing: those with less are looked at one by one.
            enough = tuple([numbers[at] for at, units in there.items() if units >= wanted and at in numbers])
            found = seen[line.sku] = {wanted: enough} if enough else {}
            if wanted > 1:
                for at, units in there.items():
                    if 0 < units < wanted and at in numbers:
                        found[units] = (*found.get(units, ()), numbers[at])
        versions = {
            f"{sku}@{location_id}": stock.version(sku, location_id) for sku, location_id in plan.picks()
        }
        return cls(
            locations.version,
            rules.version,
            wish,
            excluded,
            partial,
            seen,
            versions,
            now,
        )

    def replay(self, locations: Locations, rules: SourcingRules) -> Plan:
        """The plan that was made, made again; `locations` and `rules` are those of the recorded versions."""
        return decide(
            self.wish,
            self._view(locations),
            locations,
            rules,
            now=self.now,
            excluded=self.excluded,
            partial=self.partial,
        )

    def candidates(self, locations: Locations, rules: SourcingRules) -> list[Candidate]:
        """Every location and what ruled it out, in order of id."""
        view = self._view(locations)
        parts = {part.location_id: part for part in self.replay(locations, rules).parts}
        return [self._candidate(location, view, parts, rules) for location in locations.by_id.values()]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it back."""
        return {
            "locations": self.locations_version,
            "rules": self.rules_version,
            "lines": [(n, sku, q, int(m), at) for n, sku, q, m, at in self.wish.lines],
            "to": self.wish.destination,
            "excluded": sorted(self.excluded),
            "partial": self.partial,
            "stock": {sku: {str(u): at for u, at in found.items()} for sku, found in self.stock.items()},
            "versions": self.versions,
            "now": self.now.isoformat(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DecisionRecord:
        """What `to_dict` gave, also after a way through JSON."""
        to = data["to"]
        return cls(
            data["locations"],
            data["rules"],
            Wish(
                tuple(WishLine(n, sku, q, Method(m), at) for n, sku, q, m, at in data["lines"]),
                (to[0], to[1]) if to else None,
            ),
            frozenset(data["excluded"]),
            data["partial"],
            {
                sku: {int(units): tuple(at) for units, at in found.items()}
                for sku, found in data["stock"].items()
            },
            data["versions"],
            datetime.fromisoformat(data["now"]) if "now" in data else _LONG_AGO,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> DecisionRecord:
        """The record in a JSON text."""
        return cls.from_dict(json.loads(text))

    def _view(self, locations: Locations) -> _Recorded:
        ids = list(locations.by_id)
        return _Recorded(
            {
                sku: {ids[number]: units for units, at in found.items() for number in at}
                for sku, found in self.stock.items()
            }
        )

    def _candidate(
        self, location: Location, view: _Recorded, parts: Mapping[str, PlannedPart], rules: SourcingRules
    ) -> Candidate:
        name = location.location_id
        shipped = [line for line in self.wish.lines if line.method is Method.SHIP]
        here = [
            line for line in self.wish.lines if line.method is not Method.SHIP and line.location_id == name
        ]
        coverable = sum(
            min(line.quantity_units, view.units(line.sku).get(name, 0))
            for line in (*shipped, *here)
            if line.method is not Method.CARRY_OUT
        )
        km = 0
        terms: dict[str, int] = {}
        if shipped and self.wish.destination is not None:
            km = whole_km(
                unit_vector(*self.wish.destination), unit_vector(location.latitude, location.longitude)
            )
            part = parts.get(name)
            units = (
                sum(line.quantity_units for line in part.lines)
                if part is not None and part.method is Method.SHIP
                else sum(min(line.quantity_units, view.units(line.sku).get(name, 0)) for line in shipped)
            )
            if units:
                terms = {
                    "parcel": parcel_cost(location, 0, rules),
                    "distance": km * rules.parcel_per_km,
                    "units": units * unit_cost(location, rules),
                }
        return Candidate(name, km, coverable, self._eliminated(location, coverable, parts), terms)

    def _eliminated(self, location: Location, coverable: int, parts: Mapping[str, PlannedPart]) -> str:
        name = location.location_id
        if name in parts:
            return ""
        if not location.active:
            return "INACTIVE"
        if name in self.excluded:
            return "EXCLUDED"
        shipped = any(line.method is Method.SHIP for line in self.wish.lines)
        if not shipped and all(line.location_id != name for line in self.wish.lines):
            return "NOT_THE_PICKUP_STORE"
        if shipped and "SHIP" not in location.capabilities:
            return "NO_CAPABILITY"
        return "NOT_CHEAPEST" if coverable else "NO_STOCK"


@dataclass(frozen=True, slots=True)
class _Recorded:
    by_sku: Mapping[str, Mapping[str, int]]

    def units(self, sku: str) -> Mapping[str, int]:
        return self.by_sku.get(sku, {})

    def version(self, sku: str, location_id: str) -> int:
        return 0
