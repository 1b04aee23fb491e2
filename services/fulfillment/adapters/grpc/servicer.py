"""`aljibe.fulfillment.v1.FulfillmentService`: translate, act, translate back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import grpc

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from aljibe.fulfillment.v1 import fulfillment_pb2_grpc
from chassis.ids import new_id
from chassis.pages import PageTokens
from chassis.refusals import InvalidArgument
from services.fulfillment.adapters import wire
from services.fulfillment.adapters.grpc.authorization import (
    either_location,
    own_channel,
    own_channel_or_location,
    own_location,
)
from services.fulfillment.adapters.grpc.locations import Locations
from services.fulfillment.adapters.grpc.transactions import Transactions
from services.fulfillment.adapters.postgres import returns, told
from services.fulfillment.adapters.postgres.orders import PostgresFulfillmentOrders, read, read_page
from services.fulfillment.config import Settings
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder, State
from services.fulfillment.domain.pickup_code import PickupCode
from services.fulfillment.domain.refusals import CodeWrong, FulfillmentOrderUnknown
from services.fulfillment.domain.returns import ReturnedUnits
from services.fulfillment.usecases.act import act
from services.fulfillment.usecases.cancel_units import Part, cancel_units
from services.fulfillment.usecases.hand_over import hand_over
from services.fulfillment.usecases.ports import Authorize, Work
from services.fulfillment.usecases.receive_return import receive_return

DEFAULT_PAGE_SIZE = 50
ALL_STATES = frozenset(State)

_Context = grpc.aio.ServicerContext[Any, Any]
_Verb = Callable[[FulfillmentOrder, Work], None]
R = TypeVar(
    "R",
    pb.StartPickingResponse,
    pb.PickUnitsResponse,
    pb.ReportShortPickResponse,
    pb.PackOrderResponse,
    pb.ShipOrderResponse,
    pb.ReceiveParcelResponse,
    pb.ReportLostInTransitResponse,
    pb.MarkReadyResponse,
    pb.RenewPickupCodeResponse,
    pb.ExpirePickupResponse,
)


class FulfillmentServicer(fulfillment_pb2_grpc.FulfillmentServiceServicer):
    """The RPCs of fulfillment."""

    def __init__(
        self, transactions: Transactions, locations: Locations, pages: PageTokens, settings: Settings
    ) -> None:
        self._transactions = transactions
        self._db = transactions.db
        self._locations = locations
        self._pages = pages
        self._settings = settings

    async def ListFulfillmentOrders(  # noqa: N802
        self, request: pb.ListFulfillmentOrdersRequest, context: _Context
    ) -> pb.ListFulfillmentOrdersResponse:
        """A page of a location's or an order's work."""
        if not request.location_id and not request.order_id:
            raise InvalidArgument("location_id", "name a location or an order", "REQUIRED")
        position = self._pages.position(request, parts=2)
        after = (datetime.fromisoformat(position[0]), position[1]) if position else None
        states = frozenset(wire.STATE_FROM_WIRE[state] for state in request.states if state) or ALL_STATES
        size = request.page_size or DEFAULT_PAGE_SIZE
        async with self._db.connection() as conn:
            found = await read_page(conn, request.location_id, request.order_id, states, after, size + 1)
        page = found[:size]
        response = pb.ListFulfillmentOrdersResponse(
            fulfillment_orders=[wire.to_wire(order) for order in page]
        )
        if len(found) > size:
            response.next_page_token = self._pages.next_token(
                request, page[-1].due_time.isoformat(), page[-1].id
            )
        return response

    async def GetFulfillmentOrder(  # noqa: N802
        self, request: pb.GetFulfillmentOrderRequest, context: _Context
    ) -> pb.GetFulfillmentOrderResponse:
        """One fulfillment order."""
        order = await self._read(request.fulfillment_order_id, either_location)
        return pb.GetFulfillmentOrderResponse(fulfillment_order=wire.to_wire(order))

    async def StartPicking(  # noqa: N802
        self, request: pb.StartPickingRequest, context: _Context
    ) -> pb.StartPickingResponse:
        """OPEN → PICKING."""

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.start_picking(now=work.now, actor=work.actor)

        return await self._act("StartPicking", request, pb.StartPickingResponse, verb)

    async def PickUnits(self, request: pb.PickUnitsRequest, context: _Context) -> pb.PickUnitsResponse:  # noqa: N802
        """Units were taken from the shelf."""
        quantities = wire.quantities(request.lines)

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.pick(quantities, now=work.now, actor=work.actor)

        return await self._act("PickUnits", request, pb.PickUnitsResponse, verb)

    async def ReportShortPick(  # noqa: N802
        self, request: pb.ReportShortPickRequest, context: _Context
    ) -> pb.ReportShortPickResponse:
        """Units could not be found or given."""
        quantities, reason = wire.quantities(request.lines), wire.REASON_FROM_WIRE[request.reason]

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.report_short(quantities, reason, request.note, now=work.now, actor=work.actor)

        return await self._act("ReportShortPick", request, pb.ReportShortPickResponse, verb)

    async def PackOrder(self, request: pb.PackOrderRequest, context: _Context) -> pb.PackOrderResponse:  # noqa: N802
        """PICKED → PACKED."""

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.pack(request.parcel_count or 1, now=work.now, actor=work.actor)

        return await self._act("PackOrder", request, pb.PackOrderResponse, verb)

    async def ShipOrder(self, request: pb.ShipOrderRequest, context: _Context) -> pb.ShipOrderResponse:  # noqa: N802
        """PACKED → SHIPPED, or IN_TRANSIT to a store."""

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.ship(request.carrier, request.tracking_number, now=work.now, actor=work.actor)

        return await self._act("ShipOrder", request, pb.ShipOrderResponse, verb)

    async def ReceiveParcel(  # noqa: N802
        self, request: pb.ReceiveParcelRequest, context: _Context
    ) -> pb.ReceiveParcelResponse:
        """IN_TRANSIT → ARRIVED."""

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.receive(now=work.now, actor=work.actor)

        return await self._act("ReceiveParcel", request, pb.ReceiveParcelResponse, verb)

    async def ReportLostInTransit(  # noqa: N802
        self, request: pb.ReportLostInTransitRequest, context: _Context
    ) -> pb.ReportLostInTransitResponse:
        """Units will not come to the store."""
        quantities = wire.quantities(request.lines)

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.lose(quantities, request.note, now=work.now, actor=work.actor)

        return await self._act("ReportLostInTransit", request, pb.ReportLostInTransitResponse, verb)

    async def MarkReady(self, request: pb.MarkReadyRequest, context: _Context) -> pb.MarkReadyResponse:  # noqa: N802
        """PICKED or ARRIVED → READY, with a fresh code."""
        seconds = request.collect_within_seconds or self._settings.collect_within_seconds
        if seconds < self._settings.least_collect_seconds:
            raise InvalidArgument(
                "collect_within_seconds",
                f"must be 0 or at least {self._settings.least_collect_seconds}",
                "TOO_LOW",
            )

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.make_ready(
                PickupCode.fresh(), work.now + timedelta(seconds=seconds), now=work.now, actor=work.actor
            )

        return await self._act("MarkReady", request, pb.MarkReadyResponse, verb)

    async def HandOver(self, request: pb.HandOverRequest, context: _Context) -> pb.HandOverResponse:  # noqa: N802
        """READY → HANDED_OVER against the code."""

        async def change(orders: PostgresFulfillmentOrders, work: Work) -> pb.HandOverResponse | CodeWrong:
            outcome = await hand_over(orders, request.fulfillment_order_id, own_location, request.code, work)
            if isinstance(outcome, CodeWrong):
                return outcome
            return pb.HandOverResponse(fulfillment_order=wire.to_wire(outcome))

        return await self._transactions.once_or_counted(
            "HandOver", request, request.request_id, pb.HandOverResponse, change
        )

    async def GetPickupCode(  # noqa: N802
        self, request: pb.GetPickupCodeRequest, context: _Context
    ) -> pb.GetPickupCodeResponse:
        """The code, for the customer's front end."""
        order = await self._read(request.fulfillment_order_id, own_channel)
        response = pb.GetPickupCodeResponse(code=order.shown_code().digits)
        if order.collect_until is not None:
            response.collect_until_time.CopyFrom(wire.timestamp(order.collect_until))
        return response

    async def RenewPickupCode(  # noqa: N802
        self, request: pb.RenewPickupCodeRequest, context: _Context
    ) -> pb.RenewPickupCodeResponse:
        """A new code; the old one is void."""

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.renew_code(PickupCode.fresh())

        return await self._act(
            "RenewPickupCode", request, pb.RenewPickupCodeResponse, verb, own_channel_or_location
        )

    async def ExpirePickup(  # noqa: N802
        self, request: pb.ExpirePickupRequest, context: _Context
    ) -> pb.ExpirePickupResponse:
        """READY → EXPIRED, before its time."""

        def verb(order: FulfillmentOrder, work: Work) -> None:
            order.expire(now=work.now, actor=work.actor)

        return await self._act("ExpirePickup", request, pb.ExpirePickupResponse, verb)

    async def CancelUnits(self, request: pb.CancelUnitsRequest, context: _Context) -> pb.CancelUnitsResponse:  # noqa: N802
        """Units leave before they are picked; all or none."""

        async def change(orders: PostgresFulfillmentOrders, work: Work) -> pb.CancelUnitsResponse:
            parts = [
                Part(*wire.opening_of(part.opening, work.now), wire.quantities(part.lines))
                for part in request.parts
            ]
            found = await cancel_units(orders, parts, request.request_id, work)
            return pb.CancelUnitsResponse(fulfillment_orders=[wire.to_wire(order) for order in found])

        return await self._transactions.once("CancelUnits", request, pb.CancelUnitsResponse, change)

    async def ReceiveReturn(  # noqa: N802
        self, request: pb.ReceiveReturnRequest, context: _Context
    ) -> pb.ReceiveReturnResponse:
        """Goods came back."""
        await self._locations.require(request.location_id)
        returned = [
            ReturnedUnits(
                line.line_number,
                line.quantity_units,
                wire.DISPOSITION_FROM_WIRE[line.disposition],
                line.reason,
            )
            for line in request.lines
        ]
        return_id = new_id("ret")

        async def change(orders: PostgresFulfillmentOrders, work: Work) -> pb.ReceiveReturnResponse:
            touched = await receive_return(
                orders,
                request.order_id,
                returned,
                return_id=return_id,
                receiving_location_id=request.location_id,
                work=work,
            )
            return pb.ReceiveReturnResponse(
                return_id=return_id, fulfillment_orders=[wire.to_wire(order) for order in touched]
            )

        return await self._transactions.once("ReceiveReturn", request, pb.ReceiveReturnResponse, change)

    async def ListReturns(self, request: pb.ListReturnsRequest, context: _Context) -> pb.ListReturnsResponse:  # noqa: N802
        """What came back of an order, or with one return."""
        if not request.order_id and not request.return_id:
            raise InvalidArgument("order_id", "name an order or a return", "REQUIRED")
        position = self._pages.position(request, parts=4)
        after = (position[0], position[1], int(position[2]), position[3]) if position else returns.FIRST
        size = request.page_size or DEFAULT_PAGE_SIZE
        async with self._db.connection() as conn:
            found = await returns.read_page(conn, request.order_id, request.return_id, after, size + 1)
        page = found[:size]
        response = pb.ListReturnsResponse(returns=[_returned(one) for one in page])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, *map(str, page[-1].key))
        return response

    async def ListSteps(self, request: pb.ListStepsRequest, context: _Context) -> pb.ListStepsResponse:  # noqa: N802
        """What was done for an order."""
        position = self._pages.position(request, parts=2)
        after = (position[0], int(position[1])) if position else told.FIRST
        size = request.page_size or DEFAULT_PAGE_SIZE
        async with self._db.connection() as conn:
            found = await told.read_page(conn, request.order_id, after, size + 1)
        page = found[:size]
        response = pb.ListStepsResponse(
            steps=[
                pb.Step(
                    fulfillment_order_id=one.origin.fulfillment_order_id,
                    location_id=one.origin.location_id,
                    event=one.event,
                    time=one.origin.time,
                    actor=one.origin.actor,
                )
                for one in page
            ]
        )
        if len(found) > size:
            last = page[-1]
            response.next_page_token = self._pages.next_token(
                request, last.origin.fulfillment_order_id, str(last.sequence)
            )
        return response

    async def _read(self, fulfillment_order_id: str, authorize: Authorize) -> FulfillmentOrder:
        async with self._db.connection() as conn:
            order = await read(conn, fulfillment_order_id)
        if order is None:
            raise FulfillmentOrderUnknown(fulfillment_order_id)
        authorize(order)
        return order

    async def _act(
        self, method: str, request: Any, answer: type[R], verb: _Verb, authorize: Authorize = own_location
    ) -> R:
        async def change(orders: PostgresFulfillmentOrders, work: Work) -> R:
            order = await act(
                orders, request.fulfillment_order_id, authorize, lambda found: verb(found, work)
            )
            return answer(fulfillment_order=wire.to_wire(order))

        return await self._transactions.once(method, request, answer, change)


def _returned(one: returns.Returned) -> pb.GoodsReturn:
    return pb.GoodsReturn(
        return_id=one.return_id,
        order_id=one.order_id,
        fulfillment_order_id=one.fulfillment_order_id,
        line_number=one.line_number,
        sku=one.sku,
        quantity_units=one.quantity_units,
        disposition=wire.DISPOSITION_TO_WIRE[one.disposition],
        location_id=one.location_id,
        reason=one.reason,
        actor=one.actor,
        return_time=wire.timestamp(one.time),
    )
