"""What a group of commands must find in the book."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from services.inventory.domain.document import Document, DocumentKey
from services.inventory.domain.pool import Pool
from services.inventory.domain.stock import Key, Position


@dataclass(slots=True)
class Needs:
    """What a group of commands must find in the book, so that it can be locked in one go and in one order."""

    positions: set[Key] = field(default_factory=set)
    """Locked when they exist."""
    facts: dict[Key, int] = field(default_factory=dict)
    """Locked, and made when missing (a fact may concern what the book never knew): the units that may be
    taken from each, so that the promises it may displace are locked too.
    """
    counted: dict[Key, int] = field(default_factory=dict)
    """To what a count may set a position; locked and made like a fact's."""
    locations: set[str] = field(default_factory=set)
    """Asked for, whether or not they are known."""
    reservations: set[str] = field(default_factory=set)
    """Locked, with all their lines."""
    whole: set[str] = field(default_factory=set)
    """Reservations of which every position is locked too."""
    commits: set[str] = field(default_factory=set)
    """Reservations whose positions are locked too unless they are still held."""
    waiting: set[tuple[str, str]] = field(default_factory=set)
    """Supply and SKU: the reservations that wait for it are locked; their positions must be, too."""
    orders: set[tuple[str, int]] = field(default_factory=set)
    """(order_id, attempt) whose reservation is locked if there is one."""
    guards: set[str] = field(default_factory=set)
    """SKUs whose pool is locked, made when missing, and may be guarded from now on."""
    controls: set[tuple[str, str]] = field(default_factory=set)
    """SKU and channel: what was promised and is held must be known, for a control that may be new."""
    customers: set[str] = field(default_factory=set)
    """Whose share of limited SKUs must be known."""
    holds: set[str] = field(default_factory=set)
    """Locked, with all their lines."""
    held_pools: set[str] = field(default_factory=set)
    """Holds whose pools are locked too."""
    documents: set[DocumentKey] = field(default_factory=set)
    """Locked after the positions."""
    looks: list[tuple[DocumentKey, Callable[[Any, Needs], None]]] = field(default_factory=list)
    """Documents that are looked at before anything is locked: each function adds what they make necessary."""

    sheet_lines: dict[str, set[str]] = field(default_factory=dict)
    """Of a count sheet that is locked: the SKUs whose lines are wanted."""
    moved: set[tuple[Key, timedelta]] = field(default_factory=set)
    """Positions, and a time before now: what moved there since is wanted."""

    def look(self, key: DocumentKey, add: Callable[[Any, Needs], None]) -> None:
        """Lock a document, and before it what `add` finds that it needs."""
        self.documents.add(key)
        self.looks.append((key, add))

    def see(self, documents: Mapping[DocumentKey, Document]) -> None:
        """Add what the documents that were to be looked at make necessary."""
        for key, add in self.looks:
            found = documents.get(key)
            if found is not None:
                add(found, self)

    def take(self, key: Key, units: int) -> None:
        """A fact that takes `units` (0 or less: brings) from a position."""
        self.facts[key] = self.facts.get(key, 0) + max(0, units)
        self.locations.add(key[1])

    def count(self, key: Key, units: int) -> None:
        """A count that sets a position to `units`."""
        self.take(key, 0)
        self.counted[key] = min(units, self.counted.get(key, units))

    def may_displace(self, position: Position) -> bool:
        """Whether promises at the position must be locked, for these facts may leave them uncovered."""
        key = position.key
        if key not in self.facts or position.reserved_units == 0:
            return False
        return position.on_hand_units - self._taken(position) < position.reserved_units

    def may_displace_holds(self, pool: Pool, positions: Iterable[Position]) -> bool:
        """Whether holds of the pool must be locked, for these facts may leave them uncovered."""
        taking = [
            position
            for position in positions
            if position.sku == pool.sku and (self.facts.get(position.key) or position.key in self.counted)
        ]
        if not taking or not pool.held_units:
            return False
        # Promises of the same group may use up the room, what came in during it included, before the fact.
        if self.orders or self.guards or self.commits:
            return True
        return pool.held_units > pool.there_units - sum(self._taken(position) for position in taking)

    def _taken(self, position: Position) -> int:
        """The most that these facts take from a position."""
        key = position.key
        return (
            self.facts[key]
            + position.on_hand_units
            - min(position.on_hand_units, self.counted.get(key, position.on_hand_units))
        )
