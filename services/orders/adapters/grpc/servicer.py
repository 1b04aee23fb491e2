"""OrderService: translate, call, translate back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import grpc

from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from chassis.auth import current_principal, require_channel
from chassis.edge import sent_as_is
from chassis.ids import derived_id
from chassis.pages import PageTokens
from chassis.refusals import InvalidArgument
from chassis.requests import fingerprint, request_key
from chassis.telemetry import current_traceparent
from chassis.wire import writer
from services.orders.adapters import figures
from services.orders.adapters.grpc.errors import ERRORS
from services.orders.adapters.grpc.translate import (
    address_of,
    candidate_proto,
    chosen_proto,
    draft_of,
    later_proto,
    limit_proto,
    moment,
    option_proto,
    order_proto,
    order_wire,
    shortages_proto,
    time_proto,
)
from services.orders.adapters.nats.bells import Bells, wait_for
from services.orders.adapters.postgres.search import Filter
from services.orders.adapters.postgres.store import PostgresStore, StoredDecision
from services.orders.domain.explain import Explained
from services.orders.domain.order import Order
from services.orders.domain.refusals import DecisionUnknown, LocationUnknown, OrderUnknown
from services.orders.domain.why import sentence
from services.orders.usecases.cancel_order import CancelOrder
from services.orders.usecases.hold_order import HoldOrder
from services.orders.usecases.move_units import Ask, MoveUnits
from services.orders.usecases.place_order import PlaceOrder, Request
from services.orders.usecases.preview_order import PreviewOrder
from services.orders.usecases.resolve_shortage import Choice, ResolveShortage

DEFAULT_PAGE = 50
STAFF = ("operator", "auditor", "associate", "service")

_got = writer(orders_pb2.GetOrderResponse)
_listed = writer(orders_pb2.ListOrdersResponse)
_watched = writer(orders_pb2.WatchOrderResponse)
_cancelled = writer(orders_pb2.CancelOrderResponse)
_held = writer(orders_pb2.HoldOrderResponse)
_lifted = writer(orders_pb2.LiftHoldResponse)
_sourced = writer(orders_pb2.SourceAgainResponse)
_resolved = writer(orders_pb2.ResolveShortageResponse)

Context = grpc.aio.ServicerContext[Any, Any]


class OrderServicer(orders_pb2_grpc.OrderServiceServicer):
    """See the contract. Orders are answered in wire form, as they are stored with their request ids."""

    def __init__(
        self,
        *,
        place: PlaceOrder,
        preview: PreviewOrder,
        cancel: CancelOrder,
        resolve: ResolveShortage,
        hold: HoldOrder,
        move: MoveUnits,
        store: PostgresStore,
        bells: Bells,
        pages: PageTokens,
    ) -> None:
        self._place = place
        self._preview = preview
        self._cancel = cancel
        self._resolve = resolve
        self._hold = hold
        self._move = move
        self._store = store
        self._bells = bells
        self._pages = pages

    async def PlaceOrder(  # noqa: N802
        self, request: orders_pb2.PlaceOrderRequest, context: Context
    ) -> orders_pb2.PlaceOrderResponse:
        """Price, source, reserve, authorise, accept."""
        subject = current_principal().subject
        trace = current_traceparent()
        with figures.refusals(ERRORS, request.order.channel_id):
            answer = await self._place(
                derived_id("ord", subject, request_id=request.request_id),
                draft_of(request.order, request.hold_id),
                request.payment.token,
                _request("PlaceOrder", subject, request),
                trace.split("-")[1] if trace else "",
            )
        return sent_as_is(orders_pb2.PlaceOrderResponse, answer)

    async def PreviewOrder(  # noqa: N802
        self, request: orders_pb2.PreviewOrderRequest, context: Context
    ) -> orders_pb2.PreviewOrderResponse:
        """Price, plan and promise before buying."""
        preview = await self._preview(draft_of(request.order, request.hold_id))
        order = order_proto(preview.order)
        order.ClearField("payment")
        order.ClearField("accept_time")
        for part in order.plan:
            part.fulfillment_order_id = ""
        for line in order.lines:
            for group in line.units:
                group.fulfillment_order_id = ""
        return orders_pb2.PreviewOrderResponse(
            order=order,
            quote_token=preview.quote.quote_token,
            expire_time=time_proto(preview.quote.expire_time),
            shortages=shortages_proto(preview.shortages),
            limit_refusals=[limit_proto(one) for one in preview.limits],
            promise_options=[option_proto(one) for one in preview.options],
        )

    async def GetOrder(  # noqa: N802
        self, request: orders_pb2.GetOrderRequest, context: Context
    ) -> orders_pb2.GetOrderResponse:
        """One order as it is now."""
        answer = _got(order=order_wire(await self._read(request.order_id)))
        return sent_as_is(orders_pb2.GetOrderResponse, answer)

    async def ListOrders(  # noqa: N802
        self, request: orders_pb2.ListOrdersRequest, context: Context
    ) -> orders_pb2.ListOrdersResponse:
        """Orders, newest first, a page at a time."""
        since = moment(request.accept_time_from) if request.HasField("accept_time_from") else None
        until = moment(request.accept_time_to) if request.HasField("accept_time_to") else None
        if since is not None and until is not None and until <= since:
            raise InvalidArgument("accept_time_to", "must be after accept_time_from", "PERIOD_INVALID")
        position = self._pages.position(request, 2)
        size = request.page_size or DEFAULT_PAGE
        orders = await self._store.page(
            Filter(
                request.channel_id or None,
                request.customer_id or None,
                request.customer_reference or None,
                request.state or None,
                request.sku or None,
                request.location_id or None,
                since,
                until,
                request.query.strip() or None,
                request.on_hold,
            ),
            (datetime.fromisoformat(position[0]), position[1]) if position else None,
            size + 1,
        )
        token = ""
        if len(orders) > size:
            last = orders[size - 1]
            token = self._pages.next_token(request, last.accept_time.isoformat(), last.order_id)
        answer = _listed(orders=[order_wire(order) for order in orders[:size]], next_page_token=token)
        return sent_as_is(orders_pb2.ListOrdersResponse, answer)

    async def WatchOrder(  # noqa: N802
        self, request: orders_pb2.WatchOrderRequest, context: Context
    ) -> AsyncIterator[orders_pb2.WatchOrderResponse]:
        """The order now, and after each change, until its end and that of its money."""
        # Only the id of a real order becomes part of a subject to listen to.
        await self._read(request.order_id)
        seen = -1
        async with self._bells.listening(request.order_id) as bell:
            while True:
                bell.clear()
                order = await self._read(request.order_id)
                if order.version > seen:
                    seen = order.version
                    yield sent_as_is(orders_pb2.WatchOrderResponse, _watched(order=order_wire(order)))
                if order.ended:
                    return
                await wait_for(bell)

    async def CancelOrder(  # noqa: N802
        self, request: orders_pb2.CancelOrderRequest, context: Context
    ) -> orders_pb2.CancelOrderResponse:
        """Cancel the order, or units of lines, before they are picked."""
        subject = current_principal().subject
        answer = await self._cancel(
            request.order_id,
            derived_id("cnl", request.order_id, subject, request_id=request.request_id),
            [(line.line_number, line.quantity_units) for line in request.lines] or None,
            _request("CancelOrder", subject, request),
            guard=_guard,
            encode=_cancel_answer,
        )
        return sent_as_is(orders_pb2.CancelOrderResponse, answer)

    async def ResolveShortage(  # noqa: N802
        self, request: orders_pb2.ResolveShortageRequest, context: Context
    ) -> orders_pb2.ResolveShortageResponse:
        """The customer's choice for units that their store could not serve."""
        subject = current_principal().subject
        ship_to = address_of(request.ship_to) if request.WhichOneof("choice") == "ship_to" else None
        answer = await self._resolve(
            request.order_id,
            Choice(ship_to, request.pickup_location_id),
            _request("ResolveShortage", subject, request),
            guard=_guard,
            encode=_resolve_answer,
        )
        return sent_as_is(orders_pb2.ResolveShortageResponse, answer)

    async def HoldOrder(  # noqa: N802
        self, request: orders_pb2.HoldOrderRequest, context: Context
    ) -> orders_pb2.HoldOrderResponse:
        """Nobody works on the order until the hold is lifted."""
        subject = current_principal().subject
        answer = await self._hold.hold(
            request.order_id, request.reason, subject, _request("HoldOrder", subject, request), _hold_answer
        )
        return sent_as_is(orders_pb2.HoldOrderResponse, answer)

    async def LiftHold(  # noqa: N802
        self, request: orders_pb2.LiftHoldRequest, context: Context
    ) -> orders_pb2.LiftHoldResponse:
        """Work goes on."""
        subject = current_principal().subject
        answer = await self._hold.lift(
            request.order_id, request.reason, subject, _request("LiftHold", subject, request), _lift_answer
        )
        return sent_as_is(orders_pb2.LiftHoldResponse, answer)

    async def SourceAgain(  # noqa: N802
        self, request: orders_pb2.SourceAgainRequest, context: Context
    ) -> orders_pb2.SourceAgainResponse:
        """Others serve units that are not picked yet."""
        if not request.fulfillment_order_id and not request.lines:
            raise InvalidArgument("fulfillment_order_id", "name the work or lines of the order", "REQUIRED")
        subject = current_principal().subject
        answer = await self._move(
            request.order_id,
            derived_id("cas", request.order_id, subject, request_id=request.request_id),
            Ask(
                request.fulfillment_order_id,
                [(line.line_number, line.quantity_units) for line in request.lines],
                frozenset(request.excluded_location_ids),
                subject,
                request.reason,
            ),
            _request("SourceAgain", subject, request),
            _source_answer,
        )
        return sent_as_is(orders_pb2.SourceAgainResponse, answer)

    async def ExplainSourcing(  # noqa: N802
        self, request: orders_pb2.ExplainSourcingRequest, context: Context
    ) -> orders_pb2.ExplainSourcingResponse:
        """Why the order's units come from where they come."""
        await self._read(request.order_id)
        decisions = await self._store.decisions(request.order_id)
        return orders_pb2.ExplainSourcingResponse(decisions=[_explained(one) for one in decisions])

    async def WhyNot(  # noqa: N802
        self, request: orders_pb2.WhyNotRequest, context: Context
    ) -> orders_pb2.WhyNotResponse:
        """Why a location serves nothing of the order."""
        order = await self._read(request.order_id)
        decisions = await self._store.decisions(request.order_id)
        found = [one for one in decisions if request.attempt in (0, one.attempt)]
        stored = found[-1] if found else None
        if stored is None or stored.locations is None or stored.rules is None:
            raise DecisionUnknown(request.order_id, request.attempt)
        location = stored.locations.by_id.get(request.location_id)
        if location is None:
            raise LocationUnknown(request.location_id)
        reason = Explained(stored.record, stored.locations, stored.rules).why_not(location)
        return orders_pb2.WhyNotResponse(
            attempt=stored.attempt,
            candidate=candidate_proto(reason.candidate),
            extra_minor=(reason.extra or 0) // 1000,
            sentence_en=sentence(reason, "en", order.currency_code),
            sentence_es=sentence(reason, "es", order.currency_code),
        )

    async def _read(self, order_id: str) -> Order:
        order = await self._store.read(order_id)
        if order is None:
            raise OrderUnknown(order_id)
        _guard(order)
        return order


def _guard(order: Order) -> None:
    """Staff may see every order; a channel's token only those of its channels."""
    if not current_principal().has_role(*STAFF):
        require_channel(order.channel_id)


def _request(
    method: str,
    subject: str,
    request: orders_pb2.PlaceOrderRequest
    | orders_pb2.CancelOrderRequest
    | orders_pb2.ResolveShortageRequest
    | orders_pb2.HoldOrderRequest
    | orders_pb2.LiftHoldRequest
    | orders_pb2.SourceAgainRequest,
) -> Request:
    key = request_key(method, subject, request.request_id)
    return Request(key, fingerprint(request), request.request_id)


def _cancel_answer(order: Order) -> bytes:
    return _cancelled(order=order_wire(order))


def _hold_answer(order: Order) -> bytes:
    return _held(order=order_wire(order))


def _lift_answer(order: Order) -> bytes:
    return _lifted(order=order_wire(order))


def _source_answer(order: Order) -> bytes:
    return _sourced(order=order_wire(order))


def _resolve_answer(order: Order) -> bytes:
    return _resolved(order=order_wire(order))


def _explained(stored: StoredDecision) -> orders_pb2.SourcingDecision:
    decision = orders_pb2.SourcingDecision(
        attempt=stored.attempt,
        time=time_proto(stored.time),
        trigger=stored.trigger,
        cost_minor=stored.cost // 1000,
        rules_version=stored.record.rules_version,
    )
    if stored.locations is not None and stored.rules is not None:
        explained = Explained(stored.record, stored.locations, stored.rules)
        plan, candidates = explained.plan, explained.candidates()
        by_id = {candidate.location_id: candidate for candidate in candidates}
        decision.candidates.extend(candidate_proto(candidate) for candidate in candidates)
        decision.chosen.extend(chosen_proto(part, by_id.get(part.location_id)) for part in plan.parts)
        decision.chosen.extend(later_proto(one) for one in plan.later)
        decision.shortages.extend(shortages_proto(plan.shortages))
        decision.split_minor = explained.split_cost // 1000
        decision.co2_grams = plan.co2_grams
        decision.gap_minor = plan.gap // 1000
        decision.prices_version = stored.record.prices_version
    return decision
