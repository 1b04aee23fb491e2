"""Orders that were refused, told in batches: a refusal leaves no row behind, so nobody else counts it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import grpc

from aljibe.orders.v1 import events_pb2
from chassis import outbox
from chassis.clock import Clock
from chassis.envelope import OutboxEvent, event
from chassis.errors import ErrorTable, reason_of
from chassis.ids import new_id
from chassis.outbox import Relay
from chassis.postgres import WAIT_OUT, Connection, Database, after_commit
from chassis.refusals import PassedOn

log = logging.getLogger(__name__)

TELL_EVERY_SECONDS = 1.0
MAX_PAIRS = 200
"""Channels times reasons of one batch; what is beyond them counts without its channel."""


class RefusedOrders:
    """Counts in memory, and tells once a second what there is to tell. One for the life of a process."""

    def __init__(self, db: Database, relay: Relay, clock: Clock, table: ErrorTable) -> None:
        self._db = db
        self._relay = relay
        self._clock = clock
        self._table = table
        self._counts: Counter[tuple[str, str]] = Counter()
        self._id = new_id("rfs")
        self._sequence = 0

    def note(self, channel_id: str, error: Exception) -> None:
        """An order of this channel was refused with `error`."""
        pair = (channel_id, self._reason(error))
        if pair not in self._counts and len(self._counts) >= MAX_PAIRS:
            pair = ("", pair[1])
        self._counts[pair] += 1

    async def run(self) -> None:
        """Tell until cancelled; a database that is away is waited out."""
        while True:
            await asyncio.sleep(TELL_EVERY_SECONDS)
            await self.tell()

    async def tell(self) -> None:
        """Tell what was counted since the last time, and nothing when nothing was."""
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        now = self._clock()
        told = events_pb2.OrdersRefused(
            refusals=[
                events_pb2.RefusedOrders(channel_id=channel_id, reason=reason, refusals=refusals)
                for (channel_id, reason), refusals in sorted(counts.items())
            ]
        )
        told.time.FromDatetime(now)
        made = event(
            "orders",
            told,
            aggregate_type="refusals",
            aggregate_id=self._id,
            sequence=self._sequence + 1,
            occurred_at=now,
        )
        try:
            await self._db.run(lambda conn: self._append(conn, made))
        except WAIT_OUT as error:
            log.warning("refusals.waiting", extra={"reason": repr(error)})
            self._counts.update(counts)
            # Whether the last one was committed is not known, so that its number is not used again.
            self._id, self._sequence = new_id("rfs"), 0

    async def _append(self, conn: Connection, made: OutboxEvent) -> None:
        await outbox.append(conn, [made])
        after_commit(lambda: self._told(made))

    def _told(self, made: OutboxEvent) -> None:
        self._sequence = made.sequence
        self._relay.wake([made])

    def _reason(self, error: Exception) -> str:
        if isinstance(error, PassedOn):
            return error.reason
        if isinstance(error, grpc.aio.AioRpcError):
            return reason_of(error) or f"UPSTREAM_{error.code().name}"
        rule = self._table.rule_for(error)
        return rule.reason if rule is not None else "INTERNAL"
