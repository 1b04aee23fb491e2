"""The price book in force, and its upkeep.

One instance at a time has a book made, in a process of its own; every instance reads the book from the
database when there is a new one, so that all decide on the same prices and a restart has them at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from array import array
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

import grpc
from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis import metrics
from chassis.clock import Clock
from chassis.leases import while_leased
from chassis.postgres import WAIT_OUT, Database
from services.orders.adapters.postgres.demand import Demand
from services.orders.adapters.pricing.framing import framed
from services.orders.domain.draft import Channel
from services.orders.domain.places import Locations
from services.orders.domain.price_book import EMPTY, MOST_POSITIONS, PriceBook
from services.orders.domain.rules import SourcingRules
from services.orders.domain.states import Method

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""Between two looks at which book is kept."""
ROUND_SECONDS = 15.0
"""Between two looks at whether a book is due."""
WORKER_SECONDS = 240.0
"""Beside full load it gets a core now and then only."""
PRICES_KEPT_SECONDS = 3_600.0
"""Selling prices are read again after this time, or when the catalog says that something changed."""
SLICE_SKUS = 50
"""SKUs whose stock is read without letting others go first: well under a millisecond."""
MOST_CHANNELS = 3
_WORKER = "services.orders.adapters.pricing.worker"
_CATALOG_SUBJECT = "aljibe.catalog.v1.catalog-changed.*"
_AWAY: tuple[type[Exception], ...] = (*WAIT_OUT, grpc.aio.AioRpcError, OSError, TimeoutError)

_AGE = metrics.gauge("orders_stock_prices_age_seconds", "s", "Age of the prices of stock; 0: there are none")
_POSITIONS = metrics.gauge("orders_stock_prices_positions", "positions", "Positions with a price above zero")
_SECONDS = metrics.histogram(
    "orders_stock_prices_refresh_seconds",
    "s",
    "From the beginning of a refresh until its prices are in force",
)
_FAILED = metrics.counter("orders_stock_prices_failed_total", "refreshes", "Refreshes that made no prices")

UnitPrices = Callable[[str, Sequence[str], str], Awaitable[tuple[str, Mapping[str, int]]]]
"""Channel, SKUs, country of tax → currency and net price of a unit by SKU, where the channel sells it."""


class Stock(Protocol):
    """Figures of stock as they are known here."""

    def items(self, sku: str) -> Iterable[tuple[str, int]]:
        """Units that can be promised, by location."""
        ...


class Places(Protocol):
    """Locations and channels as they are known here."""

    @property
    def locations(self) -> Locations:
        """All locations known."""
        ...

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels known."""
        ...


class WorkerFailed(Exception):
    """The process that makes a book ended otherwise than by making one."""


_EXPECTED: tuple[type[Exception], ...] = (WorkerFailed, *_AWAY)


class StockPrices:
    """Holds `book`, which decisions read, and keeps it fresh. An interval of 0 switches both off."""

    def __init__(
        self,
        *,
        db: Database,
        database_url: str,
        schema: str,
        demand: Demand,
        nats: Client,
        stock: Stock,
        places: Places,
        ready: Callable[[], Awaitable[None]],
        unit_prices: UnitPrices,
        rules_at: Callable[[datetime], SourcingRules],
        clock: Clock,
        every_seconds: float,
        horizon_days: float,
    ) -> None:
        self.book: PriceBook = EMPTY
        """The prices in force; a decision reads one book from its beginning to its end."""
        self.last: dict[str, Any] = {}
        """What the last refresh by this instance told of itself."""
        self._db = db
        self._database_url = database_url
        self._schema = schema
        self._demand = demand
        self._nats = nats
        self._stock = stock
        self._places = places
        self._ready = ready
        self._unit_prices = unit_prices
        self._rules_at = rules_at
        self._clock = clock
        self._every = timedelta(seconds=every_seconds)
        self._horizon_days = horizon_days
        self._began = clock()
        self._selling: dict[str, int] = {}
        self._currency = ""
        self._selling_until = 0.0
        _AGE.set_function(self._age)
        _POSITIONS.set_function(lambda: float(len(self.book)))

    @property
    def on(self) -> bool:
        """Whether stock is priced at all."""
        return self._every > timedelta()

    async def open(self) -> None:
        """Take over the kept book, and listen to the catalog; call before `run`."""
        if self.on:
            await self._nats.subscribe(_CATALOG_SUBJECT, cb=self._on_catalog)
            with suppress(*_AWAY):
                await self._look()

    async def run(self) -> None:
        """Keep the book fresh, for ever."""
        if not self.on:
            return
        # Prices of stock that was not read yet would be those of empty shelves.
        await self._ready()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_for_ever(), name="stock-prices-look")
            group.create_task(
                while_leased(
                    self._db,
                    "orders.stock-prices",
                    self._round,
                    every_seconds=min(ROUND_SECONDS, self._every.total_seconds()),
                    lease_seconds=2 * WORKER_SECONDS,
                ),
                name="stock-prices-refresh",
            )

    async def refresh(self) -> bool:
        """Learn what was asked for since the last time and have a book made of it; False when there is
        nothing to price yet.

        Raises:
            WorkerFailed, Unavailable, grpc.aio.AioRpcError: no new book; the one in force stays.
        """
        began = time.monotonic()
        now = self._clock()
        await self._demand.learn()
        await self._demand.forget(now.date())
        seen_days = await self._demand.watched_days()
        locations = self._places.locations
        if not seen_days or not locations.by_id:
            return False
        wanted = await self._demand.asked_for(MOST_POSITIONS // len(locations.by_id))
        selling = await self._selling_prices(wanted, locations)
        skus = [sku for sku in wanted if selling.get(sku, 0) > 0]
        if not skus:
            return False
        head = {
            "database": self._database_url,
            "schema": self._schema,
            "made_at": now.isoformat(),
            "horizon_days": self._horizon_days,
            "seen_days": seen_days,
            "rules": self._rules_at(now).to_json(),
            "locations": locations.to_json(),
            "skus": skus,
            "prices_minor": [selling[sku] for sku in skus],
            "currency_code": self._currency,
        }
        units = await self._units(skus, locations)
        self.last = await _worked(head, units)
        await self._look()
        seconds = time.monotonic() - began
        _SECONDS.observe(seconds)
        log.info("stock.prices.made", extra={**self.last, "seconds": round(seconds, 3), "skus": len(skus)})
        return True

    async def _round(self) -> None:
        if self._clock() - (self.book.made_at or self._began) < self._every:
            return
        try:
            await self.refresh()
        except _EXPECTED as error:
            _FAILED.inc()
            log.warning("stock.prices.waiting", extra={"reason": repr(error)})
        except Exception:
            # Whatever it is, orders go on, with the prices of before.
            _FAILED.inc()
            log.exception("stock.prices.failed")

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self._look()
            except _AWAY as error:
                log.warning("stock.prices.unread", extra={"reason": repr(error)})
            await asyncio.sleep(min(LOOK_SECONDS, self._every.total_seconds()))

    async def _look(self) -> None:
        version = await self._demand.book_version()
        if not version or version == self.book.version:
            return
        content = await self._demand.book()
        if content is None:
            return
        try:
            self.book = PriceBook.from_bytes(content)
        except ValueError as error:
            # Made by another release: the next one will be ours.
            log.warning("stock.prices.unreadable", extra={"reason": str(error)})

    async def _units(self, skus: Sequence[str], locations: Locations) -> array[int]:
        """Units by SKU × location, read a slice at a time."""
        at = {location_id: number for number, location_id in enumerate(locations.by_id)}
        width = len(at)
        units = array("i", bytes(4 * width * len(skus)))
        for number, sku in enumerate(skus):
            first = number * width
            for location_id, there in self._stock.items(sku):
                column = at.get(location_id)
                if column is not None:
                    units[first + column] = max(0, min(there, 2**31 - 1))
            if number % SLICE_SKUS == SLICE_SKUS - 1:
                await asyncio.sleep(0)
        return units

    async def _selling_prices(self, skus: Sequence[str], locations: Locations) -> Mapping[str, int]:
        """What a customer in a store pays for a unit, net of tax, by SKU. Where no till sells an article,
        another channel of the same currency says.
        """
        if time.monotonic() > self._selling_until:
            self._selling, self._currency = {}, ""
            self._selling_until = time.monotonic() + PRICES_KEPT_SECONDS
        missing = [sku for sku in skus if sku not in self._selling]
        country = _most_common(x.country_code for x in locations.by_id.values() if x.active)
        for channel in _tills_first(self._places.channels.values())[:MOST_CHANNELS]:
            if not missing:
                break
            if self._currency and channel.currency_code != self._currency:
                continue
            currency, found = await self._unit_prices(channel.channel_id, missing, country)
            self._selling.update(found)
            self._currency = self._currency or currency
            missing = [sku for sku in missing if sku not in self._selling]
        # What nobody sells is not asked for again with every refresh.
        self._selling.update(dict.fromkeys(missing, 0))
        return self._selling

    async def _on_catalog(self, message: Msg) -> None:
        self._selling_until = 0.0

    def _age(self) -> float:
        made_at = self.book.made_at
        return 0.0 if made_at is None else (self._clock() - made_at).total_seconds()


def _tills_first(channels: Iterable[Channel]) -> list[Channel]:
    """Channels that only tills offer come first, then those that offer everything, then the rest."""

    def rank(channel: Channel) -> tuple[int, str]:
        if Method.CARRY_OUT in channel.methods:
            return 0, channel.channel_id
        return (1 if not channel.methods else 2), channel.channel_id

    return sorted(channels, key=rank)


def _most_common(words: Iterable[str]) -> str:
    counted = Counter(words).most_common()
    return min((word for word, count in counted if count == counted[0][1]), default="")


def _only_when_idle(pid: int) -> None:
    """From its first instruction on it has a core only when nothing else wants one: a book may take ten times
    as long, and no order waits for it. Where the system knows no such thing, its own niceness must do.
    """
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


async def _worked(head: Mapping[str, Any], units: array[int]) -> dict[str, Any]:
    """What the worker tells of the book it made."""
    # By a thread and `subprocess`, which makes a child without copying this process, as uvloop would: that
    # takes time, and gRPC minds.
    process = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-m", _WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # One thread: a library that starts one per processor would take them from the orders.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    _only_when_idle(process.pid)
    try:
        async with asyncio.timeout(WORKER_SECONDS):
            told, _ = await asyncio.to_thread(process.communicate, framed(head, units))
    finally:
        if process.poll() is None:
            process.kill()
    if process.returncode != 0:
        raise WorkerFailed(f"ended with {process.returncode}")
    result: dict[str, Any] = json.loads(told)
    return result
