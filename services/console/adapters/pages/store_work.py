"""One fulfillment order in an associate's hands: pick, pack, ship; or ready, hand over, give up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from services.console.adapters import floor
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.page import Console, Handler, form_of
from services.console.adapters.pages.store import job_of
from services.console.adapters.session import Person

REASONS = ("NOT_FOUND", "DAMAGED", "NEEDED_IN_STORE", "NO_CAPACITY")


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    verbs: Mapping[str, Handler] = {
        "start": start,
        "pick": pick,
        "short": short,
        "pack": pack,
        "ship": ship,
        "receive": receive,
        "lost": lost,
        "ready": ready,
        "hand-over": hand_over,
        "renew": renew,
        "expire": expire,
    }
    return (
        console.page("/store/work/{id}", show, floor.ROLES),
        console.live("/store/work/{id}/live", regions, floor.ROLES),
        *(floor.action(console, f"/store/work/{{id}}/{verb}", handler) for verb, handler in verbs.items()),
    )


async def show(console: Console, request: Request, person: Person) -> Response:
    """The order with its next step."""
    order = await floor.one_work(console, person, request.path_params["id"])
    facts = {
        **floor.page_facts(console, request, person, "work"),
        **await facts_of(console, person, order),
        "live": f"/store/work/{order.fulfillment_order_id}/live",
    }
    facts["location_id"] = floor.work_location_of(order)
    facts["tail"] = f"?location={facts['location_id']}" if facts["several"] else ""
    # Who sent goods to another store may still look at them.
    facts["may_work"] = facts["may_work"] and person.may_location(facts["location_id"])
    return console.render(request, person, "store/work.html", **facts)


async def regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news."""
    id_ = request.path_params["id"]
    page = floor.page_facts(console, request, person, "work")

    async def fetch() -> Mapping[str, str]:
        order = await floor.one_work(console, person, id_)
        may_work = page["may_work"] and person.may_location(floor.work_location_of(order))
        return await fragments(console, person, order, {**page, "may_work": may_work})

    async for news in console.hub.watch(("store-work", person.scope, person.subject, id_), fetch):
        yield news


async def fragments(
    console: Console, person: Person, order: pb.FulfillmentOrder, page: Mapping[str, Any]
) -> Mapping[str, str]:
    """The parts of the page that change with the order."""
    facts = {**page, **await facts_of(console, person, order)}
    return {
        f"work-{part}": console.fragment(person, f"store/work_{part}.html", **facts)
        for part in ("head", "lines", "next")
    }


async def facts_of(console: Console, person: Person, order: pb.FulfillmentOrder) -> dict[str, Any]:
    """What the templates of one order show."""
    known = await floor.articles(console, person, {line.sku for line in order.lines})
    language = person.language
    lines = [
        (line, floor.left_of(line), known[line.sku], floor.named(line.name_en, line.name_es, language))
        for line in order.lines
    ]
    return {
        "order": order,
        "job": job_of(order),
        "at_store": bool(order.pickup_location_id)
        and floor.work_location_of(order) == order.pickup_location_id,
        "lines": sorted(lines, key=lambda one: (one[1] == 0, one[2].aisle, one[2].category, one[2].sku)),
        "reasons": REASONS,
        "own": order.picker in ("", person.subject),
    }


Call = Callable[..., Awaitable[Any]]


async def _done(
    console: Console, request: Request, person: Person, call: Call, message: Any, key: str, **facts: Any
) -> Response:
    message.request_id = form_of(request)["request_id"]
    message.fulfillment_order_id = request.path_params["id"]
    await call(message, metadata=person.metadata, timeout=CALL_SECONDS)
    return console.done(request, person, key, **facts)


async def start(console: Console, request: Request, person: Person) -> Response:
    """OPEN → PICKING, by this person."""
    call = console.doors.fulfillment.StartPicking
    return await _done(console, request, person, call, pb.StartPickingRequest(), "store.started_one")


async def pick(console: Console, request: Request, person: Person) -> Response:
    """Units of a line, without a scan; without a line everything that is left."""
    number, units = floor.figure(request, "line"), floor.figure(request, "units")
    lines = [pb.LineQuantity(line_number=number, quantity_units=units)] if number else []
    call = console.doors.fulfillment.PickUnits
    key = "store.picked" if number else "store.picked_all"
    return await _done(console, request, person, call, pb.PickUnitsRequest(lines=lines), key, units=units)


async def short(console: Console, request: Request, person: Person) -> Response:
    """Units that are not there, with the reason."""
    reason = floor.field(request, "reason", 40)
    if reason not in REASONS:
        return console.refused(request, person, person.texts("store.choose_reason"))
    units = floor.figure(request, "units")
    message = pb.ReportShortPickRequest(
        lines=[pb.LineQuantity(line_number=floor.figure(request, "line"), quantity_units=units)],
        reason=pb.ShortPickReason.Value(f"SHORT_PICK_REASON_{reason}"),
        note=floor.field(request, "note", 200),
    )
    call = console.doors.fulfillment.ReportShortPick
    return await _done(console, request, person, call, message, "store.short_told", units=units)


async def pack(console: Console, request: Request, person: Person) -> Response:
    """PICKED → PACKED."""
    message = pb.PackOrderRequest(parcel_count=floor.figure(request, "parcels", 1))
    return await _done(console, request, person, console.doors.fulfillment.PackOrder, message, "store.packed")


async def ship(console: Console, request: Request, person: Person) -> Response:
    """PACKED → SHIPPED."""
    carrier, number = floor.field(request, "carrier", 60), floor.field(request, "tracking", 100)
    message = pb.ShipOrderRequest(carrier=carrier, tracking_number=number)
    call = console.doors.fulfillment.ShipOrder
    return await _done(console, request, person, call, message, "store.shipped", carrier=carrier)


async def receive(console: Console, request: Request, person: Person) -> Response:
    """IN_TRANSIT → ARRIVED: the parcel is here."""
    call = console.doors.fulfillment.ReceiveParcel
    return await _done(console, request, person, call, pb.ReceiveParcelRequest(), "store.received")


async def lost(console: Console, request: Request, person: Person) -> Response:
    """Units that will not come; without a line all that is in the parcel."""
    number, units = floor.figure(request, "line"), floor.figure(request, "units")
    lines = [pb.LineQuantity(line_number=number, quantity_units=units)] if number else []
    message = pb.ReportLostInTransitRequest(lines=lines, note=floor.field(request, "note", 200))
    call = console.doors.fulfillment.ReportLostInTransit
    return await _done(console, request, person, call, message, "store.lost_told")


async def ready(console: Console, request: Request, person: Person) -> Response:
    """PICKED → READY: the customer is told."""
    call = console.doors.fulfillment.MarkReady
    return await _done(console, request, person, call, pb.MarkReadyRequest(), "store.made_ready")


async def hand_over(console: Console, request: Request, person: Person) -> Response:
    """READY → HANDED_OVER against the customer's code; a wrong one says how many tries are left."""
    code = "".join(floor.field(request, "code", 24).split())
    call = console.doors.fulfillment.HandOver
    return await _done(console, request, person, call, pb.HandOverRequest(code=code), "store.handed_over")


async def renew(console: Console, request: Request, person: Person) -> Response:
    """A new code, which the customer sees where the old one was."""
    call = console.doors.fulfillment.RenewPickupCode
    return await _done(console, request, person, call, pb.RenewPickupCodeRequest(), "store.renewed")


async def expire(console: Console, request: Request, person: Person) -> Response:
    """The customer did not come."""
    call = console.doors.fulfillment.ExpirePickup
    return await _done(console, request, person, call, pb.ExpirePickupRequest(), "store.expired")
