"""How long `decide` takes, the one function under every order: `python -m bench.sourcing.decide_speed`.

Orders of two and three lines of one or two units in a random network, two locations in it warehouses, by how
many of the positions have stock: at costs alone, with prices of stock, and with prices and rules of every
kind. And pickups of three lines at stores that lack some of it, which others send there. Prints a row for
each regime as it is measured, and the machine.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from time import perf_counter, thread_time
from typing import NamedTuple

from bench.machine import machine
from chassis.server import spare_the_collector
from services.orders.domain.places import STORE, WAREHOUSE, Location, Locations
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import (
    Exclusion,
    Group,
    Matcher,
    SafetyDays,
    Scope,
    SourcingRules,
    TariffStep,
)
from services.orders.domain.sourcing import Wish, WishLine, decide
from services.orders.domain.states import Method
from services.orders.domain.views import NO_PRICES, UNLIMITED, Prices

SKUS = 500
ORDERS = 600
WARM_UP = 100
LOCATIONS = (62, 1_000)
FILLS = (0.95, 0.5, 0.2)
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ALL_RULES = SourcingRules(
    groups=(
        Group("warehouses", Matcher(kinds=(WAREHOUSE,))),
        Group("near", Matcher(within_km=800, open_now=True)),
        Group("all"),
    ),
    exclusions=(
        Exclusion("no dear goods from small stores", Scope(least_value_minor=50_000), Matcher(("at-0003",))),
        Exclusion("cold goods", Scope(attributes=(("cold", "yes"),)), Matcher(regions=("north",))),
    ),
    safety_days=(SafetyDays("weekend", Matcher(kinds=(STORE,)), Scope(), 2),),
    tariff=(TariffStep(100, 490_000, 30_000, 1), TariffStep(800, 720_000, 40_000, 2)),
    late_per_day=50_000,
    markdown_percent=5,
    brands_together=("brand-3",),
)
PICKUPS = "pickups, prices"
PICKUP_FILL = 0.5
TERMS: Mapping[str, tuple[SourcingRules, bool]] = {
    "costs alone": (SourcingRules(), False),
    "prices of stock": (SourcingRules(), True),
    "prices and all rules": (ALL_RULES, True),
    PICKUPS: (SourcingRules(ship_to_store=True), True),
}


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

    def __init__(self, prices: Mapping[str, Mapping[str, int]]) -> None:
        self._prices = prices

    def price(self, sku: str, location_id: str, units_left: int) -> int:
        """Of the last of so many."""
        return self._prices[sku].get(location_id, 0) // units_left

    def rates(self, sku: str, location_id: str) -> float:
        """Units a day."""
        return 0.2

    def rates_at(self, sku: str, location_ids: Sequence[str]) -> list[float]:
        """The same, looked up for each, as a book does."""
        prices = self._prices[sku]
        return [0.2 if prices.get(at, 0) >= 0 else 0.0 for at in location_ids]


class Enough:
    """Every location takes on forty units a day, which have to be looked up all the same."""

    def left(self, location_id: str, day: date) -> int | None:
        """So many."""
        return 40


class World(NamedTuple):
    """What all regimes of one size have in common."""

    places: Locations
    skus: tuple[str, ...]
    tags: Tags
    wishes: tuple[Wish, ...]
    pickups: tuple[Wish, ...]
    seed: int

    @classmethod
    def of(cls, count: int, seed: int = 1) -> World:
        """A network of `count` locations and what is ordered there."""
        draw = Random(seed)
        places = Locations.of(
            Location(
                f"at-{n:04d}",
                STORE if n < count - 2 else WAREHOUSE,
                draw.uniform(26, 48),
                draw.uniform(-122, -72),
                region=draw.choice(("north", "south")),
                hours=tuple((day, 540, 1_260) for day in range(1, 8)) if n < count - 2 else (),
                daily_capacity_units=40,
            )
            for n in range(count)
        )
        ids = list(places.by_id)
        skus = tuple(f"sku-{n:05d}" for n in range(SKUS))
        tags = Tags(
            {sku: {at: draw.randrange(1_500_000) for at in ids[:-2] if draw.random() < 0.7} for sku in skus}
        )
        towns = [(draw.uniform(26, 48), draw.uniform(-122, -72)) for _ in range(60)]
        wishes = tuple(_wish(draw, skus, _near(draw, draw.choice(towns))) for _ in range(ORDERS))
        pickups = tuple(_pickup(draw, skus, draw.choice(ids[:-2])) for _ in range(ORDERS))
        return cls(places, skus, tags, wishes, pickups, seed)

    def shelf(self, full: float) -> Shelf:
        """Stock at so many of the positions."""
        draw = Random(self.seed + 1)
        ids = list(self.places.by_id)
        return Shelf(
            {sku: {at: draw.randint(1, 6) for at in ids if draw.random() < full} for sku in self.skus}
        )


class Speed(NamedTuple):
    """Milliseconds per decision and per record, bytes per record. `cpu` is processor time, which a machine
    that others use stretches less.
    """

    locations: int
    full: float
    terms: str
    p50_ms: float
    p99_ms: float
    cpu_p99_ms: float
    most_ms: float
    record_ms: float
    record_bytes: int
    split_percent: float


def measure(world: World, stock: Shelf, full: float, terms: str) -> Speed:
    """Decide all orders of the world by these rules and prices."""
    rules, priced = TERMS[terms]
    prices: Prices = world.tags if priced else NO_PRICES
    capacity = Enough() if rules is ALL_RULES else UNLIMITED
    took, cpu, kept, size, split = [], [], 0.0, 0, 0
    wishes = world.pickups if terms == PICKUPS else world.wishes
    spare_the_collector()  # as a server does after its start
    for number, wish in enumerate((*wishes[:WARM_UP], *wishes)):
        now = NOW + timedelta(seconds=number)
        began, busy = perf_counter(), thread_time()
        plan = decide(
            wish, stock, world.places, rules, now=now, prices=prices, capacity=capacity, partial=True
        )
        ended, done = perf_counter(), thread_time()
        if number < WARM_UP:
            continue
        record = json.dumps(
            DecisionRecord.of(wish, stock, world.places, rules, plan, now=now, partial=True).to_dict()
        )
        kept += perf_counter() - ended
        took.append(ended - began)
        cpu.append(done - busy)
        size += len(record)
        split += len(plan.parts) > 1
    gc.unfreeze()
    took.sort()
    cpu.sort()
    return Speed(
        len(world.places.by_id),
        full,
        terms,
        1e3 * took[len(took) // 2],
        1e3 * took[len(took) * 99 // 100],
        1e3 * cpu[len(cpu) * 99 // 100],
        1e3 * took[-1],
        1e3 * kept / len(took),
        size // len(took),
        100 * split / len(took),
    )


def _near(draw: Random, town: tuple[float, float]) -> tuple[float, float]:
    """An address of its own in or around the town."""
    return town[0] + draw.uniform(-0.2, 0.2), town[1] + draw.uniform(-0.2, 0.2)


def _wish(draw: Random, skus: tuple[str, ...], to: tuple[float, float]) -> Wish:
    return Wish(
        tuple(
            WishLine(
                n,
                sku,
                draw.choice((1, 1, 1, 2)),
                Method.SHIP,
                brand=f"brand-{draw.randint(0, 9)}",
                attributes=(("cold", draw.choice(("yes", "no", "no"))),),
                unit_price_minor=draw.randint(300, 9_000),
            )
            for n, sku in enumerate(draw.sample(skus, draw.choice((2, 3))), start=1)
        ),
        to,
        value_minor=draw.randint(1_000, 90_000),
    )


def _pickup(draw: Random, skus: tuple[str, ...], store_id: str) -> Wish:
    return Wish(
        tuple(
            WishLine(n, sku, draw.choice((1, 1, 1, 2)), Method.PICKUP, store_id)
            for n, sku in enumerate(draw.sample(skus, 3), start=1)
        ),
        value_minor=draw.randint(1_000, 90_000),
    )


def main() -> None:
    """Measure every regime."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--locations", type=int, action="append", help="only networks of this size")
    given = parser.parse_args()
    print(json.dumps(machine()))
    print(
        "locations  stock  terms                    p50 ms   p99 ms  cpu p99  longest  record  bytes  split"
    )
    for count in given.locations or LOCATIONS:
        world = World.of(count)
        for full in FILLS:
            stock = world.shelf(full)
            for terms in TERMS:
                if terms == PICKUPS and full != PICKUP_FILL:
                    continue
                one = measure(world, stock, full, terms)
                print(
                    f"{count:9d}  {full:4.0%}   {terms:22s} {one.p50_ms:8.3f} {one.p99_ms:8.3f} "
                    f"{one.cpu_p99_ms:8.3f} "
                    f"{one.most_ms:8.2f} {one.record_ms:7.3f} {one.record_bytes:6d} "
                    f"{one.split_percent:5.0f}%",
                    flush=True,
                )


if __name__ == "__main__":
    main()
