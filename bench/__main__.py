"""``python -m bench [--quick]``: measure, print a table, write ``build/bench.json``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from rich.console import Console

from bench.bench import QUICK, Plan, running
from bench.machine import machine
from bench.measure import measure
from bench.report import print_further, print_table, write
from bench.shop import SKUS


async def run(plan: Plan, folder: Path, console: Console) -> bool:
    """Measure and tell; whether the figures count."""
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s[/dim]  {text}", highlight=False)

    say(f"load average {os.getloadavg()[0]:.1f}; figures count as ratios within this run")
    async with running(plan, say, SKUS) as bench:
        figures, taken, further = await measure(bench, machine())
        print_table(console, figures, taken)
        print_further(console, further)
        write(folder, figures, taken, further, bench)
    if plan.quick:
        console.print("Quick: flat_cost and tracing_cost are measured by the full run only.")
    for reason in bench.voided:
        console.print(f"[red]void[/red]  {reason}")
    console.print(
        f"{time.monotonic() - began:.0f} s; {folder / 'bench.json'}, {folder / 'bench-details.json'}"
    )
    return bench.integrity.holds and not bench.voided


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under three minutes, with shorter loads")
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder of the files it writes")
    given = parser.parse_args()
    return 0 if asyncio.run(run(QUICK if given.quick else Plan(), given.out, Console())) else 1


if __name__ == "__main__":
    sys.exit(main())
