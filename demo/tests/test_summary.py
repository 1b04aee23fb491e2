from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from demo.data.baskets import Channel
from demo.data.places import LocationKind
from demo.facts import OrderFacts
from demo.journal import Journal
from demo.report import show
from demo.settling import Books
from demo.summary import Summary, percentile, summarise
from demo.target import Target
from demo.tests.builders import audit, order, part, scene
from demo.words import names, words

KINDS = {
    "store-1": LocationKind.STORE,
    "store-2": LocationKind.STORE,
    "wh-east": LocationKind.WAREHOUSE,
}


def summary_of(*orders: OrderFacts, journal: Journal | None = None, differences: int = 0) -> Summary:
    books = Books(
        orders={one.reference: one for one in orders},
        unsettled=[one.reference for one in orders if not one.settled],
        dead_letters={"orders": 0},
        audit=audit(differences),
    )
    told = journal or Journal(replay_seconds=2.0)
    return summarise(scene(), {"replay": 2.0, "settle": 1.0}, told, books, KINDS)


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50.0), (99, 99.0), (100, 100.0), (1, 1.0), (99.5, 100.0)]
)
def test_percentiles_are_by_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], percent) == expected


def test_the_percentile_of_nothing_is_zero() -> None:
    assert percentile([], 99) == 0.0


def test_an_order_is_settled_when_its_units_and_its_money_are() -> None:
    """An authorisation that is neither taken nor released is money of a customer that nobody looks after."""
    assert order().settled
    assert order(state="CANCELLED", captured=0, voided=1_000).settled
    assert not order(state="IN_PROGRESS").settled
    assert not order(captured=600, voided=300).settled
    returned = {("SHIP", "RETURNED"): 1}
    assert not order(state="RETURNED", units=returned).settled
    assert order(state="RETURNED", units=returned, refunded=1_000).settled


def test_what_was_sourced_again_is_told_apart_from_a_split() -> None:
    split = order("a", parts=(part("wh-east"), part("store-1")))
    again = order("b", parts=(part("wh-east"), part("store-2", attempt=2, units=3)))
    late_first = order("c", parts=(part("store-1", attempt=2),))

    sourcing = summary_of(split, again, late_first).sourcing

    assert (sourcing.shipped_orders, sourcing.split_orders) == (3, 1)
    assert (sourcing.parcels, sourcing.parcels_from_stores) == (5, 3)
    assert (sourcing.resourced_orders, sourcing.resourced_lines, sourcing.resourced_units) == (1, 1, 3)


def test_units_count_by_method_and_by_where_they_ended() -> None:
    mixed = order(units={("SHIP", "SHIPPED"): 2, ("SHIP", "CANCELLED"): 1, ("PICKUP", "RETURNED"): 1})

    found = summary_of(mixed)

    assert (found.methods["SHIP"].units, found.methods["SHIP"].served_units) == (3, 2)
    assert found.methods["PICKUP"].served_units == 1
    assert (found.cancelled_units, found.returned_units) == (1, 1)


def test_refusals_keep_channel_and_reason() -> None:
    journal = Journal(replay_seconds=2.0)
    journal.refused[Channel.WEB, "INSUFFICIENT_STOCK"] = 2
    journal.refused[Channel.APP, "INSUFFICIENT_STOCK"] = 1
    journal.accepted[Channel.WEB] = 10
    journal.latencies[Channel.WEB] = [0.010, 0.020, 0.030]

    found = summary_of(order(), journal=journal)

    assert found.refusals == {"INSUFFICIENT_STOCK": 3}
    assert found.channels["web"].refused == 2
    assert found.channels["web"].p50_ms == pytest.approx(20.0)
    assert found.orders_per_second == 5.0


def test_a_run_is_clean_only_with_a_clean_audit_and_every_order_at_its_end() -> None:
    assert summary_of(order()).clean
    assert not summary_of(order(), differences=1).clean
    assert not summary_of(order(state="ACCEPTED")).clean


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_page_says_what_is_ours_and_what_is_real(language: str, tmp_path: Path) -> None:
    journal = Journal(replay_seconds=2.0)
    journal.happened["returns"] = 3
    journal.faults["INTERNAL"] = 1
    console = Console(file=io.StringIO(), width=110)
    target = Target("http://127.0.0.1:8080", {"orders": "127.0.0.1:50053"}, tmp_path, tmp_path)

    show(console, summary_of(order(), journal=journal, differences=1), target, language, kept=False)

    assert isinstance(console.file, io.StringIO)
    page = console.file.getvalue()
    for name in ("honest", "channel.till", "happened.returns", "method.SHIP"):
        assert " ".join(words(language)(name).split()[:3]) in page
    assert "http://127.0.0.1:8080/docs" in page
    assert "ON_HAND CJ1 store-1" in page
    assert "INTERNAL 1" in page


def test_every_text_is_there_in_both_languages() -> None:
    english, spanish = words("en"), words("es")

    missing = [name for name in names() if not english(name) or not spanish(name)]

    assert not missing
