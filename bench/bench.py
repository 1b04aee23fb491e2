"""One run of the benchmark on one platform: loads, each followed by its integrity check."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import processes
from bench.child import child
from bench.disk import DiskProbe, DiskWaits
from bench.generator import Generator
from bench.integrity import DRAIN_SECONDS, Auditor, Integrity
from bench.load import Job, Result
from bench.shop import Shop, open_shop, prepare
from bench.staleness import Stale, percentile_ms, staleness
from cli.local.platform import Platform

TRACE_RATIO = "0.01"
_runs = itertools.count(1)


@dataclass(frozen=True)
class Plan:
    """How long each load takes: ``seconds`` for orders, ``short_seconds`` for what needs less, and so on."""

    rounds: int = 3
    warm_seconds: float = 3.0
    short_warm_seconds: float = 1.0
    seconds: float = 15.0
    half_seconds: float = 10.0
    limit_seconds: int = 5
    short_seconds: float = 4.0
    echo_seconds: float = 2.5
    flat_seconds: float = 6.0
    quick: bool = False


QUICK = Plan(
    warm_seconds=0.7,
    short_warm_seconds=0.5,
    seconds=2.5,
    half_seconds=2.5,
    limit_seconds=2,
    short_seconds=1.5,
    echo_seconds=0.8,
    quick=True,
)


@dataclass
class Run:
    """One load: what its callers saw, and what it cost."""

    kind: str
    result: Result
    drain_seconds: float
    cpu_ms_per_call: dict[str, float]
    """Of each process from the first call on, warm-up included; the generator's own start is not."""
    staleness_p99_ms: float | None
    """Of the availability replica in orders, while the load ran; None when no delta came."""
    load_average: float
    disk: DiskWaits
    """What the disk made a writer of its own wait meanwhile."""


@dataclass
class Bench:
    """A platform with a shop on it."""

    platform: Platform
    shop: Shop
    shop_file: Path
    auditor: Auditor
    plan: Plan
    say: Callable[[str], None]
    generator: Generator
    integrity: Integrity = field(default_factory=Integrity)
    runs: list[Run] = field(default_factory=list)
    voided: list[str] = field(default_factory=list)

    async def load(
        self,
        kind: str,
        *,
        seconds: float | None = None,
        in_flight: int = 64,
        rate_per_s: float = 0.0,
        calls: int = 0,
        traced: float | None = None,
        skus: int = 0,
        target: str = "",
        check: bool = True,
    ) -> Result:
        """Run a load generator, let the backlog drain, and check that everything is right."""
        job = Job(
            kind,
            str(self.shop_file),
            run=f"{kind}/{next(_runs)}",
            in_flight=in_flight,
            warm_seconds=0.0 if calls else self._warm_seconds(seconds),
            seconds=seconds or self.plan.seconds,
            rate_per_s=rate_per_s,
            calls=calls,
            traced=traced,
            skus=skus,
            target=target,
        )
        before: dict[str, float] = {}
        heard: Stale = {}

        def going() -> None:
            before.update(processes.cpu_seconds(self.platform))
            heard.update(staleness(self.platform))

        with DiskProbe(self.shop_file.parent) as probe:
            result = await self.generator.run(job, going)
            # Before the probe is waited for: what services spend in that time is not the load's.
            after = processes.cpu_seconds(self.platform)
        stale = percentile_ms(heard, staleness(self.platform), 0.99)
        cpu = {
            name: 1000 * (spent - before.get(name, 0.0)) / max(1, result.answered)
            for name, spent in after.items()
        }
        cpu["generator"] = 1000 * result.cpu_seconds / max(1, result.answered)
        drain = await self._check(kind, result) if check else 0.0
        if result.refused and not calls:
            self.voided.append(
                f"{kind}: {sum(result.refused.values())} refused, where nothing should sell out"
            )
        self.runs.append(Run(kind, result, drain, cpu, stale, os.getloadavg()[0], probe.waits))
        self.say(
            f"{kind:18} {result.per_s:9.0f}/s  p50 {result.p50_ms:6.1f} ms  p99 {result.p99_ms:6.1f} ms"
            f"  drained {drain:.1f} s  {_trouble(result)}"
        )
        return result

    def _warm_seconds(self, seconds: float | None) -> float:
        return self.plan.warm_seconds if seconds is None else self.plan.short_warm_seconds

    async def _check(self, kind: str, result: Result) -> float:
        drain = await self.auditor.drained()
        found = await self.auditor.audit()
        self.integrity.slowest_drain_seconds = max(self.integrity.slowest_drain_seconds, drain)
        self.integrity.audit_differences += found.differences
        self.integrity.oversold += found.oversold
        lost = await self.auditor.lost(result.accepted)
        self.integrity.lost += lost
        if drain > DRAIN_SECONDS or found.differences or lost:
            self.voided.append(
                f"{kind}: drained in {drain:.1f} s, {found.differences} differences, {lost} lost"
            )
        return drain


@asynccontextmanager
async def running(
    plan: Plan, say: Callable[[str], None], skus: int, instances: Mapping[str, int] | None = None
) -> AsyncIterator[Bench]:
    """A platform on free ports, traced at 1 %, with a shop of ``skus`` articles and so many ``instances`` of
    services (one each); gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="aljibe-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - the account of the servers has to pass through
        async with child("bench.sink") as sink:
            environ = {
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink}",
                "OTEL_EXPORTER_OTLP_INSECURE": "true",
                "OTEL_TRACES_SAMPLER_ARG": TRACE_RATIO,
                "ALJIBE_LOG_LEVEL": "WARNING",
            }
            for name in ("ALJIBE_POSTGRES_URL", "ALJIBE_NATS_URL"):
                environ.pop(name, None)
            world = prepare(skus)
            async with Platform(Path(folder) / "data", environ=environ, instances=instances) as platform:
                say(f"platform up; loading {len(world.products):,} articles, {len(world.stock):,} positions")
                shop = await open_shop(world, platform.addresses, platform.development_key_file)
                auditor = Auditor(shop, platform.admin_url)
                saved = shop.save(Path(folder) / "shop.json")
                try:
                    drained = await auditor.drained()
                    say(f"loaded; drained in {drained:.1f} s")
                    async with Generator() as generator:
                        yield Bench(platform, shop, saved, auditor, plan, say, generator)
                finally:
                    await auditor.close()


def _trouble(result: Result) -> str:
    parts = [f"{name} ×{count}" for name, count in {**result.refused, **result.failed}.items()]
    return ", ".join(parts)
