"""What is expected to come in, by SKU, in memory: open units of supplies, each with its place and date."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.inventory.domain.expected import Supply

MAX_TOLD_UNITS = 2**31 - 1


@dataclass(slots=True, frozen=True)
class Inbound:
    """What a supply still brings; nothing (no SKU) once it is received, closed or does not bring it any
    more.
    """

    supply_id: str
    location_id: str
    expected_at: datetime
    units: Mapping[str, int]
    """By SKU, each > 0."""
    version: int
    """Grows with every change of the supply."""
    promised: Mapping[str, int] = field(default_factory=dict)
    """Of these units, by SKU: promised to orders, where any are."""


class Arrival(NamedTuple):
    """Units of one SKU that come together."""

    expected_at: datetime
    location_id: str
    units: int


class Expected(NamedTuple):
    """What is to come of one SKU."""

    arrivals: tuple[Arrival, ...]
    """Earliest first, then by place; those of one place and time are one."""
    next: Arrival | None
    """The first whose time is not past; with the units of every place that come at that time."""
    units: int
    """All of it, also what is late."""


def inbound(supply: Supply) -> Inbound:
    """What a supply still brings."""
    units = {line.sku: supply.open_units(line) for line in supply.lines.values()}
    return Inbound(
        supply.supply_id,
        supply.location_id,
        supply.expected_at,
        {sku: open_units for sku, open_units in units.items() if open_units},
        supply.version,
        {line.sku: line.promised_units for line in supply.lines.values() if line.promised_units},
    )


class InboundBoard:
    """Supplies by SKU. Changes and readings may come in any order: a lower version never replaces a higher
    one, so a supply that brings nothing more is kept, empty, until a later reading knows nothing of it.
    """

    def __init__(self) -> None:
        self._supplies: dict[str, Inbound] = {}
        self._of_sku: dict[str, dict[str, Inbound]] = {}

    def __len__(self) -> int:
        """SKUs that something is to come of."""
        return len(self._of_sku)

    def put(self, one: Inbound) -> bool:
        """Take a supply over; False when this version or a later one is known."""
        known = self._supplies.get(one.supply_id)
        if known is not None and known.version >= one.version:
            return False
        self._supplies[one.supply_id] = one
        for sku in known.units if known is not None else ():
            self._leave(sku, one.supply_id)
        for sku in one.units:
            self._of_sku.setdefault(sku, {})[one.supply_id] = one
        return True

    def versions(self) -> dict[str, int]:
        """Of every supply that is known here: what `keep` wants of the moment before a reading."""
        return {supply_id: one.version for supply_id, one in self._supplies.items()}

    def keep(self, open_ones: Collection[str], before: Mapping[str, int]) -> None:
        """Forget what a reading of everything open that began after `before` did not find, and nobody has
        changed since.
        """
        for supply_id, version in before.items():
            if supply_id not in open_ones and self._supplies[supply_id].version == version:
                for sku in self._supplies.pop(supply_id).units:
                    self._leave(sku, supply_id)

    def of(self, sku: str, places: Collection[str], now: datetime) -> Expected | None:
        """What is to come of a SKU to `places` that nobody was promised; None when nothing is."""
        supplies = self._of_sku.get(sku)
        if supplies is None:
            return None
        units: dict[tuple[datetime, str], int] = {}
        for one in supplies.values():
            if one.location_id in places:
                at = (one.expected_at, one.location_id)
                free = one.units[sku] - one.promised.get(sku, 0)
                if free:
                    units[at] = units.get(at, 0) + free
        if not units:
            return None
        arrivals = tuple([Arrival(*at, units[at]) for at in sorted(units)])
        first = next((one.expected_at for one in arrivals if one.expected_at >= now), None)
        soonest = [one for one in arrivals if one.expected_at == first]
        return Expected(
            arrivals,
            soonest[0]._replace(units=min(MAX_TOLD_UNITS, sum(one.units for one in soonest)))
            if soonest
            else None,
            min(MAX_TOLD_UNITS, sum(units.values())),
        )

    def _leave(self, sku: str, supply_id: str) -> None:
        supplies = self._of_sku[sku]
        del supplies[supply_id]
        if not supplies:
            del self._of_sku[sku]
