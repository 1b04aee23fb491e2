"""Orders by what a person knows of them, newest first.

The statement names only the filters that are set, so that PostgreSQL plans it for these: a rare article is
looked up in its index, a common one is asked of order after order, newest first. How often two things that
are asked for together meet, nobody knows beforehand: a common article may never have been at a location.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# What is rare and what is common is seen in the values, so no plan is kept that was made without them.
PLAN_BY_VALUES = "SET LOCAL plan_cache_mode = force_custom_plan"
RECENT_ORDERS = 10_000
"""Among so many a page of what is asked for together is mostly found."""
_NEWEST_FIRST = "ORDER BY o.accept_time DESC, o.order_id DESC"
_LAST = "\U0010ffff"
# Of parts that it serves, and of those that are sent to it to be collected.
_AT = "SELECT p.order_id FROM plan_part p WHERE p.location_id = {0} OR p.pickup_location_id = {0}"


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


def ways_to(by: Filter, after: tuple[datetime, str] | None, size: int) -> list[tuple[str, list[Any]]]:
    """Statements for at most `size` order ids after a place, with their arguments: the first that finds so
    many has the page, and the last finds all there are.

    Things that are asked for together are looked for among the newest orders, then among the article's and
    the location's own, of which there are fewer than of all.
    """
    further = (by.sku, by.location_id, by.state, by.channel_id)
    some = by.sku is not None or by.location_id is not None
    # Few orders are on hold, and an index has them.
    if by.on_hold or not some or sum(one is not None for one in further) < 2:
        return [page_of(by, after, size)]
    return [page_of(by, after, size, recent=True), page_of(by, after, size, own=True)]


def page_of(
    by: Filter, after: tuple[datetime, str] | None, size: int, *, recent: bool = False, own: bool = False
) -> tuple[str, list[Any]]:
    """The statement for at most `size` order ids after a place, and its arguments: of all orders, only of the
    most `recent` there, or beginning with the article's and the location's `own`.
    """
    conditions: list[str] = []
    values: list[Any] = []

    def add(condition: str, *given: Any) -> None:
        names = [f"${len(values) + number}" for number in range(1, len(given) + 1)]
        conditions.append(condition.format(*names))
        values.extend(given)

    found = ""
    if own:
        found, given = _own(by)
        values.extend(given)
        conditions.append("o.order_id IN (SELECT f.order_id FROM found f)")
    else:
        if by.sku is not None:
            add("o.order_id IN (SELECT l.order_id FROM order_line l WHERE l.sku = {0})", by.sku)
        if by.location_id is not None:
            add(f"o.order_id IN ({_AT})", by.location_id)
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
    if recent:
        add(
            "o.accept_time >= coalesce((SELECT w.accept_time FROM customer_order w "
            "WHERE w.accept_time <= coalesce({0}::timestamptz, 'infinity') "
            "ORDER BY w.accept_time DESC, w.order_id DESC OFFSET {1} LIMIT 1), '-infinity')",
            after[0] if after is not None else by.accept_time_to,
            RECENT_ORDERS,
        )
    values.append(size)
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    # Only fixed texts are put together; every value is a parameter.
    statement = f"{found}SELECT o.order_id FROM customer_order o {where}{_NEWEST_FIRST} LIMIT ${len(values)}"  # noqa: S608
    return statement, values


def _own(by: Filter) -> tuple[str, list[Any]]:
    """The article's orders, the location's, or what both have; made once, whatever is asked of it."""
    if by.location_id is None:
        select, given = "SELECT order_id FROM order_line WHERE sku = $1", [by.sku]
    elif by.sku is None:
        select, given = _AT.format("$1"), [by.location_id]
    else:
        select = (
            "SELECT l.order_id FROM order_line l JOIN plan_part p USING (order_id) "
            "WHERE l.sku = $1 AND (p.location_id = $2 OR p.pickup_location_id = $2)"
        )
        given = [by.sku, by.location_id]
    return f"WITH found AS MATERIALIZED ({select}) ", given
