"""Spans of libraries that are instrumented with OpenTelemetry's API."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest
from opentelemetry.trace import SpanKind

from chassis import otel, telemetry
from chassis.spans import Kind, Span, State, new_traceparent


@pytest.fixture
def ended() -> list[Span]:
    return []


@pytest.fixture
def bridge(ended: list[Span]) -> otel.Bridge:
    return otel.Bridge(otel.resource({"service.name": "aljibe-orders"}), 1.0, ended.append)


def test_a_library_s_span_is_part_of_the_work_at_hand(bridge: otel.Bridge, ended: list[Span]) -> None:
    tracer = bridge.get_tracer("library")
    ours = new_traceparent(sampled=True)

    with telemetry.from_traceparent(ours):
        with tracer.start_as_current_span("fetch", kind=SpanKind.CLIENT, attributes={"tries": 2}):
            inside = telemetry.current_traceparent()
            with tracer.start_as_current_span("parse"):
                pass
        after = telemetry.current_traceparent()

    parse, fetch = ended
    assert (fetch.trace_id, fetch.parent_id) == (ours[3:35], ours[36:52])
    assert (fetch.kind, fetch.attributes) == (Kind.CLIENT, {"tries": 2})
    assert parse.parent_id == fetch.span_id
    assert (inside, after) == (fetch.traceparent, ours)
    assert fetch.end_nanos >= parse.end_nanos >= parse.start_nanos >= fetch.start_nanos > 0


def test_a_trace_that_is_not_sampled_stays_so_in_a_library(bridge: otel.Bridge, ended: list[Span]) -> None:
    tracer = bridge.get_tracer("library")

    with telemetry.from_traceparent(new_traceparent(sampled=False)), tracer.start_as_current_span("fetch"):
        pass

    assert ended == []


def test_an_exception_in_a_library_is_told_without_its_text(bridge: otel.Bridge, ended: list[Span]) -> None:
    tracer = bridge.get_tracer("library")

    with pytest.raises(ValueError, match="Ana"), tracer.start_as_current_span("read"):
        raise ValueError("Ana, 12 Calle Mayor")

    (read,) = ended
    assert read.state is State.ERROR
    (event,) = read.events
    assert event.attributes["exception.type"] == "ValueError"
    assert "exception.message" not in event.attributes


def test_who_a_process_is_can_be_added_to_by_the_standard_setting() -> None:
    """In a process of its own: the SDK reads its settings once."""
    said = "host.name=store%20lab,service.name=other"
    print_it = "print(dict(otel.resource({'service.name': 'aljibe-orders'}).attributes))"

    found = ast.literal_eval(
        subprocess.run(
            [sys.executable, "-c", f"from chassis import otel; {print_it}"],
            env={**os.environ, "OTEL_RESOURCE_ATTRIBUTES": said},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )

    assert found["host.name"] == "store lab"
    assert found["service.name"] == "aljibe-orders"
