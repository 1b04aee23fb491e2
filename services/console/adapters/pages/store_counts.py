"""Counts: what is on the shelf, article by article, without being told what the book says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.catalog.v1 import catalog_pb2
from aljibe.inventory.v1 import counts_pb2 as pb
from services.console.adapters import floor
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.page import Console, form_of
from services.console.adapters.session import Person

MAX_LINES = 200
SHOWN_COUNTS = 10


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    return (
        floor.page(console, "/store/counts", show, "count"),
        console.page("/store/counts/{id}", show_one, floor.ROLES),
        floor.action(console, "/store/counts", start),
        floor.action(console, "/store/counts/{id}/record", record),
        floor.action(console, "/store/counts/{id}/complete", complete),
        floor.action(console, "/store/counts/{id}/cancel", cancel),
    )


async def show(console: Console, request: Request, person: Person, facts: dict[str, Any]) -> Response:
    """Counts of the location, and a new one."""
    answer = await console.doors.counts.ListCounts(
        pb.ListCountsRequest(location_id=str(facts["location_id"]), page_size=SHOWN_COUNTS),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    counts = [(one, _state(one)) for one in answer.counts]
    return console.render(request, person, "store/counts.html", counts=counts, **facts)


async def show_one(console: Console, request: Request, person: Person) -> Response:
    """One count sheet: scan, count, next."""
    id_ = request.path_params["id"]
    got = await console.doors.counts.GetCount(
        pb.GetCountRequest(count_id=id_), metadata=person.metadata, timeout=CALL_SECONDS
    )
    if not person.may_location(got.count.location_id):
        return console.problem(request, person, 403)
    answer = await console.doors.counts.ListCountLines(
        pb.ListCountLinesRequest(count_id=id_, page_size=MAX_LINES),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    asked = request.query_params.get("article", "").strip()[:64]
    sku = await _sku_of(console, person, asked) if asked else ""
    known = await floor.articles(console, person, {line.sku for line in answer.lines} | ({sku} - {""}))
    facts = floor.page_facts(console, request, person, "count")
    facts["location_id"] = got.count.location_id
    facts["tail"] = f"?location={got.count.location_id}" if facts["several"] else ""
    return console.render(
        request,
        person,
        "store/count.html",
        count_=got.count,
        state=_state(got.count),
        lines=[(line, known[line.sku]) for line in answer.lines],
        article=known.get(sku),
        asked=asked,
        uncounted=sum(not line.counted for line in answer.lines),
        **facts,
    )


async def start(console: Console, request: Request, person: Person) -> Response:
    """A count of the articles that were typed or scanned, one a line."""
    form = form_of(request)
    codes = form.get("articles", "").replace(",", " ").split()
    skus: list[str] = []
    for code in dict.fromkeys(codes[:MAX_LINES]):
        sku = await _sku_of(console, person, code[:64])
        if not sku:
            return console.refused(request, person, person.texts("store.scan_unknown", code=code[:64]))
        skus.append(sku)
    if not skus:
        return console.refused(request, person, person.texts("store.count_what"))
    answer = await console.doors.counts.StartCount(
        pb.StartCountRequest(
            request_id=form["request_id"],
            location_id=floor.location_of(request, person),
            skus=list(dict.fromkeys(skus)),
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    back = f"/store/counts/{answer.count.count_id}?article={skus[0]}"
    return console.done(request, person, "store.count_started", back=back)


async def record(console: Console, request: Request, person: Person) -> Response:
    """What was seen of one article, just now."""
    form, id_ = form_of(request), request.path_params["id"]
    text = floor.field(request, "units", 7)
    if not (text.isascii() and text.isdigit()):
        return console.refused(request, person, person.texts("store.count_figure"))
    await console.doors.counts.RecordCount(
        pb.RecordCountRequest(
            request_id=form["request_id"],
            count_id=id_,
            location_id=floor.location_of(request, person),
            lines=[
                pb.RecordedLine(
                    sku=floor.field(request, "sku", 64), counted_units=int(text), counted_seconds_ago=0
                )
            ],
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return console.done(request, person, "store.counted", back=f"/store/counts/{id_}", units=int(text))


async def complete(console: Console, request: Request, person: Person) -> Response:
    """Book the differences."""
    answer = await console.doors.counts.CompleteCount(
        pb.CompleteCountRequest(
            request_id=form_of(request)["request_id"],
            count_id=request.path_params["id"],
            location_id=floor.location_of(request, person),
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    units = answer.count.difference_units
    return console.done(request, person, "store.count_completed", units=units)


async def cancel(console: Console, request: Request, person: Person) -> Response:
    """Drop it; nothing was booked."""
    await console.doors.counts.CancelCount(
        pb.CancelCountRequest(
            request_id=form_of(request)["request_id"],
            count_id=request.path_params["id"],
            location_id=floor.location_of(request, person),
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    tail = floor.page_facts(console, request, person, "count")["tail"]
    return console.done(request, person, "store.count_cancelled", back=f"/store/counts{tail}")


async def _sku_of(console: Console, person: Person, code: str) -> str:
    """The SKU that a barcode or a SKU means; "" when the catalogue knows neither."""
    if code.isdigit() and len(code) <= 14:
        try:
            answer = await console.doors.catalog.LookupBarcode(
                catalog_pb2.LookupBarcodeRequest(barcode=code), metadata=person.metadata, timeout=CALL_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
        else:
            return answer.sku
    found = await console.doors.catalog.GetVariants(
        catalog_pb2.GetVariantsRequest(skus=[code]), metadata=person.metadata, timeout=CALL_SECONDS
    )
    return code if found.variants else ""


def _state(count: pb.Count) -> str:
    return pb.CountState.Name(count.state).removeprefix("COUNT_STATE_")
