"""How long `decide` takes, the one function under every order: `python -m bench.sourcing.decide_speed`.

Orders of two and three lines in a random network, two locations in it warehouses: with and without prices of
stock, and with rules that ask for everything. Half of the positions are empty, so that about every third
order has to be split.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter
from typing import NamedTuple

from services.orders.domain.places import STORE, WAREHOUSE, Location, Locations
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import Exclusion, Group, Matcher, SafetyDays, Scope, SourcingRules
from services.orders.domain.sourcing import Wish, WishLine, decide
from services.orders.domain.states import Method
from services.orders.domain.views import NO_PRICES, Prices

SKUS = 2_000
ORDERS = 3_000
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
RULES = SourcingRules()
RULED = SourcingRules(
    groups=(
        Group("warehouses", Matcher(kinds=(WAREHOUSE,))),
        Group("near", Matcher(within_km=800)),
        Group("all"),
    ),
    exclusions=(
        Exclusion("no dear goods from small stores", Scope(least_value_minor=50_000), Matcher(("at-003",))),
    ),
    safety_days=(SafetyDays("weekend", Matcher(kinds=(STORE,)), Scope(), 2),),
    late_per_day=50_000,
    brands_together=("brand-3",),
)


class Shelf:
    """Stock in memory."""

    def __init__(self, units: Mapping[str, Mapping[str, int]]) -> None:
        self._units = units

    def units(self, sku: str) -> Mapping[str, int]:
        """By location id."""
        return self._units[sku]

    def version(self, sku: str, location_id: str) -> int:
        """None is kept."""
        return 0


class Tags:
    """Prices of stock in memory: of the last unit most, less with each that is left."""

    version = "random"

    def __init__(self, prices: Mapping[tuple[str, str], int]) -> None:
        self._prices = prices

    def price(self, sku: str, location_id: str, units_left: int) -> int:
        """Of the last of so many."""
        return self._prices.get((sku, location_id), 0) // units_left

    def rates(self, sku: str, location_id: str) -> float:
        """Units a day."""
        return 0.2


class Speed(NamedTuple):
    """Milliseconds per decision, and bytes per record."""

    locations: int
    terms: str
    p50_ms: float
    p99_ms: float
    most_ms: float
    record_ms: float
    record_bytes: int
    split_percent: float


def measure(count: int, terms: str, rules: SourcingRules, priced: bool, full: float, seed: int = 1) -> Speed:
    """Decide orders in a network of `count` locations, `full` of the positions with stock."""
    draw = Random(seed)
    places = Locations.of(
        Location(
            f"at-{n:04d}",
            STORE if n < count - 2 else WAREHOUSE,
            draw.uniform(26, 48),
            draw.uniform(-122, -72),
            hours=tuple((day, 540, 1_260) for day in range(1, 8)) if n < count - 2 else (),
        )
        for n in range(count)
    )
    ids = list(places.by_id)
    skus = [f"sku-{n:05d}" for n in range(SKUS)]
    stock = Shelf({sku: {at: draw.randint(1, 6) for at in ids if draw.random() < full} for sku in skus})
    tags = Tags(
        {(sku, at): draw.randint(0, 1_500_000) for sku in skus for at in ids[:-2] if draw.random() < 0.7}
    )
    prices: Prices = tags if priced else NO_PRICES
    towns = [(draw.uniform(26, 48), draw.uniform(-122, -72)) for _ in range(60)]
    wishes = [
        Wish(
            tuple(
                WishLine(n, sku, draw.choice((1, 1, 1, 2)), Method.SHIP, brand=f"brand-{draw.randint(0, 9)}")
                for n, sku in enumerate(draw.sample(skus, draw.choice((2, 3))), start=1)
            ),
            draw.choice(towns),
            value_minor=draw.randint(1_000, 90_000),
        )
        for _ in range(ORDERS)
    ]
    for town in towns:
        places.near(*town)
    for wish in wishes[:300]:
        decide(wish, stock, places, rules, now=NOW, prices=prices, partial=True)
    took, kept, size, split = [], 0.0, 0, 0
    gc.collect()
    gc.freeze()  # as a server does after its start
    for number, wish in enumerate(wishes):
        now = NOW + timedelta(seconds=number)
        began = perf_counter()
        plan = decide(wish, stock, places, rules, now=now, prices=prices, partial=True)
        ended = perf_counter()
        record = json.dumps(
            DecisionRecord.of(wish, stock, places, rules, plan, now=now, partial=True).to_dict()
        )
        kept += perf_counter() - ended
        took.append(ended - began)
        size += len(record)
        split += len(plan.parts) > 1
    gc.unfreeze()
    took.sort()
    return Speed(
        count,
        terms,
        1e3 * took[ORDERS // 2],
        1e3 * took[ORDERS * 99 // 100],
        1e3 * took[-1],
        1e3 * kept / ORDERS,
        size // ORDERS,
        100 * split / ORDERS,
    )


if __name__ == "__main__":
    for places in (62, 1_000):
        for label, ruled, with_prices in (
            ("costs alone", RULES, False),
            ("prices of stock", RULES, True),
            ("prices and rules", RULED, True),
        ):
            for filled in (0.95, 0.5) if places == 62 else (0.5,):
                print(label, filled, measure(places, label, ruled, with_prices, filled))
