"""The HTTP door over real sockets, with a small gRPC service behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import orjson
import pytest
import pytest_asyncio
import uvicorn
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from chassis import telemetry
from chassis.errors import DETAILS_KEY, ErrorTable
from chassis.refusals import InvalidRequest, PermissionDenied, Violation
from services.gateway.app import Gateway
from services.gateway.config import Settings

BEYOND_THE_CALENDAR = Timestamp(seconds=253402300800)
"""No JSON says it: whoever sends it makes the door fail."""
TABLE = ErrorTable("orders.aljibe.dev")
Context = grpc.aio.ServicerContext[Any, Any]


class OrdersStub:
    """Answers what a test needs, refuses as the chassis would, and remembers what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, object, dict[str, str | bytes]]] = []
        self.watchers_gone = asyncio.Event()
        self.accept_time: Timestamp | None = None
        self.hold: asyncio.Event | None = None

    async def PlaceOrder(  # noqa: N802
        self, request: orders_pb2.PlaceOrderRequest, context: Context
    ) -> orders_pb2.PlaceOrderResponse:
        """Echoes the lines."""
        metadata = dict(context.invocation_metadata() or ())
        self.seen.append(("PlaceOrder", request, metadata))
        if self.hold is not None:
            await self.hold.wait()
        order = orders_pb2.Order(
            order_id="ord_1",
            channel_id=request.order.channel_id,
            total_minor=1299,
            accept_time=self.accept_time,
        )
        return orders_pb2.PlaceOrderResponse(order=order)

    async def GetOrder(  # noqa: N802
        self, request: orders_pb2.GetOrderRequest, context: Context
    ) -> orders_pb2.GetOrderResponse:
        """Refuses: another channel's."""
        languages = dict(context.invocation_metadata() or ()).get("accept-language", "")
        refusal: Exception = PermissionDenied("not yours")
        if request.order_id == "bad":
            refusal = InvalidRequest([Violation("order_id", "PATTERN", "does not look like an order id")])
        status = TABLE.status_for(refusal, str(languages))
        context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        await context.abort(code, status.message)
        raise AssertionError("abort raises")

    def __getattr__(self, name: str) -> object:
        """Methods no test calls."""
        return None

    async def WatchOrder(  # noqa: N802
        self, request: orders_pb2.WatchOrderRequest, context: Context
    ) -> AsyncIterator[orders_pb2.WatchOrderResponse]:
        """Two looks; the order `endless` then stays open."""
        try:
            for version in (1, 2):
                yield orders_pb2.WatchOrderResponse(order=orders_pb2.Order(order_id="ord_1", version=version))
            if request.order_id == "broken":
                yield orders_pb2.WatchOrderResponse(order=orders_pb2.Order(accept_time=BEYOND_THE_CALENDAR))
            if request.order_id == "endless":
                await asyncio.Event().wait()
        finally:
            self.watchers_gone.set()


@pytest.fixture(params=["short way", "ASGI"], autouse=True)
def way(request: pytest.FixtureRequest) -> str:
    """Every test runs over our own protocol and over uvicorn's: a caller cannot tell them apart."""
    _Way.chosen = request.param
    return _Way.chosen


class _Way:
    chosen = ""
    server: uvicorn.Server


@asynccontextmanager
async def _serving(gateway: Gateway) -> AsyncIterator[str]:
    http: Any = gateway.protocol if _Way.chosen == "short way" else "httptools"
    config = uvicorn.Config(gateway.app, host="127.0.0.1", port=0, log_config=None, lifespan="off", http=http)
    server = _Way.server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def _door(stub: OrdersStub, **settings: object) -> AsyncIterator[httpx.AsyncClient]:
    behind = grpc.aio.server()
    orders_pb2_grpc.add_OrderServiceServicer_to_server(stub, behind)  # type: ignore[arg-type]
    port = behind.add_insecure_port("127.0.0.1:0")
    await behind.start()
    gateway = Gateway(Settings(orders_address=f"127.0.0.1:{port}", **settings))  # type: ignore[arg-type]
    async with _serving(gateway) as url, httpx.AsyncClient(base_url=url, timeout=10) as client:
        yield client
        gateway.drain()
    await gateway.close()
    await behind.stop(0)


@pytest_asyncio.fixture
async def stub() -> OrdersStub:
    """The service behind the door."""
    return OrdersStub()


async def test_a_call_goes_through_with_identity_language_key_and_trace(stub: OrdersStub) -> None:
    """What the caller says of itself reaches the service; the answer is ProtoJSON."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {
        "Authorization": "Bearer x",
        "Accept-Language": "es",
        "Idempotency-Key": "k-1",
        "traceparent": f"00-{trace}-b7ad6b7169203331-00",
    }

    async with _door(stub) as client:
        answer = await client.post("/v1/orders", json={"order": {"channelId": "web"}}, headers=headers)

    assert answer.status_code == 200
    assert answer.json() == {"order": {"orderId": "ord_1", "channelId": "web", "totalMinor": "1299"}}
    assert answer.headers["traceparent"].split("-")[1] == trace
    (name, request, metadata) = stub.seen[0]
    assert (name, request.request_id) == ("PlaceOrder", "k-1")  # type: ignore[attr-defined]
    assert metadata["authorization"] == "Bearer x"
    assert metadata["accept-language"] == "es"
    assert str(metadata["traceparent"]).split("-")[1] == trace


async def test_a_refusal_is_a_problem_in_the_callers_language(stub: OrdersStub) -> None:
    """RFC 9457, with the service's own reason, text and fields."""
    async with _door(stub) as client:
        denied = await client.get("/v1/orders/ord_1", headers={"Accept-Language": "es-MX,es;q=0.9"})
        invalid = await client.get("/v1/orders/bad")

    assert denied.status_code == 403
    assert denied.headers["content-type"] == "application/problem+json"
    assert denied.json()["reason"] == "PERMISSION_DENIED"
    assert denied.json()["detail"] == "No tiene permiso para hacer esto"
    assert invalid.status_code == 400
    assert invalid.json()["violations"] == [
        {"field": "order_id", "description": "does not look like an order id", "reason": "PATTERN"}
    ]


async def test_the_door_itself_refuses_what_it_can_judge(stub: OrdersStub) -> None:
    """Unknown paths and methods, wrong media types, bodies that are too large: no service is called."""
    async with _door(stub, max_body_bytes=100) as client:
        unknown = await client.get("/v1/nothing")
        method = await client.delete("/v1/orders")
        media = await client.post("/v1/orders", content=b"<a/>", headers={"Content-Type": "text/xml"})
        large = await client.post("/v1/orders", json={"requestId": "x" * 200})

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b" " * 60

        json_type = {"Content-Type": "application/json"}
        streamed = await client.post("/v1/orders", content=chunks(), headers=json_type)

    answers = (unknown, method, media, large, streamed)
    assert [answer.status_code for answer in answers] == [404, 405, 415, 413, 413]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
    assert stub.seen == []


async def test_a_service_that_is_away_is_503_and_readiness_says_which(stub: OrdersStub) -> None:
    """A client is told to come back, and an orchestrator not to send traffic."""
    gateway = Gateway(Settings(orders_address="127.0.0.1:1", default_deadline_seconds=0.3))
    async with _serving(gateway) as url, httpx.AsyncClient(base_url=url, timeout=10) as client:
        answer = await client.get("/v1/orders/ord_1")
        ready = await client.get("/readyz")
        alive = await client.get("/healthz")
    await gateway.close()

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert (ready.status_code, ready.json()["away"]) == (503, ["orders"])
    assert alive.status_code == 200


async def test_a_server_stream_is_server_sent_events(stub: OrdersStub) -> None:
    """One event a message, numbered, until the stream ends."""
    async with _door(stub) as client:
        answer = await client.get("/v1/orders/ord_1:watch")

    assert answer.headers["content-type"] == "text/event-stream"
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    assert [lines[0] for lines in events] == ["event: WatchOrder"] * 2
    assert [lines[1] for lines in events] == ["id: 1", "id: 2"]
    assert '"version":"2"' in events[1][2]


async def test_a_fault_of_ours_within_a_stream_is_its_last_event(stub: OrdersStub) -> None:
    """The status is said by then; the stream must end in a way that a program can tell from its end."""
    async with _door(stub) as client:
        answer = await client.get("/v1/orders/broken:watch")

    assert answer.status_code == 200
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    assert [lines[0] for lines in events] == ["event: WatchOrder", "event: WatchOrder", "event: problem"]
    problem = orjson.loads(events[2][2].removeprefix("data: "))
    assert (problem["status"], problem["reason"]) == (500, "INTERNAL")
    assert problem["instance"].startswith("urn:trace:")


async def test_a_fault_of_ours_is_500_and_tells_nothing(stub: OrdersStub) -> None:
    """Its traceback is in the log; the caller gets the trace's id to name it by."""
    stub.accept_time = BEYOND_THE_CALENDAR

    async with _door(stub) as client:
        answer = await client.post("/v1/orders", json={})

    assert answer.status_code == 500
    assert answer.json()["reason"] == "INTERNAL"
    assert "alendar" not in answer.text


async def test_of_an_unsampled_trace_only_a_fault_or_a_slow_request_leaves_a_span(stub: OrdersStub) -> None:
    """Under the trace that its caller was told; a refusal and a quick answer leave none."""
    spans: list[telemetry.Span] = []
    settings = Settings(trace_ratio=0.0, trace_slow_seconds=0.2)
    opened = telemetry.setup(settings, take=spans.append)

    async with _door(stub) as client:
        await client.post("/v1/orders", json={})
        await client.get("/v1/orders/ord_1")
        stub.hold = asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, stub.hold.set)
        slow = await client.post("/v1/orders", json={})
        stub.accept_time = BEYOND_THE_CALENDAR
        broken = await client.post("/v1/orders", json={})
    opened.close()

    assert [one.traceparent for one in spans] == [slow.headers["traceparent"], broken.headers["traceparent"]]
    assert [one.attributes["aljibe.kept"] for one in spans] == ["slow", "error"]
    assert spans[1].attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/orders",
        "url.scheme": "http",
        "http.response.status_code": 500,
        "error.type": "500",
        "aljibe.kept": "error",
    }


async def test_a_client_that_leaves_ends_the_stream_behind(stub: OrdersStub) -> None:
    """A page that is closed must not leave a watcher running in the service."""
    async with _door(stub) as client:
        async with client.stream("GET", "/v1/orders/endless:watch") as answer:
            first = await anext(answer.aiter_text())

        await asyncio.wait_for(stub.watchers_gone.wait(), timeout=5)

    assert first.startswith("event: WatchOrder")


async def test_a_caller_that_asks_too_much_is_slowed_down(stub: OrdersStub) -> None:
    """429 for the one caller, nothing for others."""
    async with _door(stub, rate_limit_per_second=0.001, rate_limit_burst=2) as client:
        greedy = [
            (await client.post("/v1/orders", json={}, headers={"Authorization": "a"})).status_code
            for _ in range(3)
        ]
        other = await client.post("/v1/orders", json={}, headers={"Authorization": "b"})

    assert greedy == [200, 200, 429]
    assert other.status_code == 200


async def test_the_documents_are_served(stub: OrdersStub) -> None:
    """The OpenAPI document and a page in two languages that loads nothing from elsewhere."""
    async with _door(stub) as client:
        document = (await client.get("/openapi.json")).json()
        english = await client.get("/docs")
        spanish = await client.get("/docs", headers={"Accept-Language": "es"})

    assert document["openapi"] == "3.1.0"
    assert "/v1/orders/{order_id}:cancel" in document["paths"]
    assert "One stock pool" in english.text
    assert "Un solo inventario" in spanish.text
    assert "//" not in "".join(part.split('"')[0] for part in english.text.split('src="')[1:])


async def test_browsers_of_listed_origins_may_call(stub: OrdersStub) -> None:
    """CORS by setting only."""
    preflight = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}

    async with _door(stub, cors_origins=("https://shop.example",)) as client:
        allowed = await client.options("/v1/orders", headers=preflight)
        refused = await client.options("/v1/orders", headers={**preflight, "Origin": "https://other.example"})

    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in refused.headers
