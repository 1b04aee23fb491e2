"""What the pages of a store share: its location, its work, what the catalogue says of its articles, and
actions that a handheld may send again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import grpc
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from aljibe.catalog.v1 import catalog_pb2
from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from aljibe.fulfillment.v1 import incidents_pb2
from aljibe.inventory.v1 import inventory_pb2
from chassis.auth import ALL
from services.console.adapters import problems
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.menu import ASSOCIATE, OPERATOR, roles_of
from services.console.adapters.page import Console, Handler, form_of
from services.console.adapters.session import Person
from services.console.domain.pick_list import Article, Wanted

ROLES = roles_of("store")
HANDS = (ASSOCIATE, OPERATOR)
"""Who may do the work; auditors look on."""
LIVE_STATES = (
    pb.FULFILLMENT_STATE_OPEN,
    pb.FULFILLMENT_STATE_PICKING,
    pb.FULFILLMENT_STATE_PICKED,
    pb.FULFILLMENT_STATE_PACKED,
    pb.FULFILLMENT_STATE_READY,
    pb.FULFILLMENT_STATE_IN_TRANSIT,
    pb.FULFILLMENT_STATE_ARRIVED,
)
HAVING_LEFT = (
    pb.FULFILLMENT_STATE_IN_TRANSIT,
    pb.FULFILLMENT_STATE_ARRIVED,
    pb.FULFILLMENT_STATE_READY,
    pb.FULFILLMENT_STATE_HANDED_OVER,
    pb.FULFILLMENT_STATE_EXPIRED,
)
"""States of goods that were sent to a store: their work is the store's."""
MAX_WORK = 200
"""Of a location's work, the most pressing that a page shows."""
FloorHandler = Callable[[Console, Request, Person, dict[str, Any]], Awaitable[Response]]
_ASKED_BY_SCRIPT = "x-aljibe-page"
_VARIANT_SECONDS = 60.0
_MAX_VARIANTS = 20_000
_SKUS_A_CALL = 200
_MAX_LOCATIONS = 500
_AISLE_ATTRIBUTES = ("aisle", "pasillo")
_variants: OrderedDict[str, tuple[catalog_pb2.DescribedVariant | None, float]] = OrderedDict()


def action(console: Console, path: str, handler: Handler, roles: Collection[str] = HANDS) -> Route:
    """An action of a store's page. To the page's own script, which sends it again after a lost connection, it
    answers as JSON where to go; 503 while a service is away.
    """

    async def softly(console: Console, request: Request, person: Person) -> Response:
        try:
            response = await handler(console, request, person)
        except grpc.aio.AioRpcError as error:
            sentence = problems.sentence(error, person.texts)
            if request.headers.get(_ASKED_BY_SCRIPT) and problems.is_away(error):
                return JSONResponse({"kind": "away", "sentence": sentence}, 503)
            response = console.refused(request, person, sentence)
        return told_to_script(request, response)

    return console.action(path, softly, roles)


def page(
    console: Console,
    path: str,
    handler: FloorHandler,
    tab: str,
    *,
    roles: Collection[str] = ROLES,
    everywhere: bool = False,
) -> Route:
    """A page about one location, whose handler gets what `page_facts` says of it: who works at several and
    has not said at which chooses first. ``everywhere``: who covers all locations may look at all at once.
    """

    async def shown(console: Console, request: Request, person: Person) -> Response:
        facts = page_facts(console, request, person, tab)
        if facts["location_id"] or (everywhere and ALL in person.locations):
            return await handler(console, request, person, facts)
        places = await locations(console, person)
        return console.render(request, person, "store/choose.html", places=places, **facts)

    return console.page(path, shown, roles)


def by_script(request: Request) -> bool:
    """Whether the page's own script asks."""
    return bool(request.headers.get(_ASKED_BY_SCRIPT))


def told_to_script(request: Request, response: Response) -> Response:
    """A redirect as JSON, with its cookies, when the page's own script asks."""
    if not by_script(request) or not isinstance(response, RedirectResponse):
        return response
    told = JSONResponse({"to": response.headers["location"]})
    told.raw_headers.extend(one for one in response.raw_headers if one[0] == b"set-cookie")
    return told


def location_of(request: Request, person: Person) -> str:
    """The location that the page is about: the one it was asked for, else the person's only one, else ""."""
    form = getattr(request.state, "form", None)
    asked: str = (form.get("location", "") if form is not None else "") or request.query_params.get(
        "location", ""
    )
    if asked:
        return asked if person.may_location(asked) else ""
    own = person.locations - {ALL}
    return next(iter(own)) if len(own) == 1 and ALL not in person.locations else ""


def now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


def moment(stamp: object) -> datetime:
    """A message's time."""
    time_: datetime = stamp.ToDatetime(tzinfo=UTC)  # type: ignore[attr-defined]
    return time_


async def locations(console: Console, person: Person) -> Sequence[inventory_pb2.Location]:
    """Those that the person may work at, by name."""
    answer = await console.doors.locations.ListLocations(
        inventory_pb2.ListLocationsRequest(page_size=_MAX_LOCATIONS),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return sorted(
        (one for one in answer.locations if person.may_location(one.location_id)), key=lambda one: one.name
    )


async def work_of(
    console: Console, person: Person, location_id: str, states: Iterable[int] = LIVE_STATES
) -> tuple[Sequence[pb.FulfillmentOrder], bool]:
    """The most pressing work of a location, and whether there is more."""
    answer = await console.doors.fulfillment.ListFulfillmentOrders(
        pb.ListFulfillmentOrdersRequest(
            location_id=location_id,
            states=[pb.FulfillmentState.ValueType(state) for state in states],
            page_size=MAX_WORK,
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return answer.fulfillment_orders, bool(answer.next_page_token)


async def one_work(console: Console, person: Person, fulfillment_order_id: str) -> pb.FulfillmentOrder:
    """One fulfillment order."""
    answer = await console.doors.fulfillment.GetFulfillmentOrder(
        pb.GetFulfillmentOrderRequest(fulfillment_order_id=fulfillment_order_id),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return answer.fulfillment_order


async def articles(console: Console, person: Person, skus: Iterable[str]) -> Mapping[str, Article]:
    """What the catalogue says of these SKUs in the person's language, known for a minute; a SKU that it does
    not know is named by itself.
    """
    wanted, at = set(skus), time.monotonic()
    missing = sorted(sku for sku in wanted if _variants.get(sku, (None, 0.0))[1] < at)
    for start in range(0, len(missing), _SKUS_A_CALL):
        some = missing[start : start + _SKUS_A_CALL]
        answer = await console.doors.catalog.GetVariants(
            catalog_pb2.GetVariantsRequest(skus=some), metadata=person.metadata, timeout=CALL_SECONDS
        )
        found = {one.variant.sku: one for one in answer.variants}
        for sku in some:
            _variants[sku] = (found.get(sku), at + _VARIANT_SECONDS)
            _variants.move_to_end(sku)
    known = {sku: _article(sku, _variants[sku][0], person.language) for sku in wanted}
    while len(_variants) > _MAX_VARIANTS:
        _variants.popitem(last=False)
    return known


def _article(sku: str, found: catalog_pb2.DescribedVariant | None, language: str) -> Article:
    if found is None:
        return Article(sku, sku)
    attributes = found.variant.attributes
    return Article(
        sku,
        named(found.name.en, found.name.es, language) or sku,
        found.category_path[-1] if found.category_path else "",
        next((attributes[name] for name in _AISLE_ATTRIBUTES if name in attributes), ""),
        attributes.get("size", ""),
        tuple(found.variant.barcodes),
    )


def named(english: str, spanish: str, language: str) -> str:
    """A name in the language, or in the other where it has none."""
    return (spanish or english) if language == "es" else (english or spanish)


def left_of(line: pb.FulfillmentLine) -> int:
    """Units of a line that are left to pick."""
    return line.quantity_units - line.picked_units - line.short_units - line.cancelled_units


async def wanted_of(console: Console, person: Person, orders: Sequence[pb.FulfillmentOrder]) -> list[Wanted]:
    """What is left to pick of these orders."""
    lines = [(order, line) for order in orders for line in order.lines if left_of(line) > 0]
    known = await articles(console, person, {line.sku for _, line in lines})
    return [
        Wanted(
            order.fulfillment_order_id,
            line.line_number,
            known[line.sku],
            left_of(line),
            moment(order.due_time),
            method_of(order),
        )
        for order, line in lines
    ]


def method_of(order: pb.FulfillmentOrder) -> str:
    """SHIP, PICKUP or CARRY_OUT."""
    return types_pb2.FulfillmentMethod.Name(order.method).removeprefix("FULFILLMENT_METHOD_")


def work_location_of(order: pb.FulfillmentOrder) -> str:
    """Whose work it is: the store's once goods that are sent there have left."""
    if order.pickup_location_id and order.state in HAVING_LEFT:
        return order.pickup_location_id
    return order.location_id


def state_of(order: pb.FulfillmentOrder) -> str:
    """OPEN, PICKING and so on."""
    return pb.FulfillmentState.Name(order.state).removeprefix("FULFILLMENT_STATE_")


def told(
    incidents: Iterable[incidents_pb2.Incident],
) -> list[tuple[incidents_pb2.Incident, str, str, str]]:
    """Each with its kind, category and state."""
    return [
        (
            one,
            incidents_pb2.IncidentKind.Name(one.kind).removeprefix("INCIDENT_KIND_"),
            incidents_pb2.IncidentCategory.Name(one.category).removeprefix("INCIDENT_CATEGORY_"),
            incidents_pb2.IncidentState.Name(one.state).removeprefix("INCIDENT_STATE_"),
        )
        for one in incidents
    ]


def page_facts(console: Console, request: Request, person: Person, tab: str) -> dict[str, Any]:
    """What every page of a store tells its frame: the tab, its location, and how to go on with it."""
    location_id = location_of(request, person)
    several = ALL in person.locations or len(person.locations) > 1
    tail = f"?location={location_id}" if several and location_id else ""
    return {
        "tab": tab,
        "location_id": location_id,
        "several": several,
        "tail": tail,
        "may_work": person.has_role(*HANDS),
    }


def field(request: Request, name: str, longest: int) -> str:
    """A text of the form, without blanks around it, at most `longest` characters."""
    return form_of(request).get(name, "").strip()[:longest]


def figure(request: Request, name: str, default: int = 0) -> int:
    """A whole number of the form, 0 to 999,999; `default` where there is none."""
    text = field(request, name, 6)
    return int(text) if text.isascii() and text.isdigit() else default
