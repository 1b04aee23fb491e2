"""Locations: the stores and warehouses that hold stock."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from services.inventory.domain.refusals import (
    CapabilityNotPossible,
    HandoverNotPossible,
    HolidayInvalid,
    HoursInvalid,
    TimeZoneUnknown,
)


class Kind(IntEnum):
    """What a location is; numbers are those of the contract."""

    STORE = 1
    WAREHOUSE = 2


class Capability(IntEnum):
    """What a location can do; numbers are those of the contract."""

    UNSPECIFIED = 0
    SHIP = 1
    PICKUP = 2
    CARRY_OUT = 3


@dataclass(frozen=True, slots=True)
class Address:
    """Where a location stands."""

    recipient: str
    street_lines: tuple[str, ...]
    city: str
    region: str
    postal_code: str
    country_code: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Hours:
    """One opening interval, in minutes after local midnight; weekday 1 is Monday."""

    weekday: int
    open_minute: int
    close_minute: int


@dataclass(frozen=True, slots=True)
class Holiday:
    """A local date (ISO 8601) with hours of its own: (open, close) in minutes after local midnight; none:
    closed.
    """

    date: str
    hours: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Location:
    """A store or warehouse. The last five say when it works and how much, for whoever promises dates; what
    their absence means, the contract says.
    """

    location_id: str
    name: str
    kind: Kind
    address: Address
    time_zone: str
    hours: tuple[Hours, ...]
    capabilities: tuple[Capability, ...]
    active: bool
    holidays: tuple[Holiday, ...] = ()
    ship_cut_off_minute: int | None = None
    preparation_minutes: int | None = None
    daily_capacity_units: int = 0
    handover_days: tuple[int, ...] = ()

    def check(self, time_zones: Container[str]) -> None:
        """Pass when the location makes sense.

        Raises:
            TimeZoneUnknown, CapabilityNotPossible, HoursInvalid, HolidayInvalid, HandoverNotPossible.
        """
        if self.time_zone not in time_zones:
            raise TimeZoneUnknown(self.location_id, self.time_zone)
        for capability in self.capabilities:
            stores_only = capability in (Capability.PICKUP, Capability.UNSPECIFIED)
            if stores_only and (self.kind is Kind.WAREHOUSE or not capability):
                raise CapabilityNotPossible(self.location_id, capability.name)
        last: dict[int, int] = {}
        for hours in sorted(self.hours, key=lambda one: (one.weekday, one.open_minute)):
            if hours.close_minute <= hours.open_minute or hours.open_minute < last.get(hours.weekday, 0):
                raise HoursInvalid(self.location_id, hours.weekday)
            last[hours.weekday] = hours.close_minute
        for holiday in self.holidays:
            closes = 0
            for opening, closing in sorted(holiday.hours):
                if closing <= opening or opening < closes:
                    raise HolidayInvalid(self.location_id, holiday.date)
                closes = closing
            try:
                date.fromisoformat(holiday.date)
            except ValueError:
                raise HolidayInvalid(self.location_id, holiday.date) from None
        open_days = {hours.weekday for hours in self.hours} or set(range(1, 8))
        if (
            self.handover_days
            and Capability.SHIP in self.capabilities
            and open_days.isdisjoint(self.handover_days)
        ):
            raise HandoverNotPossible(self.location_id)
