"""What a store tells operations: incidents and suggestions; and what operations answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.fulfillment.v1 import incidents_pb2 as pb
from services.console.adapters import floor
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.menu import OPERATOR
from services.console.adapters.page import Console, form_of
from services.console.adapters.session import Person

KINDS = ("INCIDENT", "SUGGESTION")
CATEGORIES = tuple(
    name.removeprefix("INCIDENT_CATEGORY_")
    for name, _ in pb.IncidentCategory.items()
    if "UNSPECIFIED" not in name
)
STATES = ("OPEN", "ANSWERED", "CLOSED")
PAGE = 20


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    return (
        floor.page(console, "/store/incidents", show, "tell", everywhere=True),
        console.live("/store/incidents/live", regions, floor.ROLES),
        floor.action(console, "/store/incidents", report),
        floor.action(console, "/store/incidents/{id}/answer", answer, (OPERATOR,)),
        floor.action(console, "/store/incidents/{id}/close", close, (OPERATOR,)),
    )


async def show(console: Console, request: Request, person: Person, facts: dict[str, Any]) -> Response:
    """What was told, and the form to tell; an operator without a location sees all."""
    chosen, token = _filters(request), request.query_params.get("page", "")[:500]
    page = await _page(console, person, str(facts["location_id"]), chosen, token)
    live = "" if token else f"/store/incidents/live?{_address(facts, chosen)}"
    query = request.query_params
    return console.render(
        request,
        person,
        "store/incidents.html",
        **page,
        chosen=chosen,
        address=_address(facts, chosen),
        kinds=KINDS,
        category_words=[(one, person.texts.word("incident_category", one)) for one in CATEGORIES],
        states=STATES,
        about_work=query.get("work", "")[:64],
        about_sku=query.get("sku", "")[:64],
        may_answer=person.has_role(OPERATOR),
        **facts,
        live=live,
    )


async def regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news."""
    facts, chosen = floor.page_facts(console, request, person, "tell"), _filters(request)

    async def fetch() -> Mapping[str, str]:
        page = await _page(console, person, str(facts["location_id"]), chosen, "")
        told = console.fragment(
            person,
            "store/told.html",
            **page,
            address=_address(facts, chosen),
            may_answer=person.has_role(OPERATOR),
            **facts,
        )
        return {"told": told}

    key = ("store-tell", person.scope, facts["location_id"], tuple(chosen.items()))
    async for news in console.hub.watch(key, fetch):
        yield news


async def _page(
    console: Console, person: Person, location_id: str, chosen: Mapping[str, str], token: str
) -> dict[str, Any]:
    found = await console.doors.incidents.ListIncidents(
        pb.ListIncidentsRequest(
            location_id=location_id,
            states=[pb.IncidentState.Value(f"INCIDENT_STATE_{chosen['state']}")] if chosen["state"] else [],
            kind=pb.IncidentKind.Value(f"INCIDENT_KIND_{chosen['kind'] or 'UNSPECIFIED'}"),
            page_size=PAGE,
            page_token=token,
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return {"incidents": floor.told(found.incidents), "next": found.next_page_token}


def _filters(request: Request) -> dict[str, str]:
    state, kind = request.query_params.get("state", ""), request.query_params.get("kind", "")
    return {"state": state if state in STATES else "", "kind": kind if kind in KINDS else ""}


def _address(facts: Mapping[str, Any], chosen: Mapping[str, str]) -> str:
    location = str(facts["location_id"]) if facts["several"] else ""
    given = {"location": location, **chosen}
    return "&".join(f"{name}={value}" for name, value in given.items() if value)


async def report(console: Console, request: Request, person: Person) -> Response:
    """Tell operations."""
    kind, category = floor.field(request, "kind", 40), floor.field(request, "category", 40)
    text = floor.field(request, "text", 1000)
    if kind not in KINDS or category not in CATEGORIES or not text:
        return console.refused(request, person, person.texts("store.tell_what"))
    await console.doors.incidents.ReportIncident(
        pb.ReportIncidentRequest(
            request_id=form_of(request)["request_id"],
            location_id=floor.location_of(request, person),
            kind=pb.IncidentKind.Value(f"INCIDENT_KIND_{kind}"),
            category=pb.IncidentCategory.Value(f"INCIDENT_CATEGORY_{category}"),
            text=text,
            wish=floor.field(request, "wish", 1000),
            fulfillment_order_id=floor.field(request, "work", 64),
            sku=floor.field(request, "sku", 64),
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    tail = floor.page_facts(console, request, person, "tell")["tail"]
    return console.done(request, person, "store.told", back=f"/store/incidents{tail}")


async def answer(console: Console, request: Request, person: Person) -> Response:
    """Say what was done."""
    text = floor.field(request, "answer", 1000)
    if not text:
        return console.refused(request, person, person.texts("store.answer_what"))
    await console.doors.incidents.AnswerIncident(
        pb.AnswerIncidentRequest(
            request_id=form_of(request)["request_id"], incident_id=request.path_params["id"], answer=text
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return console.done(request, person, "store.answered")


async def close(console: Console, request: Request, person: Person) -> Response:
    """End it."""
    await console.doors.incidents.CloseIncident(
        pb.CloseIncidentRequest(
            request_id=form_of(request)["request_id"], incident_id=request.path_params["id"]
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return console.done(request, person, "store.closed")
