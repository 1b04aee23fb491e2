"""``python -m bench.instances``: PlaceOrder with one orders and one inventory, and with several of each.

Both platforms stand all the time, each with its own PostgreSQL and NATS, and are loaded in turn by the same
callers' processes; after each load every accepted order must be there and the audit clean.

With ``--share`` each process of orders and of inventory is held to that share of a core, so that it is these
services that an order waits for: a machine for each of them, in small.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from bench.bench import Bench, Plan, running
from bench.generator import Generator
from bench.load import Job, Result
from bench.shares import NoShares, held_to
from cli.local.service import ServiceProcess

SKUS = 300
SECONDS = 6.0
WARM_SECONDS = 1.0
IN_FLIGHT = 64
"""Of all callers' processes together; there are as many as instances."""
SERVICES = ("orders", "inventory")
"""Of which there are several."""


def _instances(bench: Bench, *services: str) -> list[ServiceProcess]:
    """The processes of these services."""
    return [
        process for name, process in bench.platform.services.items() if name.partition("-")[0] in services
    ]


async def orders_per_s(bench: Bench, generators: Sequence[Generator], run: str) -> float:
    """Orders accepted a second by all doors together; every one of them must be found."""
    doors = _instances(bench, "orders")
    jobs = [
        Job(
            "place_grpc",
            str(bench.shop_file),
            run=f"{run}/{number}",
            in_flight=IN_FLIGHT // len(generators),
            warm_seconds=WARM_SECONDS,
            seconds=SECONDS,
            target=doors[number % len(doors)].address,
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


async def compare(rounds: int, count: int, share: float | None) -> bool:
    """Measure in turn and print; whether nothing was lost, refused or wrong.

    Raises:
        NoShares: a ``share`` of a core is wanted where processes cannot be held to one.
    """
    plan = Plan(quick=True)

    def say(text: str) -> None:
        print(text, flush=True)

    say(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    async with (
        running(plan, say, SKUS) as one,
        running(plan, say, SKUS, dict.fromkeys(SERVICES, count)) as several,
        AsyncExitStack() as stack,
    ):
        callers = [await stack.enter_async_context(Generator()) for _ in range(count)]
        if share is not None:
            processes = [*_instances(one, *SERVICES), *_instances(several, *SERVICES)]
            stack.enter_context(held_to(share, [process.pid for process in processes if process.pid]))
            say(f"each process of {' and '.join(SERVICES)} is held to {share:g} of a core")
        return await _in_turn(one, several, callers, rounds, say)


async def _in_turn(
    one: Bench, several: Bench, generators: Sequence[Generator], rounds: int, say: Callable[[str], None]
) -> bool:
    alone: list[float] = []
    together: list[float] = []
    for number in range(1, rounds + 1):
        alone.append(await orders_per_s(one, generators, f"one/{number}"))
        together.append(await orders_per_s(several, generators, f"several/{number}"))
        say(f"round {number}: one of each {alone[-1]:.0f} orders/s, several {together[-1]:.0f}")
    for reason in (*one.voided, *several.voided):
        say(f"void  {reason}")
    if one.voided or several.voided:
        return False
    ratios = [b / a for a, b in zip(alone, together, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    say(f"several / one of each: {statistics.median(ratios):.2f} ({spread})")
    return True


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="bench.instances", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="loads of each platform")
    parser.add_argument("--instances", type=int, default=2, help="of each service, against one")
    parser.add_argument("--share", type=float, help="of a core, for each of their processes")
    asked = parser.parse_args()
    try:
        return 0 if asyncio.run(compare(asked.rounds, asked.instances, asked.share)) else 1
    except NoShares as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
