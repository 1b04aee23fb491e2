"""Limits per buyer as commands to the book: set and remove."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.inventory.domain.book import Book
from services.inventory.domain.limit import BuyerLimit
from services.inventory.domain.needs import Needs
from services.inventory.domain.refusals import LimitPeriodInvalid, LimitUnknown


@dataclass(slots=True, frozen=True)
class SetLimits:
    """Set limits, each in place of the one of its SKU; `counted_from` of those given means nothing yet."""

    limits: tuple[BuyerLimit, ...]
    """Each SKU once."""

    def needs(self, needs: Needs) -> None:
        """The pools, guarded from now on."""
        needs.guards.update(one.sku for one in self.limits)

    def apply(self, book: Book) -> list[BuyerLimit]:
        """Set. A new amount goes on counting; a new `valid_from` counts anew.

        Raises:
            LimitPeriodInvalid.
        """
        for one in self.limits:
            if one.valid_from and one.valid_until and one.valid_until <= one.valid_from:
                raise LimitPeriodInvalid(one.sku)
        found: list[BuyerLimit] = []
        for one in self.limits:
            pool = book.pools[one.sku]
            counted_from = max(book.now, one.valid_from or book.now)
            if pool.limit is not None and pool.limit.valid_from == one.valid_from:
                counted_from = pool.limit.counted_from
            limit = replace(one, counted_from=counted_from)
            book.put_limit(pool, limit)
            found.append(limit)
        return found


@dataclass(slots=True, frozen=True)
class RemoveLimits:
    """End limits."""

    skus: tuple[str, ...]

    def needs(self, needs: Needs) -> None:
        """The pools."""
        needs.guards.update(self.skus)

    def apply(self, book: Book) -> int:
        """Remove; gives how many.

        Raises:
            LimitUnknown: one of them does not stand; none is removed.
        """
        for sku in self.skus:
            if book.pools[sku].limit is None:
                raise LimitUnknown(sku)
        for sku in self.skus:
            book.put_limit(book.pools[sku], None)
        return len(self.skus)
