"""One platform with a real run of orders, its pages, and one browser for all tests of pages."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from cli.local.platform import Platform
from tests.browser import machine
from tests.browser.visit import DESKTOP, PHONE, Passes, Visit
from tests.integration.world import World, retailer
from tests.servers import open_folder

ALL_LOOKS = "ALL_LOOKS"
"""Set (`make test-pages ALL_LOOKS=1`), pages are tried in each language at each width."""
_USUAL = {("en", DESKTOP), ("es", PHONE)}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every language and every width, but not each with each, unless that is wanted."""
    if os.environ.get(ALL_LOOKS):
        return
    left_out = [one for one in items if _look(one) not in {None, *_USUAL}]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [one for one in items if one not in set(left_out)]


def _look(item: pytest.Item) -> tuple[object, object] | None:
    given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return (given["language"], given["width"]) if {"language", "width"} <= given.keys() else None


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium; without one these tests are skipped."""
    if not machine.chromium_path():
        pytest.skip("no chromium on this machine (Debian: apt install chromium; or set CHROMIUM)")
    async with machine.chromium() as opened:
        yield opened


@pytest_asyncio.fixture(scope="session")
async def platform(browser: Browser) -> AsyncIterator[Platform]:
    """A running platform on which a real grocer's baskets were bought and delivered."""
    with open_folder("aljibe-pages-") as folder:
        async with Platform(folder, environ={**os.environ, "ALJIBE_STOCK_PRICES_SECONDS": "0"}) as running:
            await machine.replay(running)
            yield running


@pytest_asyncio.fixture(scope="session")
async def world(platform: Platform) -> AsyncIterator[World]:
    """A small retailer beside the real run, for orders and stock of a test's own."""
    async with retailer(platform) as opened:
        yield opened


@pytest.fixture(scope="session")
def passes() -> Passes:
    """Filled by whoever signs in."""
    return {}


@pytest_asyncio.fixture
async def visit(browser: Browser, platform: Platform, world: World, passes: Passes) -> AsyncIterator[Visit]:
    """``page = await visit("operator", "/today", language="es", width=PHONE)``; at the end no browser may
    have complained. The small retailer is founded first: pages keep what they know of stores for a minute.
    """
    made = Visit(browser, platform.addresses.console, passes)
    yield made
    await made.close()
    assert not made.errors()
