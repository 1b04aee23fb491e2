"""One trace from the browser to the hand-over, over all services, with nothing in it that a person typed."""

from __future__ import annotations

import re

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from aljibe.orders.v1 import orders_pb2
from tests.integration.collector import Collector, Sent
from tests.integration.world import PICKUP, World, address, eventually, request_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
STORE = "store-north"
SERVER, CLIENT, PRODUCER, CONSUMER = (
    Span.SPAN_KIND_SERVER,
    Span.SPAN_KIND_CLIENT,
    Span.SPAN_KIND_PRODUCER,
    Span.SPAN_KIND_CONSUMER,
)


def _named(spans: list[Sent], name: str, service: str = "") -> list[Sent]:
    return [one for one in spans if one.span.name == name and service in ("", one.service)]


async def _bought(
    world: World, draft: orders_pb2.OrderDraft, trace: str, sampled: bool = True
) -> dict[str, str]:
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(), order=draft, payment=orders_pb2.PaymentInput(token="tok_ok")
    )
    traceparent = f"00-{trace}-{CALLER}-{'01' if sampled else '00'}"
    answer = await world.post("/v1/orders", request, world.shop(), traceparent=traceparent)
    found: dict[str, str] = answer["order"]
    return found


async def test_one_trace_runs_from_the_browser_to_the_hand_over(
    observed: tuple[World, Collector],
) -> None:
    """HTTP, gRPC on both sides, SQL, publishing and processing of events, payment, picking, the code."""
    world, found = observed
    sku = await world.article(stock={STORE: 2})

    order = await _bought(world, world.draft(sku, method=PICKUP, store=STORE), TRACE)
    work = await world.work(order["orderId"])
    code = await world.make_ready(work)
    await world.hand_over(work, code)

    async def ended() -> bool:
        # Each service sends what it has when it has time, so that the last to happen is not the last to come.
        sent = {(one.service, one.span.name) for one in found.of_trace(TRACE)}
        return sent >= {
            ("aljibe-gateway", "POST /v1/orders"),
            ("aljibe-fulfillment", "process order-accepted"),
            ("aljibe-inventory", "process order-accepted"),
            ("aljibe-inventory", "process order-handed-over"),
            ("aljibe-orders", "payment capture"),
            ("aljibe-orders", "publish payment-moved"),
        }

    async def whole() -> bool:
        # No span hangs in the air: each has a parent, once all services have sent theirs.
        known = {CALLER, *(one.span_id for one in found.of_trace(TRACE))}
        return all(one.parent_id in known for one in found.of_trace(TRACE))

    await eventually(ended, "the end of the order's way in every service")
    await eventually(whole, "the parent of every span")
    spans = sorted(found.of_trace(TRACE), key=lambda one: one.span.start_time_unix_nano)
    assert order["traceId"] == TRACE
    # The catalog is asked only for what the copy in orders does not have yet.
    assert {one.service for one in spans} - {"aljibe-catalog"} == {
        f"aljibe-{name}" for name in ("gateway", "orders", "inventory", "fulfillment")
    }
    assert len(_named(spans, "QuoteBasket", "aljibe-orders")) == 1
    (door,) = _named(spans, "POST /v1/orders")
    assert (door.span.kind, door.parent_id) == (SERVER, CALLER)
    assert door.attributes["http.route"] == "/v1/orders"
    assert door.attributes["http.response.status_code"] == 200
    place = sorted(_named(spans, "aljibe.orders.v1.OrderService/PlaceOrder"), key=lambda one: one.span.kind)
    assert [(one.service, one.span.kind) for one in place] == [
        ("aljibe-orders", SERVER),
        ("aljibe-gateway", CLIENT),
    ]
    assert place[0].parent_id == place[1].span_id
    assert place[0].attributes["rpc.system.name"] == "grpc"
    assert place[0].attributes["rpc.response.status_code"] == "OK"
    (decided,) = _named(spans, "PlaceOrder")
    assert decided.attributes["aljibe.order.id"] == order["orderId"]
    assert decided.attributes["aljibe.channel.id"] == "web"
    assert decided.attributes["aljibe.plan.way"] == "PICKUP"
    assert decided.attributes["aljibe.plan.locations"] == STORE
    (accepted,) = _named(spans, "accept_orders")
    assert accepted.span.kind == CLIENT
    assert accepted.attributes["db.system.name"] == "postgresql"
    assert accepted.attributes["db.operation.name"] == "INSERT"
    (told,) = _named(spans, "publish order-accepted")
    assert (told.span.kind, told.attributes["messaging.system"]) == (PRODUCER, "nats")
    heard = _named(spans, "process order-accepted")
    assert {(one.service, one.parent_id, one.span.kind) for one in heard} == {
        (f"aljibe-{name}", told.span_id, CONSUMER) for name in ("inventory", "fulfillment")
    }
    assert len(_named(spans, "payment authorize")) == 1
    assert len(_named(spans, "payment capture")) == 1
    (gone,) = _named(spans, "process order-handed-over", "aljibe-inventory")
    assert gone.parent_id in {one.span_id for one in _named(spans, "publish order-handed-over")}


async def test_a_step_of_the_store_is_linked_with_its_request_both_ways(
    observed: tuple[World, Collector],
) -> None:
    """It arrives as a request with a trace of its own, and is shown in the order's all the same."""
    world, found = observed
    trace = TRACE.replace("4bf9", "5bf9")
    sku = await world.article(stock={STORE: 1})
    order = await _bought(world, world.draft(sku, method=PICKUP, store=STORE), trace)

    await world.pick(await world.work(order["orderId"]))

    def steps() -> list[Sent]:
        return [one for one in found.of_trace(trace) if one.span.name.startswith("step")]

    def asking() -> list[Sent]:
        ids = {one.span_id for one in steps()}
        picks = _named(found.spans, "aljibe.fulfillment.v1.FulfillmentService/PickUnits")
        return [one for one in picks if one.links & ids]

    async def heard() -> bool:
        # Each service sends what it has when it has time: effects may arrive before their causes.
        return bool(_named(found.of_trace(trace), "process units-picked") and asking())

    await eventually(heard, "the step in the order's trace, and its request")
    (step,), requests = steps(), asking()
    assert step.attributes["aljibe.location.id"] == STORE
    assert step.attributes["aljibe.order.id"] == order["orderId"]
    assert [one.links for one in requests] == [{step.span_id}]
    assert requests[0].span_id in step.links
    assert requests[0].span.trace_id.hex() != trace


async def test_nothing_that_a_person_typed_leaves_the_platform(
    observed: tuple[World, Collector],
) -> None:
    """Neither in spans nor in logs, of requests that are granted, refused and nonsense."""
    world, found = observed
    planted = {
        "name": "Maria-Planted-Perez",
        "line": "Calle-Planted-77",
        "phone": "+34-600-PLANTED",
        "mail": "planted@example.org",
        "reference": "REF-PLANTED-9",
    }
    sku, collected = await world.article(stock={"wh-1": 1}), await world.article(stock={STORE: 1})
    home = address()
    home.recipient, home.street_lines[:] = planted["name"], [planted["line"], planted["phone"]]
    draft = world.draft(sku, delivery_address=home, customer_reference=planted["reference"])
    draft.customer.customer_id = planted["mail"]
    trace = TRACE.replace("4bf9", "6bf9")
    await _bought(world, draft, trace)
    pickup = await _bought(world, world.draft(collected, method=PICKUP, store=STORE), trace)
    work = await world.work(pickup["orderId"])
    code = await world.make_ready(work)
    token = world.staff(work.location_id)

    for path, body in (
        ("/v1/orders", {"order": {"customer": {"customerId": planted["mail"]}, "lines": planted["name"]}}),
        (f"/v1/orders/{planted['mail']}:cancel", {"requestId": request_id(), "reason": planted["name"]}),
    ):
        await world.http.post(path, json=body, headers={"Authorization": f"Bearer {world.operator}"})
    await world.http.get(f"/v1/orders?customerReference={planted['reference']}&nonsense={planted['phone']}")
    await world.hand_over(work, code)

    async def over() -> bool:
        return bool(_named(found.of_trace(trace), "process order-handed-over"))

    await eventually(over, "the hand-over in the trace")
    sent = b"".join(found.raw)
    for text in (*planted.values(), token, world.operator):
        assert text.encode() not in sent, text
    assert re.search(rb"(?<!\w)%b(?!\w)" % code.encode(), sent) is None


async def test_metrics_of_every_service_arrive_and_lead_to_traces(
    observed: tuple[World, Collector],
) -> None:
    """By OTLP; an exemplar of an RPC's duration names a trace that was sent as well."""
    world, found = observed
    sku = await world.article(stock={"wh-1": 1})
    await _bought(world, world.draft(sku), TRACE.replace("4bf9", "7bf9"))

    def exemplars() -> set[str]:
        return {
            exemplar.trace_id.hex()
            for service, metric in found.metrics
            if (service, metric.name) == ("aljibe-orders", "aljibe_rpc_server_seconds")
            for point in metric.histogram.data_points
            for exemplar in point.exemplars
        }

    everyone = {f"aljibe-{name}" for name in ("gateway", "catalog", "orders", "inventory", "fulfillment")}

    async def there() -> bool:
        traces = {one.span.trace_id.hex() for one in found.spans}
        return bool(exemplars() & traces)

    async def by_all() -> bool:
        return everyone <= {service for service, _ in found.metrics}

    await eventually(there, "an exemplar of a trace that was sent")
    await eventually(by_all, "metrics of every service")
    names = {metric.name for _, metric in found.metrics}
    assert {"aljibe_orders_accepted", "aljibe_outbox_lag_seconds", "aljibe_consumer_lag_messages"} <= names
