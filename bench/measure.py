"""The figures, in the order in which they are taken: rounds of alternating loads, and medians of them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench import processes
from bench.bench import Bench, running
from bench.calls.stock import AVAILABILITY_SKUS
from bench.child import child
from bench.limits import SqlLimits
from bench.load import Result
from bench.shop import LOCATIONS, SKUS
from bench.stock import add_positions

BATCHES_IN_FLIGHT = 8
LAST_UNIT_IN_FLIGHT = 256
LAST_UNIT_BUYERS = 10_000
LAST_UNIT_SECONDS = 120.0
FLAT_POSITIONS = (10_000, 100_000, 1_000_000, 10_000_000)
FLAT_LOAD_SECONDS = 240.0
"""A size whose positions would take longer to load is not measured."""
TRACED = (0.0, 0.01, 1.0)

Figures = dict[str, Any]


@dataclass
class Taken:
    """Samples by name, one a round."""

    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> float:
        """Keep a sample."""
        self.samples.setdefault(name, []).append(value)
        return value

    def loaded(self, name: str, result: Result) -> Result:
        """Keep a load's samples."""
        self.add(name, result.per_s)
        self.add(f"{name}.p50_ms", result.p50_ms)
        self.add(f"{name}.p99_ms", result.p99_ms)
        return result

    def median(self, name: str) -> float | None:
        """The middle of the samples; None when there are none."""
        found = self.samples.get(name)
        return median(found) if found else None

    def ratio(self, name: str, to: str) -> float | None:
        """The middle of the rounds' own ratios: what is compared was measured next to each other."""
        pairs = zip(self.samples.get(name, ()), self.samples.get(to, ()), strict=False)
        found = [one / other for one, other in pairs if other]
        return median(found) if found else None


async def rounds(bench: Bench, taken: Taken, echo_target: str) -> None:
    """Everything that is a ratio, side by side in every round."""
    plan = bench.plan
    limits = SqlLimits(bench.platform.admin_url)
    await limits.prepare()
    short = plan.short_seconds
    for number in range(1, plan.rounds + 1):
        bench.say(f"round {number} of {plan.rounds}")
        taken.add("sql_order", await limits.orders_per_s(plan.limit_seconds))
        taken.loaded("place_grpc", await bench.load("place_grpc"))
        taken.loaded("place_http", await bench.load("place_http"))
        taken.loaded("place_hot", await bench.load("place_hot", seconds=short))
        if not plan.quick or number == 1:
            taken.loaded("web_sequence", await bench.load("web_sequence"))
        taken.add("sql_hot", await limits.hot_per_s(plan.limit_seconds))
        taken.loaded("reserve_hot", await bench.load("reserve_hot", seconds=short))
        taken.loaded("reserve_unary", await bench.load("reserve_unary", seconds=short))
        for kind in ("echo_unary", "echo_stream"):
            taken.loaded(kind, await bench.load(kind, seconds=short / 2, target=echo_target, check=False))
        taken.loaded(
            "reserve_stream",
            await bench.load("reserve_batch", seconds=short, in_flight=BATCHES_IN_FLIGHT),
        )
        if not plan.quick or number == 1:
            for kind in ("availability_grpc", "availability_http"):
                taken.loaded(kind, await bench.load(kind, seconds=short / 2, check=False))
        if not plan.quick:
            for traced in TRACED:
                name = f"traced.{traced}"
                taken.loaded(name, await bench.load("place_grpc", seconds=short, traced=traced))


async def half_load(bench: Bench, taken: Taken) -> None:
    """Orders that begin at half the best rate, whatever became of those before."""
    rate = (taken.median("place_grpc") or 0.0) / 2
    result = await bench.load("place_grpc", rate_per_s=max(1.0, rate))
    taken.loaded("half_load", result)


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


async def flat_cost(first: Bench, say: Any) -> tuple[Figures, Figures]:
    """Orders a second while the number of positions grows; then an audit of all their movements.

    Orders are for the same articles at every size, so that nothing but the size changes.
    """
    per_s: list[float | None] = []
    pace = 0.0
    plan = dataclasses.replace(first.plan, seconds=first.plan.short_seconds)
    articles = FLAT_POSITIONS[0] // LOCATIONS
    async with running(plan, say, articles) as bench:
        there = FLAT_POSITIONS[0]
        for wanted in FLAT_POSITIONS:
            if pace * (wanted - there) > FLAT_LOAD_SECONDS:
                say(f"{wanted:,} positions would take {pace * (wanted - there):.0f} s to load: not measured")
                per_s.append(None)
                continue
            began = time.monotonic()
            await add_positions(bench.shop, there, wanted)
            if wanted > there:
                pace = (time.monotonic() - began) / (wanted - there)
            there = wanted
            await bench.auditor.drained()
            result = await bench.load("place_grpc", check=wanted < FLAT_POSITIONS[-1])
            per_s.append(result.per_s)
            memory = processes.memory_mb(bench.platform)
            say(f"{wanted:,} positions: {result.per_s:.0f} orders/s, memory in MB {memory}")
        await bench.auditor.drained()
        audit = await bench.auditor.audit()
        first.integrity.audit_differences += audit.differences + bench.integrity.audit_differences
        first.integrity.lost += bench.integrity.lost
        first.voided += bench.voided
    return (
        {"positions": list(FLAT_POSITIONS), "orders_per_s": per_s},
        {"movements": audit.movements, "seconds": audit.seconds},
    )


def figures(taken: Taken, others: Mapping[str, Any], machine: Mapping[str, Any], bench: Bench) -> Figures:
    """Everything in the shape that ``build/bench.json`` has."""
    m, ratio = taken.median, taken.ratio

    def latencies(name: str) -> Figures:
        return {"p50_ms": m(f"{name}.p50_ms"), "p99_ms": m(f"{name}.p99_ms")}

    def cost(share: float) -> float | None:
        found = ratio(f"traced.{share}", f"traced.{TRACED[0]}")
        return None if found is None else 1.0 - found

    return {
        "machine": dict(machine),
        "limits": {
            "sql_order_tps": m("sql_order"),
            "sql_hot_tps": m("sql_hot"),
            "grpc_echo_rps": m("echo_unary"),
            "grpc_echo_stream_mps": m("echo_stream"),
        },
        "place_order_grpc": {
            "orders_per_s": m("place_grpc"),
            **latencies("place_grpc"),
            "ratio_to_sql_order": ratio("place_grpc", "sql_order"),
        },
        "place_order_http": {
            "orders_per_s": m("place_http"),
            **latencies("place_http"),
            "ratio_to_sql_order": ratio("place_http", "sql_order"),
        },
        "web_sequence_http": {"orders_per_s": m("web_sequence"), **latencies("web_sequence")},
        "place_order_half_load": {"orders_per_s": m("half_load"), "p99_ms": m("half_load.p99_ms")},
        "place_order_hot": {
            "orders_per_s": m("place_hot"),
            "ratio_to_spread": ratio("place_hot", "place_grpc"),
        },
        "reserve_unary": {"per_s": m("reserve_unary"), "ratio_to_echo": ratio("reserve_unary", "echo_unary")},
        "reserve_stream": {"per_s": m("reserve_stream")},
        "reserve_hot": {"per_s": m("reserve_hot"), "ratio_to_sql_hot": ratio("reserve_hot", "sql_hot")},
        "availability_grpc": {"calls_per_s": m("availability_grpc"), "skus_per_call": AVAILABILITY_SKUS},
        "availability_http": {"calls_per_s": m("availability_http")},
        "last_unit": others["last_unit"],
        "flat_cost": others["flat_cost"],
        "audit": others["audit"],
        "tracing_cost": {"at_1_percent": cost(TRACED[1]), "at_100_percent": cost(TRACED[2])},
        "memory_mb": others["memory_mb"],
        "integrity": {
            "oversold": bench.integrity.oversold,
            "lost": bench.integrity.lost,
            "audit_differences": bench.integrity.audit_differences,
        },
    }


async def measure(bench: Bench, machine: Mapping[str, Any]) -> tuple[Figures, Taken]:
    """All figures."""
    taken = Taken()
    async with child("bench.echo") as port:
        await rounds(bench, taken, f"127.0.0.1:{port}")
    await half_load(bench, taken)
    others: Figures = {"last_unit": await last_unit(bench)}
    others["memory_mb"] = processes.memory_mb(bench.platform)
    audit = await bench.auditor.audit()
    others["audit"] = {"movements": audit.movements, "seconds": audit.seconds}
    others["flat_cost"] = {"positions": list(FLAT_POSITIONS), "orders_per_s": [None] * len(FLAT_POSITIONS)}
    if not bench.plan.quick:
        others["flat_cost"], others["audit"] = await flat_cost(bench, bench.say)
    return figures(taken, others, machine, bench), taken


__all__ = ["SKUS", "Figures", "Taken", "figures", "measure"]
