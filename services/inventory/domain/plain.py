"""Plain reservations: those of a group that nothing but the counters of their positions could refuse.

When there is at their positions at least what the whole group wants there, the book would grant every one of
them, whatever the order of the group. So the counters may be asked and changed in one call, without reading
and writing the book. Whoever is not plain, or does not fit, is for the book, which alone knows the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.inventory.domain.reserving import Reserve, Reserved
from services.inventory.domain.stock import Key, Line, Position, Reservation, State


@dataclass(slots=True)
class Plain:
    """The plain reservations of a group."""

    members: list[Reserve]
    places: list[int]
    """Where each member stands in the group."""
    taken: dict[Key, int]
    """Units by position that the members take together."""
    wanted: dict[Key, int]
    """What the whole group wants at each of these positions, those included that are not plain."""

    def reservations(self, now: datetime, new_id: Callable[[str], str]) -> list[Reservation]:
        """What the book makes of the members when it grants them."""
        held = State.HELD
        kept = [one.kept_seconds for one in self.members]
        # Most members of a group are kept as long as the others.
        ends = {seconds: now + timedelta(seconds=seconds) for seconds in set(kept)}
        return [
            Reservation(
                new_id("rsv"),
                one.order_id,
                one.attempt,
                held,
                one.channel_id,
                now,
                ends[seconds],
                [
                    Line(pick.sku, pick.location_id, pick.quantity_units, pick.quantity_units)
                    for pick in one.picks
                ],
            )
            for one, seconds in zip(self.members, kept, strict=True)
        ]


@dataclass(slots=True, frozen=True)
class Granted:
    """Plain reservations, all of them granted and committed."""

    outcomes: Sequence[Reserved]
    positions: dict[Key, Position]
    """The positions as they are now."""


@dataclass(slots=True, frozen=True)
class NotPlain:
    """Nothing was granted: these positions, or these orders' attempts, are for the book."""

    positions: frozenset[Key] = frozenset()
    orders: frozenset[tuple[str, int]] = frozenset()


def plain_of(
    commands: Sequence[Reserve],
    unfit: Collection[Key] = (),
    standing: Collection[tuple[str, int]] = (),
) -> Plain:
    """The plain reservations of a group, but for those at `unfit` positions and of attempts `standing`."""
    wanted: dict[Key, int] = {}
    members: list[Reserve] = []
    places: list[int] = []
    orders = set(standing)
    for place, one in enumerate(commands):
        picks = one.picks
        keys = {(pick.sku, pick.location_id) for pick in picks}
        for pick in picks:
            key = (pick.sku, pick.location_id)
            wanted[key] = wanted.get(key, 0) + pick.quantity_units
        order = (one.order_id, one.attempt)
        if one.hold_id or one.supply_picks or order in orders or not 0 < len(picks) == len(keys):
            continue
        if unfit and not keys.isdisjoint(unfit):
            continue
        orders.add(order)
        members.append(one)
        places.append(place)
    if len(members) == len(commands):
        return Plain(members, places, wanted, wanted)
    taken: dict[Key, int] = {}
    for one in members:
        for pick in one.picks:
            taken[pick.key] = taken.get(pick.key, 0) + pick.quantity_units
    return Plain(members, places, taken, {key: wanted[key] for key in taken})
