"""Stock as it evolves in one played past: the engine's view of it, and what happened to it."""

from __future__ import annotations

from collections.abc import Mapping

from simulation.world import World


class Shelves:
    """Units by SKU and location; never below zero. It is the `Stock` that the engine decides on."""

    def __init__(self, world: World) -> None:
        self._safety = world.safety
        self._there = {sku: dict(there) for sku, there in world.opening.items()}
        self._view: dict[str, dict[str, int]] = {}
        self._taken: dict[tuple[str, str], int] = {}
        for sku, there in self._there.items():
            for location_id in there:
                self._show(sku, location_id)

    def units(self, sku: str) -> Mapping[str, int]:
        """What can be promised of `sku`, by location; absent means nothing."""
        return self._view.get(sku, {})

    def version(self, sku: str, location_id: str) -> int:
        """Played stock has no versions."""
        return 0

    def on_hand(self, sku: str, location_id: str) -> int:
        """What lies there, safety stock included."""
        return self._there.get(sku, {}).get(location_id, 0)

    def order(self, sku: str, location_id: str, quantity_units: int) -> None:
        """An online order takes what the engine picked."""
        left = self.on_hand(sku, location_id) - quantity_units
        assert left >= 0, f"{sku} at {location_id} was planned but is not there"
        self._set(sku, location_id, left)
        key = sku, location_id
        self._taken[key] = self._taken.get(key, 0) + quantity_units

    def sell(self, sku: str, location_id: str, quantity_units: int) -> tuple[int, int]:
        """Walk-in customers take what there is: units sold, and units lost that would have been sold if no
        online order had taken units here.

        Each unit taken online loses at most one sale: without online orders the shelf would hold those
        taken and not yet missed on top, so what is missed beyond them would have been missed anyway.
        """
        there = self.on_hand(sku, location_id)
        sold = min(quantity_units, there)
        if sold:
            self._set(sku, location_id, there - sold)
        key = sku, location_id
        lost = min(quantity_units - sold, self._taken.get(key, 0))
        if lost:
            self._taken[key] -= lost
        return sold, lost

    def move(self, sku: str, location_id: str, quantity_units: int) -> None:
        """Units come, or go as far as they are there.

        What cannot go because online orders took it would have gone without them, so it can lose no sale.
        """
        left = self.on_hand(sku, location_id) + quantity_units
        self._set(sku, location_id, max(0, left))
        if left < 0:
            key = sku, location_id
            self._taken[key] = max(0, self._taken.get(key, 0) + left)

    def total(self) -> int:
        """All units."""
        return sum(sum(there.values()) for there in self._there.values())

    def _set(self, sku: str, location_id: str, units: int) -> None:
        self._there.setdefault(sku, {})[location_id] = units
        self._show(sku, location_id)

    def _show(self, sku: str, location_id: str) -> None:
        promised = self._there[sku][location_id] - self._safety.get((sku, location_id), 0)
        view = self._view.setdefault(sku, {})
        if promised > 0:
            view[location_id] = promised
        else:
            view.pop(location_id, None)
