"""The process's metrics in OTLP's form, exemplars included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from opentelemetry.proto.resource.v1 import resource_pb2
from prometheus_client import Metric as Family
from prometheus_client.samples import Exemplar, Sample

from chassis.metrics import REGISTRY
from chassis.otlp_wire import SCOPE

_NANO = 1_000_000_000
_CUMULATIVE = pb.AGGREGATION_TEMPORALITY_CUMULATIVE
_Series = dict[str, list[Sample]]


def metrics_request(
    who: bytes, started_nanos: int, now_nanos: int
) -> metrics_service_pb2.ExportMetricsServiceRequest:
    """Everything in the registry, cumulative since `started_nanos`; `who` is the resource in wire form."""
    metrics = [_metric(family, started_nanos, now_nanos) for family in REGISTRY.collect()]
    scope = pb.ScopeMetrics(scope=common_pb2.InstrumentationScope(name=SCOPE), metrics=metrics)
    return metrics_service_pb2.ExportMetricsServiceRequest(
        resource_metrics=[
            pb.ResourceMetrics(resource=resource_pb2.Resource.FromString(who), scope_metrics=[scope])
        ]
    )


def _metric(family: Family, started: int, now: int) -> pb.Metric:
    metric = pb.Metric(name=family.name, description=family.documentation, unit=family.unit)
    if family.type == "histogram":
        metric.histogram.aggregation_temporality = _CUMULATIVE
        metric.histogram.data_points.extend(_histogram_points(family.samples, started, now))
    elif family.type == "counter":
        metric.sum.aggregation_temporality = _CUMULATIVE
        metric.sum.is_monotonic = True
        metric.sum.data_points.extend(_points(family.samples, "_total", started, now))
    else:
        metric.gauge.data_points.extend(_points(family.samples, "", started, now))
    return metric


def _points(samples: Sequence[Sample], suffix: str, started: int, now: int) -> Iterator[pb.NumberDataPoint]:
    for sample in samples:
        if sample.name.endswith(suffix):
            yield pb.NumberDataPoint(
                attributes=_attributes(sample.labels),
                start_time_unix_nano=started,
                time_unix_nano=now,
                as_double=sample.value,
            )


def _histogram_points(samples: Sequence[Sample], started: int, now: int) -> Iterator[pb.HistogramDataPoint]:
    """Prometheus counts are cumulative over buckets, OTLP's are per bucket."""
    series: dict[tuple[tuple[str, str], ...], _Series] = {}
    for sample in samples:
        labels = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
        series.setdefault(labels, {}).setdefault(sample.name.rpartition("_")[2], []).append(sample)
    for key, parts in series.items():
        buckets = sorted(parts.get("bucket", []), key=lambda sample: float(sample.labels["le"]))
        if not buckets:
            continue
        totals = [int(sample.value) for sample in buckets]
        yield pb.HistogramDataPoint(
            attributes=_attributes(dict(key)),
            start_time_unix_nano=started,
            time_unix_nano=now,
            count=totals[-1],
            sum=parts["sum"][0].value,
            bucket_counts=[total - before for total, before in zip(totals, [0, *totals], strict=False)],
            explicit_bounds=[float(sample.labels["le"]) for sample in buckets[:-1]],
            exemplars=[_exemplar(one.exemplar, now) for one in buckets if one.exemplar is not None],
        )


def _exemplar(exemplar: Exemplar, now: int) -> pb.Exemplar:
    labels = exemplar.labels
    return pb.Exemplar(
        time_unix_nano=int(float(exemplar.timestamp) * _NANO) if exemplar.timestamp else now,
        as_double=exemplar.value,
        trace_id=bytes.fromhex(labels.get("trace_id", "")),
        span_id=bytes.fromhex(labels.get("span_id", "")),
    )


def _attributes(labels: dict[str, str]) -> list[common_pb2.KeyValue]:
    return [
        common_pb2.KeyValue(key=name, value=common_pb2.AnyValue(string_value=value))
        for name, value in labels.items()
    ]
