"""A small retailer in the language of the business, spoken to through the platform's public doors only.

Journeys read like sentences: ``sku = await world.article(stock={"wh-1": 5})``, ``await world.buy(sku)``.
Each test makes its own articles, so that tests share one platform and not their stock.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
from google.protobuf import json_format

from aljibe.catalog.v1 import catalog_pb2, catalog_pb2_grpc, pricing_pb2, pricing_pb2_grpc
from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2_grpc
from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc, rules_pb2, rules_pb2_grpc
from chassis.auth import TokenMinter
from chassis.ids import new_id
from cli.local.platform import Platform
from tests.integration.staff import Staff
from tests.integration.words import (
    CARRY_OUT,
    CHANNELS,
    FINAL,
    HOME,
    LOOK_AGAIN_SECONDS,
    PICKUP,
    SETTLE_SECONDS,
    SHIP,
    STORES,
    WAREHOUSES,
    Metadata,
    Refusal,
    address,
    becomes,
    checked,
    eventually,
    hanging,
    reason,
    request_id,
    told,
    units,
)

__all__ = [
    "CARRY_OUT",
    "CHANNELS",
    "FINAL",
    "HOME",
    "PICKUP",
    "SETTLE_SECONDS",
    "SHIP",
    "STORES",
    "WAREHOUSES",
    "Metadata",
    "Refusal",
    "World",
    "address",
    "becomes",
    "eventually",
    "hanging",
    "reason",
    "request_id",
    "retailer",
    "told",
    "units",
]

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    # Services that are killed come back in a second; gRPC left alone would look again after a minute or two.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
)
_numbers = itertools.count(1)

MOST_ASKED_UNITS = 9_999
"""What a line may have."""


class World(Staff):
    """The retailer: its channels, stores, staff and customers."""

    def __init__(self, platform: Platform, http: httpx.AsyncClient) -> None:
        self.platform = platform
        self.http = http
        self._channels = {
            name: grpc.aio.insecure_channel(address_, options=CHANNEL_OPTIONS)
            for name, address_ in platform.addresses.grpc.items()
        }
        super().__init__(
            TokenMinter(platform.development_key_file),
            fulfillment_pb2_grpc.FulfillmentServiceStub(self._channels["fulfillment"]),
        )
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(self._channels["catalog"])
        self.pricing = pricing_pb2_grpc.PricingServiceStub(self._channels["catalog"])
        self.locations = inventory_pb2_grpc.LocationServiceStub(self._channels["inventory"])
        self.stock = inventory_pb2_grpc.StockServiceStub(self._channels["inventory"])
        self.reservations = inventory_pb2_grpc.ReservationServiceStub(self._channels["inventory"])
        self.orders = orders_pb2_grpc.OrderServiceStub(self._channels["orders"])

    def grpc_channel(self, service: str) -> grpc.aio.Channel:
        """The open channel to a service, for calls by method path."""
        return self._channels[service]

    async def close(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            await channel.close()

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
        await self.price(sku, price_minor)
        for location, count in (stock or {}).items():
            await self.receive(sku, location, count)
        if stock and len(stock) > 1:
            await self._all_heard(sku, min(sum(stock.values()), MOST_ASKED_UNITS))
        return sku

    async def price(self, sku: str, price_minor: int) -> None:
        """Every channel sells it at ``price_minor`` plus 10 % tax now; orders hears of it in a moment."""
        await self.catalog.UpsertPrices(
            catalog_pb2.UpsertPricesRequest(
                request_id=request_id(),
                price_list_id="retail",
                prices=[catalog_pb2.Price(sku=sku, unit_price_minor=price_minor)],
            ),
            metadata=self.auth(self.merchandiser),
        )

    async def receive(self, sku: str, location: str, units: int) -> None:
        """Goods arrive; planners of orders hear of them in a moment."""
        await self.stock.ReceiveStock(
            inventory_pb2.ReceiveStockRequest(
                request_id=request_id(),
                location_id=location,
                lines=[inventory_pb2.StockLine(sku=sku, quantity_units=units)],
            ),
            metadata=self.auth(self.planner),
        )

    async def _all_heard(self, sku: str, units: int) -> None:
        """Returns when planners know so many units: what is ordered now is planned from any of them."""
        request = orders_pb2.PreviewOrderRequest(order=self.draft({sku: units}))

        async def heard() -> bool:
            answer = await self.orders.PreviewOrder(request, metadata=self.auth(self.shop()))
            return not answer.shortages

        await eventually(heard, f"{units} units known")

    async def planned_from(self, sku: str, location: str, door: Any = None) -> None:
        """Returns when an order for one unit would be sent from there: planners behind the `door`, that of
        the first instance unless another is given, have heard of it.
        """
        request = orders_pb2.PreviewOrderRequest(order=self.draft(sku))

        async def planned() -> bool:
            answer = await (door or self.orders).PreviewOrder(request, metadata=self.auth(self.shop()))
            return [part.location_id for part in answer.order.plan] == [location]

        await eventually(planned, f"plan from {location}")

    async def position(self, sku: str, location: str) -> inventory_pb2.Position:
        """One position from the database; all zero when there is none."""
        answer = await self.stock.ListPositions(
            inventory_pb2.ListPositionsRequest(sku=sku), metadata=self.auth(self.operator)
        )
        found = [p for p in answer.positions if p.location_id == location]
        return found[0] if found else inventory_pb2.Position(sku=sku, location_id=location)

    async def on_hand(self, sku: str, location: str) -> int:
        """Units that are there."""
        return (await self.position(sku, location)).on_hand_units

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
        return checked(answer)

    async def get(self, path: str, token: str, **query: str) -> dict[str, Any]:
        """GET; raises Refusal for a problem."""
        answer = await self.http.get(path, params=query, headers={"Authorization": f"Bearer {token}"})
        return checked(answer)

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

    @asynccontextmanager
    async def under_rules(self, **parts: Any) -> AsyncIterator[None]:
        """New orders are decided by rules with these parts; afterwards the built-in ones hold again."""
        rules = rules_pb2_grpc.SourcingRulesServiceStub(self._channels["orders"])
        auth = self.auth(self.planner)
        document = json.dumps({"name": "For a while", "currency": "USD", **parts})
        draft = await rules.CreateRules(
            rules_pb2.CreateRulesRequest(request_id=request_id(), document=document), metadata=auth
        )
        await rules.ActivateRules(
            rules_pb2.ActivateRulesRequest(request_id=request_id(), number=draft.rules.number), metadata=auth
        )
        try:
            yield
        finally:
            await rules.RollBackRules(
                rules_pb2.RollBackRulesRequest(request_id=request_id(), number=0), metadata=auth
            )

    async def quote(self, channel: str, lines: Mapping[str, int]) -> pricing_pb2.Quote:
        """What a basket costs in a channel."""
        basket = [pricing_pb2.BasketLine(sku=sku, quantity_units=units) for sku, units in lines.items()]
        answer: pricing_pb2.QuoteBasketResponse = await self.pricing.QuoteBasket(
            pricing_pb2.QuoteBasketRequest(channel_id=channel, lines=basket),
            metadata=self.auth(self.operator),
        )
        return answer.quote


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
