"""Instances of the sourcing benchmark: thirteen real weeks of baskets, the weeks before them as history, and
stock, places and costs that are ours, drawn from a seed.

Real: what was bought together, where, when, how many, at which list price. Ours: where the stores stand,
which baskets are online orders and where they go, the opening stock, the costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.sourcing.geography import METROS, NEIGHBOURHOOD_KM, Codes, Floats, Rows, distances_km, postal_codes
from demo.data.journey import Journey, JourneySettings, load_journey
from services.orders.domain.demand import History

STORES, WAREHOUSES, SKUS = 60, 2, 2_000
HORIZON_WEEKS, LAST_WEEK, FIRST_STARTS = 13, 39, (14, 28)
"""The horizon begins in a week from 14 to 27, and nothing after week 39 is ever read."""
MAX_ONLINE_LINES = 8
_LINES_STOP = 0.3
"""Chance that an online order ends after each line."""
ANYWHERE_SHARE = 0.15
MINOR = 100_000
"""Money is counted in thousandths of a cent."""

SALE, ORDER, TICK = 0, 1, 2


class Sale(NamedTuple):
    """What walk-in customers want; beyond the stock it is lost and not seen."""

    t: float
    location: int
    sku: int
    units: int


class Order(NamedTuple):
    """An online order of single units."""

    t: float
    lat: float
    lon: float
    skus: tuple[int, ...]


class Tick(NamedTuple):
    """A day has passed."""

    t: float


Event = Sale | Order | Tick


@dataclass(frozen=True)
class Place:
    """A location with its costs in thousandths of a cent."""

    location_id: str
    kind: str
    lat: float
    lon: float
    unit_cost: int
    parcel_fixed: int


@dataclass(frozen=True)
class Instance:
    """All that a policy is told at the start, and the events. `stock[location][sku]` are units."""

    name: str
    regime: str
    places: tuple[Place, ...]
    sku_ids: tuple[str, ...]
    price: tuple[int, ...]
    margin: tuple[int, ...]
    unmet: tuple[int, ...]
    parcel_per_km: int
    stock: tuple[tuple[int, ...], ...]
    history: History
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Recipe:
    """What is drawn from a seed: the period, the share of online baskets, how much stock there is, and the
    factor of each cost term.
    """

    first_week: int
    online_share: float
    cover: float
    service_level: float
    warehouse_cover: float
    forecast_sigma: float
    knowledge: float
    """How far the buyer foresaw each article's coming total: 0 history only, 1 the future itself."""
    factors: tuple[float, ...]

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Recipe:
        """Around the values of the benchmark's definition; costs within 30 %."""
        return cls(
            first_week=int(random.integers(*FIRST_STARTS)),
            online_share=float(random.uniform(0.22, 0.38)),
            cover=float(random.uniform(1.0, 1.2)),
            service_level=float(random.uniform(0.86, 0.93)),
            warehouse_cover=float(random.uniform(0.36, 0.54)),
            forecast_sigma=0.2,
            knowledge=float(random.choice([0.0, 0.5, 1.0])),
            factors=tuple(random.uniform(0.7, 1.3, 8).tolist()),
        )


def build(seed: int, regime: str, recipe: Recipe | None = None) -> Instance:
    """The instance of `seed` in stock regime ``A`` or ``B``; the same call gives the same instance."""
    random = np.random.default_rng([seed, ord(regime)])
    chosen = recipe or Recipe.drawn(np.random.default_rng([seed, 0]))
    journey = _journey()
    codes = postal_codes()
    baskets = _Baskets.of(journey, chosen, random)
    stores = _stores(baskets, codes, random)
    stock = _stock(baskets, chosen, regime, random)
    return Instance(
        name=f"{regime}{seed}",
        regime=regime,
        places=_places(codes, stores, chosen, random),
        sku_ids=tuple(f"sku-{product}" for product in baskets.product_ids.tolist()),
        price=(price := tuple(int(cents) * 8 * 1_000 for cents in baskets.list_price.tolist())),
        margin=(margin := tuple(round(0.4 * chosen.factors[6] * each) for each in price)),
        unmet=tuple(round(20 * chosen.factors[7] * MINOR) + each for each in margin),
        parcel_per_km=round(0.002 * chosen.factors[1] * MINOR),
        stock=tuple(tuple(row) for row in stock.tolist()),
        history=_history(baskets, stores, codes, random),
        events=_events(baskets, stores, codes, random),
    )


def _journey() -> Journey:
    return load_journey(JourneySettings(products=5_000, stores=80))


@dataclass(frozen=True)
class _Baskets:
    """The lines of weeks 1 to 39 at the 60 busiest stores with the 2,000 best-selling products, with rows of
    our own; online ones are cut to a few single units.
    """

    first_week: int
    product_ids: Rows
    list_price: Rows
    household_store: Rows
    online: NDArray[np.bool_]
    basket_household: Rows
    basket_store: Rows
    basket_week: Rows
    basket_t: Floats
    line_basket: Rows
    line_sku: Rows
    line_units: Rows
    together: Floats

    @classmethod
    def of(cls, journey: Journey, recipe: Recipe, random: np.random.Generator) -> _Baskets:
        early = journey.line_week <= LAST_WEEK
        sold = np.bincount(
            journey.line_product[early],
            weights=journey.line_units[early],
            minlength=len(journey.product_id),
        )
        products = np.sort(np.argsort(-sold, kind="stable")[:SKUS])
        visits = np.bincount(
            journey.basket_store[journey.basket_week <= LAST_WEEK], minlength=len(journey.store_id)
        )
        stores = np.sort(np.argsort(-visits, kind="stable")[:STORES])
        random.shuffle(stores)
        row_of_product = np.full(len(journey.product_id), -1)
        row_of_product[products] = np.arange(SKUS)
        row_of_store = np.full(len(journey.store_id), -1)
        row_of_store[stores] = np.arange(STORES)

        line_sku = row_of_product[journey.line_product]
        line_store = row_of_store[journey.line_store]
        last_week = recipe.first_week + HORIZON_WEEKS - 1
        kept = (line_sku >= 0) & (line_store >= 0) & (journey.line_week <= last_week)
        rows, line_basket = np.unique(journey.line_basket[kept], return_inverse=True)
        online = random.random(len(rows)) < recipe.online_share
        units = journey.line_units[kept].astype(np.int64)
        stays, units = _few(line_basket, units, online, random)
        household = np.unique(journey.basket_household[rows], return_inverse=True)[1]
        store = row_of_store[journey.basket_store[rows]]
        table = np.zeros((int(household.max()) + 1, STORES))
        np.add.at(table, (household, store), 1)
        shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
        seconds = journey.basket_seconds[rows].astype(np.float64)
        weeks = journey.basket_week[rows].astype(np.int64)
        begins = float(seconds[weeks >= recipe.first_week].min())
        ends = float(seconds.max()) + 1
        return cls(
            recipe.first_week,
            journey.product_id[products].astype(np.int64),
            journey.list_price[products].astype(np.int64),
            table.argmax(axis=1),
            online,
            household,
            store,
            weeks,
            (seconds - begins) / (ends - begins),
            line_basket[stays],
            line_sku[kept][stays],
            units[stays],
            shares.T @ table,
        )


def _few(
    line_basket: Rows, units: Rows, online: NDArray[np.bool_], random: np.random.Generator
) -> tuple[NDArray[np.bool_], Rows]:
    """Which lines stay, and their units: a few of an online basket, each once; all of any other."""
    count = len(online)
    wanted = np.minimum(random.geometric(_LINES_STOP, count), MAX_ONLINE_LINES)
    order = np.lexsort((random.random(len(line_basket)), line_basket))
    first = np.searchsorted(line_basket[order], np.arange(count))
    rank = np.empty(len(line_basket), dtype=np.int64)
    rank[order] = np.arange(len(line_basket)) - first[line_basket[order]]
    is_online = online[line_basket]
    return ~is_online | (rank < wanted[line_basket]), np.where(is_online, 1, units)


@dataclass(frozen=True)
class _Stores:
    codes: Rows
    warehouse_codes: Rows
    homes: Rows
    """The postal code of each household."""


def _stores(baskets: _Baskets, codes: Codes, random: np.random.Generator) -> _Stores:
    """Stores that the same households visit stand in the same area; a household lives near its store."""
    metros = random.choice(codes.metros, METROS, replace=False)
    free = list(range(STORES))
    at = np.zeros(STORES, dtype=np.int64)
    for number, metro in enumerate(metros.tolist()):
        size = len(free) // (METROS - number)
        head = free[0]
        together = baskets.together[head] + baskets.together[:, head]
        group = [head, *sorted(free[1:], key=lambda row: (-together[row], row))[: size - 1]]
        local = np.flatnonzero(codes.metro == metro)
        at[group] = random.choice(local, len(group), replace=False)
        free = [row for row in free if row not in group]
    near = distances_km(codes.lat[at], codes.lon[at], codes.lat, codes.lon) <= NEIGHBOURHOOD_KM
    neighbours = [np.flatnonzero(row) for row in near]
    homes = np.asarray([random.choice(neighbours[store]) for store in baskets.household_store])
    warehouse_codes = random.choice(len(codes.lat), WAREHOUSES, replace=False)
    return _Stores(at, warehouse_codes, homes)


def _places(codes: Codes, stores: _Stores, recipe: Recipe, random: np.random.Generator) -> tuple[Place, ...]:
    fixed, _, per_unit, pick_warehouse, pick_store, pack, *_ = recipe.factors
    warehouse_unit = round((0.35 * per_unit + 0.60 * pick_warehouse) * MINOR)
    store_unit = round((0.35 * per_unit + 1.80 * pick_store) * MINOR)
    parcel = round(6.00 * fixed * MINOR)
    names = random.permutation(STORES + WAREHOUSES).tolist()
    result = []
    for row, code in enumerate([*stores.codes.tolist(), *stores.warehouse_codes.tolist()]):
        is_store = row < STORES
        result.append(
            Place(
                f"loc-{names[row]:02d}",
                "store" if is_store else "warehouse",
                round(float(codes.lat[code]), 5),
                round(float(codes.lon[code]), 5),
                store_unit if is_store else warehouse_unit,
                parcel + (round(0.75 * pack * MINOR) if is_store else 0),
            )
        )
    return tuple(result)


def _stock(baskets: _Baskets, recipe: Recipe, regime: str, random: np.random.Generator) -> Rows:
    """Opening units per location and SKU."""
    past = baskets.basket_week[baskets.line_basket] < baskets.first_week
    online = baskets.online[baskets.line_basket]
    store = baskets.basket_store[baskets.line_basket]
    weeks = baskets.first_week - 1
    scale = HORIZON_WEEKS / weeks

    def units(chosen: NDArray[np.bool_]) -> Floats:
        table = np.zeros((STORES, SKUS))
        np.add.at(table, (store[chosen], baskets.line_sku[chosen]), baskets.line_units[chosen])
        return table

    walked, ordered = units(past & ~online) * scale, units(past & online).sum(axis=0) * scale
    total, size = walked.sum(axis=0), walked.sum(axis=1) / walked.sum()
    few = 4.0
    local = (walked + few * np.outer(size, total) / np.maximum(total, 1e-9) * (total > 0)) * (
        total / (total + few)
    )
    local = np.where(total > 0, local, size[:, None] * 1.0)
    imbalance = _lognormal(random, 0.4, local.shape)
    if regime == "A":
        history = total + ordered
        future = units(~past).sum(axis=0)
        forecast = np.exp(
            (1 - recipe.knowledge) * np.log(history + 1) + recipe.knowledge * np.log(future + 1)
        )
        planned = recipe.cover * forecast * _lognormal(random, recipe.forecast_sigma, forecast.shape)
        weights = local * imbalance
        stores = 0.84 * planned * weights / weights.sum(axis=0)
        split = _lognormal(random, 0.4, (WAREHOUSES, SKUS))
        warehouses = 0.16 * planned * split / split.sum(axis=0)
        exact = np.concatenate([stores, warehouses])
        return np.floor(exact + random.random(exact.shape)).astype(np.int64)
    split = _lognormal(random, 0.4, (WAREHOUSES, SKUS))
    warehouses = recipe.warehouse_cover * ordered * split / split.sum(axis=0)
    held = _service_stock(local * imbalance, recipe.service_level)
    return np.concatenate([held, np.floor(warehouses + random.random(warehouses.shape)).astype(np.int64)])


def _service_stock(mean: Floats, level: float) -> Rows:
    """The fewest units that a Poisson demand of `mean` exceeds with a chance of at most 1 - `level`."""
    held = np.zeros(mean.shape, dtype=np.int64)
    term = np.exp(-mean)
    below = term.copy()
    step = 0
    while (short := (below < level) & (step < mean * 3 + 20)).any():
        step += 1
        term = term * mean / step
        held[short] = step
        below = below + term
    return held


def _history(baskets: _Baskets, stores: _Stores, codes: Codes, random: np.random.Generator) -> History:
    past = baskets.basket_week < baskets.first_week
    lines = past[baskets.line_basket]
    basket = baskets.line_basket[lines]
    online = baskets.online[basket]
    lat, lon = _destinations(baskets, stores, codes, random)
    return History(
        baskets.basket_week[basket],
        np.where(online, -1, baskets.basket_store[basket]),
        baskets.line_sku[lines],
        baskets.line_units[lines],
        lat[basket],
        lon[basket],
    )


def _events(
    baskets: _Baskets, stores: _Stores, codes: Codes, random: np.random.Generator
) -> tuple[Event, ...]:
    lat, lon = _destinations(baskets, stores, codes, random)
    starts = np.searchsorted(baskets.line_basket, np.arange(len(baskets.online) + 1)).tolist()
    rows = np.flatnonzero(baskets.basket_week >= baskets.first_week)
    events: list[Event] = [Tick((day + 1) / (7 * HORIZON_WEEKS)) for day in range(7 * HORIZON_WEEKS - 1)]
    skus, units = baskets.line_sku.tolist(), baskets.line_units.tolist()
    for row in rows.tolist():
        t = round(float(baskets.basket_t[row]), 7)
        lines = range(starts[row], starts[row + 1])
        if baskets.online[row]:
            events.append(
                Order(t, round(float(lat[row]), 4), round(float(lon[row]), 4), tuple(skus[i] for i in lines))
            )
        else:
            events += [Sale(t, int(baskets.basket_store[row]), skus[i], units[i]) for i in lines]
    return tuple(sorted(events, key=lambda event: event.t))


def _destinations(
    baskets: _Baskets, stores: _Stores, codes: Codes, random: np.random.Generator
) -> tuple[Floats, Floats]:
    count = len(baskets.online)
    away = random.random(count) < ANYWHERE_SHARE
    at = np.where(away, random.integers(0, len(codes.lat), count), stores.homes[baskets.basket_household])
    return codes.lat[at], codes.lon[at]


def _lognormal(random: np.random.Generator, sigma: float, shape: tuple[int, ...]) -> Floats:
    """Factors of mean 1."""
    return random.lognormal(-sigma * sigma / 2, sigma, shape)
