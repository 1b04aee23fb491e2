"""What decisions are made on at a moment: the rules in force, prices of stock and capacity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.orders.domain.places import Locations
from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Plan, Wish, decide
from services.orders.domain.supplies import Coming
from services.orders.domain.views import NO_PRICES, UNLIMITED, Capacity, Prices, Stock
from services.orders.usecases.ports import RulesBook


class Terms(NamedTuple):
    """The terms of one decision. Its record and its promises are made on the same."""

    now: datetime
    rules: SourcingRules
    prices: Prices = NO_PRICES
    capacity: Capacity = UNLIMITED

    def decide(
        self,
        wish: Wish,
        stock: Stock,
        locations: Locations,
        *,
        excluded: frozenset[str] = frozenset(),
        partial: bool = False,
    ) -> Plan:
        """The cheapest plan on these terms."""
        return decide(
            wish,
            stock,
            locations,
            self.rules,
            now=self.now,
            prices=self.prices,
            capacity=self.capacity,
            excluded=excluded,
            partial=partial,
        )

    def record(
        self,
        wish: Wish,
        stock: Stock,
        locations: Locations,
        plan: Plan,
        *,
        excluded: frozenset[str] = frozenset(),
        partial: bool = False,
        coming: Sequence[Coming] = (),
    ) -> DecisionRecord:
        """What has to be kept to make `plan` again."""
        return DecisionRecord.of(
            wish,
            stock,
            locations,
            self.rules,
            plan,
            now=self.now,
            excluded=excluded,
            partial=partial,
            coming=coming,
        )


TermsAt = Callable[[datetime], Terms]
"""The terms at a moment; cheap, since every order asks."""


def by_book(
    book: RulesBook, prices: Callable[[], Prices] = lambda: NO_PRICES, capacity: Capacity = UNLIMITED
) -> TermsAt:
    """Terms with the rules and the prices of stock that hold at the moment."""
    return lambda now: Terms(now, book.current(now), prices(), capacity)
