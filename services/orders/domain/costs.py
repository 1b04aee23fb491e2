"""What serving an order costs, term by term, and what it emits. Money in thousandths of a minor unit."""

from __future__ import annotations

from services.orders.domain.places import WAREHOUSE, Location
from services.orders.domain.rules import SourcingRules


class Fares(dict[int, tuple[int, int]]):
    """`tariff` by kilometres, worked out once for each of the at most 20,016 on earth."""

    def __init__(self, warehouse: bool, rules: SourcingRules) -> None:
        self._warehouse, self._rules = warehouse, rules

    def __missing__(self, km: int) -> tuple[int, int]:
        found = self[km] = tariff(km, self._warehouse, self._rules)
        return found


def fares(rules: SourcingRules) -> tuple[Fares, Fares]:
    """Of stores and of warehouses."""
    found: tuple[Fares, Fares] | None = rules.derived.get("fares")
    if found is None:
        found = rules.derived["fares"] = Fares(False, rules), Fares(True, rules)
    return found


def tariff(km: int, warehouse: bool, rules: SourcingRules) -> tuple[int, int]:
    """What a parcel over `km` costs whatever is in it, and what each unit in it costs: by the first step of
    the carrier's tariff that reaches so far, else fixed and by kilometre; with picking and packing.
    """
    pick = rules.pick_warehouse_per_unit if warehouse else rules.pick_store_per_unit
    pack = 0 if warehouse else rules.pack_store_per_parcel
    for step in rules.tariff:
        if km <= step.up_to_km:
            return step.parcel_fixed + pack, step.per_unit + pick
    return rules.parcel_fixed + pack + km * rules.parcel_per_km, rules.parcel_per_unit + pick


def way_cost(km: int, rules: SourcingRules) -> int:
    """What of a parcel's cost is by kilometre; nothing within the steps of a carrier's tariff."""
    stepped = any(km <= step.up_to_km for step in rules.tariff)
    return 0 if stepped else km * rules.parcel_per_km


def unit_cost(location: Location, rules: SourcingRules, km: int = 0) -> int:
    """What each unit of a parcel from `location` over `km` costs."""
    return tariff(km, location.kind == WAREHOUSE, rules)[1]


def parcel_cost(location: Location, km: int, rules: SourcingRules) -> int:
    """What a parcel from `location` over `km` costs, whatever is in it."""
    return tariff(km, location.kind == WAREHOUSE, rules)[0]


def parcel_co2(km: int, rules: SourcingRules) -> int:
    """Grams of CO2 equivalent of a parcel's way: a share of the long way and the last mile."""
    return rules.co2_grams_per_parcel + km * rules.co2_grams_per_km
