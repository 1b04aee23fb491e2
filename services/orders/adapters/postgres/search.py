"""Orders by what a person knows of them, newest first.

The statement names only the filters that are set, so that PostgreSQL plans it for these: a rare article is
looked up in its index, a common one is asked of order after order, newest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# What is rare and what is common is seen in the values, so no plan is kept that was made without them.
PLAN_BY_VALUES = "SET LOCAL plan_cache_mode = force_custom_plan"
_NEWEST_FIRST = "ORDER BY o.accept_time DESC, o.order_id DESC"
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which orders are listed; None: any."""

    channel_id: str | None = None
    customer_id: str | None = None
    customer_reference: str | None = None
    state: int | None = None
    sku: str | None = None
    location_id: str | None = None
    accept_time_from: datetime | None = None
    accept_time_to: datetime | None = None
    """Before this."""
    query: str | None = None
    """An order id, the beginning of one, or the caller's own number."""
    on_hold: bool = False


def page_of(by: Filter, after: tuple[datetime, str] | None, size: int) -> tuple[str, list[Any]]:
    """The statement for at most `size` order ids after a place, and its arguments."""
    conditions: list[str] = []
    values: list[Any] = []

    def add(condition: str, *given: Any) -> None:
        names = [f"${len(values) + number}" for number in range(1, len(given) + 1)]
        conditions.append(condition.format(*names))
        values.extend(given)

    if by.channel_id is not None:
        add("o.channel_id = {0}", by.channel_id)
    if by.customer_id is not None:
        add("o.customer_id = {0} AND o.customer_id <> ''", by.customer_id)
    if by.customer_reference is not None:
        add("o.customer_reference = {0} AND o.customer_reference <> ''", by.customer_reference)
    if by.state is not None:
        add("o.state = {0}", by.state)
    if by.on_hold:
        add("o.on_hold")
    if by.sku is not None:
        add("o.order_id IN (SELECT l.order_id FROM order_line l WHERE l.sku = {0})", by.sku)
    if by.location_id is not None:
        add("o.order_id IN (SELECT p.order_id FROM plan_part p WHERE p.location_id = {0})", by.location_id)
    if by.accept_time_from is not None:
        add("o.accept_time >= {0}", by.accept_time_from)
    if by.accept_time_to is not None:
        add("o.accept_time < {0}", by.accept_time_to)
    if by.query is not None:
        first = by.query.lower()
        add(
            "((o.order_id >= {0} AND o.order_id < {1}) OR (o.customer_reference = {2} "
            "AND o.customer_reference <> ''))",
            first,
            first + _LAST,
            by.query,
        )
    if after is not None:
        add("(o.accept_time, o.order_id) < ({0}, {1})", *after)
    values.append(size)
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    # Only fixed texts are put together; every value is a parameter.
    statement = f"SELECT o.order_id FROM customer_order o {where}{_NEWEST_FIRST} LIMIT ${len(values)}"  # noqa: S608
    return statement, values
