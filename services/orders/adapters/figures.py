"""What orders counts for those who watch it: accepted and refused orders, parts, and what was sourced again.

Channels and locations come from data, so their series are bounded (`chassis.metrics.Series`). Ways and
reasons come from the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from chassis import metrics
from chassis.errors import ErrorTable
from chassis.refusals import PassedOn
from services.orders.domain import facts
from services.orders.domain.order import Order
from services.orders.domain.states import Method

MIXED = "MIXED"
"""The way of an order whose parts go different ways."""
NONE = "NONE"
"""The way of an order without a part."""
_NO_CHANNEL = frozenset({"CHANNEL_UNKNOWN", "REQUEST_ID_REUSED"})
"""Refusals that may come before the channel was found to be one."""
_WAYS = {int(method): method.name for method in Method}

_ACCEPTED = metrics.Series(
    metrics.counter("orders_accepted_total", "orders", "Orders accepted", ("channel", "way"))
)
_PARTS = metrics.Series(
    metrics.counter("orders_parts_total", "parts", "Parts given to locations", ("location", "way"))
)
_REFUSED = metrics.Series(
    metrics.counter("orders_refused_total", "orders", "Orders refused", ("channel", "reason"))
)
_RESOURCED = metrics.counter(
    "orders_resourced_total", "parts", "Parts that found another location", ("trigger", "way")
)
_CANCELLED = metrics.counter(
    "orders_cancelled_units_total", "units", "Units that will not be served", ("cause",)
)
_PROMISES = metrics.Series(
    metrics.counter(
        "orders_promise_total",
        "parts",
        "Parts of orders that left, or were ready to be collected, in time for their promise or too late",
        ("outcome", "way", "channel", "customer_promise"),
    )
)
_KEPT = metrics.Series(
    metrics.counter(
        "orders_kept_total",
        "orders",
        "Orders whose first promise was kept for all of them, or missed for any part",
        ("outcome", "channel", "customer_promise"),
    )
)


def way_of(parts: Iterable[facts.Part]) -> str:
    """SHIP, PICKUP or CARRY_OUT where all parts go the same way."""
    ways = {part.method for part in parts}
    return _WAYS[ways.pop()] if len(ways) == 1 else MIXED if ways else NONE


def accepted(orders: Iterable[Order]) -> None:
    """These orders are committed."""
    for order in orders:
        _ACCEPTED.of(order.channel_id, way_of(order.parts.values())).inc()
        for part in order.parts.values():
            _PARTS.of(part.location_id, _WAYS[part.method]).inc()


def changed(told: Iterable[facts.Fact]) -> None:
    """What these facts tell is committed."""
    for fact in told:
        if isinstance(fact, facts.Resourced):
            for part in fact.parts:
                _RESOURCED.labels(fact.wanted.trigger, _WAYS[part.method]).inc()
                _PARTS.of(part.location_id, _WAYS[part.method]).inc()
        elif isinstance(fact, facts.Cancelled):
            _CANCELLED.labels(fact.cause).inc(sum(one.quantity_units for one in fact.units))


def judged(part: facts.Part, channel_id: str, customer_promise: str) -> None:
    """Whether a part's promise was kept is known."""
    if part.kept is not None:
        outcome = "kept" if part.kept else "missed"
        _PROMISES.of(outcome, _WAYS[part.method], channel_id, customer_promise).inc()


def order_judged(kept: bool, channel_id: str, customer_promise: str) -> None:
    """Whether an order's first promise was kept is known."""
    _KEPT.of("kept" if kept else "missed", channel_id, customer_promise).inc()


@contextmanager
def refusals(table: ErrorTable, channel_id: str) -> Iterator[None]:
    """Counts the order that is refused inside, by the reason that its caller is told."""
    try:
        yield
    except PassedOn as refusal:
        _REFUSED.of(channel_id, refusal.reason).inc()
        raise
    except Exception as error:
        rule = table.rule_for(error)
        reason = rule.reason if rule is not None else "INTERNAL"
        _REFUSED.of(metrics.OTHER if reason in _NO_CHANNEL else channel_id, reason).inc()
        raise
