"""How long decisions take: orders of two and three lines on networks of 62 and 1,000 locations."""

from __future__ import annotations

import gc
from random import Random
from time import perf_counter, process_time
from typing import NamedTuple

import numpy as np

from services.orders.domain.demand import History
from services.orders.domain.network import Article, Network, Site
from services.orders.domain.places import STORE, WAREHOUSE

SKUS = 2_000
ORDERS = 2_000
HISTORY_ROWS = 100_000
WEEKS = 13


class Speed(NamedTuple):
    """Times of one network; `tick_cpu_seconds` is processor time, the others are by the clock."""

    locations: int
    p50_ms: float
    p99_ms: float
    setup_seconds: float
    tick_cpu_seconds: float


def measure(locations: int, seed: int = 1) -> Speed:
    """Decide 2,000 orders on a network of `locations`, two of them warehouses, half the positions empty."""
    draw, random = Random(seed), np.random.default_rng(seed)
    sites = [
        Site(
            STORE if row < locations - 2 else WAREHOUSE,
            draw.uniform(26, 48),
            draw.uniform(-122, -72),
            215_000 if row < locations - 2 else 95_000,
            675_000 if row < locations - 2 else 600_000,
        )
        for row in range(locations)
    ]
    margins = random.integers(100_000, 3_000_000, SKUS).tolist()
    stock = (random.poisson(2.0, (SKUS, locations)) * (random.random((SKUS, locations)) < 0.58)).tolist()
    at = random.integers(-1, locations - 2, HISTORY_ROWS)
    history = History(
        random.integers(1, WEEKS + 1, HISTORY_ROWS),
        np.maximum(at, -1),
        random.integers(0, SKUS, HISTORY_ROWS),
        np.ones(HISTORY_ROWS, dtype=np.int64),
        random.uniform(26, 48, HISTORY_ROWS),
        random.uniform(-122, -72, HISTORY_ROWS),
    )
    began = perf_counter()
    network = Network(
        sites,
        [Article(margin, margin + 2_000_000) for margin in margins],
        stock,
        history,
        parcel_per_km=200,
        horizon_weeks=WEEKS,
    )
    setup = perf_counter() - began
    took = []
    gc.collect()
    gc.freeze()  # as a server does after its start
    for number in range(ORDERS):
        skus = draw.sample(range(SKUS), draw.choice((2, 3)))
        began = perf_counter()
        network.order(0.3 * number / ORDERS, draw.uniform(26, 48), draw.uniform(-122, -72), skus)
        took.append(perf_counter() - began)
    gc.unfreeze()
    began = process_time()
    network.tick(0.3)
    tick = process_time() - began
    times = np.asarray(took) * 1e3
    return Speed(locations, float(np.percentile(times, 50)), float(np.percentile(times, 99)), setup, tick)
