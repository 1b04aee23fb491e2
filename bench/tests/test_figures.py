"""The file that others read has one shape, whatever was measured."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

from bench.figures import Taken, figures
from bench.flat import FLAT_POSITIONS
from bench.integrity import Integrity
from bench.report import print_further, print_table

SHAPE = """
{"machine": ["cpus", "cpu_model", "python", "postgres", "nats", "git"],
 "limits": ["sql_order_tps", "sql_hot_tps", "grpc_echo_rps", "grpc_echo_stream_mps"],
 "place_order_grpc": ["orders_per_s", "p50_ms", "p99_ms", "ratio_to_sql_order"],
 "place_order_http": ["orders_per_s", "p50_ms", "p99_ms", "ratio_to_sql_order"],
 "web_sequence_http": ["orders_per_s", "p50_ms", "p99_ms"],
 "place_order_half_load": ["orders_per_s", "p99_ms"],
 "place_order_hot": ["orders_per_s", "ratio_to_spread"],
 "reserve_unary": ["per_s", "ratio_to_echo"], "reserve_stream": ["per_s"],
 "reserve_hot": ["per_s", "ratio_to_sql_hot"],
 "availability_grpc": ["calls_per_s", "skus_per_call"], "availability_http": ["calls_per_s"],
 "last_unit": ["buyers", "sold", "refused", "server_errors", "p99_ms"],
 "flat_cost": ["positions", "orders_per_s"],
 "audit": ["movements", "seconds"], "tracing_cost": ["at_1_percent", "at_100_percent"],
 "memory_mb": ["inventory", "orders", "catalog", "fulfillment", "gateway"],
 "integrity": ["oversold", "lost", "audit_differences"]}
"""


def told(taken: Taken) -> dict[str, Any]:
    machine = dict.fromkeys(("cpus", "cpu_model", "python", "postgres", "nats", "git"), "x")
    others = {
        "last_unit": {"buyers": 10, "sold": 1, "refused": 9, "server_errors": 0, "p99_ms": 3.0},
        "flat_cost": {"positions": list(FLAT_POSITIONS), "orders_per_s": [1.0, None, None, None]},
        "audit": {"movements": 3, "seconds": None},
        "memory_mb": dict.fromkeys(("inventory", "orders", "catalog", "fulfillment", "gateway"), 70),
    }
    return figures(taken, others, machine, Integrity())


def test_the_file_has_exactly_the_agreed_keys() -> None:
    wanted = {section: set(fields) for section, fields in json.loads(SHAPE).items()}

    found = {section: set(fields) for section, fields in told(Taken()).items()}

    assert found == wanted


def test_what_was_not_measured_is_null_and_said_so() -> None:
    """A figure is either measured or not there; the table must not make one up."""
    console = Console(record=True, width=200)
    found = told(Taken({"place_grpc": [100.0, 120.0, 110.0]}))

    print_table(console, found, Taken())
    unseen = {"longest_ms": None, "stalled": None, "p99_ms": None}
    print_further(console, {"replica": {"staleness_p99_ms": None, "gaps": None}, "disk_at_half_load": unseen})

    assert found["place_order_grpc"]["orders_per_s"] == 110.0
    assert found["place_order_grpc"]["ratio_to_sql_order"] is None
    assert found["tracing_cost"] == {"at_1_percent": None, "at_100_percent": None}
    text = console.export_text()
    assert "staleness p99 not measured" in text
    assert "1.00 / not measured" in text


def test_each_size_shows_what_it_costs() -> None:
    console = Console(record=True, width=200)
    size = {
        "positions": 1_000_000,
        "load_seconds": 20.0,
        "restart_seconds": 5.5,
        "orders_snapshot_seconds": 2.5,
        "memory_mb": {"inventory": 110, "orders": 108},
        "disk_mb": {"position": 117.0, "position, indexes": 91.0},
    }

    priced = {
        "orders_per_s_without": 500.0,
        "orders_per_s_with": 490.0,
        "ratio": 0.98,
        "refresh_seconds": 1.5,
    }

    print_further(
        console,
        {
            "stock_prices": priced,
            "replica": {"staleness_p99_ms": 30.0, "gaps": 0.0},
            "disk_at_half_load": {"longest_ms": [3.0, 180.0], "stalled": [0.0, 0.05], "p99_ms": [41.0, 97.0]},
            "sizes": [size],
        },
    )

    text = console.export_text()
    assert "staleness p99 30.00 ms (goal <= 250)" in text
    assert "p99 41.00 / 97.00 ms, longest fdatasync of a file of its own 3.00 / 180 ms" in text
    assert "over 50 ms 0.00 / 0.05" in text
    assert "without prices of stock 500, with them 490: 0.98 (goal >= 0.9)" in text
    assert "1,000,000" in text
    assert "orders 108" in text
    assert "208" in text
