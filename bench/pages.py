"""``python -m bench.pages orders|paint``: what open pages cost orders, and how soon a page is painted.

``orders``: PlaceOrder at full load, in turn without and with 50 open pages Today, each fed every second;
after each load the audit must be clean. ``paint``: first contentful paint (Paint Timing, W3C) of every page
in the machine's chromium, and when the last of it was there, each in a fresh browser context without cache,
on the embedded default while the demo replays.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from bench.bench import Bench, Plan, running
from bench.watchers import session
from chassis.auth import ALL, TokenMinter
from cli.local.platform import Platform

OPEN_PAGES = 50
SKUS = 300
SECONDS = 6.0
PAGE = "/today/live"
FRAME_MILLISECONDS = 20
WHOLE = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)[0] ?? -1"
_ORDER_SECONDS = 150.0
_PAGES = (
    ("operator", "/today"),
    ("operator", "/orders"),
    ("operator", "/orders/{order}"),
    ("operator", "/stock"),
    ("operator", "/stock/{sku}"),
    ("planner", "/sourcing"),
    ("store", "/store"),
    ("operator", "/traces"),
    ("operator", "/traces/{trace}"),
    ("operator", "/traces/map"),
    ("operator", "/bus"),
    ("operator", "/system"),
)


@asynccontextmanager
async def open_pages(url: str, count: int) -> AsyncIterator[None]:
    """So many pages open, in a process of their own."""
    if not count:
        yield
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.watchers", url, PAGE, str(count), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    try:
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError("the open pages got no news")
        yield
        told, _ = await process.communicate(b"")
        print(f"    {int(told):,} events came to {count} pages", flush=True)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def orders(pairs: int) -> bool:
    """Measure in turns and print; whether nothing was lost, refused or wrong."""
    plan = Plan(quick=True)
    rates: dict[int, list[float]] = {0: [], OPEN_PAGES: []}
    async with running(plan, lambda text: print(f"  {text}", flush=True), SKUS) as bench:
        await bench.load("place_grpc", seconds=3.0)
        for pair in range(pairs):
            # The one that goes first changes, as the second has the larger tables.
            for count in (0, OPEN_PAGES) if pair % 2 == 0 else (OPEN_PAGES, 0):
                rates[count].append(await _orders_per_s(bench, count))
        ratios = [many / none for none, many in zip(rates[0], rates[OPEN_PAGES], strict=True)]
        for count, measured in rates.items():
            print(f"{count:3} open pages: {', '.join(f'{one:.0f}' for one in measured)} orders/s")
        print(f"with over without, by pair: {', '.join(f'{one:.3f}' for one in ratios)}")
        print(f"median {statistics.median(ratios):.3f}")
        for reason in bench.voided:
            print(f"void: {reason}")
        return not bench.voided


async def _orders_per_s(bench: Bench, count: int) -> float:
    async with open_pages(bench.platform.addresses.console, count):
        result = await bench.load("place_grpc", seconds=SECONDS)
    return result.per_s


async def paint(rounds: int, scale: float) -> bool:
    """Print the first paint of each page while the demo replays; whether every page was painted."""
    folder = _folder()
    try:
        async with Platform(folder, gives_way=True) as platform:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "demo", *_replay(platform, scale), stdout=DEVNULL, stderr=DEVNULL
            )
            try:
                facts = await _facts(platform)
                return await _painted(platform, facts, rounds, process)
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="aljibe-paint-"))
    folder.chmod(0o755)
    return folder


def _replay(platform: Platform, scale: float) -> Sequence[str]:
    arguments = ["--scale", str(scale), "--json", "--url", platform.addresses.http]
    for name, address in platform.addresses.grpc.items():
        arguments += ["--address", f"{name}={address}"]
    return [*arguments, "--key-file", str(platform.development_key_file), "--data", str(platform.data)]


async def _facts(platform: Platform) -> Mapping[str, str]:
    """An order of the replay, as soon as there is one with a parcel, and what pages of it are named by."""
    token = TokenMinter(platform.development_key_file).mint("bench:pages", ["operator"], [ALL], [ALL])
    async with grpc.aio.insecure_channel(platform.addresses.grpc["orders"]) as channel:
        stub = orders_pb2_grpc.OrderServiceStub(channel)
        async with asyncio.timeout(_ORDER_SECONDS):
            while True:
                answer = await stub.ListOrders(
                    orders_pb2.ListOrdersRequest(page_size=200),
                    metadata=(("authorization", f"Bearer {token}"),),
                )
                parcels = [one for one in answer.orders if one.HasField("delivery_address") and one.plan]
                if parcels:
                    return {
                        "order": parcels[0].order_id,
                        "sku": parcels[0].lines[0].sku,
                        "trace": parcels[0].trace_id,
                        "store": next(one.location_id for one in answer.orders if one.location_id),
                    }
                await asyncio.sleep(0.2)


async def _painted(
    platform: Platform, facts: Mapping[str, str], rounds: int, replay: asyncio.subprocess.Process
) -> bool:
    from playwright.async_api import async_playwright

    url = platform.addresses.console
    found: dict[str, list[tuple[float, float]]] = {}
    busy = True
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(rounds):
            for account, path in _PAGES:
                cookies = await session(url, account, location=facts["store"])
                context = await browser.new_context()
                await context.add_cookies([{"name": n, "value": v, "url": url} for n, v in cookies.items()])
                page = await context.new_page()
                answer = await page.goto(url + path.format_map(facts))
                if answer is None or answer.status != 200:
                    print(f"{path}: answered {answer.status if answer else 'nothing'}")
                    await context.close()
                    continue
                # The pages forbid what `wait_for_function` does; painting follows loading by a frame or two.
                while (painted := await page.evaluate(FIRST_PAINT)) is None or painted < 0:
                    await page.wait_for_timeout(FRAME_MILLISECONDS)
                found.setdefault(path, []).append((painted, await page.evaluate(WHOLE)))
                await context.close()
            busy = busy and replay.returncode is None
        await browser.close()
    print("first contentful paint, ms" + ("" if busy else " (the replay ended before the last page)"))
    for path, times in found.items():
        painted, whole = zip(*times, strict=True)
        print(
            f"{path:18} median {statistics.median(painted):5.0f}  worst {max(painted):5.0f}  of {len(times)}"
            f"  whole {statistics.median(whole):5.0f}"
        )
    return busy and len(found) == len(_PAGES)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="bench.pages", description=__doc__)
    parser.add_argument("what", choices=("orders", "paint"))
    parser.add_argument("--rounds", type=int, default=4, help="pairs of loads, or visits of each page")
    parser.add_argument("--scale", type=float, default=1.0, help="of the demo that replays meanwhile")
    given = parser.parse_args()
    done = asyncio.run(orders(given.rounds) if given.what == "orders" else paint(given.rounds, given.scale))
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
