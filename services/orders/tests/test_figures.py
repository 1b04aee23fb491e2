"""What orders counts of the orders it takes and refuses."""

from __future__ import annotations

import pytest

from chassis.metrics import REGISTRY
from chassis.refusals import PassedOn
from services.orders.adapters import figures
from services.orders.adapters.grpc.errors import ERRORS
from services.orders.domain.facts import Part
from services.orders.domain.refusals import ChannelUnknown, NoPlan
from services.orders.domain.states import Method


def _refused(channel: str, reason: str) -> float:
    labels = {"channel": channel, "reason": reason}
    return REGISTRY.get_sample_value("aljibe_orders_refused_total", labels) or 0.0


@pytest.mark.parametrize(
    ("error", "channel", "reason"),
    [
        (NoPlan("SHIP"), "figures-1", "NO_PLAN"),
        (PassedOn(b"", "LIMIT_EXCEEDED"), "figures-2", "LIMIT_EXCEEDED"),
        (ZeroDivisionError(), "figures-3", "INTERNAL"),
    ],
)
def test_a_refused_order_counts_for_its_channel_and_reason(
    error: Exception, channel: str, reason: str
) -> None:
    with pytest.raises(type(error)), figures.refusals(ERRORS, channel):
        raise error

    assert _refused(channel, reason) == 1


def test_a_channel_that_does_not_exist_makes_no_series() -> None:
    """Whoever makes names up could use up the series of those that exist."""
    before = _refused("other", "CHANNEL_UNKNOWN")

    with pytest.raises(ChannelUnknown), figures.refusals(ERRORS, "made-up"):
        raise ChannelUnknown("made-up")

    assert (_refused("made-up", "CHANNEL_UNKNOWN"), _refused("other", "CHANNEL_UNKNOWN")) == (0, before + 1)


@pytest.mark.parametrize(
    ("methods", "way"),
    [((Method.SHIP, Method.SHIP), "SHIP"), ((Method.SHIP, Method.PICKUP), "MIXED"), ((), "NONE")],
)
def test_an_order_goes_one_way_or_is_mixed(methods: tuple[Method, ...], way: str) -> None:
    parts = [Part("ful_1", "store-1", method, "rsv_1", (), None, 1) for method in methods]

    assert figures.way_of(parts) == way
