"""Two doors to stock that take the same requests: the servicers over the fake, and gRPC over PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Awaitable, Iterator, Mapping
from concurrent.futures import Future
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import grpc
import nats
from google.protobuf.message import Message

from aljibe.fulfillment.v1 import events_pb2 as fulfillment
from aljibe.inventory.v1 import (
    availability_pb2,
    backorders_pb2,
    controls_pb2,
    counts_pb2,
    holds_pb2,
    limits_pb2,
    supply_pb2,
    transfers_pb2,
)
from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.orders.v1 import events_pb2 as orders
from chassis import call, envelope, postgres, streams
from chassis.auth import Principal, TokenMinter, development_keys
from chassis.clock import utc_now
from chassis.errors import reason_of
from chassis.metrics import REGISTRY
from chassis.refusals import RequestIdReused
from services.inventory.adapters.grpc.backorders import BackorderServicer
from services.inventory.adapters.grpc.controls import ChannelControlServicer
from services.inventory.adapters.grpc.counts import CountServicer
from services.inventory.adapters.grpc.errors import table
from services.inventory.adapters.grpc.holds import HoldServicer
from services.inventory.adapters.grpc.limits import BuyerLimitServicer
from services.inventory.adapters.grpc.reservations import ReservationServicer
from services.inventory.adapters.grpc.stock import StockServicer
from services.inventory.adapters.grpc.supply import SupplyServicer
from services.inventory.adapters.grpc.transfers import TransferServicer
from services.inventory.adapters.nats import consumers
from services.inventory.adapters.postgres.auditor import Auditor
from services.inventory.domain.document import Kind
from services.inventory.domain.pool import Hold, Pool
from services.inventory.domain.refusals import Refusal
from services.inventory.domain.transfer import Transfer
from services.inventory.tests.builders import OTHER_STORE, STORE, a_location_message
from services.inventory.tests.conftest import Door
from services.inventory.tests.contract import TestClock, in_memory
from services.inventory.tests.fakes import InMemoryStockStore
from services.inventory.usecases.desk import StockDesk

T = TypeVar("T")
PLACES = (STORE, OTHER_STORE)
SERVICES = {
    "stock": pb.DESCRIPTOR.services_by_name["StockService"],
    "reservations": pb.DESCRIPTOR.services_by_name["ReservationService"],
    "holds": holds_pb2.DESCRIPTOR.services_by_name["HoldService"],
    "transfers": transfers_pb2.DESCRIPTOR.services_by_name["TransferService"],
    "controls": controls_pb2.DESCRIPTOR.services_by_name["ChannelControlService"],
    "limits": limits_pb2.DESCRIPTOR.services_by_name["BuyerLimitService"],
    "supply": supply_pb2.DESCRIPTOR.services_by_name["SupplyService"],
    "backorders": backorders_pb2.DESCRIPTOR.services_by_name["BackorderService"],
    "counts": counts_pb2.DESCRIPTOR.services_by_name["CountService"],
    "explaining": availability_pb2.DESCRIPTOR.services_by_name["AvailabilityService"],
}
METHODS = {
    method.input_type.full_name: (name, method.name)
    for name, service in SERVICES.items()
    for method in service.methods
}
"""Of a request: the servicer and the method that take it."""
EVENTS: Mapping[type[Message], Any] = {
    orders.OrderAccepted: consumers.order_accepted,
    orders.UnitsCancelled: consumers.units_cancelled,
    fulfillment.OrderHandedOver: consumers.order_handed_over,
    fulfillment.OrderShipped: consumers.order_shipped,
    fulfillment.ParcelSentToStore: consumers.parcel_sent_to_store,
    fulfillment.UnitsShort: consumers.units_short,
    fulfillment.PickupExpired: consumers.pickup_expired,
    fulfillment.ReturnReceived: consumers.return_received,
}
"""What each event means to the stock."""
SUBJECT = "service:model"
NOTICED_SECONDS = 20.0


class NotDone(Exception):
    """The door refused, for this reason."""


class AnyDoor(Protocol):
    """Where the state machine knocks."""

    def ask(self, request: Message) -> Any:
        """The answer. Raises NotDone."""

    def tell(self, service: str, event: Message) -> None:
        """Another service's event; returns when it has taken effect."""

    def now(self) -> datetime:
        """What the clock says."""

    def promisable(self, sku: str, channel: str) -> int:
        """What the channel may be promised at all places together."""

    def wait(self, seconds: int) -> None:
        """Let time pass, until everything that ran out has ended."""

    def position(self, sku: str, place: str) -> tuple[int, int, int]:
        """On hand, reserved, safety."""

    def promise(self, reservation_id: str) -> tuple[str, dict[tuple[str, str], tuple[int, int, int]]]:
        """State; live, consumed and displaced units by place."""

    def waits(self, reservation_id: str) -> dict[str, int]:
        """Units that it waits for, by supply, where any are."""

    def basket(self, hold_id: str) -> tuple[str, dict[str, int]]:
        """State and live units by SKU."""

    def trip(self, transfer_id: str) -> tuple[str, dict[str, int]]:
        """State and units on the way by SKU."""

    def audit(self) -> None:
        """Fail on any counter that does not agree with the ledger."""


class Portal:
    """An event loop in a thread of its own, for a test that is no coroutine."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="portal", daemon=True)
        self._thread.start()

    def call(self, work: Awaitable[T]) -> T:
        """What ``work`` returns."""

        async def run_it() -> T:
            return await work

        waiting: Future[T] = asyncio.run_coroutine_threadsafe(run_it(), self._loop)
        return waiting.result(60)

    def close(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _HoldsInMemory(HoldServicer):
    """The servicer reads a hold before it lets anybody renew it; here from the shelves."""

    def __init__(self, desk: StockDesk, holds: Mapping[str, Hold]) -> None:
        super().__init__(desk, db=None)  # type: ignore[arg-type]
        self._shelves_of_holds = holds

    async def _own(self, hold_id: str) -> Hold:
        return self._shelves_of_holds[hold_id]


class _CountsInMemory(CountServicer):
    """The servicer looks which lines wait to be booked; here from the shelves."""

    def __init__(self, desk: StockDesk, store: InMemoryStockStore) -> None:
        super().__init__(desk, db=None, pages=None)  # type: ignore[arg-type]
        self._store = store

    async def _waiting(self, count_id: str, missing_are_zero: bool, limit: int) -> Mapping[str, int]:
        return await self._store.waiting(count_id, missing_are_zero, limit)


def _nobody(posted: object) -> None:
    """Nobody keeps a copy of the stock in memory."""


class FakeDoor:
    """The servicers over the store in memory."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._stock = in_memory()
        store: Any = self._stock.store
        self._store = store
        desk = StockDesk(store, _nobody)
        nothing: Any = None
        self._servicers = {
            "stock": StockServicer(desk, nothing, nothing, nothing, nothing, nothing),
            "reservations": ReservationServicer(desk, nothing),
            "holds": _HoldsInMemory(desk, _Live(store)),
            "transfers": TransferServicer(desk, nothing, nothing),
            "controls": ChannelControlServicer(desk, nothing, nothing),
            "limits": BuyerLimitServicer(desk, nothing, nothing, self._stock.clock),
            "supply": SupplyServicer(desk, nothing, nothing),
            "backorders": BackorderServicer(desk, nothing, nothing),
            "counts": _CountsInMemory(desk, store),
        }
        self._told = itertools.count(1)

    def ask(self, request: Message) -> Any:
        servicer, method = METHODS[request.DESCRIPTOR.full_name]

        async def served() -> Any:
            principal = Principal(
                SUBJECT, frozenset({"service", "operator"}), frozenset({"*"}), frozenset({"*"})
            )
            call.set_call(call.Call(method, principal, float("inf"), "en"))
            return await getattr(self._servicers[servicer], method)(request, None)

        try:
            return self._portal.call(served())
        except (Refusal, RequestIdReused) as refusal:
            rule = table.rule_for(refusal)
            assert rule is not None
            raise NotDone(rule.reason) from refusal

    def tell(self, service: str, event: Message) -> None:
        commands = EVENTS[type(event)](event, f"evt-{next(self._told)}")
        outcomes = self._portal.call(self._stock.post(*commands)) if commands else []
        assert not any(isinstance(one, Exception) for one in outcomes), outcomes

    def now(self) -> datetime:
        return self._stock.clock.now

    def promisable(self, sku: str, channel: str) -> int:
        positions = [one for one in self._store.shelves.positions.values() if one.sku == sku]
        pool = deepcopy(self._store.shelves.pools.get(sku)) or Pool(sku)
        pool.there_units = pool.promisable_units = 0
        for position in positions:
            pool.enter(position)
        return pool.room_of(channel, self._stock.clock.now)

    def wait(self, seconds: int) -> None:
        self._portal.call(self._stock.expire(timedelta(seconds=seconds)))
        self._portal.call(self._stock.expire_holds(timedelta()))

    def position(self, sku: str, place: str) -> tuple[int, int, int]:
        found = self._store.shelves.positions.get((sku, place))
        return (found.on_hand_units, found.reserved_units, found.safety_units) if found else (0, 0, 0)

    def promise(self, reservation_id: str) -> tuple[str, dict[tuple[str, str], tuple[int, int, int]]]:
        found = self._store.shelves.reservations[reservation_id]
        lines = {
            line.key: (line.live_units, line.consumed_units, line.displaced_units) for line in found.lines
        }
        return found.state.name, lines

    def waits(self, reservation_id: str) -> dict[str, int]:
        found = self._store.shelves.reservations[reservation_id]
        return {one.supply_id: one.live_units for one in found.backorders if one.live_units}

    def basket(self, hold_id: str) -> tuple[str, dict[str, int]]:
        found = self._store.shelves.holds[hold_id]
        return found.state.name, {line.sku: line.live_units for line in found.lines}

    def trip(self, transfer_id: str) -> tuple[str, dict[str, int]]:
        found = self._store.shelves.documents[(Kind.TRANSFER, transfer_id)]
        assert isinstance(found, Transfer)
        return found.state.name, {line.sku: line.in_transit_units for line in found.lines}

    def audit(self) -> None:
        self._portal.call(self._stock.audit())


class _Live(Mapping[str, Hold]):
    """The holds as they are in the latest shelves."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getitem__(self, hold_id: str) -> Hold:
        found: Hold = self._store.shelves.holds[hold_id]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.shelves.holds)

    def __len__(self) -> int:
        return len(self._store.shelves.holds)


class RealDoor:
    """An inventory process over PostgreSQL and NATS, called by gRPC; its clock is ours."""

    def __init__(self, portal: Portal, database_url: str, nats_url: str, folder: Path) -> None:
        self._portal = portal
        self._clock = TestClock()
        self._door = portal.call(self._open(database_url, nats_url, folder))
        self._process = self._door.processes[0]

    async def _open(self, database_url: str, nats_url: str, folder: Path) -> Door:
        keys = development_keys(folder)
        client = await nats.connect(nats_url)
        for service in ("orders", "fulfillment"):
            await streams.ensure_stream(client.jetstream(), service)
        db = await postgres.open_database(database_url, "inventory", application_name="test")
        door = Door(database_url, nats_url, keys, db, client, TokenMinter(keys.private_key_file))
        await door.start(self._clock)
        places = [a_location_message(place) for place in PLACES]
        await door.locations.UpsertLocations(
            pb.UpsertLocationsRequest(request_id="locations", locations=places), metadata=door.service
        )
        return door

    def close(self) -> None:
        """Stop the process."""

        async def end() -> None:
            await self._door.close()
            await self._door.nats.close()
            await self._door.db.close()

        self._portal.call(end())

    def ask(self, request: Message) -> Any:
        servicer, method = METHODS[request.DESCRIPTOR.full_name]
        stub: Any = getattr(self._process, servicer)

        async def asked() -> Any:
            metadata = self._door.token("service", "operator", subject=SUBJECT)
            return await getattr(stub, method)(request, metadata=metadata, timeout=10)

        try:
            return self._portal.call(asked())
        except grpc.aio.AioRpcError as error:
            if not reason_of(error):
                raise
            raise NotDone(reason_of(error)) from error

    def tell(self, service: str, event: Message) -> None:
        self._portal.call(self._told(service, event))

    async def _told(self, service: str, event: Message) -> None:
        sent = envelope.event(
            service,
            event,
            aggregate_type="order",
            aggregate_id=f"told-{uuid4()}",
            sequence=1,
            occurred_at=utc_now(),
        )
        headers = envelope.headers(sent, envelope.source_of(service))
        await self._door.nats.jetstream().publish(sent.subject, sent.payload, headers=headers)
        query = """
            SELECT (SELECT count(*) FROM inbox WHERE message_id = $1), (SELECT count(*) FROM dead_letter)
        """
        async with asyncio.timeout(NOTICED_SECONDS), self._door.db.connection() as conn:
            while True:
                row = await conn.fetchrow(query, sent.id)
                assert row is not None
                assert not row[1], event
                if row[0]:
                    return
                await asyncio.sleep(0.005)

    def now(self) -> datetime:
        return self._clock.now

    def promisable(self, sku: str, channel: str) -> int:
        request = availability_pb2.ExplainAvailabilityRequest(sku=sku, channel_id=channel)
        explained: int = self.ask(request).available_units
        # Pages are answered from memory, where the same must be known a moment after the commit.
        until = time.monotonic() + NOTICED_SECONDS
        page = pb.GetAvailabilityRequest(channel_id=channel, skus=[sku])
        while (told := self.ask(page).availabilities[0].available_units) != explained:
            assert time.monotonic() < until, f"{sku} for {channel}: {told} in memory, {explained} in the book"
        return explained

    def wait(self, seconds: int) -> None:
        self._clock.now += timedelta(seconds=seconds)
        self._portal.call(self._nothing_overdue())

    async def _nothing_overdue(self) -> None:
        query = """
            SELECT EXISTS (SELECT FROM reservation WHERE state = 1 AND expire_time <= $1)
                OR EXISTS (SELECT FROM hold WHERE state = 1 AND expire_time <= $1)
                OR EXISTS (SELECT FROM channel_control WHERE changes_at <= $1)
        """
        async with asyncio.timeout(NOTICED_SECONDS), self._door.db.connection() as conn:
            while await conn.fetchval(query, self._clock.now):
                await asyncio.sleep(0.01)

    def position(self, sku: str, place: str) -> tuple[int, int, int]:
        answer = self.ask(pb.ListPositionsRequest(sku=sku, location_id=place))
        found = [(one.on_hand_units, one.reserved_units, one.safety_units) for one in answer.positions]
        return found[0] if found else (0, 0, 0)

    def promise(self, reservation_id: str) -> tuple[str, dict[tuple[str, str], tuple[int, int, int]]]:
        found = self.ask(pb.GetReservationRequest(reservation_id=reservation_id)).reservation
        lines = {
            (line.sku, line.location_id): (line.live_units, line.consumed_units, line.displaced_units)
            for line in found.lines
        }
        return pb.ReservationState.Name(found.state).removeprefix("RESERVATION_STATE_"), lines

    def waits(self, reservation_id: str) -> dict[str, int]:
        found = self.ask(pb.GetReservationRequest(reservation_id=reservation_id)).reservation
        return {one.supply_id: one.live_units for one in found.backorders if one.live_units}

    def basket(self, hold_id: str) -> tuple[str, dict[str, int]]:
        found = self.ask(holds_pb2.GetHoldRequest(hold_id=hold_id)).hold
        state = holds_pb2.HoldState.Name(found.state).removeprefix("HOLD_STATE_")
        return state, {line.sku: line.live_units for line in found.lines}

    def trip(self, transfer_id: str) -> tuple[str, dict[str, int]]:
        found = self.ask(transfers_pb2.GetTransferRequest(transfer_id=transfer_id)).transfer
        state = transfers_pb2.TransferState.Name(found.state).removeprefix("TRANSFER_STATE_")
        on_the_way = {
            line.sku: line.dispatched_units - line.received_units - line.lost_units for line in found.lines
        }
        return state, on_the_way

    def audit(self) -> None:
        """Both audits: the one that is asked for and a round of the one that never ends."""
        assert self.ask(pb.AuditStockRequest()).difference_count == 0
        found = REGISTRY.get_sample_value
        self._portal.call(Auditor(self._door.db).round())
        assert not found("aljibe_inventory_audit_standing_differences")
