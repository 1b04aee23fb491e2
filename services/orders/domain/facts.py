"""What a change of an order brings about, in the order in which it happened; adapters write and publish
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from services.orders.domain.holds import Hold
from services.orders.domain.places import Address
from services.orders.domain.states import Method


class PartLine(NamedTuple):
    """Units of a line in a plan's part."""

    line_number: int
    sku: str
    quantity_units: int


class Part(NamedTuple):
    """The plan's share of one location."""

    fulfillment_order_id: str
    location_id: str
    method: int
    reservation_id: str
    lines: tuple[PartLine, ...]
    promise_time: datetime | None
    attempt: int
    delivery_address: Address | None = None
    """Where the parcel goes; None: to the order's address."""
    work: tuple[tuple[date, int], ...] = ()
    """Units that it takes of the location's capacity, by local day; none where no capacity is stated."""
    due_time: datetime | None = None
    """By when it has to be on its way, or ready to be collected, for the promise to be kept."""
    done_time: datetime | None = None
    """When it had; of goods that are sent to a store, when they waited there."""
    pickup_location_id: str = ""
    """The store that the goods are sent to, to be collected; empty where a pickup's goods are there."""
    supply_id: str = ""
    """The supply that its units are waited for from; empty: they are at the location."""
    expected_at: datetime | None = None
    """When that supply is expected."""

    def asks_without(self, location_id: str) -> bool:
        """Whether its customer is asked when that location fails: a pickup is never moved silently. Where the
        goods are sent to the store anyway, another location may send them.
        """
        return self.method == Method.PICKUP and location_id == self.collected_at

    @property
    def collected_at(self) -> str:
        """Where a pickup waits."""
        return self.pickup_location_id or self.location_id

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept; None: not to be said yet."""
        due = self.promise_time if self.pickup_location_id else self.due_time
        if due is None or self.done_time is None:
            return None
        return self.done_time <= due


@dataclass(frozen=True, slots=True)
class CancelledUnits:
    """Units of a line that will not be served, and where they are still reserved, if anywhere."""

    line_number: int
    sku: str
    quantity_units: int
    location_id: str
    reservation_id: str
    fulfillment_order_id: str
    supply_id: str = ""
    """The supply that they are waited for from."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The order was accepted with the parts it has."""


class Wanted(NamedTuple):
    """Why units leave a location where nothing was wrong with them: who wanted it, and for what reason."""

    trigger: str
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resourced:
    """Units found another location."""

    parts: tuple[Part, ...]
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class BackorderReleased:
    """Units that were waited for are there: their location's work begins."""

    part: Part


@dataclass(frozen=True, slots=True)
class Released:
    """Units are not wanted from their location any more; their reservation there is to be given back."""

    units: tuple[CancelledUnits, ...]
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Held:
    """Nobody is to work on the order."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class HoldLifted:
    """Work on the order goes on."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Units will not be served."""

    units: tuple[CancelledUnits, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class ChoiceNeeded:
    """Units wait for the customer: (line number, units)."""

    lines: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """The customer is told something."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """Units moved, and no other fact tells it."""


@dataclass(frozen=True, slots=True)
class MoneyMoved:
    """The provider moved money: CAPTURED, VOIDED or REFUNDED."""

    movement: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class MoneyDue:
    """The provider has to move money: CAPTURE, VOID or REFUND."""

    kind: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class SearchNeeded:
    """Units of a part need another location: (line number, units); `attempt` is the reservation attempt
    set aside for the search.
    """

    trigger: str
    units: tuple[tuple[int, int], ...]
    fulfillment_order_id: str
    attempt: int


Fact = (
    Accepted
    | Resourced
    | BackorderReleased
    | Released
    | Held
    | HoldLifted
    | Cancelled
    | ChoiceNeeded
    | Told
    | Progressed
    | MoneyMoved
    | MoneyDue
    | SearchNeeded
)
