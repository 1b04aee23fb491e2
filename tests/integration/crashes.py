"""Services die at every step of their work, again and again, while customers and staff go on.

``python -m tests.integration.crashes --rounds 100`` (``make crashes ROUNDS=100``) keeps one platform and
restarts only what was killed. A round strikes each crash point of each service once, one death after the
other; a strike counts when the dying process itself has told of it. After each round nothing is struck until
everybody who waits has got an answer. At the end everything must have settled and the books must agree.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path

import grpc

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from chassis.crashpoint import STRUCK
from cli.local.happening import Happening
from cli.local.platform import Platform
from tests.integration.aftermath import (
    no_dead_letters,
    nothing_is_doubled,
    own_platform,
    settled,
    the_books_agree,
)
from tests.integration.shopping import PAUSE_SECONDS, TROUBLED_CODES, Crowd
from tests.integration.world import STORES, World, eventually, request_id

GROUP = ("group.before_transaction", "group.after_commit")
REQUEST = ("request.before_transaction", "request.after_commit")
OUTBOX = ("outbox.before_publish", "outbox.after_publish", "outbox.before_mark")
CONSUMER = ("consumer.before_commit", "consumer.before_ack")
POINTS: Mapping[str, Sequence[str]] = {
    "inventory": (*GROUP, *REQUEST, *OUTBOX, *CONSUMER),
    "orders": (*GROUP, *OUTBOX, *CONSUMER),
    "fulfillment": (*REQUEST, *OUTBOX, *CONSUMER),
}
CUSTOMERS = 8
ARTICLES = 4
SCARCE = 4
PLENTY = 5_000
MOST_HITS = {"group.before_transaction": 6, "group.after_commit": 6}
"""A point strikes at a random one of its first passes; groups pass so often that some customers are to be
served first.
"""
FEW_HITS = 2
STRIKE_SECONDS = 60.0
ANSWER_SECONDS = 30.0
"""How long customers may wait once nothing is struck any more. In a row of crashes a service that comes back
to work left lying serves for some milliseconds of every few seconds, so that only luck brings them an answer.
"""
MAX_BACKOFF_SECONDS = 0.1
TOUCH_PAUSE_SECONDS = 0.1
CLASH_PAUSE_SECONDS = 0.3
TELL_SECONDS = 60.0
"""Between two words on how far it has come: a hundred rounds take most of an hour."""

Tally = Counter[tuple[str, str]]


@dataclass
class Strikes:
    """Which crash points struck, how often, and what else died."""

    seed: int
    rounds: int = 0
    struck: Tally = field(default_factory=Counter)
    deaths: Counter[tuple[str, int]] = field(default_factory=Counter)
    orders: int = 0
    repeats: int = 0

    def hear(self, happening: Happening) -> None:
        """Note a death."""
        if happening.kind == "died":
            self.deaths[str(happening.facts["name"]), int(str(happening.facts["code"]))] += 1


async def strike(platform: Platform, name: str, choices: random.Random) -> None:
    """Each crash point of a service strikes once: a death brings the next with it, the last none."""
    service = platform.services[name]
    service.max_backoff_seconds = MAX_BACKOFF_SECONDS
    starts = service.starts

    async def started_again() -> bool:
        return service.starts > starts

    last = ""
    for point in choices.sample(POINTS[name], len(POINTS[name])):
        hits = choices.randint(1, MOST_HITS.get(point, FEW_HITS))
        service.overrides = {"ALJIBE_TEST_SETTINGS": "1", "ALJIBE_CRASHPOINT": f"{point}:{hits}"}
        if not last:
            await platform.kill(name)
        await eventually(started_again, f"crash of {name} at {last}", STRIKE_SECONDS)
        starts, last = service.starts, point
    service.overrides = {}
    await eventually(started_again, f"crash of {name} at {last}", STRIKE_SECONDS)


def struck_of(platform: Platform) -> Tally:
    """What the dying processes wrote into their logs."""
    return Counter(
        (name, point)
        for name in POINTS
        for point in re.findall(
            rf"{re.escape(STRUCK)} (\S+)", (platform.data / "log" / f"{name}.log").read_text(errors="replace")
        )
    )


async def crash(
    rounds: int,
    seed: int,
    seconds: float = float("inf"),
    tell: Callable[[str], None] = lambda _: None,
) -> Strikes:
    """Strike for so many rounds, or so long, then see that nothing was lost or doubled; `tell` hears how far
    it has come.

    Raises:
        AssertionError: something was; or a process died of anything else.
    """
    choices = random.Random(seed)
    strikes = Strikes(seed)
    async with own_platform(strikes.hear) as (platform, world):
        places = (*STORES, "wh-1")
        skus = [await world.article(stock=dict.fromkeys(places, PLENTY)) for _ in range(ARTICLES)]
        scarce = [await world.article() for _ in range(SCARCE)]
        received = dict.fromkeys(skus, PLENTY * len(places)) | dict.fromkeys(scarce, 0)
        crowd = Crowd(world, skus, seed, patience_seconds=None)
        until = time.monotonic() + seconds

        async with asyncio.TaskGroup() as group:
            telling = group.create_task(_tell_of(platform, rounds, tell))
            staff = group.create_task(crowd.staff())
            shopping = group.create_task(crowd.shop(CUSTOMERS))
            talking = [
                group.create_task(_clashes(crowd, world, received, scarce)),
                *(group.create_task(_touches(crowd, world, received, store)) for store in STORES),
            ]
            while strikes.rounds < rounds and time.monotonic() < until:
                await asyncio.gather(
                    *(strike(platform, name, random.Random(choices.random())) for name in POINTS)
                )
                await platform.healthy()
                await crowd.all_answered(ANSWER_SECONDS)
                strikes.rounds += 1
            crowd.closing.set()
            await asyncio.gather(shopping, *talking)
            diary = crowd.diary
            await settled(world, diary.accepted)
            staff.cancel()
            telling.cancel()

        strikes.struck = struck_of(platform)
        strikes.orders, strikes.repeats = len(diary.accepted), diary.repeats
        orders = {key: await world.order(order) for key, order in diary.accepted.items()}
        # One death of each a round is ours: it brings the first crash point in.
        assert strikes.deaths == {
            (name, -signal.SIGKILL): strikes.rounds
            + sum(strikes.struck[name, point] for point in POINTS[name])
            for name in POINTS
        }
        assert diary.repeats > 0, "no crash was ever felt: the load was too small"
        assert diary.internal_errors == []
        assert len({order.order_id for order in orders.values()}) == len(orders)
        await nothing_is_doubled(world, orders)
        await the_books_agree(world, orders, received)
        await no_dead_letters(world)
    return strikes


async def _tell_of(platform: Platform, rounds: int, tell: Callable[[str], None]) -> None:
    of = rounds * sum(len(points) for points in POINTS.values())
    while True:
        await asyncio.sleep(TELL_SECONDS)
        tell(f"{struck_of(platform).total()} of {of} strikes")


async def _clashes(crowd: Crowd, world: World, received: dict[str, int], scarce: Sequence[str]) -> None:
    """Promises that a till breaks, one after the other: so that inventory has something to tell."""
    for sku in cycle(scarce):
        if crowd.closing.is_set():
            return
        await _receive(world, sku, received)
        await crowd.clash(sku, "store-north")
        await asyncio.sleep(CLASH_PAUSE_SECONDS)


async def _touches(crowd: Crowd, world: World, received: dict[str, int], store: str) -> None:
    """Somebody keeps writing a store, and goods come in: inventory works and tells, also while orders is
    dead.
    """
    place = world.location(store, STORES[store], types_pb2.LOCATION_KIND_STORE)
    for number in range(sys.maxsize):
        if crowd.closing.is_set():
            return
        place.name = f"{store} {number}"
        request = inventory_pb2.UpsertLocationsRequest(request_id=request_id(), locations=[place])
        metadata = world.auth(world.planner)
        await _insist(partial(world.locations.UpsertLocations, request, metadata=metadata, timeout=5))
        await _receive(world, next(iter(received)), received)
        await asyncio.sleep(TOUCH_PAUSE_SECONDS)


async def _receive(world: World, sku: str, received: dict[str, int]) -> None:
    request = inventory_pb2.ReceiveStockRequest(
        request_id=request_id(),
        location_id="store-north",
        lines=[inventory_pb2.StockLine(sku=sku, quantity_units=1)],
    )
    metadata = world.auth(world.planner)
    await _insist(partial(world.stock.ReceiveStock, request, metadata=metadata, timeout=5))
    received[sku] += 1


async def _insist(call: Callable[[], Awaitable[object]]) -> None:
    """The same call until it is answered."""
    while True:
        try:
            await call()
        except grpc.aio.AioRpcError as error:
            if error.code() not in TROUBLED_CODES:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


def never(struck: Tally) -> list[tuple[str, str]]:
    """Points that never struck: what was not struck has shown nothing."""
    asked = [(name, point) for name, points in POINTS.items() for point in points]
    return [one for one in asked if not struck[one]]


def table(struck: Tally) -> str:
    """Crash points down, services across, how often each struck."""
    points = sorted({point for points in POINTS.values() for point in points})
    lines = [f"{'struck by kill -9':28}" + "".join(f"{name:>14}" for name in POINTS)]
    for point in points:
        cells = [str(struck[name, point]) if point in POINTS[name] else "–" for name in POINTS]
        lines.append(f"{point:28}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Strike, print the table, and add to the tally if one is kept."""
    parser = argparse.ArgumentParser(prog="make crashes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no round after this")
    parser.add_argument("--tally", type=Path, help="a file that adds up several runs")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)  # noqa: T201
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:4.0f} s  {text}", flush=True)  # noqa: T201

    strikes = asyncio.run(crash(given.rounds, given.seed, given.seconds, tell))
    print(  # noqa: T201
        f"{sum(strikes.struck.values())} strikes in {time.monotonic() - began:.0f} s, {strikes.orders} orders"
        f" accepted, {strikes.repeats} calls repeated; nothing lost, nothing doubled\n\n"
        f"{table(strikes.struck)}"
    )
    total = _add_up(given.tally, strikes) if given.tally else strikes.struck
    if never(total):
        sys.exit(f"never struck: {never(total)}")


def _add_up(file: Path, strikes: Strikes) -> Tally:
    runs = json.loads(file.read_text()) if file.exists() else []
    struck = {f"{name} {point}": count for (name, point), count in sorted(strikes.struck.items())}
    runs.append({"seed": strikes.seed, "orders": strikes.orders, "struck": struck})
    file.write_text(json.dumps(runs, indent=1))
    total: Tally = Counter()
    for run in runs:
        for key, count in run["struck"].items():
            name, point = key.split(" ")
            total[name, point] += count
    print(f"\nall {len(runs)} runs of {file}\n{table(total)}")  # noqa: T201
    return total


if __name__ == "__main__":
    main()
