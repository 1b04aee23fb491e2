"""A small retailer in the language of the business, spoken to through the platform's public doors only.

Journeys read like sentences: ``sku = await world.article(stock={"wh-1": 5})``, ``await world.buy(sku)``.
Each test makes its own articles, so that tests share one platform and not their stock.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
import httpx
from google.protobuf import json_format

from aljibe.catalog.v1 import catalog_pb2, catalog_pb2_grpc, pricing_pb2, pricing_pb2_grpc
from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2, fulfillment_pb2_grpc
from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from chassis.auth import TokenMinter
from chassis.errors import reason_of
from chassis.ids import new_id
from cli.local.platform import Platform

SHIP = types_pb2.FULFILLMENT_METHOD_SHIP
PICKUP = types_pb2.FULFILLMENT_METHOD_PICKUP
CARRY_OUT = types_pb2.FULFILLMENT_METHOD_CARRY_OUT
STORES = {"store-north": (41.97, -87.66), "store-south": (41.72, -87.55), "store-west": (41.88, -87.80)}
WAREHOUSES = {"wh-1": (39.77, -86.16)}
CHANNELS = ("web", "app", "pos", "call-center")
HOME = (41.95, -87.70)
SETTLE_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 0.05
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    # Services that are killed come back in a second; gRPC left alone would look again after a minute or two.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
)
FINAL = (
    orders_pb2.ORDER_STATE_COMPLETED,
    orders_pb2.ORDER_STATE_CANCELLED,
    orders_pb2.ORDER_STATE_RETURNED,
)

Metadata = tuple[tuple[str, str], ...]
M = TypeVar("M")
_numbers = itertools.count(1)


def request_id() -> str:
    """A fresh one."""
    return new_id("req")


def reason(error: BaseException) -> str:
    """The reason of a refused gRPC call."""
    assert isinstance(error, grpc.RpcError), error
    return reason_of(error)


def address(point: tuple[float, float] = HOME) -> types_pb2.Address:
    """A customer's home, or any other place."""
    return types_pb2.Address(
        recipient="Ana López",
        street_lines=["1 Main St"],
        city="Chicago",
        region="IL",
        postal_code="60613",
        country_code="US",
        point=types_pb2.GeoPoint(latitude=point[0], longitude=point[1]),
    )


class Refusal(Exception):
    """The HTTP door refused."""

    def __init__(self, status: int, reason: str, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {reason}: {problem.get('detail')}")
        self.status = status
        self.reason = reason
        self.problem = problem


class World:
    """The retailer: its channels, stores, staff and customers."""

    def __init__(self, platform: Platform, http: httpx.AsyncClient) -> None:
        self.platform = platform
        self.http = http
        self._minter = TokenMinter(platform.development_key_file)
        self._channels = {
            name: grpc.aio.insecure_channel(address_, options=CHANNEL_OPTIONS)
            for name, address_ in platform.addresses.grpc.items()
        }
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(self._channels["catalog"])
        self.pricing = pricing_pb2_grpc.PricingServiceStub(self._channels["catalog"])
        self.locations = inventory_pb2_grpc.LocationServiceStub(self._channels["inventory"])
        self.stock = inventory_pb2_grpc.StockServiceStub(self._channels["inventory"])
        self.reservations = inventory_pb2_grpc.ReservationServiceStub(self._channels["inventory"])
        self.orders = orders_pb2_grpc.OrderServiceStub(self._channels["orders"])
        self.fulfillment = fulfillment_pb2_grpc.FulfillmentServiceStub(self._channels["fulfillment"])
        self.operator = self.token("operator", channels=["*"], locations=["*"])
        self.planner = self.token("planner", channels=["*"], locations=["*"])
        self.merchandiser = self.token("merchandiser", channels=["*"], locations=["*"])

    def grpc_channel(self, service: str) -> grpc.aio.Channel:
        """The open channel to a service, for calls by method path."""
        return self._channels[service]

    async def close(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            await channel.close()

    def token(
        self, role: str, channels: Iterable[str] = (), locations: Iterable[str] = (), subject: str = ""
    ) -> str:
        """A bearer token."""
        return self._minter.mint(subject or f"test:{role}", [role], channels, locations)

    def shop(self, channel: str = "web") -> str:
        """The token of a channel's front end."""
        return self.token("channel", channels=[channel], locations=["*"], subject=f"shop:{channel}")

    def till(self, store: str) -> str:
        """The token of a store's till."""
        return self.token("till", channels=["pos"], locations=[store], subject=f"till:{store}")

    def staff(self, location: str) -> str:
        """The token of a location's associate."""
        return self.token("associate", locations=[location], subject=f"associate:{location}")

    @staticmethod
    def auth(token: str) -> Metadata:
        """gRPC metadata of a token."""
        return (("authorization", f"Bearer {token}"),)

    async def found(self) -> None:
        """Opens the retailer: channels, price list, tax, stores and a warehouse."""
        auth = self.auth(self.merchandiser)
        text = catalog_pb2.LocalizedText
        await self.catalog.UpsertPriceLists(
            catalog_pb2.UpsertPriceListsRequest(
                request_id=request_id(),
                price_lists=[
                    catalog_pb2.PriceList(price_list_id="retail", name=text(en="Retail"), currency_code="USD")
                ],
            ),
            metadata=auth,
        )
        channels = [
            catalog_pb2.Channel(
                channel_id=channel, name=text(en=channel), currency_code="USD", price_list_ids=["retail"]
            )
            for channel in CHANNELS
        ]
        await self.catalog.UpsertChannels(
            catalog_pb2.UpsertChannelsRequest(request_id=request_id(), channels=channels), metadata=auth
        )
        rate = catalog_pb2.TaxRate(tax_class="standard", country_code="US", rate_ppm=100_000)
        await self.catalog.UpsertTaxRates(
            catalog_pb2.UpsertTaxRatesRequest(request_id=request_id(), tax_rates=[rate]), metadata=auth
        )
        places = [
            *(self.location(name, point, types_pb2.LOCATION_KIND_STORE) for name, point in STORES.items()),
            *(
                self.location(name, point, types_pb2.LOCATION_KIND_WAREHOUSE)
                for name, point in WAREHOUSES.items()
            ),
        ]
        await self.locations.UpsertLocations(
            inventory_pb2.UpsertLocationsRequest(request_id=request_id(), locations=places),
            metadata=self.auth(self.planner),
        )

    @staticmethod
    def location(
        name: str, point: tuple[float, float], kind: types_pb2.LocationKind.ValueType
    ) -> inventory_pb2.Location:
        """A place that does all its kind can."""
        store = kind == types_pb2.LOCATION_KIND_STORE
        can = [inventory_pb2.CAPABILITY_SHIP]
        if store:
            can += [inventory_pb2.CAPABILITY_PICKUP, inventory_pb2.CAPABILITY_CARRY_OUT]
        hours = [
            inventory_pb2.OpeningHours(weekday=day, open_minute=480, close_minute=1320) for day in range(1, 8)
        ]
        return inventory_pb2.Location(
            location_id=name,
            name=name.title(),
            kind=kind,
            address=address(point),
            time_zone="America/Chicago",
            hours=hours,
            capabilities=can,
            active=True,
        )

    async def article(self, price_minor: int = 1000, stock: Mapping[str, int] | None = None) -> str:
        """A new article that every channel sells at ``price_minor`` plus 10 % tax, with its stock."""
        sku = f"SKU-{new_id('t')[-10:]}-{next(_numbers)}"
        auth = self.auth(self.merchandiser)
        product = catalog_pb2.Product(
            product_id=f"P-{sku}",
            name=catalog_pb2.LocalizedText(en=f"Thing {sku}", es=f"Cosa {sku}"),
            variants=[catalog_pb2.Variant(sku=sku)],
        )
        await self.catalog.UpsertProducts(
            catalog_pb2.UpsertProductsRequest(request_id=request_id(), products=[product]), metadata=auth
        )
        await self.catalog.UpsertPrices(
            catalog_pb2.UpsertPricesRequest(
                request_id=request_id(),
                price_list_id="retail",
                prices=[catalog_pb2.Price(sku=sku, unit_price_minor=price_minor)],
            ),
            metadata=auth,
        )
        for location, units in (stock or {}).items():
            await self.receive(sku, location, units)
        return sku

    async def receive(self, sku: str, location: str, units: int) -> None:
        """Goods arrive, and the planners of orders have heard of them."""
        await self.stock.ReceiveStock(
            inventory_pb2.ReceiveStockRequest(
                request_id=request_id(),
                location_id=location,
                lines=[inventory_pb2.StockLine(sku=sku, quantity_units=units)],
            ),
            metadata=self.auth(self.planner),
        )

    async def position(self, sku: str, location: str) -> inventory_pb2.Position:
        """One position from the database; all zero when there is none."""
        answer = await self.stock.ListPositions(
            inventory_pb2.ListPositionsRequest(sku=sku), metadata=self.auth(self.operator)
        )
        found = [p for p in answer.positions if p.location_id == location]
        return found[0] if found else inventory_pb2.Position(sku=sku, location_id=location)

    async def movements(self, sku: str) -> Sequence[inventory_pb2.Movement]:
        """The ledger of a SKU, newest first."""
        answer = await self.stock.ListMovements(
            inventory_pb2.ListMovementsRequest(sku=sku), metadata=self.auth(self.operator)
        )
        return list(answer.movements)

    async def audit(self) -> inventory_pb2.AuditStockResponse:
        """Every counter rebuilt from the ledger."""
        answer: inventory_pb2.AuditStockResponse = await self.stock.AuditStock(
            inventory_pb2.AuditStockRequest(), metadata=self.auth(self.operator)
        )
        return answer

    @staticmethod
    def draft(
        lines: Mapping[str, int] | str,
        channel: str = "web",
        method: types_pb2.FulfillmentMethod.ValueType = SHIP,
        store: str = "",
        language: str = "en",
        **more: Any,
    ) -> orders_pb2.OrderDraft:
        """What a customer wants: units by SKU, or one unit of a SKU."""
        units = {lines: 1} if isinstance(lines, str) else lines
        draft = orders_pb2.OrderDraft(
            channel_id=channel,
            customer=orders_pb2.Customer(customer_id="cus-1", language_code=language),
            lines=[
                orders_pb2.DraftLine(
                    sku=sku,
                    quantity_units=count,
                    method=method,
                    pickup_location_id=store if method == PICKUP else "",
                )
                for sku, count in units.items()
            ],
            **more,
        )
        if method == SHIP and "delivery_address" not in more:
            draft.delivery_address.CopyFrom(address())
        if method == CARRY_OUT:
            draft.location_id = store
        return draft

    async def buy(
        self,
        lines: Mapping[str, int] | str,
        channel: str = "web",
        method: types_pb2.FulfillmentMethod.ValueType = SHIP,
        store: str = "",
        pay: str = "tok_ok",
        key: str = "",
        hold_id: str = "",
        **more: Any,
    ) -> orders_pb2.Order:
        """Places an order at the door its channel has: HTTP for web, app and call centre, gRPC for tills."""
        return await self.buy_draft(self.draft(lines, channel, method, store, **more), pay, key, hold_id)

    async def buy_draft(
        self, draft: orders_pb2.OrderDraft, pay: str = "tok_ok", key: str = "", hold_id: str = ""
    ) -> orders_pb2.Order:
        """The same for any draft, of mixed methods too."""
        request = orders_pb2.PlaceOrderRequest(
            request_id=key or request_id(),
            order=draft,
            payment=orders_pb2.PaymentInput(token=pay),
            hold_id=hold_id,
        )
        if draft.channel_id == "pos":
            answer: orders_pb2.PlaceOrderResponse = await self.orders.PlaceOrder(
                request, metadata=self.auth(self.till(draft.location_id))
            )
            return answer.order
        body = await self.post("/v1/orders", request, self.shop(draft.channel_id))
        return json_format.ParseDict(body["order"], orders_pb2.Order())

    async def post(self, path: str, message: Any, token: str, **headers: str) -> dict[str, Any]:
        """POST of a message as JSON; raises Refusal for a problem."""
        content = (
            json.dumps(json_format.MessageToDict(message))
            if not isinstance(message, dict)
            else json.dumps(message)
        )
        answer = await self.http.post(
            path,
            content=content,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers},
        )
        return _checked(answer)

    async def get(self, path: str, token: str, **query: str) -> dict[str, Any]:
        """GET; raises Refusal for a problem."""
        answer = await self.http.get(path, params=query, headers={"Authorization": f"Bearer {token}"})
        return _checked(answer)

    async def order(self, order: orders_pb2.Order | str) -> orders_pb2.Order:
        """The order as it is now."""
        order_id = order if isinstance(order, str) else order.order_id
        answer: orders_pb2.GetOrderResponse = await self.orders.GetOrder(
            orders_pb2.GetOrderRequest(order_id=order_id), metadata=self.auth(self.operator)
        )
        return answer.order

    async def until(
        self,
        order: orders_pb2.Order | str,
        holds: Callable[[orders_pb2.Order], bool],
        seconds: float = SETTLE_SECONDS,
    ) -> orders_pb2.Order:
        """The order as soon as ``holds`` is true of it, watched over its stream.

        A stream ends with the order's work and money; what comes later (a return) is seen by looking again.
        """
        order_id = order if isinstance(order, str) else order.order_id
        latest: orders_pb2.Order | None = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    stream = self.orders.WatchOrder(
                        orders_pb2.WatchOrderRequest(order_id=order_id), metadata=self.auth(self.operator)
                    )
                    async for look in stream:
                        latest = look.order
                        if holds(latest):
                            stream.cancel()
                            return latest
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        except TimeoutError:
            raise AssertionError(f"after {seconds} s the order is still {latest}") from None

    async def work(
        self, order: orders_pb2.Order | str, location: str = "", seconds: float = SETTLE_SECONDS
    ) -> fulfillment_pb2.FulfillmentOrder:
        """The open fulfillment order of an order (at a location), as soon as it is on the work list."""
        order_id = order if isinstance(order, str) else order.order_id

        async def look() -> fulfillment_pb2.FulfillmentOrder | None:
            found = await self.work_of(order_id)
            mine = [f for f in found if location in ("", f.location_id) and f.state <= 6]
            return mine[0] if mine else None

        found: fulfillment_pb2.FulfillmentOrder = await eventually(
            look, f"work of {order_id} at {location or 'any location'}", seconds
        )
        return found

    async def work_of(self, order_id: str) -> Sequence[fulfillment_pb2.FulfillmentOrder]:
        """All fulfillment orders of an order."""
        answer = await self.fulfillment.ListFulfillmentOrders(
            fulfillment_pb2.ListFulfillmentOrdersRequest(order_id=order_id), metadata=self.auth(self.operator)
        )
        return list(answer.fulfillment_orders)

    async def pick(
        self, work: fulfillment_pb2.FulfillmentOrder, lines: Mapping[int, int] | None = None
    ) -> fulfillment_pb2.FulfillmentOrder:
        """An associate of the location takes the units (all that are left, or these) from the shelf."""
        picked = [
            fulfillment_pb2.LineQuantity(line_number=number, quantity_units=units)
            for number, units in (lines or {}).items()
        ]
        answer = await self.fulfillment.PickUnits(
            fulfillment_pb2.PickUnitsRequest(
                request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id, lines=picked
            ),
            metadata=self.auth(self.staff(work.location_id)),
        )
        return answer.fulfillment_order

    async def short(
        self,
        work: fulfillment_pb2.FulfillmentOrder,
        lines: Mapping[int, int],
        why: fulfillment_pb2.ShortPickReason.ValueType = fulfillment_pb2.SHORT_PICK_REASON_NOT_FOUND,
    ) -> fulfillment_pb2.FulfillmentOrder:
        """An associate cannot find units."""
        missing = [
            fulfillment_pb2.LineQuantity(line_number=number, quantity_units=units)
            for number, units in lines.items()
        ]
        answer = await self.fulfillment.ReportShortPick(
            fulfillment_pb2.ReportShortPickRequest(
                request_id=request_id(),
                fulfillment_order_id=work.fulfillment_order_id,
                lines=missing,
                reason=why,
            ),
            metadata=self.auth(self.staff(work.location_id)),
        )
        return answer.fulfillment_order

    async def ship(self, work: fulfillment_pb2.FulfillmentOrder) -> fulfillment_pb2.FulfillmentOrder:
        """Picks what is left, packs, and gives the parcel to the carrier."""
        auth = self.auth(self.staff(work.location_id))
        if work.state in (fulfillment_pb2.FULFILLMENT_STATE_OPEN, fulfillment_pb2.FULFILLMENT_STATE_PICKING):
            await self.pick(work)
        await self.fulfillment.PackOrder(
            fulfillment_pb2.PackOrderRequest(
                request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id
            ),
            metadata=auth,
        )
        answer = await self.fulfillment.ShipOrder(
            fulfillment_pb2.ShipOrderRequest(
                request_id=request_id(),
                fulfillment_order_id=work.fulfillment_order_id,
                carrier="Correo",
                tracking_number=new_id("trk"),
            ),
            metadata=auth,
        )
        return answer.fulfillment_order

    async def make_ready(self, work: fulfillment_pb2.FulfillmentOrder, seconds: int = 0) -> str:
        """Picks, puts the goods behind the counter, and returns the customer's code."""
        await self.pick(work)
        await self.fulfillment.MarkReady(
            fulfillment_pb2.MarkReadyRequest(
                request_id=request_id(),
                fulfillment_order_id=work.fulfillment_order_id,
                collect_within_seconds=seconds,
            ),
            metadata=self.auth(self.staff(work.location_id)),
        )
        answer = await self.fulfillment.GetPickupCode(
            fulfillment_pb2.GetPickupCodeRequest(fulfillment_order_id=work.fulfillment_order_id),
            metadata=self.auth(self.shop(work.channel_id)),
        )
        return str(answer.code)

    async def hand_over(
        self, work: fulfillment_pb2.FulfillmentOrder, code: str
    ) -> fulfillment_pb2.FulfillmentOrder:
        """The customer shows a code at the counter."""
        answer = await self.fulfillment.HandOver(
            fulfillment_pb2.HandOverRequest(
                request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id, code=code
            ),
            metadata=self.auth(self.staff(work.location_id)),
        )
        return answer.fulfillment_order

    async def quote(self, channel: str, lines: Mapping[str, int]) -> pricing_pb2.Quote:
        """What a basket costs in a channel."""
        basket = [pricing_pb2.BasketLine(sku=sku, quantity_units=units) for sku, units in lines.items()]
        answer: pricing_pb2.QuoteBasketResponse = await self.pricing.QuoteBasket(
            pricing_pb2.QuoteBasketRequest(channel_id=channel, lines=basket),
            metadata=self.auth(self.operator),
        )
        return answer.quote


def units(order: orders_pb2.Order, state: orders_pb2.UnitState.ValueType, line: int = 0) -> int:
    """How many units of an order (or of a line of it) are in a state."""
    return sum(
        group.quantity_units
        for found in order.lines
        if line in (0, found.line_number)
        for group in found.units
        if group.state == state
    )


def told(order: orders_pb2.Order) -> list[str]:
    """Kinds of the messages the customer was sent."""
    return [message.kind for message in order.messages]


async def eventually(
    look: Callable[[], Any], what: str, seconds: float = SETTLE_SECONDS, pause: float = 0.05
) -> Any:
    """What ``look()`` returns as soon as it is something: services tell each other by events, in a moment."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = await look()
                if found:
                    return found
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"after {seconds} s there is still no {what}") from None


@asynccontextmanager
async def retailer(platform: Platform) -> AsyncIterator[World]:
    """A founded retailer on a running platform."""
    limits = httpx.Limits(max_connections=300, max_keepalive_connections=300)
    async with httpx.AsyncClient(base_url=platform.addresses.http, timeout=30, limits=limits) as http:
        world = World(platform, http)
        await world.found()
        try:
            yield world
        finally:
            await world.close()


def _checked(answer: httpx.Response) -> dict[str, Any]:
    content: dict[str, Any] = answer.json()
    if answer.status_code != 200:
        raise Refusal(answer.status_code, content.get("reason", ""), content)
    return content
