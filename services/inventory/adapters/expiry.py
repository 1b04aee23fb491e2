"""The loops that wait for time: reservations and holds that run out, channel controls that begin or end."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from chassis.clock import Clock
from chassis.postgres import WAIT_OUT
from chassis.set_aside import SetAside, sweep_for_ever
from services.inventory.adapters.postgres.store import PostgresStockStore
from services.inventory.domain.book import Command
from services.inventory.domain.controlling import TellControls
from services.inventory.domain.holding import ExpireHold
from services.inventory.domain.reserving import Expire
from services.inventory.usecases.expire import EXPIRY_BATCH, expire_some
from services.inventory.usecases.post import Posted

Find = Callable[[datetime, int, Sequence[str]], Awaitable[Sequence[str]]]

log = logging.getLogger(__name__)


class ExpiryLoop:
    """Ends held reservations whose time is over, every `every_seconds`, for ever.

    Any number of instances may. `tell` hears of each commit. A reservation that cannot be ended is set
    aside, and the others go on.
    """

    def __init__(
        self,
        store: PostgresStockStore,
        tell: Callable[[Posted], None],
        clock: Clock,
        every_seconds: float,
        *,
        name: str = "inventory.expiry",
        find: Find | None = None,
        expire: Callable[[str], Command[bool]] = Expire,
    ) -> None:
        self._store = store
        self._tell = tell
        self._clock = clock
        self._every_seconds = every_seconds
        self._aside = SetAside(name)
        self._find = find or store.find_expired
        self._expire = expire

    @classmethod
    def of_holds(
        cls, store: PostgresStockStore, tell: Callable[[Posted], None], clock: Clock, every_seconds: float
    ) -> ExpiryLoop:
        """The same for baskets' holds."""
        return cls(
            store,
            tell,
            clock,
            every_seconds,
            name="inventory.hold_expiry",
            find=store.find_expired_holds,
            expire=ExpireHold,
        )

    @classmethod
    def of_controls(
        cls, store: PostgresStockStore, tell: Callable[[Posted], None], clock: Clock, every_seconds: float
    ) -> ExpiryLoop:
        """The same for channel controls that time changes: replicas hear of them."""
        return cls(
            store,
            tell,
            clock,
            every_seconds,
            name="inventory.channel_controls",
            find=store.find_due_controls,
            expire=TellControls,
        )

    @property
    def waiting(self) -> list[str]:
        """Those set aside whose next try has not come."""
        return self._aside.waiting

    async def run(self) -> None:
        """Sweep until cancelled; a database that is away is waited out."""
        await sweep_for_ever(self.sweep, self._every_seconds)

    async def sweep(self) -> bool:
        """End a batch; whether it was a full one of which some ended, so that more may wait.

        Raises:
            Unavailable: the database cannot be reached.
        """
        now = self._clock()
        ids = await self._find(now, EXPIRY_BATCH, self._aside.waiting)
        try:
            outcomes = await self._end(ids, now)
        except WAIT_OUT:
            raise
        except Exception:
            log.exception("expiry.batch.failed")
            await self._one_by_one(ids, now)
            return len(ids) == EXPIRY_BATCH
        return any(outcomes) and len(ids) == EXPIRY_BATCH

    async def _one_by_one(self, ids: Sequence[str], now: datetime) -> None:
        for one in ids:
            with self._aside.trying(one):
                await self._end([one], now)

    async def _end(self, ids: Sequence[str], now: datetime) -> Sequence[bool]:
        async def these(_: datetime, __: int) -> Sequence[str]:
            return ids

        posted = await expire_some(self._store, these, now, self._expire)
        self._tell(posted)
        return posted.outcomes
