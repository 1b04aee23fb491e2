"""Placing an order: price, source, reserve, authorise, accept. Only an accepted order is answered with yes.

A crash or a caller that leaves anywhere before the acceptance leaves a reservation that a retry of the
same request finds again, or that expires; and with the reservation the authorisation, whose key it is, is
voided. Where nothing is reserved (goods carried out), an intent does the same for the authorisation.

Whether a request was answered before is asked only where something may be left of it: a reservation that was
there already or has ended, a refusal, or no reservation at all. A reservation that is new is the proof that
the order is new, since each tries the same ones in the same order (ADR-0040).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from chassis.clock import Clock
from chassis.conventions import CHANNEL_ID, ORDER_ID
from chassis.telemetry import span
from services.orders.domain.draft import Draft, check
from services.orders.domain.placing import NewId, place
from services.orders.domain.prices import Quote
from services.orders.domain.refusals import (
    AttemptsExhausted,
    InsufficientStock,
    NoPlan,
    NothingPromised,
    PaymentDeclined,
    PaymentTokenUnknown,
    PaymentUnavailable,
    PromiseNotPossible,
)
from services.orders.usecases.flights import Flights
from services.orders.usecases.ports import (
    Acceptance,
    Acceptor,
    Authorized,
    Backing,
    CapacityTaken,
    Declined,
    Directory,
    HoldTooShort,
    Intents,
    LiveCapacity,
    PaymentProvider,
    PaymentTask,
    Prices,
    ProviderAway,
    Reservations,
    Store,
    Tx,
)
from services.orders.usecases.secure import MAX_ATTEMPTS, Secure, Secured

AUTHORIZE_TRIES = 3
AUTHORIZE_WAIT_SECONDS = 0.1
PROMISE_TRIES = 3
"""How often an order is promised anew at the same locations because others took the day's capacity."""


Refused = Callable[[str, Exception], None]
"""Hears of each order that is refused: its channel and the refusal."""


class Request(NamedTuple):
    """A call to be remembered: its key, what it contains, and the id the caller chose."""

    key: str
    fingerprint: bytes
    request_id: str


class _Answered(Exception):
    """This request was answered before."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer = answer


class PlaceOrder:
    """Places orders; many at once, each by itself."""

    def __init__(
        self,
        *,
        prices: Prices,
        secure: Secure,
        directory: Directory,
        reservations: Reservations,
        provider: PaymentProvider,
        intents: Intents,
        acceptor: Acceptor,
        store: Store,
        capacity: LiveCapacity,
        clock: Clock,
        new_id: NewId,
        refused: Refused | None = None,
    ) -> None:
        self._refused = refused
        self._prices = prices
        self._secure = secure
        self._directory = directory
        self._reservations = reservations
        self._provider = provider
        self._intents = intents
        self._acceptor = acceptor
        self._store = store
        self._capacity = capacity
        self._clock = clock
        self._new_id = new_id
        self._flights = Flights()

    async def __call__(
        self, order_id: str, draft: Draft, token: str, request: Request, trace_id: str
    ) -> bytes:
        """The answer in wire form: the accepted order, or what was answered to this request before."""

        async def work() -> bytes:
            about = {ORDER_ID: order_id, CHANNEL_ID: draft.channel_id}
            with span("PlaceOrder", attributes=about):
                return await self._place(order_id, draft, token, request, trace_id)

        try:
            return await self._flights.fly(request.key, request.fingerprint, request.request_id, work)
        except Exception as error:
            if self._refused is not None:
                self._refused(draft.channel_id, error)
            raise

    async def _place(self, order_id: str, draft: Draft, token: str, request: Request, trace_id: str) -> bytes:
        looked_up = False

        async def stop_if_answered() -> None:
            nonlocal looked_up
            if not looked_up:
                looked_up = True
                stored = await self._stored(request)
                if stored is not None:
                    raise _Answered(stored)

        try:
            return await self._place_new(order_id, draft, token, request, trace_id, stop_if_answered)
        except _Answered as before:
            return before.answer
        except Exception:
            # Who was answered before gets that answer, whatever others say by now.
            stored = None if looked_up else await self._stored(request)
            if stored is None:
                raise
            return stored

    async def _stored(self, request: Request) -> bytes | None:
        return await self._acceptor.stored(request.key, request.fingerprint, request.request_id)

    async def _place_new(
        self,
        order_id: str,
        draft: Draft,
        token: str,
        request: Request,
        trace_id: str,
        stop_if_answered: Callable[[], Awaitable[None]],
    ) -> bytes:
        quote = await price(draft, self._directory, self._prices)
        attempt = 1
        full: dict[str, NothingPromised | PromiseNotPossible] = {}
        while True:
            try:
                secured = await self._secure(
                    order_id,
                    draft.wish(quote),
                    draft.channel_id,
                    first_attempt=attempt,
                    excluded=frozenset(full),
                    hold_id=draft.hold_id,
                    customer_id=draft.customer_id,
                    on_earlier=stop_if_answered,
                    later=draft.later(),
                )
            except (InsufficientStock, NoPlan) as error:
                # There may be goods, but where they are there is no time for them.
                raise next(iter(full.values()), error) from None
            backing = await self._backing(order_id, quote, token, secured)
            if quote.total_minor:
                await self._authorize(order_id, backing, quote, token, secured)
            try:
                return await self._accept(order_id, draft, quote, secured, backing, request, trace_id)
            except (HoldTooShort, CapacityTaken):
                # This call was held up for longer than the reservation or the intent lasts, or others were
                # quicker with the capacity of the day: perhaps another location is better now.
                await self._let_go(order_id, backing, quote, secured)
            except (NothingPromised, PromiseNotPossible) as refusal:
                await self._let_go(order_id, backing, quote, secured)
                full[refusal.location_id] = refusal
            attempt = secured.attempt + 1
            if attempt > MAX_ATTEMPTS:
                raise AttemptsExhausted(order_id, secured.attempt)

    async def _accept(
        self,
        order_id: str,
        draft: Draft,
        quote: Quote,
        secured: Secured,
        backing: Backing,
        request: Request,
        trace_id: str,
    ) -> bytes:
        for left in reversed(range(PROMISE_TRIES)):
            acceptance = self._acceptance(order_id, draft, quote, secured, backing, request, trace_id)
            try:
                return await self._acceptor.accept(acceptance)
            except CapacityTaken:
                await self._capacity.refresh()
                # Where being late costs nothing the same locations serve, on a later day.
                if not left or secured.terms.rules.late_per_day:
                    raise
        raise AssertionError

    async def _backing(self, order_id: str, quote: Quote, token: str, secured: Secured) -> Backing:
        if secured.reservation_id:
            return Backing(secured.reservation_id, secured.hold_until)
        if quote.total_minor and self._provider.blocks(token):
            return await self._intents.note(order_id, quote.total_minor, quote.currency_code)
        return Backing(order_id, None)

    def _acceptance(
        self,
        order_id: str,
        draft: Draft,
        quote: Quote,
        secured: Secured,
        backing: Backing,
        request: Request,
        trace_id: str,
    ) -> Acceptance:
        now = self._clock()
        parts = secured.parts(
            self._directory.locations,
            self._new_id,
            self._capacity,
            destination=secured.decided.record.wish.destination,
        )
        order = place(
            order_id,
            draft,
            quote,
            parts,
            attempt=secured.attempt,
            payment_id=self._new_id("pay") if quote.total_minor else "",
            authorization_key=backing.authorization_key,
            now=now,
            trace_id=trace_id,
        )
        return Acceptance(
            order,
            (secured.decided,),
            request.key,
            request.fingerprint,
            request.request_id,
            backing.until,
            backing.intended,
        )

    async def _authorize(
        self, order_id: str, backing: Backing, quote: Quote, token: str, secured: Secured
    ) -> None:
        for left in reversed(range(AUTHORIZE_TRIES)):
            try:
                with span("payment authorize"):
                    outcome: Authorized | Declined = await self._provider.authorize(
                        backing.authorization_key, quote.total_minor, quote.currency_code, token
                    )
            except PaymentTokenUnknown:
                await self._release(order_id, backing, secured)
                raise
            except ProviderAway:
                if left:
                    await asyncio.sleep(AUTHORIZE_WAIT_SECONDS * (AUTHORIZE_TRIES - left))
                    continue
                await self._let_go(order_id, backing, quote, secured)
                raise PaymentUnavailable from None
            if isinstance(outcome, Declined):
                await self._release(order_id, backing, secured)
                raise PaymentDeclined(outcome.reason)
            return

    async def _release(self, order_id: str, backing: Backing, secured: Secured) -> None:
        if secured.reservation_id:
            await self._reservations.release(secured.reservation_id)
        if backing.intended:
            # A retry needs a key of its own: this one has had its answer.
            await self._intents.void(order_id)

    async def _let_go(self, order_id: str, backing: Backing, quote: Quote, secured: Secured) -> None:
        """Whether the provider keeps the amount is not known: it is told to let go, by a task that
        outlives this call.
        """
        await self._release(order_id, backing, secured)
        if backing.intended:
            return
        key = backing.authorization_key
        task = PaymentTask(
            order_id, void_id(key), "VOID_AUTHORIZATION", key, quote.total_minor, quote.currency_code, 0
        )

        async def owe(tx: Tx) -> None:
            await tx.owe(task)

        await self._store.change([], owe)


def void_id(authorization_key: str) -> str:
    """The one task that voids an authorisation nobody will use."""
    return f"void_{authorization_key}"


async def price(draft: Draft, directory: Directory, prices: Prices) -> Quote:
    """What the draft costs, once it fits its channel and locations. Tax is that of the address, else of
    the till's or pickup store.
    """
    await directory.learn(draft.named_locations(), draft.channel_id)
    locations = directory.locations
    check(draft, directory.channels, locations)
    place_of_tax = draft.delivery_address or next(
        (locations.by_id[x] for x in sorted(draft.named_locations()) if x in locations.by_id), None
    )
    if place_of_tax is None:
        return await prices.quote(draft, "", "")
    return await prices.quote(draft, place_of_tax.country_code, place_of_tax.region)
