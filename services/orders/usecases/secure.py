"""Plan on the replica, reserve with the authority, plan again when the replica was stale."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from chassis.clock import Clock
from chassis.conventions import LOCATION_ID, PLAN_ATTEMPT, PLAN_LOCATIONS, PLAN_PARTS, PLAN_WAY
from chassis.refusals import PassedOn
from chassis.telemetry import present
from services.orders.domain.facts import Part
from services.orders.domain.places import Address, Locations
from services.orders.domain.placing import NewId, parts_of
from services.orders.domain.refusals import (
    AttemptsExhausted,
    InsufficientStock,
    NoPlan,
    PromiseNotPossible,
    ShortLine,
)
from services.orders.domain.sourcing import Plan, Wish
from services.orders.domain.states import Method
from services.orders.domain.supplies import Coming
from services.orders.domain.views import Capacity, Stock
from services.orders.usecases.offers import best, check_offered, is_sent, options
from services.orders.usecases.ports import (
    Decided,
    Directory,
    Granted,
    Refused,
    Reservations,
    StockReplica,
    Supplies,
)
from services.orders.usecases.terms import Terms, TermsAt
from services.orders.usecases.waiting import plan_later

MAX_PLANS = 6
"""How often an order is planned because the replica was stale."""
MAX_ATTEMPTS = 20
"""How many reservations one request may use up: each retry after a declined payment or an outage takes
one.
"""
LEAST_HOLD = timedelta(seconds=120)
"""A reservation found again with less time left is not built on: acceptance needs up to a minute."""

PLACED = "PLACED"
STALE_REPLICA = "STALE_REPLICA"
RESERVATION_ENDED = "RESERVATION_ENDED"
NOTHING: Mapping[tuple[str, str, str], int] = {}


class Secured(NamedTuple):
    """A plan whose units are reserved; no reservation when nothing needs one."""

    plan: Plan
    decided: Decided
    reservation_id: str
    attempt: int
    hold_until: datetime | None
    terms: Terms

    def parts(
        self,
        locations: Locations,
        new_id: NewId,
        capacity: Capacity,
        to: Address | None = None,
        *,
        destination: tuple[float, float] | None = None,
    ) -> list[Part]:
        """The plan's parts, promised under the terms it was made on; see `parts_of`.

        Raises:
            NothingPromised: a location has no opening or no capacity left.
            PromiseNotPossible: a parcel of a new order would be too late for its customer's promise.
        """
        return parts_of(
            self.plan,
            self.reservation_id,
            self.attempt,
            self.terms.now,
            locations,
            self.terms.rules,
            new_id,
            to,
            destination=destination,
            capacity=capacity,
            customer_promise=self.decided.record.wish.customer_promise,
            accepted=self.decided.record.wish.accepted,
        )


class Secure:
    """Finds locations for a wish and reserves their units."""

    def __init__(
        self,
        stock: StockReplica,
        directory: Directory,
        reservations: Reservations,
        terms_at: TermsAt,
        clock: Clock,
        supplies: Supplies,
    ) -> None:
        self._supplies = supplies
        self._stock = stock
        self._directory = directory
        self._reservations = reservations
        self._terms_at = terms_at
        self._clock = clock

    async def __call__(
        self,
        order_id: str,
        wish: Wish,
        channel_id: str,
        *,
        first_attempt: int = 1,
        last_attempt: int = MAX_ATTEMPTS,
        trigger: str = PLACED,
        excluded: frozenset[str] = frozenset(),
        partial: bool = False,
        hold_id: str = "",
        customer_id: str = "",
        on_earlier: Callable[[], Awaitable[None]] | None = None,
        later: frozenset[int] | None = None,
    ) -> Secured:
        """A reserved plan; with `partial`, for as much as there is, but for something. What a basket holds is
        only for the order that names its `hold_id`. `on_earlier` is awaited before anything is done about a
        reservation that was made before, live or ended, and where none is needed; what it raises passes.
        Lines that are `later` may be served from what is to come, and others whose terms do not ask; None:
        nothing is.

        Raises:
            InsufficientStock, NoPlan: there is not enough; nothing is reserved.
            PromiseNotOffered, PromiseNotPossible: customers may not choose the promise of a new order, or it
                cannot be kept; nothing is reserved.
            AttemptsExhausted: reservations of this order ended too often.
        """
        attempt = first_attempt
        plans = 0
        accepted = trigger != PLACED
        while True:
            locations = self._directory.locations
            terms = self._terms_at(self._clock())
            if not accepted:
                check_offered(wish, terms.rules)
            plan, coming, view = await self._plan(
                wish, channel_id, locations, terms, excluded, partial, later, holding=bool(hold_id)
            )
            _note(plan, attempt)
            picks, waits = plan.picks(), plan.supply_picks() if plan.later else NOTHING
            if not picks and not waits:
                if on_earlier is not None:
                    await on_earlier()
                record = terms.record(wish, view, locations, plan, excluded=excluded, partial=partial)
                return Secured(plan, Decided(attempt, trigger, record, plan), "", attempt, None, terms)
            reserved = self._stock.taking(picks)
            granted = False
            try:
                outcome = await self._reservations.reserve(
                    order_id, attempt, picks, channel_id, hold_id, customer_id, accepted, waits
                )
                granted = isinstance(outcome, Granted)
            finally:
                reserved(granted)
            if on_earlier is not None and _is_earlier(outcome):
                await on_earlier()
            if isinstance(outcome, Granted):
                # Reserved before a crash, and what was to come has moved since: it is planned anew.
                overtaken = outcome.supply_picks != waits or (waits and outcome.picks != picks)
                if overtaken or self._ends_soon(outcome):
                    await self._reservations.release(outcome.reservation_id)
                    attempt = self._next(order_id, attempt, last_attempt)
                    continue
                if outcome.picks != picks:
                    # Reserved before a crash: the reservation's own picks are the plan.
                    view = _PicksView(outcome.picks)
                    plan = terms.decide(wish, view, locations, excluded=excluded, partial=partial)
                    if plan.picks() != outcome.picks:
                        await self._reservations.release(outcome.reservation_id)
                        attempt = self._next(order_id, attempt, last_attempt)
                        continue
                record = terms.record(
                    wish, view, locations, plan, excluded=excluded, partial=partial, coming=coming
                )
                decided = Decided(attempt, trigger, record, plan)
                return Secured(plan, decided, outcome.reservation_id, attempt, outcome.expire_time, terms)
            if outcome.reason == RESERVATION_ENDED:
                attempt = self._next(order_id, attempt, last_attempt)
                continue
            closed = outcome.closed_location_id
            if closed and not wish.names(closed):
                # Closed a moment ago, and the directory does not know yet.
                excluded |= {closed}
            elif outcome.reason != "INSUFFICIENT_STOCK":
                raise PassedOn(outcome.status, outcome.reason)
            plans += 1
            trigger = STALE_REPLICA if trigger == PLACED else trigger
            if plans >= MAX_PLANS:
                raise InsufficientStock(_shortages(wish, self._stock.bare(channel_id)))

    async def _plan(
        self,
        wish: Wish,
        channel_id: str,
        locations: Locations,
        terms: Terms,
        excluded: frozenset[str],
        partial: bool,
        later: frozenset[int] | None,
        *,
        holding: bool,
    ) -> tuple[Plan, Sequence[Coming], Stock]:
        view = self._stock.view(channel_id, holding=holding)
        plan = terms.decide(wish, view, locations, excluded=excluded, partial=partial)
        if plan.shortages:
            # The replica may be behind, or others may be reserving right now: ask before saying no.
            await self._stock.refresh([short.sku for short in plan.shortages])
            view = self._stock.bare(channel_id, holding=holding)
            plan = terms.decide(wish, view, locations, excluded=excluded, partial=partial)
        if plan.shortages and later is not None:
            found = await plan_later(
                self._supplies, wish, plan, view, channel_id, locations, terms, excluded, later
            )
            if found is not None and (partial or not found.plan.shortages):
                return found.plan, found.coming, view
        if plan.shortages and not (partial and plan.parts):
            shipped = any(line.method is Method.SHIP for line in wish.lines)
            if shipped and not any(x.location_id not in excluded for x in locations.shipping):
                raise NoPlan(Method.SHIP.name)
            if not wish.accepted:
                _blame_the_promise(wish, view, locations, terms)
            raise InsufficientStock(plan.shortages)
        return plan, (), view

    def _ends_soon(self, granted: Granted) -> bool:
        return (
            granted.existed
            and granted.expire_time is not None
            and granted.expire_time - self._clock() < LEAST_HOLD
        )

    @staticmethod
    def _next(order_id: str, attempt: int, last_attempt: int) -> int:
        if attempt >= last_attempt:
            raise AttemptsExhausted(order_id, attempt)
        return attempt + 1


def _blame_the_promise(wish: Wish, stock: Stock, locations: Locations, terms: Terms) -> None:
    """Where the goods of a refused order would do for another promise, that is why it is refused.

    Raises:
        PromiseNotPossible: with the earliest promise that can be kept.
    """
    if not is_sent(wish) or not terms.rules.restricts(wish.customer_promise):
        return
    other = best(options(wish, stock, locations, terms), wish.customer_promise)
    if not other.plan.shortages and other.promise_time is not None:
        raise PromiseNotPossible(
            wish.customer_promise, other.customer_promise, other.promise_time.isoformat(timespec="seconds")
        )


def _is_earlier(outcome: Granted | Refused) -> bool:
    """Whether the reservation was made by a call before this one."""
    return outcome.existed if isinstance(outcome, Granted) else outcome.reason == RESERVATION_ENDED


def _note(plan: Plan, attempt: int) -> None:
    """Say on the span of the use case what was decided; the last decision stays."""
    span = present()
    if span is not None:
        span.attributes[PLAN_ATTEMPT] = attempt
        parts = plan.parts + tuple([one.part for one in plan.later]) if plan.later else plan.parts
        span.attributes[PLAN_PARTS] = len(parts)
        span.attributes[PLAN_WAY] = ",".join(sorted({part.method.name for part in parts}))
        locations = sorted({part.location_id for part in parts})
        span.attributes[PLAN_LOCATIONS] = ",".join(locations)
        if len(locations) == 1:
            # What a search for a location's traces looks at.
            span.attributes[LOCATION_ID] = locations[0]


@dataclass(frozen=True, slots=True)
class _PicksView:
    picks: Mapping[tuple[str, str], int]

    def units(self, sku: str) -> Mapping[str, int]:
        return {location: units for (of, location), units in self.picks.items() if of == sku}

    def version(self, sku: str, location_id: str) -> int:
        return 0


def _shortages(wish: Wish, stock: Stock) -> tuple[ShortLine, ...]:
    return tuple(
        ShortLine(
            line.sku,
            line.quantity_units,
            sum(max(0, units) for units in stock.units(line.sku).values()),
        )
        for line in wish.lines
        if line.method is not Method.CARRY_OUT
    )
