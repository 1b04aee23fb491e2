"""Price, plan and promise of an order before it is placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.clock import Clock
from services.orders.domain.draft import Draft
from services.orders.domain.order import Order
from services.orders.domain.places import Locations
from services.orders.domain.placing import place
from services.orders.domain.prices import Quote
from services.orders.domain.refusals import LimitExceeded, ShortLine
from services.orders.domain.sourcing import Wish
from services.orders.domain.views import Stock
from services.orders.usecases.offers import (
    Offer,
    Option,
    best,
    check_offered,
    dated_or_none,
    is_sent,
    offer,
    options,
)
from services.orders.usecases.place_order import price
from services.orders.usecases.ports import BuyerLimits, Directory, Prices, StockReplica, Supplies
from services.orders.usecases.terms import Terms, TermsAt
from services.orders.usecases.waiting import plan_later


@dataclass(frozen=True, slots=True)
class Preview:
    """The order as it would be, without ids, as far as there is stock."""

    order: Order
    quote: Quote
    shortages: tuple[ShortLine, ...]
    limits: Sequence[LimitExceeded]
    """What it would be refused for although it may be there."""
    options: Sequence[Option]
    """The promises to choose from; none where nothing is sent."""


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
        supplies: Supplies,
    ) -> None:
        self._supplies = supplies
        self._prices = prices
        self._stock = stock
        self._limits = limits
        self._directory = directory
        self._terms_at = terms_at
        self._clock = clock

    async def __call__(self, draft: Draft) -> Preview:
        """The order as it would be now, by the promise that is wanted or, where that cannot be kept, by the
        earliest that can.

        Raises:
            PromiseNotOffered: customers may not choose this promise.
        """
        quote = await price(draft, self._directory, self._prices)
        wish = draft.wish(quote)
        now = self._clock()
        terms = self._terms_at(now)
        check_offered(wish, terms.rules)
        found, choices = await self._offers(draft, wish, terms)
        order = place(
            "",
            draft._replace(customer_promise=found.customer_promise),
            quote,
            list(found.parts),
            attempt=1,
            payment_id="",
            authorization_key="",
            now=now,
        )
        order.messages.clear()
        return Preview(order, quote, found.plan.shortages, await self._exceeded(draft, wish), choices)

    async def _offers(self, draft: Draft, wish: Wish, terms: Terms) -> tuple[Offer, Sequence[Option]]:
        holding = bool(draft.hold_id)
        locations = self._directory.locations
        found = _offers(wish, self._stock.view(draft.channel_id, holding=holding), locations, terms)
        shortages = found[0].plan.shortages
        if shortages:
            await self._stock.refresh([short.sku for short in shortages])
            view = self._stock.bare(draft.channel_id, holding=holding)
            found = _offers(wish, view, locations, terms)
            later = await self._later(draft, wish, found[0], view, locations, terms)
            if later is not None:
                return later, found[1]
        return found

    async def _later(
        self, draft: Draft, wish: Wish, now: Offer, view: Stock, locations: Locations, terms: Terms
    ) -> Offer | None:
        """The same with what is short from what is to come; None: nothing of it may be, or nothing comes."""
        wish = wish._replace(customer_promise=now.customer_promise)
        found = await plan_later(
            self._supplies,
            wish,
            now.plan,
            view,
            draft.channel_id,
            locations,
            terms,
            frozenset(),
            draft.later(),
        )
        return dated_or_none(wish, found, locations, terms)

    async def _exceeded(self, draft: Draft, wish: Wish) -> Sequence[LimitExceeded]:
        """Asked only for articles that anything keeps back: the others cost no call."""
        units = wish.from_stock()
        kept = {sku: units[sku] for sku in self._stock.kept(units)}
        return await self._limits.exceeded(draft.customer_id, draft.hold_id, kept) if kept else ()


def _offers(wish: Wish, stock: Stock, locations: Locations, terms: Terms) -> tuple[Offer, Sequence[Option]]:
    """What the customer is shown, and what else they may choose."""
    if not is_sent(wish):
        return offer(wish, stock, locations, terms), ()
    choices = options(wish, stock, locations, terms)
    return best(choices, wish.customer_promise), choices
