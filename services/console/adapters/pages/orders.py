"""The page Orders: search by number, reference, article, place, channel, state and time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.orders.v1 import orders_pb2
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.growing import at_once
from services.console.adapters.menu import AUDITOR, OPERATOR, roles_of
from services.console.adapters.page import Console
from services.console.adapters.pages.order_page import order_routes
from services.console.adapters.pages.order_views import OrderView, order_view
from services.console.adapters.pages.place_book import PlaceBook
from services.console.adapters.session import Person

PAGE_SIZE = 50
MOST_PLACES = 3
"""Named in the list; the order's own page has them all."""
STATES = ("ACCEPTED", "IN_PROGRESS", "AWAITING_CUSTOMER", "COMPLETED", "CANCELLED", "RETURNED")
_TEXTS = ("query", "sku", "location", "channel", "state", "from", "to", "held", "page")
_MAX_LENGTHS = {"query": 100, "sku": 64, "location": 32, "channel": 32, "page": 500}
_ORDER, _WORK, _RETURN = "ord_", "ful_", "ret_"
_ROLES = roles_of("orders")


@dataclass(frozen=True)
class Wanted:
    """What a person searches for, as it stands in the address."""

    query: str = ""
    sku: str = ""
    location: str = ""
    channel: str = ""
    state: str = ""
    begin: str = ""
    end: str = ""
    held: str = ""
    page: str = ""

    @classmethod
    def of(cls, request: Request, channels: Sequence[str], *, any_channel: bool) -> Wanted:
        """From the address; what makes no sense there is left out."""
        given = {name: request.query_params.get(name, "").strip() for name in _TEXTS}
        given = {name: text[: _MAX_LENGTHS.get(name, 40)] for name, text in given.items()}
        channel = given["channel"] if given["channel"] in channels else ""
        if not channel and not any_channel and channels:
            # Tokens limited to channels have to name one of them.
            channel = channels[0]
        return cls(
            given["query"],
            given["sku"],
            given["location"],
            channel,
            given["state"] if given["state"] in STATES else "",
            given["from"],
            given["to"],
            "yes" if given["held"] else "",
            given["page"],
        )

    @property
    def narrow(self) -> bool:
        """Whether one of the folded filters is set."""
        return any((self.sku, self.location, self.channel, self.begin, self.end, self.held))

    def address(self, **other: str) -> str:
        """The page's address for this search, with some of it changed."""
        fields = {
            "query": self.query,
            "sku": self.sku,
            "location": self.location,
            "channel": self.channel,
            "state": self.state,
            "from": self.begin,
            "to": self.end,
            "held": self.held,
            "page": self.page,
            **other,
        }
        text = urlencode({name: value for name, value in fields.items() if value})
        return f"/orders?{text}" if text else "/orders"

    def request(self, zone: ZoneInfo) -> orders_pb2.ListOrdersRequest:
        """For the service; times are where the person is."""
        wanted = orders_pb2.ListOrdersRequest(
            query=self.query,
            sku=self.sku,
            location_id=self.location,
            channel_id=self.channel,
            page_size=PAGE_SIZE,
            page_token=self.page,
            on_hold=bool(self.held),
        )
        if self.state:
            wanted.state = orders_pb2.OrderState.Value(f"ORDER_STATE_{self.state}")
        if (begin := local_time(self.begin, zone)) is not None:
            wanted.accept_time_from.FromDatetime(begin)
        if (end := local_time(self.end, zone)) is not None:
            wanted.accept_time_to.FromDatetime(end)
        return wanted


def local_time(text: str, zone: ZoneInfo) -> datetime | None:
    """What a person typed into a field of date and time; None for nothing, or what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of orders."""

    orders: tuple[OrderView, ...]
    next_page: str


class OrdersPage:
    """Handlers of the search."""

    def __init__(self, book: PlaceBook) -> None:
        self._book = book

    async def show(self, console: Console, request: Request, person: Person) -> Response:
        """The page; the whole number of one order leads to the order itself."""
        channels = await self._book.channels(person)
        wanted = self._wanted(request, person, channels)
        found = await self._found(console, person, wanted) if wanted.query else None
        if found is not None and [one.order.order_id for one in found.orders] == [wanted.query]:
            return RedirectResponse(f"/orders/{wanted.query}", 303)

        async def rows() -> Mapping[str, str]:
            return self._rows(console, person, wanted, found or await self._found(console, person, wanted))

        any_of = person.texts("orders.any")
        live = "" if wanted.page else wanted.address().replace("/orders", "/orders/live", 1)
        return console.render(
            request,
            person,
            "orders/page.html",
            wanted=wanted,
            states=[("", any_of), *((one, person.texts.word("order_state", one)) for one in STATES)],
            channels=[*([("", any_of)] if _any_channel(person) else []), *((one, one) for one in channels)],
            places=sorted(await self._book.places(person)),
            live=live,
            parts=at_once(rows),
        )

    async def regions(
        self, console: Console, request: Request, person: Person
    ) -> AsyncIterator[Mapping[str, str]]:
        """Its news: the rows."""
        wanted = self._wanted(request, person, await self._book.channels(person))

        async def fetch() -> Mapping[str, str]:
            return self._rows(console, person, wanted, await self._found(console, person, wanted))

        async for news in console.hub.watch(("orders", person.scope, wanted), fetch):
            yield news

    def _rows(self, console: Console, person: Person, wanted: Wanted, found: Found) -> Mapping[str, str]:
        html = console.fragment(
            person, "orders/rows.html", found=found, wanted=wanted, most_places=MOST_PLACES
        )
        return {"found": html}

    async def _found(self, console: Console, person: Person, wanted: Wanted) -> Found:
        answer = await console.doors.orders.ListOrders(
            wanted.request(person.texts.zone), metadata=person.metadata, timeout=CALL_SECONDS
        )
        now = datetime.now(UTC)
        orders = tuple(order_view(one, person.language, now) for one in answer.orders)
        return Found(orders, answer.next_page_token)

    def _wanted(self, request: Request, person: Person, channels: Sequence[str]) -> Wanted:
        return Wanted.of(request, channels, any_channel=_any_channel(person))


async def of_document(console: Console, request: Request, person: Person) -> Response:
    """The order that a document of the stock ledger is of: its own, a fulfillment order, a return."""
    document_id = request.path_params["document_id"]
    call: dict[str, Any] = {"metadata": person.metadata, "timeout": CALL_SECONDS}
    fulfillment = console.doors.fulfillment
    order_id = ""
    if document_id.startswith(_WORK):
        work = await fulfillment.GetFulfillmentOrder(
            fulfillment_pb2.GetFulfillmentOrderRequest(fulfillment_order_id=document_id), **call
        )
        order_id = work.fulfillment_order.order_id
    elif document_id.startswith(_RETURN):
        listed = await fulfillment.ListReturns(
            fulfillment_pb2.ListReturnsRequest(return_id=document_id, page_size=1), **call
        )
        order_id = listed.returns[0].order_id if listed.returns else ""
    elif document_id.startswith(_ORDER):
        order_id = document_id
    if not order_id:
        return console.problem(request, person, 404, "orders.document_unknown")
    return RedirectResponse(f"/orders/{order_id}", 303)


def _any_channel(person: Person) -> bool:
    return not person.channels or "*" in person.channels


def routes(console: Console) -> Sequence[BaseRoute]:
    """The routes of the search and of each order."""
    book = PlaceBook(console)
    page = OrdersPage(book)
    return (
        console.page("/orders", page.show, _ROLES),
        console.live("/orders/live", page.regions, _ROLES),
        console.page("/orders/of/{document_id}", of_document, (OPERATOR, AUDITOR)),
        *order_routes(console, book),
    )
