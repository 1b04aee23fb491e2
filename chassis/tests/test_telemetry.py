"""Traces that continue, logs that name them, metrics that can be read."""

from __future__ import annotations

import json
import logging
import sys
import time
import urllib.request

import pytest
from opentelemetry.semconv import attributes as stable
from opentelemetry.semconv._incubating import attributes as incubating

from chassis import conventions, metrics, otlp_wire, telemetry
from chassis.metrics_export import metrics_request
from chassis.tests.conftest import OTHER, SAMPLED, UNSAMPLED, Recorder


def test_a_span_continues_the_trace_it_came_with(spans: Recorder) -> None:
    with telemetry.from_traceparent(SAMPLED), telemetry.span("outer", attributes={"sku": "A"}):
        with telemetry.span("inner"):
            inside = telemetry.current_traceparent()

    inner, outer = spans
    assert outer.parent_id == SAMPLED[36:52]
    assert inner.parent_id == outer.span_id
    assert inside == inner.traceparent == f"{SAMPLED[:36]}{inner.span_id}-01"
    assert outer.start_nanos <= inner.start_nanos <= inner.end_nanos <= outer.end_nanos
    assert telemetry.current_traceparent() is None


def test_an_unsampled_trace_is_handed_on_and_not_recorded(spans: Recorder) -> None:
    with telemetry.from_traceparent(UNSAMPLED), telemetry.span("x") as span:
        inside = telemetry.current_traceparent()

    assert (span, inside, spans) == (None, UNSAMPLED, [])


@pytest.mark.parametrize(
    "wrong", [None, "", "00-xyz", "00-" + "0" * 32 + "-b7ad6b7169203331-01", SAMPLED + "x"]
)
def test_a_malformed_traceparent_begins_a_new_trace(spans: Recorder, wrong: str | None) -> None:
    with telemetry.from_traceparent(wrong) as begun:
        assert begun != wrong
        assert telemetry.is_sampled(begun)


def test_a_failed_span_says_what_failed_and_where_but_not_its_text(spans: Recorder) -> None:
    """The text of an exception may quote what a person typed."""
    with pytest.raises(KeyError), telemetry.from_traceparent(SAMPLED), telemetry.span("x"):
        raise KeyError("Maria Perez")

    (span,) = spans
    assert (span.state, span.attributes["error.type"]) == (telemetry.State.ERROR, "KeyError")
    assert "test_telemetry.py" in str(span.events[0].attributes["exception.stacktrace"])
    assert "Perez" not in str([(event.name, event.attributes) for event in span.events])


def test_a_refusal_is_no_error(spans: Recorder) -> None:
    """That there is no stock is an answer; whoever looks for errors must not find it."""

    class Refusal(Exception):
        pass

    class NoStock(Refusal):
        pass

    with pytest.raises(NoStock), telemetry.from_traceparent(SAMPLED), telemetry.span("x"):
        raise NoStock

    assert (spans[0].state, spans[0].attributes) == (telemetry.State.UNSET, {"error.type": "NoStock"})


def test_what_is_kept_of_an_unsampled_trace_has_its_trace_id_and_its_times(spans: Recorder) -> None:
    """It is made afterwards: as a child of the caller's, or as the beginning where the trace began here."""
    now = time.time_ns()

    telemetry.keep("late", telemetry.Kind.SERVER, 2.0, {"a": 1}, traceparent=UNSAMPLED)
    telemetry.keep(
        "bad", telemetry.Kind.SERVER, 0.1, {}, traceparent=UNSAMPLED, error="INTERNAL", begun_here=True
    )

    late, bad = spans
    assert (late.trace_id, late.parent_id) == (UNSAMPLED[3:35], UNSAMPLED[36:52])
    assert (bad.traceparent, bad.parent_id) == (UNSAMPLED, "")
    assert now - late.start_nanos == pytest.approx(2e9, abs=1e9)
    assert (late.attributes, late.state) == ({"a": 1, "aljibe.kept": "slow"}, telemetry.State.UNSET)
    assert (bad.attributes["aljibe.kept"], bad.state) == ("error", telemetry.State.ERROR)


def test_names_of_attributes_are_those_of_the_semantic_conventions() -> None:
    """As the locked package has them, and none that it calls deprecated."""
    import importlib

    areas = ("http", "url", "server", "error", "rpc", "db", "messaging")
    known: dict[str, str] = {}
    for package in (incubating, stable):
        for area in areas:
            try:
                module = importlib.import_module(f"{package.__name__}.{area}_attributes")
            except ModuleNotFoundError:
                continue
            known |= {name: value for name, value in vars(module).items() if isinstance(value, str)}

    ours = {
        name: value
        for name, value in vars(conventions).items()
        if name.isupper() and not value.startswith("aljibe.")
    }
    assert ours == {name: known.get(name) for name in ours}


def test_a_log_line_is_json_with_fields_and_trace() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("aljibe", logging.ERROR, "", 1, "order_lost", (), sys.exc_info())
    record.order_id = "ord_1"

    with telemetry.from_traceparent(SAMPLED):
        line = json.loads(telemetry.JsonFormatter("orders").format(record))

    assert (line["event"], line["service"], line["order_id"]) == ("order_lost", "orders", "ord_1")
    assert (line["trace_id"], line["span_id"]) == (SAMPLED[3:35], SAMPLED[36:52])
    assert "ValueError: why" in line["error"]


def test_metrics_are_served_as_text_and_have_an_otlp_form(spans: Recorder) -> None:
    metrics.counter("tests_total", "things", "Things").inc(3)
    seconds = metrics.histogram("tests_seconds", "s", "Time", ("kind",), buckets=(1.0, 2.0))
    for value in (0.5, 0.6, 1.5, 9.0):
        seconds.labels("x").observe(value)

    text = _read(spans.port)
    who = otlp_wire.resource({"service.name": "aljibe-tests"})
    (sent,) = metrics_request(who, 0, time.time_ns()).resource_metrics
    found = {metric.name: metric for metric in sent.scope_metrics[0].metrics}

    assert "aljibe_tests_total 3.0" in text
    assert sent.resource.attributes[0].value.string_value == "aljibe-tests"
    assert found["aljibe_tests"].sum.is_monotonic
    assert found["aljibe_tests"].sum.data_points[0].as_double == 3
    (point,) = found["aljibe_tests_seconds"].histogram.data_points
    assert (list(point.bucket_counts), list(point.explicit_bounds)) == ([2, 1, 1], [1.0, 2.0])
    assert (point.count, point.sum) == (4, 11.6)


def test_an_exemplar_leads_from_a_metric_to_the_trace(spans: Recorder) -> None:
    """In OpenMetrics and in OTLP."""
    seconds = metrics.histogram("tests_traced_seconds", "s", "Time", buckets=(1.0, 2.0))

    seconds.observe(1.5, telemetry.exemplar(SAMPLED))

    text = _read(spans.port, accept="application/openmetrics-text; version=1.0.0")
    who = otlp_wire.resource({})
    sent = metrics_request(who, 0, time.time_ns()).resource_metrics[0].scope_metrics[0].metrics
    (point,) = next(one for one in sent if one.name == "aljibe_tests_traced_seconds").histogram.data_points
    (exemplar,) = point.exemplars
    assert f'# {{span_id="{SAMPLED[36:52]}",trace_id="{SAMPLED[3:35]}"}} 1.5' in text
    assert (exemplar.trace_id.hex(), exemplar.span_id.hex()) == (SAMPLED[3:35], SAMPLED[36:52])
    assert exemplar.as_double == 1.5


def test_work_for_many_traces_is_part_of_one_and_linked_with_the_others(spans: Recorder) -> None:
    """A group serves calls of different traces; each of them must lead to it, and show how long it took."""
    came = time.time_ns() - 5_000_000
    callers = [(None, 0), (UNSAMPLED, 0), (SAMPLED, came), (OTHER, came)]

    with telemetry.shared_span("group", callers):
        inside = telemetry.current_traceparent()

    other, group = spans
    assert (group.trace_id, other.trace_id) == (SAMPLED[3:35], OTHER[3:35])
    assert (group.links, other.links) == ([other.traceparent], [group.traceparent])
    assert (other.start_nanos, other.parent_id) == (came, OTHER[36:52])
    assert group.attributes == {"aljibe.group.size": 4}
    assert inside == group.traceparent


def test_work_for_unsampled_traces_stays_unsampled(spans: Recorder) -> None:
    """What such work calls must not begin a trace of its own."""
    with telemetry.shared_span("group", [(None, 0), (UNSAMPLED, 0)]):
        inside = telemetry.current_traceparent()

    assert (inside, spans) == (UNSAMPLED, [])


def _read(port: int, accept: str = "*/*") -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        text: str = answer.read().decode()
    return text
