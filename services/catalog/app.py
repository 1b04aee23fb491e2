"""Puts the catalogue service together."""

from __future__ import annotations

from datetime import timedelta

from aljibe.catalog.v1 import catalog_pb2, catalog_pb2_grpc, pricing_pb2, pricing_pb2_grpc
from chassis.pages import PageTokens
from chassis.run import Built, Context, ServiceDefinition
from pricing.tokens import QuoteSigner
from services.catalog.adapters.grpc.catalog import CatalogServicer
from services.catalog.adapters.grpc.errors import table
from services.catalog.adapters.grpc.pricing import PricingServicer
from services.catalog.adapters.postgres.replica import CatalogueReplica
from services.catalog.config import Settings, quote_key


async def build(context: Context[Settings]) -> Built:
    """The two servicers over one snapshot of the catalogue; nothing is served before it is loaded."""
    replica = CatalogueReplica(context.db, context.clock)
    catalog = CatalogServicer(
        context.db, replica, context.relay, PageTokens.of(context.settings), context.clock
    )
    signer = QuoteSigner(quote_key(context.settings), timedelta(seconds=context.settings.quote_ttl_seconds))
    pricing = PricingServicer(context.db, lambda: replica.snapshot, signer, context.clock)
    # Loaded here, not in `before_serve`: the port is open by then, and baskets would be refused for
    # unknown channels.
    await replica.refresh()
    return Built(
        servicers=[
            (
                catalog_pb2_grpc.add_CatalogServiceServicer_to_server,
                catalog,
                catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
            ),
            (
                pricing_pb2_grpc.add_PricingServiceServicer_to_server,
                pricing,
                pricing_pb2.DESCRIPTOR.services_by_name["PricingService"],
            ),
        ],
        background=[replica.follow],
    )


definition = ServiceDefinition(
    name="catalog",
    schema="catalog",
    migrations_package="services.catalog.adapters.postgres.migrations",
    error_table=table,
    build=build,
    settings=Settings,
)
