"""Price, plan and promise of an order before it is placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.clock import Clock
from services.orders.domain.draft import Draft
from services.orders.domain.facts import Part
from services.orders.domain.order import Order
from services.orders.domain.places import Locations
from services.orders.domain.placing import parts_of, place
from services.orders.domain.prices import Quote
from services.orders.domain.refusals import LimitExceeded, NothingPromised, ShortLine
from services.orders.domain.sourcing import Plan, Wish
from services.orders.usecases.place_order import price
from services.orders.usecases.ports import BuyerLimits, Directory, Prices, StockReplica
from services.orders.usecases.terms import Terms, TermsAt


@dataclass(frozen=True, slots=True)
class Preview:
    """The order as it would be, without ids, as far as there is stock."""

    order: Order
    quote: Quote
    shortages: tuple[ShortLine, ...]
    limits: Sequence[LimitExceeded]
    """What it would be refused for although it may be there."""


class PreviewOrder:
    """Previews orders; reserves and stores nothing."""

    def __init__(
        self,
        prices: Prices,
        stock: StockReplica,
        limits: BuyerLimits,
        directory: Directory,
        terms_at: TermsAt,
        clock: Clock,
    ) -> None:
        self._prices = prices
        self._stock = stock
        self._limits = limits
        self._directory = directory
        self._terms_at = terms_at
        self._clock = clock

    async def __call__(self, draft: Draft) -> Preview:
        """The order as it would be now."""
        quote = await price(draft, self._directory, self._prices)
        wish = draft.wish(quote)
        locations = self._directory.locations
        now = self._clock()
        terms = self._terms_at(now)
        plan, parts = await self._planned(draft, wish, terms, locations)
        order = place("", draft, quote, parts, attempt=1, payment_id="", authorization_key="", now=now)
        order.messages.clear()
        return Preview(order, quote, plan.shortages, await self._exceeded(draft, wish))

    async def _planned(
        self, draft: Draft, wish: Wish, terms: Terms, locations: Locations
    ) -> tuple[Plan, list[Part]]:
        """The plan of locations that can promise what they are to serve."""
        excluded: frozenset[str] = frozenset()
        while True:
            plan = await self._plan(draft, wish, terms, locations, excluded)
            try:
                return plan, self._parts(plan, wish, terms, locations)
            except NothingPromised as error:
                excluded |= {error.location_id}

    async def _plan(
        self, draft: Draft, wish: Wish, terms: Terms, locations: Locations, excluded: frozenset[str]
    ) -> Plan:
        holding = bool(draft.hold_id)
        view = self._stock.view(draft.channel_id, holding=holding)
        plan = terms.decide(wish, view, locations, excluded=excluded, partial=True)
        if plan.shortages:
            await self._stock.refresh([short.sku for short in plan.shortages])
            view = self._stock.bare(draft.channel_id, holding=holding)
            plan = terms.decide(wish, view, locations, excluded=excluded, partial=True)
        return plan

    @staticmethod
    def _parts(plan: Plan, wish: Wish, terms: Terms, locations: Locations) -> list[Part]:
        numbers = iter(range(len(plan.parts)))
        # Parts of a preview have no ids, but the order's groups are told apart by them.
        return parts_of(
            plan,
            "",
            1,
            terms.now,
            locations,
            terms.rules,
            lambda _prefix: f"part-{next(numbers) + 1}",
            destination=wish.destination,
            capacity=terms.capacity,
        )

    async def _exceeded(self, draft: Draft, wish: Wish) -> Sequence[LimitExceeded]:
        """Asked only for articles that anything keeps back: the others cost no call."""
        units = wish.from_stock()
        kept = {sku: units[sku] for sku in self._stock.kept(units)}
        return await self._limits.exceeded(draft.customer_id, draft.hold_id, kept) if kept else ()
