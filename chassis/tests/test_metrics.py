"""Metrics whose labels come from data stay bounded."""

from __future__ import annotations

from chassis import metrics


def test_label_values_beyond_the_limit_are_counted_together() -> None:
    """A million channels must not make a million series."""
    counter = metrics.counter("tests_bounded_total", "things", "Things", ("channel", "way"))
    series = metrics.Series(counter, most=2)

    for channel in ("web", "app", "till", "mail", "web"):
        series.of(channel, "SHIP").inc()

    found = {
        tuple(one.labels.values()): one.value
        for one in next(iter(counter.collect())).samples
        if one.name.endswith("_total")
    }
    assert found == {("web", "SHIP"): 2, ("app", "SHIP"): 1, ("other", "other"): 2}
