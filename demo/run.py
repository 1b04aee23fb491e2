"""`aljibe demo`: start, load, sell, fulfil, settle, report."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import orjson
from rich.console import Console

from cli.local.child import StartFailed
from cli.local.signals import EndSignals
from demo.customers import Customers
from demo.data.baskets import Channel
from demo.data.places import LocationKind
from demo.doors import PATIENCE_SECONDS, Away, Doors, Refused
from demo.goals import set_goals
from demo.journal import Journal
from demo.loading import catalogue_size, load_catalogue, load_rules, load_stock
from demo.options import DemoOptions
from demo.progress import Steps
from demo.replay import Replay
from demo.report import show
from demo.settling import Settling
from demo.staff import Staff
from demo.summary import Scene, Summary, summarise
from demo.target import Target, TargetError, own_target, running_target
from demo.words import words
from demo.world import World, prepare

__all__ = ["DemoOptions", "run", "run_demo"]

OK = 0
NOT_CLEAN = 1
NOT_STARTED = 3
INTERRUPTED = 130
_PIPE_WIDTH = 110
_TROUBLE = (TargetError, StartFailed, Away, Refused)


def run(options: DemoOptions) -> int:
    """The whole demo; exit code 0 when the books are clean, 1 when they are not, 3 without a platform."""
    # In a --json run standard output holds the one document; progress goes beside it.
    console = Console(stderr=options.json)
    if not console.is_terminal:
        console.width = max(console.width, _PIPE_WIDTH)
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            summary = runner.run(run_demo(options, console))
    except asyncio.CancelledError:
        console.print(words(options.lang)("interrupted"))
        return INTERRUPTED
    except _TROUBLE as trouble:
        return _give_up(console, options, trouble)
    except BaseExceptionGroup as group:
        # What one of the demo's people ran into, out of their task groups.
        known, unknown = group.split(_TROUBLE)
        if unknown is not None or known is None:
            raise
        return _give_up(console, options, _first(known))
    return OK if summary.clean else NOT_CLEAN


def _give_up(console: Console, options: DemoOptions, trouble: BaseException) -> int:
    reason = " ".join(str(trouble).split())
    if isinstance(trouble, Away):
        reason = words(options.lang)("away").format(
            seconds=PATIENCE_SECONDS, reason=reason or type(trouble).__name__
        )
    console.print(reason, style="red", markup=False, soft_wrap=True)
    return NOT_STARTED


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


async def run_demo(options: DemoOptions, console: Console) -> Summary:
    """Run it and print its summary (or the JSON document) as ``options`` say.

    Raises:
        TargetError, StartFailed: there is no platform to run it on.
        Refused, Away: the platform did not take the catalogue or the stock.
    """
    async with contextlib.AsyncExitStack() as stack:
        signals = stack.enter_context(EndSignals())
        with signals.cancelling():
            summary, target = await _run(options, console, stack)
        if options.json:
            _write_document(summary, target)
        else:
            show(console, summary, target, options.lang, options.keep)
        if options.keep and target.platform is not None:
            await target.platform.run_until(signals)
    return summary


async def _run(
    options: DemoOptions, console: Console, stack: contextlib.AsyncExitStack
) -> tuple[Summary, Target]:
    word = words(options.lang)
    steps = Steps(console, word)
    with steps:
        found = running_target(options)
        if found is not None:
            console.print(word("using").format(http=found.http))
        target, world = await _begin(options, found, steps, stack)
        doors = await stack.enter_async_context(Doors(target.http, target.addresses, target.key_file))
        summary = await _play(options, steps, doors, world)
    return summary, target


async def _begin(
    options: DemoOptions, found: Target | None, steps: Steps, stack: contextlib.AsyncExitStack
) -> tuple[Target, World]:
    """The platform (one of our own when none was found) and the world, made ready at the same time."""
    reading = asyncio.create_task(asyncio.to_thread(prepare, options.seed, options.scale))
    if found is None:
        with steps.step("platform") as bar:
            target = await stack.enter_async_context(own_target(options, lambda said: bar.note(str(said))))
            bar.advance()
    else:
        target = found
    with steps.step("data") as bar:
        world = await reading
        bar.advance()
    return target, world


async def _play(options: DemoOptions, steps: Steps, doors: Doors, world: World) -> Summary:
    run_name = f"demo-{options.seed}-{int(time.time())}"
    with steps.step("catalogue", catalogue_size(world)) as bar:
        await load_catalogue(doors, world, run_name, bar.advance)
    with steps.step("stock", len(world.stock)) as bar:
        await load_stock(doors, world, run_name, bar.advance)
        await load_rules(doors, run_name)
        await set_goals(doors, world, run_name)

    journal = Journal()
    stores = [place.location_id for place in world.geography.stores]
    customers = Customers(doors, journal, stores)
    everywhere = [place.location_id for place in world.geography.places]
    online = sum(basket.channel is not Channel.TILL for basket in world.baskets)
    with steps.step("replay", len(world.baskets)) as selling:
        picking = steps.bar("staff", online)
        staff = Staff(doors, journal, customers, everywhere, seed=options.seed, advance=picking.advance)
        async with _at_work(staff.work, customers.bring_back):
            replay = Replay(doors, journal, customers, seed=options.seed, run=run_name, nudge=staff.nudge)

            def advance(count: int) -> None:
                selling.advance(count)
                seconds = max(0.001, time.monotonic() - journal.replay_began)
                selling.note(f"{journal.orders / seconds:,.0f}/s")

            await replay.run(world.baskets, options.speed, advance)
            steps.seconds["replay"] = journal.replay_seconds
            began = time.monotonic()
            settling = steps.bar("settle", 1)
            books = await Settling(
                doors, journal, customers, staff, lambda left: settling.note(f"{left:,}" if left else "")
            ).settle()
            settled_seconds = time.monotonic() - began
            settling.finish()
            picking.finish()
    steps.seconds["replay"] = journal.replay_seconds
    steps.seconds["settle"] = settled_seconds
    return summarise(_scene(options, world), steps.seconds, journal, books, world.kinds)


@asynccontextmanager
async def _at_work(*jobs: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run the jobs beside the body and send everybody home at its end; their failure ends the body."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_job(job)) for job in jobs]
        yield
        for task in tasks:
            task.cancel()


async def _job(job: Callable[[], Awaitable[None]]) -> None:
    await job()


def _scene(options: DemoOptions, world: World) -> Scene:
    kinds = list(world.kinds.values())
    return Scene(
        seed=options.seed,
        scale=options.scale,
        products=len(world.products),
        promotions=len(world.promotions),
        stores=kinds.count(LocationKind.STORE),
        warehouses=kinds.count(LocationKind.WAREHOUSE),
        stock_units=world.stock_units,
        baskets=len(world.baskets),
        sample_sku=world.products[0].sku,
    )


def _write_document(summary: Summary, target: Target) -> None:
    document: dict[str, Any] = asdict(summary)
    document["clean"] = summary.clean
    document["http"], document["grpc"] = target.http, dict(target.addresses)
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    sys.stdout.flush()


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()
