"""Samples, medians of them, and the shape that ``build/bench.json`` has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.calls.stock import AVAILABILITY_SKUS
from bench.integrity import Integrity
from bench.load import Result

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


def figures(
    taken: Taken, others: Mapping[str, Any], machine: Mapping[str, Any], integrity: Integrity
) -> Figures:
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
            "oversold": integrity.oversold,
            "lost": integrity.lost,
            "audit_differences": integrity.audit_differences,
        },
    }
