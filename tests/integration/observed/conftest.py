"""A platform that sends its telemetry to a collector, and whose quotes soon expire."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest_asyncio

from cli.local.platform import Platform
from tests.integration.collector import Collector, collector
from tests.integration.world import World, retailer
from tests.servers import open_folder


@pytest_asyncio.fixture(scope="package")
async def observed() -> AsyncIterator[tuple[World, Collector]]:
    """A retailer whose spans, logs and metrics are collected, and whose quotes hold for a second only."""
    with open_folder("aljibe-observed-") as folder:
        async with collector() as (found, endpoint):
            environ = {
                **os.environ,
                "ALJIBE_QUOTE_TTL_SECONDS": "1",
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "200",
                "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            }
            async with (
                Platform(folder, environ=environ, without=("insights", "console")) as platform,
                retailer(platform) as world,
            ):
                yield world, found
