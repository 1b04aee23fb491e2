"""Price, plan and promise of an order before it is placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.clock import Clock
from services.orders.domain.draft import Draft
from services.orders.domain.order import Order
from services.orders.domain.placing import parts_of, place
from services.orders.domain.prices import Quote
from services.orders.domain.refusals import LimitExceeded, ShortLine
from services.orders.domain.sourcing import Wish
from services.orders.domain.states import Method
from services.orders.usecases.place_order import price
from services.orders.usecases.ports import BuyerLimits, Directory, Prices, StockReplica
from services.orders.usecases.terms import TermsAt


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
        wish = draft.wish()
        locations = self._directory.locations
        now = self._clock()
        terms = self._terms_at(now)
        holding = bool(draft.hold_id)
        view = self._stock.view(draft.channel_id, holding=holding)
        plan = terms.decide(wish, view, locations, partial=True)
        if plan.shortages:
            await self._stock.refresh([short.sku for short in plan.shortages])
            view = self._stock.bare(draft.channel_id, holding=holding)
            plan = terms.decide(wish, view, locations, partial=True)
        numbers = iter(range(len(plan.parts)))
        # Parts of a preview have no ids, but the order's groups are told apart by them.
        parts = parts_of(
            plan,
            "",
            1,
            now,
            locations,
            terms.rules,
            lambda _prefix: f"part-{next(numbers) + 1}",
            destination=wish.destination,
            capacity=terms.capacity,
        )
        order = place("", draft, quote, parts, attempt=1, payment_id="", authorization_key="", now=now)
        order.messages.clear()
        return Preview(order, quote, plan.shortages, await self._exceeded(draft, wish))

    async def _exceeded(self, draft: Draft, wish: Wish) -> Sequence[LimitExceeded]:
        """Asked only for articles that anything keeps back: the others cost no call."""
        units: dict[str, int] = {}
        for line in wish.lines:
            if line.method is not Method.CARRY_OUT:
                units[line.sku] = units.get(line.sku, 0) + line.quantity_units
        kept = {sku: units[sku] for sku in self._stock.kept(units)}
        return await self._limits.exceeded(draft.customer_id, draft.hold_id, kept) if kept else ()
