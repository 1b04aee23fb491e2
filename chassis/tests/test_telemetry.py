"""Traces that continue, logs that name them, metrics that can be read."""

from __future__ import annotations

import json
import logging
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics.export import Histogram, Sum
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import metrics, telemetry
from chassis.metrics_export import metrics_data
from chassis.settings import ChassisSettings

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-2] + "00"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    exporter = InMemorySpanExporter()
    opened = telemetry.setup(
        ChassisSettings(service_name="tests", metrics_listen="127.0.0.1:0"),
        processor=SimpleSpanProcessor(exporter),
    )
    root.handlers[:] = handlers
    root.setLevel(level)
    monkeypatch.setattr(exporter, "port", opened.metrics_port, raising=False)
    yield exporter
    opened.close()


def test_a_span_continues_the_trace_it_came_with(spans: InMemorySpanExporter) -> None:
    with telemetry.from_traceparent(SAMPLED), telemetry.span("outer", sku="A"):
        with telemetry.span("inner"):
            inside = telemetry.current_traceparent()

    inner, outer = spans.get_finished_spans()
    assert outer.parent is not None
    assert inner.parent is not None
    assert f"{outer.parent.span_id:016x}" == SAMPLED[36:52]
    assert inner.parent.span_id == outer.context.span_id
    assert inside == f"{SAMPLED[:36]}{inner.context.span_id:016x}-01"
    assert telemetry.current_traceparent() is None


def test_an_unsampled_trace_is_handed_on_and_not_recorded(spans: InMemorySpanExporter) -> None:
    with telemetry.from_traceparent(UNSAMPLED), telemetry.span("x") as span:
        inside = telemetry.current_traceparent()

    assert (span, inside, spans.get_finished_spans()) == (None, UNSAMPLED, ())


@pytest.mark.parametrize(
    "wrong", [None, "", "00-xyz", "00-" + "0" * 32 + "-b7ad6b7169203331-01", SAMPLED + "x"]
)
def test_a_malformed_traceparent_begins_a_new_trace(spans: InMemorySpanExporter, wrong: str | None) -> None:
    with telemetry.from_traceparent(wrong) as begun:
        assert begun != wrong
        assert telemetry.is_sampled(begun)


def test_a_failed_span_says_so(spans: InMemorySpanExporter) -> None:
    with pytest.raises(KeyError), telemetry.from_traceparent(SAMPLED), telemetry.span("x"):
        raise KeyError

    assert not spans.get_finished_spans()[0].status.is_ok


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


def test_metrics_are_served_as_text_and_have_an_otlp_form(spans: InMemorySpanExporter) -> None:
    metrics.counter("tests_total", "things", "Things").inc(3)
    seconds = metrics.histogram("tests_seconds", "s", "Time", ("kind",), buckets=(1.0, 2.0))
    for value in (0.5, 0.6, 1.5, 9.0):
        seconds.labels("x").observe(value)

    with urllib.request.urlopen(f"http://127.0.0.1:{spans.port}/metrics", timeout=5) as answer:  # type: ignore[attr-defined]
        text = answer.read().decode()
    data = metrics_data(Resource.create({}), 0, time.time_ns()).resource_metrics[0].scope_metrics[0].metrics
    found = {metric.name: metric.data for metric in data}

    assert "aljibe_tests_total 3.0" in text
    total, times = found["aljibe_tests"], found["aljibe_tests_seconds"]
    assert isinstance(total, Sum)
    assert isinstance(times, Histogram)
    assert total.data_points[0].value == 3
    point = times.data_points[0]
    assert (point.bucket_counts, point.explicit_bounds, point.count, point.sum) == (
        [2, 1, 1],
        [1.0, 2.0],
        4,
        11.6,
    )


def test_work_for_many_traces_is_part_of_one_and_linked_to_the_others(spans: InMemorySpanExporter) -> None:
    """A group serves calls of different traces; each of them must lead to it."""
    other = SAMPLED.replace("0af7", "1bf7", 1)

    with telemetry.shared_span("group", [None, UNSAMPLED, SAMPLED, other, SAMPLED]):
        inside = telemetry.current_traceparent()

    (group,) = spans.get_finished_spans()
    assert f"{group.context.trace_id:032x}" == SAMPLED[3:35]
    assert [f"{link.context.trace_id:032x}" for link in group.links] == [other[3:35]]
    assert inside is not None
    assert inside[3:35] == SAMPLED[3:35]


def test_work_for_unsampled_traces_stays_unsampled(spans: InMemorySpanExporter) -> None:
    """What such work calls must not begin a trace of its own."""
    with telemetry.shared_span("group", [None, UNSAMPLED]):
        inside = telemetry.current_traceparent()

    assert (inside, spans.get_finished_spans()) == (UNSAMPLED, ())
