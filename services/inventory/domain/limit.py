"""Limits per buyer: how many units of a scarce SKU one customer may have (ADR-0013)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Buyer = tuple[str, str]
"""SKU and customer id."""


@dataclass(slots=True, frozen=True)
class BuyerLimit:
    """At most `max_units` of a SKU for each customer, while it is valid.

    What counts was promised since it was set or since `valid_from`, and within the last `window_seconds` if
    these are not 0.
    """

    sku: str
    max_units: int
    counted_from: datetime
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    window_seconds: int = 0
    named_only: bool = False
    """Whether who gives no customer id gets nothing, instead of `max_units` with each order or basket."""

    def valid(self, now: datetime) -> bool:
        """Whether it counts now."""
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now < self.valid_until
        )

    def counts_since(self, now: datetime) -> datetime:
        """Since when promises count."""
        if not self.window_seconds:
            return self.counted_from
        return max(self.counted_from, now - timedelta(seconds=self.window_seconds))


@dataclass(slots=True, frozen=True)
class Claim:
    """A reservation or hold by which a customer has units of a SKU; how many, its own line says."""

    sku: str
    customer_id: str
    document_id: str


@dataclass(slots=True)
class Claims:
    """What customers have of limited SKUs, in the book of one transaction."""

    standing: dict[Buyer, dict[str, int]] = field(default_factory=dict)
    """Units by reservation or hold, as far as they count."""
    new: list[Claim] = field(default_factory=list)

    def had(self, buyer: Buyer) -> int:
        """Units that a customer has had."""
        return sum(self.standing.get(buyer, _NOTHING).values())

    def of_document(self, buyer: Buyer, document_id: str) -> int:
        """Of them, those by one reservation or hold."""
        return self.standing.get(buyer, _NOTHING).get(document_id, 0)

    def add(self, claim: Claim, units: int) -> None:
        """Note a new promise."""
        self.new.append(claim)
        self.standing.setdefault((claim.sku, claim.customer_id), {})[claim.document_id] = units

    def use(self, buyer: Buyer, document_id: str, units: int) -> None:
        """Units of a hold have become a reservation."""
        counted = self.standing.get(buyer)
        if counted is not None and document_id in counted:
            counted[document_id] -= units


_NOTHING: Mapping[str, int] = {}
