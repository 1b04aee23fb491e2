"""The counter of a store: pickups that wait for their customers, and goods that come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from aljibe.orders.v1 import orders_pb2
from services.console.adapters import floor
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.menu import OPERATOR
from services.console.adapters.page import Console, form_of
from services.console.adapters.pages.store import job_of
from services.console.adapters.session import Person

BROUGHT_HOME = (orders_pb2.UNIT_STATE_SHIPPED, orders_pb2.UNIT_STATE_HANDED_OVER)
DISPOSITIONS = ("RESTOCK", "SCRAP")


@dataclass(frozen=True, slots=True)
class Returnable:
    """A line of an order of which a customer has units."""

    line_number: int
    sku: str
    name: str
    units: int


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    return (
        floor.page(console, "/store/counter", show, "counter"),
        console.live("/store/counter/live", regions, floor.ROLES),
        floor.page(console, "/store/returns", show_return, "counter", roles=floor.HANDS),
        floor.action(console, "/store/returns", take_back),
    )


async def show(console: Console, request: Request, person: Person, facts: dict[str, Any]) -> Response:
    """What waits for customers."""
    query = request.query_params.get("q", "").strip()[:100]
    found = await _waiting(console, person, str(facts["location_id"]), query)
    # A search is a look, not a view: its answer stays as it is.
    live = "" if query else f"/store/counter/live?location={facts['location_id']}"
    return console.render(request, person, "store/counter.html", **found, q=query, **facts, live=live)


async def regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news."""
    facts = floor.page_facts(console, request, person, "counter")
    location_id = str(facts["location_id"])
    if not location_id:
        return

    async def fetch() -> Mapping[str, str]:
        found = await _waiting(console, person, location_id, "")
        return {"waiting": console.fragment(person, "store/waiting.html", **found, q="", **facts)}

    async for news in console.hub.watch(("store-counter", person.scope, location_id), fetch):
        yield news


async def _waiting(console: Console, person: Person, location_id: str, query: str) -> dict[str, Any]:
    states = [pb.FULFILLMENT_STATE_READY, pb.FULFILLMENT_STATE_PICKED, pb.FULFILLMENT_STATE_ARRIVED]
    orders, _ = await floor.work_of(console, person, location_id, states)
    wanted = query.casefold()
    jobs = [
        job_of(order)
        for order in orders
        if floor.method_of(order) == "PICKUP"
        and (
            not wanted
            or wanted in order.customer_reference.casefold()
            or wanted in order.order_id
            or order.fulfillment_order_id.casefold().endswith(wanted)
        )
    ]
    return {
        "ready": [job for job in jobs if job.state == "READY"],
        "picked": [
            job
            for job in jobs
            if job.state == "ARRIVED" or (job.state == "PICKED" and not job.order.pickup_location_id)
        ],
    }


async def show_return(console: Console, request: Request, person: Person, facts: dict[str, Any]) -> Response:
    """Goods come back: which order, then which units."""
    query = request.query_params.get("order", "").strip()[:100]
    found: list[orders_pb2.Order] = []
    if query.startswith("ord_"):
        answer = await console.doors.orders.GetOrder(
            orders_pb2.GetOrderRequest(order_id=query), metadata=person.metadata, timeout=CALL_SECONDS
        )
        found = [answer.order]
    elif query and person.has_role(OPERATOR):
        listed = await console.doors.orders.ListOrders(
            orders_pb2.ListOrdersRequest(query=query, page_size=5),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        found = list(listed.orders)
    elif query:
        found = await _own_order(console, person, str(facts["location_id"]), query)
    order = found[0] if len(found) == 1 else None
    return console.render(
        request,
        person,
        "store/return.html",
        q=query,
        order=order,
        choices=found if len(found) > 1 else [],
        lines=_returnable(order, person.language) if order else [],
        dispositions=DISPOSITIONS,
        **facts,
    )


async def _own_order(
    console: Console, person: Person, location_id: str, reference: str
) -> list[orders_pb2.Order]:
    """Orders with this reference among what the location gave out last; staff of a store may not search
    further.
    """
    states = [pb.FULFILLMENT_STATE_HANDED_OVER, pb.FULFILLMENT_STATE_SHIPPED]
    orders, _ = await floor.work_of(console, person, location_id, states)
    ids = {one.order_id for one in orders if one.customer_reference.casefold() == reference.casefold()}
    return [
        (
            await console.doors.orders.GetOrder(
                orders_pb2.GetOrderRequest(order_id=id_), metadata=person.metadata, timeout=CALL_SECONDS
            )
        ).order
        for id_ in sorted(ids)[:5]
    ]


def _returnable(order: orders_pb2.Order, language: str) -> list[Returnable]:
    found = []
    for line in order.lines:
        units = sum(group.quantity_units for group in line.units if group.state in BROUGHT_HOME)
        if units:
            name = floor.named(line.name_en, line.name_es, language) or line.sku
            found.append(Returnable(line.line_number, line.sku, name, units))
    return found


async def take_back(console: Console, request: Request, person: Person) -> Response:
    """Book what came back, each line with what becomes of it."""
    form = form_of(request)
    lines = []
    for name in form:
        if not name.startswith("units-") or not (units := floor.figure(request, name)):
            continue
        number = name.removeprefix("units-")
        disposition = form.get(f"disposition-{number}", "")
        if disposition not in DISPOSITIONS:
            return console.refused(request, person, person.texts("store.choose_disposition"))
        lines.append(
            pb.ReturnedLine(
                line_number=int(number),
                quantity_units=units,
                disposition=pb.Disposition.Value(f"DISPOSITION_{disposition}"),
                reason=floor.field(request, "reason", 200),
            )
        )
    if not lines:
        return console.refused(request, person, person.texts("store.choose_units"))
    await console.doors.fulfillment.ReceiveReturn(
        pb.ReceiveReturnRequest(
            request_id=form["request_id"],
            location_id=floor.location_of(request, person),
            order_id=form.get("order", ""),
            lines=lines,
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    tail = floor.page_facts(console, request, person, "counter")["tail"]
    units = sum(line.quantity_units for line in lines)
    return console.done(request, person, "store.taken_back", back=f"/store/counter{tail}", units=units)
