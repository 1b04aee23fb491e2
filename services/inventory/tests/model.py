"""What stock is, in plain words: the model that the state machine compares the platform with.

It knows nothing of locks, groups, transactions or rows. Whoever wants to know what inventory promises may
read it instead of the domain.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.inventory.tests.model_terms import Shop
from services.inventory.tests.model_things import Basket, Place, Promise, Refused, Sheet, Supply, Trip


class Model(Shop):
    """A shop and what happens to it."""

    # Facts: never refused for lack of stock

    def move(self, place: Place, units: int) -> None:
        """Units come (+) or go (−); promises that are not covered any more break, youngest first, those of
        accepted orders last; then baskets, youngest first.
        """
        if units == 0:
            return
        self.on_hand[place] = self.on_hand.get(place, 0) + units
        missing = self.reserved(place) - max(0, self.on_hand[place])
        for promise in sorted(self.promises.values(), key=lambda one: (one.state != "HELD", -one.number)):
            broken = min(missing, promise.live.get(place, 0))
            if broken > 0 and promise.stands:
                promise.live[place] -= broken
                promise.displaced[place] = promise.displaced.get(place, 0) + broken
                missing -= broken
                promise.close_if_empty()
        if units > 0:
            return
        sku = place[0]
        places = [where for where in self.on_hand if where[0] == sku]
        there = sum(max(0, self.on_hand[where] - self.reserved(where)) for where in places)
        uncovered = self.held(sku) - there
        for basket in sorted(self.baskets.values(), key=lambda one: -one.number):
            broken = min(uncovered, basket.live.get(sku, 0))
            if broken > 0:
                basket.live[sku] -= broken
                uncovered -= broken
                if not any(basket.live.values()):
                    basket.state = "USED" if basket.used else "DISPLACED"

    def sell(self, place: Place, units: int, channel: str) -> None:
        """Goods left over a till; the channel's controls count them."""
        self.move(place, -units)
        if place[0] in self.ever_controlled:
            self.till.append((self.now, place[0], channel, units))

    def count(self, place: Place, units: int) -> None:
        self.move(place, units - self.on_hand.get(place, 0))

    def keep_back(self, place: Place, units: int) -> None:
        """Safety stock; it makes a position, so that it is known where."""
        self.on_hand.setdefault(place, 0)
        self.safety[place] = units

    # Baskets

    def hold(self, units: Mapping[str, int], ttl: int, channel: str, customer: str) -> Basket:
        self.check_customer(customer, units)
        if any(wanted > self.share(sku, channel) for sku, wanted in units.items()):
            raise Refused("INSUFFICIENT_STOCK")
        self.made += 1
        made = Basket(dict(units), ttl, self.now + ttl, self.made, channel)
        self.claim(customer, units, made)
        return made

    def renew(self, basket: Basket) -> None:
        if basket.state != "HELD":
            raise Refused("HOLD_ENDED")
        basket.expires = max(basket.expires, self.now + basket.ttl)

    def let_go(self, basket: Basket) -> None:
        if basket.state == "HELD":
            basket.live = dict.fromkeys(basket.live, 0)
            basket.state = "RELEASED"

    # Promises

    def reserve(
        self, picks: Mapping[Place, int], ttl: int, basket: Basket | None, channel: str, customer: str
    ) -> Promise:
        """Every pick or none; what the basket holds is used first."""
        try:
            self.check_customer(customer, _by_sku(picks), basket)
        except Refused as refused:
            # Where nothing was ever known to be, the want of it may be told instead of the limit.
            if all(place in self.on_hand for place in picks):
                raise
            raise Refused(f"{refused}|INSUFFICIENT_STOCK") from None
        kept = dict(basket.live) if basket is not None and basket.state == "HELD" else {}
        wanted = _by_sku(picks)
        short = any(units > self.available(place) for place, units in picks.items())
        for sku, units in wanted.items():
            mine = units - kept.get(sku, 0)
            short = short or mine > self.share(sku, channel)
        if short:
            raise Refused("INSUFFICIENT_STOCK")
        if basket is not None:
            for sku, units in wanted.items():
                used = min(units, kept.get(sku, 0))
                if used:
                    basket.live[sku] -= used
                    basket.used = True
            if basket.state == "HELD" and not any(basket.live.values()):
                basket.state = "USED"
        self.made += 1
        made = Promise(picks, self.now + ttl, self.made, channel, self.now, live=dict(picks))
        self.claim(customer, wanted, made)
        return made

    def reserve_again(self, promise: Promise, picks: Mapping[Place, int], ttl: int) -> None:
        if _by_sku(picks) != _by_sku(promise.wanted):
            raise Refused("RESERVATION_DIFFERS")
        if not promise.stands:
            raise Refused("RESERVATION_ENDED")
        promise.expires = max(promise.expires, self.now + ttl)

    # What is to come

    def expect(self, name: str, place: Place, units: int) -> None:
        """What a supplier is to bring in all, stated anew; what is promised beyond it is taken back."""
        supply = self.supplies.setdefault(name, Supply(place, units))
        if supply.closed:
            raise Refused("STATE_NOT_POSSIBLE")
        supply.expected = units
        self._cut(name)

    def come(self, name: str, units: int) -> None:
        """Who waits has it, in the order they came; what is not there after all is taken back."""
        supply = self.supplies[name]
        if supply.closed:
            raise Refused("STATE_NOT_POSSIBLE")
        supply.received += units
        place = supply.place
        self.move(place, units)
        left = min(units, max(0, self.on_hand[place]) - self.reserved(place))
        for promise in sorted(self.promises.values(), key=lambda one: one.number):
            came = min(promise.waits.get(name, 0), left)
            if came > 0:
                left -= came
                promise.waits[name] -= came
                promise.live[place] = promise.live.get(place, 0) + came
                promise.came[place] = promise.came.get(place, 0) + came
        self._cut(name)

    def close_supply(self, name: str) -> None:
        self.supplies[name].closed = True
        self._cut(name)

    def _cut(self, name: str) -> None:
        """The youngest lose first, those of accepted orders last."""
        excess = self.waited_for(name) - self.supplies[name].open
        for promise in sorted(self.promises.values(), key=lambda one: (one.state != "HELD", -one.number)):
            lost = min(promise.waits.get(name, 0), excess)
            if lost > 0:
                excess -= lost
                promise.waits[name] -= lost
                promise.close_if_empty()

    def waited_for(self, name: str) -> int:
        return sum(promise.waits.get(name, 0) for promise in self.promises.values())

    def wait_for(self, name: str, units: int, ttl: int, channel: str, customer: str) -> Promise:
        supply = self.supplies[name]
        sku = supply.place[0]
        self.check_customer(customer, {sku: units})
        room = supply.open - self.waited_for(name) if sku in self.sold_ahead else 0
        if units > room:
            raise Refused("INSUFFICIENT_STOCK")
        self.made += 1
        made = Promise({supply.place: 0}, self.now + ttl, self.made, channel, self.now, waits={name: units})
        self.claim(customer, {sku: units}, made)
        return made

    def commit(self, promise: Promise) -> None:
        ended = promise.state in ("RELEASED", "EXPIRED")
        if ended:
            raise Refused("RESERVATION_ENDED")
        promise.accepted = True
        if promise.state == "HELD":
            promise.state = "COMMITTED"

    def release(self, promise: Promise, picks: Mapping[Place, int]) -> None:
        """These units, or all that are kept."""
        self._check(promise, picks)
        for place, units in (picks or promise.live).items():
            promise.live[place] = promise.live.get(place, 0) - units if picks else 0
        if not picks:
            promise.waits = {}
        promise.close_if_empty()

    def consume(self, promise: Promise, picks: Mapping[Place, int]) -> None:
        """These units, or all that are kept, leave."""
        self._check(promise, picks)
        gone = {place: units for place, units in (picks or promise.live).items() if units}
        self._leave(promise, gone)

    def _leave(self, promise: Promise, gone: Mapping[Place, int]) -> None:
        for place, units in gone.items():
            promise.live[place] -= units
            promise.consumed[place] = promise.consumed.get(place, 0) + units
        promise.close_if_empty()
        for place, units in sorted(gone.items()):
            self.move(place, -units)

    def _check(self, promise: Promise, picks: Mapping[Place, int]) -> None:
        if any(units > promise.live.get(place, 0) for place, units in picks.items()):
            raise Refused("QUANTITY_TOO_HIGH")

    # What orders and fulfillment tell: facts, whatever the promise keeps

    def accepted(self, promise: Promise) -> None:
        """What has expired is taken again as far as it can be promised."""
        if promise.accepted:
            return
        promise.accepted = True
        if promise.state == "HELD":
            promise.state = "COMMITTED"
        elif promise.state == "EXPIRED":
            for place, units in sorted(promise.given_back.items()):
                # What it had waited for, others may have by now: it is looked for anew.
                units -= min(units, promise.came.get(place, 0))
                again = min(units, self.available(place), max(0, self.share(place[0], promise.channel)))
                promise.live[place] = promise.live.get(place, 0) + again
            promise.given_back = {}
            if any(promise.live.values()):
                promise.state = "COMMITTED"

    def called_off(self, promise: Promise, place: Place, units: int) -> None:
        """Cancelled, or not collected: what is still kept is free again."""
        live = min(units, promise.live.get(place, 0))
        if place in promise.wanted:
            promise.live[place] = promise.live.get(place, 0) - live
        self._forgo(promise, place, units - live)
        promise.close_if_empty()

    def shipped(self, promise: Promise, place: Place, units: int) -> None:
        """The goods left, also those that the promise did not keep any more."""
        live = min(units, promise.live.get(place, 0))
        promise.live[place] = promise.live.get(place, 0) - live
        promise.consumed[place] = promise.consumed.get(place, 0) + live
        self._forgo(promise, place, units - live)
        promise.close_if_empty()
        self.move(place, -units)

    def short(self, promise: Promise, place: Place, units: int, reason: str) -> None:
        """A picker did not get them. What is damaged leaves the book; what is not found leaves it as far as
        it has any and nothing explained its absence before.
        """
        self.accepted(promise)
        live = min(units, promise.live.get(place, 0))
        displaced = promise.displaced.get(place, 0)
        promise.live[place] = promise.live.get(place, 0) - live
        if reason != "NEEDED_IN_STORE":
            promise.displaced[place] = displaced + live
        self._forgo(promise, place, units - live)
        promise.close_if_empty()
        if reason == "DAMAGED":
            self.move(place, -units)
        elif reason == "NOT_FOUND":
            explained = min(units - live, displaced)
            on_shelf = max(0, self.on_hand.get(place, 0) - live)
            self.move(place, -(live + min(units - live - explained, on_shelf)))

    def _forgo(self, promise: Promise, place: Place, units: int) -> None:
        left = promise.given_back.get(place, 0)
        promise.given_back[place] = left - min(left, units)

    # Counts

    def start_count(self, at: str, skus: list[str]) -> Sheet:
        book = {sku: self.on_hand.get((sku, at), 0) for sku in skus}
        return Sheet(at, dict(book), snapshot=book)

    def record(self, sheet: Sheet, sku: str, units: int, *, now: bool) -> None:
        """Of the shelf as it was when the count began, or as it is `now`."""
        if sheet.state != "OPEN":
            raise Refused("STATE_NOT_POSSIBLE")
        stands = self.on_hand.get((sku, sheet.at), 0)
        sheet.book[sku] = stands if now else sheet.snapshot.setdefault(sku, stands)
        sheet.snapshot.setdefault(sku, stands)
        sheet.counted[sku] = units

    def complete(self, sheet: Sheet, *, missing_are_zero: bool) -> None:
        """The difference between shelf and book of the same moment is booked on the book of now."""
        if sheet.state == "CANCELLED":
            raise Refused("STATE_NOT_POSSIBLE")
        if sheet.state == "COMPLETED":
            return
        for sku in sorted(sheet.book):
            if sku not in sheet.counted and not missing_are_zero:
                continue
            difference = sheet.counted.get(sku, 0) - sheet.book[sku]
            sheet.found += abs(difference)
            self.on_hand.setdefault((sku, sheet.at), 0)
            self.move((sku, sheet.at), difference)
        sheet.state = "COMPLETED"

    def cancel_count(self, sheet: Sheet) -> None:
        if sheet.state != "OPEN":
            raise Refused("STATE_NOT_POSSIBLE")
        sheet.state = "CANCELLED"

    # Trips

    def dispatch(self, trip: Trip, *, forced: bool) -> None:
        if trip.state != "DRAFT":
            raise Refused("STATE_NOT_POSSIBLE")
        for sku, units in trip.planned.items():
            free = self.available((sku, trip.source))
            if self.held(sku):
                free = min(free, max(0, self.room(sku)))
            if units > free and not forced:
                raise Refused("INSUFFICIENT_STOCK")
        trip.state, trip.on_the_way = "IN_TRANSIT", dict(trip.planned)
        for sku, units in trip.planned.items():
            self.move((sku, trip.source), -units)

    def arrive(self, trip: Trip, units: Mapping[str, int]) -> None:
        """These units, or all that are on the way."""
        self._check_on_the_way(trip)
        if any(came > trip.on_the_way.get(sku, 0) for sku, came in units.items()):
            raise Refused("UNITS_TOO_MANY")
        for sku, came in dict(units or trip.on_the_way).items():
            trip.on_the_way[sku] -= came
            self.move((sku, trip.destination), came)
        trip.state = "PARTLY_RECEIVED" if any(trip.on_the_way.values()) else "RECEIVED"

    def give_up(self, trip: Trip) -> None:
        self._check_on_the_way(trip)
        trip.lost += sum(trip.on_the_way.values())
        trip.on_the_way = dict.fromkeys(trip.on_the_way, 0)
        trip.state = "RECEIVED"

    def drop(self, trip: Trip) -> None:
        if trip.state != "DRAFT":
            raise Refused("STATE_NOT_POSSIBLE")
        trip.state = "CANCELLED"

    def _check_on_the_way(self, trip: Trip) -> None:
        if trip.state not in ("IN_TRANSIT", "PARTLY_RECEIVED"):
            raise Refused("STATE_NOT_POSSIBLE")

    # Time

    def wait(self, seconds: int) -> None:
        """What was held too long is given back."""
        self.now += seconds
        for promise in self.promises.values():
            if promise.state == "HELD" and promise.expires <= self.now:
                promise.given_back = dict(promise.live)
                promise.live = dict.fromkeys(promise.live, 0)
                promise.waits = {}
                promise.state = "EXPIRED"
        for basket in self.baskets.values():
            if basket.state == "HELD" and basket.expires <= self.now:
                basket.live = dict.fromkeys(basket.live, 0)
                basket.state = "EXPIRED"


def _by_sku(picks: Mapping[Place, int]) -> dict[str, int]:
    units: dict[str, int] = {}
    for (sku, _), wanted in picks.items():
        units[sku] = units.get(sku, 0) + wanted
    return units
