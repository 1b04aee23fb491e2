"""A SKU's positions side by side: sums of the pool, and bars to compare locations by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BAR_WIDTH = 200.0


@dataclass(frozen=True, slots=True)
class Place:
    """One position. Units; `available` is what can be promised, `on_hand` may be below zero."""

    location_id: str
    name: str
    on_hand: int
    reserved: int
    safety: int
    available: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A place with its bar: lengths of what is reserved, kept back and free, which make up what is there, of
    `BAR_WIDTH` for the place that has most.
    """

    place: Place
    reserved: float
    safety: float
    free: float


@dataclass(frozen=True, slots=True)
class Pool:
    """All places together."""

    on_hand: int
    reserved: int
    safety: int
    available: int


def bars(places: Iterable[Place]) -> tuple[Bar, ...]:
    """A bar for each place, those that have most first."""
    found = sorted(places, key=lambda one: (-one.on_hand, one.location_id))
    longest = max((one.on_hand for one in found), default=0)
    scale = BAR_WIDTH / longest if longest > 0 else 0.0
    made = []
    for one in found:
        there = max(one.on_hand, 0)
        reserved = min(one.reserved, there)
        safety = min(one.safety, there - reserved)
        made.append(Bar(one, reserved * scale, safety * scale, (there - reserved - safety) * scale))
    return tuple(made)


def pool(places: Iterable[Place]) -> Pool:
    """The sums."""
    found = list(places)
    return Pool(
        sum(one.on_hand for one in found),
        sum(one.reserved for one in found),
        sum(one.safety for one in found),
        sum(one.available for one in found),
    )
