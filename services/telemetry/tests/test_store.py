"""What is stored is found; what is too much goes, oldest first and whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from services.telemetry.adapters.sqlite import writer
from services.telemetry.domain.facets import Facet
from services.telemetry.domain.records import Query
from services.telemetry.tests.builders import MILLISECOND, NOW, SECOND, log_line, logs, span, trace_id, traces
from services.telemetry.tests.conftest import Store


def test_a_trace_is_found_by_whatever_any_of_its_spans_is_about(store: Store) -> None:
    """Operations know an order's number, or a store, or that something was slow: never a trace's id."""
    wanted, other = trace_id(), trace_id()
    store.take(
        traces(
            {
                "gateway": [span(wanted, name="POST /v1/orders", took=90 * MILLISECOND)],
                "orders": [span(wanted, aljibe__order__id="ord_1", aljibe__channel__id="web", failed=True)],
                "inventory": [span(wanted, name="ReserveStock", aljibe__location__id=["wh-1", "store-2"])],
            }
        )
    )
    store.take(traces({"gateway": [span(other, name="GET /v1/orders", start=NOW + SECOND)]}))

    asked = [
        Query(words=[(Facet.ORDER, "ord_1")]),
        Query(words=[(Facet.CHANNEL, "web"), (Facet.LOCATION, "store-2")]),
        Query(words=[(Facet.SERVICE, "inventory")]),
        Query(name_prefix="Reserve"),
        Query(min_duration=50 * MILLISECOND),
        Query(errors_only=True),
        Query(start_to=NOW + 1),
        Query(start_from=NOW, words=[(Facet.ORDER, "ord_1")], name_prefix="POST", errors_only=True),
    ]
    found = [[one.trace_id for one in store.reader.search(query)] for query in asked]
    nothing = [
        Query(words=[(Facet.ORDER, "ord_2")]),
        Query(words=[(Facet.CHANNEL, "ord_1")]),
        Query(name_prefix="eserve"),
        Query(start_from=NOW + 2 * SECOND),
    ]

    assert found == [[wanted.hex()]] * len(asked)
    assert [store.reader.search(query) for query in nothing] == [[]] * len(nothing)
    assert [one.trace_id for one in store.reader.search(Query())] == [other.hex(), wanted.hex()]


def test_a_trace_in_one_line_says_what_began_it_and_who_had_a_part(store: Store) -> None:
    """Exports of one trace come from several processes, in any order; the span without a parent began it."""
    trace = trace_id()
    root = span(trace, name="POST /v1/orders", took=20 * MILLISECOND)
    late = span(trace, name="Pick", parent=root.span_id, start=NOW + SECOND, took=SECOND, failed=True)
    early = span(trace, name="clock drift", parent=root.span_id, start=NOW - 1, aljibe__order__id="ord_9")
    store.take(traces({"fulfillment": [late]}))
    store.take(traces({"orders": [early]}))

    before = store.reader.search(Query())[0]
    store.take(traces({"gateway": [root]}))
    after = store.reader.search(Query())[0]

    assert (before.root_service, before.root_name) == ("orders", "clock drift")
    assert (after.root_service, after.root_name) == ("gateway", "POST /v1/orders")
    assert (after.start, after.finish) == (NOW - 1, NOW + 2 * SECOND)
    assert (after.spans, after.errors) == (3, 1)
    assert after.services == ["fulfillment", "gateway", "orders"]
    assert after.order_ids == ["ord_9"]


def test_above_the_bound_the_oldest_whole_traces_go(open_store: Callable[..., Store]) -> None:
    """A machine that runs for weeks must not fill up; half a trace would mislead."""
    store = open_store(max_spans=100)
    ids = [trace_id() for _ in range(40)]
    for number, trace in enumerate(ids):
        spans = [span(trace, start=NOW + number, aljibe__order__id=f"ord_{number}") for _ in range(4)]
        store.take(traces({"orders": spans}), logs("orders", log_line(trace, "placed")))

    totals = store.reader.totals()
    found = store.reader.search(Query(limit=100))

    assert totals.spans + totals.logs <= 100
    assert store.writer.evicted == 160 - totals.spans
    assert [one.trace_id for one in found] == [trace.hex() for trace in reversed(ids[-len(found) :])]
    assert {one.spans for one in found} == {4}
    assert (totals.spans, totals.logs, totals.traces) == (4 * len(found), len(found), len(found))
    assert store.reader.trace(ids[0]) is None
    assert store.reader.search(Query(words=[(Facet.ORDER, "ord_0")])) == []
    words = store.reader._db.execute("SELECT count(*) FROM words WHERE kind = ?", (Facet.ORDER,)).fetchone()
    assert words == (len(found),)


def test_a_file_that_is_too_large_makes_room_too(open_store: Callable[..., Store]) -> None:
    """Spans differ in size by a factor of a hundred; the disk counts bytes."""
    limit = 3 << 20
    store = open_store(max_spans=1_000_000, max_bytes=limit)

    for number in range(1000):
        store.take(traces({"orders": [span(trace_id(), start=NOW + number, note="x" * 8000)]}))

    assert store.writer.used_bytes <= limit
    assert 100 < store.reader.totals().spans < 1000


def test_a_trace_that_calls_itself_does_not_push_out_all_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop can make spans for ever; what is beyond the limit of one trace is counted and not kept."""
    monkeypatch.setattr(writer, "MAX_SPANS_OF_TRACE", 10)
    looping, other = trace_id(), trace_id()
    store.take(traces({"orders": [span(other)]}))

    store.take(traces({"orders": [span(looping) for _ in range(25)]}))

    assert store.reader.totals().spans == 11
    assert {one.trace_id for one in store.reader.search(Query())} == {looping.hex(), other.hex()}


def test_what_was_stored_is_there_after_a_restart(open_store: Callable[..., Store]) -> None:
    """The night's traces are looked at in the morning, after a deployment; a trace may go on after one."""
    trace = trace_id()
    first = open_store()
    first.take(traces({"orders": [span(trace, aljibe__order__id="ord_1")]}))
    first.close()

    second = open_store()
    second.take(traces({"fulfillment": [span(trace, start=NOW + SECOND)]}))
    (found,) = second.reader.search(Query(words=[(Facet.ORDER, "ord_1")]))

    assert found.spans == 2
    assert found.services == ["fulfillment", "orders"]
    assert second.writer.spans == 2


def test_a_file_that_is_no_store_is_made_anew(open_store: Callable[..., Store]) -> None:
    """A power cut may leave anything; observations are not worth a service that does not start."""
    first = open_store()
    first.take(traces({"orders": [span(trace_id())]}))
    first.close()
    file = first.reader._file
    file.write_bytes(b"no database at all" * 1000)

    second = open_store()
    second.take(traces({"orders": [span(trace_id())]}))

    assert second.reader.totals().spans == 1


def test_what_fails_in_the_middle_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender tries again; spans that were half stored would be there twice."""
    trace = trace_id()
    monkeypatch.setattr(store.writer, "_save", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        store.take(traces({"orders": [span(trace, aljibe__order__id="ord_1")]}))
    monkeypatch.undo()
    store.take(traces({"orders": [span(trace, aljibe__order__id="ord_1")]}))

    (found,) = store.reader.search(Query(words=[(Facet.ORDER, "ord_1")]))
    assert (found.spans, store.writer.spans, store.writer.traces) == (1, 1, 1)


def test_the_map_says_who_reaches_whom_and_how(store: Store) -> None:
    """A call joins the server's span to the caller's, a message the consumer's to the sender's by parent or
    link, a statement its client to the database it names.
    """
    trace, other = trace_id(), trace_id()
    call = span(trace, kind=Span.SPAN_KIND_CLIENT)
    published = span(trace, kind=Span.SPAN_KIND_PRODUCER)
    statement = span(trace, kind=Span.SPAN_KIND_CLIENT, took=2 * MILLISECOND, db__system__name="postgresql")
    store.take(
        traces(
            {
                "orders": [call, published, statement],
                "inventory": [
                    span(trace, parent=call.span_id, kind=Span.SPAN_KIND_SERVER, failed=True),
                    span(other, links=[published], kind=Span.SPAN_KIND_CONSUMER),
                    span(other),
                ],
            }
        )
    )

    nodes, edges, _ = store.reader.service_map(NOW - 1)

    assert [(node.service, node.calls, node.failed) for node in nodes] == [
        ("inventory", 2, 1),
        ("postgresql", 1, 0),
    ]
    assert [(edge.source, edge.target, edge.kind, edge.calls, edge.failed) for edge in edges] == [
        ("orders", "inventory", 1, 1, 1),
        ("orders", "inventory", 2, 1, 0),
        ("orders", "postgresql", 3, 1, 0),
    ]


def test_a_map_of_very_many_spans_is_of_the_newest(store: Store) -> None:
    """It says so by its window; a page that is open all day must not keep the processor busy."""
    calls = [
        span(trace_id(), start=NOW + number * SECOND, kind=Span.SPAN_KIND_SERVER) for number in range(10)
    ]
    store.take(traces({"orders": calls}))

    (node,), _, since = store.reader.service_map(NOW, most=4)

    assert (node.calls, since) == (4, NOW + 6 * SECOND)


def test_percentiles_are_by_nearest_rank(store: Store) -> None:
    """Of a hundred calls the 99th slowest is the 99th percentile, not the slowest."""
    calls = [
        span(trace_id(), took=number * MILLISECOND, kind=Span.SPAN_KIND_SERVER) for number in range(1, 101)
    ]
    store.take(traces({"orders": calls}))

    (node,), _, _ = store.reader.service_map(NOW)

    assert (node.p50, node.p99) == (50 * MILLISECOND, 99 * MILLISECOND)


def test_what_has_no_usable_ids_or_times_is_dropped_and_the_rest_is_kept(store: Store) -> None:
    """One broken sender must not lose another's spans."""
    good = span(trace_id())
    broken = [span(trace_id()) for _ in range(4)]
    broken[0].trace_id = b"short"
    broken[1].span_id = bytes(8)
    broken[2].start_time_unix_nano = 0
    broken[3].end_time_unix_nano = broken[3].start_time_unix_nano - 1

    found = store.take(traces({"orders": [*broken, good]}), logs("orders", log_line(b"", "outside")))

    assert (found.malformed, found.apart) == (4, 1)
    assert store.reader.totals().spans == 1


def test_of_a_span_that_is_huge_only_what_identifies_it_is_kept(store: Store) -> None:
    """An attribute with a whole document in it would fill the store."""
    huge = span(trace_id(), aljibe__order__id="ord_1", note="x" * 100_000)

    store.take(traces({"orders": [huge]}))

    stored = store.reader.trace(huge.trace_id)
    assert stored is not None
    kept = Span.FromString(stored.spans[0][1])
    assert (kept.span_id, kept.name, len(kept.attributes)) == (huge.span_id, huge.name, 0)
    assert kept.dropped_attributes_count == 2
    assert len(store.reader.search(Query(words=[(Facet.ORDER, "ord_1")]))) == 1
