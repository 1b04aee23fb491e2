"""A platform with two processes of orders and two of inventory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from cli.local.platform import Platform
from tests.integration.aftermath import own_platform
from tests.integration.world import World


@pytest_asyncio.fixture(scope="package")
async def twins() -> AsyncIterator[tuple[Platform, World]]:
    """The platform and a retailer on it."""
    async with own_platform(instances={"orders": 2, "inventory": 2}) as (platform, world):
        yield platform, world
