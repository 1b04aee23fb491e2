"""The copy of the catalogue that orders are priced with.

What changed is read when the catalog tells of it, and every second. While the catalog is away the copy counts
for a minute, so that its restart stops no order.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import NamedTuple

import grpc
from nats.aio.client import Client
from nats.aio.msg import Msg

from aljibe.catalog.v1 import pricing_pb2
from chassis import metrics
from chassis.clock import Clock
from chassis.longlived import uncollected
from chassis.postgres import WAIT_OUT
from pricing import reading
from pricing.assembly import Assembly
from pricing.snapshot import Snapshot
from pricing.tokens import QuoteSigner
from services.orders.adapters.nats.keeping import keep_true

log = logging.getLogger(__name__)

READ_AGAIN_SECONDS = 1.0
TRUSTED_SECONDS = 60.0
"""For so long a copy counts after the catalog last said that it is the newest."""

_CATALOG_SUBJECT = "aljibe.catalog.v1.catalog-changed.*"
_AWAY: tuple[type[Exception], ...] = (*WAIT_OUT, grpc.aio.AioRpcError, OSError, TimeoutError)

_VERSION = metrics.gauge(
    "orders_catalogue_version",
    "1",
    "Version of the catalogue that orders are priced with; 0: none is at hand",
)

Parts = Callable[[int, str], AsyncIterator[pricing_pb2.StreamCatalogueResponse]]
"""What leads from a version of the catalogue, and its lineage, to the newest."""


class Priced(NamedTuple):
    """What a basket is priced with."""

    snapshot: Snapshot
    signer: QuoteSigner


class CatalogueCopy:
    """Holds the newest version that was read whole."""

    def __init__(
        self, nats: Client, parts: Parts, clock: Clock, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._nats = nats
        self._parts = parts
        self._clock = clock
        self._elapsed = elapsed
        self._stale = asyncio.Event()
        self._kept: Priced | None = None
        self._trusted_until = 0.0
        _VERSION.set_function(self._version)

    @property
    def now(self) -> Priced | None:
        """The copy, or None while there is none that may be trusted."""
        return self._kept if self._elapsed() < self._trusted_until else None

    async def open(self) -> None:
        """Listen for changes; call before `run`."""
        await self._nats.subscribe(_CATALOG_SUBJECT, cb=self._on_catalog)

    async def run(self) -> None:
        """Keep the copy true, for ever."""
        await keep_true(self.read, self._stale, READ_AGAIN_SECONDS, _AWAY, log, "catalogue")

    async def read(self) -> None:
        """Bring the copy to the newest version; when that fails it stays as it was."""
        asked_at = self._elapsed()
        base = self._kept.snapshot if self._kept is not None else Snapshot()
        assembly: Assembly | None = None
        version, lineage = base.version, base.lineage
        signer: QuoteSigner | None = None
        with uncollected() if self._kept is None else nullcontext():
            async for part in self._parts(version, lineage):
                if assembly is None:
                    if part.since_version != base.version:
                        base = Snapshot()
                    assembly = Assembly(base, self._clock())
                    signer = QuoteSigner(part.quote_key, timedelta(seconds=part.quote_ttl_seconds))
                    version, lineage = part.version, part.lineage
                for change in reading.changes(part):
                    assembly.put(change)
        if assembly is None or signer is None:
            return
        if self._kept is None or base.version != version:
            base = assembly.finish(version, lineage)
        self._kept = Priced(base, signer)
        self._trusted_until = asked_at + TRUSTED_SECONDS

    def _version(self) -> float:
        return float(self._kept.snapshot.version) if self._kept is not None else 0.0

    async def _on_catalog(self, message: Msg) -> None:
        self._stale.set()
