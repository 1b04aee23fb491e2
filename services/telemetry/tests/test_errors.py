from __future__ import annotations

from chassis.errors import raise_if_unmapped
from services.telemetry.adapters.grpc.errors import table
from services.telemetry.domain import refusals


def test_every_refusal_has_its_rule() -> None:
    """A refusal without a rule would reach the caller as an internal error."""
    raise_if_unmapped(table, refusals)

    assert table.rule_for(refusals.TraceNotFound("00")) is not None
