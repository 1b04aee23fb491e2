"""OpenTelemetry's API for whatever is instrumented with it: its spans join those of `chassis/telemetry.py`.

Our own spans do without the SDK, for what they cost (ADR-0031). A library, or code of a retailer's own, that
asks `opentelemetry.trace.get_tracer(…)` for a tracer gets the SDK's: parent and sampling are those of the
work at hand, and what ends goes the way of every other span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer
from opentelemetry.util.types import Attributes

from chassis.spans import SPAN_ID, TRACE_ID, Attribute, Event, Kind, Span, State, active, is_sampled

_TEXT_OF_EXCEPTION = "exception.message"


def resource(attributes: Mapping[str, Attribute]) -> Resource:
    """Who a process is: `attributes`, and the SDK's and `OTEL_RESOURCE_ATTRIBUTES` where they say nothing."""
    return Resource.create(dict(attributes))


def provide(bridge: Bridge) -> None:
    """Make it the process's provider, unless the process has chosen one."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(bridge)


class Bridge(TracerProvider):
    """Gives tracers whose spans are part of the work at hand; `take` gets them when they end."""

    def __init__(self, who: Resource, ratio: float, take: Callable[[Span], None]) -> None:
        super().__init__(ParentBased(TraceIdRatioBased(ratio)), who, shutdown_on_exit=False)
        self.add_span_processor(_Taking(take))

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Tracer:
        """A tracer of that library's."""
        return _Joining(
            super().get_tracer(
                instrumenting_module_name, instrumenting_library_version, schema_url, attributes
            )
        )


class _Joining(Tracer):
    def __init__(self, inner: Tracer) -> None:
        self._inner = inner

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        return self._inner.start_span(
            name,
            _present() if context is None else context,
            kind,
            attributes,
            links,
            start_time,
            record_exception,
            set_status_on_exception,
        )

    @contextmanager
    def start_as_current_span(  # type: ignore[override]  # theirs may also decorate coroutines
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[trace.Span]:
        begun = self.start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )
        before = active.get()
        active.set(_traceparent_of(begun.get_span_context()))
        try:
            with trace.use_span(begun, end_on_exit, record_exception, set_status_on_exception):
                yield begun
        finally:
            active.set(before)


class _Taking(SpanProcessor):
    def __init__(self, take: Callable[[Span], None]) -> None:
        self._take = take

    def on_end(self, span: ReadableSpan) -> None:
        found = span.get_span_context()
        if found is None or not found.trace_flags.sampled:
            return
        parent = span.parent
        taken = Span(
            span.name,
            Kind(span.kind.value + 1),
            _traceparent_of(found),
            f"{parent.span_id:016x}" if parent is not None else "",
            plain(span.attributes),
            span.start_time or 0,
        )
        taken.end_nanos = span.end_time or taken.start_nanos
        taken.state = State(span.status.status_code.value)
        taken.links = [_traceparent_of(one.context) for one in span.links]
        taken.events = [Event(one.name, one.timestamp, plain(one.attributes)) for one in span.events]
        self._take(taken)


def _present() -> Context:
    """The work at hand as their context: a span of theirs that it is inside of, or one of ours."""
    now = otel_context.get_current()
    traceparent = active.get()
    if traceparent is None:
        return now
    known = trace.get_current_span(now).get_span_context()
    if known.is_valid and _traceparent_of(known) == traceparent:
        return now
    flags = TraceFlags(TraceFlags.SAMPLED if is_sampled(traceparent) else TraceFlags.DEFAULT)
    ours = SpanContext(int(traceparent[TRACE_ID], 16), int(traceparent[SPAN_ID], 16), False, flags)
    return trace.set_span_in_context(NonRecordingSpan(ours), now)


def _traceparent_of(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags.sampled):02x}"


def plain(attributes: Mapping[str, object] | None) -> dict[str, Attribute]:
    """Attributes as ours are: lists as text; an exception's own text is left out, for it may quote what a
    person typed.
    """
    return {
        name: value if isinstance(value, str | int | float) else str(value)
        for name, value in (attributes or {}).items()
        if name != _TEXT_OF_EXCEPTION
    }
