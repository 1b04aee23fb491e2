"""A process that does random things to few positions as fast as it can: one side of a race.

Run as `python -m services.inventory.tests.storm <database url> <seed> <groups>`; prints what it did as one
line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from datetime import timedelta
from typing import Any

import asyncpg

from chassis.clock import utc_now
from chassis.postgres import open_database
from chassis.refusals import Unavailable
from services.inventory.adapters.nats.events import encode
from services.inventory.adapters.postgres.store import PostgresStockStore
from services.inventory.domain.backorder import SupplyPick
from services.inventory.domain.book import Command, Origin
from services.inventory.domain.facts import Count, Move, ShortPick
from services.inventory.domain.holding import CreateHold, ExpireHold, ReleaseHold, RenewHold
from services.inventory.domain.pool import Hold
from services.inventory.domain.reserving import Commit, Consume, Expire, Release, Reserve
from services.inventory.domain.stock import Cause, Pick
from services.inventory.domain.supply import CloseSupply, ReceiveSupply, UpsertSupply
from services.inventory.domain.transfer import (
    CloseTransfer,
    CreateTransfer,
    Dispatch,
    ReceiveTransfer,
)
from services.inventory.usecases.expire import expire_some
from services.inventory.usecases.post import Submission
from services.inventory.usecases.reserve import PlainFirst

TASKS = 6
SKUS = ("A", "B", "C")
PLACES = ("store-1", "store-2")


class Storm:
    """Random commands on reservations that both sides of the race know: order ids are drawn from a small
    pool.
    """

    def __init__(self, store: PostgresStockStore, seed: int) -> None:
        self._store = store
        self._plain_first = PlainFirst(store, lambda _: None)
        self._random = random.Random(seed)
        self._seed = seed
        self._number = 0
        self._known: list[str] = []
        self._transfers: list[str] = []
        self._holds: list[str] = []
        self.done: Counter[str] = Counter()

    def _picks(self) -> tuple[Pick, ...]:
        keys = [(sku, place) for sku in SKUS for place in PLACES]
        chosen = self._random.sample(keys, self._random.randint(1, 4))
        return tuple(Pick(*key, self._random.randint(1, 2)) for key in chosen)

    def _origin(self, document_id: str = "storm") -> Origin:
        self._number += 1
        return Origin(f"{self._seed}-{self._number}", document_id, "storm")

    def _basket(self) -> Command[Any]:
        kind = self._random.random()
        if kind < 0.5 or not self._holds:
            skus = self._random.sample(SKUS, self._random.randint(1, 2))
            return CreateHold("web", tuple((sku, self._random.randint(1, 2)) for sku in skus), 10)
        hold_id = self._random.choice(self._holds)
        if kind < 0.7:
            return RenewHold(hold_id)
        return ReleaseHold(hold_id) if kind < 0.9 else ExpireHold(hold_id)

    def _command(self) -> Command[Any]:
        if self._random.random() < 0.2:
            return self._basket()
        if self._random.random() < 0.2:
            return self._supply()
        kind = self._random.random()
        picks = self._picks()
        if kind < 0.4 or not self._known:
            order_id = f"ord-{self._random.randint(1, 100_000)}"
            hold_id = self._random.choice(self._holds) if self._holds and self._random.random() < 0.3 else ""
            return Reserve(order_id, self._random.randint(1, 2), picks, 10, "web", hold_id)
        reservation_id = self._random.choice(self._known)
        if kind < 0.55:
            return Commit(reservation_id, tolerant=True)
        if kind < 0.62:
            return Release(reservation_id, picks, tolerant=True)
        if kind < 0.66:
            return Release(reservation_id)
        if kind < 0.72:
            return Consume(reservation_id, picks, Cause.SHIPMENT, self._origin(), tolerant=True)
        if kind < 0.76:
            return Consume(reservation_id, (), Cause.HAND_OVER, self._origin())
        if kind < 0.80:
            return ShortPick(reservation_id, picks, Cause.SHORT_PICK, self._origin())
        if kind < 0.84:
            return Expire(reservation_id)
        if kind < 0.90:
            sold = tuple(Pick(pick.sku, pick.location_id, -pick.quantity_units) for pick in picks)
            return Move(sold, Cause.SALE, self._origin())
        if kind < 0.93:
            return Count(picks, self._origin())
        if kind < 0.97:
            return self._transfer(picks)
        return Move(picks, Cause.RECEIPT, self._origin())

    def _supply(self) -> Command[Any]:
        """What is to come, and who waits for it; a supply that is closed makes room for the next."""
        sku, place = self._random.choice(SKUS), self._random.choice(PLACES)
        supply_id = f"PO-{place}-{self._random.randint(1, 3) + self._number // 40}"
        waited = (SupplyPick(sku, place, supply_id, self._random.randint(1, 2)),)
        kind = self._random.random()
        if kind < 0.45:
            order_id = f"ord-{self._random.randint(1, 100_000)}"
            picks = self._picks()[:1] if kind < 0.1 else ()
            return Reserve(order_id, 1, picks, 10, "web", supply_picks=waited)
        if kind < 0.55 and self._known:
            return Release(self._random.choice(self._known), tolerant=True, supply_picks=waited)
        if kind < 0.8:
            expected = utc_now() + timedelta(days=self._random.randint(1, 9))
            units = tuple((one, self._random.randint(1, 12)) for one in SKUS)
            return UpsertSupply(supply_id, place, expected, units)
        if kind < 0.96:
            self._number += 1
            return ReceiveSupply(supply_id, place, ((sku, self._random.randint(1, 4)),), self._origin())
        return CloseSupply(supply_id, place)

    def _transfer(self, picks: tuple[Pick, ...]) -> Command[Any]:
        source_id, destination_id = self._random.sample(PLACES, 2)
        units = {pick.sku: pick.quantity_units for pick in picks}
        if len(self._transfers) < 4 or self._random.random() < 0.2:
            return CreateTransfer(source_id, destination_id, tuple(units.items()), "", "storm")
        transfer_id = self._random.choice(self._transfers)
        kind = self._random.random()
        if kind < 0.5:
            return Dispatch(transfer_id, source_id, (), self._origin(transfer_id), forced=kind < 0.25)
        if kind < 0.9:
            return ReceiveTransfer(transfer_id, destination_id, (), self._origin(transfer_id))
        return CloseTransfer(transfer_id, destination_id, "storm")

    async def run(self, groups: int) -> None:
        """Groups of commands, one after the other; one that waits for a lock too long has changed nothing."""
        for _ in range(groups):
            try:
                await self._group()
            except Unavailable as error:
                if not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
                    raise
                # What a caller is told as UNAVAILABLE (CONTENTION): it may come on a machine that is busy.
                self.done["Contention"] += 1

    async def _group(self) -> None:
        if self._random.random() < 0.05:
            later = utc_now() + timedelta(seconds=20)
            posted = await expire_some(self._store, self._store.find_expired, later)
            await expire_some(self._store, self._store.find_expired_holds, later, ExpireHold)
        else:
            commands = [self._command() for _ in range(self._random.randint(1, 6))]
            posted = await self._plain_first.post([Submission(command) for command in commands])
        for outcome in posted.outcomes:
            self.done[type(outcome).__name__] += 1
            reservation = getattr(outcome, "reservation", None)
            if reservation is not None:
                self._known.append(reservation.reservation_id)
                del self._known[:-60]
            transfer = getattr(outcome, "transfer", None)
            if transfer is not None and transfer.transfer_id not in self._transfers:
                self._transfers.append(transfer.transfer_id)
                del self._transfers[:-8]
            if isinstance(outcome, Hold):
                self._holds.append(outcome.hold_id)
                del self._holds[:-20]


async def main(url: str, seed: int, groups: int) -> None:
    db = await open_database(url, "inventory", max_size=TASKS)
    storm = Storm(PostgresStockStore(db, utc_now, encode), seed)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(TASKS):
            tasks.create_task(storm.run(groups // TASKS))
    await db.close()
    sys.stdout.write(json.dumps(storm.done) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
