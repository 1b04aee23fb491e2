"""The availability replica that plans are made on, and what this process is reserving right now."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime

import grpc
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.aio.msg import Msg

from aljibe.inventory.v1 import events_pb2
from chassis import metrics
from chassis.replica import Batch, Keeper, Replica, Row
from chassis.streams import BROKER_ERRORS
from services.orders.adapters.grpc.inventory import InboundSnapshots, Snapshots, learn_inbound, rows
from services.orders.domain.supplies import Coming, SupplyBoard
from services.orders.domain.views import Stock

log = logging.getLogger(__name__)

Picks = Mapping[tuple[str, str], int]
"""Units by (SKU, location)."""

LIVE_SUBJECT = "aljibe.inventory.v1-live.positions"
POOL = ""
"""In the place of a location: the SKU's pool, with minus what baskets hold of it."""
SHARE_MARK = "@"
"""Before a channel, in the place of a location: minus what of the pool is withheld from the channel."""
LIMIT_MARK = "<"
"""Before a channel, in the place of a location: the most that the channel may still be promised."""
EVERY_CHANNEL = "*"
"""In the place of a channel: every one without figures of its own."""
_MARKS = (SHARE_MARK, LIMIT_MARK)
LINGER_SECONDS = 0.25
"""How long a granted reservation still counts as under way: its delta arrives within that time, or late."""

_BEHIND = metrics.gauge("replica_behind_seconds", "s", "Age of the newest delta of stock when it arrived")
_ROWS = metrics.gauge("replica_rows", "positions", "Positions in the availability replica")
_GAPS = metrics.gauge("replica_gaps", "gaps", "Holes seen in the stream of deltas")
_QUIET = metrics.gauge("replica_quiet_seconds", "s", "Time since any publisher of stock was last heard")

AWAY: tuple[type[Exception], ...] = (grpc.aio.AioRpcError, *BROKER_ERRORS)


class AvailabilityReplica:
    """See `usecases.ports.StockReplica`.

    Orders under way are subtracted from what plans see, so that many buyers of one article at once are
    spread over the locations that have it instead of racing for the cheapest.
    """

    def __init__(
        self,
        nats: Client,
        make_snapshots: Callable[[Callable[[Iterable[Row]], object]], Snapshots],
        make_inbound: Callable[[SupplyBoard], InboundSnapshots],
    ) -> None:
        self._nats = nats
        self.supplies = InboundReplica(make_inbound)
        self._replica = Replica()
        self._snapshots = make_snapshots(self._replica.put_all)
        self._keeper = Keeper("availability", self._replica, self._everything, errors=AWAY, flush=self._flush)
        self._under_way: dict[str, dict[str, int]] = {}
        self._leaving: deque[tuple[float, Picks, list[int]]] = deque()
        _BEHIND.set_function(lambda: self._keeper.behind_seconds)
        _ROWS.set_function(lambda: float(len(self._replica)))
        _GAPS.set_function(lambda: float(self._keeper.feed.gaps))
        _QUIET.set_function(lambda: time.monotonic() - self._keeper.feed.heard_at)

    # ---- the port

    def view(self, channel_id: str, *, holding: bool = False) -> Stock:
        """The copy, less what this process is reserving right now, and what the channel may not have."""
        self._purge()
        return _View(self._replica, self._under_way, channel_id, holding)

    def bare(self, channel_id: str, *, holding: bool = False) -> Stock:
        """The copy itself, less what the channel may not have."""
        return _View(self._replica, {}, channel_id, holding)

    def taking(self, picks: Picks) -> Callable[[bool], None]:
        """Note that `picks` are being reserved; call the result with whether they were."""
        for (sku, location_id), units in picks.items():
            at = self._under_way.setdefault(sku, {})
            at[location_id] = at.get(location_id, 0) + units
        before = [self._replica.version(*position) for position in picks]

        def ended(granted: bool) -> None:
            if granted:
                # Forgotten by the next view, which comes with the next order.
                self._leaving.append((time.monotonic() + LINGER_SECONDS, picks, before))
            else:
                self._leave(picks)

        return ended

    def kept(self, skus: Iterable[str]) -> list[str]:
        """See `usecases.ports.StockReplica`."""
        return [sku for sku in skus if self._replica.get(sku, POOL) is not None]

    def mark(self, sku: str) -> object | None:
        """See `usecases.ports.StockReplica`."""
        return None if sku in self._under_way else self._replica.derived.setdefault(sku, object())

    async def refresh(self, skus: Sequence[str]) -> None:
        """Bring these SKUs up to the moment of the call, from the authority."""
        await self._snapshots.refresh(skus)

    def learn(self, news: Iterable[Row]) -> None:
        """Take true figures over."""
        self._replica.put_all(news)

    def items(self, sku: str) -> Iterable[tuple[str, int]]:
        """The SKU's figures by location, without a copy, marks included; not to be kept over an await."""
        return self._replica.items(sku)

    # ---- upkeep

    @property
    def keeper(self) -> Keeper:
        """What keeps the copy true."""
        return self._keeper

    async def open(self) -> None:
        """Listen to deltas; call before `run`."""
        await self._nats.subscribe(LIVE_SUBJECT, cb=self._on_delta)

    async def run(self) -> None:
        """Keep the replica true, for ever."""
        await self._keeper.run()

    async def ready(self) -> None:
        """Return once the first snapshot is read."""
        await self._keeper.ready()

    async def close(self) -> None:
        """Finish refreshes under way."""
        await self._snapshots.close()
        await self.supplies.close()

    async def _on_delta(self, message: Msg) -> None:
        try:
            changed = events_pb2.PositionsChanged.FromString(message.data)
        except DecodeError:
            log.warning("replica.delta.unreadable", extra={"bytes": len(message.data)})
            self._keeper.distrust()
            return
        if changed.sequence < 0:
            self._keeper.feed.farewell(changed.publisher_id)
            return
        if changed.supplies or changed.backorder_terms:
            self.supplies.learn(changed)
        self._keeper.take(
            changed.publisher_id,
            changed.sequence,
            changed.last_sequence,
            rows(changed.positions),
            committed_at=changed.time.seconds + changed.time.nanos / 1e9,
        )

    async def _everything(self) -> AsyncIterator[Batch]:
        await self.supplies.read()
        async for batch in self._snapshots.everything():
            yield batch

    async def _flush(self) -> None:
        # The subscription must stand at the broker before the snapshot begins.
        if self._nats.is_connected:
            await self._nats.flush()

    def _purge(self) -> None:
        """Forget what was granted once its delta has arrived, or should have."""
        now = time.monotonic()
        while self._leaving:
            until, picks, before = self._leaving[0]
            if until > now and any(
                self._replica.version(*position) <= version
                for position, version in zip(picks, before, strict=True)
            ):
                return
            self._leaving.popleft()
            self._leave(picks)

    def _leave(self, picks: Picks) -> None:
        for (sku, location_id), units in picks.items():
            at = self._under_way[sku]
            at[location_id] -= units
            if not at[location_id]:
                del at[location_id]
                if not at:
                    del self._under_way[sku]


class InboundReplica:
    """See `usecases.ports.Supplies`: kept up by the same deltas and snapshots."""

    def __init__(self, make_snapshots: Callable[[SupplyBoard], InboundSnapshots]) -> None:
        self._board = SupplyBoard()
        self._snapshots = make_snapshots(self._board)

    def may(self, sku: str, channel_id: str, *, asked: bool) -> bool:
        """Whether a line of that article may be served later."""
        return self._board.may(sku, channel_id, asked=asked)

    def release_time(self, sku: str, channel_id: str) -> datetime | None:
        """Before when a channel gives the article to nobody, if that is said."""
        terms = self._board.terms(sku, channel_id)
        return None if terms is None else terms.release_time

    def coming(self, sku: str, channel_id: str, now: datetime, receiving_days: int) -> list[Coming]:
        """What a channel may promise of it, the soonest first."""
        return self._board.coming(sku, channel_id, now, receiving_days)

    async def refresh(self, skus: Sequence[str]) -> None:
        """Bring these SKUs up to the moment of the call, from the authority."""
        await self._snapshots.refresh(skus)

    def learn(self, changed: events_pb2.PositionsChanged) -> None:
        """Take a delta over."""
        learn_inbound(self._board, changed.supplies, changed.backorder_terms)

    async def read(self) -> None:
        """Take a snapshot."""
        await self._snapshots.everything()

    async def close(self) -> None:
        """Finish refreshes under way."""
        await self._snapshots.close()


class _View:
    """Stock for one decision: read once per SKU, so that a decision and its record see the same."""

    __slots__ = ("_channel_id", "_holding", "_read", "_replica", "_under_way")

    def __init__(
        self,
        replica: Replica,
        under_way: Mapping[str, Mapping[str, int]],
        channel_id: str,
        holding: bool,
    ) -> None:
        self._replica = replica
        self._channel_id = channel_id
        self._holding = holding
        self._under_way = under_way
        self._read: dict[str, dict[str, int]] = {}

    def units(self, sku: str) -> Mapping[str, int]:
        """What can be promised of `sku`, by location id."""
        known = self._read.get(sku)
        if known is None:
            known = self._read[sku] = self._replica.values(sku)
            for location_id, units in self._under_way.get(sku, {}).items():
                if location_id in known:
                    known[location_id] -= units
            held = known.pop(POOL, None)
            if held is not None:
                self._limit(known, held)
        return known

    def _limit(self, known: dict[str, int], held: int) -> None:
        """Leave locations alone in `known`, none with more than all of them together may promise the channel:
        what is held or withheld is nowhere in particular.
        """
        figures = {place: known.pop(place) for place in list(known) if place[0] in _MARKS}
        if self._holding:
            return
        channel = self._channel_id if SHARE_MARK + self._channel_id in figures else EVERY_CHANNEL
        room = max(0, sum([units for units in known.values() if units > 0]) + held)
        room += figures.get(SHARE_MARK + channel, 0)
        room = max(0, min(room, figures.get(LIMIT_MARK + channel, room)))
        for location_id, units in known.items():
            known[location_id] = min(units, room)

    def version(self, sku: str, location_id: str) -> int:
        """The version of that figure."""
        return self._replica.version(sku, location_id)
