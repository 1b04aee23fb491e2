"""Which rules hold: the timeline kept in memory, read at start, when told of a change, and every now and
then. A decision looks at the clock, so that a planned version takes over by itself in every instance.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis.clock import Clock
from chassis.postgres import WAIT_OUT
from services.orders.adapters.nats.keeping import keep_true
from services.orders.domain.rules import SourcingRules
from services.orders.domain.rules_timeline import BUILT_IN, Period

log = logging.getLogger(__name__)

READ_AGAIN_SECONDS = 10.0
"""How long an instance that missed the news goes on with the rules of before."""
KEPT = timedelta(hours=1)
"""How long a period that is over stays: a clock that is set back still finds it."""

_SUBJECT = "aljibe.orders.v1.sourcing-rules-changed.*"
_AWAY: tuple[type[Exception], ...] = (*WAIT_OUT, OSError, TimeoutError)

ReadTimeline = Callable[[datetime], Awaitable[tuple[tuple[Period, ...], Mapping[int, SourcingRules]]]]
SaveBasis = Callable[[str, str], Awaitable[None]]
_Entry = tuple[datetime, datetime | None, SourcingRules]


class CachedRulesBook:
    """See `usecases.ports.RulesBook`."""

    def __init__(
        self,
        nats: Client,
        built_in: SourcingRules,
        read_timeline: ReadTimeline,
        save_basis: SaveBasis,
        clock: Clock,
    ) -> None:
        self._nats = nats
        self._built_in = built_in
        self._read_timeline = read_timeline
        self._save_basis = save_basis
        self._clock = clock
        self._entries: tuple[_Entry, ...] = ()
        self._kept: set[str] = set()
        self._stale = asyncio.Event()
        self._ready = asyncio.Event()
        self._reading = asyncio.Lock()

    def current(self, now: datetime) -> SourcingRules:
        """The rules that hold at `now`."""
        for starts, ends, rules in self._entries:
            if starts <= now and (ends is None or now < ends):
                return rules
        return self._built_in

    async def open(self) -> None:
        """Keep the built-in rules on record, and listen for changes; call before `run`."""
        await self._keep(self._built_in)
        await self._nats.subscribe(_SUBJECT, cb=self._on_change)

    async def ready(self) -> None:
        """Return once the timeline was read."""
        await self._ready.wait()

    async def refresh(self) -> None:
        """Return when every change that was committed before the call is seen here."""
        async with self._reading:
            periods, rules = await self._read_timeline(self._clock() - KEPT)
            # On record before a decision can refer to them.
            for one in rules.values():
                await self._keep(one)
            self._entries = tuple(
                (
                    one.starts,
                    one.ends,
                    self._built_in if one.number == BUILT_IN else rules[one.number],
                )
                for one in reversed(periods)
            )
        self._ready.set()

    async def run(self) -> None:
        """Keep the timeline true, for ever."""
        await keep_true(self.refresh, self._stale, READ_AGAIN_SECONDS, _AWAY, log, "rules")

    async def _keep(self, rules: SourcingRules) -> None:
        if rules.version not in self._kept:
            await self._save_basis(rules.version, rules.to_json())
            self._kept.add(rules.version)

    async def _on_change(self, message: Msg) -> None:
        self._stale.set()
