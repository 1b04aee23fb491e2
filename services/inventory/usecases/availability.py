"""What a channel may promise now, answered from memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from services.inventory.domain.control import EVERY_CHANNEL, LIMIT_MARK, SHARE_MARK, UNLIMITED_UNITS
from services.inventory.domain.pool import POOL
from services.inventory.usecases.inbound import Expected, InboundBoard

_MARKS = (SHARE_MARK, LIMIT_MARK)


class Vectors(Protocol):
    """The replica: free units (on_hand − reserved − safety) by SKU and location; of the pool −held."""

    derived: dict[str, Any]
    """What was made of a SKU's figures, dropped as soon as one of them changes."""

    def items(self, group: str) -> Iterable[tuple[str, int]]:
        """Free units of a SKU by location, and of its pool, and what its channels may have."""

    def get(self, group: str, member: str) -> int | None:
        """One of them, or None."""


class Availability:
    """Available units by SKU and active location; a location not yet known here promises nothing."""

    def __init__(self, vectors: Vectors, board: InboundBoard) -> None:
        self._vectors = vectors
        self._board = board
        self._active: frozenset[str] = frozenset()

    def set_active(self, activity: Mapping[str, bool]) -> None:
        """Which locations take orders."""
        active = frozenset(location_id for location_id, active in activity.items() if active)
        if active != self._active:
            self._active = active
            self._vectors.derived.clear()

    def total(self, sku: str, channel_id: str = "") -> int:
        """What a channel can be promised of `sku` at all locations together; asked again and again of the
        same figures, it is added up once unless channels have figures of their own.
        """
        known: int | None = self._vectors.derived.get(sku)
        if known is None:
            known = self.of(sku, channel_id=channel_id)[0]
            # Nothing is not kept: articles that nobody knows are without number.
            if known and self._vectors.get(sku, SHARE_MARK + EVERY_CHANNEL) is None:
                self._vectors.derived[sku] = known
        return known

    def of(
        self, sku: str, only: frozenset[str] = frozenset(), channel_id: str = ""
    ) -> tuple[int, dict[str, int]]:
        """What a channel can be promised of `sku` at all locations (or those of `only`) together, and at each
        with something. What baskets hold and controls keep from the channel is nowhere in particular, so it
        limits every location and their sum.
        """
        active = self._active
        held = everywhere = 0
        found: dict[str, int] = {}
        figures: dict[str, int] = {}
        for place, free in self._vectors.items(sku):
            if place in active:
                if free > 0:
                    everywhere += free
                    if not only or place in only:
                        found[place] = free
            elif place == POOL:
                held = -free
            elif place[0] in _MARKS:
                figures[place] = free
        if not held and not figures:
            return sum(found.values()), found
        room = max(0, everywhere - held)
        if figures:
            room = _room(figures, room, channel_id)
        found = {location_id: min(free, room) for location_id, free in found.items() if room}
        return min(room, sum(found.values())), found

    def expected(self, sku: str, only: frozenset[str], now: datetime) -> Expected | None:
        """What suppliers are to bring of `sku` to active locations (those of `only`); None: nothing."""
        return self._board.of(sku, self._active & only if only else self._active, now)


def _room(figures: Mapping[str, int], free: int, channel_id: str) -> int:
    """What of `free` the channel may be promised, by the figures of the authority."""
    channel = channel_id if SHARE_MARK + channel_id in figures else EVERY_CHANNEL
    withheld = -figures.get(SHARE_MARK + channel, 0)
    limit = figures.get(LIMIT_MARK + channel, UNLIMITED_UNITS)
    return max(0, min(free - withheld, limit))
