"""Metrics: named once at import, measured for next to nothing, shown as Prometheus text and, by `OTEL_*`,
sent by OTLP.

`prometheus_client` holds the numbers because recording one costs a tenth of what it costs in the
OpenTelemetry SDK (2 µs against 20 µs on the same machine); `chassis/metrics_export.py` hands them to an
OTLP endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry(auto_describe=True)
NAMESPACE = "aljibe"
ProcessCollector(registry=REGISTRY)

MAX_SERIES = 500
"""Of a metric whose label values come from data."""
OTHER = "other"

SECONDS_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
STATEMENT_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0)
SIZE_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


class Described(NamedTuple):
    """What a metric of this process is, for the manual."""

    name: str
    kind: str
    unit: str
    description: str
    labels: tuple[str, ...]


CATALOGUE: dict[str, Described] = {}
"""Every metric of this process by its whole name."""


def counter(name: str, unit: str, description: str, labels: Sequence[str] = ()) -> Counter:
    """A number that only grows. `name` ends in `_total`; call `.labels(...)` once and keep the child on hot
    paths.
    """
    _note(name.removesuffix("_total") + "_total", "counter", unit, description, labels)
    return Counter(name, _described(description, unit), labels, namespace=NAMESPACE, registry=REGISTRY)


def gauge(name: str, unit: str, description: str, labels: Sequence[str] = ()) -> Gauge:
    """A number that rises and falls; `.set_function` reads it only when somebody looks."""
    _note(name, "gauge", unit, description, labels)
    return Gauge(name, _described(description, unit), labels, namespace=NAMESPACE, registry=REGISTRY)


def histogram(
    name: str,
    unit: str,
    description: str,
    labels: Sequence[str] = (),
    buckets: Sequence[float] = SECONDS_BUCKETS,
) -> Histogram:
    """A distribution; the default buckets suit seconds from half a millisecond to ten."""
    _note(name, "histogram", unit, description, labels)
    return Histogram(
        name, _described(description, unit), labels, namespace=NAMESPACE, registry=REGISTRY, buckets=buckets
    )


M = TypeVar("M", Counter, Gauge, Histogram)


class Series(Generic[M]):
    """The series of a metric whose label values come from data, such as channels and locations.

    The first `most` combinations have a series each, which is kept; later ones are counted together, with
    `other` for every label, so that no amount of data makes the metrics endless.
    """

    def __init__(self, metric: M, most: int = MAX_SERIES) -> None:
        self._metric: M = metric
        self._most = most
        self._known: dict[tuple[str, ...], M] = {}

    def of(self, *values: str) -> M:
        """The series of these label values."""
        known = self._known.get(values)
        if known is None:
            if len(self._known) >= self._most:
                values = (OTHER,) * len(values)
            known = self._known[values] = self._metric.labels(*values)
        return known

    def clear(self) -> None:
        """Forget every series: for figures that are written anew as a whole."""
        self._known.clear()
        self._metric.clear()


def _note(name: str, kind: str, unit: str, description: str, labels: Sequence[str]) -> None:
    whole = f"{NAMESPACE}_{name}"
    CATALOGUE[whole] = Described(whole, kind, unit, description, tuple(labels))


def _described(description: str, unit: str) -> str:
    return f"{description} ({unit})"
