"""Search stays quick in a store that is large."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.telemetry.domain.facets import Facet
from services.telemetry.domain.records import Query
from services.telemetry.tests.builders import MILLISECOND, NOW, SECOND, batches
from services.telemetry.tests.conftest import Store

SPANS = 20_000
MAX_MEDIAN_SECONDS = 0.1


def test_a_search_in_a_large_store_takes_a_moment(open_store: Callable[..., Store]) -> None:
    """Every filter alone and in pairs, whether it fits all traces, few or none. The bound is a sanity check
    of the reader's own work; the figures of a quiet machine are in docs/performance.md.
    """
    store = open_store(max_spans=2 * SPANS)
    for payload in batches(SPANS, NOW, 3 * MILLISECOND):
        store.take(ExportTraceServiceRequest.FromString(payload))
    words = [
        (Facet.ORDER, f"ord_{17:026d}"),
        (Facet.CHANNEL, "channel-1"),
        (Facet.LOCATION, "store-07"),
        (Facet.SERVICE, "fulfillment"),
        (Facet.SERVICE, "nobody"),
    ]

    seconds, found = [], 0
    for pair in itertools.combinations(words, 2):
        for more in ({}, {"errors_only": True}, {"name_prefix": "inventory"}, {"min_duration": SECOND}):
            began = time.thread_time()
            found += len(store.reader.search(Query(words=pair, **more)))
            seconds.append(time.thread_time() - began)

    assert found > 0
    assert statistics.median(seconds) < MAX_MEDIAN_SECONDS
