"""ChannelControlService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import grpc

from aljibe.inventory.v1 import controls_pb2 as pb
from aljibe.inventory.v1 import controls_pb2_grpc
from chassis.pages import PageTokens
from chassis.postgres import Database
from services.inventory.adapters.grpc import marks, translate
from services.inventory.adapters.postgres import controls
from services.inventory.domain.control import Amount, Control, Rules
from services.inventory.domain.controlling import RemoveControls, SetControls
from services.inventory.domain.refusals import ControlUnknown
from services.inventory.usecases.desk import StockDesk

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

CONTROLS_PAGE_SIZE = 100


class ChannelControlServicer(controls_pb2_grpc.ChannelControlServiceServicer):
    """Buffers, ring-fences and caps."""

    def __init__(self, desk: StockDesk, db: Database, pages: PageTokens) -> None:
        self._desk = desk
        self._db = db
        self._pages = pages

    async def SetChannelControls(
        self, request: pb.SetChannelControlsRequest, context: Context
    ) -> pb.SetChannelControlsResponse:
        """See the contract."""
        command = SetControls(tuple(((one.sku, one.channel_id), _rules_of(one)) for one in request.controls))
        answer = await self._desk.submit_alone(marks.marked(command, request, _set))
        return pb.SetChannelControlsResponse.FromString(answer)

    async def GetChannelControl(
        self, request: pb.GetChannelControlRequest, context: Context
    ) -> pb.GetChannelControlResponse:
        """See the contract."""
        found = await controls.page(self._db, request.sku, request.channel_id, (), 1)
        if not found:
            raise ControlUnknown(request.sku, request.channel_id)
        return pb.GetChannelControlResponse(control=_state(found[0]))

    async def ListChannelControls(
        self, request: pb.ListChannelControlsRequest, context: Context
    ) -> pb.ListChannelControlsResponse:
        """See the contract."""
        size = request.page_size or CONTROLS_PAGE_SIZE
        after = self._pages.position(request, parts=2) or ()
        found = await controls.page(self._db, request.sku, request.channel_id, after, size + 1)
        response = pb.ListChannelControlsResponse(controls=[_state(one) for one in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.next_token(request, last.sku, last.channel_id)
        return response

    async def RemoveChannelControls(
        self, request: pb.RemoveChannelControlsRequest, context: Context
    ) -> pb.RemoveChannelControlsResponse:
        """See the contract."""
        command = RemoveControls(tuple((one.sku, one.channel_id) for one in request.controls))
        answer = await self._desk.submit_alone(marks.marked(command, request, _removed))
        return pb.RemoveChannelControlsResponse.FromString(answer)


def _set(found: Sequence[Control]) -> pb.SetChannelControlsResponse:
    return pb.SetChannelControlsResponse(controls=[_state(one) for one in found])


def _removed(found: Sequence[Control]) -> pb.RemoveChannelControlsResponse:
    return pb.RemoveChannelControlsResponse(controls=len(found))


def _state(found: Control) -> pb.ChannelControlState:
    return pb.ChannelControlState(
        control=translate.channel_control(found.sku, found.channel_id, found.rules),
        counted_from=translate.timestamp(found.counted_from),
        promised_units=found.promised_units,
        held_units=found.held_units,
    )


def _rules_of(message: pb.ChannelControl) -> Rules:
    return Rules(
        _amount(message, "buffer"),
        _amount(message, "ring_fence"),
        _amount(message, "cap"),
        message.priority,
        translate.time_of(message, "valid_from"),
        translate.time_of(message, "valid_until"),
        translate.time_of(message, "release_time"),
        not message.only_ring_fence,
    )


def _amount(message: pb.ChannelControl, name: str) -> Amount | None:
    if not message.HasField(name):  # type: ignore[arg-type]
        return None
    found: pb.ControlAmount = getattr(message, name)
    return Amount(found.units, found.percent)
