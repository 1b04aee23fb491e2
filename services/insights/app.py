"""Composition root of insights."""

from __future__ import annotations

from datetime import timedelta

from aljibe.insights.v1 import insights_pb2, insights_pb2_grpc
from chassis.pages import PageTokens
from chassis.run import Built, Context, ServiceDefinition
from services.insights.adapters.grpc.errors import TABLE
from services.insights.adapters.grpc.neighbours import Directory, Neighbours
from services.insights.adapters.grpc.servicer import InsightsServicer
from services.insights.adapters.looks import Looks
from services.insights.adapters.nats.consumers import consumers
from services.insights.adapters.upkeep import Pruner, Watchman
from services.insights.config import Settings
from services.insights.domain.alarms import Limits


async def build(context: Context[Settings]) -> Built:
    """Insights, wired."""
    settings, db, clock = context.settings, context.db, context.clock
    inventory = context.channel("inventory")
    directory = Directory(inventory)
    asked = [name for name in settings.neighbours if getattr(settings, f"{name}_address", "")]
    neighbours = Neighbours({name: context.channel(name) for name in asked}, inventory)
    looks = Looks(
        db,
        directory,
        clock,
        time_zone=settings.retailer_time_zone,
        history_weeks=settings.history_weeks,
    )
    limits = Limits(
        settings.late_backlog_warning,
        settings.late_backlog_critical,
        settings.refusal_share_percent,
        settings.refusal_least,
        settings.outbox_lag_seconds,
        settings.consumer_lag_messages,
        settings.replica_stale_seconds,
    )
    return Built(
        servicers=[
            (
                insights_pb2_grpc.add_InsightsServiceServicer_to_server,
                InsightsServicer(db, looks, PageTokens.of(settings), clock, settings.watch_seconds),
                insights_pb2.DESCRIPTOR.services_by_name["InsightsService"],
            )
        ],
        consumers=consumers(db, context.nats),
        background=[
            directory.run,
            Watchman(db, neighbours, directory, clock, limits, settings.alarm_seconds).run,
            Pruner(
                db,
                clock,
                timedelta(days=settings.minute_retention_days),
                timedelta(days=settings.hour_retention_days),
            ).run,
        ],
    )


definition = ServiceDefinition(
    name="insights",
    schema="insights",
    migrations_package="services.insights.adapters.postgres.migrations",
    error_table=TABLE,
    build=build,
    settings=Settings,
)
