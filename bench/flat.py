"""What size costs: orders a second while positions become more, and an audit of all their movements."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc

from bench import processes
from bench.bench import Bench, running
from bench.bulk import bulk_positions, disk_mb
from bench.shop import LOCATIONS
from cli.local.figures import gauge, metrics

FLAT_POSITIONS = (10_000, 100_000, 1_000_000, 10_000_000)
FLAT_LOAD_SECONDS = 200.0
"""A size whose positions would take longer to load is not measured."""
LARGE = 5_000_000
"""From here on the audit takes so long that one at the end has to do."""
REPLICAS = ("inventory", "orders")


@dataclass
class Flat:
    """What was seen at each size."""

    orders_per_s: list[float | None] = field(default_factory=list)
    audit: dict[str, Any] = field(default_factory=dict)
    sizes: list[dict[str, Any]] = field(default_factory=list)
    """Disk, memory, bootstrap and loading at each, for the details."""


async def flat_cost(first: Bench, say: Callable[[str], None]) -> Flat:
    """Orders are for the same articles at every size, so that nothing but the size changes. All processes
    with a replica begin anew at every size, so that they have read it all.
    """
    flat = Flat()
    plan = dataclasses.replace(
        first.plan, seconds=first.plan.short_seconds, warm_seconds=first.plan.warm_seconds
    )
    async with running(plan, say, FLAT_POSITIONS[0] // LOCATIONS) as bench:
        there = FLAT_POSITIONS[0]
        pace = 0.0
        for wanted in FLAT_POSITIONS:
            if pace * (wanted - there) > FLAT_LOAD_SECONDS:
                say(f"{wanted:,} positions would take {pace * (wanted - there):.0f} s to load: not measured")
                flat.orders_per_s.append(None)
                continue
            services = [bench.platform.services[name] for name in REPLICAS]
            for service in services:
                await service.stop()
            loaded = await bulk_positions(bench.platform.admin_url, bench.shop.locations, there, wanted)
            pace = loaded / max(1, wanted - there)
            there = wanted
            began = time.monotonic()
            for service in services:
                service.start()
                await service.healthy()
            restarted = time.monotonic() - began
            await bench.auditor.drained()
            rate = await bench.load("place_grpc", check=wanted < LARGE)
            flat.orders_per_s.append(rate.per_s)
            flat.sizes.append(await _size(bench, wanted, loaded, restarted))
            say(f"{wanted:,} positions: {rate.per_s:.0f} orders/s; {flat.sizes[-1]}")
        await bench.auditor.drained()
        flat.audit = await _audit(bench, say)
        first.integrity.audit_differences += flat.audit.pop("differences") + bench.integrity.audit_differences
        first.integrity.lost += bench.integrity.lost
        first.voided += bench.voided
    return flat


async def _size(bench: Bench, positions: int, loaded: float, restarted: float) -> dict[str, Any]:
    orders = metrics(bench.platform, "orders")
    memory = processes.memory_mb(bench.platform)
    return {
        "positions": positions,
        "load_seconds": loaded,
        "restart_seconds": restarted,
        "orders_replica_rows": gauge(orders, "aljibe_replica_rows"),
        "orders_snapshot_seconds": gauge(orders, "aljibe_replica_snapshot_seconds"),
        "memory_mb": {name: memory[name] for name in REPLICAS},
        "disk_mb": await disk_mb(bench.platform.admin_url),
    }


async def _audit(bench: Bench, say: Callable[[str], None]) -> dict[str, Any]:
    """The audit of everything; None for the seconds when it did not end within its deadline."""
    try:
        found = await bench.auditor.audit()
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
            raise
        say("the audit did not end within its deadline")
        return {"movements": 0, "seconds": None, "differences": 0}
    return {"movements": found.movements, "seconds": found.seconds, "differences": found.differences}
