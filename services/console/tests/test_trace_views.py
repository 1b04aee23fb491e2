"""What traces tell of an order's life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aljibe.telemetry.v1 import traces_pb2
from services.console.adapters.pages.trace_views import brief, fall_of, map_of, step_of, steps_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_summary(root_name: str, minutes: int = 0, errors: int = 0) -> traces_pb2.TraceSummary:
    found = traces_pb2.TraceSummary(trace_id=f"{minutes:032x}", root_name=root_name, error_count=errors)
    found.start_time.FromDatetime(NOON + timedelta(minutes=minutes))
    return found


def a_span(name: str, span_id: str = "1", parent: str = "", location: str = "") -> traces_pb2.Span:
    span = traces_pb2.Span(span_id=span_id, parent_span_id=parent, service="fulfillment", name=name)
    span.start_time.FromDatetime(NOON)
    span.duration.FromMilliseconds(10)
    if location:
        span.attributes["aljibe.location.id"] = location
    return span


@pytest.mark.parametrize(
    ("root_name", "step"),
    [
        ("aljibe.fulfillment.v1.FulfillmentService/PickUnits", "PickUnits"),
        ("POST /v1/fulfillmentOrders/{fulfillment_order_id}:handOver", "HandOver"),
        ("POST /v1/locations/{location_id}/returns", "ReceiveReturn"),
        ("aljibe.orders.v1.OrderService/CancelOrder", "CancelOrder"),
        ("SourceAgain", ""),
        ("POST /v1/orders", ""),
        ("aljibe.orders.v1.OrderService/GetOrder", ""),
    ],
)
def test_a_trace_is_a_step_when_a_person_s_call_began_it(root_name: str, step: str) -> None:
    assert step_of(root_name) == step


def test_steps_in_the_orders_own_trace_say_where_and_are_told_once() -> None:
    trace = traces_pb2.Trace(trace_id="t", spans=[a_span("step picking-started, picked", location="store-1")])
    calls = [
        a_summary("aljibe.fulfillment.v1.FulfillmentService/PickUnits", 1),
        a_summary("aljibe.fulfillment.v1.FulfillmentService/HandOver", 2, errors=1),
        a_summary("aljibe.orders.v1.OrderService/CancelOrder", 3),
    ]

    steps = steps_of(calls, trace)

    assert [(one.name, one.location_id, one.refused) for one in steps] == [
        ("PickUnits", "store-1", False),
        ("HandOver", "", True),
        ("CancelOrder", "", False),
    ]


def test_payments_are_steps_too() -> None:
    trace = traces_pb2.Trace(trace_id="t", spans=[a_span("payment capture"), a_span("payment plan", "2")])

    assert [(one.service, one.name) for one in steps_of([], trace)] == [("payment", "capture")]


def test_without_the_orders_trace_calls_tell_the_steps() -> None:
    steps = steps_of([a_summary("aljibe.fulfillment.v1.FulfillmentService/PackOrder")], None)

    assert [(one.service, one.name) for one in steps] == [("fulfillment", "PackOrder")]


def test_names_of_calls_are_short_and_others_stay() -> None:
    assert brief("aljibe.orders.v1.OrderService/PlaceOrder") == "OrderService/PlaceOrder"
    assert brief("POST /v1/orders") == "POST /v1/orders"
    assert brief("group orders.accept") == "group orders.accept"


def test_a_waterfall_knows_the_spans_and_logs_behind_its_rows() -> None:
    log = traces_pb2.LogRecord(span_id="2", body="hello")
    trace = traces_pb2.Trace(trace_id="t", spans=[a_span("a"), a_span("b", "2", "1")], logs=[log])

    fall = fall_of(trace)

    assert fall is not None
    row = fall.drawn.rows[1]
    span = fall.span(row)
    assert span is not None
    assert span.name == "b"
    assert [one.body for one in fall.logs["2"]] == ["hello"]
    assert fall_of(traces_pb2.Trace(trace_id="t")) is None


def test_the_map_keeps_the_figures_of_what_it_draws() -> None:
    edge = traces_pb2.ServiceEdge(to="orders", kind=traces_pb2.CALL_KIND_RPC, calls_per_second=2)
    setattr(edge, "from", "gateway")
    node = traces_pb2.ServiceNode(service="orders", calls_per_second=2)
    answer = traces_pb2.GetServiceMapResponse(nodes=[node], edges=[edge])

    found = map_of(answer)

    assert [box.name for box in found.drawn.boxes] == ["gateway", "orders"]
    assert found.edges["gateway", "orders", "rpc"].calls_per_second == 2
