"""What became of reservations, as their callers are told."""

from __future__ import annotations

from typing import Any

from aljibe.inventory.v1 import inventory_pb2 as pb
from services.inventory.adapters.grpc import translate
from services.inventory.adapters.grpc.errors import table
from services.inventory.domain.control import figures_of
from services.inventory.domain.pool import POOL
from services.inventory.domain.reserving import Reserved
from services.inventory.usecases.desk import BatchOutcome


def granted(outcome: Reserved) -> pb.ReserveStockResponse:
    """The answer to ReserveStock."""
    response = pb.ReserveStockResponse(existed=outcome.existed)
    translate.write_reservation(outcome.reservation, response.reservation)
    return response


def write_outcome(
    outcome: Any,
    request: pb.ReserveStockRequest,
    done: BatchOutcome,
    languages: str,
    message: pb.ReserveOutcome,
) -> None:
    """A member's outcome: what it was granted, or its refusal with the figures that its batch saw."""
    if isinstance(outcome, Exception):
        message.refused.CopyFrom(_refused(outcome, request, done, languages))
        return
    response = message.granted
    if outcome.existed:
        response.existed = True
    translate.write_reservation(outcome.reservation, response.reservation)


def _refused(
    refusal: Exception, request: pb.ReserveStockRequest, done: BatchOutcome, languages: str
) -> pb.ReserveRefusal:
    rule = table.rule_for(refusal)
    return pb.ReserveRefusal(
        status=table.status_for(refusal, languages).SerializeToString(),
        reason=rule.reason if rule is not None else "INTERNAL",
        positions=[_state(pick.sku, pick.location_id, done) for pick in request.picks]
        + [
            _state(sku, POOL, done)
            for sku in {pick.sku for pick in request.picks}
            if (sku, POOL) in done.seen
        ]
        + [
            _state(sku, figure, done)
            for sku in {pick.sku for pick in request.picks}
            for figure in figures_of(request.channel_id)
            if (sku, figure) in done.seen
        ],
    )


def _state(sku: str, location_id: str, done: BatchOutcome) -> pb.PositionState:
    found = done.seen.get((sku, location_id))
    if found is None:
        return pb.PositionState(sku=sku, location_id=location_id)
    return translate.position_state(found)
