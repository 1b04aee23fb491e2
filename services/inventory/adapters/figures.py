"""What inventory counts for those who watch it: reservations, and units taken from under a promise."""

from __future__ import annotations

from aljibe.inventory.v1 import events_pb2, inventory_pb2
from chassis import metrics
from services.inventory.adapters.grpc.errors import table
from services.inventory.domain.reserving import Reserved
from services.inventory.usecases.post import Posted

GRANTED = "GRANTED"

_RESERVATIONS = metrics.counter(
    "inventory_reservations_total",
    "reservations",
    "Reservations granted, and commands on stock refused, by reason",
    ("outcome",),
)
_GRANTED = _RESERVATIONS.labels(GRANTED)
_DISPLACED = metrics.counter(
    "inventory_displaced_units_total",
    "units",
    "Units that a fact, such as a till sale, took from under an accepted order's promise",
    ("cause",),
)
_UNITS_DISPLACED = events_pb2.UnitsDisplaced.DESCRIPTOR.full_name


def posted(done: Posted) -> None:
    """What became of a group is committed."""
    granted = 0
    for outcome in done.outcomes:
        if type(outcome) is Reserved:
            granted += 1
        elif isinstance(outcome, Exception):
            rule = table.rule_for(outcome)
            _RESERVATIONS.labels(rule.reason if rule is not None else "INTERNAL").inc()
    if granted:
        _GRANTED.inc(granted)
    for event in done.events:
        if event.type == _UNITS_DISPLACED:
            told = events_pb2.UnitsDisplaced.FromString(event.payload)
            cause = inventory_pb2.MovementCause.Name(told.cause).removeprefix("MOVEMENT_CAUSE_")
            _DISPLACED.labels(cause).inc(told.quantity_units)
