"""Every refusal has its answer, in both languages."""

from __future__ import annotations

from chassis.errors import raise_if_unmapped
from services.orders.adapters.grpc.errors import ERRORS
from services.orders.domain import refusals, rules_refusals


def test_no_refusal_is_unmapped() -> None:
    """An unmapped refusal would reach the caller as INTERNAL."""
    raise_if_unmapped(ERRORS, refusals, rules_refusals)

    assert ERRORS.covers(refusals.InsufficientStock)


def test_a_shortage_tells_the_true_figures() -> None:
    short = refusals.InsufficientStock((refusals.ShortLine("a", 2, 1),))

    status = ERRORS.status_for(short, "es")

    assert status.message == "not enough stock (a: 1 of 2)"
    assert b'"available_units":1' in status.details[0].value
