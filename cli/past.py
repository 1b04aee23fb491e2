"""A platform's past as a simulation plays it, read through the public doors: orders, stock and its ledger.

Stock at the beginning is today's, with everything since taken back; units that earlier orders had reserved
then, and that left or wait since, are not in it. Sales of the past are what tills sold: whoever met an empty
shelf then left no trace.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from cli.doors import CALL_SECONDS, Door, door
from cli.session import Session
from cli.trouble import Trouble
from services.orders.adapters.grpc.translate import location_of
from services.orders.domain.places import Locations
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Wish, WishLine
from services.orders.domain.states import Method
from simulation.world import Event, Movement, Order, PastSale, Sale, World

MAX_ORDERS = 500_000
MAX_MOVEMENTS = 5_000_000
_AT_ONCE = 4
_ORDERS_PAGE, _STOCK_PAGE, _LOCATIONS_PAGE, _PRODUCTS_PAGE = 200, 1_000, 500, 500
_WAITING = (
    orders_pb2.UNIT_STATE_ALLOCATED,
    orders_pb2.UNIT_STATE_PICKED,
    orders_pb2.UNIT_STATE_READY,
)
_SERVED = (inventory_pb2.MOVEMENT_CAUSE_SHIPMENT, inventory_pb2.MOVEMENT_CAUSE_HAND_OVER)

Key = tuple[str, str]


class Kind(NamedTuple):
    """What of an article rules may ask for."""

    brand: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


_UNKNOWN = Kind()


@dataclass(frozen=True)
class Span:
    """What is played, and how long before it is learned from."""

    begins: datetime
    ends: datetime
    history: timedelta

    @property
    def seen_from(self) -> datetime:
        """The oldest that is read."""
        return self.begins - self.history


@dataclass
class Past:
    """What was read, before it is a world."""

    span: Span
    locations: Locations
    orders: list[orders_pb2.Order] = field(default_factory=list)
    positions: list[inventory_pb2.Position] = field(default_factory=list)
    movements: list[inventory_pb2.Movement] = field(default_factory=list)
    kinds: dict[str, Kind] = field(default_factory=dict)
    """By SKU, where a version of the rules asks for it."""

    def world(self) -> World:
        """The world that it makes.

        Raises:
            BadWorld
        """
        since = [order for order in self.orders if _time(order.accept_time) >= self.span.begins]
        prices = self._prices()
        return World(
            begins=self.span.begins,
            ends=self.span.ends,
            currency_code=self._currency(),
            locations=self.locations,
            prices_minor=prices,
            opening=self._opening(since),
            events=sorted(self._events(since), key=lambda event: event.at),
            past=list(self._before()),
            safety={
                (one.sku, one.location_id): one.safety_units for one in self.positions if one.safety_units
            },
        )

    def _currency(self) -> str:
        common = Counter(order.currency_code for order in self.orders).most_common(1)
        return common[0][0] if common else "EUR"

    def _prices(self) -> dict[str, int]:
        """What was last paid for a unit, without tax, in the currency of most orders."""
        currency = self._currency()
        found: dict[str, int] = {}
        for order in self.orders:
            if order.currency_code == currency:
                for line in order.lines:
                    net = (line.total_minor - line.tax_minor) / max(1, line.quantity_units)
                    found.setdefault(line.sku, max(0, round(net)))
        return found

    def _opening(self, since: list[orders_pb2.Order]) -> dict[str, dict[str, int]]:
        units = {(one.sku, one.location_id): one.on_hand_units for one in self.positions}
        documents = _documents(since)
        gone: Counter[Key] = Counter()
        for movement in self.movements:
            if _time(movement.record_time) < self.span.begins:
                continue
            # Newest first: the oldest since the beginning comes last, and says what lay there before it.
            key = movement.sku, movement.location_id
            units[key] = movement.on_hand_after_units - movement.quantity_units
            if movement.cause in _SERVED and movement.document_id not in documents:
                gone[key] -= movement.quantity_units
        waiting = Counter(_waiting(since))
        for position in self.positions:
            key = position.sku, position.location_id
            gone[key] += max(0, position.reserved_units - waiting[key])
        opening: dict[str, dict[str, int]] = defaultdict(dict)
        for (sku, location_id), there in sorted(units.items()):
            if there > gone[sku, location_id]:
                opening[sku][location_id] = there - gone[sku, location_id]
        return dict(opening)

    def _events(self, since: list[orders_pb2.Order]) -> Iterable[Event]:
        for order in since:
            if _time(order.accept_time) < self.span.ends and (wish := wish_of(order, self.kinds)).lines:
                yield Order(_time(order.accept_time), order.order_id, wish)
        for movement in self.movements:
            at, units = _time(movement.record_time), movement.quantity_units
            if not self.span.begins <= at < self.span.ends:
                continue
            if movement.cause == inventory_pb2.MOVEMENT_CAUSE_SALE and units < 0:
                yield Sale(at, movement.location_id, movement.sku, -units)
            elif movement.cause not in _SERVED:
                yield Movement(at, movement.location_id, movement.sku, units)

    def _before(self) -> Iterable[PastSale]:
        for order in self.orders:
            at = _time(order.accept_time)
            if self.span.seen_from <= at < self.span.begins:
                wish = wish_of(order, self.kinds)
                for line in wish.lines:
                    yield PastSale(
                        at, line.sku, line.quantity_units, line.location_id, wish.destination or (0.0, 0.0)
                    )
        for movement in self.movements:
            at, sold = _time(movement.record_time), -movement.quantity_units
            before = self.span.seen_from <= at < self.span.begins
            if before and sold > 0 and movement.cause == inventory_pb2.MOVEMENT_CAUSE_SALE:
                yield PastSale(at, movement.sku, sold, movement.location_id)


def asks_for_kinds(rules: SourcingRules) -> bool:
    """Whether decisions by these rules depend on brands or attributes of articles."""
    return any(ask == "brand" or ask.startswith("attribute:") for ask in rules.asks)


def wish_of(order: orders_pb2.Order, kinds: Mapping[str, Kind]) -> Wish:
    """What the order wanted of sourcing: all but what was carried out of a store."""
    to = order.delivery_address.point if order.HasField("delivery_address") else None
    lines = tuple(
        WishLine(
            line.line_number,
            line.sku,
            line.quantity_units,
            Method.SHIP if line.method == types_pb2.FULFILLMENT_METHOD_SHIP else Method.PICKUP,
            line.pickup_location_id,
            *kinds.get(line.sku, _UNKNOWN),
            line.unit_price_minor,
        )
        for line in order.lines
        if (line.method == types_pb2.FULFILLMENT_METHOD_SHIP and to is not None)
        or line.method == types_pb2.FULFILLMENT_METHOD_PICKUP
    )
    return Wish(
        lines,
        (to.latitude, to.longitude) if to is not None else None,
        channel_id=order.channel_id,
        customer_promise=order.customer_promise,
        # As the engine has it: of the goods, before promotions and tax.
        value_minor=sum(line.unit_price_minor * line.quantity_units for line in order.lines),
        currency_code=order.currency_code,
        sold_at=order.location_id,
    )


async def read_past(
    session: Session, span: Span, note: Callable[[str, int], None], *, kinds: bool = False
) -> Past:
    """Everything of the span, with `kinds` also brands and attributes of articles. `note` hears the kind of
    thing and how many were read so far.

    Raises:
        Trouble: the span holds more than is played.
        CallFailed, NotReachable: a service did not answer.
    """
    async with door(session, "inventory") as stock, door(session, "orders") as book:
        past = Past(span, await _locations(stock))
        gate = asyncio.Semaphore(_AT_ONCE)

        async def read(location_id: str) -> None:
            async with gate:
                past.movements += await _movements(stock, location_id, span.seen_from)
                past.positions += await _positions(stock, location_id)
                note("movements", len(past.movements))
            if len(past.movements) > MAX_MOVEMENTS:
                raise Trouble("simulate.too_much", count=MAX_MOVEMENTS)

        async with asyncio.TaskGroup() as group:
            group.create_task(_orders(book, past, note))
            for location_id in past.locations.by_id:
                group.create_task(read(location_id))
    if kinds:
        past.kinds = await _kinds(session)
    return past


async def _locations(stock: Door) -> Locations:
    stub = inventory_pb2_grpc.LocationServiceStub(stock.channel)
    request = inventory_pb2.ListLocationsRequest(page_size=_LOCATIONS_PAGE)
    pages = _pages(stock, stub.ListLocations, request)
    return Locations.of([location_of(one) async for page in pages for one in page.locations])


async def _orders(book: Door, past: Past, note: Callable[[str, int], None]) -> None:
    """Newest first, until they are older than what is learned from."""
    stub = orders_pb2_grpc.OrderServiceStub(book.channel)
    request = orders_pb2.ListOrdersRequest(page_size=_ORDERS_PAGE)
    async for page in _pages(book, stub.ListOrders, request):
        fitting = [order for order in page.orders if _time(order.accept_time) >= past.span.seen_from]
        past.orders += fitting
        note("orders", len(past.orders))
        if len(fitting) < len(page.orders):
            return
        if page.next_page_token and len(past.orders) > MAX_ORDERS:
            raise Trouble("simulate.too_much", count=MAX_ORDERS)


async def _kinds(session: Session) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    request = catalog_pb2.ListProductsRequest(page_size=_PRODUCTS_PAGE)
    async with door(session, "catalog") as catalog:
        stub = catalog_pb2_grpc.CatalogServiceStub(catalog.channel)
        async for page in _pages(catalog, stub.ListProducts, request):
            for product in page.products:
                for variant in product.variants:
                    attributes = tuple(sorted(variant.attributes.items()))
                    found[variant.sku] = Kind(product.brand, attributes)
    return found


async def _positions(stock: Door, location_id: str) -> list[inventory_pb2.Position]:
    stub = inventory_pb2_grpc.StockServiceStub(stock.channel)
    request = inventory_pb2.ListPositionsRequest(location_id=location_id, page_size=_STOCK_PAGE)
    pages = _pages(stock, stub.ListPositions, request)
    return [one async for page in pages for one in page.positions]


async def _movements(stock: Door, location_id: str, since: datetime) -> list[inventory_pb2.Movement]:
    stub = inventory_pb2_grpc.StockServiceStub(stock.channel)
    request = inventory_pb2.ListMovementsRequest(location_id=location_id, page_size=_STOCK_PAGE)
    found: list[inventory_pb2.Movement] = []
    async for page in _pages(stock, stub.ListMovements, request):
        fitting = [one for one in page.movements if _time(one.record_time) >= since]
        found += fitting
        if len(fitting) < len(page.movements):
            break
    return found


async def _pages(door: Door, method: Any, request: Any) -> AsyncIterator[Any]:
    """The answers of a method that lists, page by page."""
    while True:
        page = await method(request, metadata=door.metadata, timeout=CALL_SECONDS)
        yield page
        request.page_token = page.next_page_token
        if not request.page_token:
            return


def _documents(since: list[orders_pb2.Order]) -> set[str]:
    """Every id under which goods of these orders may have left."""
    found: set[str] = set()
    for order in since:
        found.add(order.order_id)
        for part in order.plan:
            found |= {part.fulfillment_order_id, part.reservation_id}
        found |= {group.fulfillment_order_id for line in order.lines for group in line.units}
    return found - {""}


def _waiting(since: list[orders_pb2.Order]) -> dict[Key, int]:
    """Units that these orders have reserved now."""
    found: Counter[Key] = Counter()
    for order in since:
        # What waits in a store that another location sent it to has left the book.
        sent = {part.fulfillment_order_id for part in order.plan if part.pickup_location_id}
        for line in order.lines:
            for group in line.units:
                left = group.state == orders_pb2.UNIT_STATE_READY and group.fulfillment_order_id in sent
                if group.state in _WAITING and group.location_id and not left:
                    found[line.sku, group.location_id] += group.quantity_units
    return found


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(UTC)
