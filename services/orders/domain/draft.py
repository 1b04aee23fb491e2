"""What a customer wants, and what of it orders can refuse before anybody is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.orders.domain.places import CARRY_OUT, PICKUP, WAREHOUSE, Address, Locations
from services.orders.domain.prices import Quote
from services.orders.domain.refusals import (
    AddressRequired,
    CarryOutNotPossible,
    CurrencyMismatch,
    LocationInactive,
    LocationRequired,
    LocationUnknown,
    MethodNotOffered,
    PickupNotPossible,
)
from services.orders.domain.rules import STANDARD
from services.orders.domain.sourcing import Wish, WishLine
from services.orders.domain.states import Method


@dataclass(frozen=True, slots=True)
class Channel:
    """A sales channel as orders needs it. No methods: all."""

    channel_id: str
    currency_code: str
    methods: frozenset[Method] = frozenset()

    def offers(self, method: Method) -> bool:
        """Whether customers of the channel may have goods in this way."""
        return not self.methods or method in self.methods


class DraftLine(NamedTuple):
    """One wanted article."""

    sku: str
    quantity_units: int
    method: Method
    pickup_location_id: str = ""
    accept_later: bool = False
    """Whether what is not there may come later."""


class Draft(NamedTuple):
    """What a customer wants."""

    channel_id: str
    lines: tuple[DraftLine, ...]
    delivery_address: Address | None = None
    location_id: str = ""
    currency_code: str = ""
    customer_id: str = ""
    language_code: str = "en"
    customer_reference: str = ""
    coupon_codes: tuple[str, ...] = ()
    quote_token: str = ""
    hold_id: str = ""
    """The basket's hold, whose units the order uses first."""
    customer_promise: str = STANDARD
    """How soon the customer wants what is sent."""

    def wish(self, quote: Quote | None = None) -> Wish:
        """The same as sourcing sees it; what rules ask of goods and values comes from the `quote`."""
        to = self.delivery_address
        priced = quote.lines if quote is not None else (None,) * len(self.lines)
        return Wish(
            tuple(
                WishLine(
                    number,
                    line.sku,
                    line.quantity_units,
                    line.method,
                    line.pickup_location_id
                    if line.method is Method.PICKUP
                    else self.location_id
                    if line.method is Method.CARRY_OUT
                    else "",
                    one.brand if one is not None else "",
                    one.attributes if one is not None else (),
                    one.unit_price_minor if one is not None else 0,
                )
                for number, (line, one) in enumerate(zip(self.lines, priced, strict=True), start=1)
            ),
            (to.latitude, to.longitude) if to is not None else None,
            self.channel_id,
            self.customer_promise,
            # Of the goods, before promotions and tax: what a coupon takes off does not change what they are.
            sum(
                [
                    one.unit_price_minor * line.quantity_units
                    for one, line in zip(quote.lines, self.lines, strict=True)
                ]
            )
            if quote is not None
            else 0,
            quote.currency_code if quote is not None else self.currency_code,
            self.location_id,
        )

    def later(self) -> frozenset[int]:
        """Numbers of the lines of which what is not there may come later."""
        return frozenset([n for n, line in enumerate(self.lines, start=1) if line.accept_later])

    def named_locations(self) -> set[str]:
        """Every location that the draft names."""
        return {line.pickup_location_id for line in self.lines if line.method is Method.PICKUP} | (
            {self.location_id} if self.location_id else set()
        ) - {""}


def check(draft: Draft, channels: Mapping[str, Channel], locations: Locations) -> None:
    """Let a draft pass that fits its channel and its locations; a channel not in `channels` is left to
    the catalog to refuse.

    Raises:
        MethodNotOffered, CurrencyMismatch, AddressRequired, LocationRequired, LocationUnknown,
        LocationInactive, PickupNotPossible, CarryOutNotPossible.
    """
    channel = channels.get(draft.channel_id)
    if channel is not None and draft.currency_code and draft.currency_code != channel.currency_code:
        raise CurrencyMismatch(draft.channel_id, draft.currency_code, channel.currency_code)
    if draft.location_id and draft.location_id not in locations.by_id:
        raise LocationUnknown(draft.location_id)
    for number, line in enumerate(draft.lines, start=1):
        if channel is not None and not channel.offers(line.method):
            raise MethodNotOffered(draft.channel_id, line.method.name)
        if line.method is Method.SHIP:
            if draft.delivery_address is None:
                raise AddressRequired(number)
        elif line.method is Method.PICKUP:
            _check_pickup(number, line.pickup_location_id, locations)
        elif not draft.location_id:
            raise LocationRequired(number, "location_id")
        elif CARRY_OUT not in locations.by_id[draft.location_id].capabilities:
            raise CarryOutNotPossible(draft.location_id)


def check_pickup(location_id: str, locations: Locations) -> None:
    """Let a store pass where customers can collect.

    Raises:
        LocationUnknown, LocationInactive, PickupNotPossible.
    """
    store = locations.by_id.get(location_id)
    if store is None:
        raise LocationUnknown(location_id)
    if store.kind == WAREHOUSE or PICKUP not in store.capabilities:
        raise PickupNotPossible(location_id, store.kind.lower())
    if not store.active:
        raise LocationInactive(location_id)


def _check_pickup(number: int, location_id: str, locations: Locations) -> None:
    if not location_id:
        raise LocationRequired(number, "pickup_location_id")
    check_pickup(location_id, locations)
