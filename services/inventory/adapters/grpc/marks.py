"""Requests as submissions: command, identity of the request, trace."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from google.protobuf.message import Message

from aljibe.inventory.v1 import (
    backorders_pb2,
    controls_pb2,
    counts_pb2,
    holds_pb2,
    limits_pb2,
    supply_pb2,
    transfers_pb2,
)
from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis import requests
from chassis.auth import current_principal
from chassis.telemetry import current_traceparent
from services.inventory.adapters.grpc import translate
from services.inventory.domain.book import Command, Origin
from services.inventory.domain.facts import Moved
from services.inventory.domain.reserving import Reserve
from services.inventory.domain.stock import Reservation
from services.inventory.usecases.post import Mark, Submission

Request = (
    supply_pb2.UpsertSupplyRequest
    | supply_pb2.ReceiveSupplyRequest
    | supply_pb2.CloseSupplyRequest
    | counts_pb2.StartCountRequest
    | counts_pb2.RecordCountRequest
    | counts_pb2.CompleteCountRequest
    | counts_pb2.CancelCountRequest
    | transfers_pb2.CreateTransferRequest
    | transfers_pb2.DispatchTransferRequest
    | transfers_pb2.ReceiveTransferRequest
    | transfers_pb2.CloseTransferRequest
    | transfers_pb2.CancelTransferRequest
    | pb.ReceiveStockRequest
    | pb.AdjustStockRequest
    | pb.CountStockRequest
    | pb.SellStockRequest
    | pb.SetSafetyStockRequest
    | pb.ReleaseReservationRequest
    | pb.ConsumeReservationRequest
    | pb.LoadStockRequest
    | holds_pb2.CreateHoldRequest
    | controls_pb2.SetChannelControlsRequest
    | controls_pb2.RemoveChannelControlsRequest
    | limits_pb2.SetBuyerLimitsRequest
    | limits_pb2.RemoveBuyerLimitsRequest
    | backorders_pb2.SetBackorderTermsRequest
    | backorders_pb2.RemoveBackorderTermsRequest
)


def key_of(request: Request) -> str:
    """The key under which the request is remembered: its kind, who asks, and its id."""
    method = request.DESCRIPTOR.name.removesuffix("Request")
    return requests.request_key(method, current_principal().subject, request.request_id)


def origin(request: Request, document_id: str, note: str = "") -> Origin:
    """What stands behind the movements that the request causes."""
    return Origin(key_of(request), document_id or request.request_id, current_principal().subject, note)


def marked(command: Command[Any], request: Request, answer: Callable[[Any], Message]) -> Submission:
    """A submission that a repeat of `request` answers with the first answer."""
    mark = Mark(
        key_of(request),
        requests.fingerprint(request),
        request.request_id,
        lambda outcome: answer(outcome).SerializeToString(),
    )
    return Submission(command, mark, current_traceparent())


def reserve(request: pb.ReserveStockRequest, traceparent: str | None, deadline: float = inf) -> Submission:
    """A reservation; its identity is the order and the attempt."""
    return Submission(
        Reserve(
            request.order_id,
            request.attempt,
            translate.picks_of(request.picks),
            request.ttl_seconds,
            request.channel_id,
            request.hold_id,
            request.customer_id,
            request.accepted,
            translate.supply_picks_of(request.supply_picks) if request.supply_picks else (),
        ),
        None,
        traceparent,
        deadline,
    )


def positions(moved: Moved) -> list[pb.Position]:
    """The positions afterwards."""
    return [translate.position(one) for one in moved.positions]


def released(found: Reservation) -> pb.ReleaseReservationResponse:
    """The answer to ReleaseReservation."""
    return pb.ReleaseReservationResponse(reservation=translate.reservation(found))


def consumed(found: Reservation) -> pb.ConsumeReservationResponse:
    """The answer to ConsumeReservation."""
    return pb.ConsumeReservationResponse(reservation=translate.reservation(found))
