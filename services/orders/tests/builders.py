"""Orders, locations and stock with defaults, so that a test mentions only what matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from services.orders.domain.draft import Draft, DraftLine
from services.orders.domain.order import Order
from services.orders.domain.places import (
    CARRY_OUT,
    PICKUP,
    SHIP,
    STORE,
    WAREHOUSE,
    Address,
    Location,
    Locations,
)
from services.orders.domain.placing import parts_of, place
from services.orders.domain.prices import PricedLine, Quote
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import decide
from services.orders.domain.states import Method

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RULES = SourcingRules()
HOME = Address("US", 40.0, -80.0)


def store(location_id: str, at: tuple[float, float] = (40.0, -80.0), *, active: bool = True) -> Location:
    """A store that does everything."""
    able = frozenset({SHIP, PICKUP, CARRY_OUT})
    return Location(location_id, STORE, *at, capabilities=able, active=active)


def warehouse(location_id: str, at: tuple[float, float] = (40.0, -80.0)) -> Location:
    """A warehouse that ships."""
    return Location(location_id, WAREHOUSE, *at)


@dataclass(frozen=True)
class Shelf:
    """Stock from a dictionary of (SKU, location) to units."""

    levels: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def units(self, sku: str) -> Mapping[str, int]:
        """By location."""
        return {location: units for (of, location), units in self.levels.items() if of == sku}

    def version(self, sku: str, location_id: str) -> int:
        """Always the first."""
        return 1


LOCATIONS = Locations.of(
    [store("store-1"), store("store-2", (41.0, -81.0)), warehouse("wh-1", (39.0, -82.0))]
)


def order(
    *lines: tuple[str, int, int], method: Method = Method.SHIP, at: str = "wh-1", language: str = "en"
) -> Order:
    """An accepted order of lines (SKU, units, total in minor units), all from one place."""
    draft = Draft(
        "web",
        tuple(
            DraftLine(sku, units, method, at if method is Method.PICKUP else "") for sku, units, _ in lines
        ),
        HOME,
        at if method is Method.CARRY_OUT else "",
        language_code=language,
    )
    total = sum(amount for _, _, amount in lines)
    priced = tuple(
        PricedLine(0, 0, 0, amount, f"Article {sku}", f"Artículo {sku}") for sku, _, amount in lines
    )
    quote = Quote("USD", priced, total, 0, 0, "", None)
    stock = Shelf({(sku, at): units for sku, units, _ in lines})
    numbers = count(1)
    parts = parts_of(
        decide(draft.wish(), stock, LOCATIONS, RULES, now=NOW),
        "rsv_1",
        1,
        NOW,
        LOCATIONS,
        RULES,
        lambda prefix: f"{prefix}_{next(numbers)}",
    )
    made = place(
        "ord_1",
        draft,
        quote,
        parts,
        attempt=1,
        payment_id="pay_1" if total else "",
        authorization_key="rsv_1",
        now=NOW,
    )
    made.facts.clear()
    return made
