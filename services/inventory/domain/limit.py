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


def left_units(
    limit: BuyerLimit, customer_id: str, claims: Mapping[str, int], hold_id: str, wanted: int
) -> int:
    """What a customer may still have of a SKU whose `limit` is valid, at least 0.

    `claims` are the units that they have had that count, by reservation or hold; of those of their own hold
    (`hold_id`, empty: none) as many are theirs to have as they want.
    """
    if not customer_id:
        return 0 if limit.named_only else limit.max_units
    left = limit.max_units - sum(claims.values()) + min(wanted, claims.get(hold_id, 0))
    return max(0, left)


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

    def of(self, buyer: Buyer) -> Mapping[str, int]:
        """Units that a customer has had, by reservation or hold."""
        return self.standing.get(buyer, _NOTHING)

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
