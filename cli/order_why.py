"""A decision of sourcing as a table: who serves, who does not and why, and what each would cost."""

from __future__ import annotations

from rich.table import Table

from aljibe.orders.v1 import orders_pb2
from cli.show import money
from cli.texts import Texts

MOST_ROWS = 20
_TERMS = ("parcel", "distance", "units", "transfer", "stock_price", "lateness", "markdown_credit")


def why_table(texts: Texts, decision: orders_pb2.SourcingDecision, currency: str) -> Table:
    """Those that serve first, then those that could have, cheapest first; at most `MOST_ROWS`."""
    title = texts(
        "why.title",
        attempt=decision.attempt,
        trigger=decision.trigger,
        cost=money(decision.cost_minor, currency),
        split=money(decision.split_minor, currency),
        grams=decision.co2_grams,
    )
    table = Table(title=title, box=None, title_justify="left")
    table.add_column(texts("why.location"), no_wrap=True)
    table.add_column(texts("why.km"), justify="right")
    for term in _TERMS:
        table.add_column(texts(f"why.{term}"), justify="right")
    table.add_column(texts("why.reason"))
    ranked = sorted(
        decision.candidates,
        key=lambda one: (
            bool(one.eliminated_by),
            not one.cost_terms_minor,
            sum(one.cost_terms_minor.values()),
            one.location_id,
        ),
    )
    for one in ranked[:MOST_ROWS]:
        terms = one.cost_terms_minor
        reason = texts.name("why", one.eliminated_by or "CHOSEN")
        table.add_row(
            one.location_id,
            f"{one.distance_km:.0f}" if one.distance_km else "",
            *(money(terms[term], currency) if term in terms else "" for term in _TERMS),
            f"{reason}: {one.rule}" if one.rule else reason,
        )
    return table
