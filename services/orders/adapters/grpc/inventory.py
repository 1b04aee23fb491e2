"""Inventory: reservations in groups, one call for many orders; snapshots of availability; locations."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import grpc

from aljibe.inventory.v1 import (
    backorders_pb2,
    backorders_pb2_grpc,
    events_pb2,
    inventory_pb2,
    inventory_pb2_grpc,
    limits_pb2,
    limits_pb2_grpc,
    supply_pb2,
)
from chassis.errors import info_in, reason_of, status_in
from chassis.groups import GroupCommit
from chassis.refusals import PassedOn
from chassis.replica import Batch, Block, Row
from chassis.wire import writer
from services.orders.adapters.grpc.translate import location_of, moment
from services.orders.domain.places import Location
from services.orders.domain.refusals import LimitExceeded
from services.orders.domain.supplies import SaleTerms, Supply, SupplyBoard
from services.orders.usecases.ports import Granted, Refused

log = logging.getLogger(__name__)

RESERVE_LANES = 1
MAX_GROUP = 128
CALL_SECONDS = 5.0
RELEASE_SECONDS = 2.0
LOCATION_PAGE = 500
MAX_LOCATION_PAGES = 100
SNAPSHOT_SECONDS = 300.0
"""Ten million positions take half of it on two busy cores."""

Learn = Callable[[Iterable[Row]], object]
"""Takes true figures over into the replica."""


_OF_THE_WISH = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
"""With these inventory refuses what the customer asks for; with the others, how it stands now."""
_LOCATION_INACTIVE = "LOCATION_INACTIVE"
_RESERVE_STOCK = "/aljibe.inventory.v1.ReservationService/BatchReserveStock"
# Requests are written as bytes, so that none is copied into the message they travel in.
_requests = writer(inventory_pb2.BatchReserveStockRequest)
_request = writer(inventory_pb2.ReserveStockRequest)
_pick = writer(inventory_pb2.Pick)
_supply_pick = writer(inventory_pb2.SupplyPick)
NOTHING: Mapping[tuple[str, str, str], int] = MappingProxyType({})


class InventoryReservations:
    """See `usecases.ports.Reservations`."""

    def __init__(self, channel: grpc.aio.Channel, learn: Learn) -> None:
        self._stub = inventory_pb2_grpc.ReservationServiceStub(channel)
        self._reserve_stock: Callable[..., Awaitable[inventory_pb2.BatchReserveStockResponse]] = (
            channel.unary_unary(
                _RESERVE_STOCK, response_deserializer=inventory_pb2.BatchReserveStockResponse.FromString
            )
        )
        self._learn = learn
        self._group = GroupCommit(
            "orders.reserve",
            self._reserve_group,
            lanes=RESERVE_LANES,
            max_group=MAX_GROUP,
            # Here an order comes in: whoever begins together stays together.
            gather=True,
        )

    async def reserve(
        self,
        order_id: str,
        attempt: int,
        picks: Mapping[tuple[str, str], int],
        channel_id: str,
        hold_id: str = "",
        customer_id: str = "",
        accepted: bool = False,
        supply_picks: Mapping[tuple[str, str, str], int] = NOTHING,
    ) -> Granted | Refused:
        """All picks or none; of a basket's hold first."""
        request = _request(
            order_id=order_id,
            attempt=attempt,
            picks=[
                _pick(sku=sku, location_id=location_id, quantity_units=units)
                for (sku, location_id), units in picks.items()
            ],
            channel_id=channel_id,
            hold_id=hold_id,
            customer_id=customer_id,
            accepted=accepted,
            supply_picks=[
                _supply_pick(sku=sku, location_id=location_id, supply_id=supply_id, quantity_units=units)
                for (sku, location_id, supply_id), units in supply_picks.items()
            ],
        )
        outcome = await self._group.submit(request)
        if outcome.HasField("refused"):
            refused = outcome.refused
            self._learn(rows(refused.positions))
            return Refused(refused.reason, refused.status, _closed(refused))
        granted = outcome.granted
        reservation = granted.reservation
        return Granted(
            reservation.reservation_id,
            # A new reservation is what was asked for.
            {(line.sku, line.location_id): line.live_units for line in reservation.lines if line.live_units}
            if granted.existed
            else picks,
            moment(reservation.expire_time) if reservation.HasField("expire_time") else None,
            granted.existed,
            {
                (one.sku, one.location_id, one.supply_id): one.live_units
                for one in reservation.backorders
                if one.live_units
            }
            if granted.existed
            else supply_picks,
        )

    async def release(self, reservation_id: str) -> None:
        """Give everything back, as far as inventory can be reached now; a held one expires anyway."""
        request = inventory_pb2.ReleaseReservationRequest(
            request_id=f"orders-let-go/{reservation_id}", reservation_id=reservation_id
        )
        try:
            await self._stub.ReleaseReservation(request, timeout=RELEASE_SECONDS)
        except grpc.aio.AioRpcError as error:
            log.warning(
                "reservation.not.released",
                extra={"reservation_id": reservation_id, "code": error.code().name},
            )

    async def close(self) -> None:
        """Finish what is under way."""
        await self._group.close()

    async def _reserve_group(
        self, requests: Sequence[bytes]
    ) -> Sequence[inventory_pb2.ReserveOutcome | Exception]:
        answer = await self._reserve_stock(_requests(requests=requests), timeout=CALL_SECONDS)
        return answer.outcomes


class InventoryLimits:
    """See `usecases.ports.BuyerLimits`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = limits_pb2_grpc.BuyerLimitServiceStub(channel)

    async def exceeded(
        self, customer_id: str, hold_id: str, units: Mapping[str, int]
    ) -> Sequence[LimitExceeded]:
        """From the authority; a hold that it does not know is refused as it refuses it."""
        request = limits_pb2.CheckBuyerLimitsRequest(
            customer_id=customer_id,
            hold_id=hold_id,
            lines=[limits_pb2.WantedUnits(sku=sku, quantity_units=wanted) for sku, wanted in units.items()],
        )
        try:
            answer = await self._stub.CheckBuyerLimits(request, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            status = status_in(error)
            if status is None or error.code() not in _OF_THE_WISH:
                raise
            raise PassedOn(status, reason_of(error)) from None
        return [
            LimitExceeded(one.sku, one.requested_units, one.limit_units, one.left_units)
            for one in answer.excesses
        ]


class InboundSnapshots:
    """What is still to come, from the authority: everything, or that of some SKUs."""

    def __init__(self, channel: grpc.aio.Channel, board: SupplyBoard) -> None:
        self._stub = backorders_pb2_grpc.BackorderServiceStub(channel)
        self._board = board
        self._group = GroupCommit("orders.inbound", self._refresh_group, max_group=MAX_GROUP)

    async def everything(self) -> None:
        """Every open supply and all terms; what is not open any more is forgotten."""
        before = self._board.versions()
        self._board.keep(await self._read((), SNAPSHOT_SECONDS), before)

    async def refresh(self, skus: Sequence[str]) -> None:
        """Bring these SKUs up to the moment of the call; concurrent wishes share a call."""
        await self._group.submit(_Asked(tuple(skus)))

    async def close(self) -> None:
        """Finish what is under way."""
        await self._group.close()

    async def _refresh_group(self, asked: Sequence[_Asked]) -> Sequence[Exception | None]:
        skus = sorted({sku for one in asked for sku in one.skus})
        before = self._board.versions(skus)
        self._board.keep(await self._read(skus, CALL_SECONDS), before)
        return [None] * len(asked)

    async def _read(self, skus: Sequence[str], seconds: float) -> set[str]:
        found: set[str] = set()
        request = backorders_pb2.SnapshotInboundRequest(skus=skus)
        async for chunk in self._stub.SnapshotInbound(request, timeout=seconds):
            learn_inbound(self._board, chunk.supplies, chunk.terms)
            found.update([one.supply_id for one in chunk.supplies])
        return found


def learn_inbound(
    board: SupplyBoard,
    supplies: Iterable[events_pb2.InboundSupply],
    terms: Iterable[supply_pb2.BackorderTerms],
) -> None:
    """Take news of what is to come over."""
    for one in supplies:
        promised = one.promised_units or [0] * len(one.lines)
        board.put(
            Supply(
                one.supply_id,
                one.location_id,
                moment(one.expected_time),
                one.version,
                {line.sku: line.quantity_units for line in one.lines},
                {line.sku: units for line, units in zip(one.lines, promised, strict=True) if units},
            )
        )
    for each in terms:
        board.put_terms(
            SaleTerms(
                each.sku,
                each.channel_id,
                each.mode,
                moment(each.release_time) if each.HasField("release_time") else None,
                each.furthest_days,
                each.share_percent,
                each.unasked,
                each.version,
            )
        )


class _Asked(NamedTuple):
    skus: tuple[str, ...]


class Snapshots:
    """Availability from the authority: everything, or the SKUs that somebody is about to be refused for."""

    def __init__(self, channel: grpc.aio.Channel, learn: Learn) -> None:
        self._stub = inventory_pb2_grpc.StockServiceStub(channel)
        self._learn = learn
        self._group = GroupCommit("orders.refresh", self._refresh_group, max_group=MAX_GROUP)

    async def everything(self) -> AsyncIterator[Batch]:
        """Every position, a chunk at a time."""
        request = inventory_pb2.SnapshotAvailabilityRequest(blocks=True)
        async for chunk in self._stub.SnapshotAvailability(request, timeout=SNAPSHOT_SECONDS):
            if chunk.positions:
                yield rows(chunk.positions)
            for block in chunk.blocks:
                yield Block(tuple(block.location_ids), block.skus, block.available_units, block.versions)

    async def refresh(self, skus: Sequence[str]) -> None:
        """Bring these SKUs up to the moment of the call; concurrent wishes share a call."""
        await self._group.submit(_Asked(tuple(skus)))

    async def close(self) -> None:
        """Finish what is under way."""
        await self._group.close()

    async def _refresh_group(self, asked: Sequence[_Asked]) -> Sequence[Exception | None]:
        wanted = sorted({sku for one in asked for sku in one.skus})
        request = inventory_pb2.SnapshotAvailabilityRequest(skus=wanted)
        async for chunk in self._stub.SnapshotAvailability(request, timeout=CALL_SECONDS):
            self._learn(rows(chunk.positions))
        return [None] * len(asked)


def _closed(refused: inventory_pb2.ReserveRefusal) -> str:
    if refused.reason != _LOCATION_INACTIVE:
        return ""
    info = info_in(refused.status)
    return info.metadata.get("location_id", "") if info is not None else ""


def rows(positions: Iterable[inventory_pb2.PositionState]) -> list[Row]:
    """Positions as rows of the replica."""
    return [(p.sku, p.location_id, p.available_units, p.version) for p in positions]


async def read_locations(channel: grpc.aio.Channel) -> list[Location]:
    """All locations."""
    stub = inventory_pb2_grpc.LocationServiceStub(channel)
    found: list[Location] = []
    token = ""
    for _ in range(MAX_LOCATION_PAGES):
        answer = await stub.ListLocations(
            inventory_pb2.ListLocationsRequest(page_size=LOCATION_PAGE, page_token=token),
            timeout=CALL_SECONDS,
        )
        found += [location_of(one) for one in answer.locations]
        token = answer.next_page_token
        if not token:
            break
    return found
