"""By when articles could be with a customer, before anything is ordered: planned and dated as a preview of
one line is, from memory.

What rules may ask of an article (brand, attributes, value) comes from the catalog with a quote, and is kept
for a minute; where they ask nothing of articles nobody is called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import is_not
from time import perf_counter
from typing import NamedTuple

from chassis.clock import Clock
from chassis.refusals import PassedOn
from services.orders.domain.calendar import instant_of
from services.orders.domain.draft import Draft, DraftLine, check_pickup
from services.orders.domain.places import Address, Locations
from services.orders.domain.plans import Wish
from services.orders.domain.prices import Quote
from services.orders.domain.promise import Timetable
from services.orders.domain.refusals import (
    ChannelUnknown,
    LocationInactive,
    PickupNotPossible,
    PromiseNotOffered,
)
from services.orders.domain.states import Method
from services.orders.domain.views import Capacity, Stock
from services.orders.usecases.offers import Offer, dated_or_none, offer, options
from services.orders.usecases.ports import Directory, Prices, StockReplica, Supplies
from services.orders.usecases.terms import Terms, TermsAt
from services.orders.usecases.waiting import from_coming, waiting_skus

KEPT_SECONDS = 60.0
"""How long what the catalog says of an article is taken for true."""
MAX_KEPT_ARTICLES = 50_000
MAX_KEPT_DATES = 100_000
TURN_SECONDS = 0.005
"""Between two turns of the event loop: orders wait for a page no longer than that and one more plan."""
_OF_ARTICLES = ("brand", "value", "price")


class Ask(NamedTuple):
    """What a page shows: `destination` is (latitude, longitude)."""

    channel_id: str
    skus: Sequence[str]
    quantity_units: int = 1
    destination: tuple[float, float] | None = None
    pickup_location_ids: Sequence[str] = ()
    customer_promises: Sequence[str] = ()
    """Only these; empty: all that are offered."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """By when a parcel would be there; None: not all of it, or not in time for the promise."""

    customer_promise: str
    name_en: str
    name_es: str
    promise_time: datetime | None
    waits: bool = False
    """Whether units of it are still to come, so that the order has to accept later delivery."""


class Collection(NamedTuple):
    """When all could be collected at a store; None: not all of it. `waits` as of a delivery."""

    location_id: str
    promise_time: datetime | None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Dates:
    """By when one article could be with the customer."""

    sku: str
    deliveries: Sequence[Delivery] = ()
    pickups: Sequence[Collection] = ()


class AvailabilityDates:
    """Answers pages; reserves and stores nothing."""

    def __init__(
        self,
        prices: Prices,
        stock: StockReplica,
        directory: Directory,
        terms_at: TermsAt,
        clock: Clock,
        supplies: Supplies,
    ) -> None:
        self._supplies = supplies
        self._prices = prices
        self._stock = stock
        self._directory = directory
        self._terms_at = terms_at
        self._clock = clock
        self._articles: dict[tuple[str, str], tuple[float, Quote | None]] = {}
        self._kept: dict[tuple[object, ...], _Kept] = {}
        self._standing: tuple[object, ...] = ()

    async def __call__(self, ask: Ask) -> list[Dates]:
        """In the order of the SKUs.

        Raises:
            ChannelUnknown, LocationUnknown, PromiseNotOffered.
        """
        await self._directory.learn(set(ask.pickup_location_ids), ask.channel_id)
        channel = self._directory.channels.get(ask.channel_id)
        if channel is None:
            raise ChannelUnknown(ask.channel_id)
        terms = self._terms_at(self._clock())
        for code in ask.customer_promises:
            if code not in terms.rules.promises:
                raise PromiseNotOffered(code, tuple(terms.rules.promises))
        sends = ask.destination is not None and channel.offers(Method.SHIP)
        stores = _collectable(ask.pickup_location_ids, self._directory.locations)
        if not channel.offers(Method.PICKUP):
            stores = {}
        quotes = await self._quotes(ask, terms)
        locations = self._directory.locations
        days = self._days(ask, locations, terms) if sends else ()
        view = self._stock.view(ask.channel_id)
        found = []
        ready: dict[str, datetime | None] = {}
        turns = _Turns()
        for sku in ask.skus:
            await turns.end()
            if quotes is not None and quotes[sku] is None:
                found.append(Dates(sku))
                continue
            page = _Page(ask, view, locations, terms, quotes[sku] if quotes else None, ready)
            deliveries = self._deliveries(page, sku, days) if sends else ()
            later = self._supplies.may(sku, ask.channel_id, asked=True)
            if later:
                deliveries = page.with_coming(sku, deliveries, self._supplies)
            pickups = []
            for location_id, able in stores.items():
                await turns.end()
                pickup = page.pickup(sku, location_id, able)
                if later and able:
                    pickup = page.collected_later(sku, pickup, self._supplies)
                pickups.append(pickup)
            found.append(Dates(sku, deliveries, pickups))
        return found

    def _days(self, ask: Ask, locations: Locations, terms: Terms) -> tuple[object, ...]:
        """Until when each promise has to be kept at the destination. What was worked out before holds for as
        long as rules, locations, prices of stock and the days on which parcels leave stay what they are.
        """
        assert ask.destination is not None
        rules, instant = terms.rules, instant_of(terms.now)
        standing: list[object] = [rules, locations, terms.prices]
        days: list[object] = []
        for code in rules.promises:
            timetable = Timetable.of(locations, rules.under(code))
            standing += (timetable.leaving(instant), timetable.open_at(terms.now))
            days.append(timetable.latest(terms.now, ask.destination, rules.within_days(code)))
        if len(standing) != len(self._standing) or any(map(is_not, standing, self._standing)):
            self._kept.clear()
            self._standing = tuple(standing)
        return tuple(days)

    def _deliveries(self, page: _Page, sku: str, days: tuple[object, ...]) -> Sequence[Delivery]:
        """As the page says, worked out once for as long as it stays so."""
        ask, capacity = page.ask, page.terms.capacity
        key = ask.channel_id, sku, ask.quantity_units, ask.destination, tuple(ask.customer_promises), days
        mark, known = self._stock.mark(sku), self._kept.get(key)
        if known is not None and known.mark is mark and known.quote is page.quote:
            for (location_id, day), left in known.capacity.items():
                if capacity.left(location_id, day) != left:
                    break
            else:
                return known.deliveries
        seen = _Looked(capacity)
        made = page._replace(terms=page.terms._replace(capacity=seen)).deliveries(sku)
        if mark is not None:
            if len(self._kept) >= MAX_KEPT_DATES:
                self._kept.clear()
            self._kept[key] = _Kept(mark, page.quote, seen.by_day, made)
        return made

    async def _quotes(self, ask: Ask, terms: Terms) -> Mapping[str, Quote | None] | None:
        """What the catalog says of the articles, where rules ask for it; None of one that is not sold."""
        if not any(one in _OF_ARTICLES or one.startswith("attribute:") for one in terms.rules.asks):
            return None
        now = asyncio.get_running_loop().time()
        known = {sku: self._articles.get((ask.channel_id, sku)) for sku in ask.skus}
        missing = [sku for sku, one in known.items() if one is None or one[0] < now]
        fresh = await asyncio.gather(*(self._quote(ask.channel_id, sku) for sku in missing))
        if len(self._articles) + len(fresh) > MAX_KEPT_ARTICLES:
            self._articles.clear()
        made = {sku: (now + KEPT_SECONDS, quote) for sku, quote in zip(missing, fresh, strict=True)}
        self._articles.update({(ask.channel_id, sku): one for sku, one in made.items()})
        found = {**known, **made}
        return {sku: one[1] for sku, one in found.items() if one is not None}

    async def _quote(self, channel_id: str, sku: str) -> Quote | None:
        try:
            return await self._prices.quote(Draft(channel_id, (DraftLine(sku, 1, Method.SHIP),)), "", "")
        except PassedOn:
            return None


class _Turns:
    """Whose turn it is: others on the event loop get theirs when this one was long enough."""

    def __init__(self) -> None:
        self._began = perf_counter()

    async def end(self) -> None:
        """Go on, after the others if it is their turn."""
        if perf_counter() - self._began > TURN_SECONDS:
            await asyncio.sleep(0)
            self._began = perf_counter()


class _Kept(NamedTuple):
    """Deliveries that hold while the SKU has the mark, the catalog says the same, and the days that were
    looked at have as much capacity left.
    """

    mark: object
    quote: Quote | None
    capacity: Mapping[tuple[str, date], int | None]
    deliveries: Sequence[Delivery]


class _Looked:
    """Looks through to `capacity`, and remembers every answer: also that nothing is said of a day, which may
    be said a moment later.
    """

    __slots__ = ("_capacity", "by_day")

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self.by_day: dict[tuple[str, date], int | None] = {}

    def left(self, location_id: str, day: date) -> int | None:
        """See `Capacity.left`."""
        key = location_id, day
        if key not in self.by_day:
            self.by_day[key] = self._capacity.left(location_id, day)
        return self.by_day[key]


class _Page(NamedTuple):
    ask: Ask
    stock: Stock
    locations: Locations
    terms: Terms
    quote: Quote | None
    ready: dict[str, datetime | None]
    """When goods that a store has would be ready there, whichever they are."""

    def deliveries(self, sku: str) -> list[Delivery]:
        """By promise, in the order of the rules."""
        draft = self._draft(DraftLine(sku, self.ask.quantity_units, Method.SHIP))
        found = options(
            draft.wish(self.quote), self.stock, self.locations, self.terms, self.ask.customer_promises
        )
        return [Delivery(one.customer_promise, one.name_en, one.name_es, _whole(one.offer)) for one in found]

    def with_coming(self, sku: str, deliveries: Sequence[Delivery], supplies: Supplies) -> Sequence[Delivery]:
        """The same, with the date of what is still to come where there is too little, as it is known here."""
        dateless = [one.customer_promise for one in deliveries if one.promise_time is None]
        if not dateless:
            return deliveries
        wish = self._draft(DraftLine(sku, self.ask.quantity_units, Method.SHIP)).wish(self.quote)
        found = options(wish, self.stock, self.locations, self.terms, self.ask.customer_promises)
        later: dict[str, datetime] = {}
        for one in found:
            if one.offer is not None and one.customer_promise in dateless:
                waited = self._later(
                    wish._replace(customer_promise=one.customer_promise), one.offer, supplies
                )
                time = _whole(waited)
                if time is not None:
                    later[one.customer_promise] = time
        return [
            replace(one, promise_time=later[one.customer_promise], waits=True)
            if one.customer_promise in later
            else one
            for one in deliveries
        ]

    def collected_later(self, sku: str, pickup: Collection, supplies: Supplies) -> Collection:
        """The same of a store at which customers can collect."""
        if pickup.promise_time is not None:
            return pickup
        line = DraftLine(sku, self.ask.quantity_units, Method.PICKUP, pickup.location_id)
        wish = self._draft(line).wish(self.quote)
        waited = self._later(wish, offer(wish, self.stock, self.locations, self.terms), supplies)
        if waited is None or waited.plan.shortages:
            return pickup
        return Collection(pickup.location_id, _last(waited), waits=True)

    def _later(self, wish: Wish, now: Offer, supplies: Supplies) -> Offer | None:
        """As a preview of a line that accepts later delivery, of what is known here."""
        channel_id, terms = self.ask.channel_id, self.terms
        wanted = waiting_skus(supplies, wish, now.plan, channel_id, terms, frozenset({1}))
        found = (
            from_coming(supplies, wanted, wish, self.stock, channel_id, self.locations, terms)
            if wanted
            else None
        )
        return dated_or_none(wish, found, self.locations, terms)

    def pickup(self, sku: str, location_id: str, able: bool) -> Collection:
        """A store, and when all units could be collected there."""
        if not able:
            return Collection(location_id, None)
        rules, units = self.terms.rules, self.ask.quantity_units
        there = self.stock.units(sku).get(location_id, 0) >= units
        alike = there and not rules.exclusions and not rules.safety_days
        if alike and location_id in self.ready:
            return Collection(location_id, self.ready[location_id])
        line = DraftLine(sku, units, Method.PICKUP, location_id)
        wish = self._draft(line).wish(self.quote)
        found = offer(wish, self.stock, self.locations, self.terms, partial=False)
        time = None if found.plan.shortages else _last(found)
        if alike:
            self.ready[location_id] = time
        return Collection(location_id, time)

    def _draft(self, line: DraftLine) -> Draft:
        to = self.ask.destination
        return Draft(self.ask.channel_id, (line,), None if to is None else Address("", *to))


def _whole(found: Offer | None) -> datetime | None:
    return None if found is None or found.plan.shortages else found.promise_time


def _last(found: Offer) -> datetime | None:
    return max([part.promise_time for part in found.parts if part.promise_time is not None], default=None)


def _collectable(location_ids: Iterable[str], locations: Locations) -> dict[str, bool]:
    """Whether customers can collect there now."""
    found = {}
    for location_id in location_ids:
        try:
            check_pickup(location_id, locations)
        except (LocationInactive, PickupNotPossible):
            found[location_id] = False
        else:
            found[location_id] = True
    return found
