"""Hands the process's metrics to an OTLP endpoint, by the standard `OTEL_*` settings."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import Metric as Family
from prometheus_client.samples import Sample

from chassis.metrics import REGISTRY

log = logging.getLogger(__name__)

DEFAULT_INTERVAL_MILLISECONDS = 15_000
CLOSE_TIMEOUT_SECONDS = 3.0


class MetricsExport:
    """A thread that sends all metrics every `OTEL_METRIC_EXPORT_INTERVAL` milliseconds (default 15,000) and
    once when closed.
    """

    def __init__(self, resource: Resource) -> None:
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

        self._exporter = OTLPMetricExporter()
        self._resource = resource
        self._started_nanos = time.time_ns()
        interval = os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", "")
        self._seconds = (
            max(100, int(interval) if interval.isdecimal() else DEFAULT_INTERVAL_MILLISECONDS) / 1000
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics export", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self) -> None:
        """Send once more and end."""
        self._stop.set()
        self._thread.join(CLOSE_TIMEOUT_SECONDS)
        self._exporter.shutdown(CLOSE_TIMEOUT_SECONDS * 1000)

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._stop.wait(self._seconds)
            self._exporter.export(metrics_data(self._resource, self._started_nanos, time.time_ns()))


def metrics_data(resource: Resource, started_nanos: int, now_nanos: int) -> MetricsData:
    """Everything in the registry in OTLP's shape, cumulative since `started_nanos`."""
    metrics = [_metric(family, started_nanos, now_nanos) for family in REGISTRY.collect()]
    scope = ScopeMetrics(scope=InstrumentationScope("aljibe"), metrics=metrics, schema_url="")
    return MetricsData([ResourceMetrics(resource=resource, scope_metrics=[scope], schema_url="")])


def _metric(family: Family, started: int, now: int) -> Metric:
    cumulative = AggregationTemporality.CUMULATIVE
    data: Sum | Gauge | Histogram
    if family.type == "histogram":
        data = Histogram(list(_histogram_points(family.samples, started, now)), cumulative)
    elif family.type == "counter":
        data = Sum(_points(family.samples, "_total", started, now), cumulative, is_monotonic=True)
    else:
        data = Gauge(_points(family.samples, "", started, now))
    return Metric(name=family.name, description=family.documentation, unit=family.unit, data=data)


def _points(samples: Sequence[Sample], suffix: str, started: int, now: int) -> list[NumberDataPoint]:
    return [
        NumberDataPoint(sample.labels, started, now, sample.value)
        for sample in samples
        if sample.name.endswith(suffix)
    ]


def _histogram_points(samples: Sequence[Sample], started: int, now: int) -> Iterator[HistogramDataPoint]:
    """Prometheus counts are cumulative over buckets, OTLP's are per bucket."""
    series: dict[tuple[tuple[str, str], ...], dict[str, list[tuple[float, float]]]] = {}
    for sample in samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        parts = series.setdefault(tuple(sorted(labels.items())), {})
        kind = sample.name.rpartition("_")[2]
        parts.setdefault(kind, []).append((float(sample.labels.get("le", "nan")), sample.value))
    for key, parts in series.items():
        buckets = sorted(parts.get("bucket", []))
        if not buckets:
            continue
        totals = [count for _, count in buckets]
        counts = [int(total - before) for total, before in zip(totals, [0.0, *totals], strict=False)]
        yield HistogramDataPoint(
            attributes=dict(key),
            start_time_unix_nano=started,
            time_unix_nano=now,
            count=int(totals[-1]),
            sum=parts["sum"][0][1],
            bucket_counts=counts,
            explicit_bounds=[bound for bound, _ in buckets[:-1]],
            min=0.0,
            max=0.0,
        )
