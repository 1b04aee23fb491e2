"""One platform for all journeys: real PostgreSQL, real NATS, every service its own process.

A platform takes longer to start than most journeys take, so files share one where they can: this one, on
which nothing is killed or changed for others, or that of ``rough/``, ``twins/`` or ``observed/``, which lives
as long as the folder's tests. A test that counts all that a platform ever did starts its own.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest_asyncio

from cli.local.platform import Platform
from tests.integration.world import World, retailer
from tests.servers import open_folder


@pytest_asyncio.fixture(scope="session")
async def platform() -> AsyncIterator[Platform]:
    """The running platform of journeys, on which nothing is killed or changed for others."""
    with open_folder("aljibe-journeys-") as folder:
        # Journeys say which location is cheapest: what others have sold meanwhile must not change that.
        async with Platform(folder, environ={**os.environ, "ALJIBE_STOCK_PRICES_SECONDS": "0"}) as running:
            yield running


@pytest_asyncio.fixture(scope="session")
async def world(platform: Platform) -> AsyncIterator[World]:
    """The retailer on it."""
    async with retailer(platform) as opened:
        yield opened
