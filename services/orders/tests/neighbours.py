"""Catalog, inventory and fulfillment as far as orders calls them, in memory, behind real gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from aljibe.catalog.v1 import catalog_pb2, catalog_pb2_grpc, pricing_pb2, pricing_pb2_grpc
from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2, fulfillment_pb2_grpc
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
from chassis.ids import new_id
from services.orders.adapters.grpc.translate import stamp

PRICE_MINOR = 1_000
PICKUP = types_pb2.FULFILLMENT_METHOD_PICKUP
CARRY_OUT = types_pb2.FULFILLMENT_METHOD_CARRY_OUT
DETAILS = "grpc-status-details-bin"


def refusal(code: grpc.StatusCode, reason: str, **facts: str) -> bytes:
    """A google.rpc.Status in wire form."""
    status = status_pb2.Status(code=code.value[0], message=reason)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="test", metadata=facts))
    wire: bytes = status.SerializeToString()
    return wire


@dataclass
class Catalog(pricing_pb2_grpc.PricingServiceServicer, catalog_pb2_grpc.CatalogServiceServicer):
    """Everything costs 10.00; SKUs that begin with `no-` are unknown."""

    quotes: int = 0

    async def BatchQuoteBaskets(self, request: Any, context: Any) -> Any:  # noqa: N802
        outcomes = [self._quote(basket) for basket in request.baskets]
        return pricing_pb2.BatchQuoteBasketsResponse(outcomes=outcomes)

    async def ListChannels(self, request: Any, context: Any) -> Any:  # noqa: N802
        channels = [
            catalog_pb2.Channel(channel_id="web", currency_code="USD"),
            catalog_pb2.Channel(channel_id="app", currency_code="USD"),
            catalog_pb2.Channel(channel_id="pos", currency_code="USD", methods=[PICKUP, CARRY_OUT]),
        ]
        return catalog_pb2.ListChannelsResponse(channels=channels)

    def _quote(self, basket: Any) -> Any:
        self.quotes += 1
        for line in basket.lines:
            if line.sku.startswith("no-"):
                return pricing_pb2.QuoteOutcome(
                    refusal=refusal(grpc.StatusCode.NOT_FOUND, "SKU_UNKNOWN", sku=line.sku)
                )
        lines = [
            pricing_pb2.QuotedLine(
                sku=line.sku,
                quantity_units=line.quantity_units,
                unit_price_minor=PRICE_MINOR,
                total_minor=PRICE_MINOR * line.quantity_units,
                name_en=f"Article {line.sku}",
                name_es=f"Artículo {line.sku}",
            )
            for line in basket.lines
        ]
        total = sum(line.total_minor for line in lines)
        return pricing_pb2.QuoteOutcome(
            quote=pricing_pb2.Quote(currency_code="USD", lines=lines, total_minor=total, quote_token="q")
        )


@dataclass
class Inventory(
    inventory_pb2_grpc.ReservationServiceServicer,
    inventory_pb2_grpc.StockServiceServicer,
    inventory_pb2_grpc.LocationServiceServicer,
    limits_pb2_grpc.BuyerLimitServiceServicer,
    backorders_pb2_grpc.BackorderServiceServicer,
):
    """Stock and reservations in dictionaries."""

    stock: dict[tuple[str, str], int] = field(default_factory=dict)
    locations: list[Any] = field(default_factory=list)
    reservations: dict[tuple[str, int], Any] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    expire: timedelta = timedelta(minutes=15)
    version: int = 1
    reserve_groups: list[int] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    """Locations that take no orders, whatever was told of them."""
    limits: dict[str, int] = field(default_factory=dict)
    """What each customer may still have; such articles have a pool that has a say."""
    limits_asked: list[Any] = field(default_factory=list)
    supplies: dict[str, Any] = field(default_factory=dict)
    """What is to come, by supply."""
    terms: list[Any] = field(default_factory=list)

    async def ListLocations(self, request: Any, context: Any) -> Any:  # noqa: N802
        return inventory_pb2.ListLocationsResponse(locations=self.locations)

    async def SnapshotAvailability(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        wanted = set(request.skus)
        yield inventory_pb2.SnapshotAvailabilityResponse(
            positions=[self._position(*key) for key in self.stock if not wanted or key[0] in wanted]
        )

    async def SnapshotInbound(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        yield backorders_pb2.SnapshotInboundResponse(supplies=list(self.supplies.values()), terms=self.terms)

    def bring(self, supply_id: str, location_id: str, sku: str, units: int, at: datetime) -> None:
        """A supply is expected, and every channel may sell it."""
        self.supplies[supply_id] = events_pb2.InboundSupply(
            supply_id=supply_id,
            location_id=location_id,
            expected_time=stamp(at),
            lines=[supply_pb2.SupplyUnits(sku=sku, quantity_units=units)],
            promised_units=[0],
            version=self._next(),
        )
        self.terms.append(
            supply_pb2.BackorderTerms(
                sku=sku,
                channel_id="*",
                mode=supply_pb2.BACKORDER_MODE_BACKORDER,
                share_percent=100,
                version=self._next(),
            )
        )

    def _next(self) -> int:
        self.version += 1
        return self.version

    def _wait(self, picks: Any) -> bool:
        """Promise units of supplies, all or none."""
        lines = [
            (self.supplies[p.supply_id], p.quantity_units) for p in picks if p.supply_id in self.supplies
        ]
        if len(lines) < len(picks) or any(
            one.promised_units[0] + units > one.lines[0].quantity_units for one, units in lines
        ):
            return False
        for one, units in lines:
            one.promised_units[0] += units
            one.version = self._next()
        return True

    async def CheckBuyerLimits(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.limits_asked.append(request)
        return limits_pb2.CheckBuyerLimitsResponse(
            excesses=[
                limits_pb2.BuyerLimitExcess(
                    sku=line.sku,
                    requested_units=line.quantity_units,
                    limit_units=self.limits[line.sku],
                    left_units=self.limits[line.sku],
                )
                for line in request.lines
                if line.quantity_units > self.limits.get(line.sku, line.quantity_units)
            ]
        )

    async def BatchReserveStock(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.reserve_groups.append(len(request.requests))
        outcomes = [self._reserve(one) for one in request.requests]
        return inventory_pb2.BatchReserveStockResponse(outcomes=outcomes)

    async def ReleaseReservation(self, request: Any, context: Any) -> Any:  # noqa: N802
        for found in self.reservations.values():
            if found.reservation_id == request.reservation_id and found.reservation_id not in self.released:
                self.released.add(found.reservation_id)
                self.version += 1
                for line in found.lines:
                    self.stock[line.sku, line.location_id] += line.live_units
        return inventory_pb2.ReleaseReservationResponse()

    def put(self, levels: dict[tuple[str, str], int]) -> Any:
        """Set stock; gives the delta that tells it."""
        self.version += 1
        self.stock = {**dict.fromkeys(self.stock, 0), **levels, **{(sku, ""): 0 for sku in self.limits}}
        return events_pb2.PositionsChanged(
            publisher_id="inventory", positions=[self._position(*key) for key in self.stock]
        )

    def _position(self, sku: str, location_id: str) -> Any:
        return inventory_pb2.PositionState(
            sku=sku,
            location_id=location_id,
            available_units=self.stock.get((sku, location_id), 0),
            version=self.version,
        )

    def _reserve(self, one: Any) -> Any:
        found = self.reservations.get((one.order_id, one.attempt))
        if found is not None and found.reservation_id not in self.released:
            return self._granted(found, existed=True)
        if found is not None:
            return self._refused("RESERVATION_ENDED", [])
        for location_id in sorted({p.location_id for p in one.picks} & self.closed):
            return self._refused("LOCATION_INACTIVE", [], location_id=location_id)
        if any(self.stock.get((p.sku, p.location_id), 0) < p.quantity_units for p in one.picks):
            self.version += 1
            return self._refused("INSUFFICIENT_STOCK", one.picks)
        if not self._wait(one.supply_picks):
            return self._refused("INSUFFICIENT_STOCK", one.picks)
        self.version += 1
        for pick in one.picks:
            self.stock[pick.sku, pick.location_id] -= pick.quantity_units
        made = inventory_pb2.Reservation(
            reservation_id=new_id("rsv"),
            order_id=one.order_id,
            attempt=one.attempt,
            lines=[
                inventory_pb2.ReservationLine(
                    sku=p.sku, location_id=p.location_id, live_units=p.quantity_units
                )
                for p in one.picks
            ],
            expire_time=stamp(datetime.now(UTC) + self.expire),
            backorders=[
                inventory_pb2.BackorderLine(
                    sku=p.sku,
                    location_id=p.location_id,
                    supply_id=p.supply_id,
                    live_units=p.quantity_units,
                )
                for p in one.supply_picks
            ],
        )
        self.reservations[one.order_id, one.attempt] = made
        return self._granted(made, existed=False)

    def _granted(self, reservation: Any, *, existed: bool) -> Any:
        return inventory_pb2.ReserveOutcome(
            granted=inventory_pb2.ReserveStockResponse(reservation=reservation, existed=existed)
        )

    def _refused(self, reason: str, picks: Any, **facts: str) -> Any:
        return inventory_pb2.ReserveOutcome(
            refused=inventory_pb2.ReserveRefusal(
                status=refusal(grpc.StatusCode.FAILED_PRECONDITION, reason, **facts),
                reason=reason,
                positions=[self._position(p.sku, p.location_id) for p in picks],
            )
        )


@dataclass
class Fulfillment(fulfillment_pb2_grpc.FulfillmentServiceServicer):
    """Agrees to take units out, unless told that they are picked."""

    picked: bool = False
    asked: list[Any] = field(default_factory=list)

    async def CancelUnits(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        if self.picked:
            details = refusal(grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_PICKED")
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "picked", ((DETAILS, details),))
        return fulfillment_pb2.CancelUnitsResponse()


def location(
    location_id: str,
    *,
    kind: int = types_pb2.LOCATION_KIND_STORE,
    at: tuple[float, float] = (40.0, -80.0),
    capabilities: tuple[int, ...] = (1, 2, 3),
    active: bool = True,
) -> Any:
    """A store with everything, unless said otherwise."""
    return inventory_pb2.Location(
        location_id=location_id,
        name=location_id,
        kind=types_pb2.LocationKind.ValueType(kind),
        address=types_pb2.Address(
            country_code="US", region="OH", point=types_pb2.GeoPoint(latitude=at[0], longitude=at[1])
        ),
        time_zone="America/New_York",
        capabilities=[inventory_pb2.Capability.ValueType(one) for one in capabilities],
        active=active,
    )


@dataclass
class Neighbours:
    """The three, at one address."""

    catalog: Catalog = field(default_factory=Catalog)
    inventory: Inventory = field(default_factory=Inventory)
    fulfillment: Fulfillment = field(default_factory=Fulfillment)
    address: str = ""
    _server: Any = None

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = grpc.aio.server()
        pricing_pb2_grpc.add_PricingServiceServicer_to_server(self.catalog, self._server)
        catalog_pb2_grpc.add_CatalogServiceServicer_to_server(self.catalog, self._server)
        inventory_pb2_grpc.add_ReservationServiceServicer_to_server(self.inventory, self._server)
        inventory_pb2_grpc.add_StockServiceServicer_to_server(self.inventory, self._server)
        inventory_pb2_grpc.add_LocationServiceServicer_to_server(self.inventory, self._server)
        limits_pb2_grpc.add_BuyerLimitServiceServicer_to_server(self.inventory, self._server)
        backorders_pb2_grpc.add_BackorderServiceServicer_to_server(self.inventory, self._server)
        fulfillment_pb2_grpc.add_FulfillmentServiceServicer_to_server(self.fulfillment, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop(None)

    def reset(self) -> None:
        """Three stores and a warehouse, without stock."""
        inventory = self.inventory
        inventory.stock = dict.fromkeys(inventory.stock, 0)
        inventory.version += 1
        inventory.reservations.clear()
        inventory.released.clear()
        inventory.reserve_groups.clear()
        inventory.limits.clear()
        inventory.limits_asked.clear()
        inventory.expire = Inventory.expire
        inventory.supplies.clear()
        inventory.terms.clear()
        self.fulfillment.picked = False
        self.fulfillment.asked.clear()
        self.inventory.locations = [
            location("store-1", at=(40.0, -80.0)),
            location("store-2", at=(41.0, -81.0)),
            location("store-3", at=(30.0, -95.0), capabilities=(1, 3)),
            location("wh-1", kind=types_pb2.LOCATION_KIND_WAREHOUSE, at=(39.0, -82.0), capabilities=(1,)),
        ]
