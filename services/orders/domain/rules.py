"""The rules of sourcing: one frozen object, named by its content, so that a decision can say what it was
made with. What a person writes is `rules_document`; here is what the engine reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Matcher:
    """Which locations: every stated condition must hold; empty means any."""

    location_ids: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """`STORE`, `WAREHOUSE`."""
    country_codes: tuple[str, ...] = ()
    """ISO 3166-1 alpha-2."""
    regions: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    """All of them: `SHIP`, `PICKUP`, `CARRY_OUT`."""
    within_km: int = 0
    """Great-circle distance from the destination at most; 0: any. Holds for goods that are sent only."""
    open_now: bool = False
    """Only while the location is open by its hours and holidays."""

    @cached_property
    def lasting(self) -> Matcher:
        """What of it does not change with order and time."""
        return replace(self, within_km=0, open_now=False) if self.within_km or self.open_now else self


@dataclass(frozen=True)
class Scope:
    """Which lines or orders a rule is about: every stated condition must hold; empty means all."""

    channel_ids: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    """Attributes of the product as (name, value): all must match."""
    methods: tuple[str, ...] = ()
    """`SHIP`, `PICKUP`, `CARRY_OUT`."""
    customer_promises: tuple[str, ...] = ()
    """What the customer was promised, for instance `STANDARD`, `EXPRESS`."""
    least_value_minor: int = 0
    """Value of the order's goods at least, in minor units of the rules' currency."""
    most_value_minor: int = 0
    """At most; 0: no limit."""

    @cached_property
    def everything(self) -> bool:
        """Whether nothing is stated."""
        return self == _EVERYTHING


_EVERYTHING = Scope()


@dataclass(frozen=True)
class Exclusion:
    """Lines in scope never come from these locations."""

    name: str
    scope: Scope = Scope()
    locations: Matcher = Matcher()


@dataclass(frozen=True)
class Group:
    """Locations in order: a later group is used only for what the earlier ones cannot serve."""

    name: str
    locations: Matcher = Matcher()
    scope: Scope = Scope()


@dataclass(frozen=True)
class SafetyDays:
    """So many days of expected walk-in demand stay out of online plans at these locations."""

    name: str
    locations: Matcher = Matcher()
    scope: Scope = Scope()
    days: int = 0


@dataclass(frozen=True)
class TariffStep:
    """A step of the carrier's tariff: the first with km <= `up_to_km` counts; beyond the last, the formula
    of `SourcingRules` does. Money in thousandths of a minor unit.
    """

    up_to_km: int
    parcel_fixed: int
    per_unit: int
    transit_days: int


STANDARD = "STANDARD"
"""The promise of customers who choose none; offered always, as the rules say unless they say otherwise."""


@dataclass(frozen=True)
class CustomerPromise:
    """How soon a customer may choose to have what is sent, and by which carrier. What is None is as in the
    rules; who states costs or days of parcels and no tariff has none.
    """

    code: str
    """What callers name it by: `EXPRESS`."""
    name_en: str = ""
    name_es: str = ""
    deliver_within_days: int = 0
    """The parcel is there by the so-manieth day behind that of the order on which the carrier delivers, in
    the time zone of the destination; who cannot keep that does not serve. 0: no limit.
    """
    late_per_day: int | None = None
    parcel_fixed: int | None = None
    parcel_per_km: int | None = None
    parcel_per_unit: int | None = None
    transit_days: int | None = None
    transit_km_per_day: int | None = None
    transit_days_most: int | None = None
    delivery_weekdays: tuple[int, ...] | None = None
    tariff: tuple[TariffStep, ...] | None = None

    @cached_property
    def stated(self) -> dict[str, Any]:
        """What of the rules it says otherwise."""
        names = [field.name for field in fields(self) if field.name not in _OF_THE_PROMISE]
        found = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if any(name.startswith(("parcel_", "transit_")) for name in found):
            found.setdefault("tariff", ())
        return found


_OF_THE_PROMISE = frozenset({"code", "name_en", "name_es", "deliver_within_days"})

_AS_THE_RULES = CustomerPromise(STANDARD, "Standard delivery", "Entrega estándar")

EXPRESS = CustomerPromise(
    "EXPRESS",
    "Express delivery",
    "Entrega urgente",
    deliver_within_days=2,
    parcel_fixed=1_100_000,
    parcel_per_km=400,
    transit_days=1,
    transit_km_per_day=1_500,
    transit_days_most=2,
)
"""Assumed where rules state no promises, and to be replaced by a retailer's own contract: a parcel carrier's
express product brings a parcel on the next day within 1,500 km and on the second beyond, at about twice the
price of its standard product.
"""


@dataclass(frozen=True)
class SourcingRules:
    """Which locations may serve what, in which order, at what cost and by when.

    Money in thousandths of a minor unit of `currency_code` (1,000 = one cent), save fields that end in
    `_minor`. The default costs are those of the sourcing benchmark: a parcel costs 6.00 + 0.002 per km +
    0.35 per unit, a pick 0.60 in a warehouse and 1.80 in a store, which also packs for 0.75 a parcel. A
    split costs the customer's patience on top. Rules that were stored before a field existed have its
    default, with which the field changes nothing where no price of stock was used.
    """

    parcel_fixed: int = 600_000
    parcel_per_km: int = 200
    parcel_per_unit: int = 35_000
    pick_warehouse_per_unit: int = 60_000
    pick_store_per_unit: int = 180_000
    pack_store_per_parcel: int = 75_000
    split: int = 100_000
    """For each location beyond the first."""
    ship_cut_off_minute: int = 960
    """Orders that come before this minute of a location's local day are worked on that day, where the
    location states no cut-off of its own.
    """
    transit_days: int = 1
    """Days that any parcel takes, counted in days on which the carrier delivers."""
    transit_km_per_day: int = 500
    """One more day for each of these."""
    transit_days_most: int = 7
    pickup_open_minutes: int = 120
    """Opening time a store needs to make a pickup ready."""

    name: str = ""
    currency_code: str = "EUR"
    """ISO 4217. Values of orders in another currency are not compared with limits of value."""
    groups: tuple[Group, ...] = ()
    """Of goods that are sent, in order. A location in no group that applies to a line does not send it; a
    line that no group is about may come from all.
    """
    exclusions: tuple[Exclusion, ...] = ()
    safety_days: tuple[SafetyDays, ...] = ()
    tariff: tuple[TariffStep, ...] = ()
    """By rising `up_to_km`; empty: the formula of the parcel costs."""
    most_parcels: int = 0
    """Parcels per order at most; 0: any number."""
    no_split_below_minor: int = 0
    """Orders with goods of less value come in one parcel if any one location can, else as the rest says."""
    brands_together: tuple[str, ...] = ()
    """Units of such a brand in one order come from one location if any can."""
    late_per_day: int = 0
    """For each day later than the best possible promise."""
    opportunity_percent: int = 100
    """Weight of the price of stock; 0 switches it off."""
    margin_percent: int = 30
    """Of the selling price, where the catalog knows no cost."""
    markdown_percent: int = 0
    """By how much of the selling price it is cheaper to take from overstock (price of stock zero)."""
    co2_grams_per_km: int = 1
    """Share of the way of a parcel, a figure of its own and no part of the cost. A carrier states its own."""
    co2_grams_per_parcel: int = 200
    """The last mile, likewise."""
    transfer_days: int = 2
    """From another location to the store where the goods are collected."""
    transfer_per_unit: int = 20_000
    ship_to_store: bool = False
    """What a store lacks may be sent there to be collected."""
    endless_aisle: bool = True
    """A till may sell what another location sends."""
    receiving_days: int = 1
    """From when a supply comes in until its goods can be worked on."""
    delivery_weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    """ISO weekdays on which the carrier delivers; without weekend delivery 1 to 5."""
    customer_promises: tuple[CustomerPromise, ...] = (EXPRESS,)
    """What customers may choose beside or instead of `STANDARD` as these rules have it."""

    @cached_property
    def promises(self) -> Mapping[str, CustomerPromise]:
        """What customers may choose, by code, `STANDARD` first unless it is stated elsewhere."""
        stated = {one.code: one for one in self.customer_promises}
        return stated if STANDARD in stated else {STANDARD: _AS_THE_RULES, **stated}

    def under(self, customer_promise: str) -> SourcingRules:
        """The rules for what is sent under a promise: its carrier in place of the usual one. One that is not
        offered (any more) is served as the rules are.
        """
        promise = self.promises.get(customer_promise)
        if promise is None or not promise.stated:
            return self
        found: SourcingRules | None = self.derived.get(customer_promise)
        if found is None:
            found = replace(self, **promise.stated, customer_promises=())
            self.derived[customer_promise] = found
        return found

    def within_days(self, customer_promise: str, *, accepted: bool = False) -> int:
        """`CustomerPromise.deliver_within_days` of a promise; 0: no limit. An `accepted` order has none."""
        promise = self.promises.get(customer_promise)
        return 0 if promise is None or accepted else promise.deliver_within_days

    def differs(self, customer_promise: str) -> bool:
        """Whether what is sent under a promise is planned otherwise than by the rules as they are."""
        return self.under(customer_promise) is not self or self.within_days(customer_promise) > 0

    def restricts(self, customer_promise: str) -> bool:
        """Whether goods that are there may be out of reach for a promise."""
        if self.within_days(customer_promise):
            return True
        return "promise" in self.asks

    @property
    def least_transit_days(self) -> int:
        """Days that the fastest parcel takes."""
        return min([self.transit_days, *(step.transit_days for step in self.tariff)])

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of the content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @cached_property
    def derived(self) -> dict[str, Any]:
        """What was worked out from these rules once: see `costs.fares`."""
        return {}

    @cached_property
    def plain(self) -> bool:
        """Whether costs alone decide, and those of a parcel rise with each kilometre."""
        return self.parcel_per_km > 0 and not (
            self.tariff
            or self.groups
            or self.exclusions
            or self.safety_days
            or self.late_per_day
            or self.markdown_percent
            or not self.endless_aisle
        )

    @cached_property
    def asks(self) -> frozenset[str]:
        """What of an order, beyond SKUs and methods, a decision by these rules depends on: `brand`,
        `channel`, `promise`, `value`, `price`, `till`, and `attribute:` with the name of each.
        """
        scopes = [one.scope for one in self.exclusions] + [one.scope for one in self.groups]
        scopes += [one.scope for one in self.safety_days]
        found = {f"attribute:{name}" for scope in scopes for name, _ in scope.attributes}
        for scope in scopes:
            found |= {"brand"} if scope.brands else set()
            found |= {"channel"} if scope.channel_ids else set()
            found |= {"promise"} if scope.customer_promises else set()
            found |= {"value"} if scope.least_value_minor or scope.most_value_minor else set()
        found |= {"brand"} if self.brands_together else set()
        found |= {"value"} if self.no_split_below_minor else set()
        found |= {"price"} if self.markdown_percent else set()
        found |= set() if self.endless_aisle else {"till"}
        return frozenset(found)

    @cached_property
    def describes(self) -> bool:
        """Whether brands or attributes of articles are among what it asks."""
        return any(ask == "brand" or ask.startswith("attribute:") for ask in self.asks)

    def to_json(self) -> str:
        """The content as text; `from_json` reads it back."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> SourcingRules:
        """What `to_json` wrote, by this release or an earlier one; fields of a later one are left out, as a
        decision of today was not made with them.
        """
        known = {field.name for field in fields(cls)}
        values = {name: _frozen(value) for name, value in json.loads(text).items() if name in known}
        for name, of in _LISTS.items():
            if name in values:
                values[name] = tuple(of(row) for row in values[name])
        return cls(**values)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _known(kind: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: _frozen(value) for name, value in row.items() if name in names}


def _scoped(kind: Any) -> Any:
    def read(row: Mapping[str, Any]) -> Any:
        values = _known(kind, row)
        values["scope"] = Scope(**_known(Scope, row.get("scope", {})))
        values["locations"] = Matcher(**_known(Matcher, row.get("locations", {})))
        return kind(**values)

    return read


def _tariff_step(row: Mapping[str, Any]) -> TariffStep:
    return TariffStep(**_known(TariffStep, row))


def _customer_promise(row: Mapping[str, Any]) -> CustomerPromise:
    values = _known(CustomerPromise, row)
    if row.get("tariff") is not None:
        values["tariff"] = tuple(_tariff_step(step) for step in row["tariff"])
    return CustomerPromise(**values)


_LISTS: Mapping[str, Any] = {
    "groups": _scoped(Group),
    "exclusions": _scoped(Exclusion),
    "safety_days": _scoped(SafetyDays),
    "tariff": _tariff_step,
    "customer_promises": _customer_promise,
}
