"""The command run in this process, and a platform of stub services behind the chassis' own edge."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from aljibe.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from aljibe.fulfillment.v1 import fulfillment_pb2, fulfillment_pb2_grpc
from aljibe.insights.v1 import insights_pb2, insights_pb2_grpc
from aljibe.inventory.v1 import (
    backorders_pb2,
    backorders_pb2_grpc,
    controls_pb2,
    controls_pb2_grpc,
    inventory_pb2,
    inventory_pb2_grpc,
    limits_pb2,
    limits_pb2_grpc,
)
from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from aljibe.orders.v1 import (
    dates_pb2,
    dates_pb2_grpc,
    orders_pb2,
    orders_pb2_grpc,
    rules_pb2,
    rules_pb2_grpc,
    stock_prices_pb2,
    stock_prices_pb2_grpc,
)
from chassis.auth import TokenVerifier, current_principal, development_keys
from chassis.errors import ErrorRule, ErrorTable
from chassis.server import Server
from chassis.settings import ChassisSettings
from cli.doors import SERVICES, key_file
from cli.main import run


@dataclass(frozen=True)
class Ran:
    """What a run of the command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


def aljibe(*arguments: str) -> Ran:
    """Run one command line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own settings must not decide a test; `COLUMNS` keeps lines whole."""
    for name in ("ALJIBE_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "ALJIBE_DATA", "ALJIBE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in SERVICES:
        monkeypatch.delenv(f"ALJIBE_{name.upper()}_ADDRESS", raising=False)
    monkeypatch.setenv("COLUMNS", "200")


class OrderUnknown(Exception):
    """As the orders service refuses."""

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        super().__init__(f"there is no order {order_id}")


class RedriveFailed(Exception):
    """As every service refuses."""


TABLE = ErrorTable(
    "tests.aljibe.dev",
    [
        ErrorRule(OrderUnknown, grpc.StatusCode.NOT_FOUND, "ORDER_UNKNOWN", "No existe el pedido {order_id}"),
        ErrorRule(RedriveFailed, grpc.StatusCode.FAILED_PRECONDITION, "REDRIVE_FAILED", "Falló: {message}"),
    ],
)


@dataclass
class Stubs:
    """Answers that a test prepares, and the requests that came."""

    orders: dict[str, orders_pb2.Order] = field(default_factory=dict)
    looks: list[orders_pb2.Order] = field(default_factory=list)
    parcel: fulfillment_pb2.FulfillmentOrder = field(default_factory=fulfillment_pb2.FulfillmentOrder)
    steps: list[fulfillment_pb2.Step] = field(default_factory=list)
    returns: list[fulfillment_pb2.GoodsReturn] = field(default_factory=list)
    positions: list[inventory_pb2.Position] = field(default_factory=list)
    movements: list[inventory_pb2.Movement] = field(default_factory=list)
    availability: inventory_pb2.SkuAvailability = field(default_factory=inventory_pb2.SkuAvailability)
    audit: inventory_pb2.AuditStockResponse = field(default_factory=inventory_pb2.AuditStockResponse)
    controls: list[controls_pb2.ChannelControlState] = field(default_factory=list)
    stock_prices: stock_prices_pb2.GetStockPricesResponse = field(
        default_factory=stock_prices_pb2.GetStockPricesResponse
    )
    explained: orders_pb2.ExplainSourcingResponse = field(default_factory=orders_pb2.ExplainSourcingResponse)
    why_not: orders_pb2.WhyNotResponse = field(default_factory=orders_pb2.WhyNotResponse)
    letters: list[bus_pb2.DeadLetter] = field(default_factory=list)
    locations: list[inventory_pb2.Location] = field(default_factory=list)
    rules: dict[int, rules_pb2.RulesVersion] = field(default_factory=dict)
    current_rules: int = 0
    dates: dates_pb2.SkuDates = field(default_factory=dates_pb2.SkuDates)
    products: list[catalog_pb2.Product] = field(default_factory=list)
    today: insights_pb2.Today = field(default_factory=insights_pb2.Today)
    requests: list[Any] = field(default_factory=list)
    subjects: set[str] = field(default_factory=set)

    def heard(self, request: Any) -> None:
        self.requests.append(request)
        self.subjects.add(current_principal().subject)


class _Insights(insights_pb2_grpc.InsightsServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def GetToday(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return insights_pb2.GetTodayResponse(today=self._stubs.today)

    async def SetGoals(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return insights_pb2.SetGoalsResponse(goals=request.goals)


class _Fulfillment(fulfillment_pb2_grpc.FulfillmentServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def ListFulfillmentOrders(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return fulfillment_pb2.ListFulfillmentOrdersResponse(fulfillment_orders=[self._stubs.parcel])

    async def ListSteps(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        found, token = _page(self._stubs.steps, request)
        return fulfillment_pb2.ListStepsResponse(steps=found, next_page_token=token)

    async def ListReturns(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        found, token = _page(self._stubs.returns, request)
        return fulfillment_pb2.ListReturnsResponse(returns=found, next_page_token=token)

    async def ReceiveParcel(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return fulfillment_pb2.ReceiveParcelResponse(fulfillment_order=self._stubs.parcel)

    async def ReportLostInTransit(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return fulfillment_pb2.ReportLostInTransitResponse(fulfillment_order=self._stubs.parcel)


class _StockPrices(stock_prices_pb2_grpc.StockPriceServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def GetStockPrices(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return self._stubs.stock_prices


class _Dates(dates_pb2_grpc.AvailabilityDateServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def GetAvailabilityDates(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return dates_pb2.GetAvailabilityDatesResponse(dates=[self._stubs.dates])


class _Orders(orders_pb2_grpc.OrderServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def ExplainSourcing(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return self._stubs.explained

    async def WhyNot(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return self._stubs.why_not

    async def GetOrder(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        self._stubs.heard(request)
        if request.order_id not in self._stubs.orders:
            raise OrderUnknown(request.order_id)
        return orders_pb2.GetOrderResponse(order=self._stubs.orders[request.order_id])

    async def ListOrders(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        begin = int(request.page_token or 0)
        found = list(self._stubs.orders.values())
        end = begin + request.page_size
        return orders_pb2.ListOrdersResponse(
            orders=found[begin:end], next_page_token=str(end) if end < len(found) else ""
        )

    async def HoldOrder(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return orders_pb2.HoldOrderResponse(order=self._stubs.orders[request.order_id])

    async def LiftHold(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return orders_pb2.LiftHoldResponse(order=self._stubs.orders[request.order_id])

    async def SourceAgain(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return orders_pb2.SourceAgainResponse(order=self._stubs.orders[request.order_id])

    async def WatchOrder(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        self._stubs.heard(request)
        for order in self._stubs.looks:
            yield orders_pb2.WatchOrderResponse(order=order)


class _Stock(inventory_pb2_grpc.StockServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def ListPositions(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        found = [one for one in self._stubs.positions if request.location_id in ("", one.location_id)]
        return inventory_pb2.ListPositionsResponse(positions=found)

    async def GetAvailability(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return inventory_pb2.GetAvailabilityResponse(availabilities=[self._stubs.availability])

    async def ListMovements(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        found = [one for one in self._stubs.movements if request.location_id in ("", one.location_id)]
        begin = int(request.page_token or 0)
        end = begin + (request.page_size or 100)
        return inventory_pb2.ListMovementsResponse(
            movements=found[begin:end], next_page_token=str(end) if end < len(found) else ""
        )

    async def AuditStock(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return self._stubs.audit


class _Locations(inventory_pb2_grpc.LocationServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def ListLocations(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return inventory_pb2.ListLocationsResponse(locations=self._stubs.locations)


class _Catalog(catalog_pb2_grpc.CatalogServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def ListProducts(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return catalog_pb2.ListProductsResponse(products=self._stubs.products)


class _Rules(rules_pb2_grpc.SourcingRulesServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def ListRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        found = [one for one in self._stubs.rules.values() if request.state in (0, one.state)]
        return rules_pb2.ListRulesResponse(
            rules=sorted(found, key=lambda one: -one.number), current_number=self._stubs.current_rules
        )

    async def GetRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return rules_pb2.GetRulesResponse(rules=self._stubs.rules[request.number])


class _Controls(controls_pb2_grpc.ChannelControlServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def SetChannelControls(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return controls_pb2.SetChannelControlsResponse(
            controls=[controls_pb2.ChannelControlState(control=one) for one in request.controls]
        )

    async def RemoveChannelControls(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return controls_pb2.RemoveChannelControlsResponse(controls=1)

    async def ListChannelControls(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return controls_pb2.ListChannelControlsResponse(controls=self._stubs.controls)


class _Limits(limits_pb2_grpc.BuyerLimitServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def SetBuyerLimits(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return limits_pb2.SetBuyerLimitsResponse(limits=request.limits)

    async def RemoveBuyerLimits(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return limits_pb2.RemoveBuyerLimitsResponse(limits=1)

    async def ListBuyerLimits(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return limits_pb2.ListBuyerLimitsResponse()


class _Backorders(backorders_pb2_grpc.BackorderServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def SetBackorderTerms(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return backorders_pb2.SetBackorderTermsResponse(terms=request.terms)

    async def RemoveBackorderTerms(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return backorders_pb2.RemoveBackorderTermsResponse(terms=1)

    async def ListBackorderTerms(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return backorders_pb2.ListBackorderTermsResponse()

    async def ListBackorders(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        waiting = backorders_pb2.BackorderClaim(
            supply_id="PO-1", sku=request.sku, location_id="wh-1", order_id="ord_1", live_units=3
        )
        return backorders_pb2.ListBackordersResponse(backorders=[waiting])


class _Bus(bus_pb2_grpc.BusServiceServicer):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def ListDeadLetters(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return bus_pb2.ListDeadLettersResponse(dead_letters=self._stubs.letters)

    async def RedriveDeadLetter(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        letter = self._stubs.letters[0]
        if letter.error:
            raise RedriveFailed(letter.error)
        return bus_pb2.RedriveDeadLetterResponse(dead_letter=letter)

    async def DiscardDeadLetter(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return bus_pb2.DiscardDeadLetterResponse(dead_letter=self._stubs.letters[0])

    async def ReplayOutbox(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return bus_pb2.ReplayOutboxResponse(events=12)

    async def GetBusState(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._stubs.heard(request)
        return bus_pb2.GetBusStateResponse(service="orders", broker_connected=True, unpublished_events=3)


def _page(found: Sequence[Any], request: Any) -> tuple[Sequence[Any], str]:
    """The page that was asked for, and the next one's token."""
    begin = int(request.page_token or 0)
    end = begin + request.page_size
    return found[begin:end], str(end) if end < len(found) else ""


@dataclass
class StubPlatform:
    """A data folder whose `platform.json` leads to the stubs."""

    data: Path
    address: str
    stubs: Stubs

    def aljibe(self, *arguments: str) -> Ran:
        return aljibe(*arguments, "--data", str(self.data))

    def only_orders_answer(self) -> None:
        """Every other service is at a port where nobody listens."""
        self.write({name: self.address if name == "orders" else "127.0.0.1:1" for name in SERVICES})

    def write(self, grpc_addresses: dict[str, str]) -> None:
        (self.data / "platform.json").write_text(json.dumps({"grpc": grpc_addresses}))


@pytest.fixture(scope="module")
def _loop_elsewhere() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Runs coroutines on a loop in a thread of its own: the command has one loop itself."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def platform(
    tmp_path: Path, _loop_elsewhere: Callable[[Coroutine[Any, Any, Any]], Any]
) -> Iterator[StubPlatform]:
    keys = development_keys(key_file(tmp_path).parent)
    stubs = Stubs()

    async def start() -> Server:
        server = Server(
            ChassisSettings(service_name="tests", grpc_listen="127.0.0.1:0"),
            [
                (
                    orders_pb2_grpc.add_OrderServiceServicer_to_server,
                    _Orders(stubs),  # type: ignore[abstract]  # a test calls no other method
                    orders_pb2.DESCRIPTOR.services_by_name["OrderService"],
                ),
                (
                    fulfillment_pb2_grpc.add_FulfillmentServiceServicer_to_server,
                    _Fulfillment(stubs),  # type: ignore[abstract]
                    fulfillment_pb2.DESCRIPTOR.services_by_name["FulfillmentService"],
                ),
                (
                    insights_pb2_grpc.add_InsightsServiceServicer_to_server,
                    _Insights(stubs),  # type: ignore[abstract]
                    insights_pb2.DESCRIPTOR.services_by_name["InsightsService"],
                ),
                (
                    dates_pb2_grpc.add_AvailabilityDateServiceServicer_to_server,
                    _Dates(stubs),
                    dates_pb2.DESCRIPTOR.services_by_name["AvailabilityDateService"],
                ),
                (
                    stock_prices_pb2_grpc.add_StockPriceServiceServicer_to_server,
                    _StockPrices(stubs),
                    stock_prices_pb2.DESCRIPTOR.services_by_name["StockPriceService"],
                ),
                (
                    inventory_pb2_grpc.add_StockServiceServicer_to_server,
                    _Stock(stubs),  # type: ignore[abstract]
                    inventory_pb2.DESCRIPTOR.services_by_name["StockService"],
                ),
                (
                    inventory_pb2_grpc.add_LocationServiceServicer_to_server,
                    _Locations(stubs),  # type: ignore[abstract]
                    inventory_pb2.DESCRIPTOR.services_by_name["LocationService"],
                ),
                (
                    catalog_pb2_grpc.add_CatalogServiceServicer_to_server,
                    _Catalog(stubs),  # type: ignore[abstract]
                    catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
                ),
                (
                    rules_pb2_grpc.add_SourcingRulesServiceServicer_to_server,
                    _Rules(stubs),  # type: ignore[abstract]
                    rules_pb2.DESCRIPTOR.services_by_name["SourcingRulesService"],
                ),
                (
                    controls_pb2_grpc.add_ChannelControlServiceServicer_to_server,
                    _Controls(stubs),  # type: ignore[abstract]
                    controls_pb2.DESCRIPTOR.services_by_name["ChannelControlService"],
                ),
                (
                    limits_pb2_grpc.add_BuyerLimitServiceServicer_to_server,
                    _Limits(stubs),  # type: ignore[abstract]
                    limits_pb2.DESCRIPTOR.services_by_name["BuyerLimitService"],
                ),
                (
                    backorders_pb2_grpc.add_BackorderServiceServicer_to_server,
                    _Backorders(stubs),  # type: ignore[abstract]
                    backorders_pb2.DESCRIPTOR.services_by_name["BackorderService"],
                ),
                (
                    bus_pb2_grpc.add_BusServiceServicer_to_server,
                    _Bus(stubs),
                    bus_pb2.DESCRIPTOR.services_by_name["BusService"],
                ),
            ],
            table=TABLE,
            verifier=TokenVerifier(keys.public_keys_file),
        )
        await server.start()
        await server.ready()
        return server

    server: Server = _loop_elsewhere(start())
    found = StubPlatform(tmp_path, f"127.0.0.1:{server.port}", stubs)
    found.write(dict.fromkeys((*SERVICES, "insights"), found.address))
    yield found
    _loop_elsewhere(server.drain(0))
