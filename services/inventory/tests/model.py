"""What stock is, in plain words: the model that the state machine compares the platform with.

It knows nothing of locks, groups, transactions or rows. Whoever wants to know what inventory promises may
read it instead of the domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, str]
"""SKU and location."""


class Refused(Exception):
    """The model would not do it, for this reason."""


@dataclass
class Promise:
    """A reservation: units at places."""

    wanted: Mapping[Place, int]
    expires: int
    number: int
    accepted: bool = False
    state: str = "HELD"
    live: dict[Place, int] = field(default_factory=dict)
    consumed: dict[Place, int] = field(default_factory=dict)
    displaced: dict[Place, int] = field(default_factory=dict)
    request: Any = None
    """What was asked, so that a test can ask again."""

    @property
    def stands(self) -> bool:
        return self.state in ("HELD", "COMMITTED")

    def close_if_empty(self) -> None:
        if self.stands and not any(self.live.values()):
            self.state = "CONSUMED" if any(self.consumed.values()) else "RELEASED"


@dataclass
class Basket:
    """A hold: units of SKUs, wherever they are."""

    live: dict[str, int]
    ttl: int
    expires: int
    number: int
    state: str = "HELD"
    used: bool = False


@dataclass
class Trip:
    """A transfer."""

    source: str
    destination: str
    planned: Mapping[str, int]
    state: str = "DRAFT"
    on_the_way: dict[str, int] = field(default_factory=dict)
    lost: int = 0


@dataclass
class Model:
    """Shelves, promises, baskets, trips and a clock in seconds."""

    now: int = 0
    on_hand: dict[Place, int] = field(default_factory=dict)
    safety: dict[Place, int] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    baskets: dict[str, Basket] = field(default_factory=dict)
    trips: dict[str, Trip] = field(default_factory=dict)
    made: int = 0

    # What there is

    def reserved(self, place: Place) -> int:
        return sum(promise.live.get(place, 0) for promise in self.promises.values())

    def held(self, sku: str) -> int:
        return sum(basket.live.get(sku, 0) for basket in self.baskets.values())

    def available(self, place: Place) -> int:
        """What may be promised at a place, as if no basket held anything."""
        free = self.on_hand.get(place, 0) - self.reserved(place) - self.safety.get(place, 0)
        return max(0, free)

    def room(self, sku: str) -> int:
        """What may be promised of a SKU to somebody without a basket."""
        return sum(self.available(place) for place in self.on_hand if place[0] == sku) - self.held(sku)

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

    def count(self, place: Place, units: int) -> None:
        self.move(place, units - self.on_hand.get(place, 0))

    def keep_back(self, place: Place, units: int) -> None:
        """Safety stock; it makes a position, so that it is known where."""
        self.on_hand.setdefault(place, 0)
        self.safety[place] = units

    # Baskets

    def hold(self, units: Mapping[str, int], ttl: int) -> Basket:
        if any(wanted > self.room(sku) for sku, wanted in units.items()):
            raise Refused("INSUFFICIENT_STOCK")
        self.made += 1
        return Basket(dict(units), ttl, self.now + ttl, self.made)

    def renew(self, basket: Basket) -> None:
        if basket.state != "HELD":
            raise Refused("HOLD_ENDED")
        basket.expires = max(basket.expires, self.now + basket.ttl)

    def let_go(self, basket: Basket) -> None:
        if basket.state == "HELD":
            basket.live = dict.fromkeys(basket.live, 0)
            basket.state = "RELEASED"

    # Promises

    def reserve(self, picks: Mapping[Place, int], ttl: int, basket: Basket | None) -> Promise:
        """Every pick or none; what the basket holds is used first."""
        kept = dict(basket.live) if basket is not None and basket.state == "HELD" else {}
        wanted = _by_sku(picks)
        short = any(units > self.available(place) for place, units in picks.items())
        for sku, units in wanted.items():
            mine = units - kept.get(sku, 0)
            short = short or (self.held(sku) > 0 and mine > max(0, self.room(sku)))
        if short:
            raise Refused("INSUFFICIENT_STOCK")
        if basket is not None:
            for sku, units in wanted.items():
                used = min(units, kept.get(sku, 0))
                basket.live[sku] = basket.live.get(sku, 0) - used
                basket.used = basket.used or used > 0
            if basket.state == "HELD" and not any(basket.live.values()):
                basket.state = "USED"
        self.made += 1
        return Promise(picks, self.now + ttl, self.made, live=dict(picks))

    def reserve_again(self, promise: Promise, picks: Mapping[Place, int], ttl: int) -> None:
        if _by_sku(picks) != _by_sku(promise.wanted):
            raise Refused("RESERVATION_DIFFERS")
        if not promise.stands:
            raise Refused("RESERVATION_ENDED")
        promise.expires = max(promise.expires, self.now + ttl)

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
        promise.close_if_empty()

    def consume(self, promise: Promise, picks: Mapping[Place, int]) -> None:
        """These units, or all that are kept, leave."""
        self._check(promise, picks)
        gone = {place: units for place, units in (picks or promise.live).items() if units}
        for place, units in gone.items():
            promise.live[place] -= units
            promise.consumed[place] = promise.consumed.get(place, 0) + units
        promise.close_if_empty()
        for place, units in sorted(gone.items()):
            self.move(place, -units)

    def _check(self, promise: Promise, picks: Mapping[Place, int]) -> None:
        if any(units > promise.live.get(place, 0) for place, units in picks.items()):
            raise Refused("QUANTITY_TOO_HIGH")

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
                promise.live = dict.fromkeys(promise.live, 0)
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
