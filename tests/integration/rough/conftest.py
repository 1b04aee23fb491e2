"""A platform whose services are killed, whose bus falls silent and whose rules change, for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from cli.local.platform import Platform
from tests.integration.aftermath import own_platform
from tests.integration.world import World


@pytest_asyncio.fixture(scope="package")
async def rough() -> AsyncIterator[tuple[Platform, World]]:
    """The platform and a retailer on it; whoever changes it for others puts it back."""
    async with own_platform() as (platform, world):
        yield platform, world
