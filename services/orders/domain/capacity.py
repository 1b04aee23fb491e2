"""How many units a location can still work on, by local work day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from services.orders.domain.views import Capacity

Work = tuple[tuple[date, int], ...]
"""Units to be worked on, by local day."""


class CapacityLeft(NamedTuple):
    """What is left by (location, day); where nothing is said there is no limit. What `Seen` saw, to decide
    on it again.
    """

    by_day: Mapping[tuple[str, date], int]

    def left(self, location_id: str, day: date) -> int | None:
        """See `Capacity.left`."""
        return self.by_day.get((location_id, day))


class Seen:
    """Looks through to `capacity`, and remembers every limit that it gave: the capacity part of a decision's
    record. The same question gets the same answer twice, however `capacity` moves meanwhile.
    """

    __slots__ = ("_ask", "by_day")

    def __init__(self, capacity: Capacity) -> None:
        self._ask = capacity.left
        self.by_day: dict[tuple[str, date], int] = {}

    def left(self, location_id: str, day: date) -> int | None:
        """See `Capacity.left`."""
        key = location_id, day
        left = self.by_day.get(key)
        if left is None:
            left = self._ask(location_id, day)
            if left is not None:
                self.by_day[key] = left
        return left


class Less:
    """`capacity` less what other parts of the same order have taken."""

    __slots__ = ("_capacity", "_taken")

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._taken: dict[tuple[str, date], int] = {}

    def take(self, location_id: str, work: Iterable[tuple[date, int]]) -> None:
        """From now on `work` is taken."""
        for day, units in work:
            self._taken[location_id, day] = self._taken.get((location_id, day), 0) + units

    def left(self, location_id: str, day: date) -> int | None:
        """See `Capacity.left`."""
        left = self._capacity.left(location_id, day)
        return None if left is None else left - self._taken.get((location_id, day), 0)


def still_taken(work: Work, open_units: int) -> Work:
    """What is left of a part's `work` when only `open_units` of it are still to be handed out: units that
    are not free the last days first.
    """
    result = []
    for day, units in work:
        kept = min(units, open_units)
        if kept > 0:
            result.append((day, kept))
            open_units -= kept
    return tuple(result)
