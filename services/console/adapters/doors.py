"""The doors of the platform's services: stubs, made when first asked for, over one channel per service."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import grpc

from aljibe.catalog.v1 import catalog_pb2_grpc, pricing_pb2_grpc
from aljibe.fulfillment.v1 import fulfillment_pb2_grpc, incidents_pb2_grpc
from aljibe.insights.v1 import insights_pb2_grpc
from aljibe.inventory.v1 import (
    availability_pb2_grpc,
    backorders_pb2_grpc,
    controls_pb2_grpc,
    counts_pb2_grpc,
    holds_pb2_grpc,
    inventory_pb2_grpc,
    limits_pb2_grpc,
    supply_pb2_grpc,
    transfers_pb2_grpc,
)
from aljibe.ops.v1 import bus_pb2_grpc
from aljibe.orders.v1 import orders_pb2_grpc, rules_pb2_grpc, stock_prices_pb2_grpc
from aljibe.telemetry.v1 import traces_pb2_grpc
from chassis import health
from chassis.client import channel
from services.console.config import Settings

CALL_SECONDS = 5.0
"""Deadline of a call that a person waits for."""
HEALTH_SECONDS = 1.0
BUS_SERVICES = ("catalog", "inventory", "orders", "fulfillment", "insights")
_STORE_MESSAGE_BYTES = 16 << 20


class Doors:
    """One stub per service of the contract. Every call takes the person's own token:
    ``await doors.orders.GetOrder(request, metadata=person.metadata, timeout=CALL_SECONDS)``.
    """

    def __init__(self, settings: Settings) -> None:
        self.addresses: Mapping[str, str] = {
            name: address
            for name, address in (
                ("catalog", settings.catalog_address),
                ("inventory", settings.inventory_address),
                ("orders", settings.orders_address),
                ("fulfillment", settings.fulfillment_address),
                ("telemetry", settings.telemetry_address),
                ("insights", settings.insights_address),
            )
            if address
        }
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._buses: dict[str, bus_pb2_grpc.BusServiceAsyncStub] = {}

    def channel(self, service: str) -> grpc.aio.Channel:
        """The channel to a service; where its address is not set, every call is refused as UNAVAILABLE."""
        found = self._channels.get(service)
        if found is None:
            # Port 9 (discard) answers nobody: the refusal is then the same as that of a service that is away.
            address = self.addresses.get(service, "127.0.0.1:9")
            found = self._channels[service] = channel(address, max_message_bytes=_STORE_MESSAGE_BYTES)
        return found

    async def close(self) -> None:
        """End all calls and close the channels."""
        for opened in self._channels.values():
            await opened.close()

    async def serves(self, service: str) -> bool:
        """Whether a service answers its health check."""
        return await health.serves(self.channel(service), HEALTH_SECONDS)

    def bus(self, service: str) -> bus_pb2_grpc.BusServiceAsyncStub:
        """A service's own view of the bus. Raises KeyError when it has none."""
        if service not in BUS_SERVICES:
            raise KeyError(service)
        found = self._buses.get(service)
        if found is None:
            found = self._buses[service] = bus_pb2_grpc.BusServiceStub(self.channel(service))
        return found

    @cached_property
    def orders(self) -> orders_pb2_grpc.OrderServiceAsyncStub:
        """Orders."""
        return orders_pb2_grpc.OrderServiceStub(self.channel("orders"))

    @cached_property
    def rules(self) -> rules_pb2_grpc.SourcingRulesServiceAsyncStub:
        """Sourcing rules."""
        return rules_pb2_grpc.SourcingRulesServiceStub(self.channel("orders"))

    @cached_property
    def stock_prices(self) -> stock_prices_pb2_grpc.StockPriceServiceAsyncStub:
        """Prices of stock."""
        return stock_prices_pb2_grpc.StockPriceServiceStub(self.channel("orders"))

    @cached_property
    def fulfillment(self) -> fulfillment_pb2_grpc.FulfillmentServiceAsyncStub:
        """The work of stores and warehouses."""
        return fulfillment_pb2_grpc.FulfillmentServiceStub(self.channel("fulfillment"))

    @cached_property
    def locations(self) -> inventory_pb2_grpc.LocationServiceAsyncStub:
        """Stores and warehouses."""
        return inventory_pb2_grpc.LocationServiceStub(self.channel("inventory"))

    @cached_property
    def stock(self) -> inventory_pb2_grpc.StockServiceAsyncStub:
        """Positions and the ledger."""
        return inventory_pb2_grpc.StockServiceStub(self.channel("inventory"))

    @cached_property
    def reservations(self) -> inventory_pb2_grpc.ReservationServiceAsyncStub:
        """Reservations."""
        return inventory_pb2_grpc.ReservationServiceStub(self.channel("inventory"))

    @cached_property
    def availability(self) -> availability_pb2_grpc.AvailabilityServiceAsyncStub:
        """What can be promised, explained."""
        return availability_pb2_grpc.AvailabilityServiceStub(self.channel("inventory"))

    @cached_property
    def controls(self) -> controls_pb2_grpc.ChannelControlServiceAsyncStub:
        """Buffers, ring-fences and caps of channels."""
        return controls_pb2_grpc.ChannelControlServiceStub(self.channel("inventory"))

    @cached_property
    def counts(self) -> counts_pb2_grpc.CountServiceAsyncStub:
        """Count sheets."""
        return counts_pb2_grpc.CountServiceStub(self.channel("inventory"))

    @cached_property
    def holds(self) -> holds_pb2_grpc.HoldServiceAsyncStub:
        """What baskets hold."""
        return holds_pb2_grpc.HoldServiceStub(self.channel("inventory"))

    @cached_property
    def limits(self) -> limits_pb2_grpc.BuyerLimitServiceAsyncStub:
        """Limits per buyer."""
        return limits_pb2_grpc.BuyerLimitServiceStub(self.channel("inventory"))

    @cached_property
    def supply(self) -> supply_pb2_grpc.SupplyServiceAsyncStub:
        """Goods that are expected."""
        return supply_pb2_grpc.SupplyServiceStub(self.channel("inventory"))

    @cached_property
    def backorders(self) -> backorders_pb2_grpc.BackorderServiceAsyncStub:
        """Articles that are sold before they are there."""
        return backorders_pb2_grpc.BackorderServiceStub(self.channel("inventory"))

    @cached_property
    def transfers(self) -> transfers_pb2_grpc.TransferServiceAsyncStub:
        """Transfers between locations."""
        return transfers_pb2_grpc.TransferServiceStub(self.channel("inventory"))

    @cached_property
    def catalog(self) -> catalog_pb2_grpc.CatalogServiceAsyncStub:
        """Products and channels."""
        return catalog_pb2_grpc.CatalogServiceStub(self.channel("catalog"))

    @cached_property
    def pricing(self) -> pricing_pb2_grpc.PricingServiceAsyncStub:
        """Prices of baskets."""
        return pricing_pb2_grpc.PricingServiceStub(self.channel("catalog"))

    @cached_property
    def incidents(self) -> incidents_pb2_grpc.IncidentServiceAsyncStub:
        """What stores report and suggest."""
        return incidents_pb2_grpc.IncidentServiceStub(self.channel("fulfillment"))

    @cached_property
    def insights(self) -> insights_pb2_grpc.InsightsServiceAsyncStub:
        """The day in figures."""
        return insights_pb2_grpc.InsightsServiceStub(self.channel("insights"))

    @cached_property
    def traces(self) -> traces_pb2_grpc.TraceServiceAsyncStub:
        """Traces."""
        return traces_pb2_grpc.TraceServiceStub(self.channel("telemetry"))
