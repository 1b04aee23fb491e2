"""`aljibe.fulfillment.v1.IncidentService`: what stores tell operations."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from aljibe.fulfillment.v1 import incidents_pb2 as pb
from aljibe.fulfillment.v1 import incidents_pb2_grpc
from chassis import envelope, requests
from chassis.auth import current_principal, require_location
from chassis.clock import Clock
from chassis.envelope import OutboxEvent
from chassis.ids import new_id
from chassis.pages import PageTokens
from chassis.postgres import Connection, Database
from services.fulfillment.adapters import wire
from services.fulfillment.adapters.grpc.locations import Locations
from services.fulfillment.adapters.nats.facts import SERVICE
from services.fulfillment.adapters.postgres import incidents
from services.fulfillment.adapters.postgres.orders import Wake, read
from services.fulfillment.domain.incident import About, Category, Incident, IncidentState, Kind
from services.fulfillment.domain.refusals import FulfillmentOrderUnknown, IncidentUnknown

DEFAULT_PAGE_SIZE = 50
ALL_STATES = frozenset(IncidentState)
AGGREGATE_TYPE = "incident"

KIND_TO_WIRE = {kind: pb.IncidentKind.Value(f"INCIDENT_KIND_{kind}") for kind in Kind}
KIND_FROM_WIRE: dict[int, Kind] = {number: kind for kind, number in KIND_TO_WIRE.items()}
STATE_TO_WIRE = {state: pb.IncidentState.Value(f"INCIDENT_STATE_{state}") for state in IncidentState}
STATE_FROM_WIRE: dict[int, IncidentState] = {number: state for state, number in STATE_TO_WIRE.items()}
CATEGORY_TO_WIRE = {one: pb.IncidentCategory.Value(f"INCIDENT_CATEGORY_{one}") for one in Category}
CATEGORY_FROM_WIRE: dict[int, Category] = {number: one for one, number in CATEGORY_TO_WIRE.items()}

_Context = grpc.aio.ServicerContext[Any, Any]
R = TypeVar("R", pb.AnswerIncidentResponse, pb.CloseIncidentResponse)


class IncidentServicer(incidents_pb2_grpc.IncidentServiceServicer):
    """Incidents and suggestions."""

    def __init__(
        self, db: Database, wake: Wake, clock: Clock, locations: Locations, pages: PageTokens
    ) -> None:
        self._db = db
        self._wake = wake
        self._clock = clock
        self._locations = locations
        self._pages = pages

    async def ReportIncident(
        self, request: pb.ReportIncidentRequest, context: _Context
    ) -> pb.ReportIncidentResponse:
        """See the contract."""
        await self._locations.require(request.location_id)
        about = await self._about(request)
        incident_id = new_id("inc")

        async def once(conn: Connection) -> pb.ReportIncidentResponse:
            incident = Incident(
                incident_id=incident_id,
                kind=KIND_FROM_WIRE[request.kind],
                category=CATEGORY_FROM_WIRE[request.category],
                text=request.text,
                wish=request.wish,
                about=about,
                reporter=current_principal().subject,
                report_time=self._clock(),
            )
            await incidents.insert(conn, incident)
            await incidents.tell(conn, _reported(incident), self._wake)
            return pb.ReportIncidentResponse(incident=_to_wire(incident))

        return await requests.idempotent(
            self._db,
            "ReportIncident",
            request,
            pb.ReportIncidentResponse,
            once,
            scope=current_principal().subject,
        )

    async def GetIncident(self, request: pb.GetIncidentRequest, context: _Context) -> pb.GetIncidentResponse:
        """See the contract."""
        async with self._db.connection() as conn:
            incident = _own(await incidents.find(conn, request.incident_id), request.incident_id)
        return pb.GetIncidentResponse(incident=_to_wire(incident))

    async def ListIncidents(
        self, request: pb.ListIncidentsRequest, context: _Context
    ) -> pb.ListIncidentsResponse:
        """See the contract."""
        (before,) = self._pages.position(request) or ("",)
        states = frozenset(STATE_FROM_WIRE[state] for state in request.states if state) or ALL_STATES
        kind = KIND_FROM_WIRE[request.kind] if request.kind else ""
        size = request.page_size or DEFAULT_PAGE_SIZE
        async with self._db.connection() as conn:
            about = About(request.location_id, request.order_id)
            found = await incidents.read_page(conn, about, states, kind, before, size + 1)
        page = found[:size]
        response = pb.ListIncidentsResponse(incidents=[_to_wire(one) for one in page])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, page[-1].incident_id)
        return response

    async def AnswerIncident(
        self, request: pb.AnswerIncidentRequest, context: _Context
    ) -> pb.AnswerIncidentResponse:
        """See the contract."""

        def verb(incident: Incident) -> OutboxEvent:
            now = self._clock()
            incident.reply(request.answer, now=now, actor=current_principal().subject)
            told = pb.IncidentAnswered(
                incident_id=incident.incident_id,
                location_id=incident.about.location_id,
                time=wire.timestamp(now),
            )
            return _event(incident, told)

        return await self._change(
            "AnswerIncident", request, request.incident_id, pb.AnswerIncidentResponse, verb
        )

    async def CloseIncident(
        self, request: pb.CloseIncidentRequest, context: _Context
    ) -> pb.CloseIncidentResponse:
        """See the contract."""

        def verb(incident: Incident) -> OutboxEvent:
            now = self._clock()
            incident.close(now=now)
            told = pb.IncidentClosed(
                incident_id=incident.incident_id,
                location_id=incident.about.location_id,
                time=wire.timestamp(now),
            )
            return _event(incident, told)

        return await self._change(
            "CloseIncident", request, request.incident_id, pb.CloseIncidentResponse, verb
        )

    async def _change(
        self,
        method: str,
        request: Message,
        incident_id: str,
        answer: type[R],
        verb: Callable[[Incident], OutboxEvent],
    ) -> R:
        async def once(conn: Connection) -> R:
            incident = _own(await incidents.find(conn, incident_id, lock=True), incident_id)
            event = verb(incident)
            await incidents.save(conn, incident)
            await incidents.tell(conn, event, self._wake)
            return answer(incident=_to_wire(incident))

        scope = current_principal().subject
        return await requests.idempotent(self._db, method, request, answer, once, scope=scope)

    async def _about(self, request: pb.ReportIncidentRequest) -> About:
        """What the report names; a fulfillment order brings its order with it."""
        order_id, id_ = request.order_id, request.fulfillment_order_id
        if id_:
            async with self._db.connection() as conn:
                found = await read(conn, id_)
            if found is None or found.opening.location_id != request.location_id:
                raise FulfillmentOrderUnknown(id_)
            order_id = found.opening.order_id
        return About(request.location_id, order_id, id_, request.sku)


def _own(incident: Incident | None, incident_id: str) -> Incident:
    if incident is None:
        raise IncidentUnknown(incident_id)
    require_location(incident.about.location_id)
    return incident


def _reported(incident: Incident) -> OutboxEvent:
    about = incident.about
    return _event(
        incident,
        pb.IncidentReported(
            incident_id=incident.incident_id,
            kind=KIND_TO_WIRE[incident.kind],
            category=CATEGORY_TO_WIRE[incident.category],
            location_id=about.location_id,
            order_id=about.order_id,
            fulfillment_order_id=about.fulfillment_order_id,
            sku=about.sku,
            time=wire.timestamp(incident.report_time),
        ),
    )


def _event(incident: Incident, message: Message) -> OutboxEvent:
    return envelope.event(
        SERVICE,
        message,
        aggregate_type=AGGREGATE_TYPE,
        aggregate_id=incident.incident_id,
        sequence=incident.version,
        occurred_at=incident.close_time or incident.answer_time or incident.report_time,
    )


def _to_wire(incident: Incident) -> pb.Incident:
    about = incident.about
    message = pb.Incident(
        incident_id=incident.incident_id,
        kind=KIND_TO_WIRE[incident.kind],
        category=CATEGORY_TO_WIRE[incident.category],
        state=STATE_TO_WIRE[incident.state],
        text=incident.text,
        wish=incident.wish,
        location_id=about.location_id,
        order_id=about.order_id,
        fulfillment_order_id=about.fulfillment_order_id,
        sku=about.sku,
        reporter=incident.reporter,
        report_time=wire.timestamp(incident.report_time),
        answer=incident.answer,
        answerer=incident.answerer,
        version=incident.version,
    )
    if incident.answer_time is not None:
        message.answer_time.CopyFrom(wire.timestamp(incident.answer_time))
    if incident.close_time is not None:
        message.close_time.CopyFrom(wire.timestamp(incident.close_time))
    return message
