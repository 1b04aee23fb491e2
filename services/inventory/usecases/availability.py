"""What a channel may promise now, answered from memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from services.inventory.domain.pool import POOL


class Vectors(Protocol):
    """The replica: free units (on_hand − reserved − safety) by SKU and location; of the pool −held."""

    def values(self, group: str) -> Mapping[str, int]:
        """Free units of a SKU by location, and of its pool."""


class Availability:
    """Available units by SKU and active location; a location not yet known here promises nothing."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._active: frozenset[str] = frozenset()

    def set_active(self, activity: Mapping[str, bool]) -> None:
        """Which locations take orders."""
        self._active = frozenset(location_id for location_id, active in activity.items() if active)

    def of(self, sku: str, only: frozenset[str] = frozenset()) -> tuple[int, dict[str, int]]:
        """What can be promised of `sku` at all locations (or those of `only`) together, and at each with
        something. What baskets hold is nowhere in particular, so it limits every location and their sum.
        """
        active = self._active
        vector = self._vectors.values(sku)
        found = {
            location_id: free
            for location_id, free in vector.items()
            if free > 0 and location_id in active and (not only or location_id in only)
        }
        held = -vector.get(POOL, 0)
        if held:
            everywhere = sum(
                free for location_id, free in vector.items() if free > 0 and location_id in active
            )
            room = max(0, everywhere - held)
            found = {location_id: min(free, room) for location_id, free in found.items() if room}
            return min(room, sum(found.values())), found
        return sum(found.values()), found
