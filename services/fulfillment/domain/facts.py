"""What happened to a fulfillment order, in the past tense; each becomes one event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


class ShortPickReason(StrEnum):
    """Why units could not be picked; inventory decides by it what the book learns."""

    NOT_FOUND = "NOT_FOUND"
    DAMAGED = "DAMAGED"
    NEEDED_IN_STORE = "NEEDED_IN_STORE"
    NO_CAPACITY = "NO_CAPACITY"


class Disposition(StrEnum):
    """What becomes of returned goods."""

    RESTOCK = "RESTOCK"
    SCRAP = "SCRAP"


@dataclass(frozen=True, slots=True)
class Units:
    """Units (each, >= 1) of one line of the order."""

    line_number: int
    sku: str
    quantity_units: int


@dataclass(frozen=True, slots=True)
class Opened:
    """Work was opened at a location."""


@dataclass(frozen=True, slots=True)
class PickingStarted:
    """Somebody began to pick."""


@dataclass(frozen=True, slots=True)
class Picked:
    """Units were taken from the shelf."""

    units: tuple[Units, ...]


@dataclass(frozen=True, slots=True)
class Short:
    """Units could not be picked and left the fulfillment order."""

    units: tuple[Units, ...]
    reason: ShortPickReason
    note: str


@dataclass(frozen=True, slots=True)
class TakenOut:
    """Units were taken out before they were picked."""

    units: tuple[Units, ...]
    request_id: str


@dataclass(frozen=True, slots=True)
class Packed:
    """The goods are in parcels."""

    parcel_count: int


@dataclass(frozen=True, slots=True)
class Shipped:
    """The carrier has the parcels."""

    units: tuple[Units, ...]
    carrier: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class SentToStore:
    """The carrier has the parcels, for the store where the customer collects the goods."""

    units: tuple[Units, ...]
    carrier: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class ReceivedAtStore:
    """The store has them."""

    units: tuple[Units, ...]


@dataclass(frozen=True, slots=True)
class LostInTransit:
    """Units will not come to the store, and left the fulfillment order."""

    units: tuple[Units, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A pickup waits for its customer."""

    units: tuple[Units, ...]
    collect_until: datetime


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The customer has the goods."""

    units: tuple[Units, ...]


@dataclass(frozen=True, slots=True)
class Expired:
    """The customer did not collect in time."""

    units: tuple[Units, ...]


@dataclass(frozen=True, slots=True)
class Returned:
    """Goods that had left by this fulfillment order came back."""

    return_id: str
    receiving_location_id: str
    units: tuple[Units, ...]
    disposition: Disposition
    reason: str


Fact: TypeAlias = (
    Opened
    | PickingStarted
    | Picked
    | Short
    | TakenOut
    | Packed
    | Shipped
    | SentToStore
    | ReceivedAtStore
    | LostInTransit
    | Ready
    | HandedOver
    | Expired
    | Returned
)


@dataclass(frozen=True, slots=True)
class Told:
    """A fact with its place in the history: `sequence` counts 1, 2, 3 ... without a hole."""

    sequence: int
    time: datetime
    actor: str
    fact: Fact
