"""What is sent by OTLP: in its form, in time, and never at the cost of the service."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from chassis import otlp_wire, telemetry
from chassis.logs import forward_logs
from chassis.otlp import Pipeline, Queue, Sender
from chassis.otlp_wire import LogEntry
from chassis.settings import SettingsError
from chassis.spans import Kind, Span
from chassis.tests.conftest import OTHER, SAMPLED, UNSAMPLED, OutOfTea

WHO = otlp_wire.resource({"service.name": "aljibe-tests", "answer": 42, "true": True, "half": 0.5})


class Sink:
    """Takes what is sent over a real connection."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.arrived = threading.Condition()
        self.metadata: dict[str, str] = {}
        self.port = 0

    def handler(self, signal: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        """Of one signal."""

        def take(body: bytes, context: grpc.ServicerContext) -> bytes:
            self.metadata = {key: str(value) for key, value in context.invocation_metadata()}
            with self.arrived:
                self.got.append((signal, body))
                self.arrived.notify_all()
            return b""

        return take

    def until(self, signal: str) -> bytes:
        """The first of a signal."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: any(one == signal for one, _ in self.got), 5)
        return next(body for one, body in self.got if one == signal)


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    for signal in ("Trace", "Logs", "Metrics"):
        service = f"opentelemetry.proto.collector.{signal.lower()}.v1.{signal}Service"
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Export": grpc.unary_unary_rpc_method_handler(made.handler(signal))
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    made.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield made
    server.stop(0).wait()


def _span(traceparent: str = SAMPLED) -> Span:
    span = Span(
        "x", Kind.SERVER, traceparent, "00f067aa0ba902b7", {"a": "ñ", "n": -3, "b": True, "f": 0.5}, 5
    )
    span.end_nanos = 9
    span.links.append(OTHER)
    span.raised(ZeroDivisionError("secret"))
    return span


def test_a_span_has_otlps_form() -> None:
    read = ExportTraceServiceRequest.FromString(otlp_wire.traces(WHO, [_span(), _span(UNSAMPLED)]))

    (resource,) = read.resource_spans
    span, kept = resource.scope_spans[0].spans
    values = {one.key: one.value for one in span.attributes}
    assert [one.key for one in resource.resource.attributes] == ["service.name", "answer", "true", "half"]
    assert (span.trace_id.hex(), span.span_id.hex()) == (SAMPLED[3:35], SAMPLED[36:52])
    assert (span.parent_span_id.hex(), span.name, span.kind) == ("00f067aa0ba902b7", "x", 2)
    assert (span.start_time_unix_nano, span.end_time_unix_nano, span.flags, kept.flags) == (5, 9, 1, 0)
    assert (values["a"].string_value, values["n"].int_value) == ("ñ", -3)
    assert (values["b"].bool_value, values["f"].double_value) == (True, 0.5)
    assert span.links[0].trace_id.hex() == OTHER[3:35]
    assert (span.status.code, values["error.type"].string_value) == (2, "ZeroDivisionError")
    assert (span.events[0].name, "secret" in str(span)) == ("exception", False)


def test_spans_logs_and_metrics_arrive_with_the_headers_of_the_settings(sink: Sink) -> None:
    pipeline = Pipeline(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.port}",
            "OTEL_EXPORTER_OTLP_HEADERS": "x-Team=one%20two, other=3",
            "OTEL_BSP_SCHEDULE_DELAY": "10",
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
        },
        WHO,
        ExportMetricsServiceRequest().SerializeToString,
    )
    pipeline.start()

    pipeline.take(_span())
    pipeline.take_log(LogEntry(1, 13, "WARNING", "it rains", {"mm": 3}, SAMPLED))

    spans = ExportTraceServiceRequest.FromString(sink.until("Trace"))
    logs = ExportLogsServiceRequest.FromString(sink.until("Logs"))
    sink.until("Metrics")
    pipeline.close()
    (record,) = logs.resource_logs[0].scope_logs[0].log_records
    assert spans.resource_spans[0].scope_spans[0].spans[0].name == "x"
    assert (record.body.string_value, record.severity_number) == ("it rains", 13)
    assert (record.trace_id.hex(), record.span_id.hex()) == (SAMPLED[3:35], SAMPLED[36:52])
    assert (sink.metadata["x-team"], sink.metadata["other"]) == ("one two", "3")


def test_what_waits_is_sent_when_the_process_ends(sink: Sink) -> None:
    pipeline = Pipeline(
        {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.port}", "OTEL_BSP_SCHEDULE_DELAY": "60000"},
        WHO,
        bytes,
    )
    pipeline.start()
    pipeline.take(_span())

    pipeline.close()

    assert {signal for signal, _ in sink.got} == {"Trace", "Metrics"}


def test_a_full_queue_drops_what_comes_and_what_nobody_takes_is_let_go() -> None:
    """Nothing waits, and nothing grows."""
    queue = Queue("trace", 3, 2, lambda: None)
    sent: list[list[int]] = []

    for number in range(5):
        queue.put(number)

    def refused(signal: str, body: bytes) -> bool:
        sent.append(list(body))
        return False

    queue.flush(bytes, refused)

    assert sent == [[0, 1], [2]]


def test_a_receiver_that_is_away_costs_nothing_but_the_spans() -> None:
    sender = Sender(
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "200"}
    )
    sender.stopping()

    arrived = sender.send("trace", b"")
    sender.close()

    assert not arrived


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Sender({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", name: value})


@pytest.fixture
def forwarded() -> Iterator[list[LogEntry]]:
    entries: list[LogEntry] = []
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    forward_logs(entries.append)
    yield entries
    forward_logs(None)
    root.setLevel(level)


def test_warnings_and_what_is_logged_in_a_sampled_trace_are_forwarded(forwarded: list[LogEntry]) -> None:
    log = logging.getLogger("chassis.tests")

    log.info("outside")
    with telemetry.from_traceparent(UNSAMPLED):
        log.info("unsampled")
        log.warning("warned", extra={"order_id": "ord_1", "tries": 2})
    with telemetry.from_traceparent(SAMPLED):
        log.info("sampled")

    assert [one.body for one in forwarded] == ["warned", "sampled"]
    assert [one.traceparent for one in forwarded] == [UNSAMPLED, SAMPLED]
    assert forwarded[0].attributes == {"logger.name": "chassis.tests", "order_id": "ord_1", "tries": 2}


def test_what_is_forwarded_quotes_nobody(forwarded: list[LogEntry]) -> None:
    """Neither an exception's text, nor the detail of a reason, nor what a library filled in."""
    try:
        raise OutOfTea(3) from ValueError("Maria Perez")
    except OutOfTea as error:
        logging.getLogger("services.orders").error("order_lost", exc_info=error)
    logging.getLogger("services.orders").warning("x", extra={"reason": "duplicate\nDETAIL: (Maria Perez)"})
    logging.getLogger("asyncio").warning("Task %s was lost", "Maria Perez")

    lost, twice, library = forwarded
    assert "Perez" not in str(forwarded)
    assert lost.attributes["exception.type"] == "OutOfTea"
    assert "test_otlp.py" in str(lost.attributes["exception.stacktrace"])
    assert (twice.attributes["reason"], library.body) == ("duplicate", "Task %s was lost")
