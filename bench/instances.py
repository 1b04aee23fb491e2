"""``python -m bench.instances [--rounds N]``: PlaceOrder with one orders and one inventory, and two of each.

Both platforms stand all the time, each with its own PostgreSQL and NATS, and are loaded in turn by the same
two callers' processes; after each load every accepted order must be there and the audit clean.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Sequence

from bench.bench import Bench, Plan, running
from bench.generator import Generator
from bench.load import Job, Result

SKUS = 300
SECONDS = 6.0
WARM_SECONDS = 1.0
IN_FLIGHT = 32
"""Of each of the two callers' processes."""
TWINS = {"orders": 2, "inventory": 2}


async def orders_per_s(bench: Bench, generators: Sequence[Generator], run: str) -> float:
    """Orders accepted a second by all doors together; every one of them must be found."""
    doors = [name for name in bench.platform.services if name.partition("-")[0] == "orders"]
    jobs = [
        Job(
            "place_grpc",
            str(bench.shop_file),
            run=f"{run}/{number}",
            in_flight=IN_FLIGHT,
            warm_seconds=WARM_SECONDS,
            seconds=SECONDS,
            target=bench.platform.services[doors[number % len(doors)]].address,
        )
        for number in range(len(generators))
    ]
    results: list[Result] = await asyncio.gather(
        *(generator.run(job, lambda: None) for generator, job in zip(generators, jobs, strict=True))
    )
    await bench.auditor.drained()
    found = await bench.auditor.audit()
    lost = await bench.auditor.lost([order for result in results for order in result.accepted])
    refused = {name: units for one in results for name, units in {**one.refused, **one.failed}.items()}
    if found.differences or found.oversold or lost or refused:
        bench.voided.append(
            f"{run}: {found.differences} differences, {lost} lost, {refused or 'nothing'} refused or failed"
        )
    return sum(result.per_s for result in results)


async def compare(rounds: int) -> bool:
    """Measure in turn and print; whether nothing was lost, refused or wrong."""
    plan = Plan(quick=True)

    def say(text: str) -> None:
        print(text, flush=True)

    say(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    async with (
        running(plan, say, SKUS) as one,
        running(plan, say, SKUS, TWINS) as two,
        Generator() as first,
        Generator() as second,
    ):
        alone: list[float] = []
        twice: list[float] = []
        for number in range(1, rounds + 1):
            alone.append(await orders_per_s(one, (first, second), f"one/{number}"))
            twice.append(await orders_per_s(two, (first, second), f"two/{number}"))
            say(f"round {number}: one of each {alone[-1]:.0f} orders/s, two of each {twice[-1]:.0f}")
        for reason in (*one.voided, *two.voided):
            say(f"void  {reason}")
        if one.voided or two.voided:
            return False
        ratios = [b / a for a, b in zip(alone, twice, strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        say(f"two of each / one of each: {statistics.median(ratios):.2f} ({spread})")
        return True


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="bench.instances", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="loads of each platform")
    return 0 if asyncio.run(compare(parser.parse_args().rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
