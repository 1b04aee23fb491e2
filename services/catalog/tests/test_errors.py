from __future__ import annotations

from chassis.errors import raise_if_unmapped
from pricing import refusals as prices
from pricing.tests.builders import NOW
from services.catalog.adapters.grpc.errors import table
from services.catalog.domain import refusals


def test_every_refusal_has_its_rule() -> None:
    """A refusal without a rule would reach the caller as an internal error."""
    raise_if_unmapped(table, refusals)
    raise_if_unmapped(table, prices)

    assert table.rule_for(prices.SkuUnknown("x")) is not None


def test_a_refusal_speaks_the_callers_language() -> None:
    """Spanish texts name the facts, as the English ones do."""
    refusal = prices.SkuDiscontinued("cola", NOW)

    spanish = table.status_for(refusal, "es").details[1].value.decode()
    english = table.status_for(refusal, "").message

    assert "el artículo «cola» ya no se vende desde 2026-03-01" in spanish
    assert english == "article 'cola' is no longer sold since 2026-03-01T12:00:00+00:00"
