"""The pages of traces: search, one trace as a waterfall, and the map of services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import grpc
from google.protobuf.duration_pb2 import Duration
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.telemetry.v1 import traces_pb2
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.growing import at_once
from services.console.adapters.menu import roles_of
from services.console.adapters.page import Console
from services.console.adapters.pages import trace_views
from services.console.adapters.pages.orders import local_time
from services.console.adapters.session import Person
from services.console.domain.service_map import BOX_HEIGHT, BOX_WIDTH

PAGE_SIZE = 50
WINDOWS = (300, 900, 3600, 86_400)
"""Seconds that the map of services may look back."""
SERVICES = ("gateway", "catalog", "inventory", "orders", "fulfillment", "insights", "console")
LIST_SECONDS = 2.0
MAP_SECONDS = 2.0
_ROLES = roles_of("traces")
_MAX_DIGITS = 7


@dataclass(frozen=True)
class Wanted:
    """What a person searches for, as it stands in the address."""

    order: str
    service: str
    channel: str
    location: str
    name: str
    least: str
    errors: str
    begin: str
    end: str
    page: str

    @classmethod
    def of(cls, request: Request) -> Wanted:
        """From the address; what makes no sense is left out."""

        def text(name: str, longest: int = 64) -> str:
            return request.query_params.get(name, "").strip()[:longest]

        least = text("least", _MAX_DIGITS)
        return cls(
            text("order"),
            text("service"),
            text("channel"),
            text("location"),
            text("name", 200),
            least if least.isascii() and least.isdecimal() else "",
            "yes" if text("errors") else "",
            text("from"),
            text("to"),
            text("page", 500),
        )

    @property
    def narrow(self) -> bool:
        """Whether one of the folded filters is set."""
        return any((self.channel, self.location, self.name, self.begin, self.end))

    @property
    def any(self) -> bool:
        """Whether anything is searched for."""
        return self.narrow or any((self.order, self.service, self.least, self.errors))

    def address(self, **other: str) -> str:
        """The page's address for this search, with some of it changed."""
        fields = {**vars(self), **other}
        fields["from"], fields["to"] = fields.pop("begin"), fields.pop("end")
        text = urlencode({name: value for name, value in fields.items() if value})
        return f"/traces?{text}" if text else "/traces"

    def request(self, person: Person) -> traces_pb2.SearchTracesRequest:
        """For the service; times are where the person is."""
        wanted = traces_pb2.SearchTracesRequest(
            order_id=self.order,
            channel_id=self.channel,
            location_id=self.location,
            service=self.service,
            name_prefix=self.name,
            errors_only=bool(self.errors),
            page_size=PAGE_SIZE,
            page_token=self.page,
        )
        if self.least:
            wanted.min_duration.FromTimedelta(timedelta(milliseconds=int(self.least)))
        if (begin := local_time(self.begin, person.texts.zone)) is not None:
            wanted.start_from.FromDatetime(begin)
        if (end := local_time(self.end, person.texts.zone)) is not None:
            wanted.start_to.FromDatetime(end)
        return wanted


async def show(console: Console, request: Request, person: Person) -> Response:
    """The search."""
    wanted = Wanted.of(request)
    live = "" if wanted.page else wanted.address().replace("/traces", "/traces/live", 1)
    services = [("", person.texts("traces.any")), *((one, one) for one in SERVICES)]
    return console.render(
        request,
        person,
        "traces/page.html",
        services=services,
        wanted=wanted,
        live=live,
        parts=at_once(lambda: _rows(console, person, wanted)),
    )


async def regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news: the rows."""
    wanted = Wanted.of(request)

    key = ("traces", person.scope, wanted)
    async for news in console.hub.watch(key, lambda: _rows(console, person, wanted), seconds=LIST_SECONDS):
        yield news


async def _rows(console: Console, person: Person, wanted: Wanted) -> Mapping[str, str]:
    answer, store = await asyncio.gather(
        console.doors.traces.SearchTraces(
            wanted.request(person), metadata=person.metadata, timeout=CALL_SECONDS
        ),
        console.doors.traces.GetStoreState(
            traces_pb2.GetStoreStateRequest(), metadata=person.metadata, timeout=CALL_SECONDS
        ),
    )
    facts = {
        "wanted": wanted,
        "found": answer.traces,
        "next_page": answer.next_page_token,
        "store": store,
        "brief": trace_views.brief,
    }
    return {"found": console.fragment(person, "traces/rows.html", **facts)}


async def one(console: Console, request: Request, person: Person) -> Response:
    """One trace, or what is below one of its spans (``?root=``)."""
    trace_id = request.path_params["trace_id"]
    root = request.query_params.get("root", "")[:16]
    try:
        answer = await console.doors.traces.GetTrace(
            traces_pb2.GetTraceRequest(trace_id=trace_id), metadata=person.metadata, timeout=CALL_SECONDS
        )
    except grpc.aio.AioRpcError as error:
        if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
            return console.problem(request, person, 404, "traces.gone")
        raise
    fall = trace_views.fall_of(answer.trace, root=root)
    if fall is None:
        return console.problem(request, person, 404, "traces.gone")
    orders = dict.fromkeys(found for span in answer.trace.spans if (found := trace_views.order_of(span)))
    return console.render(
        request,
        person,
        "traces/one.html",
        trace=answer.trace,
        fall=fall,
        part=root in fall.spans,
        orders=list(orders),
        most_logs=trace_views.MAX_LOGS,
        brief=trace_views.brief,
        kind_of=trace_views.kind_of,
        order_of=trace_views.order_of,
    )


async def service_map(console: Console, request: Request, person: Person) -> Response:
    """Who calls whom, how often, how long."""
    window = _window(request)
    return console.render(
        request,
        person,
        "traces/map.html",
        windows=WINDOWS,
        window=window,
        live=f"/traces/map/live?window={window}",
        parts=at_once(lambda: _map(console, person, window)),
    )


async def map_regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news: the map and its tables."""
    window = _window(request)

    key = ("traces/map", person.scope, window)
    async for news in console.hub.watch(key, lambda: _map(console, person, window), seconds=MAP_SECONDS):
        yield news


async def _map(console: Console, person: Person, window: int) -> Mapping[str, str]:
    answer = await console.doors.traces.GetServiceMap(
        traces_pb2.GetServiceMapRequest(window=Duration(seconds=window)),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    drawn = console.fragment(
        person,
        "traces/map_body.html",
        map=trace_views.map_of(answer),
        over=answer.window,
        box_width=BOX_WIDTH,
        box_height=BOX_HEIGHT,
    )
    return {"map": drawn}


def _window(request: Request) -> int:
    text = request.query_params.get("window", "")
    return int(text) if text in map(str, WINDOWS) else WINDOWS[1]


def routes(console: Console) -> Sequence[BaseRoute]:
    """The pages' routes."""
    return (
        console.page("/traces", show, _ROLES),
        console.live("/traces/live", regions, _ROLES),
        console.page("/traces/map", service_map, _ROLES),
        console.live("/traces/map/live", map_regions, _ROLES),
        console.page("/traces/{trace_id}", one, _ROLES),
    )
