"""What a channel may promise now, answered from memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Vectors(Protocol):
    """The replica: free units (on_hand − reserved − safety) by SKU and location."""

    def values(self, group: str) -> Mapping[str, int]:
        """Free units of a SKU by location."""


class Availability:
    """Available units by SKU and active location; a location not yet known here promises nothing."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._active: frozenset[str] = frozenset()

    def set_active(self, activity: Mapping[str, bool]) -> None:
        """Which locations take orders."""
        self._active = frozenset(location_id for location_id, active in activity.items() if active)

    def of(self, sku: str, only: frozenset[str] = frozenset()) -> dict[str, int]:
        """Locations (all, or of `only`) with something of `sku` to promise, and how much."""
        active = self._active
        return {
            location_id: free
            for location_id, free in self._vectors.values(sku).items()
            if free > 0 and location_id in active and (not only or location_id in only)
        }
