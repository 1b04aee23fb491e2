"""A load generator: one process, many callers at once, that measures what callers see.

``python -m bench.load`` reads a job (JSON) a line from standard input until that ends. It answers
each with a line when it is ready to call, waits for a line that says go, and writes the result as a line.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import uvloop

from bench.calls import CALLERS, Caller, Refused
from bench.shop import Shop
from demo.doors import Away

_MAX_REASONS = 20


@dataclass(frozen=True)
class Job:
    """What to do. ``rate_per_s`` 0: as fast as ``in_flight`` callers can, each asking again when answered;
    else calls begin at that rate whatever became of those before. ``calls`` 0: until the time is over.
    """

    kind: str
    shop: str
    run: str
    in_flight: int = 64
    warm_seconds: float = 3.0
    seconds: float = 15.0
    rate_per_s: float = 0.0
    calls: int = 0
    traced: float | None = None
    """Share of calls that ask to be traced; None: leave it to the platform."""
    skus: int = 0
    """Only the first so many articles; 0: all."""
    target: str = ""


@dataclass
class Result:
    """What was seen. Rates count what ended within the measured seconds; ``accepted`` is everything that was
    ever answered with yes, for the integrity check.
    """

    done: int = 0
    units: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    answered: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    accepted: list[str] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Answers with yes a second."""
        return self.units / self.seconds if self.seconds else 0.0


class Meter:
    """Counts and clocks answers."""

    def __init__(self, begin: float, end: float) -> None:
        self.begin = begin
        self.end = end
        self.latencies: list[float] = []
        self.units = 0
        self.answered = 0
        self.last = begin
        self.refused: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def note(self, since: float, units: int) -> None:
        """A call that began at ``since`` was answered just now with ``units`` times yes."""
        now = time.perf_counter()
        self.answered += 1
        if self.begin <= now < self.end:
            self.latencies.append(now - since)
            self.units += units
            self.last = now


async def call(once: Callable[[], Awaitable[int]], meter: Meter, since: float) -> None:
    """One call, clocked from ``since``."""
    try:
        meter.note(since, await once())
    except Refused as refusal:
        meter.refused[str(refusal)] += 1
        meter.note(since, 0)
    except (Away, OSError, TimeoutError) as error:
        meter.failed[type(error).__name__ + " " + str(error)[:80]] += 1
    except grpc.aio.AioRpcError as error:
        meter.failed[f"{error.code().name} {error.details()}"[:100]] += 1


async def closed(caller: Caller, job: Job, meter: Meter) -> None:
    """``in_flight`` callers, each asking again as soon as it is answered."""
    left = job.calls or sys.maxsize

    async def one() -> None:
        nonlocal left
        while left > 0 and (now := time.perf_counter()) < meter.end:
            left -= 1
            await call(caller.once, meter, now)

    async with asyncio.TaskGroup() as group:
        for _ in range(job.in_flight):
            group.create_task(one())


async def opened(caller: Caller, job: Job, meter: Meter) -> None:
    """Calls begin when they are due; waiting in a queue counts as waiting."""
    due = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        while due < meter.end:
            now = time.perf_counter()
            if due > now:
                await asyncio.sleep(due - now)
            group.create_task(call(caller.once, meter, due))
            due += 1.0 / job.rate_per_s


async def run(job: Job, told_to_go: Callable[[], Awaitable[object]]) -> Result:
    """Make everything ready, wait until told to go, and do the job."""
    shop = Shop.load(Path(job.shop))
    if job.skus:
        shop = dataclasses.replace(shop, skus=shop.skus[: job.skus])
    async with CALLERS[job.kind](shop, job.run, job.traced, job.target) as caller:
        gc.collect()
        await told_to_go()
        before = _cpu_seconds()
        begin = time.perf_counter() + job.warm_seconds
        meter = Meter(begin, begin + job.seconds)
        await (opened if job.rate_per_s else closed)(caller, job, meter)
        spent = _cpu_seconds() - before
        ordered = sorted(meter.latencies)
        return Result(
            done=len(ordered),
            units=meter.units,
            # A fixed number of calls ends when the last is answered.
            seconds=(meter.last - meter.begin) if job.calls else job.seconds,
            p50_ms=percentile(ordered, 0.50) * 1000,
            p99_ms=percentile(ordered, 0.99) * 1000,
            answered=meter.answered,
            refused=dict(meter.refused.most_common(_MAX_REASONS)),
            failed=dict(meter.failed.most_common(_MAX_REASONS)),
            cpu_seconds=spent,
            accepted=caller.accepted,
        )


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that ``share`` of ``ordered`` (ascending) does not exceed; 0 of nothing."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def serve() -> None:
    """Do one job after the other until standard input ends."""
    loop = asyncio.get_running_loop()

    async def line() -> str:
        return await loop.run_in_executor(None, sys.stdin.readline)

    async def told_to_go() -> None:
        print("ready", flush=True)
        await line()

    while job := await line():
        result = await run(Job(**json.loads(job)), told_to_go)
        print(json.dumps(dataclasses.asdict(result)), flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
