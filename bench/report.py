"""The table on the terminal, and the files under ``build/``."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.bench import Bench
from bench.disk import STALL_SECONDS
from bench.figures import Figures, Taken

# What the platform promises of itself on two cores: (section, field, least or most).
GOALS = {
    ("place_order_grpc", "ratio_to_sql_order"): (">=", 0.40),
    ("place_order_http", "ratio_to_sql_order"): (">=", 0.25),
    ("web_sequence_http", "orders_per_s"): (">=", 548.0),
    ("place_order_half_load", "p99_ms"): ("<=", 50.0),
    ("place_order_hot", "ratio_to_spread"): (">=", 0.8),
    ("reserve_unary", "ratio_to_echo"): (">=", 0.45),
    ("reserve_stream", "per_s"): (">=", 10_000.0),
    ("reserve_hot", "ratio_to_sql_hot"): (">=", 2.0),
    ("last_unit", "sold"): ("<=", 1),
    ("last_unit", "server_errors"): ("<=", 0),
    ("last_unit", "p99_ms"): ("<=", 2_000.0),
    ("audit", "seconds"): ("<=", 60.0),
    ("integrity", "oversold"): ("<=", 0),
    ("integrity", "lost"): ("<=", 0),
    ("integrity", "audit_differences"): ("<=", 0),
}
STALENESS_P99_MS = 250.0
PRICED_RATIO = 0.9
"""Of the orders a second without prices of stock."""
_NOTES = {
    ("reserve_stream", "per_s"): "one stream, 64 a message, 16 messages in flight",
    ("tracing_cost", "at_1_percent"): "share of throughput lost, of calls that nobody traces",
}
_SAMPLES = {
    ("limits", "sql_order_tps"): "sql_order",
    ("limits", "sql_hot_tps"): "sql_hot",
    ("limits", "grpc_echo_rps"): "echo_unary",
    ("limits", "grpc_echo_stream_mps"): "echo_stream",
    ("place_order_grpc", "orders_per_s"): "place_grpc",
    ("place_order_http", "orders_per_s"): "place_http",
    ("web_sequence_http", "orders_per_s"): "web_sequence",
    ("place_order_half_load", "orders_per_s"): "half_load",
    ("place_order_half_load", "p99_ms"): "half_load.p99_ms",
    ("place_order_hot", "orders_per_s"): "place_hot",
    ("reserve_unary", "per_s"): "reserve_unary",
    ("reserve_stream", "per_s"): "reserve_stream",
    ("reserve_hot", "per_s"): "reserve_hot",
}


def print_table(console: Console, figures: Figures, taken: Taken) -> None:
    """Every figure, with the goal it is held to and the lowest and highest of its rounds."""
    table = Table(title="Aljibe: speed, and what it costs to be right")
    for name, justify in (
        ("figure", "left"),
        ("median", "right"),
        ("lowest … highest", "right"),
        ("goal", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for section, fields in figures.items():
        if section == "machine":
            table.caption = ", ".join(f"{name} {value}" for name, value in fields.items())
            continue
        for name, value in fields.items():
            samples = taken.samples.get(_SAMPLES.get((section, name), ""), [])
            spread = f"{_text(min(samples))} … {_text(max(samples))}" if len(samples) > 1 else ""
            note = _NOTES.get((section, name))
            label = f"{section} [bold]{name}[/bold]" + (f"  [dim]{note}[/dim]" if note else "")
            table.add_row(label, _text(value), spread, _goal(section, name, value))
        table.add_section()
    console.print(table)


def print_further(console: Console, further: Figures) -> None:
    """What has no place in ``bench.json``: the replica, and what each size costs."""
    replica = further["replica"]
    stale = replica["staleness_p99_ms"]
    goal = "" if stale is None else f" (goal <= {STALENESS_P99_MS:.0f})"
    console.print(
        f"availability replica in orders under full load: staleness p99 {_text(stale)} ms{goal}, "
        f"{_text(replica['gaps'])} gaps",
        highlight=False,
    )
    disk = further["disk_at_half_load"]
    console.print(
        f"at half of peak, by round: p99 {_text(disk['p99_ms'])} ms, longest fdatasync of a file of its own "
        f"{_text(disk['longest_ms'])} ms, share of the time in such over {1000 * STALL_SECONDS:.0f} ms "
        f"{_text(disk['stalled'])}",
        highlight=False,
    )
    if prices := further.get("stock_prices"):
        console.print(
            f"orders/s without prices of stock {_text(prices['orders_per_s_without'])}, with them "
            f"{_text(prices['orders_per_s_with'])}: {_text(prices['ratio'])} (goal >= {PRICED_RATIO}); "
            f"a refresh took {_text(prices['refresh_seconds'])} s",
            highlight=False,
        )
    if sizes := further.get("sizes"):
        table = Table(title="What size costs")
        for name in (
            "positions",
            "bulk load, s",
            "start, s",
            "snapshot in orders, s",
            "memory, MB",
            "disk, MB",
        ):
            table.add_column(name, justify="right")
        for size in sizes:
            table.add_row(
                _text(size["positions"]),
                _text(size["load_seconds"]),
                _text(size["restart_seconds"]),
                _text(size["orders_snapshot_seconds"]),
                ", ".join(f"{name} {_text(value)}" for name, value in size["memory_mb"].items()),
                _text(float(sum(size["disk_mb"].values()))),
            )
        console.print(table)


def write(folder: Path, figures: Figures, taken: Taken, further: Figures, bench: Bench) -> None:
    """``bench.json`` in its fixed shape; everything else that was seen in ``bench-details.json``."""
    folder.mkdir(exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    details: dict[str, Any] = {
        "load_average": os.getloadavg(),
        "samples": taken.samples,
        **further,
        "voided": bench.voided,
        "slowest_drain_seconds": bench.integrity.slowest_drain_seconds,
        "runs": [
            {
                **dataclasses.asdict(run),
                "result": {k: v for k, v in dataclasses.asdict(run.result).items() if k != "accepted"},
            }
            for run in bench.runs
        ],
    }
    (folder / "bench-details.json").write_text(json.dumps(details, indent=1) + "\n")


def _goal(section: str, name: str, value: Any) -> str:
    goal = GOALS.get((section, name))
    if goal is None or value is None:
        return ""
    sign, bound = goal
    met = value >= bound if sign == ">=" else value <= bound
    return f"[{'green' if met else 'red'}]{sign} {_text(bound)}[/]"


def _text(value: Any) -> str:
    if value is None:
        return "[dim]not measured[/dim]"
    if isinstance(value, list):
        return " / ".join(_text(one) for one in value)
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
