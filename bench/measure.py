"""The figures, in the order in which they are taken: rounds of alternating loads, and medians of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench import processes
from bench.bench import Bench
from bench.child import child
from bench.figures import TRACED, Figures, Taken, figures
from bench.flat import FLAT_POSITIONS, flat_cost
from bench.limits import SqlLimits
from bench.prices import stock_prices
from cli.local.figures import gauge, metrics

MESSAGES_IN_FLIGHT = 16
LAST_UNIT_IN_FLIGHT = 256
LAST_UNIT_BUYERS = 10_000
LAST_UNIT_SECONDS = 120.0


async def rounds(bench: Bench, taken: Taken, echo_target: str) -> None:
    """Everything that is a ratio, side by side in every round."""
    plan = bench.plan
    limits = SqlLimits(bench.platform.admin_url)
    await limits.prepare()
    short = plan.short_seconds
    for number in range(1, plan.rounds + 1):
        bench.say(f"round {number} of {plan.rounds}")
        taken.add("sql_order", await limits.orders_per_s(plan.limit_seconds))
        placed = taken.loaded("place_grpc", await bench.load("place_grpc"))
        if (stale := bench.runs[-1].staleness_p99_ms) is not None:
            taken.add("staleness_p99_ms", stale)
        await half_load(bench, taken, placed.per_s)
        taken.loaded("place_http", await bench.load("place_http"))
        taken.loaded("place_hot", await bench.load("place_hot", seconds=short))
        if not plan.quick or number == 1:
            taken.loaded("web_sequence", await bench.load("web_sequence"))
        taken.add("sql_hot", await limits.hot_per_s(plan.limit_seconds))
        taken.loaded("reserve_hot", await bench.load("reserve_hot", seconds=short))
        taken.loaded("reserve_unary", await bench.load("reserve_unary", seconds=short))
        for kind in ("echo_unary", "echo_stream"):
            taken.loaded(
                kind, await bench.load(kind, seconds=plan.echo_seconds, target=echo_target, check=False)
            )
        taken.loaded(
            "reserve_stream",
            await bench.load("reserve_stream", seconds=short, in_flight=MESSAGES_IN_FLIGHT),
        )
        if not plan.quick or number == 1:
            for kind in ("availability_grpc", "availability_http"):
                taken.loaded(kind, await bench.load(kind, seconds=plan.echo_seconds, check=False))
        if not plan.quick:
            for traced in TRACED:
                name = f"traced.{traced}"
                taken.loaded(name, await bench.load("place_grpc", seconds=short, traced=traced))


async def half_load(bench: Bench, taken: Taken, peak_per_s: float) -> None:
    """Orders that begin at half of the round's own peak, whatever became of those before."""
    rate = max(1.0, peak_per_s / 2)
    result = await bench.load("place_grpc", seconds=bench.plan.half_seconds, rate_per_s=rate)
    taken.loaded("half_load", result)
    disk = bench.runs[-1].disk
    taken.add("half_load.disk_longest_ms", disk.longest_ms)
    taken.add("half_load.disk_stalled", disk.stalled)


async def last_unit(bench: Bench) -> Figures:
    """Ten thousand buyers at the HTTP door, and one unit."""
    result = await bench.load(
        "last_unit",
        calls=LAST_UNIT_BUYERS,
        seconds=LAST_UNIT_SECONDS,
        in_flight=LAST_UNIT_IN_FLIGHT,
        target="1",
    )
    sold = len(result.accepted)
    bench.integrity.oversold += max(0, sold - 1)
    return {
        "buyers": LAST_UNIT_BUYERS,
        "sold": sold,
        "refused": sum(result.refused.values()),
        "server_errors": sum(result.failed.values()),
        "p99_ms": result.p99_ms,
    }


async def measure(bench: Bench, machine: Mapping[str, Any]) -> tuple[Figures, Taken, Figures]:
    """All figures, their samples, and what else was seen."""
    taken = Taken()
    async with child("bench.echo") as port:
        await rounds(bench, taken, f"127.0.0.1:{port}")
    priced = await stock_prices(bench, taken)
    others: Figures = {"last_unit": await last_unit(bench)}
    others["memory_mb"] = processes.memory_mb(bench.platform)
    audit = await bench.auditor.audit()
    others["audit"] = {"movements": audit.movements, "seconds": audit.seconds}
    others["flat_cost"] = {"positions": list(FLAT_POSITIONS), "orders_per_s": [None] * len(FLAT_POSITIONS)}
    further: Figures = {
        "stock_prices": priced,
        "replica": {
            "staleness_p99_ms": taken.median("staleness_p99_ms"),
            "gaps": gauge(metrics(bench.platform, "orders"), "aljibe_replica_gaps"),
        },
        "disk_at_half_load": {
            "longest_ms": taken.samples.get("half_load.disk_longest_ms"),
            "stalled": taken.samples.get("half_load.disk_stalled"),
            "p99_ms": taken.samples.get("half_load.p99_ms"),
        },
    }
    if not bench.plan.quick:
        flat = await flat_cost(bench, bench.say)
        others["flat_cost"]["orders_per_s"] = flat.orders_per_s
        others["audit"] = flat.audit
        further["sizes"] = flat.sizes
    return figures(taken, others, machine, bench.integrity), taken, further
