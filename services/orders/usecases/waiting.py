"""What is short of a plan, from what is still to come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.orders.domain.later import with_later
from services.orders.domain.places import Locations
from services.orders.domain.sourcing import Plan, Wish
from services.orders.domain.supplies import Coming
from services.orders.domain.views import Stock
from services.orders.usecases.ports import Supplies
from services.orders.usecases.terms import Terms


class WithComing(NamedTuple):
    """A plan that is partly of what is to come, and what that was."""

    plan: Plan
    coming: Sequence[Coming]


async def plan_later(
    supplies: Supplies,
    wish: Wish,
    plan: Plan,
    view: Stock,
    channel_id: str,
    locations: Locations,
    terms: Terms,
    excluded: frozenset[str],
    later: frozenset[int],
) -> WithComing | None:
    """What is short of `plan` from what is to come, by the authority; None: nothing of it may be, or nothing
    comes.
    """
    wanted = waiting_skus(supplies, wish, plan, channel_id, terms, later)
    if not wanted:
        return None
    await supplies.refresh(wanted)
    return from_coming(supplies, wanted, wish, view, channel_id, locations, terms, excluded)


def waiting_skus(
    supplies: Supplies, wish: Wish, plan: Plan, channel_id: str, terms: Terms, later: frozenset[int]
) -> list[str]:
    """What is short of `plan` and may come later."""
    if terms.rules.within_days(wish.customer_promise, accepted=wish.accepted):
        # Who wants it within so many days waits for nothing.
        return []
    short = {one.sku for one in plan.shortages}
    return [
        line.sku
        for line in wish.lines
        if line.sku in short and supplies.may(line.sku, channel_id, asked=line.line_number in later)
    ]


def from_coming(
    supplies: Supplies,
    wanted: Sequence[str],
    wish: Wish,
    view: Stock,
    channel_id: str,
    locations: Locations,
    terms: Terms,
    excluded: frozenset[str] = frozenset(),
) -> WithComing | None:
    """`wish` from what is there and, of the `wanted` articles, from what is known to come; None: nothing
    does.
    """
    days = terms.rules.receiving_days
    coming = [
        one
        for sku in wanted
        for one in supplies.coming(sku, channel_id, terms.now, days)
        if one.location_id in locations.by_id and locations.by_id[one.location_id].active
    ]
    if not coming:
        return None
    # Now-stock first: of what is there as much as there is.
    now = terms.decide(wish, view, locations, excluded=excluded, partial=True)
    found = with_later(wish, now, coming, locations, terms.rules, excluded)
    return WithComing(found, coming) if found.later else None
