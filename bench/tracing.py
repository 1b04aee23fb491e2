"""``python -m bench.tracing [--rounds N] [--seconds S]``: what tracing costs, off, at 1 % and at 100 %.

The callers decide by ``traceparent``, so the three are compared on one running platform, next to each other,
round by round in turning order; spans go to a process that forgets them.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from statistics import median

from rich.console import Console

from bench.bench import QUICK, running
from bench.figures import TRACED
from bench.shop import SKUS


async def run(rounds: int, seconds: float, console: Console) -> bool:
    """Measure and tell; whether the figures count."""
    rates: dict[float, list[float]] = {share: [] for share in TRACED}
    spent: dict[float, list[float]] = {share: [] for share in TRACED}
    async with running(QUICK, lambda text: console.print(text, highlight=False), SKUS) as bench:
        await bench.load("place_grpc", seconds=seconds, traced=1.0)
        for number in range(rounds):
            turn = number % len(TRACED)
            for share in (*TRACED[turn:], *TRACED[:turn]):
                result = await bench.load("place_grpc", seconds=seconds, traced=share)
                rates[share].append(result.per_s)
                cpu = bench.runs[-1].cpu_ms_per_call
                spent[share].append(sum(cpu.get(name, 0.0) for name in bench.platform.services))
    off = rates[TRACED[0]]
    for share, found in rates.items():
        lost = median(1 - one / other for one, other in zip(found, off, strict=True))
        each = ", ".join(f"{one:.0f}" for one in found)
        more = median(one / other - 1 for one, other in zip(spent[share], spent[TRACED[0]], strict=True))
        console.print(
            f"{share:6.0%}  {median(found):6.0f} orders/s  lost {lost:6.1%}  ({each})"
            f"  processor of the services {median(spent[share]):.2f} ms an order, {more:+.1%}"
        )
    for reason in bench.voided:
        console.print(f"void: {reason}")
    return bench.integrity.holds and not bench.voided


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="bench.tracing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    return 0 if asyncio.run(run(given.rounds, given.seconds, Console())) else 1


if __name__ == "__main__":
    sys.exit(main())
