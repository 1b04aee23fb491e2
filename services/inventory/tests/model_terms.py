"""Who may have what: the half of the model that decides, and changes no shelf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from services.inventory.tests.model_things import (
    Amount,
    Basket,
    Control,
    Limit,
    Place,
    Promise,
    Refused,
    Sheet,
    Supply,
    Trip,
    has_units,
)


@dataclass
class Shop:
    """Shelves, promises, baskets, trips and a clock in seconds."""

    now: int = 0
    on_hand: dict[Place, int] = field(default_factory=dict)
    safety: dict[Place, int] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    baskets: dict[str, Basket] = field(default_factory=dict)
    trips: dict[str, Trip] = field(default_factory=dict)
    sheets: dict[str, Sheet] = field(default_factory=dict)
    controls: dict[tuple[str, str], Control] = field(default_factory=dict)
    """By SKU and channel."""
    ever_controlled: set[str] = field(default_factory=set)
    till: list[tuple[int, str, str, int]] = field(default_factory=list)
    """Units of controlled articles that left over a till: when, SKU, channel, how many."""
    limits: dict[str, Limit] = field(default_factory=dict)
    claims: list[tuple[int, str, str, Promise | Basket]] = field(default_factory=list)
    """When, who, of which SKU, by what."""
    made: int = 0
    supplies: dict[str, Supply] = field(default_factory=dict)
    sold_ahead: set[str] = field(default_factory=set)
    """Articles that may be sold before they are there."""

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

    # What a channel may have

    def had(self, sku: str, control: Control, *, by_all: bool = False) -> int:
        """What was promised since the control counts: kept, gone, or sold over a till."""
        promised = [
            units
            for promise in self.promises.values()
            if promise.made_at >= control.since and (by_all or promise.channel == control.channel)
            for lines in (promise.live, promise.consumed)
            for place, units in lines.items()
            if place[0] == sku
        ]
        sold = [
            units
            for at, of, channel, units in self.till
            if at >= control.since and of == sku and (by_all or channel == control.channel)
        ]
        return sum(promised) + sum(sold)

    def used(self, sku: str, control: Control) -> int:
        """What its channel has had, and what baskets of the channel hold."""
        baskets = [one for one in self.baskets.values() if one.channel == control.channel]
        return self.had(sku, control) + sum(one.live.get(sku, 0) for one in baskets)

    def share(self, sku: str, channel: str) -> int:
        """What may be promised of a SKU to a channel, without a basket: fences are filled by priority; of
        what is left the channel leaves its buffer alone; and its cap is the end.
        """
        promisable = sum(self.available(place) for place in self.on_hand if place[0] == sku)
        common = max(0, promisable - self.held(sku))
        controls = [one for (of, _), one in self.controls.items() if of == sku]
        own = self.controls.get((sku, channel))
        if own is not None and not own.valid(self.now):
            own = None

        def units(amount: Amount, control: Control, *, up: bool = False) -> int:
            fixed, percent = amount
            if not percent:
                return fixed
            part = (promisable + self.had(sku, control, by_all=True)) * percent
            return -(-part // 100) if up else part // 100

        mine = left_in_mine = 0
        for one in sorted(controls, key=lambda control: (-control.priority, control.channel)):
            if one.fence is not None and one.fences(self.now):
                left = max(0, units(one.fence, one) - self.used(sku, one))
                kept = min(common, left)
                common -= kept
                if one is own:
                    mine, left_in_mine = kept, left
        if own is None:
            return common
        if own.only_fence and own.fences(self.now):
            found = min(mine, left_in_mine)
        else:
            buffer = units(own.buffer, own, up=True) if own.buffer is not None else 0
            found = mine + max(0, common - buffer)
        if own.cap is not None:
            found = min(found, max(0, units(own.cap, own) - self.used(sku, own)))
        return found

    def set_control(self, sku: str, control: Control) -> None:
        """It goes on counting unless it is new, or begins at another time than before."""
        if control.buffer is None and control.fence is None and control.cap is None:
            raise Refused("CONTROL_EMPTY")
        times = [one for one in (control.starts, control.release, control.ends) if one is not None]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise Refused("PERIOD_INVALID")
        before = self.controls.get((sku, control.channel))
        goes_on = before is not None and before.starts == control.starts
        control.since = before.since if before and goes_on else max(self.now, control.starts or self.now)
        self.controls[(sku, control.channel)] = control
        self.ever_controlled.add(sku)

    def remove_control(self, sku: str, channel: str) -> None:
        if self.controls.pop((sku, channel), None) is None:
            raise Refused("CONTROL_UNKNOWN")

    # What a customer may have

    def set_limit(self, sku: str, limit: Limit) -> None:
        if limit.starts is not None and limit.ends is not None and limit.ends <= limit.starts:
            raise Refused("LIMIT_PERIOD_INVALID")
        before = self.limits.get(sku)
        goes_on = before is not None and before.starts == limit.starts
        limit.since = before.since if before and goes_on else max(self.now, limit.starts or self.now)
        self.limits[sku] = limit

    def remove_limit(self, sku: str) -> None:
        if self.limits.pop(sku, None) is None:
            raise Refused("LIMIT_UNKNOWN")

    def check_customer(self, customer: str, units: Mapping[str, int], basket: Basket | None = None) -> None:
        """What a customer has had is what their orders keep or got and their baskets hold."""
        for sku, wanted in units.items():
            limit = self.limits.get(sku)
            if limit is None or not limit.valid(self.now):
                continue
            left = limit.most
            if not customer and limit.named_only:
                left = 0
            since = max(limit.since, self.now - limit.window) if limit.window else limit.since
            for at, who, of, document in self.claims:
                if customer and (who, of) == (customer, sku) and at >= since:
                    has = has_units(document, sku)
                    left -= has - (min(wanted, has) if document is basket else 0)
            if wanted > left:
                raise Refused("BUYER_LIMIT_EXCEEDED")

    def claim(self, customer: str, units: Mapping[str, int], document: Promise | Basket) -> None:
        for sku in units:
            limit = self.limits.get(sku)
            if customer and limit is not None and limit.valid(self.now):
                self.claims.append((self.now, customer, sku, document))
