"""Decision records: what a decision was made from, so small that every order keeps one, so whole that
replaying it gives the same plan.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from services.orders.domain.capacity import CapacityLeft
from services.orders.domain.later import with_later
from services.orders.domain.places import Locations
from services.orders.domain.plans import Plan, Seen, Wish, WishLine
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import decide_by
from services.orders.domain.states import Method
from services.orders.domain.supplies import Coming
from services.orders.domain.views import Stock
from services.orders.domain.worth import Recorded

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class DecisionRecord(NamedTuple):
    """A decision's input. Locations and rules are kept once per version; stock is cut to what was wanted, the
    wish to what the rules ask for, prices to what could matter, for more does not.

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
    prices_version: str = ""
    """Of the prices of stock; empty when there were none."""
    prices: Mapping[str, Mapping[int, tuple[int, ...]]] = {}
    """By SKU and location: what the first unit given away, the second, … are worth, where it mattered."""
    kept_back: Mapping[str, Mapping[int, Mapping[int, int]]] = {}
    """By SKU, location and days of safety: units that stay."""
    capacity: Mapping[int, Mapping[str, int]] = {}
    """By location and ISO date: units that it still took on."""
    coming: tuple[tuple[str, str, int, str, str, int], ...] = ()
    """What was to come of what was not there, if it was looked at: SKU, supply, location, and as ISO times
    when it was expected and when it could be worked on, units.
    """

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
        coming: Sequence[Coming] = (),
    ) -> DecisionRecord:
        """The record of `plan`, which `decide` made from the same arguments."""
        numbers = locations.numbers
        wanted = wish.from_stock()
        seen: dict[str, dict[int, tuple[int, ...]]] = {}
        for sku, most in wanted.items():
            there = stock.units(sku)
            # Nearly all have all that is wanted, or nothing: those with less are looked at one by one.
            enough = tuple([numbers[at] for at, units in there.items() if units >= most and at in numbers])
            found = seen[sku] = {most: enough} if enough else {}
            if most > 1:
                for at, units in there.items():
                    if 0 < units < most and at in numbers:
                        found[units] = (*found.get(units, ()), numbers[at])
        if plan.seen.kept_back:
            _add_what_stays(seen, wanted, stock, numbers, plan.seen)
        versions = {
            f"{sku}@{location_id}": stock.version(sku, location_id) for sku, location_id in plan.picks()
        }
        return cls(
            locations.version,
            rules.version,
            wish_for(wish, rules),
            excluded,
            partial,
            seen,
            versions,
            now,
            plan.seen.prices_version,
            *_numbered(plan.seen, numbers),
            tuple(
                (
                    one.sku,
                    one.supply_id,
                    numbers[one.location_id],
                    one.expected_at.isoformat(),
                    one.ready_at.isoformat(),
                    one.quantity_units,
                )
                for one in coming
                if one.location_id in numbers
            ),
        )

    def replay(self, locations: Locations, rules: SourcingRules) -> Plan:
        """The plan that was made, made again; `locations` and `rules` are those of the recorded versions."""
        plan = decide_by(
            self.wish,
            self.view(locations),
            locations,
            rules,
            self.worth(locations),
            self.now,
            self.capacity_left(locations),
            self.excluded,
            self.partial or bool(self.coming),
        )
        if not self.coming:
            return plan
        ids = list(locations.by_id)
        coming = [
            Coming(sku, supply_id, ids[n], datetime.fromisoformat(at), datetime.fromisoformat(ready), units)
            for sku, supply_id, n, at, ready, units in self.coming
        ]
        return with_later(self.wish, plan, coming, locations, rules, self.excluded)

    def worth(self, locations: Locations) -> Recorded:
        """What stock was worth, as far as it mattered."""
        ids = list(locations.by_id)
        return Recorded(
            self.prices_version,
            {(sku, ids[n]): each for sku, found in self.prices.items() for n, each in found.items()},
            {
                (sku, ids[n], days): units
                for sku, found in self.kept_back.items()
                for n, by_days in found.items()
                for days, units in by_days.items()
            },
        )

    def capacity_left(self, locations: Locations) -> CapacityLeft:
        """What locations still took on, as far as it was asked."""
        ids = list(locations.by_id)
        return CapacityLeft(
            {
                (ids[n], date.fromisoformat(day)): left
                for n, by_day in self.capacity.items()
                for day, left in by_day.items()
            }
        )

    def view(self, locations: Locations) -> Stock:
        """Stock as the decision saw it."""
        ids = list(locations.by_id)
        return _Recorded(
            {
                sku: {ids[number]: units for units, at in found.items() for number in at}
                for sku, found in self.stock.items()
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it back. What says nothing is left out."""
        data: dict[str, Any] = {
            "locations": self.locations_version,
            "rules": self.rules_version,
            "lines": [(n, sku, q, int(m), at) for n, sku, q, m, at, *_ in self.wish.lines],
            "to": self.wish.destination,
            "excluded": sorted(self.excluded),
            "partial": self.partial,
            "stock": {sku: {str(u): at for u, at in found.items()} for sku, found in self.stock.items()},
            "versions": self.versions,
            "now": self.now.isoformat(),
        }
        if about := {str(line.line_number): line[5:] for line in self.wish.lines if any(line[5:])}:
            data["about"] = about
        if any(self.wish[2:]):
            data["order"] = self.wish[2:]
        if self.prices_version:
            data["priced"] = self.prices_version
        if self.prices:
            # Most are of one unit: locations side by side, and prices.
            data["prices"] = {
                sku: (list(found), [each[0] if len(each) == 1 else each for each in found.values()])
                for sku, found in self.prices.items()
            }
        if self.kept_back:
            data["stays"] = {
                sku: {str(n): {str(days): units for days, units in one.items()} for n, one in found.items()}
                for sku, found in self.kept_back.items()
            }
        if self.coming:
            data["coming"] = self.coming
        if self.capacity:
            data["capacity"] = {str(n): by_day for n, by_day in self.capacity.items()}
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DecisionRecord:
        """What `to_dict` gave, also after a way through JSON."""
        to = data["to"]
        about = data.get("about", {})
        order = data.get("order", ())
        return cls(
            data["locations"],
            data["rules"],
            Wish(
                tuple(
                    WishLine(n, sku, q, Method(m), at, *_about(about.get(str(n), about.get(n, ()))))
                    for n, sku, q, m, at in data["lines"]
                ),
                (to[0], to[1]) if to else None,
                *order,
            ),
            frozenset(data["excluded"]),
            data["partial"],
            {
                sku: {int(units): tuple(at) for units, at in found.items()}
                for sku, found in data["stock"].items()
            },
            data["versions"],
            datetime.fromisoformat(data["now"]) if "now" in data else _LONG_AGO,
            data.get("priced", ""),
            {
                sku: {
                    n: (each,) if isinstance(each, int) else tuple(each)
                    for n, each in zip(*found, strict=True)
                }
                for sku, found in data.get("prices", {}).items()
            },
            {
                sku: {int(n): {int(days): units for days, units in one.items()} for n, one in found.items()}
                for sku, found in data.get("stays", {}).items()
            },
            {int(n): one for n, one in data.get("capacity", {}).items()},
            tuple(tuple(one) for one in data.get("coming", ())),
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> DecisionRecord:
        """The record in a JSON text."""
        return cls.from_dict(json.loads(text))


@dataclass(frozen=True, slots=True)
class _Recorded:
    by_sku: Mapping[str, Mapping[str, int]]

    def units(self, sku: str) -> Mapping[str, int]:
        return self.by_sku.get(sku, {})

    def version(self, sku: str, location_id: str) -> int:
        return 0


def wish_for(wish: Wish, rules: SourcingRules) -> Wish:
    """`wish` without what the rules do not ask for, so that a record is small."""
    asks = rules.asks
    names = {ask.removeprefix("attribute:") for ask in asks if ask.startswith("attribute:")}
    lines = tuple(
        [
            WishLine(
                *line[:5],
                line.brand if "brand" in asks else "",
                tuple([one for one in line.attributes if one[0] in names]) if names else (),
                line.unit_price_minor if "price" in asks else 0,
            )
            for line in wish.lines
        ]
        if asks
        else [WishLine(*line[:5]) for line in wish.lines]
    )
    return Wish(
        lines,
        wish.destination,
        wish.channel_id if "channel" in asks else "",
        wish.customer_promise if "promise" in asks or rules.differs(wish.customer_promise) else "",
        wish.value_minor if "value" in asks else 0,
        wish.currency_code if "value" in asks else "",
        wish.sold_at if "till" in asks else "",
        wish.accepted,
    )


def _about(given: Sequence[Any]) -> tuple[Any, ...]:
    if not given:
        return ()
    brand, attributes, price = given
    return brand, tuple((name, value) for name, value in attributes), price


def _add_what_stays(
    cut: dict[str, dict[int, tuple[int, ...]]],
    wanted: Mapping[str, int],
    stock: Stock,
    numbers: Mapping[str, int],
    seen: Seen,
) -> None:
    """Where units stay behind, what was wanted beyond them counts too."""
    stays: dict[str, dict[str, int]] = {}
    for (sku, at, _), units in seen.kept_back.items():
        by_location = stays.setdefault(sku, {})
        by_location[at] = max(units, by_location.get(at, 0))
    for sku, by_location in stays.items():
        found: dict[int, tuple[int, ...]] = {}
        for at, units in stock.units(sku).items():
            least = min(units, wanted[sku] + by_location.get(at, 0))
            if least > 0 and at in numbers:
                found[least] = (*found.get(least, ()), numbers[at])
        cut[sku] = found


def _numbered(
    seen: Seen, numbers: Mapping[str, int]
) -> tuple[
    dict[str, dict[int, tuple[int, ...]]], dict[str, dict[int, dict[int, int]]], dict[int, dict[str, int]]
]:
    prices: dict[str, dict[int, tuple[int, ...]]] = {}
    for (sku, at), each in seen.prices.items():
        prices.setdefault(sku, {})[numbers[at]] = each
    stays: dict[str, dict[int, dict[int, int]]] = {}
    for (sku, at, days), units in seen.kept_back.items():
        stays.setdefault(sku, {}).setdefault(numbers[at], {})[days] = units
    capacity: dict[int, dict[str, int]] = {}
    for (at, day), left in seen.capacity.items():
        capacity.setdefault(numbers[at], {})[day.isoformat()] = left
    return prices, stays, capacity
