"""Composition root of inventory."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from aljibe.inventory.v1 import (
    availability_pb2,
    availability_pb2_grpc,
    backorders_pb2,
    backorders_pb2_grpc,
    controls_pb2,
    controls_pb2_grpc,
    counts_pb2,
    counts_pb2_grpc,
    holds_pb2,
    holds_pb2_grpc,
    inventory_pb2,
    inventory_pb2_grpc,
    limits_pb2,
    limits_pb2_grpc,
    supply_pb2,
    supply_pb2_grpc,
    transfers_pb2,
    transfers_pb2_grpc,
)
from chassis.consumer import Consumer
from chassis.pages import PageTokens
from chassis.postgres import WAIT_OUT
from chassis.run import Built, Context, ServiceDefinition
from services.inventory.adapters import figures
from services.inventory.adapters.expiry import ExpiryLoop
from services.inventory.adapters.grpc.backorders import BackorderServicer
from services.inventory.adapters.grpc.controls import ChannelControlServicer
from services.inventory.adapters.grpc.counts import CountServicer
from services.inventory.adapters.grpc.errors import table
from services.inventory.adapters.grpc.explaining import AvailabilityServicer
from services.inventory.adapters.grpc.holds import HoldServicer
from services.inventory.adapters.grpc.limits import BuyerLimitServicer
from services.inventory.adapters.grpc.locations import LocationServicer
from services.inventory.adapters.grpc.reservations import ReservationServicer
from services.inventory.adapters.grpc.stock import StockServicer
from services.inventory.adapters.grpc.supply import SupplyServicer
from services.inventory.adapters.grpc.transfers import TransferServicer
from services.inventory.adapters.nats.consumers import StockHandlers
from services.inventory.adapters.nats.events import encode
from services.inventory.adapters.nats.live import LivePositions
from services.inventory.adapters.nats.told import TellingDatabase
from services.inventory.adapters.postgres import ledger, locations
from services.inventory.adapters.postgres.auditor import Auditor
from services.inventory.adapters.postgres.store import PostgresStockStore
from services.inventory.config import Settings
from services.inventory.usecases.availability import Availability
from services.inventory.usecases.desk import StockDesk
from services.inventory.usecases.post import Posted

log = logging.getLogger(__name__)


async def build(context: Context[Settings]) -> Built:
    """Inventory, wired."""
    db, relay, clock, settings = context.db, context.relay, context.clock, context.settings
    live = LivePositions(db, context.nats)
    availability = Availability(live.replica, live.board)
    store = PostgresStockStore(db, clock, encode)
    pages = PageTokens(db.secret)
    locations_known = asyncio.Event()

    def tell(posted: Posted) -> None:
        figures.posted(posted)
        live.tell(posted.changed)
        if posted.supplies or posted.terms:
            live.tell_supplies(posted.supplies, posted.terms)
        if posted.events:
            relay.wake(posted.events)

    async def refresh_locations() -> None:
        availability.set_active(await locations.activity(db))

    async def refresh_for_ever() -> None:
        while True:
            try:
                await refresh_locations()
                locations_known.set()
            except WAIT_OUT as error:
                log.warning("locations.waiting", extra={"reason": str(error)})
            await asyncio.sleep(settings.location_refresh_seconds)

    async def before_serve() -> None:
        await locations_known.wait()
        await live.keeper.ready()

    desk = StockDesk(store, tell)
    expiry = ExpiryLoop(store, tell, clock, settings.expiry_interval_seconds)
    expiry_of_holds = ExpiryLoop.of_holds(store, tell, clock, settings.expiry_interval_seconds)
    controls_in_time = ExpiryLoop.of_controls(store, tell, clock, settings.expiry_interval_seconds)
    handlers = StockHandlers(store, live)
    telling = TellingDatabase(db, tell)
    services = inventory_pb2.DESCRIPTOR.services_by_name
    return Built(
        servicers=[
            (
                inventory_pb2_grpc.add_LocationServiceServicer_to_server,
                LocationServicer(db, relay, clock, pages, refresh_locations),
                services["LocationService"],
            ),
            (
                inventory_pb2_grpc.add_StockServiceServicer_to_server,
                StockServicer(desk, db, live, availability, pages, clock),
                services["StockService"],
            ),
            (
                inventory_pb2_grpc.add_ReservationServiceServicer_to_server,
                ReservationServicer(desk, db),
                services["ReservationService"],
            ),
            (
                counts_pb2_grpc.add_CountServiceServicer_to_server,
                CountServicer(desk, db, pages),
                counts_pb2.DESCRIPTOR.services_by_name["CountService"],
            ),
            (
                supply_pb2_grpc.add_SupplyServiceServicer_to_server,
                SupplyServicer(desk, db, pages),
                supply_pb2.DESCRIPTOR.services_by_name["SupplyService"],
            ),
            (
                backorders_pb2_grpc.add_BackorderServiceServicer_to_server,
                BackorderServicer(desk, db, pages),
                backorders_pb2.DESCRIPTOR.services_by_name["BackorderService"],
            ),
            (
                transfers_pb2_grpc.add_TransferServiceServicer_to_server,
                TransferServicer(desk, db, pages),
                transfers_pb2.DESCRIPTOR.services_by_name["TransferService"],
            ),
            (
                availability_pb2_grpc.add_AvailabilityServiceServicer_to_server,
                AvailabilityServicer(db, clock, pages),
                availability_pb2.DESCRIPTOR.services_by_name["AvailabilityService"],
            ),
            (
                controls_pb2_grpc.add_ChannelControlServiceServicer_to_server,
                ChannelControlServicer(desk, db, pages),
                controls_pb2.DESCRIPTOR.services_by_name["ChannelControlService"],
            ),
            (
                limits_pb2_grpc.add_BuyerLimitServiceServicer_to_server,
                BuyerLimitServicer(desk, db, pages, clock),
                limits_pb2.DESCRIPTOR.services_by_name["BuyerLimitService"],
            ),
            (
                holds_pb2_grpc.add_HoldServiceServicer_to_server,
                HoldServicer(desk, db),
                holds_pb2.DESCRIPTOR.services_by_name["HoldService"],
            ),
        ],
        consumers=[
            Consumer("inventory-orders", "orders", handlers.of_orders(), telling, context.nats),
            Consumer(
                "inventory-fulfillment", "fulfillment", handlers.of_fulfillment(), telling, context.nats
            ),
        ],
        background=[
            live.publish_for_ever,
            live.listen_for_ever,
            refresh_for_ever,
            expiry.run,
            expiry_of_holds.run,
            controls_in_time.run,
            partial(ledger.keep_making_months, db),
            Auditor(db, clock).run,
        ],
        closers=[desk.close],
        before_serve=before_serve,
    )


definition = ServiceDefinition(
    name="inventory",
    schema="inventory",
    migrations_package="services.inventory.adapters.postgres.migrations",
    error_table=table,
    build=build,
    settings=Settings,
)
