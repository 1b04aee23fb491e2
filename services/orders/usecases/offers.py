"""What customers may be told before they buy: for a wish, each promise that is offered, planned and dated.

Previews and the dates of product pages come from here, so that both tell the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from services.orders.domain.facts import Part
from services.orders.domain.places import Locations
from services.orders.domain.placing import NewId, parts_of
from services.orders.domain.refusals import NothingPromised, PromiseNotOffered, PromiseNotPossible
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Plan, Wish
from services.orders.domain.states import Method
from services.orders.domain.views import Stock
from services.orders.usecases.terms import Terms
from services.orders.usecases.waiting import WithComing


@dataclass(frozen=True, slots=True)
class Offer:
    """A wish planned under one promise, as far as there is stock, and dated."""

    customer_promise: str
    plan: Plan
    parts: Sequence[Part]

    @property
    def units(self) -> int:
        """How many are served."""
        return sum([line.quantity_units for part in self.parts for line in part.lines])

    @property
    def promise_time(self) -> datetime | None:
        """By when the last parcel is there; None: nothing is sent."""
        times = [part.promise_time for part in self.parts if part.method == Method.SHIP and part.promise_time]
        return max(times, default=None)


@dataclass(frozen=True, slots=True)
class Option:
    """A promise that the customer may choose; no offer where it cannot be kept."""

    customer_promise: str
    name_en: str
    name_es: str
    offer: Offer | None


def is_sent(wish: Wish) -> bool:
    """Whether a promise has a say: goods that are collected or carried out ask for none."""
    return any(line.method is Method.SHIP for line in wish.lines)


def check_offered(wish: Wish, rules: SourcingRules) -> None:
    """Let a wish pass whose promise customers may choose.

    Raises:
        PromiseNotOffered: they may not.
    """
    if wish.customer_promise not in rules.promises and is_sent(wish):
        raise PromiseNotOffered(wish.customer_promise, tuple(rules.promises))


def offer(wish: Wish, stock: Stock, locations: Locations, terms: Terms, *, partial: bool = True) -> Offer:
    """`wish` under its promise, from locations that can promise what they are to serve; not `partial`: all
    of it or nothing.
    """
    excluded: frozenset[str] = frozenset()
    while True:
        plan = terms.decide(wish, stock, locations, excluded=excluded, partial=partial)
        try:
            return dated(wish, plan, locations, terms)
        except (NothingPromised, PromiseNotPossible) as error:
            excluded |= {error.location_id}


def dated(wish: Wish, plan: Plan, locations: Locations, terms: Terms) -> Offer:
    """A plan of `wish` with its promises.

    Raises:
        NothingPromised, PromiseNotPossible: a location cannot promise its share.
    """
    parts = parts_of(
        plan,
        "",
        1,
        terms.now,
        locations,
        terms.rules,
        _numbered(),
        destination=wish.destination,
        capacity=terms.capacity,
        customer_promise=wish.customer_promise,
    )
    return Offer(wish.customer_promise, plan, parts)


def dated_or_none(wish: Wish, found: WithComing | None, locations: Locations, terms: Terms) -> Offer | None:
    """What is partly to come, with its promises; None: nothing is, or a location cannot promise its share."""
    if found is None:
        return None
    try:
        return dated(wish, found.plan, locations, terms)
    except (NothingPromised, PromiseNotPossible):
        return None


def _numbered() -> NewId:
    """Parts of an offer have no ids, but an order's groups are told apart by them."""
    numbers = count(1)
    return lambda _prefix: f"part-{next(numbers)}"


def options(
    wish: Wish, stock: Stock, locations: Locations, terms: Terms, only: Sequence[str] = ()
) -> list[Option]:
    """Every promise that is offered, or `only` these, in the order of the rules. One that would serve fewer
    units than another cannot be kept.
    """
    promises = [one for code, one in terms.rules.promises.items() if not only or code in only]
    found = [offer(wish._replace(customer_promise=one.code), stock, locations, terms) for one in promises]
    most = max([one.units for one in found])
    return [
        Option(promise.code, promise.name_en, promise.name_es, one if one.units == most else None)
        for promise, one in zip(promises, found, strict=True)
    ]


def best(found: Iterable[Option], wanted: str) -> Offer:
    """The `wanted` promise where it can be kept, else the earliest that can."""
    possible = [option.offer for option in found if option.offer is not None]
    for one in possible:
        if one.customer_promise == wanted:
            return one
    return min(possible, key=lambda one: (one.promise_time is None, one.promise_time))
