"""The promise formula, term by term. The service's README documents it; whoever changes it changes both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from services.inventory.domain.control import Share
from services.inventory.domain.stock import Position


class Kind(IntEnum):
    """Terms in the order of the formula; numbers are those of the contract."""

    ON_HAND = 1
    RESERVED = 2
    SAFETY = 3
    NOT_BELOW_ZERO = 4
    INACTIVE = 5
    HELD = 6
    HELD_ABOVE_PROMISABLE = 7
    RING_FENCED = 8
    BUFFER = 9
    NO_FALLBACK = 10
    ABOVE_CAP = 11


Terms = dict[Kind, int]
"""Signed units; their sum is what can be promised."""


@dataclass(slots=True, frozen=True)
class Explanation:
    """What can be promised and why; `locations` has the same before holds, by location id."""

    terms: Terms
    locations: dict[str, Terms]

    @property
    def available_units(self) -> int:
        """What can be promised."""
        return sum(self.terms.values())


def explain(
    positions: Sequence[Position], held_units: int, location_id: str = "", share: Share | None = None
) -> Explanation:
    """Why so much of one SKU can be promised at `location_id`, or at all locations together; with
    `share`, to its channel.

    `positions` are all those of the SKU, of one moment with `held_units` and `share`.
    """
    locations = {position.location_id: _terms_of(position) for position in positions}
    promisable = sum(sum(terms.values()) for terms in locations.values())
    if location_id:
        locations = {location_id: locations.get(location_id, {})}
    terms: Terms = {}
    for at in locations.values():
        for kind, units in at.items():
            terms[kind] = terms.get(kind, 0) + units
    here = sum(terms.values())
    # What stands elsewhere covers holds first: a hold is at no place in particular.
    felt = max(0, held_units - (promisable - here))
    terms[Kind.HELD] = -felt
    terms[Kind.HELD_ABOVE_PROMISABLE] = max(0, felt - here)
    if share is not None:
        terms.update(_withheld(share, here))
    return Explanation(_told(terms), {place: _told(at) for place, at in locations.items()})


def _terms_of(position: Position) -> Terms:
    return {
        Kind.ON_HAND: position.on_hand_units,
        Kind.RESERVED: -position.reserved_units,
        Kind.SAFETY: -position.safety_units,
        Kind.NOT_BELOW_ZERO: max(0, -position.free_units),
        Kind.INACTIVE: 0 if position.active else -position.available_units,
    }


def _withheld(share: Share, here: int) -> Terms:
    """What is kept from the channel, as far as it is felt where `here` units are free: what stands elsewhere
    covers it first, as it covers holds.
    """
    room = share.free_units
    terms: Terms = {}
    for kind, units in (
        (Kind.RING_FENCED, share.fenced_units),
        (Kind.BUFFER, share.buffered_units),
        (Kind.NO_FALLBACK, share.closed_units),
        (Kind.ABOVE_CAP, share.above_cap_units),
    ):
        before, room = min(here, room), room - units
        terms[kind] = min(here, room) - before
    return terms


def _told(terms: Terms) -> Terms:
    return {kind: units for kind, units in sorted(terms.items()) if units}
