"""The pick list over several orders: one way round the shelves, a scan for each unit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import grpc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from aljibe.catalog.v1 import catalog_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from chassis.errors import reason_of
from services.console.adapters import floor
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.page import Console, form_of
from services.console.adapters.pages.store_work import fragments
from services.console.adapters.session import Person
from services.console.domain.pick_list import By, Wanted, legs, match, tote

PICKABLE = (pb.FULFILLMENT_STATE_OPEN, pb.FULFILLMENT_STATE_PICKING)
_MAX_REMEMBERED = 10_000
_answered: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
"""What scans were answered, by person and request: one that is sent again hears the same."""


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    return (
        floor.page(console, "/store/pick", show, "pick"),
        console.live("/store/pick/live", regions, floor.ROLES),
        floor.action(console, "/store/pick/scan", scan),
    )


async def show(console: Console, request: Request, person: Person, facts: dict[str, Any]) -> Response:
    """The pick list."""
    by, whose = chosen(request)
    live = f"/store/pick/live?location={facts['location_id']}&by={by}&whose={whose}"
    pick = await _list(console, person, facts, by, whose)
    return console.render(request, person, "store/pick.html", **pick, **facts, live=live)


async def regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news."""
    facts = floor.page_facts(console, request, person, "pick")
    if not facts["location_id"]:
        return
    by, whose = chosen(request)

    async def fetch() -> Mapping[str, str]:
        return {"pick-list": await _fragment(console, person, facts, by, whose)}

    key = ("store-pick", person.scope, person.subject, facts["location_id"], by, whose)
    async for news in console.hub.watch(key, fetch):
        yield news


async def scan(console: Console, request: Request, person: Person) -> Response:
    """Pick one unit of what was scanned, for the most pressing order of the list that it is on."""
    form, code = form_of(request), floor.field(request, "barcode", 64)
    key = (person.subject, form["request_id"])
    if key not in _answered:
        _answered[key] = await _scanned(console, request, person, code)
        if len(_answered) > _MAX_REMEMBERED:
            _answered.popitem(last=False)
    answer = _answered[key]
    if not floor.by_script(request):
        if answer["kind"] == "refused":
            return console.refused(request, person, str(answer["sentence"]))
        return console.done(request, person, "store.said", sentence=answer["sentence"])
    facts = floor.page_facts(console, request, person, "pick")
    id_ = form.get("work", "")
    if id_:
        order = await floor.one_work(console, person, id_)
        return JSONResponse({**answer, "regions": await fragments(console, person, order, facts)})
    by, whose = chosen(request)
    fresh = await _fragment(console, person, facts, by, whose)
    return JSONResponse({**answer, "regions": {"pick-list": fresh}})


async def _scanned(console: Console, request: Request, person: Person, code: str) -> dict[str, Any]:
    texts, form = person.texts, form_of(request)
    id_ = form.get("work", "")
    if id_:
        orders: Sequence[pb.FulfillmentOrder] = [await floor.one_work(console, person, id_)]
    else:
        orders = await batch(console, person, floor.location_of(request, person), chosen(request)[1])
    wanted = await floor.wanted_of(console, person, orders)
    found = match(code, wanted)
    if found is None:
        return {"kind": "refused", "sentence": await _why_not(console, person, code, orders)}
    try:
        answer = await console.doors.fulfillment.PickUnits(
            pb.PickUnitsRequest(
                request_id=form["request_id"],
                fulfillment_order_id=found.fulfillment_order_id,
                lines=[pb.LineQuantity(line_number=found.line_number, quantity_units=1)],
            ),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
    except grpc.aio.AioRpcError as error:
        # The scan was counted before, for another line: its answer got lost on the way.
        if reason_of(error) == "REQUEST_ID_REUSED":
            return {"kind": "done", "sentence": texts("store.scanned_before")}
        raise
    picked = answer.fulfillment_order
    left = next(floor.left_of(line) for line in picked.lines if line.line_number == found.line_number)
    label = texts("store.into_tote", tote=tote(found.fulfillment_order_id))
    rest = texts.count("store.left", left) if left else texts("store.line_done")
    return {
        "kind": "done",
        "sentence": f"{found.article.name} · {label} · {rest}",
    }


async def _why_not(console: Console, person: Person, code: str, orders: Sequence[pb.FulfillmentOrder]) -> str:
    """Why a scan is of no line that is left: enough of it, another article, or nobody knows it."""
    texts = person.texts
    sku = code
    if code.isdigit() and len(code) <= 14:
        try:
            answer = await console.doors.catalog.LookupBarcode(
                catalog_pb2.LookupBarcodeRequest(barcode=code),
                metadata=person.metadata,
                timeout=CALL_SECONDS,
            )
            sku = answer.sku
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
    known = (await floor.articles(console, person, [sku]))[sku]
    listed = {line.sku for order in orders for line in order.lines}
    if sku in listed:
        return texts("store.scan_enough", name=known.name)
    if known.name != sku or sku != code:
        return texts("store.scan_other", name=known.name, sku=sku)
    return texts("store.scan_unknown", code=code)


def chosen(request: Request) -> tuple[By, str]:
    """What the list is sorted by, and whose orders are on it."""
    form = getattr(request.state, "form", None)
    given = form if form is not None else request.query_params
    by = given.get("by", "")
    return By(by) if by in list(By) else By.AISLE, "all" if given.get("whose", "") == "all" else "mine"


async def batch(
    console: Console, person: Person, location_id: str, whose: str
) -> Sequence[pb.FulfillmentOrder]:
    """The orders that are being picked there, by this person or by anybody."""
    orders, _ = await floor.work_of(console, person, location_id, [pb.FULFILLMENT_STATE_PICKING])
    return [one for one in orders if whose == "all" or one.picker == person.subject]


async def _list(
    console: Console, person: Person, facts: Mapping[str, Any], by: By, whose: str
) -> dict[str, Any]:
    orders = await batch(console, person, str(facts["location_id"]), whose)
    wanted: list[Wanted] = await floor.wanted_of(console, person, orders)
    return {
        "legs": legs(wanted, by),
        "by": by,
        "whose": whose,
        "orders": len(orders),
        "left_units": sum(one.left_units for one in wanted),
        "orders_by_id": {one.fulfillment_order_id: one for one in orders},
        "tote": tote,
    }


async def _fragment(console: Console, person: Person, facts: Mapping[str, Any], by: By, whose: str) -> str:
    return console.fragment(
        person, "store/stops.html", **await _list(console, person, facts, by, whose), **facts
    )
