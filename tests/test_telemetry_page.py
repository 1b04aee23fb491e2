"""The manual's page about telemetry says what the services really expose."""

from __future__ import annotations

from tools import metrics_table


def test_the_table_of_metrics_is_that_of_the_services() -> None:
    """`python -m tools.metrics_table` writes it anew; dashboards and alerts are made from these names."""
    page = metrics_table.PAGE.read_text(encoding="utf-8")

    assert metrics_table.written(page) == page


def test_labels_come_from_a_known_list() -> None:
    """Each was looked at: its values are bounded by contract, code and settings, or by `Series`. An order, a
    SKU or a customer would make the metrics endless.
    """
    bounded = {
        *("rpc", "code", "route", "verb", "method", "status", "query", "state"),
        *("consumer", "group", "work", "replica", "why", "outcome", "signal", "source"),
        *(
            "kind",
            "rule",
            "cause",
            "reason",
            "trigger",
            "way",
            "step",
            "channel",
            "location",
            "customer_promise",
        ),
    }

    used = {
        label
        for service in metrics_table.services()
        for *_, labels in metrics_table.metrics_of(service)
        for label in labels
    }

    assert used <= bounded
