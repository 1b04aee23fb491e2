"""From traces as they are stored to waterfalls, steps of an order's life, and the map of services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration

from aljibe.telemetry.v1 import traces_pb2
from services.console.adapters.pages.order_views import moment, short
from services.console.domain import service_map
from services.console.domain.order_life import Done
from services.console.domain.waterfall import MAX_ROWS, Row, Span, Waterfall, waterfall

MAX_LOGS = 200
ORDER_ATTRIBUTES = ("aljibe.order.id", "aljibe.order_id", "order_id")
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
    return next((span.attributes[name] for name in ORDER_ATTRIBUTES if name in span.attributes), "")


def steps_of(summaries: Iterable[traces_pb2.TraceSummary]) -> list[Done]:
    """What people did to an order, as far as its traces tell by the call that began each."""
    found = []
    for one in summaries:
        name = step_of(one.root_name)
        time = moment(one.start_time)
        if name and time is not None:
            service = "orders" if name in _OF_ORDERS else "fulfillment"
            found.append(Done(time, service, name, "", one.error_count > 0, one.trace_id))
    return found


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
