"""From traces as they are stored to waterfalls, steps of an order's life, and the map of services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration

from aljibe.telemetry.v1 import traces_pb2
from chassis import conventions
from services.console.adapters.pages.order_views import moment, short
from services.console.domain import service_map
from services.console.domain.order_life import Done
from services.console.domain.waterfall import MAX_ROWS, Row, Span, Waterfall, waterfall

MAX_LOGS = 200
# What people do to an order, by the RPC's name or by the end of its REST route.
STEPS: Mapping[str, str] = {
    ":startPicking": "StartPicking",
    ":pick": "PickUnits",
    ":shortPick": "ReportShortPick",
    ":pack": "PackOrder",
    ":ship": "ShipOrder",
    ":ready": "MarkReady",
    ":handOver": "HandOver",
    ":expire": "ExpirePickup",
    ":renew": "RenewPickupCode",
    "/returns": "ReceiveReturn",
    ":cancel": "CancelOrder",
    ":resolveShortage": "ResolveShortage",
    ":hold": "HoldOrder",
    ":liftHold": "LiftHold",
    ":sourceAgain": "SourceAgain",
}
# What a fulfillment order tells, as the last word of the step's span in its order's trace.
_TOLD: Mapping[str, str] = {
    "picking-started": "StartPicking",
    "picked": "PickUnits",
    "short": "ReportShortPick",
    "packed": "PackOrder",
    "shipped": "ShipOrder",
    "ready": "MarkReady",
    "handed-over": "HandOver",
    "expired": "ExpirePickup",
    "returned": "ReceiveReturn",
}
_STEP = "step "
_PAYMENT = "payment "
_PAYMENTS = ("authorize", "capture", "void", "refund")
_OF_ORDERS = ("CancelOrder", "ResolveShortage", "HoldOrder", "LiftHold", "SourceAgain")


@dataclass(frozen=True)
class Fall:
    """A waterfall with the stored spans behind its rows."""

    drawn: Waterfall
    spans: Mapping[str, traces_pb2.Span]
    logs: Mapping[str, Sequence[traces_pb2.LogRecord]]
    """By span."""
    services: Sequence[str]
    """In order of appearance: their number is their colour."""

    def span(self, row: Row) -> traces_pb2.Span | None:
        """What is stored of a row; None for one that stands for several."""
        return self.spans.get(row.span.span_id)

    def series(self, service: str) -> int:
        """The colour of a service, 1 to 6."""
        return self.services.index(service) % 6 + 1

    def after(self, row: Row) -> float:
        """Seconds from the beginning of what is shown."""
        return (row.span.start - self.drawn.start).total_seconds()


def fall_of(trace: traces_pb2.Trace, *, root: str = "", most_rows: int = MAX_ROWS) -> Fall | None:
    """The waterfall of a trace, or of what is below one of its spans."""
    drawn = waterfall([_span(one) for one in trace.spans], root=root, most_rows=most_rows)
    if drawn is None:
        return None
    logs: dict[str, list[traces_pb2.LogRecord]] = {}
    for one in trace.logs:
        logs.setdefault(one.span_id, []).append(one)
    services = dict.fromkeys(one.service for one in trace.spans)
    return Fall(drawn, {one.span_id: one for one in trace.spans}, logs, tuple(services))


def _span(one: traces_pb2.Span) -> Span:
    return Span(
        one.span_id,
        one.parent_span_id,
        one.service,
        one.name,
        moment(one.start_time) or datetime.fromtimestamp(0, UTC),
        seconds_of(one.duration),
        one.state == traces_pb2.SPAN_STATE_ERROR,
    )


def seconds_of(duration: Duration) -> float:
    """A span of time as seconds, to the nanosecond."""
    return float(duration.seconds) + duration.nanos / 1e9


def kind_of(span: traces_pb2.Span) -> str:
    """What the span is to the one at the other end: SERVER, CLIENT and so on."""
    return short(traces_pb2.SpanKind, span.kind)


def order_of(span: traces_pb2.Span) -> str:
    """The order that a span is about; empty: none."""
    return span.attributes.get(conventions.ORDER_ID, "")


def steps_of(summaries: Iterable[traces_pb2.TraceSummary], trace: traces_pb2.Trace | None) -> list[Done]:
    """What people did to an order: the steps of the stores in its own trace, and calls that began traces.

    A call that a step stands for is told once; one that was refused has no step.
    """
    found = [] if trace is None else [done for span in trace.spans if (done := _step_done(span, trace))]
    stepped = any(one.service == "fulfillment" for one in found)
    for one in summaries:
        name = step_of(one.root_name)
        time = moment(one.start_time)
        ordered = name in _OF_ORDERS
        if name and time is not None and (ordered or one.error_count or not stepped):
            service = "orders" if ordered else "fulfillment"
            found.append(Done(time, service, name, "", one.error_count > 0, one.trace_id))
    return found


def _step_done(span: traces_pb2.Span, trace: traces_pb2.Trace) -> Done | None:
    time = moment(span.start_time)
    if time is None:
        return None
    payment = span.name.removeprefix(_PAYMENT)
    if span.name.startswith(_PAYMENT) and payment in _PAYMENTS:
        refused = span.state == traces_pb2.SPAN_STATE_ERROR
        return Done(time, "payment", payment, "", refused, trace.trace_id)
    name = _TOLD.get(span.name.removeprefix(_STEP).rpartition(", ")[2], "")
    if not span.name.startswith(_STEP) or not name:
        return None
    location = span.attributes.get(conventions.LOCATION_ID, "")
    failed = span.state == traces_pb2.SPAN_STATE_ERROR
    return Done(time, "fulfillment", name, location, failed, trace.trace_id)


def brief(name: str) -> str:
    """`OrderService/PlaceOrder` of an RPC's full name; other names as they are."""
    service, slash, method = name.rpartition("/")
    return f"{service.rpartition('.')[2]}/{method}" if slash and service.startswith("aljibe.") else name


def step_of(root_name: str) -> str:
    """`PickUnits` of the name of its RPC or of its REST route; "" of what is no step of people's work."""
    service, _, method = root_name.rpartition("/")
    if service.startswith("aljibe.") and method in STEPS.values():
        return method
    return next((step for ending, step in STEPS.items() if root_name.endswith(ending)), "")


@dataclass(frozen=True)
class ServiceMap:
    """The map with what each box and curve stands for."""

    drawn: service_map.Layout
    nodes: Mapping[str, traces_pb2.ServiceNode]
    edges: Mapping[tuple[str, str, str], traces_pb2.ServiceEdge]


def map_of(answer: traces_pb2.GetServiceMapResponse) -> ServiceMap:
    """The map of services of an answer."""
    edges = {
        (getattr(one, "from"), one.to, short(traces_pb2.CallKind, one.kind).lower()): one
        for one in answer.edges
    }
    links = [
        service_map.Link(source, target, kind, one.calls_per_second)
        for (source, target, kind), one in edges.items()
    ]
    nodes = {one.service: one for one in answer.nodes}
    return ServiceMap(service_map.layout(nodes, links), nodes, edges)
