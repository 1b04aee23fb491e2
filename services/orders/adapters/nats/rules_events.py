"""Changes of the rules of sourcing as events of the outbox."""

from __future__ import annotations

from aljibe.orders.v1 import rules_pb2
from chassis.envelope import OutboxEvent, event
from services.orders.adapters.grpc.rules_wire import change_proto
from services.orders.domain.rules_version import Change

AGGREGATE = "sourcing-rules"
KEY = "rules"


def changed_event(change: Change) -> OutboxEvent:
    """The event that tells of a change; its differences stay in the history."""
    message = rules_pb2.SourcingRulesChanged(change=change_proto(change))
    message.change.ClearField("differences")
    return event(
        "orders",
        message,
        aggregate_type=AGGREGATE,
        aggregate_id=KEY,
        sequence=change.change_number,
        occurred_at=change.time,
    )
