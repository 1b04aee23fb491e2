"""Prices a basket, as of now or as of an earlier quote whose token is honoured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from pricing import engine
from pricing.baskets import Basket, Quote
from pricing.refusals import PriceChanged, Refusal
from pricing.snapshot import Snapshot
from pricing.tokens import QuoteSigner


class SignedQuote(NamedTuple):
    """A quote with the token that lets the customer pay exactly it until `expire_time`."""

    quote: Quote
    token: str
    expire_time: datetime


class Wish(NamedTuple):
    """A basket to be priced; an empty token means as of now."""

    basket: Basket
    token: str = ""


def quote_basket(snapshot: Snapshot, signer: QuoteSigner, wish: Wish, now: datetime) -> SignedQuote:
    """What the basket costs. With a token of an earlier quote its instant counts, and the token comes back
    unchanged.

    Raises:
        QuoteInvalid, QuoteExpired: the token does not hold for this basket now.
        PriceChanged: the catalogue was corrected since, so that even at its instant the basket costs
        something else.
        Refusal: see `engine.quote`.
    """
    basket, token = wish
    if not token:
        priced = engine.quote(basket, snapshot, now)
        return SignedQuote(priced, signer.sign(basket, now, priced.total_minor), now + signer.ttl)
    promise = signer.open(token, basket, now)
    priced = engine.quote(basket, snapshot, promise.priced_at)
    if priced.total_minor != promise.total_minor:
        current = engine.quote(basket, snapshot, now)
        raise PriceChanged(promise.total_minor, current.total_minor, current.currency_code)
    return SignedQuote(priced, token, promise.expire_time)


def quote_baskets(
    snapshot: Snapshot, signer: QuoteSigner, wishes: Sequence[Wish], now: datetime
) -> Iterator[SignedQuote | Refusal]:
    """Each basket's quote or refusal, one by one in their order, all at the same instant and version of
    the catalogue.
    """
    for wish in wishes:
        try:
            yield quote_basket(snapshot, signer, wish, now)
        except Refusal as refusal:
            yield refusal
