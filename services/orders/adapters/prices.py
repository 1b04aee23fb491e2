"""Prices at hand: baskets are priced with a copy of the catalogue, by the engine that the catalog uses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from chassis import metrics
from chassis.clock import Clock
from chassis.conventions import CHANNEL_ID
from chassis.telemetry import span
from pricing.baskets import DEFAULT_TAX_COUNTRY, Basket, BasketLine
from pricing.quotes import SignedQuote, Wish, quote_basket
from pricing.refusals import Refusal
from services.orders.adapters.nats.catalogue import Priced
from services.orders.domain.draft import Draft
from services.orders.domain.prices import PricedLine, Quote
from services.orders.usecases.ports import Prices

_QUOTES = metrics.counter(
    "orders_quotes_total",
    "baskets",
    "Baskets priced for orders, with the copy of the catalogue or by asking the catalog",
    ("source",),
)


class Copy(Protocol):
    """A copy of the catalogue."""

    @property
    def now(self) -> Priced | None:
        """The copy, or None while there is none that may be trusted."""
        ...


class PricesAtHand:
    """See `usecases.ports.Prices`. Whatever the copy refuses is asked of the catalog: it may know more, and
    its no is the customer's.
    """

    def __init__(self, copy: Copy, asked: Prices, describes: Callable[[], bool], clock: Clock) -> None:
        self._copy = copy
        self._asked = asked
        self._describes = describes
        self._clock = clock
        self._here = _QUOTES.labels("copy")
        self._there = _QUOTES.labels("catalog")

    async def quote(self, draft: Draft, tax_country: str, tax_region: str) -> Quote:
        """What the draft costs; a refusal of the catalog passes through as it is."""
        with_ = self._copy.now
        if with_ is not None:
            basket = Basket(
                draft.channel_id,
                tuple([BasketLine(line.sku, line.quantity_units) for line in draft.lines]),
                draft.coupon_codes,
                tax_country or DEFAULT_TAX_COUNTRY,
                tax_region,
                draft.currency_code,
                self._describes(),
            )
            with span("QuoteBasket", attributes={CHANNEL_ID: draft.channel_id}):
                signed = _signed(with_, Wish(basket, draft.quote_token), self._clock())
            if signed is not None:
                self._here.inc()
                return _quote(signed)
        self._there.inc()
        return await self._asked.quote(draft, tax_country, tax_region)


def _signed(with_: Priced, wish: Wish, now: datetime) -> SignedQuote | None:
    """What the copy says; None where it refuses."""
    try:
        return quote_basket(with_.snapshot, with_.signer, wish, now)
    except Refusal:
        return None


def _quote(signed: SignedQuote) -> Quote:
    quote, token, expire_time = signed
    return Quote(
        quote.currency_code,
        tuple(
            [
                PricedLine(
                    line.unit_price_minor,
                    line.discount_minor,
                    line.tax_minor,
                    line.total_minor,
                    line.name_en,
                    line.name_es,
                    line.brand,
                    line.attributes,
                )
                for line in quote.lines
            ]
        ),
        quote.total_minor,
        quote.tax_minor,
        quote.discount_minor,
        token,
        expire_time,
    )
