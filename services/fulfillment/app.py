"""Composition root of fulfillment."""

from __future__ import annotations

from functools import partial

from aljibe.fulfillment.v1 import fulfillment_pb2, fulfillment_pb2_grpc, incidents_pb2, incidents_pb2_grpc
from aljibe.orders.v1 import events_pb2
from chassis.consumer import Consumer
from chassis.pages import PageTokens
from chassis.run import Built, Context, ServiceDefinition
from services.fulfillment.adapters import figures
from services.fulfillment.adapters.expiry import ExpiryLoop
from services.fulfillment.adapters.grpc.errors import TABLE
from services.fulfillment.adapters.grpc.incidents import IncidentServicer
from services.fulfillment.adapters.grpc.locations import Locations
from services.fulfillment.adapters.grpc.servicer import FulfillmentServicer
from services.fulfillment.adapters.grpc.transactions import Transactions
from services.fulfillment.adapters.nats.consumers import CONSUMER, HoldHandler, PlanHandler
from services.fulfillment.config import Settings


async def build(context: Context[Settings]) -> Built:
    """Fulfillment, wired."""
    settings, db, clock, wake = context.settings, context.db, context.clock, context.relay.wake
    locations, pages = Locations(context.channel("inventory")), PageTokens.of(settings)
    servicer = FulfillmentServicer(Transactions(db, wake, clock), locations, pages, settings)
    handlers: list[PlanHandler | HoldHandler] = [
        *(
            PlanHandler(kind, wake, clock)
            for kind in (events_pb2.OrderAccepted, events_pb2.OrderResourced, events_pb2.BackorderReleased)
        ),
        *(HoldHandler(kind) for kind in (events_pb2.OrderHeld, events_pb2.OrderHoldLifted)),
    ]
    return Built(
        servicers=[
            (
                fulfillment_pb2_grpc.add_FulfillmentServiceServicer_to_server,
                servicer,
                fulfillment_pb2.DESCRIPTOR.services_by_name["FulfillmentService"],
            ),
            (
                incidents_pb2_grpc.add_IncidentServiceServicer_to_server,
                IncidentServicer(db, wake, clock, locations, pages),
                incidents_pb2.DESCRIPTOR.services_by_name["IncidentService"],
            ),
        ],
        consumers=[
            Consumer(CONSUMER, "orders", {handler.type: handler for handler in handlers}, db, context.nats)
        ],
        background=[
            ExpiryLoop(db, wake, clock, settings.expiry_sweep_seconds).run,
            partial(figures.measure_for_ever, db),
        ],
    )


definition = ServiceDefinition(
    name="fulfillment",
    schema="fulfillment",
    migrations_package="services.fulfillment.adapters.postgres.migrations",
    error_table=TABLE,
    build=build,
    settings=Settings,
)
