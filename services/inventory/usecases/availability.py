"""What a channel may promise now, answered from memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from services.inventory.domain.pool import POOL


class Vectors(Protocol):
    """The replica: free units (on_hand − reserved − safety) by SKU and location; of the pool −held."""

    derived: dict[str, Any]
    """What was made of a SKU's figures, dropped as soon as one of them changes."""

    def items(self, group: str) -> Iterable[tuple[str, int]]:
        """Free units of a SKU by location, and of its pool."""


class Availability:
    """Available units by SKU and active location; a location not yet known here promises nothing."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._active: frozenset[str] = frozenset()

    def set_active(self, activity: Mapping[str, bool]) -> None:
        """Which locations take orders."""
        active = frozenset(location_id for location_id, active in activity.items() if active)
        if active != self._active:
            self._active = active
            self._vectors.derived.clear()

    def total(self, sku: str) -> int:
        """What can be promised of `sku` at all locations together; asked again and again of the same figures,
        it is added up once.
        """
        known: int | None = self._vectors.derived.get(sku)
        if known is None:
            known = self.of(sku)[0]
            # Nothing is not kept: articles that nobody knows are without number.
            if known:
                self._vectors.derived[sku] = known
        return known

    def of(self, sku: str, only: frozenset[str] = frozenset()) -> tuple[int, dict[str, int]]:
        """What can be promised of `sku` at all locations (or those of `only`) together, and at each with
        something. What baskets hold is nowhere in particular, so it limits every location and their sum.
        """
        active = self._active
        held = everywhere = 0
        found: dict[str, int] = {}
        for location_id, free in self._vectors.items(sku):
            if location_id == POOL:
                held = -free
            elif free > 0 and location_id in active:
                everywhere += free
                if not only or location_id in only:
                    found[location_id] = free
        if not held:
            return sum(found.values()), found
        room = max(0, everywhere - held)
        found = {location_id: min(free, room) for location_id, free in found.items() if room}
        return min(room, sum(found.values())), found
