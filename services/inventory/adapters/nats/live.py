"""Live positions: what this process commits reaches its own replica and everybody else's, over core NATS,
after the commit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC

from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.aio.msg import Msg

from aljibe.inventory.v1 import events_pb2 as facts
from chassis import metrics
from chassis.ids import new_id
from chassis.postgres import Database
from chassis.refusals import Unavailable
from chassis.replica import Batch, Keeper, Replica
from chassis.streams import BROKER_ERRORS
from services.inventory.adapters.grpc import translate
from services.inventory.adapters.postgres import reads, supplies
from services.inventory.domain.backorder import Terms
from services.inventory.domain.expected import Supply
from services.inventory.domain.stock import Key, Position
from services.inventory.usecases.inbound import Inbound, InboundBoard, inbound

log = logging.getLogger(__name__)

SUBJECT = "aljibe.inventory.v1-live.positions"
HEARTBEAT_SECONDS = 1.0
REST_SECONDS = 0.025
"""After each message: every process with a replica wakes for it, whatever it tells, and changes that come
meanwhile share the next. One that comes after a longer rest is told at once.
"""
MAX_POSITIONS_PER_MESSAGE = 2_000
REREAD_AFTER_SECONDS = 2.0

_SENT = metrics.counter(
    "inventory_live_positions_total", "positions", "Changed positions published to replicas"
)
_LOST = metrics.counter(
    "inventory_live_messages_lost_total",
    "messages",
    "Messages that the broker did not take; replicas see the hole",
)
_ROWS = metrics.gauge("inventory_replica_rows", "positions", "Positions in this process's replica")
_BEHIND = metrics.gauge(
    "inventory_replica_behind_seconds", "s", "Age of another process's newest delta when it arrived"
)


class LivePositions:
    """This process's replica of availability, and its voice to the replicas of others."""

    def __init__(self, db: Database, client: Client) -> None:
        self.replica = Replica()
        self.board = InboundBoard()
        self.publisher_id = new_id("pub")
        self.keeper = Keeper(
            "inventory", self.replica, self._snapshot, errors=(Unavailable, *BROKER_ERRORS), flush=self._flush
        )
        self._db = db
        self._client = client
        self._sequence = 0
        self._changed: dict[Key, tuple[int, int]] = {}
        self._supplies: dict[str, Inbound] = {}
        self._terms: dict[str, Terms] = {}
        self._since = 0
        self._woken = asyncio.Event()
        self._rereads: set[asyncio.Task[None]] = set()
        _ROWS.set_function(lambda: float(len(self.replica)))
        _BEHIND.set_function(lambda: self.keeper.behind_seconds)

    def tell(self, positions: Iterable[Position]) -> None:
        """Note positions whose change has just been committed; never blocks, never fails."""
        put, changed = self.replica.put, self._changed
        self._note_since()
        for one in positions:
            free = one.on_hand_units - one.reserved_units - one.safety_units
            if put(one.sku, one.location_id, free, one.version):
                changed[(one.sku, one.location_id)] = (free, one.version)
        self._woken.set()

    def tell_supplies(self, changed: Iterable[Supply], terms: Iterable[Terms] = ()) -> None:
        """Note supplies, and terms of backorders, whose change has just been committed; never blocks, never
        fails.
        """
        self._note_since()
        self._terms.update((one.key[1], one) for one in terms)
        for one in changed:
            news = inbound(one)
            if self.board.put(news):
                self._supplies[news.supply_id] = news
        self._woken.set()

    def _note_since(self) -> None:
        if not self._changed and not self._supplies and not self._terms:
            # What waits the longest tells how far behind a replica is that hears of it.
            self._since = time.time_ns()

    def reread(self, keys: Sequence[Key]) -> None:
        """Tell, a little later, what is committed at `keys` then: for changes whose commit this process
        cannot see.
        """
        task = asyncio.get_running_loop().create_task(self._reread(keys), name="live-reread")
        self._rereads.add(task)
        task.add_done_callback(self._rereads.discard)

    async def publish_for_ever(self) -> None:
        """Publish what was told, all that came together in one message, and a heartbeat when nothing did."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await self._woken.wait()
                self._woken.clear()
                await self._publish_changed()
                await asyncio.sleep(REST_SECONDS)
        finally:
            if self._woken.is_set():
                await self._publish_changed()
            # A farewell: sequence −1 says that silence from now on means nothing.
            await self._send(facts.PositionsChanged(publisher_id=self.publisher_id, sequence=-1))

    async def listen_for_ever(self) -> None:
        """Take the deltas of other processes, and snapshots when one is due."""
        await self._subscribed()
        await self.keeper.run()

    async def _subscribed(self) -> None:
        while True:
            try:
                await self._client.subscribe(SUBJECT, cb=self._take)
            except BROKER_ERRORS as error:
                log.warning("live.waiting", extra={"reason": repr(error)})
                await asyncio.sleep(HEARTBEAT_SECONDS)
            else:
                return

    async def _take(self, message: Msg) -> None:
        try:
            change = facts.PositionsChanged.FromString(message.data)
        except DecodeError:
            log.warning("live.malformed")
            self.keeper.distrust()
            return
        if change.publisher_id == self.publisher_id:
            return
        rows = [(one.sku, one.location_id, one.available_units, one.version) for one in change.positions]
        for supply in change.supplies:
            self.board.put(_inbound_of(supply))
        committed_at = change.time.seconds + change.time.nanos / 1e9
        self.keeper.take(
            change.publisher_id, change.sequence, change.last_sequence, rows, committed_at=committed_at
        )

    async def _publish_changed(self) -> None:
        changed, told, since = list(self._changed.items()), list(self._supplies.values()), self._since
        terms = list(self._terms.values())
        self._changed.clear()
        self._supplies.clear()
        self._terms.clear()
        if not changed and not told and not terms:
            beat = facts.PositionsChanged(publisher_id=self.publisher_id, last_sequence=self._sequence)
            beat.time.GetCurrentTime()
            await self._send(beat)
            return
        for first in range(0, len(changed), MAX_POSITIONS_PER_MESSAGE):
            part = changed[first : first + MAX_POSITIONS_PER_MESSAGE]
            message = self._next_message(since)
            add = message.positions.add
            for (sku, location_id), (free, version) in part:
                add(sku=sku, location_id=location_id, available_units=free, version=version)
            await self._send(message)
            _SENT.inc(len(part))
        for some in _parts(told):
            message = self._next_message(since)
            message.supplies.extend([translate.inbound(one) for one in some])
            await self._send(message)
        for first in range(0, len(terms), MAX_POSITIONS_PER_MESSAGE):
            message = self._next_message(since)
            some_terms = terms[first : first + MAX_POSITIONS_PER_MESSAGE]
            message.backorder_terms.extend([translate.terms(one) for one in some_terms])
            await self._send(message)

    def _next_message(self, since: int) -> facts.PositionsChanged:
        self._sequence += 1
        message = facts.PositionsChanged(
            publisher_id=self.publisher_id, sequence=self._sequence, last_sequence=self._sequence
        )
        message.time.FromNanoseconds(since)
        return message

    async def _send(self, message: facts.PositionsChanged) -> None:
        if not self._client.is_connected:
            _LOST.inc()
            return
        try:
            await self._client.publish(SUBJECT, message.SerializeToString())
        except BROKER_ERRORS:
            _LOST.inc()

    async def _reread(self, keys: Sequence[Key]) -> None:
        await asyncio.sleep(REREAD_AFTER_SECONDS)
        try:
            self.tell(await reads.committed(self._db, keys))
        except Unavailable as error:
            log.warning("live.reread.unavailable", extra={"reason": str(error)})
            self.keeper.distrust()

    async def _flush(self) -> None:
        if self._client.is_connected:
            await self._client.flush()

    async def _snapshot(self) -> AsyncIterator[Batch]:
        before = self.board.versions()
        still_open: set[str] = set()
        async for one in supplies.read_inbound(self._db):
            self.board.put(one)
            still_open.add(one.supply_id)
        self.board.keep(still_open, before)
        async for batch in reads.snapshot(self._db):
            yield batch


def _parts(told: Sequence[Inbound]) -> Iterator[list[Inbound]]:
    """Supplies, as many at a time as fit a message."""
    part: list[Inbound] = []
    lines = 0
    for one in told:
        lines += 1 + len(one.units)
        if part and lines > MAX_POSITIONS_PER_MESSAGE:
            yield part
            part, lines = [], 1 + len(one.units)
        part.append(one)
    if part:
        yield part


def _inbound_of(message: facts.InboundSupply) -> Inbound:
    return Inbound(
        message.supply_id,
        message.location_id,
        message.expected_time.ToDatetime(UTC),
        {line.sku: line.quantity_units for line in message.lines},
        message.version,
        {
            line.sku: promised
            for line, promised in zip(message.lines, message.promised_units, strict=False)
            if promised
        },
    )
