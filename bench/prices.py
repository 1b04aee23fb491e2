"""What prices of stock cost an order: the same load with and without them, in turns, on one platform."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from bench.bench import Bench
from bench.figures import Figures, Taken
from cli.local.figures import gauge, metrics

SETTING = "ALJIBE_STOCK_PRICES_SECONDS"
FIRST_BOOK_SECONDS = 120.0
OFF, ON = "place_prices_off", "place_prices_on"
_AGE = "aljibe_orders_stock_prices_age_seconds"
_SUM = "aljibe_orders_stock_prices_refresh_seconds_sum"
_COUNT = "aljibe_orders_stock_prices_refresh_seconds_count"


async def stock_prices(bench: Bench, taken: Taken) -> Figures:
    """Orders a second with and without, and how long a refresh takes. Every other load of the run has the
    prices that the service makes by itself: at first none, since nobody asked for anything yet.
    """
    seconds = await _first_book(bench)
    pair = (OFF, "0"), (ON, "300")
    # Each way comes first as often as the other: what was ordered before makes the next load slower.
    for number in range(2 if bench.plan.quick else bench.plan.rounds + bench.plan.rounds % 2):
        for name, every in pair if number % 2 == 0 else pair[::-1]:
            await _restarted(bench, every)
            if name == ON and not gauge(metrics(bench.platform, "orders"), _AGE):
                bench.voided.append("stock_prices: the kept prices were not taken over at start")
            taken.loaded(name, await bench.load("place_grpc", seconds=bench.plan.short_seconds))
    return {
        "orders_per_s_without": taken.median(OFF),
        "orders_per_s_with": taken.median(ON),
        "ratio": median(
            on / off for on, off in zip(taken.samples[ON], taken.samples[OFF], strict=True) if off
        ),
        "refresh_seconds": seconds,
    }


async def _first_book(bench: Bench) -> float:
    """Have prices made of the orders so far; gives how long a refresh took."""
    await _restarted(bench, "1")
    began = time.monotonic()
    while not (found := gauge(text := metrics(bench.platform, "orders"), _COUNT)):
        if time.monotonic() - began > FIRST_BOOK_SECONDS:
            raise TimeoutError(f"no prices of stock within {FIRST_BOOK_SECONDS:.0f} s")
        await asyncio.sleep(0.2)
    return (gauge(text, _SUM) or 0.0) / found


async def _restarted(bench: Bench, every: str) -> None:
    """Orders begins anew, with its prices made so often."""
    orders = bench.platform.services["orders"]
    orders.overrides[SETTING] = every
    await orders.restart()
    await bench.auditor.drained()
