"""What the use cases need from the outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from services.fulfillment.domain.facts import Disposition, Units
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder

Authorize: TypeAlias = Callable[[FulfillmentOrder], None]
"""Raises when the caller may not act on this fulfillment order."""


@dataclass(frozen=True, slots=True)
class Work:
    """Who acts, and when."""

    actor: str
    now: datetime


@dataclass(frozen=True, slots=True)
class ReturnRecord:
    """Units that came back on one fulfillment order's account."""

    return_id: str
    fulfillment_order_id: str
    units: Units
    disposition: Disposition
    receiving_location_id: str
    reason: str


class FulfillmentOrders(Protocol):
    """The fulfillment orders, within one transaction.

    What is locked stays so until its end; locks are taken in the order of the ids.
    """

    async def lock(self, ids: Sequence[str]) -> list[FulfillmentOrder]:
        """Those of `ids` that exist, by id."""

    async def lock_of_order(self, order_id: str) -> list[FulfillmentOrder]:
        """All of an order, by id."""

    async def lock_overdue(
        self, now: datetime, limit: int, without: Sequence[str] = ()
    ) -> list[FulfillmentOrder]:
        """At most `limit` READY ones past their time, but those `without` and those that somebody else has
        locked.
        """

    async def open(self, orders: Sequence[FulfillmentOrder]) -> frozenset[str]:
        """Store new ones with the facts they tell; gives the ids that were not there before.

        The others stay as they are.
        """

    async def save(self, orders: Sequence[FulfillmentOrder]) -> None:
        """Store locked ones as they are now, with the facts they tell since."""

    async def record_returns(self, returns: Sequence[ReturnRecord], work: Work) -> None:
        """Keep what came back."""
